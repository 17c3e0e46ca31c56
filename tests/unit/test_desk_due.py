"""Due dates as the desk gives them: the end of a local day, over both clock changes, on the site's own calendar."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from desk_house import House, StillClock
from sqlalchemy import select, update

from custody.desk_tables import locations
from custody.loan_tables import loans
from records.calendars import Rule
from tasks.desk import lending, places
from tasks.desk.acts import Answer, perform
from tasks.desk.lending import Lending


@pytest.fixture
def house(services: Any) -> House:
    services.clock = StillClock(datetime(2027, 3, 20, 9, tzinfo=UTC))
    made = House(services)
    made.place("A")
    made.person("Ana", "borrower")
    return made


def lend(house: House, due: str) -> Answer:
    wanted = date.fromisoformat(due)
    return lending.lend(house.services, house.asked(), Lending((house.file("A"),), "Ana", "audit", due=wanted))


@pytest.mark.parametrize(
    ("today", "due", "ends"),
    [
        ("2027-03-20", "2027-03-26", "2027-03-26T23:00:00.000Z"),  # winter time still
        ("2027-03-20", "2027-03-29", "2027-03-29T22:00:00.000Z"),  # the clock went forward on the 28th
        ("2027-10-25", "2027-10-29", "2027-10-29T22:00:00.000Z"),
        ("2027-10-25", "2027-11-02", "2027-11-02T23:00:00.000Z"),  # and back on the 31st
        ("2027-12-20", "2027-12-31", "2027-12-31T23:00:00.000Z"),
    ],
)  # fmt: skip
def test_case_4_a_loan_is_due_at_the_end_of_the_local_day(house: House, today: str, due: str, ends: str) -> None:
    house.services.clock.moment = datetime.fromisoformat(f"{today}T09:00:00+00:00")
    assert lend(house, due).due == due
    with house.services.database.read() as connection:
        assert connection.execute(select(loans.c.due_at)).scalar_one() == ends


def test_case_4_a_local_holiday_moves_it_on_and_an_exceptional_opening_keeps_it(house: House) -> None:
    rules = [Rule("dates", "2027-04-01"), Rule("open", "2027-04-03")]

    def change(desk: Any) -> Answer:
        from records.desk_answers import Said

        places.change_calendar(desk, places.FIRST_CALENDAR, rules, [])
        return Answer(Said("inventory"))

    assert perform(house.services, house.asked(), "calendar", change).basket != "blocked"
    assert lend(house, "2027-04-01").due == "2027-04-02"  # a Thursday on which the town is closed
    assert lend(house, "2027-04-03").due == "2027-04-03"  # a Saturday on which it is open
    assert lend(house, "2027-04-10").due == "2027-04-12"  # any other Saturday


def test_case_4_a_site_without_a_calendar_lends_nothing_and_says_why(house: House) -> None:
    file = house.file("A")
    with house.services.database.write() as connection:
        connection.execute(update(locations).where(locations.c.parent.is_(None)).values(calendar=None))
    answer = lending.lend(house.services, house.asked(), Lending((file,), "Ana", "audit"))
    assert answer.basket == "blocked" and "calendar" in answer.said.text().lower()
    assert house.row(file).state == "stored"
