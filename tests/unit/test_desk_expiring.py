"""Requests that run out: what was kept ready and not fetched by its day goes to the next, or back to its shelf."""

import threading
from datetime import date, timedelta
from typing import Any

import pytest
from desk_house import House, StillClock
from sqlalchemy import select, update

from custody.desk_tables import locations
from custody.loan_tables import requests as table
from custody.tables import events
from tasks import notices
from tasks.desk import lending, requests, returning
from tasks.desk.expiring import expire
from tasks.desk.lending import Lending
from tasks.desk.requests import Asking
from tasks.printing.lists import put_backs
from tasks.printing.sight import sight


@pytest.fixture
def house(services: Any) -> House:
    services.clock = StillClock(services.clock.now())
    made = House(services)
    made.place("A")
    for name in ("Ana", "Luis", "Eva"):
        made.person(name, "borrower")
    return made


def kept(house: House, *names: str) -> tuple[str, list[str]]:
    """A file that is kept ready for the first of those who ask for it."""
    code, asked = house.file("A"), []
    for name in names:
        added = requests.add(house.services, house.asked(), Asking(code, name, "legal")).more["request"]["id"]
        requests.decide(house.services, house.asked(), added, "authorise")
        asked.append(str(added))
    requests.pick(house.services, house.asked(), code)
    assert requests.ready(house.services, house.asked(), code).basket in ("done", "alert")
    return code, asked


def row(house: House, request: str) -> Any:
    with house.services.database.read() as connection:
        return connection.execute(select(table).where(table.c.id == request)).one()


def go_to(house: House, day: str, hour: int = 12, more_days: int = 0) -> None:
    """Set the clock to an hour (UTC) of a day, or of one some days after it."""
    moment = house.services.clock.moment.replace(hour=hour, minute=0)
    house.services.clock.moment = moment + (date.fromisoformat(day) + timedelta(more_days) - moment.date())


def test_on_the_last_day_it_is_still_kept_and_on_the_next_it_is_not(house: House) -> None:
    code, (request,) = kept(house, "Ana")
    last = row(house, request).reserved_until
    go_to(house, last)
    assert expire(house.services) == 0 and row(house, request).state == "ready"
    go_to(house, last, more_days=1)
    assert expire(house.services) == 1 and expire(house.services) == 0
    over = row(house, request)
    assert (over.state, over.position, over.reserved_until) == ("expired", None, None) and over.closed_at
    assert house.row(code).state == "at_desk"  # nobody has touched it
    with house.services.database.read() as connection:
        seen = sight(connection, house.services.person, house.services.clock.now().date())
        assert [pick.file.code for pick, _id, _client in put_backs(seen)] == [code]
        actors = [event["actor"]["auth"] for event in _events(connection, "expired")]
    assert actors == ["system"] and house.problems() == []


def _events(connection: Any, kind: str) -> list[Any]:
    import json

    return [
        json.loads(leaf) for leaf in connection.execute(select(events.c.leaf).where(events.c.type == kind)).scalars()
    ]


def test_the_next_in_the_queue_gets_it_with_days_of_his_own(house: House) -> None:
    code, (first, second, third) = kept(house, "Ana", "Luis", "Eva")
    last = row(house, first).reserved_until
    go_to(house, last, more_days=1)
    assert expire(house.services) == 1
    assert [row(house, each).state for each in (first, second, third)] == ["expired", "ready", "queued"]
    assert row(house, second).reserved_until > last and row(house, third).position == 2
    assert expire(house.services) == 0
    with house.services.database.read() as connection:
        assert put_backs(sight(connection, house.services.person, house.services.clock.now().date())) == []
    assert lending.lend(house.services, house.asked(), Lending((code,), "Ana", "audit")).said.code == "queue"
    assert lending.lend(house.services, house.asked(), Lending((code,), "Luis", "audit")).basket == "done"
    assert house.problems() == []


def test_what_was_fetched_in_time_does_not_run_out(house: House) -> None:
    code, (request,) = kept(house, "Ana")
    lending.lend(house.services, house.asked(), Lending((code,), "Ana", "audit"))
    go_to(house, house.services.clock.now().date().isoformat(), more_days=60)
    assert expire(house.services) == 0 and row(house, request).state == "filled"


def test_the_scan_of_what_nobody_came_for_says_where_it_goes(house: House) -> None:
    code, (request,) = kept(house, "Ana")
    go_to(house, row(house, request).reserved_until, more_days=1)
    expire(house.services)
    seen = returning.give_back(house.services, house.asked(), code)
    assert seen.basket in ("info", "alert") and house.problems() == []


def test_a_site_without_a_calendar_holds_up_no_other(house: House) -> None:
    _code, (stuck, _next) = kept(house, "Ana", "Luis")
    _other, (request,) = kept(house, "Eva")
    with house.services.database.write() as connection:
        connection.execute(update(locations).where(locations.c.parent.is_(None)).values(calendar=None))
    go_to(house, row(house, request).reserved_until, more_days=1)
    assert expire(house.services) == 1  # whoever is next needs a day, and the site says none
    assert (row(house, stuck).state, row(house, request).state) == ("ready", "expired") and house.problems() == []


def test_two_runs_at_once_end_it_once(house: House) -> None:
    _code, (request,) = kept(house, "Ana")
    go_to(house, row(house, request).reserved_until, more_days=1)
    ended: list[int] = []
    runs = [threading.Thread(target=lambda: ended.append(expire(house.services))) for _ in range(2)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert sum(ended) == 1 and house.problems() == []


def test_the_run_of_notices_does_it_first(house: House) -> None:
    _code, (request,) = kept(house, "Ana")
    go_to(house, row(house, request).reserved_until, more_days=1)
    assert notices.run(house.services, None)["expired"] == 1
    assert notices.run(house.services, None)["expired"] == 0
