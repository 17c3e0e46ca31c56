"""Destroying a record's content in one transaction: its keys where nobody else needs them, and all clear data of it.

In the order of the events: `key_destroyed` for each original of which this is the last living record, whose envelopes
of every epoch go; then `disposed`. What is left is a tombstone: ids, class, sealed digests, and the history. Sealed
objects are noted in `doomed_objects`; the index follows from the outbox. Whatever goes wrong, all of it or nothing is
done. Source: custody reference, section 2.5; docs/design/disposal.md has the list of what is destroyed where.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from custody.desk_tables import file_records, physical_files
from custody.disposal_tables import disposal_lines, doomed_objects
from custody.holds import holdings
from custody.ledger import Actor, Draft, append
from custody.tables import derivatives, event_details, events, originals, outbox
from custody.vault import Vault
from custody.vault_keys import destroy_envelopes
from records.ids import instant
from records.review_tables import review_keyings, review_proposals, review_tasks
from records.tables import fields, pages, record_sources, records, reviews, scans

EXECUTOR = Actor("system", "executor", "system")
# rows that are gone with their record
PURGED = (fields, reviews, pages, review_tasks, review_proposals, review_keyings)


@dataclass(frozen=True, slots=True)
class Sentence:
    """By what a record is disposed of: the order's id, the line's approval, and whom the executor acts for."""

    order: str
    approval: str
    on_behalf: str
    reason: str


def lock_record(connection: Connection, record: str) -> Row[Any]:
    """Lock a record and the paper it is bound to until the caller's transaction ends; return the record's row."""
    bound = select(file_records.c.file).where(file_records.c.record == record)
    connection.execute(select(physical_files.c.id).where(physical_files.c.id.in_(bound)).with_for_update()).all()
    return connection.execute(select(records).where(records.c.id == record).with_for_update()).one()


def dispose(vault: Vault, connection: Connection, record: Row[Any], sentence: Sentence) -> None:
    """Destroy a locked record's content in the caller's transaction, which has found nothing in the way.

    Raises:
        LifecycleError: the ledger's own rules forbid it: no approval, a hold, a second person missing.
    """
    now = vault.clock.now()
    within = list(holdings(connection, [record.id])[record.id])
    for original in _last_of(connection, record.id):
        _shred(vault, connection, original, sentence, within)
    _doom_derivatives(connection, record, sentence.order)
    draft = Draft(
        vault.ids.new("evt"), "disposed", record.id, EXECUTOR, client=record.client, before=record.state,
        after="disposed", reason=sentence.reason, obj={"order": sentence.order, "within": within},
        auth_ref=sentence.approval, on_behalf=sentence.on_behalf,
    )  # fmt: skip
    entry = append(connection, draft, now)
    _purge(connection, record.id, entry.seq)
    connection.execute(
        insert(outbox).values(
            record=record.id, client=record.client, action="remove", seq=entry.seq, created=instant(now)
        )
    )
    connection.execute(
        update(disposal_lines)
        .where(disposal_lines.c.disposal == sentence.order, disposal_lines.c.record == record.id)
        .values(state="disposed", disposed=entry.id)
    )


def _last_of(connection: Connection, record: str) -> list[Row[Any]]:
    """Return the stored originals of a record of which no other living record was made, locked."""
    mine = select(record_sources.c.original).where(record_sources.c.record == record)
    # the originals' rows are locked first: of two records of one original that are disposed of at once, one is the last
    rows = connection.execute(
        select(originals)
        .where(originals.c.id.in_(mine), originals.c.state == "stored")
        .order_by(originals.c.id)
        .with_for_update()
    ).all()
    living = set(
        connection.execute(
            select(record_sources.c.original)
            .join(records, records.c.id == record_sources.c.record)
            .where(
                record_sources.c.original.in_([row.id for row in rows]),
                records.c.id != record,
                records.c.state != "disposed",
            )
        ).scalars()
    )
    return [row for row in rows if row.id not in living]


def _shred(vault: Vault, connection: Connection, original: Row[Any], sentence: Sentence, within: Sequence[str]) -> None:
    """Destroy every envelope of an original, and what tells of its clear bytes; its object is doomed."""
    now = vault.clock.now()
    count = destroy_envelopes(connection, original.id, now)
    draft = Draft(
        vault.ids.new("evt"), "key_destroyed", original.id, EXECUTOR, client=original.client, before="stored",
        after="shredded", reason=sentence.reason,
        obj={"order": sentence.order, "envelopes": count, "within": list(within)},
        auth_ref=sentence.approval, on_behalf=sentence.on_behalf,
    )  # fmt: skip
    append(connection, draft, now)
    connection.execute(update(originals).where(originals.c.id == original.id).values(state="shredded", sha256=None))
    _doom(connection, original, sentence.order, original.id, original.locked_until)
    copies = (scans.c.id == original.scan) | (scans.c.duplicate_of == original.scan)
    scan_ids = list(connection.execute(select(scans.c.id).where(copies)).scalars())
    connection.execute(
        update(scans)
        .where(scans.c.id.in_(scan_ids))
        .values(path="", source=b"", sha256=None, size=None, mtime_ns=None, detail=None)
    )
    _forget_words(connection, [original.id, *scan_ids])


def _doom_derivatives(connection: Connection, record: Row[Any], order: str) -> None:
    for row in connection.execute(select(derivatives).where(derivatives.c.record == record.id)).all():
        _doom(connection, row, order, record.id, None)
    connection.execute(delete(derivatives).where(derivatives.c.record == record.id))


def _doom(connection: Connection, row: Row[Any], order: str, subject: str, locked_until: str | None) -> None:
    connection.execute(
        insert(doomed_objects).values(
            object_key=row.object_key, object_version=row.object_version, client=row.client, disposal=order,
            subject=subject, locked_until=locked_until,
        )
    )  # fmt: skip


def _purge(connection: Connection, record: str, seq: int) -> None:
    """Delete the record's clear data and leave its tombstone."""
    for table in PURGED:
        connection.execute(delete(table).where(table.c.record == record))
    _forget_words(connection, [record])
    connection.execute(
        update(records)
        .where(records.c.id == record)
        .values(
            state="disposed", version=seq, class_confidence=None, class_evidence=None, language=None,
            text_source=None, readable=None, detail_salt=None,
        )
    )  # fmt: skip


def _forget_words(connection: Connection, subjects: Sequence[str]) -> None:
    """Delete what people said in free text when they did something to these subjects."""
    about = select(events.c.id).where(events.c.subject.in_(subjects))
    connection.execute(delete(event_details).where(event_details.c.event.in_(about)))
