"""`muniment watch`: serve the watched folders plainly, in this process: no server, no Prefect."""

import click

from cli.frame import Frame, command, finish
from cli.serving import Ending, reporting, watch_options
from custody import lock_assurance
from tasks import watching
from tasks.crew import Work

commands = click.Group()


@command(commands, "watch")
def watch_command(frame: Frame) -> None:
    """Take in what is dropped into the inbox, until told to end; one line for each scan that reaches its outcome."""
    ending = Ending()
    services = frame.services
    lock_assurance.try_anew(services.vault)
    options = watch_options(services.settings)
    watching.watch(services, options, ending.event, Work(reporting(frame)), frame.hint)
    finish(ending.code)
