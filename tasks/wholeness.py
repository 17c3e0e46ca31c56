"""Is a file in a watched folder whole? Stability alone never tells (intake, sections 2.3 and 4.1): its structure does.

The checks run in children, oldest file first, a few at a time; none of them holds up another one, nor the look that
asked for them.
"""

from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from records.errors import ChildFaultError, ChildLimitError, NoSpaceError, RefusedScanError
from records.options import Limits
from tasks import magic
from tasks.examine import HEAD, examine
from tasks.inbox_files import Found
from tasks.services import Services

Verdict = Literal["whole", "not-whole", "never"]
NEVER = ("unsupported", "encrypted", "too-large", "bomb")  # more bytes would not mend it
AHEAD = 2  # checks under way for each child
STEP = 0.2  # seconds waited for checks at a time


@dataclass(slots=True)
class Seen:
    """What this process remembers of a file that waits: how it looked, since when, and what its check said."""

    look: tuple[int, int, int, int]
    since: datetime
    verdict: Verdict | None = None
    check: "Future[Verdict] | None" = None


def judge(path: Path, limits: Limits) -> Verdict:
    """Tell whether a file is whole, may yet become so, or never will; runs in a child."""
    try:
        examine(path, limits)
    except RefusedScanError as error:
        if error.code in NEVER or (error.code == "not-an-image" and _is_text(path)):
            return "never"
        return "not-whole"
    return "whole"


def check(services: Services, files: list[tuple[Found, Seen]], seconds: float) -> bool:
    """Check the files that have no verdict, in their order, for about `seconds`; True where all have one now."""
    started = services.clock.now()
    open_ones = [(file, seen) for file, seen in files if seen.verdict is None]
    while open_ones:
        running = [seen.check for _, seen in open_ones if seen.check is not None]
        for file, seen in open_ones:
            if len(running) >= AHEAD * services.children.workers:
                break
            if seen.check is None:
                seen.check = services.children.submit(
                    services.limits.examine_seconds, judge, file.path, services.limits
                )
                running.append(seen.check)
        wait_for(running, STEP, "FIRST_COMPLETED")
        for _, seen in open_ones:
            if seen.check is not None and seen.check.done():
                seen.verdict, seen.check = _verdict(seen.check), None
        open_ones = [(file, seen) for file, seen in open_ones if seen.verdict is None]
        if (services.clock.now() - started).total_seconds() >= seconds:
            break
    return not open_ones


def _verdict(done: "Future[Verdict]") -> Verdict:
    try:
        return done.result()
    except (ChildLimitError, ChildFaultError):
        return "never"  # what becomes of it is decided when it is claimed
    except (NoSpaceError, CancelledError):
        return "not-whole"


def _is_text(path: Path) -> bool:
    with path.open("rb") as file:
        return magic.is_text(file.read(HEAD))
