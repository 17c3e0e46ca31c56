"""A store with locks that a test moves through time, and what it is asked."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import select

from custody.tables import originals
from infra.services import Services
from records.ids import BatchId, ClientId
from records.tables import clients
from tasks import accession, batches, custody_check, intake
from tasks.services import SYSTEM

DAY = timedelta(days=1)


class InThisProcess:
    """A child pool without children: what is parsed here was drawn a moment ago, and a process costs a second."""

    workers = 1

    def run(self, _seconds: float, function: Any, *args: Any) -> Any:
        return function(*args)

    def close(self) -> None:
        pass


def offer(services: Services, path: Path) -> Any:
    with services.database.read() as connection:
        client = ClientId(connection.execute(select(clients.c.id)).scalar_one())
    batch = batches.find_or_open(services, client, None, None, SYSTEM)
    return intake.offer(services, intake.Offer(client, BatchId(batch), "ingest", None, SYSTEM), path)


def take_in(services: Services, path: Path, shade: int = 255) -> Any:
    """Take a scan into custody and no further."""
    Image.new("L", (200, 100), shade).save(path)
    scan = offer(services, path)
    assert services.leases.take(scan)
    try:
        receipt = accession.take(scan, services)
    finally:
        services.leases.release(scan)
    assert receipt.outcome == "accessioned"
    return row_of(services, scan)


def row_of(services: Services, scan: str) -> Any:
    with services.database.read() as connection:
        return connection.execute(select(originals).where(originals.c.scan == scan)).one()


def lock_problems(services: Services) -> list[Any]:
    report = custody_check.check(services)
    step = next(step for step in report.steps if step["name"] == "originals are locked")
    found = [problem for problem in report.problems if problem.kind == "lock"]
    assert (step["outcome"] == "holds") is not found
    return found
