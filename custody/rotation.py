"""Rotation: a new epoch of a client's vault key, and every living envelope wrapped anew to it; objects stay untouched.

 61  the new epoch's key and escrow exist and its row says so; from here everything new is sealed to it
 62  one batch of envelopes is wrapped anew: the old ones are gone in the same transaction, with `key_rewrapped`
 63  the old epoch is retired: no envelope needs it any more
 64  its vault key and the escrow shares that lie here are destroyed
 65  and the ledger says so

Wrapping needs public halves only, unwrapping the old epoch's key. A rotation that was ended is finished by the next
call, which then begins no other. Between reading a batch and replacing it a document may have been sealed anew or
disposed of: only an envelope that still stands bit for bit is replaced, so that nothing destroyed comes back.
Source: custody reference, sections 2.3 and 2.5.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from custody.incidents import raise_incident
from custody.keys import VaultKey, wrap
from custody.ledger import Actor, Draft, append
from custody.opening import Act, append_with_words, root_of_ids
from custody.tables import key_envelopes, key_wrappings, vault_keys
from custody.vault import Vault
from custody.vault_keys import add_key, envelope_row, epochs, key_of, state_of
from records.errors import CustodyError, EnvelopeError, KeyInUseError, UnknownIdError
from records.ids import instant, parse_instant
from records.tables import clients

BATCH = 500  # envelopes a transaction: bounds what a crash repeats and how long others wait
ROUNDS = 5  # goes at what workers sealed to the old epoch meanwhile

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Rotated:
    """A rotation: the epoch now current, whether it was begun by an earlier call, and what was done by this one.

    `left` are documents whose envelope did not open; their epoch stays, and each has its incident in the ledger.
    """

    key: VaultKey
    resumed: bool
    rewrapped: int
    retired: tuple[str, ...]
    left: tuple[str, ...]


def rotate(vault: Vault, client: str, actor: Actor, progress: Progress = lambda _: None) -> Rotated:
    """Begin a new epoch and wrap every living envelope to it, or finish a rotation that was ended.

    The caller has asked `custody.access` for `keep_keys`.

    Raises:
        ConfigurationError: the key ring cannot be read or written.
        UnavailableError: the database; call again later.
    """
    with vault.database.read() as connection:
        living = [row for row in epochs(connection, client) if row.retired is None]
    if len(living) > 1:
        finished = _finish(vault, key_of(living[-1]), True, actor, progress)
        if finished.rewrapped or finished.retired:
            return finished
        # all that is left of older epochs does not open: it waits for a person, and holds up no newer epoch
    new, begun = _begin(vault, client, living[-1].id if living else None, actor)
    return _finish(vault, new, not begun, actor, progress)


def destroy_epoch(vault: Vault, key_id: str, act: Act, horizon: timedelta | None) -> None:
    """Destroy the secret half of a retired epoch, and the escrow shares of it that lie here; steps 64 and 65.

    Args:
        vault: the vault.
        key_id: an epoch that no envelope needs.
        act: who destroys it, and why.
        horizon: how long after its retirement a backup may still hold envelopes to it; None does not ask.

    Raises:
        UnknownIdError: there is no such epoch.
        KeyInUseError: it is not retired, an envelope needs it, or backups may still need it.
    """
    with vault.database.read() as connection:
        row = connection.execute(select(vault_keys).where(vault_keys.c.id == key_id)).one_or_none()
        if row is None:
            raise UnknownIdError(key_id)
        if state_of(row) == "destroyed":
            return
        _check_unused(connection, row)
    due = None if horizon is None else parse_instant(row.retired) + horizon
    if due is not None and vault.clock.now() < due:
        raise KeyInUseError(f"{key_id}: backups of before its retirement live until {instant(due)}")
    shares = list(vault.keyring.shares_here(key_id))
    vault.keyring.destroy(key_id)
    vault.reached(64)
    with vault.database.write() as connection:
        changed = connection.execute(
            update(vault_keys)
            .where(vault_keys.c.id == key_id, vault_keys.c.destroyed.is_(None))
            .values(destroyed=instant(vault.clock.now()))
        ).rowcount
        if changed:
            draft = Draft(
                vault.ids.new("evt"), act.kind, key_id, act.actor, client=row.client, before="retired",
                after="destroyed", reason=act.reason, obj={"shares": shares},
            )  # fmt: skip
            append_with_words(vault, connection, draft, act.words)
    vault.reached(65)


def _finish(vault: Vault, new: VaultKey, resumed: bool, actor: Actor, progress: Progress) -> Rotated:
    count, left = 0, set[str]()
    retired: tuple[str, ...] = ()
    for _ in range(ROUNDS):
        done, left = _rewrap_all(vault, new, actor, progress)
        count += done
        retired += _retire(vault, new, actor)
        if not _needed(vault, new) - left:
            break
    return Rotated(new, resumed, count, retired, tuple(sorted(left)))


def _begin(vault: Vault, client: str, expected: str | None, actor: Actor) -> tuple[VaultKey, bool]:
    """Make a new epoch, or return the one that another rotation has just begun, with False."""
    key_id = vault.ids.new("key")
    recipient, escrow = vault.keyring.create(key_id)
    with vault.database.write() as connection:
        # the client's row is the lock of its epochs: of two rotations at once one begins, the other finishes it
        connection.execute(select(clients.c.id).where(clients.c.id == client).with_for_update())
        rows = epochs(connection, client)
        living = [row for row in rows if row.retired is None]
        if (living[-1].id if living else None) != expected:
            vault.keyring.destroy(key_id)  # never named by anything
            return key_of(living[-1]), False
        key = VaultKey(key_id, client, rows[-1].epoch + 1 if rows else 1, recipient, escrow)
        add_key(connection, key, vault.ids.new("evt"), actor, vault.clock.now())
    vault.reached(61)
    return key, True


def _rewrap_all(vault: Vault, new: VaultKey, actor: Actor, progress: Progress) -> tuple[int, set[str]]:
    """Wrap every envelope of older epochs anew, a batch at a time; return how many, and which did not open."""
    count, broken, after = 0, set[str](), ""
    while True:
        with vault.database.read() as connection:
            rows = connection.execute(
                select(key_envelopes)
                .where(
                    key_envelopes.c.client == new.client,
                    key_envelopes.c.vault_key != new.id,
                    key_envelopes.c.original > after,
                )
                .order_by(key_envelopes.c.original)
                .limit(BATCH)
            ).all()
        if not rows:
            return count, broken
        after = rows[-1].original
        fresh, faults = _wrapped_anew(vault, rows, new)
        done = _replace(vault, fresh, new, actor) if fresh else 0
        for original, error in faults.items():
            raise_incident(vault, original, new.client, error, actor)
        broken |= faults.keys()
        count += done
        progress(done)
        vault.reached(62)


def _wrapped_anew(
    vault: Vault, rows: Sequence[Row[Any]], new: VaultKey
) -> tuple[list[tuple[Row[Any], bytes]], dict[str, EnvelopeError]]:
    fresh: list[tuple[Row[Any], bytes]] = []
    faults: dict[str, EnvelopeError] = {}
    for row in rows:
        try:
            fresh.append((row, wrap(vault.keyring.unwrap(bytes(row.envelope), row.vault_key), new)))
        except EnvelopeError as error:
            faults[row.original] = error
    return fresh, faults


def _replace(vault: Vault, fresh: Sequence[tuple[Row[Any], bytes]], new: VaultKey, actor: Actor) -> int:
    now = vault.clock.now()
    at = instant(now)
    with vault.database.write() as connection:
        standing = {
            (row.original, row.vault_key): bytes(row.envelope)
            for row in connection.execute(
                select(key_envelopes)
                .where(key_envelopes.c.original.in_([row.original for row, _ in fresh]))
                .with_for_update()
            )
        }
        same = [
            pair for pair in fresh if standing.get((pair[0].original, pair[0].vault_key)) == bytes(pair[0].envelope)
        ]
        if not same:
            return 0
        originals = [row.original for row, _ in same]
        olds = sorted({row.vault_key for row, _ in same})
        old = key_envelopes.c.original.in_(originals) & key_envelopes.c.vault_key.in_(olds)
        connection.execute(delete(key_envelopes).where(old))
        rows = [envelope_row(row.original, new, made, at) for row, made in same]
        connection.execute(insert(key_envelopes), rows)
        connection.execute(
            update(key_wrappings)
            .where(key_wrappings.c.original.in_(originals), key_wrappings.c.vault_key.in_(olds))
            .values(until=at)
        )
        connection.execute(
            insert(key_wrappings), [{"original": name, "vault_key": new.id, "since": at} for name in originals]
        )
        draft = Draft(
            vault.ids.new("evt"), "key_rewrapped", new.id, actor, client=new.client, reason="rotation",
            obj={"count": len(originals), "root": root_of_ids(originals), "from": olds},
        )  # fmt: skip
        append(connection, draft, now)
    return len(originals)


def _retire(vault: Vault, new: VaultKey, actor: Actor) -> tuple[str, ...]:
    """Retire every older epoch that no envelope needs; a worker that seals to one just now is waited for."""
    retired: list[str] = []
    with vault.database.write() as connection:
        older = connection.execute(
            select(vault_keys)
            .where(vault_keys.c.client == new.client, vault_keys.c.epoch < new.epoch, vault_keys.c.retired.is_(None))
            .order_by(vault_keys.c.epoch)
            .with_for_update()
        ).all()
        for row in older:
            if _envelopes_of(connection, row.id):
                continue
            now = vault.clock.now()
            connection.execute(update(vault_keys).where(vault_keys.c.id == row.id).values(retired=instant(now)))
            draft = Draft(
                vault.ids.new("evt"), "key_retired", row.id, actor, client=new.client, before="current",
                after="retired", reason="rotation",
            )  # fmt: skip
            append(connection, draft, now)
            retired.append(row.id)
    if retired:
        vault.reached(63)
    return tuple(retired)


def _needed(vault: Vault, new: VaultKey) -> set[str]:
    with vault.database.read() as connection:
        query = select(key_envelopes.c.original).where(
            key_envelopes.c.client == new.client, key_envelopes.c.vault_key != new.id
        )
        return set(connection.execute(query).scalars())


def _envelopes_of(connection: Connection, key_id: str) -> int:
    query = select(func.count()).select_from(key_envelopes).where(key_envelopes.c.vault_key == key_id)
    return int(connection.execute(query).scalar_one())


def _check_unused(connection: Connection, row: Row[Any]) -> None:
    if state_of(row) == "current":
        raise KeyInUseError(f"{row.id} is not retired: 'muniment keys rotate' makes a newer epoch first")
    count = _envelopes_of(connection, row.id)
    if count:
        raise KeyInUseError(f"{row.id} still opens {count} envelopes")
    if row.retired is None:
        raise CustodyError(f"{row.id} has no date of retirement")
