"""Batches: opened with their event, closed when nothing waits and offered = expected, or by a named waiver."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from custody.keys import new_salt
from custody.ledger import Actor, Draft, append, commitment
from custody.tables import event_details
from records.catalogue import batch_counts, close_batch, resolve
from records.errors import InvalidValueError, UnknownIdError
from records.ids import BatchId, instant
from records.tables import batches
from tasks.services import Services


@dataclass(frozen=True, slots=True)
class Waiver:
    """Why a batch may close although offered and expected differ, and the pseudonym of the second person."""

    reason: str
    by: str


def open_batch(services: Services, client: str, name: str | None, expected: int | None, actor: Actor) -> BatchId:
    """Open a batch of a client and record it."""
    batch, now = services.ids.new("bat"), services.clock.now()
    with services.database.write() as connection:
        connection.execute(
            insert(batches).values(
                id=batch, client=client, name=name, state="open", expected=expected, opened=instant(now)
            )
        )
        draft = Draft(services.ids.new("evt"), "batch_opened", batch, actor, client=client, after="open")
        append(connection, draft, now)
    return BatchId(batch)


def find_or_open(services: Services, client: str, given: str | None, expected: int | None, actor: Actor) -> BatchId:
    """Return the open batch that `given` names by id or name, or open one (named, if `given` is no id).

    Raises:
        InvalidValueError: the batch named is closed.
    """
    if given is None:
        return open_batch(services, client, None, expected, actor)
    with services.database.read() as connection:
        row = connection.execute(
            select(batches).where(batches.c.client == client, batches.c.name == given).order_by(batches.c.opened.desc())
        ).first()
        if row is None and given.startswith("bat_"):
            found = resolve(connection, batches, given, batches.c.client == client)
            row = connection.execute(select(batches).where(batches.c.id == found)).one()
    if row is None:
        return open_batch(services, client, given, expected, actor)
    if row.state == "closed":
        raise InvalidValueError("this batch is closed; name another one")
    return BatchId(row.id)


def batch_row(connection: Connection, batch: str) -> Row[Any]:
    """Return the row of a batch.

    Raises:
        UnknownIdError: there is none.
    """
    row = connection.execute(select(batches).where(batches.c.id == batch)).one_or_none()
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
        row = batch_row(connection, batch)
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


def _waive(connection: Connection, services: Services, row: Row[Any], actor: Actor, waiver: Waiver, short: int) -> None:
    event, salt = services.ids.new("evt"), new_salt()
    draft = Draft(
        event, "waived", row.id, actor, client=row.client, reason="count-differs",
        obj={"by": waiver.by, "expected": row.expected, "short": short},
        detail=commitment(salt, waiver.reason.encode()),
    )  # fmt: skip
    append(connection, draft, services.clock.now())
    connection.execute(insert(event_details).values(event=event, client=row.client, salt=salt, text=waiver.reason))
