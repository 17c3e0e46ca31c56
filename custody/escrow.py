"""Escrow: who keeps the shares of an epoch's second key, whether two of them still give it, and which are gone.

Any two of three shares open every envelope of their epoch, so an epoch is beyond recovery only when at most one share
is left (custody reference, section 2.5). Where shares are is what the ledger says of them: `share_moved` names who has
one from then on, `share_destroyed` that it is gone, `escrow_checked` that two gave the recorded public half.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from custody.keys import SHARES, THRESHOLD, recover_escrow
from custody.ledger import Actor, Draft, append, of_subjects
from custody.tables import vault_keys
from custody.vault import Vault
from records.errors import EnvelopeError, InvalidValueError


@dataclass(frozen=True, slots=True)
class Share:
    """One share: whether it still lies where it was written, the pseudonym of who has it, and since when (instants)."""

    number: int
    here: bool
    holder: str | None = None
    moved: str | None = None
    destroyed: str | None = None


@dataclass(frozen=True, slots=True)
class Escrow:
    """The escrow of one epoch; `checked` is when two shares last gave its recorded public half."""

    shares: tuple[Share, ...]
    checked: str | None

    @property
    def recoverable(self) -> bool:
        """Tell whether two shares may still be somewhere."""
        return sum(share.destroyed is None for share in self.shares) >= THRESHOLD


def escrow_of(vault: Vault, connection: Connection, key_id: str) -> Escrow:
    """Return where the shares of an epoch are, as the key ring and the ledger say."""
    here = vault.keyring.shares_here(key_id)
    shares = {number: Share(number, number in here) for number in range(1, SHARES + 1)}
    checked = None
    for entry in of_subjects(connection, [key_id]):
        event = entry.event
        obj = event["obj"] or {}
        if event["type"] == "escrow_checked":
            checked = event["ts"]
        elif event["type"] == "share_moved":
            shares[obj["share"]] = replace(shares[obj["share"]], holder=event["holder"], moved=event["ts"])
        elif event["type"] == "share_destroyed":
            shares[obj["share"]] = replace(shares[obj["share"]], destroyed=event["ts"])
        elif event["type"] == "key_destroyed":
            for number in obj.get("shares", ()):
                shares[number] = replace(shares[number], destroyed=event["ts"])
    return Escrow(tuple(shares.values()), checked)


def check_shares(vault: Vault, client: str, words: Sequence[str], actor: Actor) -> str:
    """Prove that shares give an escrow key whose public half the catalogue names; record it; return the epoch's id.

    The key itself lives as long as this call and is shown nowhere.

    Raises:
        EnvelopeError: they do not belong together, or to no epoch of this client.
    """
    recipient = str(recover_escrow(words).to_public())
    with vault.database.write() as connection:
        for row in connection.execute(select(vault_keys).where(vault_keys.c.client == client)):
            if hmac.compare_digest(row.escrow_recipient, recipient):
                _append(vault, connection, Draft("", "escrow_checked", row.id, actor, client=client))
                return str(row.id)
    raise EnvelopeError("these shares give an escrow key that no epoch of this client names")


def note_moved(vault: Vault, key_id: str, client: str, number: int, holder: str, actor: Actor) -> None:
    """Record who has a share from now on; `holder` is the person's pseudonym.

    Raises:
        InvalidValueError: there is no such share, it still lies here, or it is destroyed.
    """
    with vault.database.write() as connection:
        share = _share(vault, connection, key_id, number)
        if share.here:
            raise InvalidValueError(f"share {number} still lies in the escrow folder: move its file first")
        draft = Draft("", "share_moved", key_id, actor, client=client, obj={"share": number}, holder=holder)
        _append(vault, connection, draft)


def note_destroyed(vault: Vault, key_id: str, client: str, number: int, actor: Actor) -> None:
    """Record that a share is destroyed, as its custodian says.

    Raises:
        InvalidValueError: there is no such share, or it still lies here.
    """
    with vault.database.write() as connection:
        share = _share(vault, connection, key_id, number)
        if share.here:
            raise InvalidValueError(
                f"share {number} still lies in the escrow folder: 'muniment keys destroy' removes it"
            )
        draft = Draft("", "share_destroyed", key_id, actor, client=client, obj={"share": number}, holder=share.holder)
        _append(vault, connection, draft)


def _share(vault: Vault, connection: Connection, key_id: str, number: int) -> Share:
    share = next((one for one in escrow_of(vault, connection, key_id).shares if one.number == number), None)
    if share is None:
        raise InvalidValueError(f"there are shares 1 to {SHARES}")
    if share.destroyed is not None:
        raise InvalidValueError(f"share {number} is destroyed already")
    return share


def _append(vault: Vault, connection: Connection, draft: Draft) -> None:
    append(connection, replace(draft, id=vault.ids.new("evt")), vault.clock.now())
