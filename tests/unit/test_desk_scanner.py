"""At the scanner: sequences of barcodes, their answers, and taking back."""

import pytest
from desk_house import House
from scanner_house import C, scans
from sqlalchemy import select

from custody.loan_tables import loans
from records.barcodes import Kind, make_code
from records.desk_commands import Command
from tasks.desk import boxing, shelving
from tasks.desk.boxing import NewBox
from tasks.desk.scanner import Session
from tasks.desk.things import Station
from tasks.desk_scans import CommandWords
from tasks.printing.labels import give_person_code


def card(house: House, name: str) -> str:
    return give_person_code(house.services, house.people[name].id)


def test_lending_borrower_first_and_the_slip_at_end(house: House, desk: Session) -> None:
    one, two = house.file("A"), house.file("A")
    assert scans(desk, card(house, "Ana"), one, two, C[Command.END]) == [
        ("info", "desk-borrower"), ("done", "lent"), ("done", "lent"), ("done", "desk-ended"),
    ]  # fmt: skip
    with house.services.database.read() as connection:
        rows = connection.execute(select(loans)).all()
    assert len(rows) == 2 and len({row.slip for row in rows}) == 1
    assert desk.finished is not None and desk.mode is None


def test_object_first_then_the_command_then_the_borrower(house: House, desk: Session) -> None:
    file = house.file("A")
    assert scans(desk, file, C[Command.LEND], card(house, "Ana")) == [
        ("info", "found-it"), ("info", "desk-lend-whom"), ("done", "lent"),
    ]  # fmt: skip
    assert scans(desk, C[Command.END], file, C[Command.RETURN])[1:] == [("info", "found-with"), ("done", "returned")]


def test_returning_needs_no_borrower_and_a_count_may_follow_at_once(house: House, desk: Session) -> None:
    file = house.file("A", pages=10)
    scans(desk, "Ana", file)
    found = scans(desk, C[Command.RETURN], file, C[Command.SHORT], "9", C[Command.GOOD])
    assert found == [
        ("info", "desk-began"), ("done", "returned"), ("info", "desk-pages"), ("info", "desk-pages-noted"),
        ("alert", "pages-short"),
    ]  # fmt: skip


def test_check_file_pages_condition_and_the_next_file_means_good(house: House, desk: Session) -> None:
    one, two = house.file("A", pages=10), house.file("A", pages=20)
    scans(desk, "Ana", one, two, C[Command.RETURN], one, two)
    found = scans(desk, C[Command.CHECK], one, "10", two, "20", C[Command.END])
    assert [code for _, code in found] == [
        "desk-began", "desk-pages", "desk-pages-noted", "checked", "desk-pages-noted", "desk-over",
    ]  # fmt: skip
    assert house.row(one).state == house.row(two).state == "checked"


def test_refile_file_then_its_place_and_a_wrong_place_is_told(house: House, desk: Session) -> None:
    file = house.file("A", pages=1)
    scans(desk, "Ana", file, C[Command.RETURN], file, C[Command.CHECK_OK])
    assert scans(desk, C[Command.REFILE], file, "B", file, "A") == [
        ("info", "desk-began"), ("info", "desk-where-to"), ("blocked", "wrong-home"), ("info", "desk-where-to"),
        ("done", "refiled"),
    ]  # fmt: skip


def test_moving_a_file_and_a_whole_shelf(house: House, desk: Session) -> None:
    file = house.file("A")
    assert scans(desk, C[Command.MOVE], file, "B") == [
        ("info", "desk-began"), ("info", "desk-where-to"), ("done", "located-home"),
    ]  # fmt: skip
    assert scans(desk, C[Command.MOVE], "B", "A")[1:] == [("info", "desk-where-to"), ("done", "moved-all")]


def test_handing_on_asks_whether_it_was_scanned_there(house: House, desk: Session) -> None:
    file = house.file("A")
    scans(desk, "Ana", file)
    assert scans(desk, C[Command.RECHARGE], file, card(house, "Luis"), C[Command.YES]) == [
        ("info", "desk-began"), ("info", "desk-hand-to"), ("confirm", "seen-at-holder"), ("done", "recharged"),
    ]  # fmt: skip
    assert scans(desk, C[Command.RENEW], file)[-1][1] in ("renewed", "refused")


def test_a_question_is_answered_by_yes_or_left_by_no(house: House, desk: Session) -> None:
    file = house.file("A", pages=10)
    scans(desk, C[Command.CHECK], file, "9", C[Command.END], "Ana")
    lent = scans(desk, file)
    assert lent == [("confirm", "pages-differ")] or lent[0][0] in ("blocked", "done")
    other = house.file("A")
    scans(desk, C[Command.RETURN], house.file("A"))
    unknown = scans(desk, C[Command.CHECK], other, C[Command.NO], C[Command.YES])
    assert unknown[2:] == [("blocked", "desk-no-question"), ("blocked", "desk-no-question")]


def test_yes_does_what_was_asked_and_anything_else_leaves_it(house: House, desk: Session) -> None:
    house.person("Sara", "archivist")
    file = house.file("A")
    searched = scans(desk, C[Command.MISSING], file)
    assert searched[-1] == ("confirm", "search-again")
    assert scans(desk, C[Command.NO]) == [("info", "desk-left")]
    scans(desk, file)
    answer = desk.scan(C[Command.FIND])
    assert [note.code for note in answer.notes] == ["desk-question-open"]
    assert house.row(file).state == "stored"
    assert scans(desk, C[Command.MISSING], file, C[Command.YES])[-1] == ("done", "missing")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("F0000001234", "desk-unread"), (make_code(Kind.FILE, 1) * 2, "desk-unread"), ("\x00\x07", "desk-unknown"),
        (make_code(Kind.FILE, 99_999_999), "desk-unknown"), ("nobody at all", "desk-unknown"),
        ("�" * 80, "desk-unknown"),
        (make_code(Kind.COMMAND, 999), "desk-unread"), ("212", "desk-no-question"),
        (C[Command.UNDO], "desk-nothing-to-undo"),
        (C[Command.GOOD], "desk-no-question"), (C[Command.CHECK_OK], "desk-expected"), (C[Command.END], "desk-over"),
    ],
)  # fmt: skip
def test_whatever_is_scanned_is_answered_and_moves_nothing(house: House, desk: Session, raw: str, code: str) -> None:
    file = house.file("A")
    before = house.row(file)
    assert [found for _, found in scans(desk, raw)] == [code]
    assert house.row(file) == before
    assert scans(desk, "Ana", file)[-1] == ("done", "lent")


def test_a_wrong_kind_is_blocked_by_its_name(house: House, desk: Session) -> None:
    answer = (desk.scan(C[Command.RETURN]), desk.scan("A"))[1]
    assert (answer.basket, answer.said.code) == ("blocked", "desk-expected")
    assert answer.said.text() == "This is a location; a physical file was expected."


def test_undo_takes_back_the_last_act_once_and_goes_on(house: House, desk: Session) -> None:
    one, two = house.file("A"), house.file("A")
    undo = C[Command.UNDO]
    assert [code for _, code in scans(desk, "Ana", one, two, undo, undo, C[Command.END])] == [
        "desk-borrower", "lent", "lent", "undone", "desk-nothing-to-undo", "desk-ended",
    ]  # fmt: skip
    assert (house.row(one).state, house.row(two).state) == ("on_loan", "stored")
    assert scans(desk, C[Command.RETURN], one, undo)[-1] == ("blocked", "nothing-to-undo")
    assert scans(desk, C[Command.MOVE], two, "B", undo)[-1] == ("done", "undone")
    row, there = house.row(two), house.row(house.file("A"))
    assert (row.state, row.place, row.home_place) == ("stored", there.place, there.place) and house.problems() == []


def test_undo_takes_back_a_box_with_what_is_in_it(house: House, desk: Session) -> None:
    box = boxing.add_box(house.services, house.asked(), NewBox("default", at="A")).more["barcode"]
    codes = [house.file(box) for _ in range(2)]
    undo = C[Command.UNDO]
    assert [code for _, code in scans(desk, "Ana", box, undo)] == ["desk-borrower", "lent", "undone"]
    assert {house.row(code).state for code in codes} == {"stored"} and house.problems() == []


def test_undo_drops_what_was_only_scanned(house: House, desk: Session) -> None:
    one, two = house.file("A", pages=10), house.file("A", pages=10)
    scans(desk, C[Command.MOVE], one, "B")
    assert scans(desk, C[Command.CHECK], two, "9", C[Command.UNDO])[-1] == ("info", "desk-left")
    assert house.row(two).pages_expected == 10 and house.row(two).state == "stored"
    assert scans(desk, C[Command.UNDO])[-1] == ("done", "undone")


def test_undo_is_for_ones_own_act_of_this_session(house: House, desk: Session) -> None:
    file = house.file("A")
    scans(desk, "Ana", file)
    again = Session(house.services, Station("test", "one"), CommandWords(str))  # cut off, and gone on with
    other = Session(house.services, Station("test", "two"), CommandWords(str))
    assert other.scan(C[Command.UNDO]).said.code == "desk-nothing-to-undo"
    assert again.scan(C[Command.UNDO]).said.code == "undone"
    house.person("Eva", "clerk")
    taken = house.file("A")
    scans(again, C[Command.MOVE], taken, "B")
    assert shelving.locate(house.services, house.asked("Eva"), taken, "A").basket == "done"
    assert scans(again, C[Command.UNDO])[-1] == ("blocked", "undo-too-late")
