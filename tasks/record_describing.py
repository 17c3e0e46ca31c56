"""The describing step: class and index fields from the words, checked; what does not hold waits for a person.

Field values lie in clear in the database, as the threat model says; the ledger gets one salted commitment to all of
them (`detail`, reference of custody, section 1.3). Crash point: 31 committed.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, select, update

from custody.keys import new_salt
from custody.ledger import Draft, append, commitment
from custody.opening import Act
from records.catalogue import (
    SETTLED,
    current_fields,
    field_of,
    open_reviews,
    record_row,
    replace_fields,
    replace_reviews,
    scan_row,
    sources_of,
)
from records.check_rules import ruled
from records.duplicates import is_copy, is_credit
from records.errors import InvalidValueError
from records.fields import Description, ReviewReason
from records.ids import RecordId, instant
from records.parties import Party
from records.sender_domains import Printed, printed_domains
from records.tables import clients, records
from records.text import read_embedded
from tasks import intake
from tasks.addressee import addressed
from tasks.asked_outside import asked_outside
from tasks.describe import FIRST_PAGES, LAST_PAGES, describe
from tasks.record_reading import put_in_outbox, signatures_checked
from tasks.relations import relate
from tasks.review.double_keys import asked_twice
from tasks.review.lessons import BY_A_PERSON, with_known_party
from tasks.review.overriding import Subject, hold_checks
from tasks.review.queue import now_of, require_free
from tasks.services import Services
from tasks.taught_models import newest
from tasks.words import borrowed, ends_of

TITLE_LETTERS = 1500  # of the first page, where a credit note or a copy says that it is one

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DescribeReceipt:
    """What was described: state and counts only."""

    record: RecordId
    state: str
    fields: int
    review: int


def describe_record(record: RecordId, services: Services) -> DescribeReceipt:
    """Find a record's class and fields and check them; harmless to repeat.

    Raises:
        UnavailableError: store or database; call again later.
    """
    with services.database.read() as connection:
        row = record_row(connection, record)
    if row.state != "read":
        return DescribeReceipt(record, row.state, 0, 0)
    read = _described(record, services)
    with services.database.write() as connection:
        row = record_row(connection, record)
        services.leases.fence(connection, row.scan)
        services.leases.progress(connection, row.scan)
        by = Act("described", intake.actor_of(scan_row(connection, row.scan)))
        state = _save(connection, services, row, read, by)
    services.vault.reached(31)
    found = read.description
    _logger.info("described record %s: %s, %d fields", record, state, len(found.fields))
    return DescribeReceipt(record, state, len(found.fields), len(found.review))


def describe_again(record: RecordId, services: Services, by: Act) -> DescribeReceipt:
    """Find a record's class and fields anew and run every check as it is now; what people decided stays as it is.

    Each value that people did not decide becomes a new revision, whose checks name today's rules; the older ones stay
    (reference of data verification, section 2; acceptance cases 7 and 30). The caller has asked `custody.access`.

    Raises:
        InvalidValueError: the record is not described yet.
        ReviewTakenError: another person works on it.
        UnavailableError: store or database; call again later.
    """
    read = _described(record, services)
    with services.database.write() as connection:
        row = connection.execute(select(records).where(records.c.id == record).with_for_update()).one()
        if row.state not in DESCRIBED:
            raise InvalidValueError(f"this record is {row.state}: it has no fields to check yet")
        require_free(connection, record, services.person.id, None, now_of(connection, services.clock))
        state = _save(connection, services, row, read, by)
    found = read.description
    _logger.info("described record %s again: %s, %d fields", record, state, len(found.fields))
    return DescribeReceipt(record, state, len(found.fields), len(found.review))


@dataclass(frozen=True, slots=True)
class _Read:
    """What a record is by its words, and what it is compared by.

    `marks`: whether its pages say that it is a credit note, and a copy; `registry`: the client's known parties;
    `printed`: the web and mail domains on its pages.
    """

    description: Description
    marks: tuple[bool, bool]
    registry: Sequence[Party] | None
    printed: tuple[Printed, ...]


def _described(record: RecordId, services: Services) -> _Read:
    """Read what a record is; the known parties are asked for here, outside of every transaction."""
    with services.database.read() as connection:
        row = record_row(connection, record)
        decided = _decided_class(row)
        hint = decided or scan_row(connection, row.scan).class_hint
        taught = newest(connection, row.client)
        signed = signatures_checked(connection, sources_of(connection, record)[0].original)
        client = connection.execute(select(clients.c.name).where(clients.c.id == row.client)).scalar_one()
    with borrowed(services, [record]) as words:
        read, unread = ends_of(words[record], FIRST_PAGES, LAST_PAGES)
        embedded = read_embedded(words[record])
    found = describe(read, services.library, services.clock.now().date(), hint, embedded=embedded, taught=taught)
    if decided is not None:
        found = replace(found, class_evidence=(DECIDED, *found.class_evidence))
    if unread:  # a page that cost its child is kept and named, never passed over (design, section 2, rule 2)
        listed = ", ".join(f"{page.page} ({', '.join(page.flags)})" for page in unread[:20])
        found = replace(found, review=(*found.review, ReviewReason("page-unread", None, f"pages {listed}")))
    if signed is not None and signed["reason"] == "invalid":
        said = f"{signed['obj']['invalid']} of {signed['obj']['signatures']}: {', '.join(signed['obj']['reasons'])}"
        found = replace(found, review=(*found.review, ReviewReason("signature-invalid", None, said)))
    titles = "\n".join(page.text[:TITLE_LETTERS] for page in read[:1])
    record_class = services.library.get(found.record_class)
    found = asked_outside(services, client, record_class, found, embedded)
    registry = services.parties(client) if record_class.duplicate_key is not None else ()
    printed = printed_domains((page.text, page.source == "born-digital") for page in read)
    return _Read(found, (is_credit(titles, None), is_copy(titles)), registry, printed)


def fields_commitment(connection: Connection, record: str, salt: bytes) -> str:
    """Commit to all current fields of a record under its salt: what `custody check` compares with the ledger."""
    values = [
        [row.name, row.position, row.value, row.raw, row.status, row.page, row.box]
        for row in current_fields(connection, record)
    ]
    return commitment(salt, json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode())


def _save(connection: Connection, services: Services, row: Row[Any], read: _Read, by: Act) -> str:
    """Compare a description with all else the client holds, and save it with its event; return the state after it."""
    now, record, event = services.clock.now(), row.id, services.ids.new("evt")
    record_class = services.library.get(read.description.record_class)
    found = relate(
        connection, record, row.client, record_class, read.description, read.registry, read.marks, read.printed
    )
    found = with_known_party(connection, row.client, record_class, found)
    found = asked_twice(record_class, addressed(connection, row.client, record_class, found))
    replace_fields(connection, record, row.client, [ruled(one, record_class) for one in found.fields], event)
    settled = {field.name for field in map(field_of, current_fields(connection, record)) if field.status in SETTLED}
    reasons = [reason for reason in found.review if reason.field is None or reason.field not in settled]
    replace_reviews(connection, record, row.client, reasons, instant(now))
    state = "in_review" if open_reviews(connection, record) else "described"
    salt = row.detail_salt or new_salt()
    draft = Draft(
        event, "described", record, by.actor, client=row.client, before=row.state, after=state, reason=by.reason,
        detail=fields_commitment(connection, record, salt),
    )  # fmt: skip
    entry = append(connection, draft, now)
    hold_checks(Subject(connection, services.ids, now, record, row.client, draft.actor, salt), record_class)
    values = {
        "record_class": found.record_class, "class_version": found.class_version,
        "class_confidence": found.class_confidence, "class_evidence": list(found.class_evidence), "state": state,
        "version": entry.seq, "detail_salt": salt,
    }  # fmt: skip
    connection.execute(update(records).where(records.c.id == record).values(values))
    put_in_outbox(connection, record, row.client, entry.seq, instant(now))
    return state


def _decided_class(row: Row[Any]) -> str | None:
    """Return the class that a person has decided on, if one has: reading again does not undo it."""
    return row.record_class if DECIDED in (row.class_evidence or ()) else None


DECIDED = BY_A_PERSON  # first of a record's class evidence then
DESCRIBED = ("described", "in_review", "indexed")  # states of a record that has fields
