"""Feeding the index from the outbox, and making it anew from the catalogue: the index is never a source of truth.

One drainer at a time over all processes of an installation (`index_writer`). The index entry's version is the `seq` of
the event behind it, so repeating or overtaking does no harm (custody reference, section 5, step 7). Crash points: 41
applied to the index, 42 delivered.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Row, func, select, update

from custody.incidents import raise_incident
from custody.ledger import Draft, append_many
from custody.tables import outbox
from records.catalogue import blind_fields, current_fields, record_row
from records.errors import CustodyError
from records.ids import instant
from records.tables import pages, records
from records.text import read_words
from search.contract import RecordDocument, Removal
from tasks.services import SYSTEM, Services
from tasks.words import borrowed, words_path

_logger = logging.getLogger(__name__)
CHUNK = 50  # records at a time: bounds what a crash repeats
PAGES = 128  # pages at a time: bounds memory


@dataclass(frozen=True, slots=True)
class DrainReceipt:
    """How many outbox rows were delivered, for how many records."""

    rows: int
    records: int


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """How the index compares with the catalogue; `equal` is False also while something is pending."""

    engine: str
    catalogue_pages: int
    indexed_pages: int
    pending: int
    equal: bool
    version: int


def drain(services: Services) -> DrainReceipt:
    """Bring the index up to date with every committed outbox row.

    A record whose words do not open is left, with an incident in the ledger; the others go on.

    Raises:
        IndexUnavailableError: the index does not answer or another process holds it; the rows stay.
    """
    rows_done, records_done, left = 0, set[str](), set[str]()
    if not _pending(services, left):
        return DrainReceipt(0, 0)
    with services.index_writer():
        while rows := _pending(services, left):
            given = list(dict.fromkeys(row.record for row in rows))
            for group in _groups(services, given):
                left |= _apply(services, group)
            services.vault.reached(41)
            delivered = [row for row in rows if row.record not in left]
            _deliver(services, delivered, [record for record in given if record not in left])
            services.vault.reached(42)
            rows_done += len(delivered)
            records_done |= set(given) - left
    return DrainReceipt(rows_done, len(records_done))


def rebuild(services: Services) -> int:
    """Make the index anew from the catalogue and the sealed words; return the number of pages.

    Raises:
        IndexUnavailableError: the index does not answer or is held.
    """
    with services.index_writer():
        with services.database.read() as connection:
            last = connection.execute(select(func.max(outbox.c.id))).scalar() or 0
            ids = list(connection.execute(select(records.c.id).where(_readable()).order_by(records.c.id)).scalars())
        count = services.index.rebuild(_documents(services, ids))
        with services.database.write() as connection:
            now = instant(services.clock.now())
            connection.execute(
                update(outbox).where(outbox.c.id <= last, outbox.c.delivered.is_(None)).values(delivered=now)
            )
        _mark_indexed(services, ids)
    return count


def status(services: Services) -> IndexStatus:
    """Compare the index with the catalogue record by record (version and pages)."""
    expected, pending = _expected(services)
    found = _found(services)
    return IndexStatus(
        services.index.engine,
        sum(count for _, count in expected.values()),
        sum(count for _, count in found.values()),
        len(pending),
        found == expected,
        services.index.mapping_version,
    )


def differences(services: Services) -> list[tuple[str, str, str]]:
    """Return (record, expected, found) where index and catalogue differ, but for what the outbox still holds."""
    expected, pending = _expected(services)
    found = _found(services)
    return [
        (record, _shown(expected.get(record)), _shown(found.get(record)))
        for record in sorted(expected.keys() | found.keys())
        if expected.get(record) != found.get(record) and record not in pending
    ]


def _shown(entry: tuple[int, int] | None) -> str:
    return "no entry" if entry is None else f"version {entry[0]}, {entry[1]} pages"


def _expected(services: Services) -> tuple[dict[str, tuple[int, int]], set[str]]:
    with services.database.read() as connection:
        pending = set(connection.execute(select(outbox.c.record).where(outbox.c.delivered.is_(None))).scalars())
        rows = connection.execute(select(pages.c.record, func.count()).group_by(pages.c.record))
        counted: dict[str, int] = {record: count for record, count in rows}
        expected = {
            row.id: (row.version, counted.get(row.id, 0))
            for row in connection.execute(select(records.c.id, records.c.version).where(_readable()))
        }
    return expected, pending


def _found(services: Services) -> dict[str, tuple[int, int]]:
    return {entry.record: (entry.version, entry.pages) for entry in services.index.contents()}


def _readable() -> Any:
    return records.c.state.in_(("read", "described", "in_review", "indexed"))


def _pending(services: Services, left: set[str]) -> Sequence[Row[Any]]:
    with services.database.read() as connection:
        query = select(outbox).where(outbox.c.delivered.is_(None), outbox.c.record.not_in(left))
        return connection.execute(query.order_by(outbox.c.id).limit(CHUNK)).all()


def _groups(services: Services, ids: Sequence[str]) -> Iterator[list[str]]:
    """Yield the records in groups of at most PAGES pages (one record alone may have more): bounds memory."""
    with services.database.read() as connection:
        rows = connection.execute(
            select(pages.c.record, func.count()).where(pages.c.record.in_(ids)).group_by(pages.c.record)
        )
        counted: dict[str, int] = {record: count for record, count in rows}
    group: list[str] = []
    size = 0
    for record in ids:
        if group and size + counted.get(record, 0) > PAGES:
            yield group
            group, size = [], 0
        group.append(record)
        size += counted.get(record, 0)
    if group:
        yield group


def _apply(services: Services, ids: Sequence[str]) -> set[str]:
    """Apply a group to the index; return the records that had to be left, each with its incident."""
    try:
        living, removals = _parted(services, ids)
        with borrowed(services, living) as words:
            services.index.apply([*removals, *(_document(services, record, words[record]) for record in living)])
    except CustodyError as error:
        if len(ids) > 1:  # one by one, so that one damaged object stops only its own record
            return set[str]().union(*(_apply(services, [record]) for record in ids))
        _logger.error("record %s stays out of the index: %s", ids[0], type(error).__name__)  # noqa: TRY400
        with services.database.read() as connection:
            client = record_row(connection, ids[0]).client
        raise_incident(services.vault, ids[0], client, error, SYSTEM)
        return {ids[0]}
    return set()


def _parted(services: Services, ids: Sequence[str]) -> tuple[list[str], list[Removal]]:
    """Part records that are disposed of, which leave the index, from those that stay in it."""
    with services.database.read() as connection:
        gone: dict[str, int] = {
            row.id: row.version
            for row in connection.execute(
                select(records.c.id, records.c.version).where(records.c.id.in_(ids), records.c.state == "disposed")
            )
        }
    return [record for record in ids if record not in gone], [Removal(record, gone[record]) for record in gone]


def _deliver(services: Services, rows: Sequence[Row[Any]], ids: Sequence[str]) -> None:
    with services.database.write() as connection:
        now = instant(services.clock.now())
        connection.execute(update(outbox).where(outbox.c.id.in_([row.id for row in rows])).values(delivered=now))
    _mark_indexed(services, ids)


def _mark_indexed(services: Services, ids: Sequence[str]) -> None:
    """`indexed` is `described` with its index entry committed; a record in review stays so until a person decides."""
    gone: list[str] = []
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        with services.database.write() as connection:
            due = connection.execute(
                select(records).where(records.c.id.in_(part), records.c.state == "described").with_for_update()
            ).all()
            drafts = [
                Draft(
                    services.ids.new("evt"), "indexed", row.id, SYSTEM, client=row.client, before="described",
                    after="indexed",
                )
                for row in due
            ]  # fmt: skip
            append_many(connection, drafts, services.clock.now())
            connection.execute(update(records).where(records.c.id.in_([r.id for r in due])).values(state="indexed"))
            left = connection.execute(
                select(outbox.c.record).where(outbox.c.record.in_(part), outbox.c.delivered.is_(None))
            ).scalars()
            settled = connection.execute(
                select(records.c.id).where(records.c.id.in_(part), records.c.state.in_(("indexed", "in_review")))
            ).scalars()
            gone += set(settled) - set(left)
    for record in gone:  # their words are sealed and indexed: the clear working copy has done its work
        words_path(services, record).unlink(missing_ok=True)


def _documents(services: Services, ids: Sequence[str]) -> Iterator[RecordDocument]:
    for start in range(0, len(ids), CHUNK):
        for group in _groups(services, ids[start : start + CHUNK]):
            with borrowed(services, group) as words:
                for record in group:
                    yield _document(services, record, words[record])


def _document(services: Services, record: str, words: Path) -> RecordDocument:
    with services.database.read() as connection:
        row = record_row(connection, record)
        found: dict[str, list[str]] = {}
        blind = blind_fields(connection, [record])
        for field in current_fields(connection, record):
            if field.value is not None and field.status != "rejected" and (record, field.name) not in blind:
                found.setdefault(field.name, []).append(field.value)
    state = "indexed" if row.state == "described" else row.state
    return RecordDocument(
        record, row.client, row.record_class or "generic", state, row.batch, row.version,
        _date_of(found), found, tuple(read_words(words)),
    )  # fmt: skip


def _date_of(found: dict[str, list[str]]) -> date | None:
    for name in ("date", "period", "birth_date"):
        for value in found.get(name, []):
            try:
                return date.fromisoformat(value)
            except ValueError:
                continue
    return None
