"""The movement trace of one file, for a court: every event of the file and of the boxes while it stood in them.

Each line says when it was recorded and when it happened, who did it and who held the file, where it was from then on,
and the number and hash of the ledger's entry, so that each line can be proved by itself. Nothing
is left out and nothing is summed up. Reference of the records desk, section 9.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from custody.desk_tables import boxes, locations
from custody.ledger import Entry, size
from custody.movements import Paper
from custody.tables import events
from custody.whereabouts import stays
from records.tables import persons
from tasks.reports.report import Column, Report, Scope, Value

COLUMNS = (
    Column("seq", "entry", 1),
    Column("recorded", "recorded", 3),
    Column("occurred", "happened", 3),
    Column("event", "event", 2),
    Column("subject", "of", 2),
    Column("from", "from", 2),
    Column("to", "to", 2),
    Column("place", "location", 4),
    Column("holder", "who has it", 3),
    Column("actor", "recorded by", 3),
    Column("role", "role", 2),
    Column("reason", "reason", 2),
    Column("due", "due", 2),
    Column("leaf_hash", "hash of the entry", 6),
)


def trace(scope: Scope, paper: Paper) -> Report:
    """Return the trace of a file or box, the oldest event first; totals name it and the size of the ledger."""
    connection = scope.connection
    names = _Names(connection)
    entries = sorted(_entries(connection, paper.id), key=lambda entry: entry.seq)
    rows = [_row(entry, names) for entry in entries]
    totals: dict[str, Value] = {
        "code": paper.barcode, "id": paper.id, "events": len(rows), "ledger_entries": size(connection),
    }  # fmt: skip
    return Report("trace", "Movements of one file", scope.now, COLUMNS, rows, totals)


def _entries(connection: Connection, paper: str) -> Iterator[Entry]:
    """Yield the events of a paper, and those of each box while it stood in it."""
    for stay in stays(connection, paper):
        query = select(events).where(events.c.subject == stay.paper, events.c.seq >= stay.first)
        if stay.last is not None:
            query = query.where(events.c.seq < stay.last)
        for row in connection.execute(query.order_by(events.c.seq)).all():
            yield Entry(row.seq, row.id, bytes(row.leaf), row.leaf_hash)


def _row(entry: Entry, names: "_Names") -> tuple[Value, ...]:
    event = entry.event
    return (
        entry.seq, event["ts"], event["occurred"], event["type"], names.paper(event["subject"]), event["from"],
        event["to"], names.place(event["place"]), names.person(event["holder"]), names.person(event["actor"]["id"]),
        event["actor"]["role"], event["reason"], event["due"], entry.leaf_hash,
    )  # fmt: skip


class _Names:
    """Names of places and people, looked up once each; a pseudonym without a person stays as it is."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._found: dict[str, str] = {}

    def place(self, place: str | None) -> str | None:
        if place is None:
            return None
        if place.startswith("box_"):
            return self._name(place, select(boxes.c.barcode).where(boxes.c.id == place))
        return self._name(place, select(locations.c.path).where(locations.c.id == place))

    def paper(self, paper: str) -> str:
        if not paper.startswith("box_"):
            return "file"
        return "box " + self._name(paper, select(boxes.c.barcode).where(boxes.c.id == paper))

    def person(self, pseudonym: str | None) -> str | None:
        return (
            None
            if pseudonym is None
            else self._name(pseudonym, select(persons.c.name).where(persons.c.pseudonym == pseudonym))
        )

    def _name(self, key: str, query: Any) -> str:
        if key not in self._found:
            name = self._connection.execute(query).scalar_one_or_none()
            self._found[key] = key if name is None else str(name)
        return self._found[key]
