"""Ask a person about values of a record that were settled: a sample or another document has said something of them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, update

from custody.keys import new_salt
from custody.ledger import Actor, Draft, append
from records.catalogue import add_review
from records.fields import ReviewReason
from records.ids import instant
from records.tables import fields, records
from tasks.record_describing import fields_commitment
from tasks.record_reading import put_in_outbox
from tasks.services import Services


def reopen(
    services: Services, connection: Connection, row: Row[Any], reasons: Sequence[ReviewReason], actor: Actor
) -> None:  # fmt: skip
    """Add reasons of one code to a locked record that is described, and move it to review, in the caller's transaction.

    A value that was taken without a person is no longer taken.
    """
    now, event, record = services.clock.now(), services.ids.new("evt"), row.id
    for reason in reasons:
        add_review(connection, record, row.client, reason, instant(now))
        there = (fields.c.record == record) & (fields.c.name == reason.field) & fields.c.current.is_(True)
        connection.execute(update(fields).where(there, fields.c.status == "accepted").values(status="review"))
    salt = row.detail_salt or new_salt()
    draft = Draft(
        event, "described", record, actor, client=row.client, before=row.state, after="in_review",
        reason=reasons[0].code, detail=fields_commitment(connection, record, salt),
    )  # fmt: skip
    entry = append(connection, draft, now)
    moved = {"state": "in_review", "version": entry.seq, "detail_salt": salt}
    connection.execute(update(records).where(records.c.id == record).values(moved))
    put_in_outbox(connection, record, row.client, entry.seq, instant(now))
