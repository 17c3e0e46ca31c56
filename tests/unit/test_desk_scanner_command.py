"""At the scanner: shelves, transfers, repeated scans, and the real command."""

import json
import os
import pty
import select as waiting
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desk_house import House
from printed import codes, pages
from scanner_house import C, scans
from sqlalchemy import func, select

from custody.loan_tables import loans
from custody.tables import events
from records.desk_commands import Command
from tasks.desk import transfers
from tasks.desk.scanner import Session
from tasks.desk.things import Station
from tasks.desk.transfers import NewTransfer
from tasks.desk_scans import CommandWords

ROOT = Path(__file__).resolve().parents[2]


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
