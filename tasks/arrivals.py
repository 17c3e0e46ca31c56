"""The intake register's side of watched folders: rows from first sight until a file may be claimed or is gone.

A row that stands for a file in its folder carries `arrival`, the digest of client and path: unique, so that a file that
grows keeps its row and two watchers make one. It is not due (`todo` is False) until the file is found whole; then any
worker may take it and claim it by rename (tasks/intake.py), which clears `arrival`: a later file of the same name is a
new arrival. A refused thing that stays in its folder keeps `arrival` while it is there, so that it is refused once.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from records.errors import InvalidValueError, RefusedScanError
from records.ids import BatchId, ClientId, ScanId, parse_instant
from records.tables import batches, clients, scans
from tasks import intake
from tasks.batches import close, open_named
from tasks.inbox_files import Found
from tasks.services import SYSTEM, Services

DAILY = "watched "  # and the day: the batch of a client's loose files
ROWS = 500  # written in one transaction


def watched_clients(services: Services) -> list[tuple[ClientId, str]]:
    """Return id and name of every client, in order of their ids."""
    with services.database.read() as connection:
        return [(ClientId(row.id), row.name) for row in connection.execute(select(clients).order_by(clients.c.id))]


def standing(services: Services, client: ClientId) -> dict[bytes, Row[Any]]:
    """Return the rows that stand for files in a client's folder, by the exact bytes of their path."""
    query = select(scans).where(scans.c.client == client, scans.c.via == "watch", scans.c.arrival.is_not(None))
    with services.database.read() as connection:
        return {bytes(row.source): row for row in connection.execute(query)}


def first_sight(services: Services, client: ClientId, found: Sequence[Found]) -> int:
    """Write the rows of files that were not there before, in the order given; return how many."""
    days = DAILY + services.clock.now().date().isoformat()
    opened: dict[str, BatchId] = {}
    rows = []
    for file in found:
        name = days if file.folder is None else intake.shown_path(Path(file.folder))
        if name not in opened:
            opened[name] = open_named(services, client, name, SYSTEM)
        given = intake.Offer(client, opened[name], "watch", None, SYSTEM)
        values = intake.row_values(services, given, file.path, file.size, file.mtime_ns)
        rows.append({**values, "todo": False, "arrival": _arrival(client, file.source)})
    for start in range(0, len(rows), ROWS):
        _insert(services, rows[start : start + ROWS])
    if rows:
        services.vault.reached(11)
    return len(rows)


def changed(services: Services, row: Row[Any], file: Found) -> None:
    """Note that a file has grown, or was renamed, before it was claimed; it is not due any more.

    No-op where a worker holds the row or has claimed its file already: then this is the next file of that name.
    """
    with services.database.write() as connection:
        if not _claimable(services, connection, row.id):
            return
        source = file.source
        connection.execute(
            update(scans)
            .where(scans.c.id == row.id)
            .values(
                todo=False, reason="arriving", not_before=None, size=file.size, mtime_ns=file.mtime_ns, source=source,
                path=intake.shown_path(file.path), arrival=_arrival(row.client, source),
            )
        )  # fmt: skip


def ready(services: Services, files: Iterable[ScanId]) -> int:
    """Let workers claim these files; return how many were not due yet."""
    count = 0
    with services.database.write() as connection:
        for scan in files:
            count += connection.execute(
                update(scans)
                .where(scans.c.id == scan, scans.c.state == "waiting", scans.c.todo.is_(False))
                .values(todo=True, attempt=0, not_before=None, reason="arriving")
            ).rowcount
    return count


def blocked(services: Services, files: Iterable[ScanId], reason: str) -> None:
    """Say why files that are not due wait."""
    with services.database.write() as connection:
        for scan in files:
            connection.execute(
                update(scans)
                .where(scans.c.id == scan, scans.c.state == "waiting", scans.c.todo.is_(False))
                .values(reason=reason)
            )


def refuse(services: Services, scan: ScanId, error: RefusedScanError) -> bool:
    """Refuse a file that is not touched: it cannot be, or is not there; False where a worker was quicker."""
    ready(services, [scan])
    if not services.leases.take(scan):
        return False
    try:
        intake.refuse(scan, services, error)
    finally:
        services.leases.release(scan)
    return True


def forget(services: Services, row: Row[Any]) -> None:
    """Let a refused row stand for its file no longer: the file is gone, or another one has its name."""
    with services.database.write() as connection:
        connection.execute(update(scans).where(scans.c.id == row.id, scans.c.state == "refused").values(arrival=None))


def give_back(services: Services, scan: ScanId) -> None:
    """Take an attempt off a scan whose work was stopped by us and not by the scan."""
    with services.database.write() as connection:
        connection.execute(
            update(scans)
            .where(scans.c.id == scan, scans.c.todo.is_(True), scans.c.attempt > 0, scans.c.lease_owner.is_(None))
            .values(attempt=scans.c.attempt - 1)
        )


def is_settled(services: Services, scan: ScanId) -> bool:
    """Tell whether a scan has reached its outcome."""
    with services.database.read() as connection:
        return not connection.execute(select(scans.c.todo).where(scans.c.id == scan)).scalar_one()


def is_due(services: Services) -> bool:
    """Tell whether anything at all is left to do: a cheap look before a lease is sought."""
    with services.database.read() as connection:
        return connection.execute(select(scans.c.id).where(scans.c.todo.is_(True)).limit(1)).first() is not None


def close_finished(services: Services, quiet_seconds: float) -> int:
    """Close batches of watched folders when nothing waits: a day's when it is over, a folder's when it is quiet."""
    now = services.clock.now()
    today = DAILY + now.date().isoformat()
    count = 0
    for row in _open_batches(services):
        with services.database.read() as connection:
            seen = connection.execute(select(scans.c.via, scans.c.offered).where(scans.c.batch == row.id)).all()
        last = max((file.offered for file in seen), default=None)
        if last is None or row.name == today or any(file.via != "watch" for file in seen):
            continue
        if (now - parse_instant(last)).total_seconds() <= quiet_seconds:
            continue
        try:
            close(services, row.id, SYSTEM)
            count += 1
        except InvalidValueError:
            continue  # something waits, or the numbers differ: it stays open and visible
    return count


def _arrival(client: str, source: bytes) -> str:
    return hashlib.sha256(client.encode() + b"\0" + source).hexdigest()


def _open_batches(services: Services) -> list[Row[Any]]:
    watched = select(scans.c.batch).where(scans.c.via == "watch", scans.c.batch == batches.c.id).exists()
    with services.database.read() as connection:
        return list(connection.execute(select(batches).where(batches.c.state == "open", watched)))


def _insert(services: Services, rows: list[dict[str, Any]]) -> None:
    try:
        with services.database.write() as connection:
            connection.execute(insert(scans), rows)
    except IntegrityError:
        for row in rows if len(rows) > 1 else ():  # another watcher has seen some of them first
            _insert(services, [row])


def _claimable(services: Services, connection: Connection, scan: str) -> bool:
    row = connection.execute(select(scans).where(scans.c.id == scan).with_for_update()).one()
    if row.state != "waiting" or services.leases.living(row.lease_owner, row.lease_until, services.clock.now()):
        return False
    return not intake.work_file(services, row).exists()
