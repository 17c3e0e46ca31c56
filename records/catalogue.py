"""Loading and saving rows of the catalogue on a connection that is given; never commits.

A command takes an id or any unambiguous start of it: `resolve` (the command line's contract, section 2).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, func, insert, select, update

from records.errors import AmbiguousIdError, UnknownIdError
from records.fields import Check, Field, ReviewReason
from records.ids import ScanId
from records.review_codes import DOUBLE_KEY, LASTING
from records.tables import batches, clients, fields, pages, record_sources, records, reviews, scans
from records.text import Box, PageText

AT_ONCE = 500  # rows asked for at once: under every database's limit of parameters
SETTLED = ("corrected", "confirmed", "rejected")  # a person has decided these; the machine does not touch them
SHORTEST_START = 6  # characters of an id that may stand for it, prefix included


@dataclass(frozen=True, slots=True)
class Counts:
    """How many scans of a batch came to what; waiting counts the states `waiting` and `received`."""

    offered: int
    accessioned: int
    refused: int
    duplicate: int
    waiting: int


def resolve(connection: Connection, table: Table, start: str, *where: ColumnElement[bool]) -> str:
    """Return the one id of `table` that begins with `start`, among the rows that `where` allows.

    Raises:
        UnknownIdError: none does.
        AmbiguousIdError: more than one does.
    """
    escaped = start.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    query = select(table.c.id).where(table.c.id.like(escaped + "%", escape="\\"), *where).limit(2)
    found = list(connection.execute(query).scalars())
    if start in found:
        return start
    if len(start) < SHORTEST_START or not found:
        raise UnknownIdError(f"no {table.name.rstrip('s')} begins with {start[:40]}")
    if len(found) > 1:
        raise AmbiguousIdError(f"more than one {table.name.rstrip('s')} begins with {start[:40]}")
    return str(found[0])


def client_by_name(connection: Connection, name: str) -> Row[Any]:
    """Return a client by its name or id.

    Raises:
        UnknownIdError: there is none.
    """
    row = connection.execute(select(clients).where((clients.c.name == name) | (clients.c.id == name))).one_or_none()
    if row is None:
        raise UnknownIdError("no client has this name or id")
    return row


def scan_row(connection: Connection, scan: str) -> Row[Any]:
    """Return the row of a scan.

    Raises:
        UnknownIdError: there is none.
    """
    row = connection.execute(select(scans).where(scans.c.id == scan)).one_or_none()
    if row is None:
        raise UnknownIdError(scan)
    return row


def record_row(connection: Connection, record: str) -> Row[Any]:
    """Return the row of a record.

    Raises:
        UnknownIdError: there is none.
    """
    row = connection.execute(select(records).where(records.c.id == record)).one_or_none()
    if row is None:
        raise UnknownIdError(record)
    return row


def records_of_scan(connection: Connection, scan: ScanId) -> list[str]:
    """Return the ids of the records made from a scan, oldest first."""
    return list(connection.execute(select(records.c.id).where(records.c.scan == scan).order_by(records.c.id)).scalars())


def sources_of(connection: Connection, record: str) -> list[Row[Any]]:
    """Return the sources of a record in their order."""
    query = select(record_sources).where(record_sources.c.record == record).order_by(record_sources.c.position)
    return list(connection.execute(query))


def batch_counts(connection: Connection, batch: str) -> Counts:
    """Count the scans of a batch: offered = accessioned + refused + duplicate + waiting, always."""
    rows = connection.execute(select(scans.c.state, func.count()).where(scans.c.batch == batch).group_by(scans.c.state))
    by_state = {state: int(count) for state, count in rows}
    waiting = by_state.get("waiting", 0) + by_state.get("received", 0)
    return Counts(
        sum(by_state.values()), by_state.get("accessioned", 0), by_state.get("refused", 0),
        by_state.get("duplicate", 0), waiting,
    )  # fmt: skip


def batch_pages(connection: Connection, batch: str) -> int:
    """Count the pages read of a batch's records."""
    query = select(func.count()).select_from(pages.join(records, pages.c.record == records.c.id))
    return int(connection.execute(query.where(records.c.batch == batch)).scalar_one())


def close_batch(connection: Connection, batch: str, now: str, waiver: dict[str, Any] | None) -> None:
    """Set a batch to `closed`; whether it may close is the caller's question."""
    connection.execute(update(batches).where(batches.c.id == batch).values(state="closed", closed=now, waiver=waiver))


def page_values(record: str, client: str, original: str, page: PageText) -> dict[str, Any]:
    """Return the row of a page as read; the words themselves lie in the sealed words file."""
    return {
        "record": record, "number": page.page, "client": client, "original": original, "original_page": page.page,
        "width": page.width, "height": page.height, "dpi": page.dpi, "turned": page.turned, "skew": page.skew,
        "language": page.language, "engine": page.engine, "source": page.source, "blank": page.blank,
        "words": len(page.words), "confidence": page.confidence, "flags": list(page.flags),
        "facts": dict(page.facts),
    }  # fmt: skip


def replace_fields(connection: Connection, record: str, client: str, described: Iterable[Field], event: str) -> None:
    """Save the machine's description: every field gets a new revision; values a person settled stay as they are."""
    kept = {(row.name, row.position) for row in current_fields(connection, record) if row.status in SETTLED}
    connection.execute(
        update(fields)
        .where(fields.c.record == record, fields.c.current.is_(True), fields.c.actor.is_(None))
        .values(current=False)
    )
    for field in described:
        if (field.name, _position(field)) not in kept:
            add_revision(connection, record, client, field, event, None)


def add_revision(connection: Connection, record: str, client: str, field: Field, event: str, actor: str | None) -> None:
    """Save one value as the newest revision of its field; older revisions stay."""
    same = (fields.c.record == record) & (fields.c.name == field.name) & (fields.c.position == _position(field))
    last = connection.execute(select(func.max(fields.c.revision)).where(same)).scalar()
    connection.execute(update(fields).where(same).values(current=False))
    connection.execute(
        insert(fields).values(
            record=record, name=field.name, position=_position(field), revision=0 if last is None else last + 1,
            client=client, current=True, value=field.value, raw=field.raw, type=field.type, currency=field.currency,
            page=field.page, box=None if field.box is None else list(field.box), confidence=field.confidence,
            method=field.method, engine=field.engine, status=field.status,
            checks=[[check.check, check.outcome, check.message, check.rule] for check in field.checks], actor=actor,
            event=event,
            unchecked=field.status not in SETTLED and any(check.outcome == "unknown" for check in field.checks),
        )
    )  # fmt: skip


def current_fields(connection: Connection, record: str) -> list[Row[Any]]:
    """Return the rows of a record's current values, by name and position."""
    query = select(fields).where(fields.c.record == record, fields.c.current.is_(True))
    return list(connection.execute(query.order_by(fields.c.name, fields.c.position)))


def field_of(row: Row[Any]) -> Field:
    """Return a field from its row."""
    return Field(
        row.name, row.value, row.type, row.status, None if row.position < 0 else row.position, row.raw, row.currency,
        row.page, None if row.box is None else Box(*row.box), row.confidence, row.method, row.engine,
        tuple(Check(*check) for check in row.checks),
    )  # fmt: skip


def open_reviews(connection: Connection, record: str) -> list[Row[Any]]:
    """Return what a person must still decide about a record."""
    query = select(reviews).where(reviews.c.record == record, reviews.c.settled.is_(None)).order_by(reviews.c.id)
    return list(connection.execute(query))


def blind_fields(connection: Connection, wanted: Sequence[str]) -> set[tuple[str, str]]:
    """Return the fields of records that people are keying blind, as (record, field): no value of them is shown."""
    found: set[tuple[str, str]] = set()
    for start in range(0, len(wanted), AT_ONCE):
        query = select(reviews.c.record, reviews.c.field).where(
            reviews.c.record.in_(wanted[start : start + AT_ONCE]), reviews.c.settled.is_(None),
            reviews.c.code == DOUBLE_KEY,
        )  # fmt: skip
        found |= {(str(row.record), str(row.field)) for row in connection.execute(query)}
    return found


def replace_reviews(
    connection: Connection, record: str, client: str, reasons: Sequence[ReviewReason], now: str
) -> None:
    """Replace the open reasons of a record by `reasons`; what stays open keeps its date, and so does what is held."""
    wanted = {(reason.code, reason.field): reason for reason in reasons}
    for row in open_reviews(connection, record):
        if wanted.pop((row.code, row.field), None) is None and row.check_event is None and row.code not in LASTING:
            connection.execute(update(reviews).where(reviews.c.id == row.id).values(settled=now))
    for reason in wanted.values():
        add_review(connection, record, client, reason, now)


def add_review(connection: Connection, record: str, client: str, reason: ReviewReason, now: str) -> None:
    """Save one more reason why a person must decide."""
    values = {"record": record, "client": client, "code": reason.code, "field": reason.field, "message": reason.message}
    connection.execute(insert(reviews).values(**values, since=now))


def _position(field: Field) -> int:
    return -1 if field.index is None else field.index
