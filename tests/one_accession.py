"""One accession in one process and one thread, so that its system calls can be counted and failed one by one.

Everything is the real thing but for two: what is parsed and sealed in children is parsed and sealed here, and a scan is
taken into custody and no further, since reading is another step. tests/service/test_syscall_faults.py forks it from a
process that has done it before on another home, so that what is imported late is imported already.
"""

import dataclasses
import hashlib
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from custody.opening import fetch, processed, release
from custody.sealing import seal_file
from custody.tables import originals
from infra.services import Services, open_services
from records.errors import MunimentError
from records.ids import BatchId, ClientId, ScanId
from records.tables import clients
from tasks import batches, custody_check, intake, sweeping
from tasks.indexing import DrainReceipt
from tasks.pipeline import Steps, ingest_isolated
from tasks.record_describing import DescribeReceipt
from tasks.record_reading import ReadReceipt
from tasks.services import SYSTEM

LATER = timedelta(minutes=2)  # what waited for a fault is due again by then


class InThisProcess:
    """A child pool without children."""

    workers = 1

    def run(self, _seconds: float, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    def close(self) -> None:
        pass


class LaterClock:
    """The machine's time and a little more."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def now(self) -> datetime:
        moment: datetime = self._inner.now() + LATER
        return moment

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


STEPS = Steps(
    read=lambda record, _services: ReadReceipt(record, 0, 0),
    describe=lambda record, _services: DescribeReceipt(record, "accessioned", 0, 0),
    index=lambda _services: DrainReceipt(0, 0),
)


def opened(home: Path, later: bool = False) -> Services:
    """Open services on a home, all in this process and thread."""
    os.environ["MUNIMENT_HOME"] = str(home)
    services = open_services()
    services.__dict__["children"] = InThisProcess()
    if later:
        services.clock = LaterClock(services.clock)
        services.leases._clock = services.clock
    services.__dict__["vault"] = dataclasses.replace(services.vault, seal=seal_file, clock=services.clock)
    return services


def take_in(services: Services, path: Path) -> str:
    """Offer a file and take it into custody; return the scan's outcome."""
    with services.database.read() as connection:
        client = ClientId(connection.execute(select(clients.c.id)).scalar_one())
    batch = BatchId(batches.find_or_open(services, client, None, None, SYSTEM))
    scan = intake.offer(services, intake.Offer(client, batch, "ingest", None, SYSTEM), path)
    return str(ingest_isolated(ScanId(scan), services, STEPS).outcome)


def recover(services: Services, path: Path) -> None:
    """Do what the next command does: sweep, and take the same file in again; then hold everything against the rules."""
    sweeping.sweep(services, STEPS)
    assert take_in(services, path) in ("duplicate", "accessioned")
    sweeping.sweep(services, STEPS)
    report = custody_check.check(services)
    assert report.verdict == "holds", report.problems
    assert report.notes["pending"] == [] and report.notes["orphans"] == [] and report.notes["extra"] == []
    wanted = hashlib.sha256(path.read_bytes()).hexdigest()
    with services.database.read() as connection:
        held = connection.execute(select(originals).where(originals.c.state != "abandoned")).all()
    assert [(row.state, row.sha256) for row in held] == [("stored", wanted)]  # nothing lost, nothing doubled
    assert report.checked["originals"] == report.checked["files"] == 1
    assert hashlib.sha256(clear_bytes(services, held[0])).hexdigest() == wanted
    left = [
        p for folder in ("work", "store/.incoming", "quarantine") for p in (services.places.home / folder).rglob("*")
    ]
    assert [p for p in left if p.is_file()] == []


def clear_bytes(services: Services, row: Any) -> bytes:
    """Open an original as the system does for its own work."""
    with services.database.write() as connection:
        entry = processed(services.vault, connection, SYSTEM, row.client, [row.id])
    key = release(services.vault, entry, row.id, SYSTEM, [row.id])
    path = services.scratch / "clear"
    fetch(services.vault, row.object_key, row.object_version, row.sealed_sha256, row.sealed_size, key, path)
    try:
        return path.read_bytes()
    finally:
        path.unlink()


def run_once(home: Path, path: Path, ready: Callable[[], None]) -> int:
    """Take one file in; `ready` returns when the faults may begin. 0: in custody, 1: an error, 2: it waits."""
    try:
        services = opened(home)
        services.scratch, services.vault.store  # noqa: B018  made now, so that only the accession is counted
        ready()
        return 0 if take_in(services, path) == "accessioned" else 2
    except (MunimentError, OSError):
        return 1
