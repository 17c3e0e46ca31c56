"""Batches: opened with their event, closed when nothing waits and offered = expected, or by a named waiver."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from custody.keys import new_salt
from custody.ledger import Actor, Draft, append, commitment
from custody.tables import event_details
from records.catalogue import batch_counts, close_batch, resolve
from records.errors import InvalidValueError, UnknownIdError
from records.ids import BatchId, instant
from records.tables import batches, clients
from tasks.services import Services


@dataclass(frozen=True, slots=True)
class Waiver:
    """Why a batch may close although offered and expected differ, and the pseudonym of the second person."""

    reason: str
    by: str


def open_batch(services: Services, client: str, name: str | None, expected: int | None, actor: Actor) -> BatchId:
    """Open a batch of a client and record it."""
    with services.database.write() as connection:
        return _open(connection, services, client, name, expected, actor)


def find_or_open(services: Services, client: str, given: str | None, expected: int | None, actor: Actor) -> BatchId:
    """Return the open batch that `given` names by id or name, or open one (named, if `given` is no id).

    Two that name a new batch at once get the same one. `expected` is saved where the batch has no number yet.

    Raises:
        InvalidValueError: the batch named is closed, or expects another number of files.
    """
    with services.database.write() as connection:
        if given is None:
            return _open(connection, services, client, None, expected, actor)
        # the client's row is the lock of its batches' names; weak enough not to hold up new scans
        connection.execute(select(clients.c.id).where(clients.c.id == client).with_for_update(key_share=True))
        row = _named(connection, client, given)
        if row is None:
            return _open(connection, services, client, given, expected, actor)
        row = still_open(connection, row.id)
        if expected is not None and row.expected is None:
            connection.execute(update(batches).where(batches.c.id == row.id).values(expected=expected))
        elif expected not in (None, row.expected):
            raise InvalidValueError(f"this batch already expects {row.expected} files")
        return BatchId(row.id)


def open_named(services: Services, client: str, name: str, actor: Actor) -> BatchId:
    """Return the newest open batch of this name, or a new one; a closed one of the name is left as it is."""
    named = (batches.c.client == client) & (batches.c.name == name) & (batches.c.state == "open")
    with services.database.write() as connection:
        connection.execute(select(clients.c.id).where(clients.c.id == client).with_for_update(key_share=True))
        row = connection.execute(select(batches.c.id).where(named).order_by(batches.c.opened.desc())).first()
        return BatchId(row.id) if row is not None else _open(connection, services, client, name, None, actor)


def still_open(connection: Connection, batch: str) -> Row[Any]:
    """Make sure that a batch is open until the caller's transaction ends; return its row.

    Raises:
        InvalidValueError: it is closed.
        UnknownIdError: there is none.
    """
    row = batch_row(connection, batch, locked=True)
    if row.state == "closed":
        raise InvalidValueError("this batch is closed; name another one")
    return row


def batch_row(connection: Connection, batch: str, locked: bool = False) -> Row[Any]:
    """Return the row of a batch; `locked`, nobody else changes it until the caller's transaction ends.

    Raises:
        UnknownIdError: there is none.
    """
    query = select(batches).where(batches.c.id == batch)
    row = connection.execute(query.with_for_update() if locked else query).one_or_none()
    if row is None:
        raise UnknownIdError(batch)
    return row


def missing_of(connection: Connection, batch: str) -> tuple[int, int]:
    """Return how many scans of a batch wait, and how many fewer (or more, negative) were offered than expected."""
    row, counts = batch_row(connection, batch), batch_counts(connection, batch)
    return counts.waiting, 0 if row.expected is None else row.expected - counts.offered


def close(services: Services, batch: str, actor: Actor, waiver: Waiver | None = None) -> None:
    """Close a batch, or say why not; closing a closed one is no error.

    A difference between offered and expected needs a waiver: a reason and the second person who gives it. Its words
    stay in the database, bound to the event `waived` by a salted commitment.

    Raises:
        InvalidValueError: something waits, or the numbers differ and nobody waives it.
    """
    with services.database.write() as connection:
        row = batch_row(connection, batch, locked=True)  # of two that close it the second sees that it is
        if row.state == "closed":
            return
        waiting, short = missing_of(connection, batch)
        if waiting:
            raise InvalidValueError(f"{waiting} scans of this batch still wait")
        if short and waiver is None:
            raise InvalidValueError(f"offered and expected differ by {abs(short)}; a second person may waive it")
        now = services.clock.now()
        given = None if waiver is None or not short else {"reason": waiver.reason, "by": waiver.by}
        close_batch(connection, batch, instant(now), given)
        if waiver is not None and short:
            _waive(connection, services, row, actor, waiver, short)
        draft = Draft(
            services.ids.new("evt"), "batch_closed", batch, actor, client=row.client, before="open", after="closed"
        )
        append(connection, draft, now)


def _open(
    connection: Connection, services: Services, client: str, name: str | None, expected: int | None, actor: Actor
) -> BatchId:
    batch, now = services.ids.new("bat"), services.clock.now()
    connection.execute(
        insert(batches).values(id=batch, client=client, name=name, state="open", expected=expected, opened=instant(now))
    )
    draft = Draft(services.ids.new("evt"), "batch_opened", batch, actor, client=client, after="open")
    append(connection, draft, now)
    return BatchId(batch)


def _named(connection: Connection, client: str, given: str) -> Row[Any] | None:
    """Return a client's newest batch of this name, else the one with this id or start of it."""
    row = connection.execute(
        select(batches).where(batches.c.client == client, batches.c.name == given).order_by(batches.c.opened.desc())
    ).first()
    if row is None and given.startswith("bat_"):
        return batch_row(connection, resolve(connection, batches, given, batches.c.client == client))
    return row


def _waive(connection: Connection, services: Services, row: Row[Any], actor: Actor, waiver: Waiver, short: int) -> None:
    event, salt = services.ids.new("evt"), new_salt()
    draft = Draft(
        event, "waived", row.id, actor, client=row.client, reason="count-differs",
        obj={"by": waiver.by, "expected": row.expected, "short": short},
        detail=commitment(salt, waiver.reason.encode()),
    )  # fmt: skip
    append(connection, draft, services.clock.now())
    connection.execute(insert(event_details).values(event=event, client=row.client, salt=salt, text=waiver.reason))
