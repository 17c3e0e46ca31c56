"""The locks of stored originals: lengthened once they are ledgered, renewed while they are held, compared by HEAD.

In a bucket every version is locked by the bucket's short default from its first moment (custody reference, section
3.1, rule 3). Step 6 of accession lengthens that lock to the retention period where it is certain. Where it is not, and
where it has ended while the original is still held, the lock is renewed for a short time again and again: an original
in custody is never without one, and none is locked for longer than anybody is sure of (decision 0012).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update

from custody.ledger import Actor, Draft, append
from custody.stores.base import StoredVersion
from custody.tables import originals
from custody.vault import Vault
from records.errors import CustodyError
from records.ids import OriginalId, instant, parse_instant

COMPLIANCE = "COMPLIANCE"
RENEWAL = "renewal"  # reason of the event when a lock is renewed
_AT_ONCE = 500  # rows asked for at once


def object_of(vault: Vault, row: Row[Any], version: str | None) -> dict[str, object]:
    """Return what the ledger says of an original's object."""
    return {
        "bucket": vault.store.name, "key": row.object_key, "version": version, "size": row.sealed_size,
        "sha256": row.sealed_sha256, "fmt": "age-v1",
    }  # fmt: skip


def locked_now(vault: Vault, found: StoredVersion) -> StoredVersion:
    """Step 4's part: see that a version is locked; one whose short default ended while nobody went on is locked anew.

    Raises:
        CustodyError: the store does not lock it.
    """
    now = vault.clock.now()
    if not vault.store.locks or (found.mode == COMPLIANCE and found.retain_until and found.retain_until > now):
        return found
    return _kept(vault.store.extend(found.key, found.version, now + _renewal(vault)), now)


def finish_retention(vault: Vault, original: OriginalId, actor: Actor) -> None:
    """Step 6: lengthen the lock of a stored original, read it back and record it; no-op without locks or when done.

    Raises:
        CustodyError: the store does not lengthen it.
    """
    if not vault.store.locks:
        return
    with vault.database.read() as connection:
        row = connection.execute(select(originals).where(originals.c.id == original)).one()
    if row.state != "stored" or row.retention_set:
        return
    certain = timedelta(days=vault.retention_days) or _renewal(vault)
    until = parse_instant(row.created) + certain
    if until <= vault.clock.now() + _margin(vault):  # it was left for so long that its period is over, or nearly
        until = vault.clock.now() + _renewal(vault)
    _lengthen(vault, row, until, actor, None)
    vault.reached(6)


def due_for_renewal(vault: Vault) -> Iterator[OriginalId]:
    """Yield the originals in custody whose lock ends within a third of the time it is renewed for."""
    soon = instant(vault.clock.now() + _margin(vault))
    query = select(originals.c.id).where(
        originals.c.state == "stored", originals.c.retention_set.is_(True), originals.c.locked_until < soon
    )
    last = ""
    while True:
        with vault.database.read() as connection:
            part = connection.execute(query.where(originals.c.id > last).order_by(originals.c.id).limit(_AT_ONCE))
            found = list(part.scalars())
        yield from (OriginalId(original) for original in found)
        if not found:
            return
        last = found[-1]


def renew(vault: Vault, original: OriginalId, actor: Actor) -> None:
    """Lock an original in custody for a short time anew, read it back and record it; no-op where another one did.

    Raises:
        CustodyError: the store does not lengthen it.
        OriginalNotFoundError: the version is not there.
    """
    with vault.database.read() as connection:
        row = connection.execute(select(originals).where(originals.c.id == original)).one()
    if row.state != "stored" or not row.retention_set:
        return
    if parse_instant(row.locked_until) < vault.clock.now() + _margin(vault):
        _lengthen(vault, row, vault.clock.now() + _renewal(vault), actor, RENEWAL)


def lock_fault(row: Row[Any], found: StoredVersion, now: datetime) -> tuple[str, str] | None:
    """Compare the lock that a fresh HEAD tells with what an original's row says; None, or what was expected and found.

    `row` is of a stored original in a store that locks. Before step 6 any lock will do that has not ended.
    """
    wanted = row.locked_until if row.retention_set else "now"
    if found.mode != COMPLIANCE or found.retain_until is None:
        return f"{COMPLIANCE} until {wanted}", found.mode or "none"
    if row.retention_set and found.retain_until < parse_instant(row.locked_until).replace(microsecond=0):
        return f"{COMPLIANCE} until {wanted}", f"until {instant(found.retain_until)}"
    if found.retain_until <= now:
        return "a lock that has not ended", f"until {instant(found.retain_until)}"
    return None


def _lengthen(vault: Vault, row: Row[Any], until: datetime, actor: Actor, reason: str | None) -> None:
    found = _kept(vault.store.extend(row.object_key, row.object_version, until), until)
    locked = instant(found.retain_until or until)
    column = originals.c.locked_until
    same = column.is_(None) if row.locked_until is None else column == row.locked_until
    with vault.database.write() as connection:
        changed = connection.execute(
            update(originals)
            .where(originals.c.id == row.id, originals.c.state == "stored", same)
            .values(retention_set=True, locked_until=locked)
        ).rowcount
        if changed:
            obj = {**object_of(vault, row, row.object_version), "mode": found.mode, "until": locked}
            draft = Draft(
                vault.ids.new("evt"), "retention_set", row.id, actor, client=row.client, reason=reason, obj=obj
            )
            append(connection, draft, vault.clock.now())


def _kept(found: StoredVersion, until: datetime) -> StoredVersion:
    if found.mode != COMPLIANCE or found.retain_until is None or found.retain_until < until.replace(microsecond=0):
        raise CustodyError("the store does not keep the lock it was asked for")
    return found


def _renewal(vault: Vault) -> timedelta:
    return timedelta(days=vault.renewal_days)


def _margin(vault: Vault) -> timedelta:
    return _renewal(vault) / 3
