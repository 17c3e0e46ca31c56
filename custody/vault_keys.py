"""Vault key epochs of a client, and the envelopes wrapped to them: which key seals today, and which ever did.

An epoch is `current` from its making, `retired` when its last envelope was re-wrapped to a newer one, `destroyed` when
its secret half is gone. Every row of `key_envelopes` has its row in `key_wrappings`, which outlives it: an erasure
holds only when every epoch that ever wrapped the key is gone (custody reference, section 2.5).
"""

from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from custody.keys import DocumentKey, VaultKey, wrap
from custody.ledger import Actor, Draft, append
from custody.tables import key_envelopes, key_wrappings, vault_keys
from records.errors import CustodyError
from records.ids import instant


def current_key(connection: Connection, client: str) -> VaultKey:
    """Return the newest epoch of a client that is not retired; until the transaction ends nobody retires it.

    Raises:
        CustodyError: the client has no vault key.
    """
    row = connection.execute(
        select(vault_keys)
        .where(vault_keys.c.client == client, vault_keys.c.retired.is_(None))
        .order_by(vault_keys.c.epoch.desc())
        .limit(1)
        .with_for_update(read=True)
    ).one_or_none()
    if row is None:
        raise CustodyError(f"client {client} has no vault key")
    return key_of(row)


def epochs(connection: Connection, client: str) -> list[Row[Any]]:
    """Return the rows of a client's epochs, the oldest first."""
    query = select(vault_keys).where(vault_keys.c.client == client).order_by(vault_keys.c.epoch)
    return list(connection.execute(query))


def key_of(row: Row[Any]) -> VaultKey:
    """Return the public halves that an epoch's row holds."""
    return VaultKey(row.id, row.client, row.epoch, row.recipient, row.escrow_recipient)


def state_of(row: Row[Any]) -> str:
    """Return one of records.lifecycle.VAULT_KEY_STATES."""
    if row.destroyed is not None:
        return "destroyed"
    return "current" if row.retired is None else "retired"


def add_key(connection: Connection, key: VaultKey, event_id: str, actor: Actor, now: datetime) -> None:
    """Record a new epoch with its event `key_rotated`; its secret halves lie in key ring and escrow already."""
    connection.execute(
        insert(vault_keys).values(
            id=key.id,
            client=key.client,
            epoch=key.epoch,
            recipient=key.recipient,
            escrow_recipient=key.escrow_recipient,
            created=instant(now),
        )
    )
    reason = "first-epoch" if key.epoch == 1 else "rotation"
    draft = Draft(event_id, "key_rotated", key.id, actor, client=key.client, after="current", reason=reason)
    append(connection, draft, now)


def put_envelope(connection: Connection, original: str, key: DocumentKey, vault_key: VaultKey, now: datetime) -> None:
    """Wrap a new document's key to an epoch."""
    at = instant(now)
    connection.execute(insert(key_envelopes).values(envelope_row(original, vault_key, wrap(key, vault_key), at)))
    connection.execute(insert(key_wrappings).values(original=original, vault_key=vault_key.id, since=at))


def envelope_row(original: str, vault_key: VaultKey, envelope: bytes, at: str) -> dict[str, Any]:
    """Return the row of an envelope that was wrapped at an instant, with its digest."""
    return {
        "original": original, "vault_key": vault_key.id, "client": vault_key.client, "envelope": envelope,
        "created": at, "sha256": sha256(envelope).hexdigest(),
    }  # fmt: skip


def destroy_envelopes(connection: Connection, original: str, now: datetime) -> int:
    """Destroy every envelope of a document, of whatever epoch, and note when; return how many there were."""
    connection.execute(
        update(key_wrappings)
        .where(key_wrappings.c.original == original, key_wrappings.c.until.is_(None))
        .values(until=instant(now))
    )
    return connection.execute(delete(key_envelopes).where(key_envelopes.c.original == original)).rowcount
