"""What a client takes back for good: one lists it, another approves, a third takes it; nothing that is busy leaves."""

from collections.abc import Callable
from typing import Any

import pytest
from desk_house import House, codes
from sqlalchemy import select

from custody.desk_tables import boxes, physical_files
from custody.holds import release_hold, set_hold
from custody.ledger import Actor
from custody.loan_tables import transfer_lines
from custody.opening import Act
from tasks.desk import boxing, counting, lending, requests, returning, shelving, transfers, undoing, withdrawing
from tasks.desk.acts import Answer
from tasks.desk.boxing import NewBox
from tasks.desk.counting import Count
from tasks.desk.lending import Lending
from tasks.desk.requests import Asking
from tasks.desk.transfers import NewTransfer


@pytest.fixture
def house(services: Any) -> House:
    made = House(services)
    made.place("A")
    made.place("B")
    made.person("Ana", "borrower")
    made.person("Eva", "clerk", "borrower")
    made.person("Luis", "archivist", "borrower")
    return made


def listing(house: House, *papers: str) -> Answer:
    return transfers.add(house.services, house.asked(), NewTransfer("default", "PERM_WITHDRAWAL", papers))


def listed(house: House, *papers: str) -> str:
    answer = listing(house, *papers)
    assert answer.said.code == "withdrawal-added", answer.document()
    return str(answer.more["transfer"]["barcode"])


def approve(house: House, code: str, by: str | None = "Luis") -> Answer:
    return withdrawing.approve(house.services, house.asked(by, reason="request"), code)


def hand_over(house: House, code: str, to: str = "Ana", by: str | None = None) -> Answer:
    return withdrawing.hand_over(house.services, house.asked(by), code, to)


def lend(house: House, code: str) -> Answer:
    return lending.lend(house.services, house.asked(), Lending((code,), "Ana", "audit"))


def box_of(house: House, at: str, *papers: str) -> str:
    answer = boxing.add_box(house.services, house.asked(), NewBox("default", at=at))
    code = str(answer.more["barcode"])
    for one in papers:
        assert shelving.locate(house.services, house.asked(), one, code).basket == "done"
    return code


def box_row(house: House, code: str) -> Any:
    with house.services.database.read() as connection:
        return connection.execute(select(boxes).where(boxes.c.barcode == code)).one()


def test_two_persons_decide_and_a_third_takes_it_and_then_it_is_not_here(house: House) -> None:
    file = house.file("A")
    code = listed(house, file)
    assert hand_over(house, code).said.code == "withdrawal-not-approved"
    assert approve(house, code, None).said.code == "withdrawal-own"
    assert approve(house, code, "Eva").said.code == "not-supervisor"
    assert withdrawing.approve(house.services, house.asked("Luis"), code).said.code == "withdrawal-reason"
    assert approve(house, code).said.code == "withdrawal-approved"
    assert approve(house, code).said.code == "withdrawal-approved-already"
    assert hand_over(house, code, "Eva", "Eva").said.code == "withdrawal-to-oneself"
    house.person("Rui", "borrower", client="other")
    assert hand_over(house, code, "Rui").said.code == "withdrawal-person"
    assert house.row(file).state == "stored"
    done = hand_over(house, code)
    assert done.said.code == "withdrawal-done" and done.more["transfer"]["state"] == "sent"
    assert (house.row(file).state, house.row(file).place, house.row(file).holder) == ("withdrawn", None, None)
    assert hand_over(house, code).said.code == "transfer-state"
    assert lend(house, file).basket == "blocked"
    asked = requests.add(house.services, house.asked(), Asking(file, "Ana", "audit"))
    assert asked.said.code == "not-requestable"
    assert undoing.undo(house.services, house.asked(), file).basket == "blocked"
    with house.services.database.read() as connection:
        assert not any(connection.execute(select(transfer_lines.c.open)).scalars())
    assert house.problems() == []


def test_what_left_for_good_and_is_here_again_is_taken_over_as_what_is_new(house: House) -> None:
    file = house.file("A")
    code = listed(house, file)
    approve(house, code)
    hand_over(house, code)
    again = returning.give_back(house.services, house.asked(), file)  # a scan at the desk is never refused
    assert again.said.code == "received" and house.row(file).state == "received"
    assert lend(house, file).basket in ("done", "alert")
    assert house.problems() == []


def test_a_box_leaves_with_all_that_is_in_it_and_all_that_belongs_in_it(house: House) -> None:
    one, two = house.file("A", pages=7), house.file("A", pages=7)
    box = box_of(house, "B", one, two)
    lend(house, two)
    assert listing(house, box).said.code == "leaves-behind"  # a file of the box is lent: it is not in it
    returning.give_back(house.services, house.asked(), two)
    counting.check(house.services, house.asked(), two, Count(7))
    assert listing(house, box).said.code == "leaves-behind"  # counted, and not yet put back
    shelving.refile(house.services, house.asked(), two, box)
    code = listed(house, box)
    late = house.file("A")
    shelving.locate(house.services, house.asked(), late, box)
    assert approve(house, code).said.code == "leaves-behind"  # put in after the list was made
    shelving.locate(house.services, house.asked(), late, "A")
    assert codes([approve(house, code), hand_over(house, code)]) == ["withdrawal-approved", "withdrawal-done"]
    assert [house.row(each).state for each in (one, two, late)] == ["withdrawn", "withdrawn", "stored"]
    assert box_row(house, box).state == "withdrawn"
    assert house.problems() == []


def _lent(house: House, file: str) -> None:
    assert lend(house, file).basket in ("done", "alert")


def _asked_for(house: House, file: str) -> None:
    assert requests.add(house.services, house.asked(), Asking(file, "Ana", "audit")).basket == "done"


def _held(house: House, file: str) -> None:
    with house.services.database.write() as connection:
        act = Act("hold_set", Actor("psn_x", "archivist", "os"), "legal")
        set_hold(house.services.vault, connection, house.row(file).id, house.client("default", connection), act)


def _damaged(house: House, file: str) -> None:
    assert counting.check(house.services, house.asked(), file, Count(7, "damaged")).basket == "alert"


BUSY: dict[str, tuple[Callable[[House, str], None], set[str]]] = {
    "a loan": (_lent, {"leaves-lent", "transfer-not-listable"}),
    "a request": (_asked_for, {"leaves-requested"}),
    "a hold": (_held, {"on-hold"}),
    "an incident": (_damaged, {"leaves-incident", "transfer-not-listable"}),
}


@pytest.mark.parametrize("name", BUSY)
@pytest.mark.parametrize("when", ["listing", "approving", "handing over"])
def test_what_is_busy_does_not_leave_whenever_that_came_about(house: House, name: str, when: str) -> None:
    happens, expected = BUSY[name]
    file = house.file("A", pages=7)
    if when == "listing":
        happens(house, file)
        assert listing(house, file).said.code in expected
    else:
        code = listed(house, file)
        if when == "handing over":
            approve(house, code)
        happens(house, file)
        answer = approve(house, code) if when == "approving" else hand_over(house, code)
        assert answer.said.code in expected
    assert house.row(file).state != "withdrawn" and house.problems() == []


def test_two_holds_with_one_released_still_keep_it(house: House) -> None:
    file = house.file("A")
    _held(house, file)
    with house.services.database.write() as connection:
        act = Act("hold_set", Actor("psn_x", "archivist", "os"), "audit")
        hold = set_hold(house.services.vault, connection, house.row(file).client, house.row(file).client, act)
    assert listing(house, file).said.code == "on-hold"
    with house.services.database.write() as connection:
        release_hold(house.services.vault, connection, hold, act)
    assert listing(house, file).said.code == "on-hold" and house.problems() == []


def test_a_rejected_list_lets_its_papers_go_and_what_was_approved_with_it_is_worth_nothing(house: House) -> None:
    file = house.file("A")
    code = listed(house, file)
    approve(house, code)
    assert transfers.reject(house.services, house.asked("Luis", reason="dispute"), code).basket == "done"
    assert hand_over(house, code).said.code == "transfer-state"
    second = listed(house, file)
    assert hand_over(house, second).said.code == "withdrawal-not-approved"
    approve(house, second)
    assert hand_over(house, second).said.code == "withdrawal-done" and house.problems() == []


def test_a_list_that_leaves_for_good_is_neither_sent_nor_received_and_no_other_is_handed_over(house: House) -> None:
    code = listed(house, house.file("A"))
    do, ask = house.services, house.asked
    assert codes([transfers.send(do, ask(), code), transfers.receive(do, ask(), code)]) == ["transfer-leaves"] * 2
    coming = transfers.add(do, ask(), NewTransfer("default", "CLIENT_IN", ("X-1",))).more["transfer"]["barcode"]
    assert codes([approve(house, coming), hand_over(house, coming)]) == ["transfer-stays"] * 2


def test_another_clients_list_is_as_if_it_were_not_there(house: House) -> None:
    house.person("Noa", "archivist", client="other")
    code = listed(house, house.file("A"))
    assert approve(house, code, "Noa").said.code == "unknown-transfer"
    assert hand_over(house, code, by="Noa").said.code == "unknown-transfer"


def test_what_is_on_a_list_is_not_put_on_another_nor_destroyed_of_it(house: House) -> None:
    file = house.file("A")
    listed(house, file)
    assert listing(house, file).said.code == "leaves-listed"
    again = transfers.add(house.services, house.asked(), NewTransfer("default", "SITE", (file,)))
    assert again.said.code == "transfer-listed"
    with house.services.database.read() as connection:
        assert connection.execute(select(physical_files.c.state)).scalar_one() == "stored"
