"""Handing over sealed bytes with their envelope: what opens without our software, by a custodian, on the record.

The event `envelope_released` is committed before anything is written; nothing is unwrapped here. docs/custody-keys.md
has the two commands that open what is handed over (custody reference, sections 2.3 and 2.5).
"""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from custody.opening import Act, record_act
from custody.sealing import check_digest
from custody.tables import key_envelopes, originals, vault_keys
from custody.vault import Vault
from records.errors import ConfigurationError, EnvelopeError, FixityError, NoSpaceError, UnknownIdError

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


def release_envelope(vault: Vault, original: str, act: Act, target: Path) -> Released:
    """Write the sealed bytes of an original to `target` and its newest envelope beside it, both with mode 0600.

    The caller has asked `custody.access` for `release_envelope`.

    Raises:
        UnknownIdError: there is no such original.
        EnvelopeError: it has no envelope any more.
        FixityError, OriginalNotFoundError, UnavailableError: the store; nothing was handed over.
    """
    with vault.database.write() as connection:
        row = connection.execute(select(originals).where(originals.c.id == original)).one_or_none()
        if row is None or row.state != "stored":
            raise UnknownIdError(f"{original} is no stored original")
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
    part = target.with_name(target.name + ".part")
    try:
        digest, size = _write(part, vault.store.read(row.object_key, row.object_version))
        check_digest(row.sealed_sha256, digest)
        if size != row.sealed_size:
            raise FixityError(row.sealed_sha256, digest)
        _write(envelope, [bytes(found.envelope)])
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return Released(target, envelope, size, digest, found.vault_key, entry.seq)


def _write(path: Path, chunks: Iterable[bytes]) -> tuple[str, int]:
    """Write a private file; return its digest and size."""
    digest, size = hashlib.sha256(), 0
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                size += file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno == 28:
            raise NoSpaceError("the disk of the file to write is full") from error
        raise ConfigurationError(f"the file to write cannot be made: {error.strerror}") from error
    return digest.hexdigest(), size
