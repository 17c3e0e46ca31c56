"""The shapes of answers: SCAN, BATCH, RECORD, FIELD and EVENT of the command line's contract, section 4.

Read from the catalogue on a given connection. A key without a value is present and None.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from custody import ledger
from custody.desk_tables import file_records
from custody.loan_tables import requests
from custody.tables import originals
from custody.whereabouts import stays
from records.catalogue import (
    batch_counts,
    batch_pages,
    blind_fields,
    current_fields,
    field_of,
    open_reviews,
    record_row,
    sources_of,
)
from records.fields import Field
from records.lifecycle import PROGRESS
from records.reasons import REFUSALS, WAITING
from records.tables import clients, pages, record_sources, records, scans
from records.text import HANDWRITING

Answer = dict[str, Any]
AT_ONCE = 500  # rows asked for at once: under every database's limit of parameters

SUMMARIES = {  # what an event says to people, in English; the web and the plain output translate
    "received": "The file was claimed", "sealed": "The original was sealed",
    "stored": "The original was stored and read back",
    "accessioned": "The scan was taken into custody", "registered": "The record was registered",
    "read": "The pages were read", "described": "Class and fields were found", "indexed": "The record can be found",
    "viewed": "The record was viewed", "exported": "Content was handed over", "refused": "The scan was refused",
    "duplicate_found": "The same bytes were held already", "field_corrected": "A field was corrected",
    "field_confirmed": "A field was confirmed", "review_released": "A person settled the review",
    "qc_failed": "A person rejected the record", "check_held": "Two people must decide on a field",
    "override_proposed": "A first person decided on what is held",
    "override_approved": "A second person agreed to what is held",
    "override_refused": "A decision on what is held was not agreed to",
    "sample_ordered": "A lot and a seed were recorded", "value_sampled": "A value was looked at in a sample",
    "sample_closed": "A sample was closed",
    "field_keyed": "A field was keyed blind", "keying_settled": "What was keyed twice was settled",
    "access_denied": "Access was denied", "envelope_released": "An envelope was handed over",
    "retention_set": "The lock was lengthened", "incident": "The work was stopped", "processed": "The system opened it",
    "search_hit_opened": "A search hit was opened", "abandoned": "The announced original was given up",
    "lent": "The paper was lent", "renewed": "The loan was renewed", "recalled": "The paper was asked back",
    "recharged": "The paper went from one holder to the next", "claimed": "The borrower says it was returned",
    "returned": "The paper came back", "checked": "Pages and condition were checked",
    "settled": "What was wrong with the paper was settled", "refiled": "The paper was put where it belongs",
    "moved": "The paper was moved", "picked": "The paper was taken from its shelf",
    "reserved": "The paper is kept ready for who asked for it", "in_transit": "The paper is on its way",
    "missing": "The paper is missing", "found": "The missing paper was seen",
    "found_approved": "A second person says that it is the missing paper",
    "prepared": "The paper went to be scanned",
    "scanned": "The paper was scanned", "sighted": "The paper was seen",
    "withdrawn": "The paper was given back for good",
    "withdrawal_proposed": "A first person listed it to be given back for good",
    "withdrawal_approved": "A second person approved that it is given back for good",
    "withdrawal_refused": "It is not given back for good",
    "requested": "The paper was asked for", "authorised": "The request was granted",
    "pickup_changed": "The request is fetched elsewhere",
    "requeued": "The request waits for its turn", "unfillable": "The request cannot be met",
    "expired": "The request ran out", "cancelled": "The request was cancelled",
    "reversed": "The last act was taken back",
    "place_closed": "The place was closed", "seal_set": "The box was sealed", "seal_broken": "The seal was broken",
    "bound": "Paper and image were bound together", "inventoried": "The shelf was counted",
    "key_released": "The key of a document was handed over", "key_rotated": "A vault key epoch began",
    "key_retired": "A vault key epoch was retired", "key_destroyed": "A key was destroyed",
    "key_rewrapped": "Envelopes were wrapped anew", "share_moved": "An escrow share was given to somebody",
    "share_destroyed": "An escrow share was destroyed", "escrow_checked": "The escrow was tried",
    "hold_set": "Disposal was forbidden", "hold_released": "A hold was released",
    "disposal_proposed": "Its disposal was proposed", "disposal_approved": "Its disposal was approved",
    "disposal_refused": "Its disposal was refused", "disposed": "It was disposed of",
    "listed": "The paper was listed for destruction", "unlisted": "The paper was taken off the list for destruction",
    "signatures_checked": "The digital signatures of the PDF were checked",
    "erasure_effective": "No copy of its key can come back", "object_removed": "Its sealed bytes were removed",
}  # fmt: skip


# the same types about paper, where the words about a scan would be wrong
PAPER_SUMMARIES = {"registered": "The paper was announced", "received": "The paper was taken over",
                   "disposed": "The paper was destroyed"}  # fmt: skip


def summary_of(event_type: str, subject: str) -> str:
    """Return in a few words what an event of this type says of its subject."""
    if subject.startswith(("fil_", "box_")) and event_type in PAPER_SUMMARIES:
        return PAPER_SUMMARIES[event_type]
    return SUMMARIES.get(event_type, event_type.replace("_", " "))


def client_name(connection: Connection, client: str) -> str:
    """Return a client's name."""
    return str(connection.execute(select(clients.c.name).where(clients.c.id == client)).scalar_one())


def scan_answer(connection: Connection, scan: str) -> Answer:
    """Return SCAN."""
    return scan_answers(connection, [scan])[0]


def scan_answers(connection: Connection, wanted: Sequence[str]) -> list[Answer]:
    """Return SCAN for each id, in the order given, by a few queries for every thousand."""
    found: dict[str, Answer] = {}
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        rows = connection.execute(
            select(scans, clients.c.name.label("client_name"))
            .join(clients, clients.c.id == scans.c.client)
            .where(scans.c.id.in_(part))
        ).all()
        sources = {row.duplicate_of or row.id for row in rows}
        made: dict[str, list[Any]] = {}
        query = select(records.c.id, records.c.scan, records.c.state).where(records.c.scan.in_(sources))
        for record in connection.execute(query.order_by(records.c.id)):
            made.setdefault(record.scan, []).append(record)
        found |= {row.id: _scan(row, made.get(row.duplicate_of or row.id, [])) for row in rows}
    return [found[scan] for scan in wanted]


def _scan(row: Any, made: Sequence[Any]) -> Answer:
    outcome = "waiting" if row.state == "received" else row.state
    state = row.state
    if state == "accessioned":  # from here on the least advanced of its records says how far it is
        state = min((record.state for record in made), key=PROGRESS.__getitem__, default=state)
    return {
        "scan": row.id, "path": row.path, "batch": row.batch, "client": row.client_name, "outcome": outcome,
        "state": state, "reason": _reason(row), "sha256": row.sha256, "size": row.size, "original": row.original,
        "records": [record.id for record in made] if outcome in ("accessioned", "duplicate") else [],
        "duplicate_of": row.duplicate_of, "since": row.since,
    }  # fmt: skip


def batch_answer(connection: Connection, row: Row[Any]) -> Answer:
    """Return BATCH."""
    counts = batch_counts(connection, row.id)
    return {
        "batch": row.id, "name": row.name, "client": client_name(connection, row.client), "state": row.state,
        "expected": row.expected, "offered": counts.offered, "accessioned": counts.accessioned,
        "refused": counts.refused, "duplicate": counts.duplicate, "waiting": counts.waiting,
        "pages": batch_pages(connection, row.id), "opened": row.opened, "closed": row.closed, "waiver": row.waiver,
    }  # fmt: skip


def record_answer(connection: Connection, record: str) -> Answer:
    """Return RECORD."""
    row = record_row(connection, record)
    sources = sources_of(connection, record)
    original = connection.execute(select(originals).where(originals.c.id == sources[0].original)).one()
    read = connection.execute(select(pages.c.number, pages.c.facts).where(pages.c.record == record)).all()
    blind = {name for _, name in blind_fields(connection, [record])}
    return {
        "id": row.id, "client": client_name(connection, row.client), "class": row.record_class,
        "class_confidence": row.class_confidence, "class_evidence": row.class_evidence, "state": row.state,
        "batch": row.batch, "scan": row.scan,
        "original": {
            "id": original.id, "sha256": original.sha256, "size": original.size, "media_type": original.media_type,
        },
        "sources": [
            {"original": s.original, "scan": s.scan, "first_page": s.first_page, "last_page": s.last_page}
            for s in sources
        ],
        "pages": len(read) or original.pages, "language": row.language, "text_source": row.text_source,
        "readable": row.readable, "handwriting": sorted(page.number for page in read if HANDWRITING in page.facts),
        "fields": [
            field_answer(hidden(field_of(field)) if field.name in blind else field_of(field))
            for field in current_fields(connection, record)
        ],
        "review": [
            {"code": r.code, "field": r.field, "message": "" if r.field in blind else r.message, "since": r.since}
            for r in open_reviews(connection, record)
        ],
        "file": connection.execute(select(file_records.c.file).where(file_records.c.record == record)).scalar(),
    }  # fmt: skip


def record_heads(connection: Connection, *where: ColumnElement[bool]) -> list[Answer]:
    """Return the short form of the records that `where` allows, oldest first, for lists."""
    query = (
        select(records, clients.c.name.label("client_name"), record_sources.c.original)
        .join(clients, clients.c.id == records.c.client)
        .join(record_sources, (record_sources.c.record == records.c.id) & (record_sources.c.position == 1))
        .where(*where)
        .order_by(records.c.id)
    )
    return [
        {
            "id": row.id, "client": row.client_name, "class": row.record_class, "state": row.state, "scan": row.scan,
            "original": row.original,
        }
        for row in connection.execute(query)
    ]  # fmt: skip


def hidden(field: Field) -> Field:
    """Return a field as it is shown while people key it blind: that it is there, and nothing of its value."""
    return replace(field, value=None, raw=None, currency=None, checks=())


def field_answer(field: Field) -> Answer:
    """Return FIELD."""
    return {
        "name": field.name, "index": field.index, "value": field.value, "raw": field.raw, "type": field.type,
        "currency": field.currency, "page": field.page, "box": None if field.box is None else list(field.box),
        "confidence": round(field.confidence, 4), "method": field.method, "engine": field.engine,
        "status": field.status,
        "checks": [
            {"check": c.check, "outcome": c.outcome, "message": c.message, "rule": c.rule or None} for c in field.checks
        ],
    }  # fmt: skip


def event_answer(entry: ledger.Entry, record: str | None = None) -> Answer:
    """Return EVENT."""
    event = json.loads(entry.leaf)
    return {
        "seq": entry.seq, "id": entry.id, "time": event["ts"], "type": event["type"], "subject": event["subject"],
        "record": record, "actor": event["actor"]["id"], "reason": event["reason"], "from": event["from"],
        "to": event["to"], "summary": summary_of(event["type"], event["subject"]),
    }  # fmt: skip


def timeline(connection: Connection, record: str) -> list[Answer]:
    """Return the events of a record in ledger order, paper and image as one.

    Those of `subjects_of`, of its batch, of what its file was asked for by, and of the boxes its file stood in, with
    what was asked for by them, for as long as it stood there. Loans are acts with the paper itself.
    """
    subjects = subjects_of(connection, record)
    asked = connection.execute(select(requests.c.id).where(requests.c.file.in_(subjects))).scalars().all()
    batch = record_row(connection, record).batch
    found = {entry.seq: entry for entry in ledger.of_subjects(connection, [*subjects, *asked, *filter(None, [batch])])}
    for paper in (one for one in subjects if one.startswith("fil_")):
        for box, first, last in stays(connection, paper):
            if box == paper:
                continue
            for_box = connection.execute(select(requests.c.id).where(requests.c.box == box)).scalars().all()
            entries = ledger.of_subjects(connection, [box, *for_box])
            found |= {one.seq: one for one in entries if first <= one.seq and (last is None or one.seq < last)}
    return [event_answer(found[seq], record) for seq in sorted(found)]


def subjects_of(connection: Connection, record: str) -> list[str]:
    """Return whose events speak of one record alone: its own, its scans', its originals', its file's."""
    sources = sources_of(connection, record)
    papers = connection.execute(select(file_records.c.file).where(file_records.c.record == record)).scalars()
    return sorted({record, *(s.scan for s in sources), *(s.original for s in sources), *papers})


def _reason(row: Row[Any]) -> Answer | None:
    if row.reason is None:
        return None
    advice = {**REFUSALS, **WAITING}[row.reason]
    message = row.reason.replace("-", " ") + (f": {row.detail}" if row.detail else "")
    return {"code": row.reason, "message": message, "next": advice.partition(": ")[2] or advice}
