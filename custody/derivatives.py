"""Derivatives (words, readable copy): sealed to the public half of their original's key, one object a record and kind.

Writing one needs no unwrapping (design, section 4). A derivative can be made again; a newer one replaces the row and
the older object is removed after the commit.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from custody.sealing import Sealed
from custody.tables import derivatives, originals
from custody.vault import Vault
from records.ids import instant
from records.tables import records

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


def leftovers(connection: Connection, vault: Vault, record: str, kind: str) -> list[tuple[str, str]]:
    """Return (key, version) of objects of a record's derivative that the catalogue does not name.

    An interrupted reading leaves them; they are derived, never evidence, and the reading that replaces them removes
    them where the store lets it.
    """
    rows = connection.execute(
        select(derivatives).where(derivatives.c.record == record, derivatives.c.kind == kind)
    ).all()
    client = connection.execute(select(records.c.client).where(records.c.id == record)).scalar_one()
    current = {(row.object_key, row.object_version) for row in rows}
    there = vault.store.versions(f"d/{client}/{record}/{kind}/")
    return [(v.key, v.version) for v in there if (v.key, v.version) not in current]
