"""The documents of one case compared by command: contradictions with both pictures, held for two people (case 24)."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Run = Callable[..., Any]


@pytest.fixture
def case(held: Path, run: Run) -> tuple[str, str]:
    """An invoice and a delivery note for one customer."""
    found = run("record", "list", "--json").document["records"]
    invoice, note = (next(one["id"] for one in found if one["class"] == name) for name in ("invoice", "letter"))
    run("review", "correct", invoice, "--set", "customer=María García López")
    run("review", "correct", note, "--set", "class=delivery_note")
    run("review", "correct", note, "--set", "customer=GARCIA LOPEZ, MARIA")
    return invoice, note


def reasons(run: Run, record: str) -> set[tuple[str, str]]:
    shown = run("record", "show", record, "--json").document
    return {(one["code"], one["field"]) for one in shown["review"]}


def test_the_same_name_written_otherwise_agrees(case: tuple[str, str], run: Run) -> None:
    found = run("review", "case", *case, "--json")
    assert (found.code, found.document["state"], found.document["contradictions"]) == (0, "consistent", [])
    missing = run("review", "case", *case, "--require", "invoice", "--require", "contract", "--json")
    assert (missing.code, missing.document["state"], missing.document["missing"]) == (3, "incomplete", ["contract"])


def test_case_24_a_name_that_differs_blocks_with_both_pictures(
    case: tuple[str, str], held: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("review", "correct", case[1], "--set", "customer=Mario García López")
    folder = held / "pieces"
    folder.mkdir()
    found = run("review", "case", *case, "--hold", "--snippets", folder, "--json")
    assert (found.code, found.document["state"], found.document["held"]) == (1, "blocked", sorted(case))
    (one,) = found.document["contradictions"]
    assert (one["fact"], one["blocks"]) == ("name", True)
    assert {said["value"] for said in one["statements"]} == {"María García López", "Mario García López"}
    for said in one["statements"]:
        with Image.open(said["snippet"]) as piece:
            assert piece.width > 10
    assert all(("case-differs", "customer") in reasons(run, record) for record in case)
    with closing(sqlite3.connect(held / "catalogue.db")) as connection:
        leaves = b"".join(row[0] for row in connection.execute("SELECT leaf FROM events"))
    assert b"case-differs" in leaves and "García".encode() not in leaves
    again = run("review", "case", *case, "--hold", "--json").document
    assert again["held"] == sorted(case)
    run("review", "recheck", *case)
    assert all(("case-differs", "customer") in reasons(run, record) for record in case)
    run("review", "correct", case[0], "--keep", "customer")  # two people keep it, one corrects the other
    assert ("case-differs", "customer") in reasons(run, case[0])
    token = run("person", "add", "Ana", "--json").document["token"]
    run("person", "accredit", "Ana", "--role", "reviewer")
    monkeypatch.setenv("MUNIMENT_TOKEN", token)
    assert run("--as", "Ana", "review", "correct", case[0], "--agree", "customer", "--json").code == 0
    run("review", "correct", case[1], "--set", "customer=María García López")
    assert not any(code == "case-differs" for record in case for code, _ in reasons(run, record))
    assert run("review", "case", *case, "--json").code == 0
    assert run("custody", "check").code == 0


def test_it_is_seen_before_it_is_shown_and_needs_two(case: tuple[str, str], held: Path, run: Run) -> None:
    def viewed() -> int:
        with closing(sqlite3.connect(held / "catalogue.db")) as connection:
            return int(connection.execute("SELECT count(*) FROM events WHERE type = 'viewed'").fetchone()[0])

    before = viewed()
    run("review", "case", *case)
    assert viewed() == before + 2
    assert run("review", "case", case[0], "--json").code == 15
    assert run("review", "case", case[0], case[0], "--json").code == 15
    assert run("review", "case", "--file", "nowhere", "--json").code == 13
    assert run("review", "case", *case, "--require", "nonsense", "--json").code != 0


def test_the_records_of_one_paper_are_a_case(case: tuple[str, str], held: Path, run: Run) -> None:
    made = run("file", "receive", "--title", "Case", "--record", case[0], "--json").document["file"]
    with closing(sqlite3.connect(held / "catalogue.db")) as connection, connection:
        (paper, client, bound) = connection.execute("SELECT file, client, bound FROM file_records").fetchone()
        connection.execute("INSERT INTO file_records VALUES (?, ?, ?, ?)", (case[1], paper, client, bound))
        connection.execute("UPDATE physical_files SET case_no = 'EXP-7' WHERE id = ?", (paper,))
        (barcode,) = connection.execute("SELECT barcode FROM physical_files WHERE id = ?", (paper,)).fetchone()
    assert made is not None
    for name in (barcode, "EXP-7"):
        found = run("review", "case", "--file", name, "--json").document
        assert sorted(one["record"] for one in found["records"]) == sorted(case)
