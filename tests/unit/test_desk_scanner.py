"""The scanner sequences of the reference, scan by scan; and the real command over a pipe and on a terminal."""

import json
import os
import pty
import select as waiting
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from desk_house import House
from printed import codes, pages
from sqlalchemy import func, select

from custody.loan_tables import loans
from custody.tables import events
from infra.i18n import translations
from records.barcodes import Kind, make_code
from records.desk_commands import Command, command_code
from tasks.desk import boxing, shelving, transfers
from tasks.desk.boxing import NewBox
from tasks.desk.scanner import Session
from tasks.desk.things import Station
from tasks.desk.transfers import NewTransfer
from tasks.desk_scans import CommandWords
from tasks.printing import give_person_code

ROOT = Path(__file__).resolve().parents[2]
C = {command: command_code(command) for command in Command}


class Moved:
    """The services' clock, moved on by a test."""

    def __init__(self, clock: Any) -> None:
        self._clock, self.by = clock, timedelta()

    def now(self) -> Any:
        return self._clock.now() + self.by

    def sleep(self, seconds: float) -> None:
        self.by += timedelta(seconds=seconds)


@pytest.fixture
def house(services: Any) -> House:
    made = House(services)
    made.place("A")
    made.place("B")
    made.person("Ana", "borrower")
    made.person("Luis", "borrower")
    return made


@pytest.fixture
def desk(house: House) -> Session:
    house.services.clock = Moved(house.services.clock)
    return Session(house.services, Station("test", "one"), CommandWords(translations("es").gettext))


def scans(desk: Session, *given: str) -> list[tuple[str, str]]:
    """Scan one after another, two seconds apart; return basket and code of each answer."""
    found = []
    for raw in given:
        desk.services.clock.sleep(2.0)  # type: ignore[attr-defined]  # the test's clock
        answer = desk.scan(raw)
        found.append((answer.basket, answer.said.code))
    return found


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


def test_a_shelf_is_walked_with_the_five_outcomes(house: House, desk: Session) -> None:
    here, elsewhere, lent, absent = house.file("A"), house.file("B"), house.file("A"), house.file("A")
    homeless = house.file()
    scans(desk, "Ana", lent, C[Command.END])
    found = scans(desk, C[Command.INVENTORY], "A", here, elsewhere, lent, homeless, "X-9", absent, C[Command.UNDO])
    assert [code for _, code in found] == [
        "desk-began", "desk-count-here", "counted-here", "counted-elsewhere", "counted-on-loan", "counted-no-place",
        "counted-unknown", "counted-here", "desk-dropped",
    ]  # fmt: skip
    assert house.row(elsewhere).state == "stored"  # nothing is recorded before END
    desk.services.clock.sleep(400.0)  # type: ignore[attr-defined]  # the test's clock
    assert scans(desk, C[Command.LEND], C[Command.END]) == [
        ("blocked", "desk-list-open"),
        ("alert", "inventory-differs"),
    ]
    assert [house.row(one).state for one in (here, elsewhere, lent, homeless)] == [
        "stored", "checked", "on_loan", "received",
    ]  # fmt: skip
    assert house.row(absent).searches == 1 and house.problems() == [] and desk.mode is None
    assert scans(desk, "A", C[Command.INVENTORY])[-1] == ("info", "desk-count-here")


def test_a_transfer_is_checked_line_by_line(house: House, desk: Session) -> None:
    added = transfers.add(house.services, house.asked(), NewTransfer("default", "CLIENT_IN", ("X-1", "X-2", "X-3")))
    code = str(added.more["transfer"]["barcode"])
    assert scans(desk, C[Command.TRANSFER], house.file("A"), code, "X-1", "X-2", C[Command.DAMAGED], "Y-1") == [
        ("info", "desk-began"), ("blocked", "desk-expected"), ("done", "transfer-received"),
        ("done", "transfer-line-ok"), ("done", "transfer-line-ok"), ("alert", "transfer-line-damaged"),
        ("alert", "transfer-line-extra"),
    ]  # fmt: skip
    assert scans(desk, C[Command.UNDO], C[Command.END]) == [
        ("blocked", "desk-nothing-to-undo"), ("alert", "transfer-with-errors"),
    ]  # fmt: skip
    assert scans(desk, C[Command.TRANSFER], code, "X-3", C[Command.END])[1:] == [
        ("info", "transfer-goes-on"), ("done", "transfer-line-ok"), ("alert", "transfer-with-errors"),
    ]  # fmt: skip
    assert [house.row(one).state for one in ("X-1", "X-2", "X-3", "Y-1")] == [
        "received", "quarantine", "received", "received",
    ]  # fmt: skip
    assert house.problems() == []


def test_the_real_command_walks_a_shelf(house: House, home: Path) -> None:
    file = house.file("A")
    house.services.close()
    child = _child(home, "--json", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    given = "\n".join((C[Command.INVENTORY], "A", file, C[Command.END]))
    out, err = child.communicate(given.encode(), timeout=120)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["code"] for line in lines] == ["desk-began", "desk-count-here", "counted-here", "inventory"], err
    assert lines[3]["outcomes"]["here"] == [file]


def test_a_scanner_that_fires_twice_lends_once(house: House, desk: Session) -> None:
    file = house.file("A")
    scans(desk, "Ana", file)
    assert desk.scan(file).said.code == "desk-twice"
    with house.services.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(loans)).scalar_one() == 1


def test_the_same_number_gets_the_same_answer_and_one_movement(house: House, desk: Session) -> None:
    file = house.file("A")
    desk.scan("Ana", 1)
    first = desk.scan(file, 2)
    assert desk.scan(file, 2) == first
    again = Session(house.services, Station("test", "one"), CommandWords(str))
    again.scan("Ana", 1)
    assert again.scan(file, 2).events == first.events
    with house.services.database.read() as connection:
        lent = select(func.count()).select_from(events).where(events.c.type == "lent")
        assert connection.execute(lent).scalar_one() == 1


def test_nobody_lends_on_the_card_of_who_left(house: House, desk: Session) -> None:
    one, two = house.file("A"), house.file("A")
    scans(desk, "Ana", one)
    desk.services.clock.sleep(301.0)  # type: ignore[attr-defined]  # the test's clock
    answer = desk.scan(two)
    assert answer.said.code == "found-it" and [note.code for note in answer.notes] == ["desk-idle"]
    assert house.row(two).state == "stored"


def test_device_and_session_are_in_the_ledger(house: House, desk: Session) -> None:
    scans(desk, "Ana", house.file("A"))
    with house.services.database.read() as connection:
        leaf = connection.execute(select(events.c.leaf).where(events.c.type == "lent")).scalar_one()
    assert json.loads(leaf)["obj"]["scan"] == {"device": "test", "session": "one", "number": 2}


def test_every_scan_is_answered_within_200_ms(house: House, desk: Session) -> None:
    files = [house.file("A") for _ in range(15)]
    took = []
    for raw in ("Ana", *files, C[Command.RETURN], *files):
        desk.services.clock.sleep(2.0)  # type: ignore[attr-defined]  # the test's clock
        start = time.process_time()
        desk.scan(raw)
        took.append(time.process_time() - start)
    assert sorted(took)[int(len(took) * 0.95)] < 0.2


def _child(home: Path, *arguments: str, **settings: Any) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "MUNIMENT_HOME": str(home), "LC_ALL": "C.UTF-8", "MUNIMENT_LANGUAGE": "en"}
    command = [sys.executable, "-m", "cli.main", "desk", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, **settings)


def test_the_real_command_over_a_pipe_prints_the_slip(house: House, home: Path, tmp_path: Path) -> None:
    file = house.file("A")
    house.services.close()
    child = _child(home, "--json", "--slips", str(tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    given = f"Ana\r{file}\r\n\xff\xfe garbage\t{file}{file}\n{C[Command.END]}".encode("latin-1")
    out, err = child.communicate(given, timeout=120)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["code"] for line in lines] == ["desk-borrower", "lent", "desk-unknown", "desk-unread", "desk-ended"], (
        err
    )
    assert {"answer", "code", "message", "next", "file", "loan", "due", "location", "events"} <= lines[1].keys()
    assert child.returncode == 0 and [line["n"] for line in lines] == [1, 2, 3, 4, 5]
    (slip,) = tmp_path.glob("slip-*.pdf")
    assert codes(pages(slip.read_bytes(), 200)[0])[0][1] in slip.name


def test_the_real_command_undoes_and_says_why_it_does_not(house: House, home: Path) -> None:
    file = house.file("A")
    house.services.close()
    child = _child(home, "--json", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    scanned = [{"n": n, "scan": raw} for n, raw in enumerate(("Ana", file, C[Command.UNDO], "undo"), 1)]
    out, err = child.communicate("\n".join(map(json.dumps, [*scanned, scanned[2]])).encode(), timeout=120)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["answer"], line["code"]) for line in lines] == [
        ("info", "desk-borrower"), ("done", "lent"), ("done", "undone"), ("blocked", "desk-nothing-to-undo"),
        ("done", "undone"),
    ], err  # fmt: skip
    assert lines[2]["events"] == lines[4]["events"] and lines[2]["location"] == "MAIN/A" and lines[3]["next"]


def test_the_real_command_on_a_terminal_beeps_and_takes_tabs(house: House, home: Path) -> None:
    house.services.close()
    ours, theirs = pty.openpty()
    child = _child(home, stdin=theirs, stdout=theirs, close_fds=True)
    seen = b""
    deadline = time.monotonic() + 60
    while termios.tcgetattr(theirs)[6][termios.VEOL] != b"\t" and time.monotonic() < deadline:
        time.sleep(0.1)
    os.close(theirs)
    os.write(ours, b"Ana\t")
    while b"Lending to Ana" not in seen and time.monotonic() < deadline:
        if waiting.select([ours], [], [], 1.0)[0]:
            seen += os.read(ours, 4096)
    os.write(ours, b"nonsense\r")
    while b"Nothing is known" not in seen and time.monotonic() < deadline:
        if waiting.select([ours], [], [], 1.0)[0]:
            seen += os.read(ours, 4096)
    os.write(ours, b"\x04")
    child.communicate(timeout=30)
    assert child.returncode == 0
    assert "·".encode() in seen and b"\x1b[" in seen and b"\a" in seen
    os.close(ours)


Run = Callable[..., Any]


def test_a_wrong_device_or_purpose_is_refused(run: Run) -> None:
    assert run("desk", "--device", "a b").code == 15
    assert run("desk", "--purpose", "because").code == 15
