"""Taking back the last act: a reverse move by who did it, and a loan that is over."""

import pytest
from desk_house import House
from sqlalchemy import select

from custody.loan_tables import loans
from tasks.desk import boxing, finding, lending, returning, shelving, undoing
from tasks.desk.boxing import NewBox
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


def a_box(house: House, files: int) -> tuple[str, list[str]]:
    box = boxing.add_box(house.services, house.asked(), NewBox("default", at="A")).more["barcode"]
    return box, [house.file(box, pages=1) for _ in range(files)]


def test_a_box_that_was_lent_by_mistake_is_back_with_every_file(house: House) -> None:
    box, codes = a_box(house, 3)
    lending.lend(house.services, house.asked(), Lending((box,), "Ana", "audit"))
    answer = undoing.undo(house.services, house.asked(), box)
    assert (answer.said.code, len(answer.events)) == ("undone", 4)
    with house.services.database.read() as connection:
        rows = connection.execute(select(loans)).all()
    assert {(row.state, row.close_reason) for row in rows} == {("closed", "reversed")} and len(rows) == 4
    assert {house.row(code).state for code in codes} == {"stored"}
    assert finding.find(house.services, house.asked(), codes[0]).location == f"MAIN/A > {box}"
    assert undoing.undo(house.services, house.asked(), box).said.code == "nothing-to-undo"
    assert lending.lend(house.services, house.asked(), Lending((box,), "Ana", "audit")).basket == "done"
    assert house.problems() == []


def test_a_box_of_which_a_file_came_back_is_not_taken_back(house: House) -> None:
    box, codes = a_box(house, 2)
    lending.lend(house.services, house.asked(), Lending((box,), "Ana", "audit"))
    assert undoing.undo(house.services, house.asked(), codes[0]).said.code == "nothing-to-undo"
    returning.give_back(house.services, house.asked(), codes[0])
    before = house.row(codes[1]).version
    assert undoing.undo(house.services, house.asked(), box).said.code == "undo-too-late"
    assert house.row(codes[1]).version == before and house.row(codes[1]).state == "on_loan"
    assert house.problems() == []


def test_a_box_that_was_moved_by_mistake_stands_where_it_stood(house: House) -> None:
    house.place("B")
    box, (code,) = a_box(house, 1)
    shelving.locate(house.services, house.asked(), box, "B")
    assert finding.find(house.services, house.asked(), code).location == f"MAIN/B > {box}"
    assert undoing.undo(house.services, house.asked(), box).location == "MAIN/A"
    assert finding.find(house.services, house.asked(), code).location == f"MAIN/A > {box}"
    house.place("C")
    assert shelving.move_all(house.services, house.asked(), "A", "C").basket in ("done", "alert")
    assert house.problems() == []
