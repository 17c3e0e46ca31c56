"""Progress on standard error: a bar on a terminal, a line every few seconds without one."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_SECONDS = 5.0


@contextmanager
def counting(title: str, total: int) -> Iterator[Callable[[], None]]:
    """Show how many of `total` are done; call what is yielded once for each, from any thread."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=total)
            yield lambda: bar.advance(task)
        return
    state = [0, time.monotonic()]

    def line() -> None:
        state[0] += 1
        if time.monotonic() - state[1] >= EVERY_SECONDS:
            state[1] = time.monotonic()
            sys.stderr.write(f"{title}: {state[0]} / {total}\n")
            sys.stderr.flush()

    yield line
