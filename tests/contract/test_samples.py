"""Samples on SQLite and PostgreSQL: seed before draw, drawn again by a stranger, exact intervals, rejected lots."""

import json
import math
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest
from review_rows import CLIENT, ReviewRows, review_rows
from sqlalchemy import Engine, select, update

from custody.opening import root_of_ids
from custody.tables import events
from records.class_library import shipped_library
from records.errors import InvalidValueError, UnknownIdError
from records.sampling import at_most, clean_needed, interval
from records.tables import fields, records, reviews
from tasks.sampling import drawing, rates
from tasks.sampling.drawing import Lot

LIFE = (
    ("registered", None, "accessioned"), ("read", "accessioned", "read"), ("described", "read", "described"),
    ("indexed", "described", "indexed"),
)  # fmt: skip


@pytest.fixture
def rows(engine: Engine) -> ReviewRows:
    made = review_rows(engine, "Ana", "Luis")
    made.services.library = shipped_library()
    made.services.vault = SimpleNamespace(reached=lambda _step: None)
    return made


def lot(rows: ReviewRows, count: int) -> list[str]:
    made = []
    for number in range(1, count + 1):
        record = rows.record(number)
        with rows.services.database.write() as connection:
            connection.execute(update(reviews).where(reviews.c.record == record).values(settled="now"))
            connection.execute(update(records).where(records.c.id == record).values(state="indexed"))
            actor = rows.people["Ana"].actor("reviewer")
            for kind, before, after in LIFE:
                event = rows.services.ids.new("evt")
                draft = drawing.Draft(event, kind, record, actor, client=CLIENT, before=before, after=after)
                drawing.append(connection, draft, rows.services.clock.now())
        rows.field(record, "supplier", f"S{number}")
        rows.field(record, "total", "1.00", type="money")
        rows.field(record, "number", "F-1", status="confirmed")
        made.append(record)
    return made


def ordered(rows: ReviewRows, count: int, seed: str | None = None, field: str | None = None) -> str:
    return drawing.order(
        rows.services, Lot(CLIENT, "invoice", field), count, rows.people["Ana"].actor("reviewer"), seed
    )


def names(rows: ReviewRows, sample: str) -> list[str]:
    with rows.services.database.read() as connection:
        values = drawing.values_of(connection, sample)
    return [f"{one.record}:{one.field}:{one.position}:{one.revision}" for one in values]


def kinds(rows: ReviewRows, subject: str) -> list[dict[str, Any]]:
    with rows.services.database.read() as connection:
        query = select(events.c.leaf).where(events.c.subject == subject).order_by(events.c.seq)
        return [json.loads(bytes(leaf)) for leaf in connection.execute(query).scalars()]


def test_same_seed_and_lot_are_the_same_sample_and_another_seed_is_another(rows: ReviewRows) -> None:
    lot(rows, 12)
    first, again, other = (names(rows, ordered(rows, 6, seed)) for seed in ("abc", "abc", "abd"))
    assert first == again != other and len(set(first)) == 6
    random = [ordered(rows, 6) for _ in range(2)]
    assert names(rows, random[0]) != names(rows, random[1])


def test_a_stranger_draws_it_again_from_what_the_ledger_says(rows: ReviewRows) -> None:
    lot(rows, 8)
    sample = ordered(rows, 5)
    (event,) = kinds(rows, sample)
    with rows.services.database.read() as connection:
        units = drawing.lot_of(drawing.sample_row(connection, sample))
    said = event["obj"]
    assert (event["type"], said["size"], said["given"]) == ("sample_ordered", 16, False)
    assert said["lot"] == root_of_ids(units)
    by_hash = sorted(units, key=lambda unit: sha256(f"{said['seed']}:{unit}".encode()).digest())
    assert names(rows, sample) == by_hash[: said["count"]]


def test_the_seed_is_recorded_before_the_draw(rows: ReviewRows, monkeypatch: pytest.MonkeyPatch) -> None:
    lot(rows, 3)
    monkeypatch.setattr(drawing, "draw", lambda *_given: None)  # the process ends between the two
    sample = ordered(rows, 2)
    assert kinds(rows, sample)[0]["type"] == "sample_ordered" and names(rows, sample) == []
    monkeypatch.undo()
    drawing.draw(rows.services, sample)
    drawing.draw(rows.services, sample)
    assert len(names(rows, sample)) == 2


def test_only_what_was_accepted_unseen_is_in_a_lot(rows: ReviewRows) -> None:
    lot(rows, 2)
    assert {name.split(":")[1] for name in names(rows, ordered(rows, 9))} == {"supplier", "total"}
    assert {name.split(":")[1] for name in names(rows, ordered(rows, 9, field="total"))} == {"total"}
    with pytest.raises(InvalidValueError):
        ordered(rows, 9, field="iban")


def judge(rows: ReviewRows, sample: str, *right: bool) -> None:
    for number, one in enumerate(right, 1):
        drawing.judge(rows.services, sample, number, one, rows.people["Luis"].actor("reviewer"))


def test_a_clean_sample_states_its_interval_and_no_more(rows: ReviewRows) -> None:
    made = lot(rows, 4)
    sample = ordered(rows, 3)
    judge(rows, sample, True, True)
    with pytest.raises(InvalidValueError, match="1 values are left"):
        drawing.close(rows.services, sample, rows.people["Luis"].actor("reviewer"))
    with pytest.raises(InvalidValueError, match="judged already"):
        judge(rows, sample, True)
    with pytest.raises(UnknownIdError):
        drawing.judge(rows.services, sample, 4, True, rows.people["Luis"].actor("reviewer"))
    drawing.judge(rows.services, sample, 3, True, rows.people["Luis"].actor("reviewer"))
    found = drawing.close(rows.services, sample, rows.people["Luis"].actor("reviewer"))
    assert (found.count, found.wrong, found.low, found.rejected) == (3, 0, 0.0, False)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 3))
    assert [event["type"] for event in kinds(rows, sample)] == ["sample_ordered", "sample_closed"]
    assert sum(event["type"] == "value_sampled" for record in made for event in kinds(rows, record)) == 3


def test_one_critical_defect_rejects_the_lot_and_all_of_it_is_looked_at_again(rows: ReviewRows) -> None:
    made = lot(rows, 3)
    sample = ordered(rows, 3, field="total")
    judge(rows, sample, True, False)
    luis = rows.people["Luis"].actor("reviewer")
    found = drawing.close(rows.services, sample, luis)
    assert found.rejected and found.critical == 1
    with rows.services.database.read() as connection:
        open_ = connection.execute(select(reviews).where(reviews.c.settled.is_(None)).order_by(reviews.c.record)).all()
        states = connection.execute(select(records.c.state)).scalars().all()
        waiting = connection.execute(select(fields.c.record).where(fields.c.status == "review")).scalars().all()
    assert [(row.record, row.code, row.field, row.message) for row in open_] == [
        (record, "lot-rejected", "total", sample) for record in made
    ]
    assert states == ["in_review"] * 3 and sorted(waiting) == made
    assert all(kinds(rows, record)[-1]["to"] == "in_review" for record in made)
    assert drawing.rework(rows.services, sample, luis) == 0  # again: nothing is done twice


def test_error_rates_are_counts_with_exact_intervals(rows: ReviewRows) -> None:
    made = lot(rows, 4)
    sample = ordered(rows, 4, field="supplier")
    judge(rows, sample, True, True, False, True)
    ana, luis = rows.people["Ana"].pseudonym, rows.people["Luis"].pseudonym
    for record in made[:2]:
        rows.field(record, "date", "2026-01-01", "corrected", actor=ana, current=False)
        rows.field(
            record, "date", "2026-01-02" if record == made[0] else "2026-01-01", "confirmed", actor=luis, revision=1
        )
    with rows.services.database.read() as connection:
        (field,) = rates.sampled(connection, {CLIENT})
        people = {one.name: (one.count, one.wrong) for one in rates.operators(connection, {CLIENT})}
        assert rates.sampled(connection, set()) == []
    assert field.document() | {"low": 0, "high": 0} == {
        "what": "field", "class": "invoice", "name": "supplier", "count": 4, "wrong": 1, "share": 0.25, "low": 0,
        "high": 0,
    }  # fmt: skip
    assert field.document()["low"] == pytest.approx(0.006309, abs=1e-6)
    assert people == {"Ana": (2, 1), "Luis": (2, 0)}


def test_598_clean_are_needed_and_enough() -> None:
    assert [clean_needed(share) for share in (0.005, 0.01, 0.001)] == [598, 299, 2995]
    assert 0.995**598 <= 0.05 < 0.995**597
    assert 1 - 0.05 ** (1 / 598) <= 0.005


@pytest.mark.parametrize(("wrong", "count", "share"), [(0, 10, 0.1), (3, 125, 0.02), (5, 200, 0.5), (60, 61, 0.97)])
def test_the_binomial_sum_is_the_sum(wrong: int, count: int, share: float) -> None:
    terms = (math.comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(wrong + 1))
    assert at_most(wrong, count, share) == pytest.approx(math.fsum(terms), rel=1e-11)


def test_an_interval_of_a_million_is_exact_and_quick() -> None:
    low, high = interval(100_000, 1_000_000)
    assert (low, high) == (pytest.approx(0.0994128, abs=2e-6), pytest.approx(0.1005896, abs=2e-6))
    assert at_most(100_000, 1_000_000, high) == pytest.approx(0.025, rel=1e-6)
