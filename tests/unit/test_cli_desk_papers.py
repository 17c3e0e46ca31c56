"""`muniment print` and `muniment report` through the command: what they write, record, and refuse to show."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from desk_rows import DeskRows
from printed import codes, pages, text
from sqlalchemy import select

from custody.codes import give_code
from custody.tables import events
from records.barcodes import Kind, make_code, read_code
from records.desk_commands import command_code
from tasks.desk.scanner import HERE_COMMANDS

REPORTS = (
    "on-loan", "due-soon", "most-lent", "in-transit", "staging", "missing", "phantom", "retrieval", "occupancy",
)  # fmt: skip
Run = Callable[..., Any]


@pytest.fixture
def desk(services: Any) -> Iterator[DeskRows]:
    """A site with a shelf, a box, a stored file, a lent one, and a waiting request; committed."""
    now = services.clock.now()
    with services.database.write() as connection:
        rows = DeskRows(services, connection, now)
        site = rows.site("MAD")
        shelf, desk = rows.place("MAD/A/3", sort_key="MAD/A/00003"), rows.place("MAD/DESK", "DESK")
        box = rows.box(shelf, client_ref="CAJA-7")
        ana = rows.person("Ana Ñúñez")
        stored = rows.file("Expediente Íñigo", home_box=box, box=box, position=4, case_no="EXP/1")
        lent = rows.file("Prestado", "on_loan", home_box=box, holder=ana, pages_expected=212)
        rows.lend(lent, ana, site, now - timedelta(days=40), date(2026, 1, 10))
        rows.request(stored, ana, desk, "queued", now, position=1, needed_by="2027-01-11")
        rows.file("Secreto", client=rows.client("Otra"))
    yield rows


STORED, LENT, SECRET = (make_code(Kind.FILE, n) for n in (1, 2, 3))
BOX, SLIP = make_code(Kind.BOX, 1), make_code(Kind.SLIP, 1)


def written(services: Any, kind: str) -> list[dict[str, Any]]:
    with services.database.read() as connection:
        rows = connection.execute(select(events.c.leaf).where(events.c.type == kind).order_by(events.c.seq))
        return [json.loads(row.leaf) for row in rows]


def test_labels_are_printed_and_recorded(desk: DeskRows, run: Run, tmp_path: Path, services: Any) -> None:
    target = tmp_path / "labels.pdf"
    answer = run("print", "labels", STORED, BOX, "MAD/A/3", "Ana Ñúñez", "--to", target, "--json")
    assert answer.code == 0, answer.err
    printed = [code for _, code in codes(pages(target.read_bytes(), 300)[0])]
    kinds = [read_code(code).kind for code in printed]
    assert printed[:2] == [STORED, BOX] and kinds[2:] == [Kind.PLACE, Kind.PERSON]
    assert answer.document["count"] == 4 and len(answer.document["events"]) == 4
    subjects = [event["subject"][:3] for event in written(services, "printed")]
    assert sorted(subjects) == ["box", "fil", "loc", "per"]
    assert "EXP/1" in text(target.read_bytes()) and target.stat().st_mode & 0o077 == 0
    again = run("print", "labels", "Ana Ñúñez", "--to", target, "--json")
    assert [code for _, code in codes(pages(target.read_bytes(), 300)[0])] == printed[3:] and again.code == 0


def test_blank_labels_get_codes_of_their_own(desk: DeskRows, run: Run, tmp_path: Path, services: Any) -> None:
    seen: list[str] = []
    for name in ("one.pdf", "two.pdf"):
        answer = run("print", "labels", "--new", "file", "--count", "21", "--to", tmp_path / name, "--json")
        assert answer.code == 0, answer.err
        seen += [code for _, code in codes(pages((tmp_path / name).read_bytes(), 200)[0])]
    assert len(set(seen)) == 42
    with services.database.write() as connection:
        fresh = give_code(connection, "fil_" + "0" * 32, services.clock.now())
    assert fresh not in seen


def test_a_slip_an_out_card_and_a_pick_list(desk: DeskRows, run: Run, tmp_path: Path, services: Any) -> None:
    slip, card, picks, back = (tmp_path / f"{name}.pdf" for name in ("slip", "card", "picks", "back"))
    assert run("print", "slip", SLIP, "--language", "es", "--to", slip).code == 0
    assert "Papeleta de préstamo" in text(slip.read_bytes()) and "Prestado" in text(slip.read_bytes())
    assert run("print", "outcard", LENT, "--to", card).code == 0
    said = text(card.read_bytes())
    assert "Ana Ñúñez" in said and f"MAD/A/3 · {BOX}" in said and "Saturday, January 10, 2026" in said
    assert run("print", "picklist", "--to", picks, "--json").document["count"] == 1
    said = text(picks.read_bytes())
    assert f"{BOX} / 4" in said and "MAD/A/3" in said and "Ana Ñúñez" in said
    nothing = run("print", "picklist", "--put-back", "--to", back, "--json")
    assert nothing.document["error"]["code"] == "invalid-value" and not back.exists()
    subjects = [event["subject"][:3] for event in written(services, "printed")]
    assert subjects == ["slp", "fil", "fil"]


def test_the_card_of_commands_is_read_back(run: Run, tmp_path: Path, services: Any) -> None:
    target = tmp_path / "card.pdf"
    assert run("print", "commands", "--sheet", "a4-14", "--language", "es", "--to", target).code == 0
    found = [code for page in pages(target.read_bytes(), 200) for _, code in codes(page)]
    assert sorted(found) == sorted(command_code(command) for command in HERE_COMMANDS)
    assert "PRESTAR" in text(target.read_bytes())


@pytest.mark.parametrize(
    "arguments",
    [
        ("print", "labels", SECRET), ("print", "outcard", SECRET), ("print", "slip", make_code(Kind.SLIP, 9)),
        ("report", "trace", SECRET), ("report", "on-loan", "--client", "Otra"), ("print", "labels", "fil_000000"),
        ("print", "transfer", STORED), ("print", "picklist", "--site", "BCN"),
    ],
)  # fmt: skip
def test_what_may_not_be_seen_is_as_if_it_were_not_there(
    desk: DeskRows, run: Run, tmp_path: Path, services: Any, arguments: tuple[str, ...]
) -> None:
    target = tmp_path / "x.pdf"
    answer = run(*arguments, "--to", target, "--json")
    assert answer.document["error"]["code"] == "unknown-id" and answer.code == 13
    assert not target.exists() and not [e for e in written(services, "printed") + written(services, "exported")]


def test_what_cannot_be_written_is_not_recorded(desk: DeskRows, run: Run, tmp_path: Path, services: Any) -> None:
    for arguments in (("print", "labels", STORED), ("report", "overdue"), ("report", "trace", STORED)):
        answer = run(*arguments, "--to", tmp_path / "none" / "x.pdf", "--json")
        assert answer.document["error"]["code"] == "invalid-value"
    assert run("report", "overdue", "--to", tmp_path / "x.txt").code == 15
    assert not written(services, "printed") and not written(services, "exported")


def test_a_wrong_sheet_or_first_label_is_refused_before_anything(desk: DeskRows, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "x.pdf"
    assert run("print", "labels", STORED, "--sheet", "a5-1", "--to", target).code == 50
    assert run("print", "labels", STORED, "--first", "22", "--to", target).code == 15
    assert run("print", "labels", "--to", target).code == 15
    assert run("print", "labels", STORED, "--new", "file", "--to", target).code == 15
    assert not target.exists()


def test_reports_answer_as_json_text_csv_and_pdf(desk: DeskRows, run: Run, tmp_path: Path, services: Any) -> None:
    document = run("report", "overdue", "--json").document
    assert [row["title"] for row in document["rows"]] == ["Prestado"] and document["totals"]["overdue"] == 1
    plain = run("report", "overdue").out
    assert "Prestado" in plain and "Ana Ñúñez" in plain
    assert not written(services, "exported")
    target = tmp_path / "overdue.csv"
    assert run("report", "overdue", "--to", target, "--json").document["rows"] == 1
    (row,) = csv.DictReader(io.StringIO(target.read_text("utf-8-sig")))
    assert row["file"] == LENT and row["borrower"] == "Ana Ñúñez"
    (event,) = written(services, "exported")
    assert event["obj"] == {"report": "overdue", "rows": 1} and "Ana" not in str(event)
    for name in REPORTS:
        target = tmp_path / f"{name}.pdf"
        answer = run("report", name, "--to", target, "--language", "es", "--json")
        assert answer.code == 0 and target.read_bytes().startswith(b"%PDF"), answer.out
        assert run("report", name).code == 0
        rows = run("report", name, "--to", tmp_path / f"{name}.csv", "--json").document["rows"]
        assert len(list(csv.DictReader(io.StringIO((tmp_path / f"{name}.csv").read_text("utf-8-sig"))))) == rows


@pytest.mark.parametrize("what", ["report", "trace", "labels", "commands", "slip", "outcard", "picklist"])
def test_a_process_that_printed_nothing_before_prints(desk: DeskRows, muniment: Any, tmp_path: Path, what: str) -> None:
    asked = {
        "report": ("report", "on-loan"), "trace": ("report", "trace", LENT), "labels": ("print", "labels", STORED),
        "commands": ("print", "commands"), "slip": ("print", "slip", SLIP), "outcard": ("print", "outcard", LENT),
        "picklist": ("print", "picklist"),
    }[what]  # fmt: skip
    muniment(*asked, "--to", tmp_path / "paper.pdf")
    assert (tmp_path / "paper.pdf").read_bytes().startswith(b"%PDF")


def test_a_trace_is_shown_and_printed(desk: DeskRows, run: Run, tmp_path: Path, services: Any) -> None:
    document = run("report", "trace", LENT, "--json").document
    assert [row["event"] for row in document["rows"]] == ["registered", "received", "lent"]
    target = tmp_path / "trace.pdf"
    assert run("report", "trace", LENT, "--language", "es", "--to", target).code == 0
    said = text(target.read_bytes())
    assert "Movimientos de un expediente" in said and "Ana Ñúñez" in said
    assert [event["subject"][:3] for event in written(services, "exported")] == ["fil"]


def test_a_reader_of_reports_needs_a_client(run: Run, services: Any) -> None:
    assert run("report", "on-loan", "--client", "Nobody", "--json").document["error"]["code"] == "unknown-id"
    assert run("report", "most-lent", "--since", "yesterday").code == 15
