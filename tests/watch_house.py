"""A watcher and a worker over a real installation, moved by hand, and scans to drop."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from infra.services import Services
from records.tables import batches, scans
from tasks import accession, intake, watching
from tasks.watching import Look, Memory, WatchOptions

NOBODY = 65534


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Watcher:
    """One watcher and one worker over an installation, moved by hand."""

    def __init__(self, services: Services, clock: Clock) -> None:
        self.services, self.clock = services, clock
        self.options = WatchOptions(every=60.0, stable=4.0, arriving=600.0, quiet=8.0)
        self.memory = Memory()
        self.inbox = services.places.inbox / "default"
        watching.prepare(services, self.options, self.memory)

    def restart(self) -> None:
        self.memory = Memory()
        watching.prepare(self.services, self.options, self.memory)

    def look(self, after: float = 0.0) -> Look:
        self.clock.sleep(after)
        return watching.look(self.services, self.options, self.memory)

    def work(self) -> list[accession.AccessionReceipt]:
        """Take every due scan into custody; reading has tests of its own."""
        receipts = []
        while (scan := self.services.leases.take_next()) is not None:
            try:
                receipts.append(accession.take(scan, self.services))
                if receipts[-1].outcome == "accessioned":
                    intake.done(scan, self.services)
            except accession.UnavailableError:
                receipts.append(accession.AccessionReceipt(scan, "waiting"))
            finally:
                self.services.leases.release(scan)
        return receipts

    def rows(self) -> list[Any]:
        with self.services.database.read() as connection:
            return list(connection.execute(select(scans).order_by(scans.c.id)))

    def row(self) -> Any:
        (row,) = self.rows()
        return row

    def states(self) -> dict[str, tuple[str, str | None]]:
        return {Path(row.path).name: (row.state, row.reason) for row in self.rows()}

    def batch_names(self) -> dict[str, str]:
        with self.services.database.read() as connection:
            return {row.name: row.state for row in connection.execute(select(batches))}


Page = Callable[[int], bytes]


@contextmanager
def powerless(watcher: Watcher) -> Iterator[None]:
    """Do without root's power over permissions."""
    if os.geteuid() != 0:
        yield
        return
    watcher.services.children.run(60.0, os.getpid)  # nobody may not be allowed to start an interpreter
    home = watcher.services.places.home
    closed = [parent for parent in home.parents if parent.stat().st_mode & 0o011 != 0o011]
    modes = [(parent, stat.S_IMODE(parent.stat().st_mode)) for parent in closed]
    for parent, mode in modes:
        parent.chmod(mode | 0o011)
    for path in [home, *home.rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        for parent, mode in modes:
            parent.chmod(mode)
