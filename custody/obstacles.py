"""What stands in the way of disposing of a record; asked when it is listed, approved, and again when it is destroyed.

Source: reference of the records desk, section 4 and invariant 3. A hold, paper that is not on its shelf or is asked
for, and work under way stand in the way whatever the basis; the retention period does not where a law or the client
asks for the disposal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select

from custody.desk_tables import file_records, physical_files
from custody.disposal_tables import disposal_lines, disposal_orders
from custody.holds import holdings, open_holds
from custody.loan_tables import incidents, loans, requests
from custody.retention import Due, due_dates
from records.tables import record_sources, records, scans

RETENTION, LAW, INSTRUCTION = "retention", "law", "instruction"  # on what a disposal rests

# states of a file in which nobody else has to do with it
AT_REST = ("announced", "received", "stored", "checked", "withdrawn", "destroyed", "disposal_listed")

OBSTACLES = {
    "disposed": "It is disposed of already.",
    "in-work": "Its scan is still being worked on.",
    "hold": "A hold is open on it or on what it is part of.",
    "no-rule": "No retention rule says how long it is kept.",
    "permanent": "Its retention rule keeps it for ever.",
    "not-due": "Its retention period is not over.",
    "listed": "It stands on another order.",
    "on-loan": "Its paper is on loan.",
    "requested": "Its paper is asked for.",
    "incident": "Something about its paper is not settled.",
    "in-transfer": "Its paper stands on the list of a transfer.",
    "paper-away": "Its paper is on its way, missing or being scanned.",
}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing in the way: a code of OBSTACLES, and the id or day it is about."""

    code: str
    about: str | None = None


def obstacles(
    connection: Connection, wanted: Sequence[str], basis: str, today: date, order: str | None = None
) -> dict[str, list[Obstacle]]:
    """Return what stands in the way of each record; an empty list where nothing does.

    Args:
        connection: of the caller's transaction.
        wanted: records, some hundred at most.
        basis: one of custody.disposal_tables.BASES.
        today: local date.
        order: the order that the records stand on; being listed there is no obstacle.
    """
    found: dict[str, list[Obstacle]] = {record: [] for record in wanted}
    sources = (
        _settled(connection, wanted),
        _held(connection, wanted),
        _kept(due_dates(connection, wanted), today) if basis == RETENTION else iter(()),
        _listed(connection, wanted, order),
        _paper(connection, wanted),
    )
    for source in sources:
        for record, obstacle in source:
            if obstacle not in found[record]:
                found[record].append(obstacle)
    return found


def _settled(connection: Connection, wanted: Sequence[str]) -> Iterator[tuple[str, Obstacle]]:
    rows = connection.execute(
        select(records.c.id, records.c.state, scans.c.todo, scans.c.id.label("scan"))
        .select_from(
            records.join(record_sources, record_sources.c.record == records.c.id).join(
                scans, scans.c.id == record_sources.c.scan
            )
        )
        .where(records.c.id.in_(wanted))
    )
    for row in rows:
        if row.state == "disposed":
            yield row.id, Obstacle("disposed")
        elif row.todo:
            yield row.id, Obstacle("in-work", row.scan)


def _held(connection: Connection, wanted: Sequence[str]) -> Iterator[tuple[str, Obstacle]]:
    within = holdings(connection, wanted)
    held: dict[str, list[str]] = {}
    for row in open_holds(connection, {subject for subjects in within.values() for subject in subjects}):
        held.setdefault(row.subject, []).append(row.id)
    for record, subjects in within.items():
        for subject in subjects:
            for hold in held.get(subject, ()):
                yield record, Obstacle("hold", hold)


def _kept(dues: dict[str, Due], today: date) -> Iterator[tuple[str, Obstacle]]:
    for record, due in dues.items():
        if due.rule is None:
            yield record, Obstacle("no-rule")
        elif due.due_on is None:
            yield record, Obstacle("permanent", due.rule.name)
        elif due.due_on > today:
            yield record, Obstacle("not-due", due.due_on.isoformat())


def _listed(connection: Connection, wanted: Sequence[str], order: str | None) -> Iterator[tuple[str, Obstacle]]:
    rows = connection.execute(
        select(disposal_lines.c.record, disposal_lines.c.disposal)
        .join(disposal_orders, disposal_orders.c.id == disposal_lines.c.disposal)
        .where(disposal_lines.c.record.in_(wanted), disposal_lines.c.state == "listed")
    )
    for row in rows:
        if row.disposal != order:
            yield row.record, Obstacle("listed", row.disposal)


def _paper(connection: Connection, wanted: Sequence[str]) -> Iterator[tuple[str, Obstacle]]:
    papers = connection.execute(
        select(file_records.c.record, physical_files.c.id, physical_files.c.box, physical_files.c.state)
        .join(physical_files, physical_files.c.id == file_records.c.file)
        .where(file_records.c.record.in_(wanted))
    ).all()
    files, within = {paper.id for paper in papers}, {paper.box for paper in papers if paper.box is not None}
    busy: dict[str, list[Obstacle]] = {}
    for code, table, is_open in (
        ("on-loan", loans, loans.c.closed_at.is_(None)),
        ("requested", requests, requests.c.closed_at.is_(None)),
        ("incident", incidents, incidents.c.resolved.is_(None)),
    ):
        for target, about in _open_of(connection, table, is_open, files, within):
            busy.setdefault(target, []).append(Obstacle(code, about))
    for paper in papers:
        for target in (paper.id, paper.box):
            for obstacle in busy.get(target, ()):
                yield paper.record, obstacle
        if paper.state not in AT_REST and not busy.get(paper.id):
            yield paper.record, Obstacle("paper-away", paper.id)


def _open_of(
    connection: Connection, table: Table, is_open: ColumnElement[bool], files: set[str], within: set[str]
) -> Iterator[tuple[str, str]]:
    """Yield (file or box, id) of the open loans, requests or incidents that are about one of these."""
    columns: tuple[Any, ...] = (table.c.id, table.c.file, table.c.box)
    rows = connection.execute(select(*columns).where(is_open, table.c.file.in_(files) | table.c.box.in_(within)))
    for row in rows:
        yield row.file or row.box, row.id
