"""The sweeper: finishes what was begun and removes what belongs to nobody; safe to run at any time, also twice.

1. scans with something left to do and no living lease go through the pipeline again (custody reference, section 5)
2. stored originals without their retention get it (step 6)
3. staged sealed files that no `sealed` row names, and claimed copies of scans with nothing left to do, are removed
4. refused bytes still in work/ go to quarantine
5. clear words of records that are indexed are removed; batches of an earlier run are closed by their own command
6. locks of originals still in custody are renewed before they end (decision 0012)
7. what puts that never ended left in the store is removed when it is a day old: parts of a killed upload
8. objects of derivatives that newer ones replaced are removed when their lock has ended
9. disposals that were begun are finished, doomed objects go when their lock has ended, erasures are settled

An object that no row names is never removed here: `custody check` lists it, and a person decides.
"""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import select

from custody.derivatives import clear_freed
from custody.incidents import raise_incident
from custody.ledger import Actor
from custody.locks import due_for_renewal, finish_retention, renew
from custody.originals import staged_name
from custody.tables import originals, outbox
from custody.vault import Vault
from records.errors import MunimentError, UnavailableError
from records.ids import OriginalId, ScanId
from records.tables import records, scans
from tasks import disposal_run, intake
from tasks.pipeline import PLAIN, Steps, ingest_isolated
from tasks.services import SYSTEM, Services

_logger = logging.getLogger(__name__)
UNFINISHED = timedelta(days=1)  # no upload of one file takes that long


def sweep(services: Services, steps: Steps = PLAIN) -> int:
    """Do the numbered duties; return how many scans were gone on with."""
    _attend_to_store(services)  # first: reading what was left over may take hours, and locks may end meanwhile
    count = finish_scans(services, steps)
    _tidy(services)
    _finish_disposals(services)
    return count


def tidy(services: Services) -> None:
    """Do every duty but the first: workers that go on with scans by themselves need only these."""
    _attend_to_store(services)
    _tidy(services)
    _finish_disposals(services)


def finish_scans(services: Services, steps: Steps = PLAIN) -> int:
    """Duty 1: go on with every scan that is due and that no living worker holds."""
    with services.database.read() as connection:
        if connection.execute(select(scans.c.id).where(scans.c.todo.is_(True)).limit(1)).first() is None:
            return 0
    started = services.clock.now()

    def work() -> int:
        count = 0
        while (scan := services.leases.take_next(started)) is not None:
            count += 1
            ingest_isolated(scan, services, steps, leased=True)
        return count

    with ThreadPoolExecutor(max_workers=2 * services.children.workers) as pool:
        return sum(pool.map(lambda _: work(), range(2 * services.children.workers)))


def _finish_disposals(services: Services) -> None:
    try:
        disposal_run.finish_begun(services)
    except MunimentError as error:
        _logger.warning("disposals are finished later: %s", type(error).__name__)


def _attend_to_store(services: Services) -> None:
    """Duties 2, 6, 7 and 8."""
    vault = services.vault
    try:
        if vault.store.locks:
            _each(vault, _without_retention(vault), finish_retention)
            _each(vault, due_for_renewal(vault), renew)
        left = vault.store.sweep(services.clock.now() - UNFINISHED) + clear_freed(vault)
    except MunimentError as error:  # what is wrong with the store is told where it is needed
        _logger.warning("the store was not attended to: %s", type(error).__name__)
        return
    if left:
        _logger.info("removed %s objects that unfinished puts and replaced derivatives left in the store", left)


def _without_retention(vault: Vault) -> list[OriginalId]:
    with vault.database.read() as connection:
        query = select(originals.c.id).where(originals.c.state == "stored", originals.c.retention_set.is_(False))
        return [OriginalId(original) for original in connection.execute(query).scalars()]


def _each(vault: Vault, due: Iterable[OriginalId], duty: Callable[[Vault, OriginalId, Actor], None]) -> None:
    for original in due:
        try:
            duty(vault, original, SYSTEM)
        except UnavailableError as error:
            _logger.warning("the lock of %s is lengthened later: %s", original, type(error).__name__)
        except MunimentError as error:  # one original must not stop the others
            _logger.error("the lock of %s was not lengthened: %s", original, type(error).__name__)  # noqa: TRY400
            raise_incident(vault, original, None, error, SYSTEM)


def _tidy(services: Services) -> None:
    with services.database.read() as connection:
        now = services.clock.now()
        rows = {row.id: row for row in connection.execute(select(scans).where(scans.c.work.in_(_in_work(services))))}
        announced = connection.execute(select(originals).where(originals.c.state == "sealed")).all()
        sealed = {staged_name(row.scan, row.id, row.sealed_sha256) for row in announced}
    for scan, row in rows.items():
        if not row.todo and not services.leases.living(row.lease_owner, row.lease_until, now):
            intake.clear_away(services, row)
            _logger.info("cleared away the claimed copy of scan %s", scan)
    for path in services.places.staging.iterdir():
        scan = path.name.partition(".")[0]
        if path.name not in sealed and not _is_worked_on(services, scan):
            path.unlink(missing_ok=True)
    _remove_indexed_words(services)


def _in_work(services: Services) -> list[str]:
    return [path.name for path in services.places.work.glob("bat_*/scn_*") if not path.suffix]


def _is_worked_on(services: Services, scan: str) -> bool:
    with services.database.read() as connection:
        row = connection.execute(select(scans).where(scans.c.id == ScanId(scan))).one_or_none()
    return row is not None and services.leases.living(row.lease_owner, row.lease_until, services.clock.now())


def _remove_indexed_words(services: Services) -> None:
    waiting = [path.name.partition(".")[0] for path in services.places.words.glob("rec_*.words.gz")]
    if not waiting:
        return
    with services.database.read() as connection:
        due = set(connection.execute(select(outbox.c.record).where(outbox.c.delivered.is_(None))).scalars())
        done = connection.execute(
            select(records.c.id).where(records.c.id.in_(waiting), records.c.state.in_(("indexed", "in_review")))
        ).scalars()
        gone = set(done) - due
    for record in gone:
        (services.places.words / f"{record}.words.gz").unlink(missing_ok=True)
