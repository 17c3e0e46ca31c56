"""The review queue on SQLite and on PostgreSQL: nobody gets what another holds, and a lost lock is said."""

import threading
from typing import Any

import pytest
from review_rows import CLIENT, ReviewRows, review_rows
from sqlalchemy import Engine, insert, update
from sqlalchemy.exc import IntegrityError

from custody.access import Person
from records.errors import ReviewTakenError
from records.review_tables import review_tasks
from records.tables import reviews
from tasks.review import queue
from tasks.review.queue import Filters, Lock


@pytest.fixture
def rows(engine: Engine) -> ReviewRows:
    return review_rows(engine, "Ana", "Luis", "Eva", "Ruy")


def following(rows: ReviewRows, name: str, **filters: Any) -> Lock | None:
    return queue.take_next(rows.services, rows.people[name], rows.allowed, Filters(**filters))


def taken(rows: ReviewRows, name: str, **filters: Any) -> str | None:
    lock = following(rows, name, **filters)
    return None if lock is None else lock.record


def listed(rows: ReviewRows, most: int | None = None) -> list[dict[str, Any]]:
    with rows.services.database.read() as connection:
        return queue.items(connection, rows.allowed, Filters(), rows.services.clock.now(), most)


def ends_now(rows: ReviewRows, record: str) -> None:
    with rows.services.database.write() as connection:
        there = review_tasks.c.record == record
        connection.execute(update(review_tasks).where(there).values(until="2026-01-01T00:00:00.000Z"))


def test_each_gets_the_oldest_that_nobody_holds_and_keeps_it(rows: ReviewRows) -> None:
    first, second = rows.record(1), rows.record(2)
    assert taken(rows, "Ana") == first and taken(rows, "Luis") == second
    assert taken(rows, "Eva") is None
    assert taken(rows, "Ana") == first
    assert [(item["record"], item["locked_by"]) for item in listed(rows)] == [(first, "Ana"), (second, "Luis")]


def test_people_who_ask_at_once_get_different_records(rows: ReviewRows) -> None:
    made = [rows.record(number) for number in range(1, 25)]
    got: list[str] = []
    ready = threading.Barrier(4)

    def work(person: Person) -> None:
        ready.wait()
        while lock := queue.take_next(rows.services, person, rows.allowed, Filters()):
            got.append(lock.record)
            with rows.services.database.write() as connection:
                done = update(reviews).where(reviews.c.record == lock.record).values(settled="now")
                connection.execute(done)

    threads = [threading.Thread(target=work, args=(person,)) for person in rows.people.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == made


def test_two_who_take_one_record_at_once_are_one_who_has_it(rows: ReviewRows) -> None:
    for number in range(1, 9):
        record, ready, said = rows.record(number), threading.Barrier(4), []

        def one(person: Person, record: str = record, ready: Any = ready, said: list[str] = said) -> None:
            ready.wait()
            try:
                queue.take(rows.services, record, CLIENT, person)
                said.append("taken")
            except ReviewTakenError:
                said.append("refused")

        threads = [threading.Thread(target=one, args=(person,)) for person in rows.people.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(said) == ["refused"] * 3 + ["taken"]


def test_the_database_itself_knows_one_holder(rows: ReviewRows) -> None:
    lock = following(rows, "Ana") if rows.record(1) else None
    assert lock is not None
    with pytest.raises(IntegrityError), rows.services.database.write() as connection:
        row = {"record": lock.record, "client": CLIENT, "rank": 0, "person": rows.people["Luis"].id, "token": 1}
        connection.execute(insert(review_tasks).values({**row, "since": "x", "until": "y"}))
    with pytest.raises(IntegrityError), rows.services.database.write() as connection:
        connection.execute(update(review_tasks).values(until=None))


def test_a_lock_that_ended_is_anothers_and_that_is_said(rows: ReviewRows) -> None:
    record = rows.record(1)
    lock = following(rows, "Ana")
    assert lock is not None
    ends_now(rows, record)
    with rows.services.database.write() as connection:  # nobody took it: the decision still stands
        queue.require_free(connection, record, rows.people["Ana"].id, lock.token, rows.services.clock.now())
    assert taken(rows, "Luis") == record
    with rows.services.database.write() as connection, pytest.raises(ReviewTakenError, match="another person works"):
        queue.require_free(connection, record, rows.people["Ana"].id, lock.token, rows.services.clock.now())
    ends_now(rows, record)
    with rows.services.database.write() as connection, pytest.raises(ReviewTakenError, match="your time"):
        queue.require_free(connection, record, rows.people["Ana"].id, lock.token, rows.services.clock.now())


def test_who_holds_nothing_ends_nothing(rows: ReviewRows) -> None:
    record = rows.record(1)
    following(rows, "Ana")
    with pytest.raises(ReviewTakenError):
        queue.release(rows.services, record, rows.people["Luis"])
    assert queue.release(rows.services, record, rows.people["Luis"], anybody=True)
    assert not queue.release(rows.services, record, rows.people["Luis"])
    assert taken(rows, "Luis") == record


def test_what_is_passed_over_comes_after_all_others_for_that_person_alone(rows: ReviewRows) -> None:
    first, second = rows.record(1), rows.record(2)
    following(rows, "Ana")
    queue.release(rows.services, first, rows.people["Ana"], passed=True)
    assert taken(rows, "Ana") == second
    assert taken(rows, "Luis") == first


def test_urgent_comes_first_and_low_last(rows: ReviewRows) -> None:
    low, normal, urgent = (rows.record(number) for number in (1, 2, 3))
    queue.set_rank(rows.services, low, CLIENT, "low")
    queue.set_rank(rows.services, urgent, CLIENT, "urgent")
    assert [taken(rows, name) for name in ("Ana", "Luis", "Eva")] == [urgent, normal, low]
    assert [item["record"] for item in listed(rows, 2)] == [urgent, normal]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [({"reason": "totals"}, 2), ({"reason": "mrz"}, None), ({"record_class": "invoice"}, 1),
     ({"record_class": "letter"}, None), ({"client": f"cli_{9:032x}"}, None)],
)  # fmt: skip
def test_the_queue_is_narrowed(rows: ReviewRows, filters: dict[str, str], expected: int | None) -> None:
    made = {1: rows.record(1), 2: rows.record(2, ("low-confidence", "number"), ("totals", "total"))}
    assert taken(rows, "Ana", **filters) == (None if expected is None else made[expected])


def test_what_was_rejected_waits_for_paper_and_not_for_a_person(rows: ReviewRows) -> None:
    rows.record(1, ("rescan", None), ("totals", "total"))
    assert following(rows, "Ana") is None


def test_another_clients_records_are_nobodys_business(rows: ReviewRows) -> None:
    rows.record(1)
    assert queue.take_next(rows.services, rows.people["Ana"], {}, Filters()) is None
