"""Blind double keying by command: what nobody is shown, three people's work, and the traces that it leaves."""

import io
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from records.class_library import Keying, shipped_library
from records.fields import Description, Field, ReviewReason
from tasks.review.double_keys import asked_twice

Run = Callable[..., Any]
KEYED = ("number", "total")


def rows(home: Path, query: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(home / "catalogue.db")) as connection:
        return connection.execute(query, values).fetchall()


@pytest.fixture
def people(held: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> dict[str, Run]:
    """Three reviewers' ways to run a command."""
    tokens = {}
    for name in ("Ana", "Luis", "Eva"):
        tokens[name] = run("person", "add", name, "--json").document["token"]
        run("person", "accredit", name, "--role", "reviewer")

    def way(name: str) -> Run:
        def command(*line: str | Path) -> Any:
            monkeypatch.setenv("MUNIMENT_TOKEN", tokens[name])
            return run("--as", name, *line)

        return command

    return {name: way(name) for name in tokens}


@pytest.fixture
def machine(held: Path, run: Run) -> dict[str, str]:
    """What the machine read of the fields that are to be keyed."""
    record = run("record", "list", "--class", "invoice", "--json").document["records"][0]["id"]
    fields = run("record", "show", record, "--json").document["fields"]
    values = {field["name"]: field["value"] for field in fields if field["name"] in KEYED}
    assert set(values) == set(KEYED) and None not in values.values()
    return values


@pytest.fixture
def invoice(held: Path, machine: dict[str, str], run: Run, monkeypatch: pytest.MonkeyPatch) -> str:
    """An invoice of a class whose number and total two people key, described by it."""
    text = resources.files("records").joinpath("classes/invoice.toml").read_text(encoding="utf-8")
    for name in KEYED:
        text = text.replace(f'[[field]]\nname = "{name}"\n', f'[[field]]\nname = "{name}"\nkeying = "double"\n')
    folder = held / "classes"
    folder.mkdir()
    (folder / "invoice.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("MUNIMENT_CLASS_FOLDER", str(folder))
    record = str(run("record", "list", "--class", "invoice", "--json").document["records"][0]["id"])
    run("review", "correct", record, "--set", "class=invoice")
    return record


def test_no_value_is_shown_until_it_is_settled(
    invoice: str, machine: dict[str, str], held: Path, run: Run, people: dict[str, Run]
) -> None:
    for line in (
        ("record", "show", invoice), ("review", "show", invoice), ("review", "list"), ("review", "key", "list"),
        ("review", "key", "show", invoice), ("review", "key", "next", "--no-walk"),
    ):  # fmt: skip
        found = run(*line, "--json")
        assert found.code == 0, line
        assert not any(value in found.out for value in machine.values()), line
    run("review", "release", invoice)
    run("index", "rebuild")
    assert run("search", "--field", f"total={machine['total']}", "factura", "--json").document["total"] == 0
    run("export", "write", "--class", "invoice", "--unsettled", "--to", str(held / "out.csv"))
    assert not any(value in (held / "out.csv").read_text() for value in machine.values())
    shown = run("record", "show", invoice, "--json").document
    assert {(f["status"], f["value"]) for f in shown["fields"] if f["name"] in KEYED} == {("review", None)}
    people["Ana"]("review", "key", "set", invoice, "--set", "total=1.00", "--set", "number=F-1")
    for who in (run, people["Luis"], people["Ana"]):
        assert "F-1" not in who("record", "show", invoice, "--json").out


def test_two_key_a_third_decides_and_all_of_it_holds(
    invoice: str, machine: dict[str, str], run: Run, people: dict[str, Run]
) -> None:
    ana, luis, eva = people.values()
    taken = ana("review", "key", "next", "--json").document
    assert [step["field"] for step in taken["steps"]] == list(KEYED) and taken["record"] == invoice
    line = ("review", "key", "set", invoice, "--json", "--set")
    token = ("--token", str(taken["lock"]["token"]))
    first = ana(*line, f"number={machine['number']}", "--set", f"total={machine['total']}", *token)
    assert first.document == {
        "record": invoice, "state": "in_review", "keyed": list(KEYED), "settled": [], "differs": [],
    }  # fmt: skip
    assert ana("review", "key", "next", "--json").document["record"] is None
    second = luis(*line, f"number={machine['number']}", "--set", "total=7.77").document
    assert (second["settled"], second["differs"]) == (["number"], ["total"])
    listed = eva("review", "key", "list", "--json").document["items"]
    assert listed[0]["fields"] == [{"field": "total", "keyed": 2, "differs": True, "own": False}]
    assert luis("review", "key", "show", invoice, "--third", "--json").code == 27
    assert ana("review", "key", "settle", invoice, "--set", "total=1.00", "--json").code == 27
    assert luis("review", "key", "next", "--third", "--json").document["record"] is None
    (step,) = eva("review", "key", "next", "--third", "--json").document["steps"]
    assert [candidate["value"] for candidate in step["candidates"]] == [machine["total"], "7.77"]
    done = eva("review", "key", "settle", invoice, "--set", f"total={machine['total']}", "--json")
    assert done.document["settled"] == ["total"], done
    fields = {f["name"]: f for f in run("record", "show", invoice, "--json").document["fields"]}
    assert [(fields[name]["value"], fields[name]["status"]) for name in KEYED] == [
        (machine[name], "confirmed") for name in KEYED
    ]  # fmt: skip
    assert run("custody", "check").code == 0
    rates = run("review", "report", "--json").document["rates"]
    assert {(r["name"], r["count"], r["wrong"]) for r in rates if r["what"] == "keying"} == {
        ("number", 2, 0), ("total", 2, 1),
    }  # fmt: skip


def test_who_keys_is_shown_the_place_on_the_page(invoice: str, held: Path, people: dict[str, Run]) -> None:
    folder = held / "pieces"
    folder.mkdir()
    steps = people["Ana"]("review", "key", "next", "--snippets", folder, "--json").document["steps"]
    for step in steps:
        assert step["value"] is None and step["candidates"] == []
        with Image.open(step["snippet"]) as piece:
            assert piece.width > piece.height > 10


def test_the_walk_keys_what_is_typed(
    invoice: str, held: Path, people: dict[str, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def keys(*lines: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    keys("a", "c F-1", "i", "")
    said = people["Ana"]("review", "key", "next", "--walk")
    assert said.code == 0 and "type it" in said.err, said
    keys("c F-2", "i", "")
    people["Luis"]("review", "key", "next", "--walk")
    keys("2", "")
    people["Eva"]("review", "key", "next", "--third", "--walk")
    found = dict(rows(held, "SELECT field || turn, value FROM review_keyings WHERE value IS NOT NULL"))
    assert found == {"number1": "F-1", "number2": "F-2", "number3": "F-2"}
    assert rows(held, "SELECT status FROM review_keyings WHERE field = 'total'") == [("illegible",)] * 2


def test_nothing_to_key_is_said(held: Path, run: Run) -> None:
    assert run("review", "key", "next", "--json").document["record"] is None
    assert run("review", "key", "list", "--json").document == {"items": []}
    record = run("record", "list", "--json").document["records"][0]["id"]
    assert run("review", "key", "set", record, "--set", "total=1.00", "--json").code == 15
    assert run("review", "key", "set", record, "--json").code == 15


def test_what_was_keyed_goes_with_its_record(invoice: str, held: Path, people: dict[str, Run]) -> None:
    from custody.shredding import PURGED

    people["Ana"]("review", "key", "set", invoice, "--set", "total=1.00")
    assert "review_keyings" in {table.name for table in PURGED}
    assert rows(held, "SELECT count(*) FROM review_keyings") == [(1,)]


def asked(keying: Keying, *reasons: ReviewReason) -> Description:
    invoice, twice = shipped_library().get("invoice"), ("total", "due_date")
    specs = tuple(replace(spec, keying=keying) if spec.name in twice else spec for spec in invoice.fields)
    fields = (Field("total", "1.00", "money", "accepted"), Field("number", "F", "code", "accepted"))
    found = Description("invoice", "2", 1.0, (), fields, reasons)
    return asked_twice(replace(invoice, fields=specs), found)


def test_what_is_keyed_twice_is_taken_from_nobody_alone_found_or_not() -> None:
    found = asked("double")
    assert [(field.name, field.status) for field in found.fields] == [
        ("total", "review"), ("number", "accepted"), ("due_date", "missing"),
    ]  # fmt: skip
    assert [(reason.code, reason.field) for reason in found.review] == [
        ("double-key", "due_date"), ("double-key", "total"),
    ]  # fmt: skip


def test_what_is_keyed_twice_if_unsure_waits_only_where_it_would_anyhow() -> None:
    assert asked("double-if-unsure") == asked("single")
    found = asked("double-if-unsure", ReviewReason("low-confidence", "total", "0.4"))
    assert [(reason.code, reason.field) for reason in found.review] == [
        ("low-confidence", "total"), ("double-key", "total"),
    ]  # fmt: skip
