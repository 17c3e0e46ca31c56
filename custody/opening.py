"""Opening an original or a derivative: recorded before it happens, verified before it is handed over.

 1. the event is committed (`exported`, `viewed`, `envelope_released`, or one `processed` for a batch of the system)
 2. the release of the key is claimed: the event names this document and actor, is fresh, and was not used for it
 3. the envelope is unwrapped
 4. the sealed bytes are fetched by version and their size and digest compared with the catalogue
 5. they are decrypted to a private file
 6. clear bytes are compared with the catalogue's digest and with the commitment in the ledger
 7. only then does the file get the name that was asked for

The order makes a crash leave "viewed" without a view, never the reverse (custody reference, section 6.1). The caller
has asked `custody.access` first.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, insert, select
from sqlalchemy.exc import IntegrityError

from custody.handover import check_target, chunks_of, hand_over
from custody.keys import DocumentKey, new_salt
from custody.ledger import Actor, Draft, Entry, append, commitment, find
from custody.ledger_past import done, newest_done
from custody.merkle import root_of
from custody.sealing import check_digest, digest_file
from custody.tables import derivatives, event_details, events, key_envelopes, key_releases, originals
from custody.vault import Vault
from records.errors import (
    CustodyError,
    DisposedError,
    EnvelopeError,
    FixityError,
    NoSpaceError,
    OriginalNotFoundError,
    ReleaseRefusedError,
    UnknownIdError,
)
from records.ids import instant

FRESH = timedelta(seconds=60)  # an event opens its document for this long
BATCH_FRESH = timedelta(hours=1)  # and the system's event the documents of its batch
OPENING = ("viewed", "exported", "printed", "search_hit_opened", "key_released")  # what is said before one reads


@dataclass(frozen=True, slots=True)
class Opened:
    """What was handed over: clear size and digest, and the seq of the event before it."""

    path: Path
    size: int
    sha256: str
    seq: int


@dataclass(frozen=True, slots=True)
class Act:
    """Who opens, as which event type, and why: a reason code, and free text that stays in the database."""

    kind: str
    actor: Actor
    reason: str | None = None
    words: str | None = None


def record_act(vault: Vault, connection: Connection, act: Act, subject: str, client: str) -> Entry:
    """Append the event of an act in the caller's transaction; free text is kept beside it under a salted commitment."""
    draft = Draft(vault.ids.new("evt"), act.kind, subject, act.actor, client=client, reason=act.reason)
    return append_with_words(vault, connection, draft, act.words)


def append_with_words(vault: Vault, connection: Connection, draft: Draft, words: str | None) -> Entry:
    """Append an event; what a person said in free text is kept beside it under a salted commitment."""
    if not words:
        return append(connection, draft, vault.clock.now())
    salt = new_salt()
    entry = append(connection, replace(draft, detail=commitment(salt, words.encode())), vault.clock.now())
    connection.execute(insert(event_details).values(event=draft.id, client=draft.client, salt=salt, text=words))
    return entry


def open_original(vault: Vault, original: str, act: Act, target: Path) -> Opened:
    """Hand over the clear bytes of an original in `target` (mode 0600), by the numbered steps above.

    Raises:
        UnknownIdError, FixityError, EnvelopeError, OriginalNotFoundError, ReleaseRefusedError, UnavailableError.
    """
    row = stored_original(vault, original)
    check_target(target)
    with vault.database.write() as connection:
        entry = record_act(vault, connection, act, original, row.client)  # step 1
    key = release(vault, entry, row.id, act.actor)  # steps 2 and 3
    clear = vault.private / f"{entry.id}.clear"
    try:
        size = unseal_original(vault, row, key, clear)  # steps 4 to 6
        hand_over(chunks_of(clear), target)  # step 7
    finally:
        clear.unlink(missing_ok=True)
    return Opened(target, size, row.sha256, entry.seq)


def unseal_original(vault: Vault, row: Row[Any], key: DocumentKey, target: Path) -> int:
    """Steps 4 to 6: fetch, decrypt and compare an original (its row as `stored_original` has it); return its size.

    Raises:
        FixityError, EnvelopeError, CustodyError: it is not what was taken into custody; nothing is left in `target`.
    """
    try:
        fetch(vault, row.object_key, row.object_version, row.sealed_sha256, row.sealed_size, key, target)
        return _check_commitment(vault, row, key, target)
    except CustodyError:
        target.unlink(missing_ok=True)
        raise


def open_derivative(
    vault: Vault, record: str, kind: str, entry: Entry, actor: Actor, target: Path, batch: Sequence[str] = ()
) -> int:
    """Decrypt a derivative of a record into `target` against its committed event; return its clear size.

    `batch` is given with a `processed` event: the originals that it opens.

    Raises:
        UnknownIdError: the record has no derivative of this kind.
    """
    with vault.database.read() as connection:
        row = connection.execute(
            select(derivatives).where(derivatives.c.record == record, derivatives.c.kind == kind)
        ).one_or_none()
    if row is None:
        raise UnknownIdError(f"{record} has no {kind}")
    key = release(vault, entry, row.original, actor, batch)
    fetch(vault, row.object_key, row.object_version, row.sealed_sha256, row.sealed_size, key, target)
    return target.stat().st_size


def release(vault: Vault, entry: Entry, original: str, actor: Actor, batch: Sequence[str] = ()) -> DocumentKey:
    """Steps 2 and 3: claim the one use of a committed event for one document, then unwrap its key.

    A `processed` event opens exactly the originals of its `batch`, whose Merkle root it states, once each.

    Raises:
        ReleaseRefusedError: the event is not in the ledger, is another actor's, is stale, names another document, or
            was used for this one.
        EnvelopeError: no envelope opens.
    """
    now = vault.clock.now()
    with vault.database.write() as connection:
        _check_release(connection, entry, original, actor, now, batch)
        try:
            with connection.begin_nested():
                connection.execute(insert(key_releases).values(event=entry.id, original=original, at=instant(now)))
        except IntegrityError as error:
            raise ReleaseRefusedError(f"event {entry.id} has opened {original} already") from error
        envelopes = connection.execute(select(key_envelopes).where(key_envelopes.c.original == original)).all()
    for row in envelopes:
        if vault.keyring.holds(row.vault_key):
            return vault.keyring.unwrap(bytes(row.envelope), row.vault_key)
    raise EnvelopeError(f"no envelope of {original} opens with a key of this ring")


def fetch(vault: Vault, key: str, version: str, digest: str, size: int, document: DocumentKey, target: Path) -> None:
    """Steps 4 and 5: get the sealed bytes of one version, compare size and digest, decrypt into `target`.

    Raises:
        FixityError: other bytes than the catalogue says.
        EnvelopeError: they do not open.
    """
    sealed = target.with_suffix(".sealed")
    actual, count = hashlib.sha256(), 0
    try:
        with sealed.open("wb") as file:
            for chunk in vault.store.read(key, version):
                actual.update(chunk)
                count += len(chunk)
                file.write(chunk)
        check_digest(digest, actual.hexdigest())
        if count != size:
            raise FixityError(digest, actual.hexdigest())
        document.decrypt_file(sealed, target)
        target.chmod(0o600)
    except OSError as error:
        raise NoSpaceError("the sealed bytes could not be fetched to this disk") from error
    finally:
        sealed.unlink(missing_ok=True)


def processed(vault: Vault, connection: Connection, actor: Actor, client: str, ids: Sequence[str]) -> Entry:
    """Append the one event by which the system opens a batch of documents: their count and Merkle root, no names."""
    draft = Draft(
        vault.ids.new("evt"),
        "processed",
        client,
        actor,
        client=client,
        reason="processing",
        obj={"count": len(ids), "root": root_of_ids(ids)},
    )
    return append(connection, draft, vault.clock.now())


def merkle_root(leaves: Sequence[bytes]) -> str:
    """Return the Merkle tree hash of RFC 6962, section 2.1, in hexadecimal."""
    return root_of(hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves).hex()


def root_of_ids(ids: Sequence[str]) -> str:
    """Return the Merkle tree hash of a set of ids, in their order: what an event says of a batch."""
    return merkle_root([name.encode() for name in sorted(ids)])


def stored_original(vault: Vault, original: str) -> Row[Any]:
    """Return the row of an original that is stored.

    Raises:
        UnknownIdError, OriginalNotFoundError: there is none, or it is not stored yet.
        DisposedError: its key is destroyed.
    """
    with vault.database.read() as connection:
        row = connection.execute(select(originals).where(originals.c.id == original)).one_or_none()
    if row is None:
        raise UnknownIdError(original)
    if row.state in ("shredded", "erased"):
        raise DisposedError(f"{original} was disposed of")
    if row.state != "stored":
        raise OriginalNotFoundError(f"{original} is not stored yet")
    return row


def _check_release(
    connection: Connection, entry: Entry, original: str, actor: Actor, now: datetime, batch: Sequence[str]
) -> None:
    there = find(connection, entry.id)
    if there is None or not hmac.compare_digest(there.leaf, entry.leaf):
        raise ReleaseRefusedError(f"event {entry.id} is not in the ledger")
    event = there.event
    if event["actor"]["id"] != actor.id:
        raise ReleaseRefusedError(f"event {entry.id} is another actor's")
    if event["type"] != "processed" and event["type"] not in OPENING:
        raise ReleaseRefusedError(f"event {entry.id} opens nothing")
    age = abs(now - there.happened)
    if age > (BATCH_FRESH if event["type"] == "processed" else FRESH):
        raise ReleaseRefusedError(f"event {entry.id} is stale")
    if event["type"] == "processed":
        if original not in batch or event["obj"]["root"] != root_of_ids(batch):
            raise ReleaseRefusedError(f"event {entry.id} names another batch")
        return
    if event["subject"] != original and not _is_record_of(connection, event["subject"], original):
        raise ReleaseRefusedError(f"event {entry.id} names another document")


def _is_record_of(connection: Connection, record: str, original: str) -> bool:
    found = connection.execute(
        select(derivatives.c.original).where(derivatives.c.record == record, derivatives.c.original == original)
    ).first()
    return found is not None


def _check_commitment(vault: Vault, row: Row[Any], key: DocumentKey, clear: Path) -> int:
    digest, size = digest_file(clear)
    with vault.database.read() as connection:
        leaf = connection.execute(
            select(events.c.id)
            .where(events.c.subject == row.id, done(events.c.type, ["stored"]))
            .order_by(newest_done(events.c.seq))
            .limit(1)
        ).scalar()
        stored = None if leaf is None else find(connection, leaf)
    expected = None if stored is None else stored.event["commit"]
    actual = commitment(key.salt, bytes.fromhex(digest))
    if expected is None or not hmac.compare_digest(expected, actual):
        raise CustodyError(f"step 6: {row.id} does not match its commitment in the ledger")
    if digest != row.sha256 or size != row.size:
        raise CustodyError(f"step 6: {row.id} does not match the catalogue")
    return size
