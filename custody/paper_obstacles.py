"""What stands in the way of destroying paper, or of giving it back for good; asked at every step of either.

The paper itself must be at rest with us, free of loans, requests, transfers and incidents, and so must the boxes around
it; a hold on it, its boxes, its client or a record made from it forbids it whatever the basis. Source: reference of the
records desk, section 3 (list for disposal) and invariant 3; the codes are those of custody/obstacles.py.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Connection, Table, select

from custody.desk_tables import file_records
from custody.disposal_tables import disposal_papers
from custody.holds import open_holds
from custody.loan_tables import incidents, loans, requests, transfer_lines
from custody.movements import Paper, reload
from custody.obstacles import RETENTION, Obstacle
from custody.retention import due_dates, rules_of
from custody.whereabouts import boxes_around
from records.ids import parse_instant

LISTABLE = ("received", "stored", "checked")  # states in which paper is at rest with us
LEAVING = (*LISTABLE, "picked")  # in which it may be handed over: it was fetched for that
BUSY: tuple[tuple[str, Table, Any], ...] = (
    ("on-loan", loans, loans.c.closed_at.is_(None)),
    ("requested", requests, requests.c.closed_at.is_(None)),
    ("incident", incidents, incidents.c.resolved.is_(None)),
    ("in-transfer", transfer_lines, transfer_lines.c.open),
)


def paper_obstacles(
    connection: Connection, paper: Paper, basis: str, today: date, order: str | None = None
) -> list[Obstacle]:
    """Return what stands in the way of destroying a file or box; nothing where it may be.

    Args:
        connection: of the caller's transaction.
        paper: a row of files or boxes.
        basis: one of custody.disposal_tables.BASES.
        today: local date.
        order: the order it stands on; being listed there is no obstacle.
    """
    found = [*_state(connection, paper, order), *_held(connection, paper), *_busy(connection, paper)]
    if basis == RETENTION and not paper.id.startswith("box_"):
        found += _kept(connection, paper, today)
    return list(dict.fromkeys(found))


def leaving_obstacles(connection: Connection, paper: Paper, transfer: str | None = None) -> list[Obstacle]:
    """Return what stands in the way of a client's taking a file or box back for good; nothing where it may go.

    The paper is at rest with us, and no hold, loan, request, incident or list is open about it or a box around it. How
    long it is to be kept does not matter: who takes it back keeps it. `transfer`: the list it stands on.
    """
    found = [*_state(connection, paper, None, LEAVING), *_held(connection, paper), *_busy(connection, paper, transfer)]
    return list(dict.fromkeys(found))


def around(connection: Connection, paper: Paper) -> list[str]:
    """Return everything whose hold holds a paper: itself, its client, its boxes, and the records made from it."""
    homes = [paper.home_box] if not paper.id.startswith("box_") and paper.home_box else []
    boxes = [box.id for inner in (paper.box, *homes) for box in boxes_around(connection, inner)]
    bound = connection.execute(select(file_records.c.record).where(file_records.c.file == paper.id)).scalars()
    return list(dict.fromkeys([paper.id, paper.client, *boxes, *bound]))


def _state(
    connection: Connection, paper: Paper, order: str | None, states: tuple[str, ...] = LISTABLE
) -> Iterator[Obstacle]:
    if paper.state == "destroyed":
        yield Obstacle("disposed")
    elif paper.state not in states and not (order is not None and paper.state == "disposal_listed"):
        yield Obstacle("listed" if paper.state == "disposal_listed" else "paper-away", paper.id)
    query = select(disposal_papers.c.disposal).where(
        disposal_papers.c.paper == paper.id, disposal_papers.c.state == "listed"
    )
    for other in connection.execute(query).scalars():
        if other != order:
            yield Obstacle("listed", other)


def _held(connection: Connection, paper: Paper) -> Iterator[Obstacle]:
    for row in open_holds(connection, around(connection, paper)):
        yield Obstacle("hold", row.id)


def _busy(connection: Connection, paper: Paper, transfer: str | None = None) -> Iterator[Obstacle]:
    """Yield what is open about the paper or a box around it, but for the list `transfer` itself."""
    boxed = [box.id for box in boxes_around(connection, paper.box)]
    for code, table, is_open in BUSY:
        column = table.c.box if paper.id.startswith("box_") else table.c.file
        about = (column == paper.id) | table.c.box.in_(boxed)
        if table is transfer_lines and transfer is not None:
            about &= table.c.transfer != transfer
        for one in connection.execute(select(table.c.id).where(is_open, about)).scalars():
            yield Obstacle(code, str(one))


def _kept(connection: Connection, file: Paper, today: date) -> Iterator[Obstacle]:
    """Yield what its retention says: that of each record made from it, or of the rule that the file itself names."""
    bound = connection.execute(select(file_records.c.record).where(file_records.c.file == file.id)).scalars().all()
    dues = [(due.rule, due.due_on) for due in due_dates(connection, bound).values()]
    if not bound:
        rule = next((one for one in rules_of(connection) if one.name == file.retention_rule), None)
        received = parse_instant(reload(connection, file.id).created).astimezone().date()
        dues = [(rule, None if rule is None else rule.due_on(received, None))]
    for rule, day in dues:
        if rule is None:
            yield Obstacle("no-rule")
        elif day is None:
            yield Obstacle("permanent", rule.name)
        elif day > today:
            yield Obstacle("not-due", day.isoformat())
