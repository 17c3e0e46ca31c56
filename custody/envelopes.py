"""Handing over sealed bytes with their envelope: what opens without our software, by a custodian, on the record.

The event `envelope_released` is committed before anything is written; nothing is unwrapped here. docs/custody-keys.md
has the two commands that open what is handed over (custody reference, sections 2.3 and 2.5).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from custody.handover import check_target, hand_over
from custody.opening import Act, record_act
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
