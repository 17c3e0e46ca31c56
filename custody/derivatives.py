"""Derivatives (words, readable copy): sealed to the public half of their original's key, one object a record and kind.

Writing one needs no unwrapping (design, section 4). A derivative can be made again; a newer one replaces the row and
the older object is removed after the commit, or, where a lock holds it, when that has ended.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from custody.sealing import Sealed
from custody.tables import derivatives, locked_leftovers, originals
from custody.vault import Vault
from records.errors import OriginalConflictError
from records.ids import instant
from records.tables import records

AGAIN = timedelta(days=1)
KINDS = {"words": "application/x-ndjson+gzip", "readable": "application/pdf"}


@dataclass(frozen=True, slots=True)
class StoredDerivative:
    """A derivative that is in the store and not yet in the catalogue: `record_derivative` puts it there."""

    record: str
    kind: str
    client: str
    original: str
    object_key: str
    object_version: str
    sealed: Sealed


def store_derivative(vault: Vault, record: str, kind: str, original: str, source: Path) -> StoredDerivative:
    """Seal a derivative file to its original's key and store it; nothing is in the catalogue yet.

    Raises:
        NoSpaceError, StoreUnavailableError: call again later; an object without row is listed as an orphan.
    """
    with vault.database.read() as connection:
        row = connection.execute(select(originals).where(originals.c.id == original)).one()
    target = vault.private / f"{record}.{kind}.age"
    try:
        sealed = vault.seal(source, target, row.recipient)
        key = f"d/{row.client}/{record}/{kind}/{sealed.sealed_sha256}.age"
        version = vault.store.put(key, target, sealed.sealed_sha256, sealed.sealed_size)
    finally:
        target.unlink(missing_ok=True)
    return StoredDerivative(record, kind, row.client, original, key, version.version, sealed)


def record_derivative(connection: Connection, vault: Vault, stored: StoredDerivative) -> None:
    """Put a stored derivative in the catalogue in the place of an older one, in the caller's transaction."""
    where = (derivatives.c.record == stored.record) & (derivatives.c.kind == stored.kind)
    connection.execute(delete(derivatives).where(where))
    connection.execute(
        insert(derivatives).values(
            record=stored.record,
            kind=stored.kind,
            client=stored.client,
            original=stored.original,
            media_type=KINDS[stored.kind],
            object_key=stored.object_key,
            object_version=stored.object_version,
            size=stored.sealed.size,
            sealed_size=stored.sealed.sealed_size,
            sealed_sha256=stored.sealed.sealed_sha256,
            created=instant(vault.clock.now()),
        )
    )


def clear_leftovers(vault: Vault, record: str) -> None:
    """Remove the objects of a record's derivatives that the catalogue does not name; what is locked is noted for later.

    An interrupted reading leaves them, and every second one; they are derived, never evidence.

    Raises:
        StoreUnavailableError: call again later.
    """
    with vault.database.read() as connection:
        client = connection.execute(select(records.c.client).where(records.c.id == record)).scalar_one()
        rows = connection.execute(select(derivatives).where(derivatives.c.record == record)).all()
        noted = connection.execute(
            select(locked_leftovers).where(locked_leftovers.c.object_key.startswith(f"d/{client}/{record}/"))
        ).all()
    known = {(row.object_key, row.object_version) for row in (*rows, *noted)}
    for found in list(vault.store.versions(f"d/{client}/{record}/")):
        if (found.key, found.version) not in known:
            _remove(vault, found.key, found.version, client)


def clear_freed(vault: Vault) -> int:
    """Remove the leftovers whose lock has ended; return how many.

    Raises:
        StoreUnavailableError: call again later.
    """
    now = instant(vault.clock.now())
    with vault.database.read() as connection:
        due = connection.execute(select(locked_leftovers).where(locked_leftovers.c.until <= now)).all()
    return sum(_remove(vault, row.object_key, row.object_version, row.client) for row in due)


def _remove(vault: Vault, key: str, version: str, client: str) -> bool:
    """Remove one object, or note until when its lock holds it (and ask again a day later where none is told)."""
    same = (locked_leftovers.c.object_key == key) & (locked_leftovers.c.object_version == version)
    until = None
    try:
        vault.store.remove(key, version)
    except OriginalConflictError:
        until = vault.store.stat(key, version).retain_until or vault.clock.now() + AGAIN
    with vault.database.write() as connection:
        connection.execute(delete(locked_leftovers).where(same))
        if until is not None:
            connection.execute(
                insert(locked_leftovers).values(
                    object_key=key, object_version=version, client=client, until=instant(until)
                )
            )
    return until is None
