"""An inventory tells every outcome, and a file that stands where it is not expected is to be put back."""

import pytest
from desk_house import House
from sqlalchemy import select

from custody.loan_tables import incidents
from tasks.desk import inventory, lending, missing
from tasks.desk.lending import Lending


@pytest.fixture
def house(services) -> House:
    made = House(services)
    made.place("A")
    made.place("B")
    made.person("Ana", "borrower")
    return made


def test_case_15_a_shelf_with_one_file_of_each_outcome_reports_each(house: House) -> None:
    here, elsewhere, lent, absent, lost = (house.file(at) for at in ("A", "B", "A", "A", "A"))
    homeless = house.file()
    lending.lend(house.services, house.asked(), Lending((lent,), "Ana", "audit"))
    missing.missing(house.services, house.asked(None, "search-again"), lost)
    answer = inventory.take(house.services, house.asked(), "A", [here, elsewhere, lent, homeless, lost, "X-9", here])
    assert answer.basket == "alert"
    assert answer.more["outcomes"] == {
        "here": [here, lost], "elsewhere": [elsewhere], "on_loan": [lent], "no_place": [homeless], "unknown": ["X-9"],
        "absent": [absent],
    }  # fmt: skip
    states = [house.row(code).state for code in (here, elsewhere, lent, homeless, lost, absent)]
    assert states == ["stored", "checked", "on_loan", "received", "found_pending", "stored"]
    assert house.row(absent).searches == 1
    with house.services.database.read() as connection:
        kinds = set(connection.execute(select(incidents.c.kind)).scalars())
    assert kinds == {"MISSING", "FOUND_PENDING", "SEEN_WHILE_ON_LOAN"}
    assert house.problems() == []


def test_a_shelf_that_is_as_it_should_be(house: House) -> None:
    codes = [house.file("A") for _ in range(3)]
    answer = inventory.take(house.services, house.asked(), "A", codes)
    assert answer.said.code == "inventory" and answer.basket == "done" and len(answer.events) == 4
    assert house.problems() == []
