"""`muniment up`: everything on this machine: Prefect's server, watched folders, workers, the ledger's publisher.

Workers are threads of this process that await the flow of one scan after another; pages are read in the shared pool of
children. It is the register that is the queue: what is killed here goes on at the next start.
"""

import json
import threading
from collections.abc import Callable

import click

from cli.frame import Frame, _, command, finish
from cli.serving import Ending, print_line, reporting, watch_options
from custody import lock_assurance
from infra import supervisor
from records.errors import LedgerForkError, MunimentError
from tasks import notices, publishing, timestamping, watching
from tasks.crew import Work

commands = click.Group()
END_SECONDS = 10.0  # for the publisher and the stamper to finish what they are at


@command(commands, "up")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the web pages on this machine.")
@click.option("--no-web", is_flag=True, help="Serve no web pages.")
def up_command(frame: Frame, port: int | None, no_web: bool) -> None:
    """Serve this machine until told to end; one line when all parts answer, then one for each scan."""
    ending = Ending()
    with supervisor.only_one(frame.services.places):
        lock_assurance.try_anew(frame.services.vault)
        server = supervisor.PrefectServer(frame.services.places)
        try:
            if server.start(ending.event):
                _serve(frame, server, ending.event)
        finally:
            server.stop()
    finish(ending.code)


def _serve(frame: Frame, server: supervisor.PrefectServer, stop: threading.Event) -> None:
    server.become_client()
    from flows import running  # Prefect reads the settings just made, at import

    running.settle_left_over_runs()
    services = frame.services
    work = Work(reporting(frame), running.one_scan(services, server.doubt), server.is_up)
    publisher = Publisher(frame, stop)
    publisher.start()
    stamper = threading.Thread(
        target=timestamping.keep_stamping, args=(services, stop, _saying(frame)), name="stamper", daemon=True
    )
    stamper.start()
    herald = threading.Thread(target=notices.serve, args=(services, services.mailer, stop), name="herald", daemon=True)
    herald.start()
    try:
        watching.watch(services, watch_options(services.settings), stop, work, frame.hint, _ready(frame, server))
    finally:
        stop.set()
        publisher.join(END_SECONDS)
        stamper.join(END_SECONDS)
        herald.join(END_SECONDS)
        running.flush()
    if publisher.fork is not None:
        raise publisher.fork


def _saying(frame: Frame) -> Callable[[MunimentError], None]:
    return lambda error: frame.hint(f"muniment: {error}\n  {_(error.next_step)}")


class Publisher(threading.Thread):
    """Publishes the ledger beside the work; keeps the error that ended all of it."""

    def __init__(self, frame: Frame, stop: threading.Event) -> None:
        """Args: frame of the command; stop, set from outside to end, and from here when the ledger forks."""
        super().__init__(name="publisher", daemon=True)
        self._frame = frame
        self._stop_all = stop
        self.fork: LedgerForkError | None = None

    def run(self) -> None:
        """Publish until told to end."""
        services = self._frame.services
        publishing.keep_publishing(services, services.settings.ledger_seconds, self._stop_all, self._say)

    def _say(self, error: MunimentError) -> None:
        _saying(self._frame)(error)
        if isinstance(error, LedgerForkError):
            self.fork = error


def _ready(frame: Frame, server: supervisor.PrefectServer) -> Callable[[], None]:
    def say() -> None:
        inbox = str(frame.services.places.inbox)
        if frame.as_json:
            print_line(json.dumps({"ready": True, "web": None, "inbox": inbox, "prefect": server.address}))
        else:
            print_line(_("Ready. Drop scans into {inbox}; runs are at {prefect}").format(
                inbox=inbox, prefect=server.address))  # fmt: skip

    return say
