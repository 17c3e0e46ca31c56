"""Taking over, locating, finding, putting back; boxes, capacity, other clients; missing and found."""

import pytest
from desk_house import House

from tasks.desk import boxing, finding, missing, receiving, shelving
from tasks.desk.boxing import NewBox


@pytest.fixture
def house(services) -> House:
    return House(services)


def test_a_file_gets_a_barcode_and_waits_in_the_staging_place(house: House) -> None:
    answer = receiving.receive(house.services, house.asked(), receiving.Receiving("default"))
    assert answer.basket == "done" and answer.more["barcode"].startswith("F00000001")
    assert answer.location == "MAIN/IN"
    again = receiving.receive(house.services, house.asked(), receiving.Receiving("default"))
    assert len(again.events) == 1  # the first one made the site, too
    assert house.problems() == []


def test_a_place_becomes_the_files_own_and_a_passing_place_does_not(house: House) -> None:
    house.place("A")
    code = house.file("A")
    assert house.row(code).state == "stored"
    answer = shelving.locate(house.services, house.asked(), code, "MAIN/DESK")
    assert answer.said.code == "located" and house.row(code).state == "picked"
    back = shelving.refile(house.services, house.asked(), code)
    assert back.said.code == "refiled" and back.location == "MAIN/A"
    assert shelving.refile(house.services, house.asked(), code).said.code == "refiled-already"
    assert house.problems() == []


def test_a_file_is_put_back_into_its_own_box_only(house: House) -> None:
    house.place("A")
    first, second = (
        boxing.add_box(house.services, house.asked(), NewBox("default", at="A")).more["barcode"] for _ in range(2)
    )
    code = house.file(first)
    shelving.locate(house.services, house.asked(), code, "MAIN/DESK")
    wrong = shelving.refile(house.services, house.asked(), code, second)
    assert wrong.said.code == "wrong-home" and wrong.exit_code == 2
    assert shelving.refile(house.services, house.asked(), code, first).location == f"MAIN/A > {first}"
    assert house.problems() == []


def test_a_box_that_moves_takes_its_files_along_with_one_event(house: House) -> None:
    house.place("A")
    house.place("B")
    box = boxing.add_box(house.services, house.asked(), NewBox("default", at="A")).more["barcode"]
    code = house.file(box)
    moved = shelving.locate(house.services, house.asked(), box, "B")
    assert len(moved.events) == 1
    assert finding.find(house.services, house.asked(), code).location == f"MAIN/B > {box}"


def test_a_slot_takes_no_more_than_it_holds_and_keeps_the_place_of_what_is_out(house: House) -> None:
    house.place("A", capacity=1)
    code = house.file("A")
    other = house.file()
    assert shelving.locate(house.services, house.asked(), other, "A").said.code == "place-full"
    shelving.locate(house.services, house.asked(), code, "MAIN/DESK")
    assert shelving.locate(house.services, house.asked(), other, "A").said.code == "place-full"


def test_boxes_never_stand_in_each_other(house: House) -> None:
    outer, inner = (boxing.add_box(house.services, house.asked(), NewBox("default")).more["barcode"] for _ in range(2))
    assert shelving.locate(house.services, house.asked(), inner, outer).basket == "done"
    assert shelving.locate(house.services, house.asked(), outer, inner).said.code == "box-cycle"
    assert shelving.locate(house.services, house.asked(), outer, outer).said.code == "box-cycle"


def test_case_10_a_location_where_a_file_is_expected_is_blocked_by_its_kind(house: House) -> None:
    house.place("A")
    with house.services.database.read() as connection:
        from custody.desk_tables import locations

        barcode = connection.execute(locations.select().where(locations.c.path == "MAIN/A")).one().barcode
    answer = finding.find(house.services, house.asked(), barcode)
    assert answer.said.code == "wrong-kind" and "location" in answer.said.text()


def test_another_clients_file_is_as_if_it_were_not_there(house: House) -> None:
    house.person("Eva", "clerk", client="other")
    code = house.file()
    for act in (
        lambda: finding.find(house.services, house.asked("Eva"), code),
        lambda: shelving.locate(house.services, house.asked("Eva"), code, "MAIN/IN"),
    ):
        answer = act()
        nothing = finding.find(house.services, house.asked("Eva"), "F0000099999")
        assert answer.said.code == "unknown-barcode" and answer.exit_code == 2 and answer.file is None
        assert nothing.said.code in ("unknown-barcode", "refused")
    with house.services.database.read() as connection:
        from custody.tables import events

        denied = connection.execute(events.select().where(events.c.type == "access_denied")).all()
    assert [row.subject for row in denied] == [house.row(code).id] * 2


def test_nothing_is_missing_before_it_was_looked_for_twice(house: House) -> None:
    house.place("A")
    code = house.file("A")
    assert missing.missing(house.services, house.asked(), code).exit_code == 3
    for _ in range(2):
        assert missing.not_found(house.services, house.asked(), code).said.code == "not-found-here"
    answer = missing.missing(house.services, house.asked(), code)
    assert answer.said.code == "missing" and answer.more["last_places"][0] == "MAIN/A"
    assert house.problems() == []


def test_what_was_missing_is_found_when_a_second_person_says_so(house: House) -> None:
    house.person("Sara", "archivist")
    house.place("A")
    code = house.file("A")
    missing.missing(house.services, house.asked(None, "search-again"), code)
    assert missing.found(house.services, house.asked(), code).said.code == "found"
    assert house.row(code).state == "found_pending"
    assert missing.found(house.services, house.asked(None, "approve"), code).said.code == "second-person"
    assert missing.found(house.services, house.asked("Sara", "disapprove"), code).said.code == "found-refused"
    missing.found(house.services, house.asked(), code)
    approved = missing.found(house.services, house.asked("Sara", "approve"), code)
    assert approved.said.code == "found-approved" and house.row(code).state == "checked"
    assert shelving.refile(house.services, house.asked(), code).said.code == "refiled"
    assert house.problems() == []


def test_a_sealed_box_is_closed_and_a_broken_seal_wants_a_count(house: House) -> None:
    house.place("A")
    house.place("B")
    box = boxing.add_box(house.services, house.asked(), NewBox("default", at="A")).more["barcode"]
    inside, gone = house.file(box), house.file(box)
    boxing.seal(house.services, house.asked(), box, "S-1")
    assert shelving.locate(house.services, house.asked(), house.file(), box).said.code == "box-sealed"
    assert shelving.locate(house.services, house.asked(), box, "B").basket == "done"
    boxing.unseal(house.services, house.asked(), box)
    assert shelving.locate(house.services, house.asked(), box, "A").said.code == "box-count-due"
    short = boxing.count(house.services, house.asked(), box, (inside,))
    assert short.basket == "alert" and short.more["absent"] == [gone]
    boxing.count(house.services, house.asked(), box, (inside, gone))
    assert shelving.locate(house.services, house.asked(), box, "A").basket == "done"
    assert house.problems() == []


def test_moving_all_takes_boxes_and_loose_files_and_says_what_is_out(house: House) -> None:
    for code in ("A", "B"):
        house.place(code)
    box = boxing.add_box(house.services, house.asked(), NewBox("default", at="A")).more["barcode"]
    inside, loose, out = house.file(box), house.file("A"), house.file("A")
    shelving.locate(house.services, house.asked(), out, "MAIN/DESK")
    moved = shelving.move_all(house.services, house.asked(), "A", "B")
    assert moved.more == {"boxes": 1, "files": 1, "out": 1} and len(moved.events) == 2
    assert finding.find(house.services, house.asked(), inside).location == f"MAIN/B > {box}"
    assert shelving.refile(house.services, house.asked(), out).location == "MAIN/B"
    assert finding.find(house.services, house.asked(), loose).location == "MAIN/B"
    assert house.problems() == []
