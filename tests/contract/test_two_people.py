"""What two people decide, on SQLite and PostgreSQL: who proposed releases nothing, whatever way he goes (case 26)."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from review_rows import CLIENT, ReviewRows, append_life, deciding_rows, reviewer
from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError
from together import at_once

from custody.ledger import Draft, append
from custody.tables import events
from records.class_library import shipped_library
from records.errors import AccessDeniedError, LifecycleError, MunimentError
from records.ids import RecordId
from records.review_tables import review_proposals
from records.tables import fields, records, reviews
from tasks.review import deciding
from tasks.review.corrections import Change, Corrections
from tasks.review.overriding import Subject, hold_checks

PROPOSE = Change("number", None, "X9123456")
AGREE = Change("number", None, None, agree=True)


@pytest.fixture
def rows(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReviewRows]:
    library = shipped_library()
    with deciding_rows(engine, monkeypatch, (deciding,), library, "Ana", "Luis", "Eva") as made:
        yield made


def held(rows: ReviewRows, number: int = 1) -> RecordId:
    """An identity document whose number is held: the zone and the print differ."""
    record = rows.record(number, ("mrz", "number"))
    with rows.services.database.write() as connection:
        connection.execute(update(records).where(records.c.id == record).values(record_class="identity"))
        append_life(rows, connection, record, reviewer(rows, "Eva"))
        services = rows.services
        two = Subject(connection, services.ids, services.clock.now(), record, CLIENT, reviewer(rows, "Eva"), b"s" * 16)
        hold_checks(two, services.library.get("identity"))
    rows.field(record, "number", "X9123450", "review")
    return RecordId(record)


def decide(rows: ReviewRows, name: str, record: RecordId, change: Change) -> str:
    services: Any = SimpleNamespace(**{**vars(rows.services), "person": rows.people[name]})
    return deciding.correct(services, record, Corrections((change,)), reviewer(rows, name)).state


def number(rows: ReviewRows, record: str) -> tuple[str, str]:
    with rows.services.database.read() as connection:
        here = (fields.c.record == record) & fields.c.current.is_(True)
        row = connection.execute(select(fields).where(here)).one()
    return row.value, row.status


def test_one_proposes_and_another_releases(rows: ReviewRows) -> None:
    record = held(rows)
    assert decide(rows, "Ana", record, PROPOSE) == "in_review"
    assert number(rows, record) == ("X9123450", "review")
    assert decide(rows, "Luis", record, AGREE) == "described"
    assert number(rows, record) == ("X9123456", "corrected")


def test_case_26_who_proposed_releases_nothing_by_command_and_that_is_recorded(rows: ReviewRows) -> None:
    record = held(rows)
    decide(rows, "Ana", record, PROPOSE)
    for change in (AGREE, PROPOSE):
        with pytest.raises(AccessDeniedError):
            decide(rows, "Ana", record, change)
    with rows.services.database.read() as connection:
        denied = select(events.c.id).where(events.c.subject == record, events.c.type == "access_denied")
        assert len(connection.execute(denied).all()) == 2
    assert number(rows, record) == ("X9123450", "review")


def test_case_26_who_proposed_releases_nothing_by_writing_the_database(rows: ReviewRows) -> None:
    record = held(rows)
    decide(rows, "Ana", record, PROPOSE)
    own, proposals = reviewer(rows, "Ana").id, review_proposals
    for statement in (
        update(reviews).where(reviews.c.record == record).values(settled="now", settled_by=own),
        update(reviews).where(reviews.c.record == record).values(settled="now"),
        update(proposals).where(proposals.c.record == record).values(state="approved", decided_by=own),
        update(proposals).where(proposals.c.record == record).values(state="approved"),
        insert(proposals).from_select(
            ["record", "client", "field", "status", "checks", "proposed_by", "proposed", "event", "state"],
            select(
                proposals.c.record, proposals.c.client, proposals.c.field, proposals.c.status, proposals.c.checks,
                proposals.c.proposed_by, proposals.c.proposed, proposals.c.event, proposals.c.state,
            ),
        ),
    ):  # fmt: skip
        with pytest.raises(IntegrityError), rows.services.database.write() as connection:
            connection.execute(statement)


def test_case_26_who_proposed_releases_nothing_by_writing_the_ledger(rows: ReviewRows) -> None:
    record = held(rows)
    decide(rows, "Ana", record, PROPOSE)
    with rows.services.database.read() as connection:
        marks = select(events.c.id).where(
            events.c.subject == record, events.c.type.in_(("check_held", "override_proposed"))
        )
        refs = tuple(connection.execute(marks).scalars())
    said: dict[str, Any] = {"client": CLIENT, "obj": {"field": "number", "index": None}}
    for kind, more in (
        ("override_approved", {"refs": refs}), ("field_corrected", {}), ("field_confirmed", {}),
        ("review_released", {"before": "in_review", "after": "described", "obj": None}),
    ):  # fmt: skip
        draft = Draft(rows.services.ids.new("evt"), kind, record, reviewer(rows, "Ana"), **{**said, **more})
        with pytest.raises(LifecycleError), rows.services.database.write() as connection:
            append(connection, draft, rows.services.clock.now())


def test_two_who_agree_at_once_are_one_who_released_it(rows: ReviewRows) -> None:
    for count in range(1, 6):
        record, said = held(rows, count), []
        decide(rows, "Ana", record, PROPOSE)

        def one(name: str, record: RecordId = record, said: list[str] = said) -> None:
            try:
                said.append(decide(rows, name, record, AGREE))
            except MunimentError as error:
                said.append(type(error).__name__)

        assert at_once(partial(one, "Luis"), partial(one, "Eva")) == []
        assert sorted(said) == ["InvalidValueError", "described"]
        with rows.services.database.read() as connection:
            kinds = list(connection.execute(select(events.c.type).where(events.c.subject == record)).scalars())
        assert kinds.count("override_approved") == 1


def test_two_who_propose_at_once_never_agree_with_themselves(rows: ReviewRows) -> None:
    record, said = held(rows), []

    def one() -> None:
        try:
            said.append(decide(rows, "Ana", record, PROPOSE))
        except AccessDeniedError:
            said.append("denied")

    assert at_once(one, one) == []
    assert sorted(said) == ["denied", "in_review"] and number(rows, record) == ("X9123450", "review")


def test_the_known_parties_are_asked_for_before_anything_is_locked(
    rows: ReviewRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = RecordId(rows.record(1, ("iban-unconfirmed", "iban")))
    with rows.services.database.write() as connection:
        append_life(rows, connection, record, reviewer(rows, "Eva"))
    rows.field(record, "iban", "ES9121000418450200051332", "review", type="iban")
    writing, asked = [0], []
    write = rows.services.database.write

    @contextmanager
    def counted() -> Iterator[Connection]:
        writing[0] += 1
        with write() as connection:
            yield connection
        writing[0] -= 1

    monkeypatch.setattr(rows.services.database, "write", counted)
    rows.services.parties = lambda _client: asked.append(writing[0]) or ()
    decide(rows, "Ana", record, Change("iban", None, "ES7921000813610123456789"))
    assert asked[0] == 0 and len(asked) > 1  # later ones find it remembered
