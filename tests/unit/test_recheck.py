"""Checks run again: a new row with the new rule, the old one kept; what could not run is tried until it has."""

import ast
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

import records
import tasks
from records.check_rules import RULES

Run = Callable[..., Any]


def rows(home: Path, query: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(home / "catalogue.db")) as connection:
        return connection.execute(query, values).fetchall()


def change(home: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(home / "catalogue.db")) as connection, connection:
        connection.execute(statement, values)


@pytest.fixture
def invoice(held: Path, run: Run) -> str:
    return str(run("record", "list", "--class", "invoice", "--json").document["records"][0]["id"])


def own_invoice(home: Path, monkeypatch: pytest.MonkeyPatch, *changes: tuple[str, str]) -> None:
    """Put a changed class of invoices in the folder of own classes."""
    text = resources.files("records").joinpath("classes/invoice.toml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    folder = home / "classes"
    folder.mkdir(exist_ok=True)
    (folder / "invoice.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("MUNIMENT_CLASS_FOLDER", str(folder))


def field(run: Run, record: str, name: str) -> dict[str, Any]:
    shown = run("record", "show", record, "--json").document
    return next(one for one in shown["fields"] if one["name"] == name)


def test_case_30_a_check_after_a_rule_change_is_a_new_row_and_the_old_one_is_kept(
    held: Path, invoice: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = field(run, invoice, "date")
    (old,) = before["checks"]
    assert old["check"] == "date-plausible" and old["rule"].startswith("date-plausible 1, invoice ")
    version = old["rule"].rpartition(" ")[2]
    own_invoice(held, monkeypatch, (f'version = "{version}"', 'version = "own-9"'))
    done = run("review", "recheck", invoice, "--json")
    assert done.code == 0 and [one["record"] for one in done.document["records"]] == [invoice], done
    (new,) = field(run, invoice, "date")["checks"]
    assert new["rule"] == "date-plausible 1, invoice own-9"
    query = "SELECT revision, current, value, checks FROM fields WHERE record = ? AND name = 'date' ORDER BY revision"
    first, second = rows(held, query, invoice)
    assert (first[0], first[1], second[0], second[1]) == (0, 0, 1, 1) and first[2] == second[2] == before["value"]
    assert [json.loads(row[3])[0][3] for row in (first, second)] == [old["rule"], new["rule"]]
    made = "SELECT count(*) FROM events WHERE subject = ? AND type = 'described'"
    assert rows(held, made, invoice) == [(2,)]
    assert run("custody", "check").code == 0


def test_a_check_that_could_not_run_is_listed_and_tried_until_it_has(
    held: Path, invoice: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_invoice(held, monkeypatch, ('unknown_ok = ["addressee"]\n', ""))
    run("review", "recheck", invoice)
    listed = run("review", "recheck", "--unknown", "--list", "--class", "invoice", "--json").document
    assert listed == {"records": [], "unknown": [invoice]}
    asked = {check["check"]: check["outcome"] for check in field(run, invoice, "customer_tax_id")["checks"]}
    assert asked["addressee"] == "unknown"
    run("client", "set", "default", "--tax-id", field(run, invoice, "customer_tax_id")["value"])
    run("review", "recheck", "--unknown", "--json")
    asked = {check["check"]: check["outcome"] for check in field(run, invoice, "customer_tax_id")["checks"]}
    assert asked["addressee"] == "pass"


def test_what_people_decided_stays(held: Path, invoice: str, run: Run) -> None:
    run("review", "correct", invoice, "--set", "number=F-77", "--keep", "class")
    for _ in range(2):
        assert run("review", "recheck", invoice, "--json").code == 0
        assert (field(run, invoice, "number")["value"], field(run, invoice, "number")["status"]) == (
            "F-77",
            "corrected",
        )
        assert run("record", "show", invoice, "--json").document["class_evidence"][0] == "decided by a person"


@pytest.mark.parametrize("code", ["lot-rejected", "rescan"])
def test_what_a_sample_or_a_person_has_said_stays_open(held: Path, invoice: str, run: Run, code: str) -> None:
    client = rows(held, "SELECT client FROM records WHERE id = ?", invoice)[0][0]
    change(
        held, "INSERT INTO reviews (record, client, code, field, message, since) VALUES (?, ?, ?, 'date', '', 'now')",
        invoice, client, code,
    )  # fmt: skip
    assert run("review", "recheck", invoice, "--json").document["records"][0]["state"] == "in_review"
    assert code in {one["code"] for one in run("record", "show", invoice, "--json").document["review"]}


def test_a_record_in_anothers_hands_is_left_alone(
    held: Path, invoice: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_TOKEN", run("person", "add", "Ana", "--json").document["token"])
    run("person", "accredit", "Ana", "--role", "reviewer")
    assert run("--as", "Ana", "review", "next", "--class", "invoice", "--json").document["record"]["id"] == invoice
    before = rows(held, "SELECT count(*) FROM fields")
    assert run("review", "recheck", invoice, "--json").document["error"]["code"] == "review-taken"
    assert rows(held, "SELECT count(*) FROM fields") == before


@pytest.mark.parametrize("line", [[], ["--unknown", "rec_000000"]])
def test_what_to_check_must_be_said(held: Path, run: Run, line: list[str]) -> None:
    assert run("review", "recheck", *line).code == 15


def test_every_check_has_a_version() -> None:
    named = {"addressee"}  # by a constant
    for package in (records, tasks):
        for path in Path(package.__path__[0]).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Check" and node.args:
                    first = node.args[0]
                    named |= {first.value} if isinstance(first, ast.Constant) else set()
    assert set(RULES) == named
