"""What `watch` and `up` share: how they watch, what they print for each scan, and how they are told to end."""

import json
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from cli.frame import Frame, _
from infra.program import program_folders, start_folders
from infra.settings import Settings
from records.ids import ScanId
from tasks import answers
from tasks.watching import WatchOptions

INTERRUPTED = 130  # exit code after SIGINT


class Ending:
    """Set by SIGTERM and SIGINT; remembers which."""

    def __init__(self) -> None:
        """Take over both signals of this process; call in its main thread."""
        self.event = threading.Event()
        self.code = 0
        # also where the starter has them ignored, as shells do for background jobs
        signal.signal(signal.SIGTERM, self._note)
        signal.signal(signal.SIGINT, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if not self.event.is_set():
            self.code = INTERRUPTED if number == signal.SIGINT else 0
        self.event.set()


def watch_options(settings: Settings) -> WatchOptions:
    """Return how folders are watched by the settings."""
    return WatchOptions(
        every=settings.watch_seconds, stable=settings.stable_seconds, arriving=settings.arriving_seconds,
        quiet=2 * settings.stable_seconds, apart=program_folders(), not_below=start_folders(),
    )  # fmt: skip


def reporting(frame: Frame) -> Callable[[ScanId], None]:
    """Return what prints a scan that reached its outcome: SCAN as one line of JSON, or id and outcome without names."""

    def report(scan: ScanId) -> None:
        with frame.services.database.read() as connection:
            answer = answers.scan_answer(connection, scan)
        if frame.as_json:
            line = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
        else:
            made = " ".join(answer["records"])
            why = f" ({answer['reason']['code']})" if answer["reason"] else ""
            line = f"{scan}  {_(answer['outcome'])}{why}  {made}".rstrip()
        print_line(line)

    return report


def print_line(line: str) -> None:
    """Print one line on standard output, at once."""
    sys.stdout.buffer.write(line.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.buffer.flush()
