"""Two clerks at once, on SQLite and on PostgreSQL: one lends, the other is told who has it."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from desk_house import House
from sqlalchemy import Engine, func, insert, select
from sqlalchemy.exc import IntegrityError

from custody.access import Person
from custody.loan_tables import loans
from infra.clock import SystemClock, UuidIds
from infra.database import EngineDatabase, bring_up_to_date
from records.loan_policy import LoanPolicy
from records.tables import accreditations, clients, persons
from tasks.desk import acts, counting, lending, returning
from tasks.desk.counting import Count
from tasks.desk.lending import Lending

NOW = "2026-11-23T00:00:00.000Z"
CLIENT = f"cli_{1:032x}"


@pytest.fixture
def house(engine: Engine) -> House:
    bring_up_to_date(engine)
    database, clock, ids = EngineDatabase(engine), SystemClock(), UuidIds()
    names = ("clerk", "Ana", "Luis", "Eva")
    people = [
        Person(ids.new("per"), name, f"psn_{number:024x}", frozenset(), "os") for number, name in enumerate(names)
    ]
    with database.write() as connection:
        connection.execute(insert(clients).values(id=CLIENT, name="default", created=NOW))
        for one in people:
            connection.execute(
                insert(persons).values(id=one.id, name=one.name, pseudonym=one.pseudonym, roles=[], created=NOW)
            )
            connection.execute(
                insert(accreditations).values(person=one.id, client=CLIENT, role="archivist", created=NOW)
            )
    services: Any = SimpleNamespace(database=database, clock=clock, ids=ids, loans=LoanPolicy(), person=people[0])
    made = House(services, {one.name: one for one in people})
    made.place("A")
    return made


def lend(house: House, code: str, to: str, by: str) -> Any:
    return lending.lend(house.services, house.asked(by), Lending((code,), to, "audit"))


def both(house: House, code: str) -> list[Any]:
    found: list[Any] = []
    asked = [("Ana", "clerk"), ("Luis", "Eva")]
    threads = [threading.Thread(target=lambda a=a: found.append(lend(house, code, *a))) for a in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def open_loans(house: House) -> int:
    with house.services.database.read() as connection:
        query = select(func.count()).select_from(loans).where(loans.c.closed_at.is_(None))
        return int(connection.execute(query).scalar_one())


def test_of_two_clerks_at_once_one_lends_and_the_other_is_told_who_has_it(house: House) -> None:
    for count in range(1, 6):
        won, lost = sorted(both(house, house.file("A")), key=lambda answer: answer.exit_code)
        assert (won.basket, lost.said.code) == ("done", "already-lent")
        assert won.said.values["person"] in lost.said.text() and open_loans(house) == count
    assert house.problems() == []


def test_where_nothing_is_locked_the_index_decides_and_the_answer_is_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    if house.services.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite lets one transaction write at a time: there is nothing to leave unlocked")
    code = house.file("A")
    real, together = lending.check, threading.Barrier(2, timeout=10)
    met: list[int] = []

    def both_have_looked(facts: Any) -> Any:
        if len(met) < 2:
            met.append(1)
            together.wait()
        return real(facts)

    monkeypatch.setattr(acts, "lock_head", lambda _connection: None)
    monkeypatch.setattr(lending, "check", both_have_looked)
    won, lost = sorted(both(house, code), key=lambda answer: answer.exit_code)
    assert (won.basket, lost.said.code) == ("done", "already-lent") and open_loans(house) == 1
    assert house.problems() == []


def test_the_database_refuses_a_second_open_loan(house: House) -> None:
    lend(house, house.file("A"), "Ana", "clerk")
    with house.services.database.read() as connection:
        row = connection.execute(select(loans)).one()._asdict()
    with pytest.raises(IntegrityError), house.services.database.write() as connection:
        connection.execute(insert(loans).values({**row, "id": "lon_2"}))


def test_a_loan_and_its_return_are_the_same_on_both(house: House) -> None:
    code = house.file("A", pages=3)
    lend(house, code, "Ana", "clerk")
    assert returning.give_back(house.services, house.asked("clerk"), code).basket == "done"
    assert counting.check(house.services, house.asked("clerk"), code, Count(pages=2)).said.code == "pages-short"
    assert open_loans(house) == 0 and house.problems() == []
