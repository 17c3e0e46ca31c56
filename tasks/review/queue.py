"""The queue of the review desk: what waits for a person, and who works on which record.

A record is held by one person for a time. The key of `review_tasks` makes that a rule of the database, and the token of
a lock tells whoever lost it: the time ran out and another took the record. Deciding on a record that another holds is
refused, with or without a lock of one's own. The order is rank, then what the person has not passed over, then age.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from custody.access import Person, hidden_from
from records.catalogue import blind_fields
from records.errors import ReviewTakenError
from records.ids import Clock, instant
from records.review_codes import DOUBLE_KEY, KEYED, KEYING_DIFFERS
from records.review_tables import review_keyings, review_proposals, review_tasks
from records.tables import clients, persons, records, reviews
from tasks.services import Services

HELD_FOR = timedelta(minutes=20)
RANKS = {"urgent": 1, "normal": 0, "low": -1}
RANK_NAMES = {rank: name for name, rank in RANKS.items()}
Work = Literal["decide", "key", "third"]
RESCAN = "rescan"  # the reason of a record that a person rejected: it waits for paper, not for a decision


@dataclass(frozen=True, slots=True)
class Filters:
    """Which items are wanted: client id, class, code of a reason, one record; and for which work one is taken.

    `key` is keying blind, `third` deciding between what two have keyed, `decide` all else.
    """

    client: str | None = None
    record_class: str | None = None
    reason: str | None = None
    record: str | None = None
    work: Work = "decide"


@dataclass(frozen=True, slots=True)
class Lock:
    """A record that a person holds: until when, and the token that later steps name."""

    record: str
    client: str
    since: str
    until: str
    token: int


def now_of(connection: Connection, clock: Clock) -> datetime:
    """Return the time by which locks end: the database's where many machines share it."""
    if connection.dialect.name == "postgresql":
        moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return moment
    return clock.now()


def items(
    connection: Connection, allowed: Mapping[str, str], filters: Filters, now: datetime, most: int | None = None
) -> list[dict[str, Any]]:
    """Return what waits for a person among the clients `allowed` (id -> role): by rank, then the oldest first.

    `most` limits the records. An item says who holds it (`locked_by`, a name) while a lock lives.
    """
    held_by = persons.c.name.label("held_by")
    task = review_tasks.c
    query = (
        select(reviews, records.c.record_class, clients.c.name.label("client_name"), task.rank, task.until, held_by)
        .select_from(
            reviews.join(records, reviews.c.record == records.c.id)
            .join(clients, clients.c.id == reviews.c.client)
            .outerjoin(review_tasks, task.record == reviews.c.record)
            .outerjoin(persons, persons.c.id == task.person)
        )
        .where(reviews.c.settled.is_(None), reviews.c.client.in_(allowed), *_wanted(filters))
        .order_by(func.coalesce(task.rank, 0).desc(), _since(), reviews.c.record, reviews.c.id)
    )
    found: dict[str, dict[str, Any]] = {}
    for row in connection.execute(query):
        if row.record not in found and most is not None and len(found) == most:
            break
        living = row.until is not None and row.until >= instant(now)
        item = found.setdefault(
            row.record,
            {
                "record": row.record, "client": row.client_name, "class": row.record_class, "reasons": [],
                "since": row.since, "locked_by": row.held_by if living else None,
                "locked_until": row.until if living else None, "priority": RANK_NAMES[row.rank or 0],
            },
        )  # fmt: skip
        item["reasons"].append({"code": row.code, "field": row.field, "message": row.message})
    for record, name in blind_fields(connection, list(found)):
        for reason in found[record]["reasons"]:
            reason["message"] = "" if reason["field"] == name else reason["message"]
    return list(found.values())


def take_next(
    services: Services, person: Person, allowed: Mapping[str, str], filters: Filters, length: timedelta = HELD_FOR
) -> Lock | None:
    """Take the record that is next for a person: what he holds already, else the first that nobody holds.

    People who ask at once get different records. None where nothing waits.
    """
    hidden: set[str] = set()
    while True:
        with services.database.write() as connection:
            now = now_of(connection, services.clock)
            first = _first(connection, person, allowed, filters, now, hidden)
            if first is None:
                return None
            record, client = first
            today = services.clock.now().astimezone().date()
            if hidden_from(connection, person, "review", today, [record]):
                hidden.add(record)
                continue
            lock = _take(connection, record, client, person, now, length)
        if lock is not None:  # else another took it between our look and our lock
            return lock


def take(services: Services, record: str, client: str, person: Person, length: timedelta = HELD_FOR) -> Lock:
    """Take one record, or go on holding it for a further time.

    Raises:
        ReviewTakenError: another person holds it.
    """
    with services.database.write() as connection:
        now = now_of(connection, services.clock)
        lock = _take(connection, record, client, person, now, length)
    if lock is None:
        raise ReviewTakenError("another person works on this record")
    return lock


def require_free(connection: Connection, record: str, person: str, token: int | None, now: datetime) -> None:
    """Make sure, in the transaction of a decision, that no other person (by id) holds the record.

    With the `token` of a lock: and that nobody took the record after this lock ended.

    Raises:
        ReviewTakenError: somebody does, or did.
    """
    row = connection.execute(
        select(review_tasks).where(review_tasks.c.record == record).with_for_update()
    ).one_or_none()
    if row is not None and row.person not in (None, person) and row.until >= instant(now):
        raise ReviewTakenError("another person works on this record")
    if token is not None and (row is None or row.token != token):
        raise ReviewTakenError("your time for this record ended, and another person took it")


def release(
    services: Services, record: str, person: Person, *, passed: bool = False, anybody: bool = False
) -> bool:  # fmt: skip
    """Give a record back; return whether it was held. `passed`: it comes to this person after all others.

    Raises:
        ReviewTakenError: another person holds it, and not `anybody`'s lock may be ended.
    """
    with services.database.write() as connection:
        now = now_of(connection, services.clock)
        row = connection.execute(
            select(review_tasks).where(review_tasks.c.record == record).with_for_update()
        ).one_or_none()
        if row is None or row.person is None:
            return False
        if row.person != person.id and row.until >= instant(now) and not anybody:
            raise ReviewTakenError("another person works on this record")
        let_go(connection, record, person.id if passed else row.passed_by)
    return True


def let_go(connection: Connection, record: str, passed_by: str | None = None) -> None:
    """End whatever lock there is on a record, in the caller's transaction."""
    free = {"person": None, "since": None, "until": None, "passed_by": passed_by}
    connection.execute(update(review_tasks).where(review_tasks.c.record == record).values(free))


def set_rank(services: Services, record: str, client: str, rank: str) -> None:
    """Put a record before or behind the others of the queue: urgent, normal or low."""
    with services.database.write() as connection:
        _make(connection, record, client)
        there = review_tasks.c.record == record
        connection.execute(update(review_tasks).where(there).values(rank=RANKS[rank]))


def _wanted(filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filters.client is not None:
        found.append(records.c.client == filters.client)
    if filters.record_class is not None:
        found.append(records.c.record_class == filters.record_class)
    if filters.record is not None:
        found.append(records.c.id == filters.record)
    if filters.reason is not None:
        found.append(_has_open(reviews.alias("asked"), filters.reason))
    return found


def _has_open(table: Any, code: str | None = None) -> ColumnElement[bool]:
    where = [table.c.record == records.c.id, table.c.settled.is_(None)]
    return exists().where(*where, *([] if code is None else [table.c.code == code]))


def _is_work(work: Work, person: Person) -> ColumnElement[bool]:
    """Tell of a record whether there is such work in it for this person: nobody is two of those who key a field."""
    open_, differs, keyed = reviews.alias("wanted"), reviews.alias("differs"), review_keyings.alias("keyed")
    here = [open_.c.record == records.c.id, open_.c.settled.is_(None)]
    if work == "decide":
        return exists().where(*here, open_.c.code.not_in(KEYED)) & ~_proposed_by(person)
    own = exists().where(
        keyed.c.record == open_.c.record, keyed.c.field == open_.c.field, keyed.c.settled.is_(None),
        keyed.c.keyed_by == person.pseudonym,
    )  # fmt: skip
    if work == "third":
        return exists().where(*here, open_.c.code == KEYING_DIFFERS, ~own)
    apart = exists().where(
        differs.c.record == open_.c.record, differs.c.field == open_.c.field, differs.c.settled.is_(None),
        differs.c.code == KEYING_DIFFERS,
    )  # fmt: skip
    return exists().where(*here, open_.c.code == DOUBLE_KEY, ~own, ~apart)


def _proposed_by(person: Person) -> ColumnElement[bool]:
    """What this person proposed waits for another."""
    own = review_proposals.c
    return exists().where(own.record == records.c.id, own.state == "open", own.proposed_by == person.pseudonym)


def _since() -> ColumnElement[Any]:
    """When the first of a record's open reasons came up."""
    own = reviews.alias("own")
    first = select(func.min(own.c.since)).where(own.c.record == records.c.id, own.c.settled.is_(None))
    return first.correlate(records).scalar_subquery()


def _first(
    connection: Connection, person: Person, allowed: Mapping[str, str], filters: Filters, now: datetime,
    hidden: Collection[str],
) -> tuple[str, str] | None:  # fmt: skip
    task = review_tasks.c
    mine = (task.person == person.id) & (task.until >= instant(now))
    free = or_(task.person.is_(None), task.until < instant(now), mine)
    held = func.coalesce(task.person, "") == person.id
    passed = func.coalesce(task.passed_by, "") == person.id
    query = (
        select(records.c.id, records.c.client)
        .select_from(records.outerjoin(review_tasks, task.record == records.c.id))
        .where(
            records.c.state == "in_review", records.c.client.in_(allowed), records.c.id.not_in(hidden), free,
            _is_work(filters.work, person), ~_has_open(reviews.alias("rejected"), RESCAN), *_wanted(filters),
        )
        .order_by(held.desc(), func.coalesce(task.rank, 0).desc(), passed, _since(), records.c.id)
        .limit(1)
        .with_for_update(of=records, skip_locked=True)
    )  # fmt: skip
    row = connection.execute(query).first()
    return None if row is None else (str(row.id), str(row.client))


def _make(connection: Connection, record: str, client: str) -> None:
    """Make the row of a record where there is none."""
    if connection.execute(select(review_tasks.c.record).where(review_tasks.c.record == record)).first() is not None:
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(review_tasks).values(record=record, client=client, rank=0, token=0))
    except IntegrityError:  # another made it meanwhile
        return


def _take(
    connection: Connection, record: str, client: str, person: Person, now: datetime, length: timedelta
) -> Lock | None:
    """Write a lock where nobody else holds the record; None where somebody does. The condition is in the statement."""
    _make(connection, record, client)
    task, until = review_tasks.c, instant(now + length)
    here = task.record == record
    mine = here & (task.person == person.id) & (task.until >= instant(now))
    renewed = update(review_tasks).where(mine).values(until=until)
    if not connection.execute(renewed).rowcount:
        free = here & or_(task.person.is_(None), task.until < instant(now))
        values = {"person": person.id, "since": instant(now), "until": until, "token": task.token + 1}
        if not connection.execute(update(review_tasks).where(free).values(values)).rowcount:
            return None
    row = connection.execute(select(review_tasks).where(here)).one()
    return Lock(record, client, row.since, row.until, row.token)
