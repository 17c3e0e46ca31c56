"""Reports of places: what is on its way too long, back and not put away, missing, seen though on loan; full shelves.

Reference of the records desk, section 9; the counting rule of a shelf is that of tasks/desk/places.py: what is out
keeps its place.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, func, literal, select, union

from custody.desk_tables import boxes, locations, physical_files
from custody.ledger import Entry
from custody.loan_tables import incidents, loans
from custody.tables import events
from records.ids import instant
from records.tables import clients, persons
from tasks.reports.report import Column, Report, Scope, Value, age_days

PAPER_COLUMNS = (
    Column("code", "code", 2),
    Column("kind", "kind", 2),
    Column("case_no", "case number", 2),
    Column("title", "title", 4),
    Column("client", "client", 2),
    Column("state", "state", 2),
    Column("place", "location", 3),
    Column("since", "since", 2),
    Column("days", "days", 1),
)
RETURNED = ("returned", "checked", "received", "found_pending")  # here, and not where they belong
GONE = ("withdrawn", "destroyed")
LAST_SEEN = 3  # places and people a search begins with
EVENTS_READ = 50  # of a missing paper, the latest first


def in_transit(scope: Scope, days: int = 2) -> Report:
    """List files and boxes that have been on their way for more than `days` days, the longest first."""
    rows = _papers(scope, ("in_transit",), scope.now - timedelta(days=days))
    return Report("in-transit", "On the way too long", scope.now, PAPER_COLUMNS, rows, {"in_transit": len(rows)})


def staging(scope: Scope, hours: int = 24) -> Report:
    """List what came back or in more than `hours` hours ago and is not put away, the longest first."""
    rows = _papers(scope, RETURNED, scope.now - timedelta(hours=hours))
    totals: dict[str, Value] = {"not_put_away": len(rows)}
    totals |= {state: sum(1 for row in rows if row[5] == state) for state in RETURNED}
    return Report("staging", "Back and not put away", scope.now, PAPER_COLUMNS, rows, totals)


def missing(scope: Scope) -> Report:
    """List what is missing: since when, who said so, and the last places and people, with which a search begins."""
    columns = (
        *PAPER_COLUMNS, Column("reported_by", "reported by", 2), Column("last_places", "last places", 4),
        Column("last_holders", "last people", 3),
    )  # fmt: skip
    rows: list[tuple[Value, ...]] = []
    names = _Names(scope)
    for paper, row in _with_ids(scope, ("missing", "found_pending"), scope.now):
        seen = _last_seen(scope, paper)
        places = [f"{names.place(place)} ({at[:10]})" for place, at in seen.places.items()]
        holders = [f"{names.person(holder)} ({at[:10]})" for holder, at in seen.holders.items()]
        by = None if seen.reported_by is None else names.person(seen.reported_by)
        rows.append((*row, by, "; ".join(places) or None, "; ".join(holders) or None))
    rows.sort(key=lambda row: (str(row[7]), str(row[0])))
    totals: dict[str, Value] = {
        state: sum(1 for row in rows if row[5] == state) for state in ("missing", "found_pending")
    }
    return Report("missing", "Missing", scope.now, columns, rows, totals)


def phantom(scope: Scope) -> Report:
    """List files that are on loan and were seen here: the loan or the shelf is wrong, until somebody settles it."""
    seen = (
        select(
            physical_files.c.barcode, physical_files.c.case_no, physical_files.c.title, physical_files.c.state,
            clients.c.name.label("client_name"), persons.c.name.label("borrower_name"), loans.c.opened_at,
            incidents.c.opened,
        )
        .join(physical_files, physical_files.c.id == incidents.c.file)
        .join(clients, clients.c.id == incidents.c.client)
        .outerjoin(loans, loans.c.id == incidents.c.loan)
        .outerjoin(persons, persons.c.id == loans.c.borrower)
        .where(
            incidents.c.client.in_(scope.clients), incidents.c.kind == "SEEN_WHILE_ON_LOAN",
            incidents.c.resolved.is_(None),
        )
        .order_by(incidents.c.opened, physical_files.c.barcode)
    )  # fmt: skip
    rows = [
        (row.barcode, row.case_no, row.title, row.client_name, row.state, row.borrower_name, row.opened_at, row.opened)
        for row in scope.connection.execute(seen)
    ]
    columns = (
        Column("file", "code", 2), Column("case_no", "case number", 2), Column("title", "title", 4),
        Column("client", "client", 2), Column("state", "state", 2), Column("borrower", "borrower", 3),
        Column("out", "since", 2), Column("seen", "seen here", 2),
    )  # fmt: skip
    return Report("phantom", "On loan and seen here", scope.now, columns, rows, {"phantom": len(rows)})


def occupancy(scope: Scope) -> Report:
    """List each place that holds or may hold something: how many boxes and loose files belong or stand there.

    Counted over all clients, as a shelf is full whoever fills it.
    """
    boxed, loose = _counts(scope, boxes, boxes.c.home), _counts(scope, physical_files, physical_files.c.home_place)
    query = select(locations).where(locations.c.state == "open", locations.c.kind != "SITE")
    rows: list[tuple[Value, ...]] = []
    full = room = 0
    for place in scope.connection.execute(query.order_by(locations.c.sort_key)):
        held = boxed.get(place.id, 0) + loose.get(place.id, 0)
        if place.capacity is None and not held:
            continue
        free = None if place.capacity is None else max(0, place.capacity - held)
        percent = None if not place.capacity else 100 * held // place.capacity
        full += free == 0
        room += free or 0
        rows.append(
            (place.path, place.kind, boxed.get(place.id, 0), loose.get(place.id, 0), place.capacity, free, percent)
        )
    columns = (
        Column("place", "location", 4), Column("kind", "kind", 2), Column("boxes", "boxes", 1),
        Column("loose_files", "loose files", 1), Column("capacity", "capacity", 1), Column("free", "free", 1),
        Column("percent", "percent full", 1),
    )  # fmt: skip
    totals: dict[str, Value] = {"places": len(rows), "full": full, "free": room}
    return Report("occupancy", "How full the shelves are", scope.now, columns, rows, totals)


def _counts(scope: Scope, table: Any, home: Any) -> dict[str, int]:
    # a paper counts once for the place it stands at and once for its home where that is another: both are taken
    remaining = ~table.c.state.in_(GONE)
    stands = select(table.c.id.label("paper"), table.c.place.label("spot")).where(remaining, table.c.place.is_not(None))
    belongs = select(table.c.id.label("paper"), home.label("spot")).where(remaining, home.is_not(None))
    taken = union(stands, belongs).subquery()
    query = select(taken.c.spot, func.count()).group_by(taken.c.spot)
    return {spot: count for spot, count in scope.connection.execute(query)}


def _papers(scope: Scope, states: tuple[str, ...], before: datetime) -> list[tuple[Value, ...]]:
    rows = [row for _, row in _with_ids(scope, states, before)]
    return sorted(rows, key=lambda row: (str(row[7]), str(row[0])))


def _with_ids(scope: Scope, states: tuple[str, ...], before: datetime) -> Iterator[tuple[str, tuple[Value, ...]]]:
    for table, query in ((physical_files, _file_query()), (boxes, _box_query())):
        wanted = table.c.client.in_(scope.clients) & table.c.state.in_(states) & (table.c.since <= instant(before))
        for row in scope.connection.execute(query.where(wanted)):
            yield row.id, _paper_row(row, scope)


def _file_query() -> Select[Any]:
    box, place = boxes.alias("in_box"), locations.alias("at_place")
    return (
        select(
            physical_files.c.id, physical_files.c.barcode, literal("file").label("kind"), physical_files.c.case_no,
            physical_files.c.title, physical_files.c.client, physical_files.c.state, physical_files.c.since,
            place.c.path, box.c.barcode.label("box_code"),
        )
        .outerjoin(box, box.c.id == physical_files.c.box)
        .outerjoin(place, place.c.id == func.coalesce(physical_files.c.place, box.c.place))
    )  # fmt: skip


def _box_query() -> Select[Any]:
    outer, place = boxes.alias("outer_box"), locations.alias("at_place")
    return (
        select(
            boxes.c.id, boxes.c.barcode, literal("box").label("kind"), literal(None).label("case_no"),
            boxes.c.client_ref.label("title"), boxes.c.client, boxes.c.state, boxes.c.since,
            place.c.path, outer.c.barcode.label("box_code"),
        )
        .outerjoin(outer, outer.c.id == boxes.c.box)
        .outerjoin(place, place.c.id == func.coalesce(boxes.c.place, outer.c.place))
    )  # fmt: skip


def _paper_row(row: Row[Any], scope: Scope) -> tuple[Value, ...]:
    where = " > ".join(part for part in (row.path, row.box_code) if part)
    return (
        row.barcode, row.kind, row.case_no, row.title, scope.clients[row.client], row.state, where or None, row.since,
        age_days(row.since, scope.now),
    )  # fmt: skip


@dataclass(slots=True)
class _Seen:
    """What the events of a paper say: place -> when, holder -> when, the latest first; and who missed it last."""

    places: dict[str, str] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    reported_by: str | None = None


def _last_seen(scope: Scope, paper: str) -> _Seen:
    found = _Seen()
    query = select(events).where(events.c.subject == paper).order_by(events.c.seq.desc()).limit(EVENTS_READ)
    for row in scope.connection.execute(query):
        event = Entry(row.seq, row.id, bytes(row.leaf), row.leaf_hash).event
        if event["type"] == "missing" and found.reported_by is None:
            found.reported_by = event["actor"]["id"]
        if event["place"] is not None and len(found.places) < LAST_SEEN:
            found.places.setdefault(event["place"], event["ts"])
        if event["holder"] is not None and len(found.holders) < LAST_SEEN:
            found.holders.setdefault(event["holder"], event["ts"])
    return found


class _Names:
    """What people call places, boxes and persons; each is looked up once a report."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._known: dict[str, str] = {}

    def place(self, place: str) -> str:
        """Return the path of a location; of a box its code, and where the box stands now."""
        if place not in self._known:
            self._known[place] = self._box(place) if place.startswith("box_") else self._path(place)
        return self._known[place]

    def person(self, pseudonym: str) -> str:
        """Return the name of who has a pseudonym; the pseudonym where nobody has it any more."""
        if pseudonym not in self._known:
            query = select(persons.c.name).where(persons.c.pseudonym == pseudonym)
            self._known[pseudonym] = self._scope.connection.execute(query).scalar_one_or_none() or pseudonym
        return self._known[pseudonym]

    def _path(self, place: str) -> str:
        query = select(locations.c.path).where(locations.c.id == place)
        return str(self._scope.connection.execute(query).scalar_one())

    def _box(self, box: str) -> str:
        row = self._scope.connection.execute(select(boxes.c.barcode, boxes.c.place).where(boxes.c.id == box)).one()
        return str(row.barcode) if row.place is None else f"{self.place(row.place)} > {row.barcode}"
