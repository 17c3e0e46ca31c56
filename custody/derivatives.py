"""Derivatives (words, readable copy): sealed to the public half of their original's key, one object a record and kind.

Writing one needs no unwrapping (design, section 4). A derivative can be made again; a newer one replaces the row and
the older object is removed after the commit.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from custody.sealing import Sealed
from custody.tables import derivatives, originals
from custody.vault import Vault
from records.ids import instant

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


def record_derivative(connection: Connection, vault: Vault, stored: StoredDerivative) -> Row[Any] | None:
    """Put a stored derivative in the catalogue, in the caller's transaction; return the row it replaces, if any."""
    where = (derivatives.c.record == stored.record) & (derivatives.c.kind == stored.kind)
    old = connection.execute(select(derivatives).where(where)).one_or_none()
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
    return old
