"""Taking back the last act: a reverse move by who did it, and a loan that is over."""

import pytest
from desk_house import House
from sqlalchemy import select

from custody.loan_tables import loans
from tasks.desk import lending, returning, shelving, undoing
from tasks.desk.lending import Lending


@pytest.fixture
def house(services) -> House:
    made = House(services)
    made.place("A")
    made.person("Ana", "borrower")
    made.person("Eva", "clerk")
    return made


def test_what_was_lent_by_mistake_is_back_where_it_was_and_may_be_lent_again(house: House) -> None:
    code = house.file("A")
    lending.lend(house.services, house.asked(), Lending((code,), "Ana", "audit"))
    assert undoing.undo(house.services, house.asked("Eva"), code).said.code == "undo-too-late"
    answer = undoing.undo(house.services, house.asked(), code)
    assert answer.said.code == "undone" and answer.location == "MAIN/A" and answer.more["holder"] is None
    with house.services.database.read() as connection:
        row = connection.execute(select(loans)).one()
    assert (row.state, row.close_reason) == ("closed", "reversed")
    assert undoing.undo(house.services, house.asked(), code).said.code == "nothing-to-undo"
    assert lending.lend(house.services, house.asked(), Lending((code,), "Ana", "audit")).basket == "done"
    assert house.problems() == []


def test_a_return_is_not_taken_back(house: House) -> None:
    code = house.file("A")
    lending.lend(house.services, house.asked(), Lending((code,), "Ana", "audit"))
    returning.give_back(house.services, house.asked(), code)
    assert undoing.undo(house.services, house.asked(), code).said.code == "nothing-to-undo"


def test_what_was_put_elsewhere_by_mistake_is_where_it_was(house: House) -> None:
    code = house.file("A")
    shelving.locate(house.services, house.asked(), code, "MAIN/DESK")
    assert undoing.undo(house.services, house.asked(), code).location == "MAIN/A"
    assert house.row(code).state == "stored" and house.problems() == []
