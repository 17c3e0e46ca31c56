"""What people's decisions teach, on SQLite and PostgreSQL: places, names of tax ids, examples of classes."""

from typing import Any

import pytest
from review_rows import CLIENT, ReviewRows, review_rows
from sqlalchemy import Engine, insert, update

from records.class_library import RecordClass, shipped_library
from records.fields import Check, Description, Field, ReviewReason
from records.tables import clients, fields, records
from records.text import Box
from tasks.review import lessons
from tasks.review.lessons import BY_A_PERSON

INVOICE: RecordClass = shipped_library().get("invoice")
TAX_ID, NAME = "B64717838", "Papelería Ordóñez, S.L."
HOLDS = (Check("tax-id", "pass"),)
OTHER = f"cli_{2:032x}"


@pytest.fixture
def rows(engine: Engine) -> ReviewRows:
    made = review_rows(engine, "Ana")
    with made.services.database.write() as connection:
        connection.execute(insert(clients).values(id=OTHER, name="other", created="2026-11-23T00:00:00.000Z"))
    return made


def taught(rows: ReviewRows, number: int, name: str = NAME, **more: Any) -> str:
    record = rows.record(number)
    rows.field(record, "supplier", "Papeleria Ord", status="review", current=False)
    rows.field(record, "supplier", name, "corrected", revision=1, actor="psn_1", page=1, box=[1, 2, 3, 4], **more)
    rows.field(record, "supplier_tax_id", TAX_ID)
    return record


def described(name: Field, tax_id: Field | None = None) -> Description:
    issuer = tax_id or Field("supplier_tax_id", TAX_ID, "tax_id", "accepted", checks=HOLDS)
    reason = ReviewReason("required-missing", "supplier", "not found")
    return Description("invoice", "2", 1.0, (), (name, issuer), (reason,) if name.value is None else ())


def known(rows: ReviewRows, found: Description, client: str = CLIENT) -> Description:
    with rows.services.database.read() as connection:
        return lessons.with_known_party(connection, client, INVOICE, found)


MISSING = Field("supplier", None, "text", "missing")


def test_a_lesson_has_value_place_and_what_the_machine_had(rows: ReviewRows) -> None:
    record = taught(rows, 1)
    with rows.services.database.read() as connection:
        (lesson,) = lessons.lessons(connection, CLIENT, INVOICE)
        assert list(lessons.lessons(connection, OTHER, INVOICE)) == []
        assert list(lessons.lessons(connection, CLIENT, shipped_library().get("receipt"))) == []
    assert (lesson.record, lesson.field, lesson.value, lesson.before) == (record, "supplier", NAME, "Papeleria Ord")
    assert (lesson.page, lesson.box, lesson.party) == (1, Box(1, 2, 3, 4), TAX_ID)


def test_a_name_that_people_gave_a_tax_id_is_proposed_and_still_seen(rows: ReviewRows) -> None:
    taught(rows, 1)
    found = known(rows, described(MISSING))
    name = found.fields[0]
    assert (name.value, name.method, name.status) == (NAME, "learnt", "review")
    assert [(one.code, one.field) for one in found.review] == [("low-confidence", "supplier")]
    read = Field("supplier", "Papelerla 0rdonez", "text", "review", raw="Papelerla 0rdonez", confidence=0.4)
    assert known(rows, described(read)).fields[0].value == NAME


@pytest.mark.parametrize("case", ["sure", "other client", "two names", "tax id does not hold", "nothing taught"])
def test_nothing_is_put_where_it_is_not_known(rows: ReviewRows, case: str) -> None:
    if case != "nothing taught":
        taught(rows, 1)
    if case == "two names":
        taught(rows, 2, "Another, S.A.")
    found = described(MISSING)
    if case == "sure":
        found = described(Field("supplier", "Read surely, S.L.", "text", "accepted"))
    if case == "tax id does not hold":
        bad = Field("supplier_tax_id", TAX_ID, "tax_id", "review", checks=(Check("tax-id", "hold", ""),))
        found = described(MISSING, bad)
    assert known(rows, found, OTHER if case == "other client" else CLIENT) == found


def test_an_account_is_never_learnt(rows: ReviewRows) -> None:
    record = taught(rows, 1)
    rows.field(record, "iban", "ES9121000418450200051332", "confirmed", actor="psn_1")
    assert INVOICE.duplicate_key is not None
    with rows.services.database.read() as connection:
        party = lessons.party_of(connection, CLIENT, INVOICE.duplicate_key, TAX_ID)
    assert party is not None and party.accounts == ()


def test_examples_of_classes_are_those_that_people_decided(rows: ReviewRows) -> None:
    first, second = rows.record(1), rows.record(2)
    with rows.services.database.write() as connection:
        decided = {"class_evidence": [BY_A_PERSON, "factura"]}
        connection.execute(update(records).where(records.c.id == first).values(decided))
        connection.execute(update(records).where(records.c.id == second).values(class_evidence=["factura"]))
    with rows.services.database.read() as connection:
        assert lessons.class_examples(connection, CLIENT) == [(first, "invoice")]
        assert lessons.class_examples(connection, OTHER) == []


def test_what_was_disposed_of_teaches_nothing(rows: ReviewRows) -> None:
    taught(rows, 1)
    with rows.services.database.write() as connection:
        connection.execute(fields.delete())
    assert known(rows, described(MISSING)) == described(MISSING)
