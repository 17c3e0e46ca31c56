"""The list of known parties cannot be asked: unknown, waiting for a person, never a pass; then it is tried again."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def checks(run: Run, record: str, name: str) -> dict[str, str]:
    shown = run("record", "show", record, "--json").document
    found = next(one for one in shown["fields"] if one["name"] == name)
    return {check["check"]: check["outcome"] for check in found["checks"]}


def test_an_outage_is_unknown_until_the_list_answers(held: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    record = str(run("record", "list", "--class", "invoice", "--json").document["records"][0]["id"])
    values = {one["name"]: one["value"] for one in run("record", "show", record, "--json").document["fields"]}
    place = held / "parties.db"
    monkeypatch.setenv("MUNIMENT_PARTY_DATABASE_URL", f"sqlite:///{place}")
    assert run("review", "recheck", record, "--json").document["records"][0]["state"] == "in_review"
    assert checks(run, record, "supplier")["party"] == "unknown"
    assert checks(run, record, "iban")["iban-known"] == "unknown"
    waiting = {one["code"] for one in run("record", "show", record, "--json").document["review"]}
    assert "party-unchecked" in waiting
    assert record in run("review", "recheck", "--unknown", "--list", "--json").document["unknown"]
    with sqlite3.connect(place) as connection:
        connection.execute("CREATE TABLE known_parties (client, id, tax_id, name, aliases, accounts)")
        row = ("default", "P1", values["supplier_tax_id"], values["supplier"], None, values["iban"])
        connection.execute("INSERT INTO known_parties VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.close()
    run("review", "recheck", "--unknown", "--json")
    assert checks(run, record, "supplier")["party"] == "pass"
    assert checks(run, record, "iban")["iban-known"] == "pass"
    waiting = {one["code"] for one in run("record", "show", record, "--json").document["review"]}
    assert not waiting & {"party-unchecked", "iban-unconfirmed"}
