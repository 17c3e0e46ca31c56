"""Disposal: when it is due, and what is said of it afterwards."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from disposal_house import (
    NAME,
    TEXT,
    Planted,
    Run,
    approved,
    dispose,
    due,
    events,
    propose,
    sql,
)

from custody.notes import COSIGNATURE_ED25519
from custody.signing_keys import make_signing_key

# --- retention


def test_retention_counts_unless_a_law_or_the_client_says_otherwise(planted: Planted, run: Run, ana: Run) -> None:
    assert due(run, planted.record)["obstacles"][0]["code"] == "no-rule"
    assert propose(run, planted.record, basis="retention").code == 67
    line = (
        "retention",
        "set",
        "generic-6y",
        "--class",
        "generic",
        "--period",
        "P6Y",
        "--authority",
        "CCom 30",
        "--json",
    )
    rule = run(*line).document
    assert (rule["class"], rule["period"], rule["from"], rule["client"]) == ("generic", "P6Y", "accession", None)
    found = due(run, planted.record)
    assert found["rule"] == "generic-6y" and found["obstacles"][0]["code"] == "not-due"
    assert propose(run, planted.record, basis="retention").code == 67
    assert run("disposal", "due", "--json").document["records"] == []
    run("retention", "set", "all", "--for-ever", "--authority", "archive")
    assert [one["obstacles"][0]["code"] for one in run("disposal", "due", "--all", "--class", "letter", "--json")
            .document["records"]] == ["permanent"]  # fmt: skip
    dispose(run, ana, planted.record)  # by law
    changed = events(planted.home, "config_changed")[0]
    assert changed["obj"]["rule"] == "generic-6y" and changed["reason"] == "retention"


def test_what_is_due_is_proposed_at_once(planted: Planted, run: Run, ana: Run) -> None:
    run(
        "retention",
        "set",
        "dated",
        "--class",
        "generic",
        "--period",
        "P1Y",
        "--from",
        "record-date",
        "--authority",
        "x",
    )
    run("review", "correct", planted.record, "--set", "date=2020-05-04")
    found = due(run, planted.record)
    assert found["due"] == "2021-05-05" and found["obstacles"] == []
    listed = run("disposal", "due", "--json").document["records"]
    assert [row["record"] for row in listed] == [planted.record]
    order = run("disposal", "propose", "--due", "--reason", "legal", "--json").document
    assert order["basis"] == "retention" and order["records"] == [
        {"record": planted.record, "state": "listed", "rule": "dated", "due": "2021-05-05"}
    ]
    assert ana("disposal", "approve", order["order"], "--reason", "audit").code == 0
    # the date is put right meanwhile: it is not due any more
    run("review", "correct", planted.record, "--set", "date=2026-05-04")
    assert run("disposal", "run", order["order"], "--json").code == 67


def test_a_date_that_is_not_sure_starts_no_period(planted: Planted, run: Run) -> None:
    run(
        "retention",
        "set",
        "dated",
        "--class",
        "generic",
        "--period",
        "P1Y",
        "--from",
        "record-date",
        "--authority",
        "x",
    )
    run("review", "correct", planted.record, "--set", "date=2020-05-04")
    sql(planted.home, "UPDATE fields SET status = 'review' WHERE record = ? AND name = 'date'", planted.record)
    assert due(run, planted.record)["obstacles"][0]["code"] == "not-due"


@pytest.mark.parametrize(
    "line",
    [["x", "--authority", "a"], ["x", "--period", "P6Y", "--for-ever", "--authority", "a"],
     ["x", "--period", "6 years", "--authority", "a"], ["X Y", "--period", "P6Y", "--authority", "a"],
     ["x", "--period", "P6Y", "--class", "invioce", "--authority", "a"], ["x", "--period", "P6Y"]],
)  # fmt: skip
def test_a_rule_in_another_form_is_refused(home: Path, run: Run, line: list[str]) -> None:
    assert run("retention", "set", *line, "--json").code == 15
    assert run("retention", "list", "--json").document == {"rules": []}


def test_one_rule_for_one_scope(home: Path, run: Run) -> None:
    base = ("retention", "set")
    assert run(*base, "a", "--period", "P6Y", "--authority", "x").code == 0
    assert run(*base, "b", "--period", "P7Y", "--authority", "x", "--json").code == 15
    assert run(*base, "a", "--period", "P7Y", "--authority", "x").code == 0  # the same name: put in its place
    assert run(*base, "b", "--period", "P7Y", "--client", "default", "--authority", "x").code == 0
    rules = run("retention", "list", "--json").document["rules"]
    assert [(one["rule"], one["period"], one["client"]) for one in rules] == [
        ("a", "P7Y", None),
        ("b", "P7Y", "default"),
    ]


# --- what is said of it afterwards


def test_the_certificate_says_what_was_destroyed_by_whom_and_what_is_left(
    planted: Planted, run: Run, ana: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("original", "open", planted.original, "--reason", "request", "--to", tmp_path / "out")
    run("keys", "release", planted.original, "--reason", "legal", "--to", tmp_path / "key")
    order = dispose(run, ana, planted.record)["order"]
    monkeypatch.setenv("MUNIMENT_BACKUP_DAYS", "30")
    shown = run("disposal", "show", order, "--certificate", tmp_path / "certificate.json", "--json").document
    paper = json.loads((tmp_path / "certificate.json").read_text())
    assert paper == shown["certificate"] and (tmp_path / "certificate.json").stat().st_mode & 0o777 == 0o600
    assert paper["certificate"] == order and paper["client"]["name"] == "default"
    assert paper["approved"]["by"]["name"] == "Ana" != paper["proposed"]["by"]["name"]
    assert paper["authority"] == {"basis": "law", "reason": "legal"}
    assert [copy["type"] for copy in paper["copies"]] == ["exported", "key_released"]
    (record,) = paper["records"]
    assert record["record"] == planted.record and record["originals"][0]["original"] == planted.original
    by_seq = {event["seq"]: event for event in events(planted.home)}
    assert by_seq[record["disposed"]]["type"] == "disposed"
    assert by_seq[record["originals"][0]["key_destroyed"]["event"]]["subject"] == planted.original
    assert record["originals"][0]["object_removed"] and paper["not_destroyed"] == []
    assert paper["ledger_before"]["size"] > by_seq[paper["approved"]["event"]]["seq"]
    assert paper["clear_text_in_backups_until"] > paper["carried_out"]["ended"][:10]
    assert TEXT not in json.dumps(paper) and NAME not in json.dumps(paper)


def test_a_database_that_is_behind_the_published_ledger_destroys_nothing(
    planted: Planted, run: Run, ana: Run, tmp_path: Path
) -> None:
    order = approved(run, ana, planted.record)
    sql(planted.home, "PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(planted.home / "catalogue.db", tmp_path / "backup.db")
    run("record", "show", planted.record)
    assert run("ledger", "publish").code == 0
    shutil.copy(tmp_path / "backup.db", planted.home / "catalogue.db")  # a backup from before is restored
    answer = run("disposal", "run", order, "--json")
    assert answer.document["error"]["code"] == "ledger-fork"
    assert events(planted.home, "key_destroyed") == [] and run("search", TEXT, "--json").document["total"] == 1


def test_a_disposal_waits_for_the_witnesses_that_the_policy_asks_for(
    planted: Planted, run: Run, ana: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = approved(run, ana, planted.record)
    run("ledger", "publish")
    vkey = Path(run("ledger", "path", "--json").document["vkey"]).read_text().strip()
    witness = make_signing_key("witness.example/officer", COSIGNATURE_ED25519, b"w" * 32).key
    (tmp_path / "policy").write_text(f"log {vkey}\nwitness officer {witness.vkey}\nquorum officer\n")
    monkeypatch.setenv("MUNIMENT_LEDGER_POLICY", str(tmp_path / "policy"))
    monkeypatch.setenv("MUNIMENT_WITNESS_SECONDS", "0")
    for _ in range(2):
        assert run("disposal", "run", order, "--json").document["error"]["code"] == "authority-unavailable"
        run("ingest", planted.home / "nothing")  # the sweeper leaves alone what has not destroyed anything yet
        assert events(planted.home, "key_destroyed") == [] and run("record", "show", planted.record).code == 0
    assert run("disposal", "refuse", order, "--reason", "dispute").code == 0  # it may still be taken back
    order = approved(run, ana, planted.record)
    monkeypatch.delenv("MUNIMENT_LEDGER_POLICY")
    assert run("disposal", "run", order, "--json").document["disposed"] == 1


def test_an_erasure_is_effective_when_every_epoch_is_beyond_recovery(
    planted: Planted, run: Run, ana: Run, tmp_path: Path
) -> None:
    run("keys", "rotate")
    run("original", "envelope", planted.original, "--reason", "request", "--to", tmp_path / "out")
    run("keys", "rotate")
    dispose(run, ana, planted.record)
    run("keys", "rotate")
    epochs = [one["id"] for one in run("keys", "list", "--json").document["keys"]]
    wrapped, out = epochs[:3], planted.home
    assert len(epochs) == 4

    def effective() -> list[dict[str, Any]]:
        run("ingest", planted.home / "nothing")  # whatever sweeps
        return events(out, "erasure_effective")

    for key in wrapped[:2]:
        run("keys", "destroy", key, "--reason", "audit", "--now")
    assert effective() == []  # the third epoch wrapped it too
    share = next((planted.home / "escrow" / wrapped[2]).glob("share-1.txt"))
    share.unlink()  # with a custodian
    (planted.home / "escrow" / wrapped[2] / "share-2.txt").unlink()
    run("keys", "destroy", wrapped[2], "--reason", "audit", "--now")
    assert effective() == []  # two shares are somewhere
    run("keys", "escrow", "--key", wrapped[2], "--destroyed", "2")
    (event,) = effective()
    assert event["subject"] == planted.original and event["reason"] == "epochs"
    assert event["obj"] == {"epochs": sorted(wrapped), "copies": {"envelope_released": 1}}
    released = events(out, "envelope_released")[0]["id"]
    assert event["refs"] == [released]
    assert effective() == [event] and run("custody", "check").code == 0


def test_an_erasure_is_effective_when_the_last_backup_is_gone(
    planted: Planted, run: Run, ana: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_BACKUP_DAYS", "30")
    dispose(run, ana, planted.record)
    assert events(planted.home, "erasure_effective") == []
    sql(planted.home, "UPDATE key_wrappings SET until = '2026-01-01T00:00:00.000Z' WHERE until IS NOT NULL")
    run("ingest", planted.home / "nothing")
    (event,) = events(planted.home, "erasure_effective")
    assert event["reason"] == "backups" and event["obj"]["copies"] == {}
