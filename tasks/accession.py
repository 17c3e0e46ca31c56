"""The accession step: a claimed scan is examined, compared with what is held, and taken into custody.

The numbered steps 1 to 6 are in custody/originals.py; here is what surrounds them: the structural check in a child,
duplicates within the client, and the record that is registered in the same transaction as `stored`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from custody import originals
from custody.ledger import Draft, Entry, append, append_many
from custody.tables import originals as originals_table
from records.catalogue import records_of_scan, scan_row
from records.errors import (
    ChildFaultError,
    ChildLimitError,
    CustodyError,
    NoSpaceError,
    RefusedScanError,
    StoreUnavailableError,
    UnavailableError,
    WaitingScanError,
)
from records.ids import OriginalId, RecordId, ScanId, instant
from records.tables import record_sources, records, scans
from tasks import intake
from tasks.examine import Examined, look
from tasks.services import Services

SETTLE_SECONDS, SETTLE_STEP = 60.0, 0.05  # how long, and how often, a scan of the same bytes is waited for
TRIES = 2  # after the second crash or limit the arrival is poison (intake, section 4.14)


@dataclass(frozen=True, slots=True)
class AccessionReceipt:
    """How a scan ended here, with the ids of its records: only ids, so that a flow may carry it."""

    scan: ScanId
    outcome: Literal["accessioned", "duplicate", "refused", "waiting"]
    records: tuple[RecordId, ...] = ()
    reason: str | None = None


def take(scan: ScanId, services: Services) -> AccessionReceipt:
    """Take one scan into custody; harmless to repeat at any point.

    Raises:
        UnavailableError: something did not answer; the row waits with its reason (raised so that a flow may retry).
        CustodyError: the store or the ledger does not hold what it should; a person must look.
    """
    try:
        intake.claim(scan, services)
        return _take_claimed(scan, services)
    except RefusedScanError as error:
        intake.refuse(scan, services, error)
        return AccessionReceipt(scan, "refused", reason=error.code)
    except UnavailableError as error:
        code = waiting_code(error)
        intake.wait(scan, services, code)
        raise


def waiting_code(error: UnavailableError) -> str:
    """Return the reason of the closed list that fits an unavailable service."""
    if isinstance(error, WaitingScanError):
        return error.code
    if isinstance(error, NoSpaceError):
        return "no-space"
    return "store-unavailable" if isinstance(error, StoreUnavailableError) else "database-unavailable"


def _take_claimed(scan: ScanId, services: Services) -> AccessionReceipt:
    with services.database.read() as connection:
        row = scan_row(connection, scan)
        if row.state == "accessioned":
            return AccessionReceipt(scan, "accessioned", _records(connection, scan))
    if row.state in ("duplicate", "refused"):
        return AccessionReceipt(scan, row.state, reason=row.reason)
    request = _request(services, row)
    if request is None:
        return AccessionReceipt(scan, "duplicate")
    try:
        originals.accession(services.vault, request, _on_stored(services, row, request.pages))
    except IntegrityError:
        # another worker announced the same bytes of this client between our look and TX1
        if _is_duplicate(services, row, request.sha256):
            return AccessionReceipt(scan, "duplicate")
        raise
    with services.database.read() as connection:
        return AccessionReceipt(scan, "accessioned", _records(connection, scan))


def _request(services: Services, row: Row[Any]) -> originals.Request | None:
    """Return what is to be taken into custody; None where the scan turned out to be a duplicate."""
    path = intake.work_file(services, row)

    def fence(connection: Connection) -> None:
        services.leases.fence(connection, row.id)
        services.leases.progress(connection, row.id)

    actor = intake.actor_of(row)
    found = originals.announced(services.vault, row.id)
    if found is not None and originals.can_be_stored(services.vault, found):
        # an earlier call sealed it and came no further: what was announced is stored, whatever became of the source
        return originals.Request(
            row.id,
            row.client,
            path,
            found.sha256,
            found.size,
            found.media_type,
            found.pages,
            intake.actor_of(row),
            fence,
        )
    if not path.exists():
        raise RefusedScanError("unreadable", "its claimed bytes are gone")
    examined, digest, size = _look_in_child(services, path)
    if size != row.size:  # renaming does not cut off a writer that still has the file open (intake, section 4.2)
        raise RefusedScanError("damaged", "the file changed after it was claimed")
    _note_digest(services, row.id, digest, size, examined.media_type)
    if _is_duplicate(services, row, digest):
        return None
    return originals.Request(row.id, row.client, path, digest, size, examined.media_type, examined.pages, actor, fence)


def _on_stored(services: Services, row: Row[Any], page_count: int) -> originals.OnStored:
    def register(connection: Connection, original: OriginalId, entry: Entry) -> None:
        _register(connection, services, row, original, entry, page_count)

    return register


def _look_in_child(services: Services, path: Path) -> tuple[Examined, str, int]:
    for attempt in range(1, TRIES + 1):
        try:
            return services.children.run(services.limits.examine_seconds, look, path, services.limits)
        except (ChildLimitError, ChildFaultError) as error:
            if attempt == TRIES:
                raise RefusedScanError("poison", str(error)) from error
    raise AssertionError


def _note_digest(services: Services, scan: ScanId, digest: str, size: int, media_type: str) -> None:
    with services.database.write() as connection:
        services.leases.fence(connection, scan)
        connection.execute(
            update(scans).where(scans.c.id == scan).values(sha256=digest, size=size, media_type=media_type)
        )


def _is_duplicate(services: Services, row: Row[Any], digest: str) -> bool:
    """Set a scan to `duplicate` where its client already holds an original of the same bytes: stored, not announced.

    Raises:
        WaitingScanError: another scan announced the same bytes and its worker has not stored them yet.
    """
    for _ in range(round(SETTLE_SECONDS / SETTLE_STEP)):
        with services.database.write() as connection:
            services.leases.fence(connection, row.id)
            first = connection.execute(
                select(originals_table).where(
                    originals_table.c.client == row.client,
                    originals_table.c.sha256 == digest,
                    originals_table.c.scan != row.id,
                    originals_table.c.state != "abandoned",
                )
            ).one_or_none()
            if first is None:
                return False
            if first.state == "stored":
                _set_duplicate(connection, services, row, first)
                break
        if not _finished_for(services, ScanId(first.scan)):
            services.clock.sleep(SETTLE_STEP)
    else:
        raise WaitingScanError("store-unavailable")
    # the bytes are stored already, bit for bit: the copy in work/ may go
    with services.database.read() as connection:
        intake.clear_away(services, scan_row(connection, row.id))
    return True


def _finished_for(services: Services, other: ScanId) -> bool:
    """Take a scan into custody whose worker died after it was announced; False where somebody else holds it."""
    if not services.leases.take(other):
        return False
    try:
        take(other, services)
    except CustodyError as error:  # its own alarm is raised when it is gone on with; ours only waits for it
        raise WaitingScanError("store-unavailable") from error
    finally:
        services.leases.release(other)
    return True


def _set_duplicate(connection: Connection, services: Services, row: Row[Any], first: Row[Any]) -> None:
    now = services.clock.now()
    connection.execute(
        update(scans)
        .where(scans.c.id == row.id)
        .values(
            state="duplicate", since=instant(now), duplicate_of=first.scan, original=first.id, todo=False,
            reason=None, detail=None,
        )
    )  # fmt: skip
    draft = Draft(
        services.ids.new("evt"), "duplicate_found", row.id, intake.actor_of(row), client=row.client,
        before="received", after="duplicate", refs=(first.scan,),
    )  # fmt: skip
    append(connection, draft, now)


def _register(
    connection: Connection, services: Services, row: Row[Any], original: OriginalId, entry: Entry, page_count: int
) -> None:
    """TX2's second half: the scan is `accessioned` and its record registered, with their events."""
    now = services.clock.now()
    actor = intake.actor_of(row)
    record = services.ids.new("rec")
    connection.execute(
        update(scans)
        .where(scans.c.id == row.id)
        .values(state="accessioned", since=instant(now), original=original, reason=None, detail=None)
    )
    accessioned = Draft(
        services.ids.new("evt"), "accessioned", row.id, actor, client=row.client, before="received",
        after="accessioned", refs=(entry.id,),
    )  # fmt: skip
    registered = Draft(
        services.ids.new("evt"), "registered", record, actor, client=row.client, after="accessioned", refs=(entry.id,)
    )
    version = append_many(connection, [accessioned, registered], now)[-1].seq
    connection.execute(
        insert(records).values(
            id=record, client=row.client, batch=row.batch, scan=row.id, state="accessioned", created=instant(now),
            version=version,
        )
    )  # fmt: skip
    connection.execute(
        insert(record_sources).values(
            record=record, position=1, client=row.client, original=original, scan=row.id, first_page=1,
            last_page=page_count,
        )
    )  # fmt: skip


def _records(connection: Connection, scan: ScanId) -> tuple[RecordId, ...]:
    return tuple(RecordId(record) for record in records_of_scan(connection, scan))
