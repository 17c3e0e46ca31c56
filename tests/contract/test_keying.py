"""Blind double keying on SQLite and PostgreSQL: nobody sees or settles what is not his, nobody is two of the three."""

import json
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from review_rows import CLIENT, ReviewRows, append_life, deciding_rows, reviewer
from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from together import at_once

from custody.access import Person
from custody.ledger import Draft, append
from custody.tables import events
from records.catalogue import open_reviews
from records.class_library import ClassLibrary, RecordClass, shipped_library
from records.errors import AccessDeniedError, InvalidValueError, LifecycleError, MunimentError
from records.ids import RecordId
from records.review_tables import review_keyings
from records.tables import fields, records, reviews
from tasks.review import deciding, keying, queue
from tasks.review.corrections import Change, Corrections, KeyingReceipt
from tasks.review.queue import Filters, Work
from tasks.sampling import rates

INVOICE: RecordClass = shipped_library().get("invoice")
MACHINE = "1210.00"  # what the machine read, and nobody who keys may see


@pytest.fixture
def rows(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReviewRows]:
    library = ClassLibrary({**shipped_library().classes, "invoice": INVOICE})
    with deciding_rows(engine, monkeypatch, (deciding, keying), library, "Ana", "Luis", "Eva", "Ruy") as made:
        yield made


def waiting(rows: ReviewRows, number: int = 1, *more: tuple[str, str | None]) -> RecordId:
    """A record whose total two people key."""
    record = rows.record(number, ("double-key", "total"), *more)
    with rows.services.database.write() as connection:
        append_life(rows, connection, record, reviewer(rows, "Ana"))
    rows.field(record, "total", MACHINE, "review", type="money", currency="EUR", page=1, box=[1, 2, 3, 4])
    return RecordId(record)


def by(rows: ReviewRows, name: str) -> Any:
    """The services as of one person."""
    return SimpleNamespace(**{**vars(rows.services), "person": rows.people[name]})


def says(*values: tuple[str, str | None]) -> Corrections:
    return Corrections(tuple(Change(name, None, value, illegible=value is None) for name, value in values))


def key(rows: ReviewRows, name: str, record: RecordId, value: str | None, field: str = "total") -> KeyingReceipt:
    return keying.key(by(rows, name), record, says((field, value)), reviewer(rows, name))


def settle(rows: ReviewRows, name: str, record: RecordId, value: str | None) -> KeyingReceipt:
    return keying.settle(by(rows, name), record, says(("total", value)), reviewer(rows, name))


def total(rows: ReviewRows, record: str) -> tuple[str | None, str, str | None]:
    with rows.services.database.read() as connection:
        row = connection.execute(
            select(fields).where(fields.c.record == record, fields.c.name == "total", fields.c.current.is_(True))
        ).one()
    return row.value, row.status, row.actor


def kinds(rows: ReviewRows, record: str) -> list[str]:
    with rows.services.database.read() as connection:
        query = select(events.c.type).where(events.c.subject == record).order_by(events.c.seq)
        return list(connection.execute(query).scalars())[3:]


def codes(rows: ReviewRows, record: str) -> list[str]:
    with rows.services.database.read() as connection:
        return [row.code for row in open_reviews(connection, record)]


def next_for(rows: ReviewRows, name: str, work: Work) -> str | None:
    lock = queue.take_next(by(rows, name), rows.people[name], rows.allowed, Filters(work=work))
    if lock is None:
        return None
    queue.release(by(rows, name), lock.record, rows.people[name])
    return lock.record


def test_two_who_key_the_same_settle_it(rows: ReviewRows) -> None:
    record = waiting(rows)
    first = key(rows, "Ana", record, "121,00")
    assert (first.keyed, first.settled, first.state) == (("total",), (), "in_review")
    assert total(rows, record) == (MACHINE, "review", None)
    second = key(rows, "Luis", record, "121.00 EUR")
    assert (second.keyed, second.settled, second.state) == (("total",), ("total",), "described")
    assert total(rows, record) == ("121.00", "corrected", reviewer(rows, "Luis").id)
    assert kinds(rows, record) == [
        "viewed", "field_keyed", "viewed", "field_keyed", "keying_settled", "field_corrected", "review_released",
    ]  # fmt: skip
    assert codes(rows, record) == []


def test_what_both_and_the_machine_say_is_confirmed(rows: ReviewRows) -> None:
    record = waiting(rows)
    key(rows, "Ana", record, MACHINE)
    key(rows, "Luis", record, MACHINE)
    assert total(rows, record) == (MACHINE, "confirmed", reviewer(rows, "Luis").id)


@pytest.mark.parametrize("value", ["", None], ids=["absent", "illegible"])
def test_two_agree_that_there_is_nothing_to_read(rows: ReviewRows, value: str | None) -> None:
    record = waiting(rows)
    key(rows, "Ana", record, value)
    assert key(rows, "Luis", record, value).settled == ("total",)
    assert total(rows, record)[:2] == (None, "rejected")


def test_absent_and_illegible_are_not_the_same(rows: ReviewRows) -> None:
    record = waiting(rows)
    key(rows, "Ana", record, "")
    assert key(rows, "Luis", record, None).differ == ("total",)


def differing(rows: ReviewRows, number: int = 1) -> RecordId:
    record = waiting(rows, number)
    key(rows, "Ana", record, "121.00")
    receipt = key(rows, "Luis", record, "127.00")
    assert (receipt.settled, receipt.differ, receipt.state) == ((), ("total",), "in_review")
    return record


def test_case_25_where_two_differ_a_third_decides(rows: ReviewRows) -> None:
    record = differing(rows)
    assert codes(rows, record) == ["double-key", "keying-differs"]
    (step,) = keying.to_settle(by(rows, "Eva"), record, reviewer(rows, "Eva"))
    assert [(rival.value, rival.currency) for rival in step.rivals] == [("121.00", "EUR"), ("127.00", "EUR")]
    assert step.reasons == (("keying-differs", "121.00 EUR / 127.00 EUR"),) and step.page == 1
    receipt = settle(rows, "Eva", record, "127.00")
    assert (receipt.settled, receipt.state) == (("total",), "described")
    assert total(rows, record) == ("127.00", "corrected", reviewer(rows, "Eva").id)
    assert kinds(rows, record)[-4:] == ["viewed", "keying_settled", "field_corrected", "review_released"]


def test_the_third_may_say_what_neither_has_said(rows: ReviewRows) -> None:
    record = differing(rows)
    settle(rows, "Eva", record, "121.01")
    with rows.services.database.read() as connection:
        made = connection.execute(select(review_keyings).order_by(review_keyings.c.turn)).all()
    assert [(one.turn, one.value, one.right) for one in made] == [
        (1, "121.00", False), (2, "127.00", False), (3, "121.01", True),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["Ana", "Luis"])
def test_case_25_who_keyed_opens_settles_and_keys_no_more_and_that_is_recorded(rows: ReviewRows, name: str) -> None:
    record = differing(rows)
    with pytest.raises(AccessDeniedError):
        keying.to_settle(by(rows, name), record, reviewer(rows, name))
    with pytest.raises(AccessDeniedError):
        settle(rows, name, record, "121.00")
    with pytest.raises(AccessDeniedError):
        key(rows, name, record, "121.00")
    assert kinds(rows, record)[-3:] == ["access_denied"] * 3
    assert total(rows, record) == (MACHINE, "review", None)


def test_nobody_sees_what_was_keyed_before_both_have(rows: ReviewRows) -> None:
    record = waiting(rows)
    key(rows, "Ana", record, "121.00")
    for name in ("Luis", "Eva"):
        (step,) = keying.to_key(by(rows, name), record, rows.people[name].pseudonym)
        assert (step.name, step.value, step.currency, step.rivals) == ("total", None, None, ())
        assert "121" not in repr(step) and MACHINE not in repr(step)
        assert keying.to_settle(by(rows, name), record, reviewer(rows, name)) == []
    assert keying.to_key(by(rows, "Ana"), record, rows.people["Ana"].pseudonym) == []
    with pytest.raises(InvalidValueError, match="not keyed differently"):
        settle(rows, "Eva", record, "121.00")


def test_a_fourth_keys_nothing_and_one_alone_corrects_nothing(rows: ReviewRows) -> None:
    record = differing(rows)
    with pytest.raises(InvalidValueError, match="a third decides"):
        key(rows, "Eva", record, "121.00")
    for change in (Change("total", None, "121.00"), Change("total", None, None)):
        with pytest.raises(InvalidValueError, match="two people"):
            deciding.correct(by(rows, "Eva"), record, Corrections((change,)), reviewer(rows, "Eva"))


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [("total", "1.234", "two ways"), ("total", "abc", "an amount"), ("date", "2026-01-01", "not keyed by two"),
     ("nothing", "1", "has no field")],
)  # fmt: skip
def test_what_cannot_be_keyed_is_refused_and_nothing_is_written(
    rows: ReviewRows, field: str, value: str, why: str
) -> None:
    record = waiting(rows)
    with pytest.raises(InvalidValueError, match=why):
        key(rows, "Ana", record, value, field)
    assert kinds(rows, record) == []


def test_an_identifier_that_cannot_be_true_is_refused_at_once(rows: ReviewRows) -> None:
    record = waiting(rows, 1, ("double-key", "supplier_tax_id"))
    with pytest.raises(InvalidValueError, match="supplier_tax_id"):
        key(rows, "Ana", record, "A58818502", "supplier_tax_id")
    assert key(rows, "Ana", record, "A58818501", "supplier_tax_id").keyed == ("supplier_tax_id",)


def test_two_clerks_at_once_make_two_turns_and_one_settlement(rows: ReviewRows) -> None:
    for number in range(1, 7):
        record, said = waiting(rows, number), []

        def one(name: str, record: RecordId = record, said: list[str] = said) -> None:
            try:
                receipt = key(rows, name, record, "121.00")
                said.append("settled" if receipt.settled else "keyed")
            except MunimentError as error:
                said.append(type(error).__name__)

        assert at_once(*(partial(one, name) for name in rows.people)) == []
        assert sorted(said) == ["InvalidValueError", "InvalidValueError", "keyed", "settled"]
        assert total(rows, record)[:2] == ("121.00", "corrected")


def test_one_person_at_two_desks_keys_once(rows: ReviewRows) -> None:
    record, said = waiting(rows), []

    def one() -> None:
        try:
            key(rows, "Ana", record, "121.00")
            said.append("keyed")
        except AccessDeniedError:
            said.append("denied")

    assert at_once(one, one) == []
    assert sorted(said) == ["denied", "keyed"]


def test_the_queue_gives_each_the_work_that_is_his(rows: ReviewRows) -> None:
    differs, fresh, other = differing(rows), waiting(rows, 2), rows.record(3, ("low-confidence", "number"))
    assert [next_for(rows, name, "key") for name in ("Ana", "Luis", "Eva")] == [fresh] * 3
    assert [next_for(rows, name, "third") for name in ("Ana", "Luis", "Eva", "Ruy")] == [None, None, differs, differs]
    assert next_for(rows, "Ana", "decide") == other  # keying alone is no decision for one
    key(rows, "Ana", fresh, "1.00")
    assert [next_for(rows, name, "key") for name in ("Ana", "Luis")] == [None, fresh]


def test_two_who_ask_at_once_key_different_records(rows: ReviewRows) -> None:
    made = [str(waiting(rows, number)) for number in range(1, 9)]
    got: list[str] = []

    def work(person: Person) -> None:
        services = by(rows, person.name)
        while lock := queue.take_next(services, person, rows.allowed, Filters(work="key")):
            keying.key(services, RecordId(lock.record), says(("total", "9.00")), person.actor("reviewer"), lock.token)
            got.append(lock.record)

    assert at_once(*(partial(work, rows.people[name]) for name in ("Ana", "Luis"))) == []
    left = [record for record in made if codes(rows, record)]
    assert sorted(got) == sorted([*made, *(record for record in made if record not in left)])
    for name in ("Ana", "Luis"):  # a moment in which the other held the last record sends one home: take it up again
        while record := next_for(rows, name, "key"):
            key(rows, name, RecordId(record), "9.00")
    assert [codes(rows, record) for record in made] == [[]] * 8


def test_the_database_knows_one_role_for_each_whoever_writes(rows: ReviewRows) -> None:
    record = differing(rows)
    with rows.services.database.read() as connection:
        first = connection.execute(select(review_keyings).where(review_keyings.c.turn == 1)).one()
    third = {**first._mapping, "turn": 3, "settled": "now", "right": True}
    with pytest.raises(IntegrityError), rows.services.database.write() as connection:
        connection.execute(insert(review_keyings).values(third))
    other = {**third, "keyed_by": "psn_x", "settled": None, "right": None}
    with pytest.raises(IntegrityError), rows.services.database.write() as connection:
        connection.execute(insert(review_keyings).values(other))
    own = reviewer(rows, "Ana").id
    for values in ({"settled": "now", "settled_by": own}, {"settled": "now"}):
        with pytest.raises(IntegrityError), rows.services.database.write() as connection:
            connection.execute(update(reviews).where(reviews.c.record == record).values(values))


def test_the_ledger_itself_refuses_one_of_the_two_as_third(rows: ReviewRows) -> None:
    record = differing(rows)
    with rows.services.database.read() as connection:
        marks = list(connection.execute(select(review_keyings.c.event)).scalars())
    draft = Draft(
        rows.services.ids.new("evt"), "keying_settled", record, reviewer(rows, "Ana"), client=CLIENT,
        obj={"field": "total", "index": None}, refs=tuple(marks),
    )  # fmt: skip
    with pytest.raises(LifecycleError, match="made neither"), rows.services.database.write() as connection:
        append(connection, draft, rows.services.clock.now())


def test_no_value_is_in_the_ledger(rows: ReviewRows) -> None:
    record = differing(rows)
    settle(rows, "Eva", record, "127.00")
    with rows.services.database.read() as connection:
        leaves = [bytes(leaf) for leaf in connection.execute(select(events.c.leaf)).scalars()]
    assert not any(value in leaf for leaf in leaves for value in (b"121.00", b"127.00", MACHINE.encode()))
    commits = [json.loads(leaf)["commit"] for leaf in leaves if b'"field_keyed"' in leaf]
    assert len(set(commits)) == 2 and None not in commits


def test_a_contradicted_value_that_two_keyed_is_still_agreed_to_by_a_second(rows: ReviewRows) -> None:
    record = waiting(rows, 1, ("totals", "total"))
    key(rows, "Ana", record, MACHINE)
    receipt = key(rows, "Luis", record, MACHINE)
    assert (receipt.settled, receipt.state) == (("total",), "in_review")
    assert kinds(rows, record)[-3:] == ["keying_settled", "check_held", "override_proposed"]
    agree = Corrections((Change("total", None, None, agree=True),))
    with pytest.raises(AccessDeniedError):
        deciding.correct(by(rows, "Luis"), record, agree, reviewer(rows, "Luis"))
    deciding.correct(by(rows, "Ana"), record, agree, reviewer(rows, "Ana"))
    assert total(rows, record)[:2] == (MACHINE, "confirmed") and codes(rows, record) == []


def test_a_second_round_begins_anew(rows: ReviewRows) -> None:
    record = waiting(rows)
    key(rows, "Ana", record, "1.00")
    key(rows, "Luis", record, "1.00")
    with rows.services.database.write() as connection:
        row = {"record": record, "client": CLIENT, "code": "double-key", "field": "total", "message": ""}
        connection.execute(insert(reviews).values(**row, since="2026-11-25T00:00:00.000Z"))
    key(rows, "Ana", record, "2.00")
    key(rows, "Eva", record, "2.00")
    with rows.services.database.read() as connection:
        found = connection.execute(select(func.max(review_keyings.c.round), func.count())).one()
    assert tuple(found) == (2, 4) and total(rows, record)[0] == "2.00"


def test_error_rates_count_who_keyed_wrongly(rows: ReviewRows) -> None:
    settle(rows, "Eva", differing(rows), "121.00")
    record = waiting(rows, 2)
    key(rows, "Ana", record, "5.00")
    key(rows, "Luis", record, "5.00")
    with rows.services.database.read() as connection:
        (by_field,) = rates.keyed(connection, {CLIENT})
        people = {one.name: (one.count, one.wrong) for one in rates.operators(connection, {CLIENT})}
    assert (by_field.name, by_field.count, by_field.wrong) == ("total", 4, 1)
    assert people["Ana"] == (2, 0) and people["Luis"] == (3, 1)  # Luis also saved what both had keyed


def test_another_class_does_not_undo_what_one_has_keyed(rows: ReviewRows) -> None:
    record = waiting(rows)
    key(rows, "Ana", record, "3.00")
    with rows.services.database.write() as connection:
        connection.execute(update(records).where(records.c.id == record).values(record_class="letter"))
    assert key(rows, "Luis", record, "3.00").settled == ("total",)
    assert total(rows, record)[0] == "3.00"
