"""The doctor: what is needed decides, advice does not, every fault has a command that mends it, and nothing is made."""

import importlib.metadata
import os
import shutil
import sqlite3
import tomllib
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from cli import checkup
from cli.checkup import PINNED

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., Any]


def checks(run: Run) -> dict[str, Any]:
    return {check["name"]: check for check in run("doctor", "--json").document["checks"]}


def test_the_answer_has_the_shape_of_the_contract(home: Path, run: Run) -> None:
    answer = run("doctor", "--json").document
    assert answer.keys() == {"ok", "checks"}
    assert all({"name", "ok", "found", "wanted", "fix"} <= check.keys() for check in answer["checks"])


def test_nothing_is_made_by_looking(home: Path, run: Run) -> None:
    run("doctor")
    assert not home.exists()


def test_advice_does_not_fail_and_has_a_fix(held: Path, run: Run) -> None:
    found = checks(run)
    for name in ("keys apart", "signer apart", "escrow apart", "roles divided", "store's locks"):
        assert found[name]["ok"] is False and found[name]["level"] == "advice" and found[name]["fix"]
    for name in ("database", "SQLite's settings", "store", "index", "home", "home's mode", "keys", "clock and ledger"):
        assert found[name]["ok"] is True and found[name]["fix"] is None, found[name]


def test_what_is_needed_and_missing_is_2_with_a_command(
    held: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MUNIMENT_LANGUAGES", "spa+xyz")
    answer = run("doctor", "--json")
    missing = next(check for check in answer.document["checks"] if check["name"] == "model xyz")
    assert answer.code == 2 and answer.document["ok"] is False
    assert missing["ok"] is False and missing["fix"].endswith(
        "apt-get install -y --no-install-recommends tesseract-ocr-xyz"
    )
    assert missing["fix"] in run("doctor").out


def test_others_who_may_read_are_reported(held: Path, run: Run) -> None:
    held.chmod(0o755)
    next((held / "keys").glob("*.agekey")).chmod(0o644)
    found = checks(run)
    assert found["home's mode"]["ok"] is False and found["home's mode"]["fix"].startswith("chmod 700")
    assert found["keys"]["ok"] is False


def test_escrow_that_was_moved_away_is_in_order(held: Path, run: Run) -> None:
    for share in (held / "escrow").glob("*/share-*.txt"):
        share.unlink()
    assert checks(run)["escrow apart"]["ok"] is True


def test_roles_that_are_divided_are_in_order(held: Path, run: Run) -> None:
    assert checks(run)["roles divided"]["ok"] is False
    with sqlite3.connect(held / "catalogue.db") as connection:
        connection.execute("UPDATE persons SET roles = '[\"admin\"]'")
    connection.close()
    assert checks(run)["roles divided"]["ok"] is True


def test_a_database_that_cannot_be_opened_is_a_finding_not_a_crash(held: Path, run: Run) -> None:
    (held / "catalogue.db").write_bytes(b"no database" * 1000)
    for name in ("catalogue.db-wal", "catalogue.db-shm"):
        (held / name).unlink(missing_ok=True)
    answer = run("doctor", "--json")
    assert answer.code == 2 and not {c["name"]: c for c in answer.document["checks"]}["database"]["ok"]


def test_a_wrong_setting_is_a_finding(home: Path, run: Run) -> None:
    home.mkdir()
    (home / "muniment.toml").write_text('langauges = "eng"\n')
    answer = run("doctor", "--json")
    assert answer.code == 2 and [check["name"] for check in answer.document["checks"]] == ["settings"]


def test_the_published_ledger_is_compared_with_the_events(
    held: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from infra.clock import SystemClock

    assert checks(run)["published ledger"]["found"].startswith("0 of ")
    assert not list((held / "keys").glob("signer/*.key")), "looking made a key"
    size = run("ledger", "publish", "--json").document["size"]
    found = checks(run)["published ledger"]
    assert found["ok"] and found["found"].startswith(f"{size} of {size} events, the newest ")
    run("original", "open", first_original(run), "--reason", "test", "--to", held.parent / "opened")
    found = checks(run)["published ledger"]
    assert (
        found["ok"] and f"{size} of {size + 1} events" in found["found"] and "; 1 wait, the oldest " in found["found"]
    )
    later = SystemClock().now() + timedelta(days=3)
    monkeypatch.setattr(SystemClock, "now", lambda self: later)
    found = checks(run)["published ledger"]
    assert (found["ok"], found["level"], found["fix"]) == (False, "advice", "muniment ledger publish")
    assert "the oldest 2 d" in found["found"] or "the oldest 3 d" in found["found"]


def first_original(run: Run) -> str:
    return str(next(scan["original"] for scan in run("status", "--json").document["scans"] if scan["original"]))


def test_a_changed_checkpoint_and_an_older_database_are_faults(held: Path, run: Run, tmp_path: Path) -> None:
    older = tmp_path / "older.db"
    with closing(sqlite3.connect(held / "catalogue.db")) as connection, closing(sqlite3.connect(older)) as copy:
        connection.backup(copy)
    run("ledger", "publish")
    checkpoint = held / "ledger" / "checkpoint"
    whole = checkpoint.read_bytes()
    checkpoint.chmod(0o600)
    checkpoint.write_bytes(whole.replace(b"\n", b"0\n", 2))
    found = checks(run)["published ledger"]
    assert (found["ok"], found["level"], found["fix"]) == (False, "needed", "muniment verify ledger")
    checkpoint.write_bytes(whole)
    assert checks(run)["published ledger"]["ok"]
    for left in held.glob("catalogue.db-*"):
        left.unlink()
    shutil.copyfile(older, held / "catalogue.db")
    found = checks(run)["published ledger"]
    assert not found["ok"] and "older one was put back" in found["found"]


def test_looking_for_a_key_that_is_not_there_makes_none(held: Path, run: Run) -> None:
    assert checks(run)["published ledger"]["ok"] and not list(held.rglob("ledger.key"))
    assert run("ledger", "publish").code == 0
    (key,) = held.rglob("ledger.key")
    for file in key.parent.iterdir():  # as where its volume is not mounted
        file.unlink()
    found = checks(run)["published ledger"]
    assert not found["ok"] and "not here" in found["found"]
    assert list(key.parent.iterdir()) == []


def test_witnesses_are_none_or_those_of_the_policy(
    held: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = checks(run)
    assert found["witnesses"]["ok"] and found["witnesses"]["found"].startswith("none")
    assert found["time stamps"]["ok"] and found["time stamps"]["found"].startswith("none")
    policy = tmp_path / "policy"
    policy.write_text("quorum none\n")
    monkeypatch.setenv("MUNIMENT_LEDGER_POLICY", str(policy))
    assert checks(run)["witnesses"]["found"] == "0, none of them must cosign"
    policy.write_text("witness\n")
    assert checks(run)["witnesses"]["ok"] is False


def test_the_packages_looked_at_are_those_the_project_asks_for() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    asked = {Requirement(line).name: Requirement(line).specifier for line in listed}
    looked_at = {one.name: one.specifier for one in checkup._requirements()}
    assert {name: looked_at[name] for name in PINNED} == {name: asked[name] for name in PINNED}


def test_a_version_that_is_too_new_is_found_without_importing_it(
    home: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.165.0" if name == "fastapi" else real(name))
    found = checks(run)["fastapi"]
    assert found["ok"] is False and found["found"] == "0.165.0" and "fastapi" in found["fix"]


def test_install_runs_the_commands_for_missing_packages(
    home: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A stand-in apt-get on the path, since a test must not change the machine; it is run as it would be."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    log = tmp_path / "log"
    fake = tmp_path / "bin" / "apt-get"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("MUNIMENT_LANGUAGES", "eng+xyz")
    answer = run("doctor", "--install", "--json")
    assert answer.code == 2 and "tesseract-ocr-xyz" in log.read_text()
