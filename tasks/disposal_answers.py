"""The shapes of answers about retention, holds and disposal, and the certificate of an order.

The certificate says what was destroyed, by whose decision, and what was not: it is read from the ledger and its tables,
so that two people who ask get the same. Keys without a value are present and None; dates are local civil dates.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from custody import ledger
from custody.disposal_tables import disposal_orders, doomed_objects, holds, retention_rules
from custody.erasure import copies_of
from custody.obstacles import OBSTACLES, RETENTION, Obstacle
from custody.retention import due_dates
from custody.tables import events, key_wrappings, originals
from records.ids import parse_instant
from records.tables import clients, persons, record_sources, records
from tasks.answers import Answer, client_name
from tasks.disposal import AT_ONCE, in_the_way, lines_of, order_row

CERTIFICATE = "muniment-disposal-certificate-1"
METHOD = (
    "Cryptographic erasure: every envelope of the document's key was destroyed, of every epoch, so that the sealed "
    "original and everything derived from it no longer open; index, field values, texts and names were removed and the "
    "files of index and database rewritten."
)


def rule_answer(connection: Connection, row: Row[Any]) -> Answer:
    """Return a retention rule."""
    return {
        "rule": row.name, "client": None if row.client is None else client_name(connection, row.client),
        "class": row.record_class, "period": row.period, "from": row.start, "year_end": row.year_end,
        "authority": row.authority, "since": row.since,
    }  # fmt: skip


def rule_answers(connection: Connection) -> list[Answer]:
    """Return every retention rule, by name."""
    rows = connection.execute(select(retention_rules).order_by(retention_rules.c.name))
    return [rule_answer(connection, row) for row in rows]


def hold_answers(connection: Connection, mine: Sequence[str], released: bool) -> list[Answer]:
    """Return the holds of these clients, the oldest first; those that are released only where asked for."""
    query = select(holds).where(holds.c.client.in_(mine)).order_by(holds.c.id)
    if not released:
        query = query.where(holds.c.released.is_(None))
    names = _names(connection)
    return [
        {
            "hold": row.id, "subject": row.subject, "client": client_name(connection, row.client),
            "reason": row.reason, "set_by": names.get(row.set_by, row.set_by), "since": row.since,
            "released": row.released, "released_by": row.released_by and names.get(row.released_by, row.released_by),
        }
        for row in connection.execute(query)
    ]  # fmt: skip


def due_answers(
    connection: Connection, client: str, record_class: str | None, today: date, blocked: bool
) -> Iterator[Answer]:
    """Yield a client's living records that are due, by which rule; with `blocked` the others too, and why not.

    Oldest first and in flat memory: a caller that has enough stops.
    """
    query = select(records.c.id).where(records.c.client == client, records.c.state != "disposed")
    if record_class is not None:
        query = query.where(records.c.record_class == record_class)
    last = ""
    while part := list(
        connection.execute(query.where(records.c.id > last).order_by(records.c.id).limit(AT_ONCE)).scalars()
    ):
        last = part[-1]
        yield from (row for row in _dues(connection, part, today) if blocked or not row["obstacles"])


def _dues(connection: Connection, part: Sequence[str], today: date) -> Iterator[Answer]:
    dues, ways = due_dates(connection, part), in_the_way(connection, part, RETENTION, today)
    for row in connection.execute(select(records).where(records.c.id.in_(part)).order_by(records.c.id)):
        due = dues[row.id]
        yield {
            "record": row.id, "class": row.record_class, "state": row.state, "accessioned": row.created,
            "rule": None if due.rule is None else due.rule.name,
            "due": None if due.due_on is None else due.due_on.isoformat(),
            "obstacles": [obstacle_answer(one) for one in ways[row.id]],
        }  # fmt: skip


def obstacle_answer(obstacle: Obstacle) -> Answer:
    """Return one thing in the way."""
    return {"code": obstacle.code, "about": obstacle.about, "message": OBSTACLES[obstacle.code]}


def order_answers(connection: Connection, mine: Sequence[str], state: str | None) -> list[Answer]:
    """Return the orders of these clients, the oldest first."""
    query = select(disposal_orders.c.id).where(disposal_orders.c.client.in_(mine)).order_by(disposal_orders.c.id)
    if state is not None:
        query = query.where(disposal_orders.c.state == state)
    return [order_answer(connection, order) for order in connection.execute(query).scalars()]


def order_answer(connection: Connection, order: str) -> Answer:
    """Return an order with the state of each of its records."""
    row = order_row(connection, order)
    names = _names_by_id(connection)
    return {
        "order": row.id, "kind": row.kind, "client": client_name(connection, row.client), "state": row.state,
        "basis": row.basis, "reason": row.reason, "proposed_by": names.get(row.proposed_by), "proposed": row.proposed,
        "approved_by": row.approved_by and names.get(row.approved_by), "approved": row.approved,
        "begun": row.begun, "ended": row.ended,
        "records": [
            {"record": line.record, "state": line.state, "rule": line.rule, "due": line.due_on}
            for line in lines_of(connection, order)
        ],
    }  # fmt: skip


def certificate(connection: Connection, order: str, backup_days: int | None) -> Answer:
    """Return the certificate of an order: what was destroyed by whose decision, what is left, what left our reach."""
    row = order_row(connection, order)
    client = connection.execute(select(clients).where(clients.c.id == row.client)).one()
    people = {
        person.id: {"name": person.name, "pseudonym": person.pseudonym}
        for person in connection.execute(select(persons))
    }
    lines = lines_of(connection, order)
    gone = [line for line in lines if line.state == "disposed"]
    return {
        "format": CERTIFICATE, "certificate": row.id, "state": row.state,
        "client": {"id": client.id, "name": client.name}, "method": METHOD,
        "authority": {"basis": row.basis, "reason": row.reason},
        "proposed": {"by": people.get(row.proposed_by), "at": row.proposed, "event": _seq(connection, row.proposal)},
        "approved": {
            "by": row.approved_by and people.get(row.approved_by), "at": row.approved,
            "event": _seq(connection, row.approval),
        },
        "carried_out": {"on_behalf_of": row.run_by, "begun": row.begun, "ended": row.ended},
        "ledger_before": row.ledger,
        "records": [_destroyed(connection, line) for line in gone],
        "dropped": [line.record for line in lines if line.state == "dropped"],
        "copies": _copies(connection, gone),
        "clear_text_in_backups_until": _backups_until(row.ended if gone else None, backup_days),
        "not_destroyed": _not_destroyed(connection, order),
    }  # fmt: skip


def _destroyed(connection: Connection, line: Row[Any]) -> Answer:
    record = connection.execute(select(records).where(records.c.id == line.record)).one()
    made_of = select(record_sources.c.original).where(record_sources.c.record == line.record)
    rows = connection.execute(select(originals).where(originals.c.id.in_(made_of)).order_by(originals.c.id)).all()
    return {
        "record": record.id, "class": record.record_class, "accessioned": record.created, "rule": line.rule,
        "due": line.due_on, "disposed": _seq(connection, line.disposed),
        "originals": [_original(connection, row) for row in rows],
    }  # fmt: skip


def _original(connection: Connection, row: Row[Any]) -> Answer:
    epochs = select(key_wrappings.c.vault_key).where(key_wrappings.c.original == row.id)
    doomed = connection.execute(
        select(doomed_objects).where(doomed_objects.c.subject == row.id, doomed_objects.c.object_key == row.object_key)
    ).one_or_none()
    return {
        "original": row.id, "sealed_sha256": row.sealed_sha256, "pages": row.pages,
        "key_destroyed": _last(connection, row.id, "key_destroyed"),
        "erasure_effective": _last(connection, row.id, "erasure_effective"),
        "epochs": sorted(connection.execute(epochs).scalars()),
        "object_removed": None if doomed is None else doomed.removed,
        "object_locked_until": None if doomed is None or doomed.removed else doomed.locked_until,
    }  # fmt: skip


def _copies(connection: Connection, gone: Sequence[Row[Any]]) -> list[Answer]:
    """Return what left our reach while it was held: no disposal gets it back."""
    wanted = [line.record for line in gone]
    made_of = select(record_sources.c.original).where(record_sources.c.record.in_(wanted))
    subjects = [*wanted, *connection.execute(made_of).scalars()]
    return [
        {"event": copy.seq, "type": copy.type, "subject": copy.subject, "at": copy.ts}
        for copy in copies_of(connection, subjects)
    ]


def _not_destroyed(connection: Connection, order: str) -> list[Answer]:
    """Return the sealed objects that still lie in the store, unreadable, until their lock ends."""
    rows = connection.execute(
        select(doomed_objects).where(doomed_objects.c.disposal == order, doomed_objects.c.removed.is_(None))
    )
    return [{"subject": row.subject, "locked_until": row.locked_until} for row in rows]


def _backups_until(ended: str | None, backup_days: int | None) -> str | None:
    """Return the day after which no database backup holds the clear text; None: not known, or nothing was destroyed."""
    if not ended or backup_days is None:
        return None
    return (parse_instant(ended) + timedelta(days=backup_days)).date().isoformat()


def _seq(connection: Connection, event: str | None) -> int | None:
    if event is None:
        return None
    found = ledger.find(connection, event)
    return None if found is None else found.seq


def _last(connection: Connection, subject: str, kind: str) -> Answer | None:
    row = connection.execute(
        select(events.c.seq, events.c.ts)
        .where(events.c.subject == subject, events.c.type == kind)
        .order_by(events.c.seq.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else {"event": row.seq, "at": row.ts}


def _names(connection: Connection) -> dict[str, str]:
    return {row.pseudonym: row.name for row in connection.execute(select(persons.c.pseudonym, persons.c.name))}


def _names_by_id(connection: Connection) -> dict[str, str]:
    return {row.id: row.name for row in connection.execute(select(persons.c.id, persons.c.name))}
