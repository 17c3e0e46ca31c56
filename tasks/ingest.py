"""Taking in a set of files in one go: offer each, run the pipeline over them side by side, bring the index up to date.

Two documents are under way for each child process at once, so that their children never wait for one another's
sealing and storing (the work itself is done in the children; design, section 2, rule 8).
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from records.errors import MunimentError
from records.ids import BatchId, ScanId
from records.tables import scans
from tasks import batches, intake, reading, sweeping
from tasks.pipeline import PLAIN, Steps, ingest_isolated
from tasks.services import Services

_logger = logging.getLogger(__name__)
AHEAD = 2  # documents under way for each child
SETTLE_SECONDS, SETTLE_STEP = 600.0, 0.2  # how long, and how often, scans in another process's hands are looked at
AT_ONCE = 500  # rows asked for at once


@dataclass(frozen=True, slots=True)
class IngestReceipt:
    """The batch, its scans in the order offered, and whether the index was brought up to date."""

    batch: BatchId
    scans: tuple[ScanId, ...]
    indexed: bool


def ingest_files(
    services: Services,
    paths: Iterable[Path],
    given: intake.Offer,
    steps: Steps = PLAIN,
    progress: Callable[[ScanId], None] = lambda _scan: None,
) -> IngestReceipt:
    """Take files into custody, read, describe and index them; `progress` is called as each reaches its outcome.

    First what earlier runs left behind is finished (the sweeper). One bad file stops only itself.
    """
    reading.warm(services.children, services.reading)
    sweeping.sweep(services, steps)
    taken = [intake.offer(services, given, path) for path in intake.files_below(paths)]

    def one(scan: ScanId) -> None:
        ingest_isolated(scan, services, steps)
        progress(scan)

    with ThreadPoolExecutor(max_workers=AHEAD * services.children.workers, thread_name_prefix="document") as pool:
        for _ in pool.map(one, taken):
            pass
    settle(services, taken)
    indexed = bring_up_to_date(services, steps)
    return IngestReceipt(given.batch, tuple(taken), indexed)


def bring_up_to_date(services: Services, steps: Steps = PLAIN) -> bool:
    """Drain the outbox; False (and a warning) where that is not possible now: nothing is lost, it follows later."""
    try:
        steps.index(services)
    except MunimentError as error:
        _logger.warning("the index is not up to date: %s", type(error).__name__)
        return False
    return True


def settle(services: Services, taken: Sequence[ScanId]) -> None:
    """Wait for scans of ours that another process has picked up, until each has its outcome or must wait."""
    for _ in range(round(SETTLE_SECONDS / SETTLE_STEP)):
        now = services.clock.now()
        with services.database.read() as connection:
            under_way = [
                row
                for start in range(0, len(taken), AT_ONCE)
                for row in connection.execute(
                    select(scans).where(scans.c.id.in_(taken[start : start + AT_ONCE]), scans.c.todo.is_(True))
                )
                if services.leases.living(row.lease_owner, row.lease_until, now)
            ]
        if not under_way:
            return
        services.clock.sleep(SETTLE_STEP)


def close_if_complete(services: Services, batch: BatchId, named: bool, given: intake.Offer) -> None:
    """Close the batch of one `ingest`: an unnamed one when nothing waits, a named one also needs its count."""
    with services.database.read() as connection:
        waiting, short = batches.missing_of(connection, batch)
        expected = batches.batch_row(connection, batch).expected
    if not waiting and not short and not (named and expected is None):
        batches.close(services, batch, given.actor)
