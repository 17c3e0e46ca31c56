"""Rejecting a record whose pages do not serve: it stays, says why, and leaves the queue until it is scanned anew.

Nothing is taken away: the original is held, the record can be found, and a decision on its class or fields is still
possible. Taking the rejection back settles the reason.
"""

from sqlalchemy import insert, select, update

from custody.ledger import Draft
from custody.opening import Act, append_with_words
from records.errors import InvalidValueError
from records.ids import instant
from records.tables import records, reviews
from tasks.review.queue import RESCAN, let_go, now_of, require_free
from tasks.services import Services


def reject(services: Services, record: str, act: Act, token: int | None = None) -> None:
    """Reject a record in review, in one transaction with its event; harmless to repeat.

    The caller has asked `custody.access` for `review`. `token` is that of the lock under which it was looked at.

    Raises:
        InvalidValueError: it is not in review.
        ReviewTakenError: another person works on it.
    """
    with services.database.write() as connection:
        row = connection.execute(select(records).where(records.c.id == record).with_for_update()).one()
        require_free(connection, record, services.person.id, token, now_of(connection, services.clock))
        if row.state != "in_review":
            raise InvalidValueError(f"this record is {row.state}: only what waits for a decision is rejected")
        let_go(connection, record)
        same = (reviews.c.record == record) & (reviews.c.code == RESCAN) & reviews.c.settled.is_(None)
        if connection.execute(select(reviews.c.id).where(same)).first() is not None:
            return
        draft = Draft(
            services.ids.new("evt"), "qc_failed", record, act.actor, client=row.client, reason=act.reason,
            obj={"outcome": RESCAN},
        )  # fmt: skip
        append_with_words(services.vault, connection, draft, act.words)
        now = instant(services.clock.now())
        values = {"record": record, "client": row.client, "code": RESCAN, "field": None, "message": act.reason or ""}
        connection.execute(insert(reviews).values(**values, since=now))


def take_back(services: Services, record: str, act: Act) -> None:
    """Take a rejection back: the record is in the queue again.

    Raises:
        InvalidValueError: it was not rejected.
    """
    with services.database.write() as connection:
        row = connection.execute(select(records).where(records.c.id == record).with_for_update()).one()
        same = (reviews.c.record == record) & (reviews.c.code == RESCAN) & reviews.c.settled.is_(None)
        settled = {"settled": instant(services.clock.now()), "settled_by": act.actor.id}
        if not connection.execute(update(reviews).where(same).values(settled)).rowcount:
            raise InvalidValueError("this record was not rejected")
        draft = Draft(
            services.ids.new("evt"), "correction", record, act.actor, client=row.client, reason=act.reason,
            obj={"outcome": "rejection-taken-back"},
        )  # fmt: skip
        append_with_words(services.vault, connection, draft, act.words)
