"""Requests and loans that go on: queue, decisions, kept ready, renewals, recalls, from holder to holder."""

from typing import Any

import pytest
from desk_house import House
from sqlalchemy import func, select

from custody.desk_tables import locations
from custody.loan_tables import loans
from custody.loan_tables import requests as table
from tasks.desk import boxing, counting, lending, renewing, requests, returning
from tasks.desk.boxing import NewBox
from tasks.desk.counting import Count
from tasks.desk.lending import Lending
from tasks.desk.requests import Asking


@pytest.fixture
def house(services) -> House:
    made = House(services)
    made.place("A")
    for name in ("Ana", "Luis", "Eva"):
        made.person(name, "borrower")
    return made


def lend(house: House, code: str, to: str, *answers: str, reason: str | None = None) -> Any:
    return lending.lend(house.services, house.asked(None, *answers, reason=reason), Lending((code,), to, "audit"))


def ask(house: House, code: str, by: str, grant: bool = True, **more: Any) -> str:
    answer = requests.add(house.services, house.asked(), Asking(code, by, "legal", **more))
    assert answer.basket == "done", answer.document()
    request: str = answer.more["request"]["id"]
    if grant:
        assert requests.decide(house.services, house.asked(), request, "authorise").basket == "done"
    return request


def request_row(house: House, request: str) -> Any:
    with house.services.database.read() as connection:
        return connection.execute(select(table).where(table.c.id == request)).one()


def positions(house: House) -> list[tuple[str, int]]:
    with house.services.database.read() as connection:
        query = select(table.c.id, table.c.position).where(table.c.position.is_not(None)).order_by(table.c.position)
        return [(row.id, row.position) for row in connection.execute(query)]


def test_who_heads_the_queue_is_served_and_others_only_with_a_reason(house: House) -> None:
    code = house.file("A")
    first, second = ask(house, code, "Ana"), ask(house, code, "Luis")
    question = lend(house, code, "Luis")
    assert question.said.code == "queue" and question.exit_code == 3 and "Ana" in question.said.text()
    assert lend(house, code, "Luis", "queue").said.code == "queue-reason"
    passed = lend(house, code, "Luis", "queue", reason="legal")
    assert passed.basket == "alert" and "lent-anyway" in [note.code for note in passed.notes]
    assert request_row(house, second).state == "filled" and positions(house) == [(first, 1)]
    assert house.problems() == []


def test_nobody_asks_twice_and_an_undecided_request_is_decided_first(house: House) -> None:
    code = house.file("A")
    request = ask(house, code, "Ana", grant=False)
    again = requests.add(house.services, house.asked(), Asking(code, "Ana", "legal"))
    assert again.said.code == "requested-already"
    assert lend(house, code, "Ana").said.code == "request-undecided"
    assert requests.decide(house.services, house.asked(), request, "refuse").said.code == "refusal-reason"
    refused = requests.decide(house.services, house.asked(reason="other", words="not his case"), request, "refuse")
    assert refused.more["request"]["state"] == "refused" and refused.more["request"]["refusal_reason"] == "other"
    assert lend(house, code, "Ana").basket == "done"
    assert house.problems() == []


def test_case_11_a_file_on_loan_is_queued_for_kept_ready_when_counted_and_not_renewed_meanwhile(house: House) -> None:
    code = house.file("A", pages=3)
    lend(house, code, "Ana")
    request = ask(house, code, "Luis")
    refused = renewing.renew(house.services, house.asked(), code)
    assert refused.said.code == "queue-waits" and "Luis" in refused.said.text()
    back = returning.give_back(house.services, house.asked(), code)
    assert "waits-for-it" in [note.code for note in back.notes]
    counted = counting.check(house.services, house.asked(), code, Count(pages=3))
    assert [note.code for note in counted.notes] == ["kept-ready"] and house.row(code).state == "at_desk"
    assert request_row(house, request).state == "ready" and request_row(house, request).reserved_until
    assert lend(house, code, "Eva").said.code == "queue"
    assert lend(house, code, "Luis").basket == "done" and request_row(house, request).state == "filled"
    assert house.problems() == []


def test_case_11_a_scan_is_made_without_a_loan(house: House) -> None:
    code = house.file("A")
    request = ask(house, code, "Ana", wants="scan")
    picked = requests.pick(house.services, house.asked(), code)
    assert picked.then == "scan" and house.row(code).state == "picked"
    assert requests.fill_by_scan(house.services, house.asked(), request, "scn_nothing").said.code == "unknown-scan"
    with house.services.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(loans)).scalar() == 0


def test_case_11_what_is_not_found_is_looked_for_and_its_request_lives(house: House) -> None:
    from tasks.desk import missing

    code = house.file("A")
    request = ask(house, code, "Ana")
    missing.not_found(house.services, house.asked(), code)
    assert request_row(house, request).state == "queued" and house.row(code).searches == 1


def test_the_more_urgent_request_goes_first_but_not_before_whom_the_paper_is_fetched_for(house: House) -> None:
    code = house.file("A")
    plain, urgent = ask(house, code, "Ana"), ask(house, code, "Luis", priority=2)
    assert positions(house) == [(urgent, 1), (plain, 2)]
    requests.pick(house.services, house.asked(), code)
    middle = ask(house, code, "Eva", priority=1)
    most = ask(house, code, house.services.person.name, priority=9)
    assert positions(house) == [(urgent, 1), (most, 2), (middle, 3), (plain, 4)]
    assert house.problems() == []


def test_who_grants_a_request_decides_how_urgent_it_is(house: House) -> None:
    code = house.file("A")
    first, second = ask(house, code, "Ana"), ask(house, code, "Luis", grant=False, priority=9)
    granted = requests.authorise(house.services, house.asked(), second, 0)
    assert granted.more["request"]["priority"] == 0 and positions(house) == [(first, 1), (second, 2)]


def test_the_queue_has_no_gaps_whoever_leaves_or_is_moved_to_its_head(house: House) -> None:
    code = house.file("A")
    one, two, three = (ask(house, code, name) for name in ("Ana", "Luis", "Eva"))
    requests.decide(house.services, house.asked(), three, "first")
    assert positions(house) == [(three, 1), (one, 2), (two, 3)]
    requests.decide(house.services, house.asked(), one, "cancel")
    assert positions(house) == [(three, 1), (two, 2)]
    assert house.problems() == []


def test_picked_and_brought_it_is_kept_ready_and_passes_on_when_the_request_ends(house: House) -> None:
    code = house.file("A")
    first, second = ask(house, code, "Ana"), ask(house, code, "Luis")
    requests.pick(house.services, house.asked(), code)
    assert request_row(house, first).state == "picking"
    ready = requests.ready(house.services, house.asked(), code)
    assert request_row(house, first).state == "ready" and ready.location == "MAIN/DESK"
    ended = requests.decide(house.services, house.asked(), first, "cancel")
    assert [note.code for note in ended.notes] == ["kept-ready"] and request_row(house, second).state == "ready"
    assert house.problems() == []


def test_a_renewal_moves_the_date_on_and_is_bounded(house: House) -> None:
    code = house.file("A")
    due = lend(house, code, "Ana").due
    for _ in range(house.services.loans.renewals):
        answer = renewing.renew(house.services, house.asked(), code)
        assert answer.basket == "done" and answer.due > due
        due = answer.due
    assert renewing.renew(house.services, house.asked(), code).said.code == "renewed-enough"
    assert house.problems() == []


def test_case_6_renewing_a_slip_changes_exactly_what_is_out(house: House) -> None:
    box = boxing.add_box(house.services, house.asked(), NewBox("default", at="A")).more["barcode"]
    codes = [house.file(box) for _ in range(5)]
    answer = lend(house, box, "Ana")
    for code in codes[:2]:
        returning.give_back(house.services, house.asked(), code)
    renewed = renewing.renew(house.services, house.asked(), answer.more["slip"])
    assert renewed.said.values["count"] == 4  # three files and the box
    with house.services.database.read() as connection:
        rows = connection.execute(select(loans.c.state, loans.c.renewals).where(loans.c.file.is_not(None))).all()
    assert sorted(map(tuple, rows)) == [("open", 1)] * 3 + [("return_pending_check", 0)] * 2


def test_what_was_asked_back_is_not_renewed(house: House) -> None:
    code = house.file("A")
    due = lend(house, code, "Ana").due
    assert renewing.recall(house.services, house.asked(), code).due == due
    assert renewing.recall(house.services, house.asked(), code).said.code == "recalled-already"
    assert renewing.renew(house.services, house.asked(), code).said.code == "was-recalled"
    assert renewing.recall(house.services, house.asked(), house.file("A")).said.code == "not-on-loan"


def test_case_13_from_holder_to_holder_only_where_it_was_scanned_there(house: House) -> None:
    code = house.file("A", pages=2)
    lend(house, code, "Ana")
    question = renewing.recharge(house.services, house.asked(), code, "Luis")
    assert question.said.code == "seen-at-holder" and question.exit_code == 3
    done = renewing.recharge(house.services, house.asked(None, "seen-at-holder"), code, "Luis")
    assert done.said.code == "recharged" and len(done.events) == 1 and done.more["holder"] == "Luis"
    with house.services.database.read() as connection:
        rows = connection.execute(select(loans.c.state, loans.c.close_reason).order_by(loans.c.id)).all()
    assert list(map(tuple, rows)) == [("closed", "recharged"), ("open", None)]
    same = renewing.recharge(house.services, house.asked(None, "seen-at-holder"), code, "Luis")
    assert same.said.code == "lent-to-same"
    returning.give_back(house.services, house.asked(), code)
    assert counting.check(house.services, house.asked(), code, Count(pages=2)).said.code == "checked"
    assert house.problems() == []


def test_case_3_what_is_claimed_to_be_returned_keeps_its_loan_until_it_is_scanned(house: House) -> None:
    code = house.file("A")
    lend(house, code, "Ana")
    renewing.claim(house.services, house.asked(), code)
    assert lend(house, code, "Luis").said.code == "already-lent"
    assert returning.give_back(house.services, house.asked(), code).said.code == "returned-claimed"
    assert house.problems() == []


def pickup(house: House, request: str) -> str:
    with house.services.database.read() as connection:
        place = select(locations.c.path).where(locations.c.id == request_row(house, request).pickup)
        return str(connection.execute(place).scalar_one())


def test_where_a_request_is_fetched_may_be_changed_until_it_is_kept_ready(house: House) -> None:
    for name in ("Ana", "Luis"):
        house.person(name, "reader")
    code, do = house.file("A"), house.services
    request = ask(house, code, "Ana")
    house.place("SUR", kind="SITE")
    assert pickup(house, request) == "MAIN/DESK"
    assert requests.change_pickup(do, house.asked("Luis"), request, "SUR/DESK").said.code == "not-allowed"
    assert requests.change_pickup(do, house.asked("Ana"), request, "SUR/DESK").said.code == "pickup-changed"
    assert pickup(house, request) == "SUR/DESK"
    at_home = house.asked(at="MAIN/DESK")
    requests.pick(do, at_home, code)
    assert requests.ready(do, at_home, code).basket in ("done", "alert") and house.row(code).state == "in_transit"
    assert requests.change_pickup(do, at_home, request, "MAIN/DESK").said.code == "pickup-changed"
    assert requests.change_pickup(do, at_home, request, "SUR/DESK").said.code == "pickup-changed"
    arrived = returning.give_back(do, house.asked(at="SUR/DESK"), code)
    assert "kept-ready" in [note.code for note in arrived.notes]
    assert requests.change_pickup(do, at_home, request, "MAIN/DESK").said.code == "pickup-fixed"
    assert house.problems() == []


def going_home(house: House) -> str:
    """A file of MAIN that was handed in elsewhere, counted, and is on its way home."""
    code, away = house.file("A", pages=2), house.asked(at="SUR/DESK")
    lend(house, code, "Eva")
    house.place("SUR", kind="SITE")
    returning.give_back(house.services, away, code)
    counting.check(house.services, away, code, Count(pages=2))
    assert house.row(code).state == "in_transit"
    return code


def ask_at(house: House, code: str, by: str, place: str) -> str:
    answer = requests.add(house.services, house.asked(at=place), Asking(code, by, "legal"))
    request: str = answer.more["request"]["id"]
    requests.authorise(house.services, house.asked(at=place), request)
    return request


def test_what_is_on_its_way_home_goes_to_where_the_head_of_its_queue_fetches_it_now(house: House) -> None:
    code = going_home(house)
    request = ask_at(house, code, "Ana", "MAIN/DESK")
    requests.change_pickup(house.services, house.asked(at="MAIN/DESK"), request, "SUR/DESK")
    assert request_row(house, request).state == "in_transit" and house.problems() == []


@pytest.mark.parametrize(("place", "state"), [("MAIN/DESK", "queued"), ("SUR/DESK", "in_transit")])
def test_what_is_on_its_way_home_is_sent_on_for_who_comes_to_the_head(house: House, place: str, state: str) -> None:
    code = going_home(house)
    first, second = ask_at(house, code, "Ana", "MAIN/DESK"), ask_at(house, code, "Luis", place)
    requests.decide(house.services, house.asked(at="MAIN/DESK"), second, "first")
    assert positions(house) == [(second, 1), (first, 2)] and request_row(house, second).state == state
    assert house.problems() == []
