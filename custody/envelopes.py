"""Handing over what opens without our software, by a custodian, on the record: an envelope, or a document's key.

`release_envelope` commits `envelope_released` before anything is written and unwraps nothing; `release_key` commits
`key_released` and then asks for the key like every reader. docs/custody-keys.md has the commands that open what is
handed over. Both are copies that no disposal reaches (custody reference, sections 2.3 and 2.5).
"""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from custody.handover import check_target, hand_over
from custody.opening import Act, record_act, release
from custody.sealing import check_digest
from custody.tables import key_envelopes, originals, vault_keys
from custody.vault import Vault
from records.errors import EnvelopeError, FixityError, UnknownIdError

SUFFIX = ".envelope.age"


@dataclass(frozen=True, slots=True)
class Released:
    """What was handed over: sealed bytes, their size and digest, the envelope, whose vault key opens it, the event."""

    path: Path
    envelope: Path
    size: int
    sealed_sha256: str
    vault_key: str
    seq: int


@dataclass(frozen=True, slots=True)
class ReleasedKey:
    """What was handed over: the file with the document's key, where its sealed bytes lie, the event."""

    path: Path
    bucket: str
    object_key: str
    object_version: str
    seq: int


def release_envelope(vault: Vault, original: str, act: Act, target: Path) -> Released:
    """Write the sealed bytes of an original to `target` and its newest envelope beside it, both with mode 0600.

    The caller has asked `custody.access` for `release_envelope`.

    Raises:
        UnknownIdError: there is no such original.
        EnvelopeError: it has no envelope any more.
        FixityError, OriginalNotFoundError, UnavailableError: the store; nothing was handed over.
    """
    check_target(target)
    with vault.database.write() as connection:
        row = _stored(connection, original)
        found = connection.execute(
            select(key_envelopes)
            .join(vault_keys, key_envelopes.c.vault_key == vault_keys.c.id)
            .where(key_envelopes.c.original == original)
            .order_by(vault_keys.c.epoch.desc())
        ).first()
        if found is None:
            raise EnvelopeError(f"{original} has no envelope")
        entry = record_act(vault, connection, act, original, row.client)
    envelope = target.with_name(target.name + SUFFIX)

    def verified() -> Iterator[bytes]:
        """Pass the sealed bytes on; what does not match ends the writing before the file has its name."""
        digest, size = hashlib.sha256(), 0
        for chunk in vault.store.read(row.object_key, row.object_version):
            digest.update(chunk)
            size += len(chunk)
            yield chunk
        check_digest(row.sealed_sha256, digest.hexdigest())
        if size != row.sealed_size:
            raise FixityError(row.sealed_sha256, digest.hexdigest())

    digest, size = hand_over(verified(), target)
    hand_over([bytes(found.envelope)], envelope)
    return Released(target, envelope, size, digest, found.vault_key, entry.seq)


def release_key(vault: Vault, original: str, act: Act, target: Path) -> ReleasedKey:
    """Write the key of one document to `target` (mode 0600), as an identity file for `age -d -i`.

    The caller has asked `custody.access` for `release_key`.

    Raises:
        UnknownIdError: there is no such original.
        EnvelopeError: it has no envelope any more, or one of another document.
        ReleaseRefusedError: the event was not found, or used already.
    """
    check_target(target)
    with vault.database.write() as connection:
        row = _stored(connection, original)
        entry = record_act(vault, connection, act, original, row.client)
    key = release(vault, entry, original, act.actor)
    if not hmac.compare_digest(key.recipient, row.recipient):
        raise EnvelopeError(f"the envelope of {original} holds another document's key")
    hand_over([key.key_file()], target)
    return ReleasedKey(target, row.bucket, row.object_key, row.object_version, entry.seq)


def _stored(connection: Connection, original: str) -> Row[Any]:
    row = connection.execute(select(originals).where(originals.c.id == original)).one_or_none()
    if row is None or row.state != "stored":
        raise UnknownIdError(f"{original} is no stored original")
    return row
