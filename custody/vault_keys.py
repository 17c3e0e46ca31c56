"""Vault key epochs of a client: which key seals today, and the first one made together with its client."""

from datetime import datetime

from sqlalchemy import Connection, insert, select

from custody.keys import VaultKey
from custody.ledger import Actor, Draft, append
from custody.tables import vault_keys
from records.errors import CustodyError
from records.ids import instant


def current_key(connection: Connection, client: str) -> VaultKey:
    """Return the newest epoch of a client that is not retired.

    Raises:
        CustodyError: the client has no vault key.
    """
    row = connection.execute(
        select(vault_keys)
        .where(vault_keys.c.client == client, vault_keys.c.retired.is_(None))
        .order_by(vault_keys.c.epoch.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise CustodyError(f"client {client} has no vault key")
    return VaultKey(row.id, row.client, row.epoch, row.recipient, row.escrow_recipient)


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
            retired=None,
        )
    )
    reason = "first-epoch" if key.epoch == 1 else "rotation"
    append(connection, Draft(event_id, "key_rotated", key.id, actor, client=key.client, reason=reason), now)
