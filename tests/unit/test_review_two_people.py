"""Two people decide on what is held: proposed, agreed to, refused; neither the writer, the database nor a verifier
takes one person for two.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
OTHER = "ES7921000813610123456789"


def rows(home: Path, query: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(home / "catalogue.db")) as connection:
        return connection.execute(query, values).fetchall()


def change(home: Path, *statements: str) -> None:
    with closing(sqlite3.connect(home / "catalogue.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def kinds(home: Path, first: int = 0) -> list[str]:
    return [row[0] for row in rows(home, "SELECT type FROM events WHERE seq >= ? ORDER BY seq", first)]


def size(home: Path) -> int:
    return int(rows(home, "SELECT size FROM ledger_head")[0][0])


@pytest.fixture
def changed(held: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> str:
    """A record whose account is another than the party's: described again, after what is known of the party changed."""
    record = str(run("review", "list", "--reason", "iban-unconfirmed", "--json").document["items"][0]["record"])
    shown = run("record", "show", record, "--json").document
    values = {field["name"]: field["value"] for field in shown["fields"]}
    folder = held / "parties"
    folder.mkdir()
    line = f'P1,{values["supplier_tax_id"]},"{values["supplier"]}",{OTHER}\n'
    (folder / "default.csv").write_text("id,tax_id,name,accounts\n" + line)
    monkeypatch.setenv("MUNIMENT_PARTY_FOLDER", str(folder))
    run("review", "correct", record, "--set", "class=invoice")
    return record


def iban(run: Run, record: str) -> dict[str, Any]:
    shown = run("record", "show", record, "--json").document
    return next(field for field in shown["fields"] if field["name"] == "iban")


def test_a_changed_account_is_held_for_two_whatever_is_decided(held: Path, changed: str, run: Run, two: Run) -> None:
    assert kinds(held).count("check_held") == 1
    was = iban(run, changed)
    before = size(held)
    first = run("review", "correct", changed, "--keep", "iban", "--json")
    assert first.code == 0 and first.document["state"] == "in_review" and "iban" in first.err
    assert kinds(held, before) == ["viewed", "override_proposed"] and iban(run, changed) == was
    again = run("review", "correct", changed, "--keep", "iban", "--json")
    assert (again.code, kinds(held)[-1]) == (27, "access_denied")
    assert run("review", "correct", changed, "--agree", "iban", "--json").code == 27
    step = next(s for s in two("review", "show", changed, "--json").document["steps"] if s["field"] == "iban")
    assert step["proposed"] == was["value"]
    before = size(held)
    done = two("review", "correct", changed, "--agree", "iban", "--json")
    assert done.code == 0, done
    assert kinds(held, before)[:3] == ["viewed", "override_approved", "field_confirmed"]
    assert iban(run, changed)["status"] == "confirmed"
    assert "iban" not in {reason["field"] for reason in done.document["review"]}
    assert run("custody", "check").code == 0


def test_an_account_that_is_typed_is_compared_as_one_that_is_read(held: Path, run: Run, two: Run) -> None:
    record = str(run("review", "list", "--reason", "iban-unconfirmed", "--json").document["items"][0]["record"])
    shown = run("record", "show", record, "--json").document
    values = {field["name"]: field["value"] for field in shown["fields"]}
    (held / "default.csv").write_text(
        f'id,tax_id,name,accounts\nP1,{values["supplier_tax_id"]},"{values["supplier"]}",{values["iban"]}\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUNIMENT_PARTY_FOLDER", str(held))
        run("review", "correct", record, "--set", f"iban={OTHER}")
        assert kinds(held)[-1] == "override_proposed" and iban(run, record)["value"] == values["iban"]
        assert run("review", "list", "--reason", "iban-changed", "--json").document["items"][0]["record"] == record
        assert two("review", "correct", record, "--agree", "iban", "--json").code == 0
    assert iban(run, record)["value"] == OTHER


def test_who_disagrees_proposes_and_the_first_may_agree(held: Path, changed: str, run: Run, two: Run) -> None:
    run("review", "correct", changed, "--keep", "iban")
    before = size(held)
    assert two("review", "correct", changed, "--set", f"iban={OTHER}", "--json").document["state"] == "in_review"
    assert kinds(held, before) == ["viewed", "override_refused", "override_proposed"]
    assert two("review", "correct", changed, "--set", f"iban={OTHER}", "--json").code == 27
    done = run("review", "correct", changed, "--set", f"iban={OTHER}", "--json")
    found = iban(run, changed)
    assert done.code == 0 and (found["value"], found["status"], found["method"]) == (OTHER, "corrected", "person")
    assert rows(held, "SELECT state FROM review_proposals ORDER BY id") == [("refused",), ("approved",)]


def test_a_record_is_not_offered_again_to_who_proposed(held: Path, changed: str, run: Run, two: Run) -> None:
    run("review", "correct", changed, "--keep", "iban")
    assert run("review", "next", "--class", "invoice", "--json").document["record"] is None
    assert two("review", "next", "--class", "invoice", "--json").document["record"]["id"] == changed


def test_a_hold_outlives_another_class_and_is_settled_by_two(held: Path, changed: str, run: Run, two: Run) -> None:
    run("review", "correct", changed, "--set", "class=letter")
    assert "iban" in {reason["field"] for reason in run("record", "show", changed, "--json").document["review"]}
    run("review", "correct", changed, "--set", "iban=")
    assert two("review", "correct", changed, "--agree", "iban", "--json").code == 0
    assert "iban" not in {reason["field"] for reason in run("record", "show", changed, "--json").document["review"]}
    assert run("custody", "check").code == 0


def test_the_database_refuses_one_person_as_two(held: Path, changed: str, run: Run) -> None:
    run("review", "correct", changed, "--keep", "iban")
    (me,) = rows(held, "SELECT proposed_by FROM review_proposals")[0]
    for statement in (
        f"UPDATE reviews SET settled = 'now', settled_by = '{me}' WHERE check_event IS NOT NULL",
        "UPDATE reviews SET settled = 'now' WHERE check_event IS NOT NULL",
        f"UPDATE review_proposals SET state = 'approved', decided_by = '{me}'",
        "UPDATE review_proposals SET state = 'approved'",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="two_people"):
            change(held, statement)


def test_keeping_what_a_check_contradicts_needs_two_and_correcting_it_one(held: Path, run: Run, two: Run) -> None:
    record = str(run("review", "list", "--json", "--class", "invoice").document["items"][0]["record"])
    client = rows(held, "SELECT client FROM records WHERE id = ?", record)[0][0]
    made = "INSERT INTO reviews (record, client, code, field, message, since) VALUES"
    change(held, f"{made} ('{record}', '{client}', 'totals', 'total', '', '2026-01-01T00:00:00.000Z')")
    run("review", "correct", record, "--keep", "total")
    assert rows(held, "SELECT field FROM review_proposals WHERE state = 'open'") == [("total",)]
    assert two("review", "correct", record, "--agree", "total", "--json").code == 0
    change(held, f"{made} ('{record}', '{client}', 'totals', 'net', '', '2026-01-01T00:00:00.000Z')")
    run("review", "correct", record, "--set", "net=1100.00")
    assert rows(held, "SELECT count(*) FROM review_proposals WHERE state = 'open'") == [(0,)]
    assert run("custody", "check").code == 0


def test_nothing_in_the_ledger_tells_what_was_proposed(held: Path, changed: str, run: Run) -> None:
    run("review", "correct", changed, "--set", f"iban={OTHER}")
    leaves = b"".join(row[0] for row in rows(held, "SELECT leaf FROM events"))
    assert OTHER.encode() not in leaves and b'"field":"iban"' in leaves


def test_there_is_nothing_to_agree_to_where_nothing_is_proposed(changed: str, run: Run) -> None:
    answer = run("review", "correct", changed, "--agree", "iban", "--json")
    assert answer.code == 15 and "nothing is proposed" in answer.document["error"]["message"]
