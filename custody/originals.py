"""Accession: taking an original into custody, as the numbered steps of the crash table (custody reference, section 5).

 1. seal to a staged file; hash; envelope            nothing durable but the staged file, synced
 2. TX1: original `sealed`, envelope, event `sealed` intent known: key, size and digest of what will be stored
 3. put under the content-addressed key              same key, same bytes: doing it twice is no error
 4. read the version back, hash it, compare; its lock the store's word is not taken for it
 5. TX2: original `stored`, version, event `stored`, and in the same transaction whatever the caller adds
    (scan `accessioned`, record registered); only now may the claimed source go
 6. extend the lock and read it back; event `retention_set`   only where the store locks

After a crash `accession` is called again with the same request and goes on from what is durable: a staged file whose
row is `sealed` is put again; where it is gone and no object stands under its key, the original is sealed anew (a new
TX1, `sealed -> sealed`, the old envelope destroyed). Sealing twice never gives the same bytes, hence the staged file.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from custody.keys import DocumentKey, new_document_key
from custody.ledger import Actor, Draft, Entry, append, commitment
from custody.locks import finish_retention, locked_now, object_of
from custody.sealing import Sealed, check_digest, sync_folder
from custody.stores.base import StoredVersion
from custody.tables import key_wrappings, originals
from custody.vault import Vault
from custody.vault_keys import current_key, destroy_envelopes, put_envelope
from records.errors import FixityError, OriginalNotFoundError, RefusedScanError
from records.ids import ClientId, OriginalId, ScanId, instant

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """A file to take into custody. `source` holds still; `sha256` and `size` are of its clear bytes.

    `fence` is called in every transaction and raises LeaseLostError where another worker has taken over.
    """

    scan: ScanId
    client: ClientId
    source: Path
    sha256: str
    size: int
    media_type: str
    pages: int
    actor: Actor
    fence: Callable[[Connection], None]


OnStored = Callable[[Connection, OriginalId, Entry], None]


def accession(vault: Vault, request: Request, on_stored: OnStored) -> OriginalId:
    """Take a file into custody, or go on where an earlier call stopped; return the original's id.

    Raises:
        RefusedScanError: the source changed or cannot be read; nothing was taken.
        FixityError: the store returned other bytes than it was given; stop and raise the alarm.
        UnavailableError: store, database or disk; call again later.
        LeaseLostError: another worker goes on with it.
    """
    row = announced(vault, request.scan)
    if row is None or (row.state == "sealed" and not _storable(vault, row)):
        row = _seal_and_intend(vault, request, row)  # steps 1 and 2
    if row.state == "sealed":
        version = _put_and_read_back(vault, row)  # steps 3 and 4
        _commit_stored(vault, request, row, version, on_stored)  # step 5
    finish_retention(vault, OriginalId(row.id), request.actor)  # step 6
    staged(vault, row).unlink(missing_ok=True)
    return OriginalId(row.id)


def staged(vault: Vault, row: Row[Any]) -> Path:
    """Return where the sealed file that a row announces waits for the store: named by its digest, so never another."""
    return vault.staging / staged_name(row.scan, row.id, row.sealed_sha256)


def staged_name(scan: str, original: str, sealed_sha256: str) -> str:
    """Return the name of a staged file."""
    return f"{scan}.{original}.{sealed_sha256[:16]}.age"


def abandon(vault: Vault, connection: Connection, scan: str, actor: Actor) -> None:
    """Give up an original that was announced (TX1) and cannot be stored: its envelope is destroyed, its row says so.

    In the transaction that refuses its scan; the same bytes may then be offered again.
    """
    row = connection.execute(
        select(originals).where(originals.c.scan == scan, originals.c.state == "sealed")
    ).one_or_none()
    if row is None:
        return
    destroy_envelopes(connection, row.id, vault.clock.now())
    connection.execute(update(originals).where(originals.c.id == row.id).values(state="abandoned"))
    draft = Draft(
        vault.ids.new("evt"), "abandoned", row.id, actor, client=row.client, before="sealed", after="abandoned"
    )
    append(connection, draft, vault.clock.now())


def announced(vault: Vault, scan: str) -> Row[Any] | None:
    """Return the row of the original that an earlier call announced or stored for a scan, or None."""
    with vault.database.read() as connection:
        return connection.execute(
            select(originals).where(originals.c.scan == scan, originals.c.state != "abandoned")
        ).one_or_none()


def can_be_stored(vault: Vault, row: Row[Any]) -> bool:
    """Tell whether an announced original can go on without its source: its sealed bytes are staged or stored."""
    return bool(row.state == "stored") or _storable(vault, row)


def _storable(vault: Vault, row: Row[Any]) -> bool:
    """Tell whether the bytes that a `sealed` row announces still exist, staged or already stored."""
    if staged(vault, row).exists():
        return True
    try:
        return bool(vault.store.stat(row.object_key).size == row.sealed_size)
    except OriginalNotFoundError:
        return False


def _seal_and_intend(vault: Vault, request: Request, old: Row[Any] | None) -> Row[Any]:
    original = old.id if old is not None else vault.ids.new("ori")
    key = new_document_key()
    part = vault.staging / f"{request.scan}.{original}.part"
    sealed = vault.seal(request.source, part, key.recipient)
    if (sealed.sha256, sealed.size) != (request.sha256, request.size):
        part.unlink(missing_ok=True)
        raise RefusedScanError("damaged", "the file changed while it was taken")
    part.replace(vault.staging / staged_name(request.scan, original, sealed.sealed_sha256))
    sync_folder(vault.staging)
    vault.reached(1)
    with vault.database.write() as connection:
        request.fence(connection)
        if old is not None:  # the envelope of bytes that no longer exist is destroyed with them
            destroy_envelopes(connection, original, vault.clock.now())
            connection.execute(delete(key_wrappings).where(key_wrappings.c.original == original))
            connection.execute(delete(originals).where(originals.c.id == original, originals.c.state == "sealed"))
        vault_key = current_key(connection, request.client)
        _insert_original(connection, vault, request, original, key, sealed)
        put_envelope(connection, original, key, vault_key, vault.clock.now())
        row = connection.execute(select(originals).where(originals.c.id == original)).one()
        before = None if old is None else "sealed"
        append(connection, _draft(vault, request, row, "sealed", before, "sealed", None), vault.clock.now())
    vault.reached(2)
    _logger.info("sealed original %s of scan %s", original, request.scan)
    return row


def _insert_original(
    connection: Connection, vault: Vault, request: Request, original: str, key: DocumentKey, sealed: Sealed
) -> None:
    connection.execute(
        insert(originals).values(
            id=original, client=request.client, scan=request.scan, sha256=request.sha256, size=request.size,
            media_type=request.media_type, pages=request.pages, state="sealed", recipient=key.recipient,
            bucket=vault.store.name, object_key=f"o/{request.client}/{original}/{sealed.sealed_sha256}.age",
            object_version=None, sealed_size=sealed.sealed_size, sealed_sha256=sealed.sealed_sha256,
            locked_until=None, retention_set=False,
            commitment=commitment(key.salt, bytes.fromhex(request.sha256)), created=instant(vault.clock.now()),
        )
    )  # fmt: skip


def _put_and_read_back(vault: Vault, row: Row[Any]) -> StoredVersion:
    source = staged(vault, row)
    if source.exists():
        version = vault.store.put(row.object_key, source, row.sealed_sha256, row.sealed_size)
    else:
        version = vault.store.stat(row.object_key)
    vault.reached(3)
    read_back(vault, row.object_key, version.version, row.sealed_sha256, row.sealed_size)
    locked = locked_now(vault, version)
    vault.reached(4)
    return locked


def read_back(vault: Vault, key: str, version: str, sealed_sha256: str, sealed_size: int) -> None:
    """Step 4: read a stored version whole and compare digest and size with what was announced.

    Raises:
        FixityError: the bytes differ.
        OriginalNotFoundError: the version is not there.
    """
    digest, size = hashlib.sha256(), 0
    for chunk in vault.store.read(key, version):
        digest.update(chunk)
        size += len(chunk)
    check_digest(sealed_sha256, digest.hexdigest())
    if size != sealed_size:
        raise FixityError(sealed_sha256, digest.hexdigest())


def _commit_stored(vault: Vault, request: Request, row: Row[Any], version: StoredVersion, on_stored: OnStored) -> None:
    with vault.database.write() as connection:
        request.fence(connection)
        changed = connection.execute(
            update(originals)
            .where(originals.c.id == row.id, originals.c.state == "sealed")
            .values(state="stored", object_version=version.version)
        ).rowcount
        if changed:
            entry = append(
                connection,
                _draft(vault, request, row, "stored", "sealed", "stored", version.version),
                vault.clock.now(),
            )
            on_stored(connection, OriginalId(row.id), entry)
    vault.reached(5)
    _logger.info("stored original %s", row.id)


def _draft(
    vault: Vault, request: Request, row: Row[Any], kind: str, before: str | None, after: str,
    version: str | None,
) -> Draft:  # fmt: skip
    return Draft(
        vault.ids.new("evt"), kind, row.id, request.actor, client=request.client, before=before, after=after,
        obj=object_of(vault, row, version), commit=row.commitment,
    )  # fmt: skip
