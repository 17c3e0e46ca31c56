"""`muniment verify ledger|originals|all`: on an installation, and on a folder without any; exit 0, 1 or 2 only."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ledger_making import LOG, POLICY, many_lives, publish

Run = Callable[..., Any]


@pytest.fixture
def received(tmp_path: Path) -> tuple[Path, Path]:
    """A ledger as an outsider has it: its folder, and the key got by another way."""
    folder, vkey = tmp_path / "received", tmp_path / "log.vkey"
    publish(folder, many_lives(300), [256, 300])
    vkey.write_text(LOG.key.vkey + "\n")
    return folder, vkey


def kinds(answer: Any) -> set[tuple[str, str]]:
    return {(p["kind"], p["object"]) for p in answer.document["problems"]}


def test_an_outsider_needs_no_installation(run: Run, received: tuple[Path, Path], home: Path, tmp_path: Path) -> None:
    folder, vkey = received
    (tmp_path / "policy").write_text(POLICY)
    answer = run("verify", "ledger", "--dir", folder, "--vkey", vkey, "--policy", tmp_path / "policy", "--json")
    assert (answer.code, answer.document["verdict"], answer.document["problems"]) == (0, "holds", [])
    assert answer.document["checked"]["entries"] == 300 and len(answer.document["steps"]) == 12
    (folder / "tile/0/001.p/44").unlink()
    answer = run("verify", "ledger", "--dir", folder, "--vkey", vkey, "--json")
    assert answer.code == 1 and kinds(answer) == {("tile", "tile/0/001.p/44")}
    assert not home.exists()


@pytest.mark.parametrize("given", [("--vkey", "none"), (), ("--vkey", "log.vkey", "--checkpoint", "none")])
def test_what_is_missing_is_could_not_check(run: Run, received: tuple[Path, Path], tmp_path: Path, given: Any) -> None:
    options = [str(tmp_path / one) if not one.startswith("--") else one for one in given]
    answer = run("verify", "ledger", "--dir", received[0], *options, "--json")
    assert (answer.code, answer.document["verdict"]) == (2, "could not check")


def test_a_folder_with_nothing_in_it_is_could_not_check(run: Run, received: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "none"):
        assert run("verify", "ledger", "--dir", tmp_path / folder, "--vkey", received[1], "--json").code == 2
    assert run("verify", "ledger", "--wrong", "--json").code == 2


def test_roots_without_any_token_prove_nothing(run: Run, received: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_text("no certificate")
    options = ("--dir", received[0], "--vkey", received[1], "--tsa-roots", tmp_path / "roots.pem")
    assert run("verify", "ledger", *options, "--json").code == 2


def test_the_state_is_kept_and_a_ledger_that_was_turned_back_is_found(
    run: Run, received: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, vkey = received
    options = ("--dir", folder, "--vkey", vkey, "--state", tmp_path / "seen", "--json")
    assert run("verify", "ledger", *options).code == 0
    newest = (folder / "checkpoint").read_bytes()
    assert (tmp_path / "seen").read_bytes() == newest
    assert run("verify", "ledger", *options).code == 0
    shutil.rmtree(folder)
    publish(folder, many_lives(300), [256])
    answer = run("verify", "ledger", *options)
    assert answer.code == 1 and kinds(answer) == {("behind", "the state")}
    assert (tmp_path / "seen").read_bytes() == newest


def test_nothing_published_while_events_wait_is_could_not_check(run: Run, held: Path) -> None:
    answer = run("verify", "ledger", "--json")
    assert answer.code == 2 and "events wait" in answer.document["steps"][0]["detail"]
    assert run("verify", "all", "--json").code == 2


def test_the_own_ledger_and_its_originals_hold(run: Run, held: Path) -> None:
    assert run("ledger", "publish").code == 0
    answer = run("verify", "all", "--json")
    assert (answer.code, answer.document["problems"]) == (0, [])
    assert answer.document["checked"]["originals"] == 2 and len(answer.document["steps"]) == 14
    halves = [run("verify", "originals", "--part", f"{n}/2", "--json") for n in (1, 2)]
    assert sum(half.document["checked"]["originals"] for half in halves) == 2
    assert run("verify", "originals", "--sample", "50%", "--json").document["checked"]["originals"] == 1
    for wrong in (("--sample", "0"), ("--part", "3/2"), ("--part", "x"), ("--all", "--part", "1/2")):
        assert run("verify", "originals", *wrong, "--json").code == 2


def test_a_changed_and_a_missing_original_are_named(run: Run, held: Path) -> None:
    run("ledger", "publish")
    first, second = sorted(path for path in (held / "store").rglob("*.age") if "/o/" in str(path))
    original = [path.parent.name for path in (first, second)]
    first.chmod(0o600)
    data = bytearray(first.read_bytes())
    data[-1] ^= 1
    first.write_bytes(data)
    second.unlink()
    answer = run("verify", "originals", "--json")
    assert answer.code == 1 and kinds(answer) == {("original", name) for name in original}


def test_an_event_changed_in_the_database_is_named_by_its_number(run: Run, held: Path) -> None:
    run("ledger", "publish")
    with sqlite3.connect(held / "catalogue.db") as connection:
        connection.execute("DROP TRIGGER events_no_update")
        connection.execute("UPDATE events SET leaf = CAST(replace(leaf, 'system', 'mystes') AS BLOB) WHERE seq = 3")
    answer = run("verify", "ledger", "--json")
    assert answer.code == 1
    assert [(p["kind"], p["seq"]) for p in answer.document["problems"]] == [("event", 3)]


def test_an_event_deleted_from_the_database_is_named(run: Run, held: Path) -> None:
    run("ledger", "publish")
    with sqlite3.connect(held / "catalogue.db") as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DROP TRIGGER events_no_delete")
        connection.execute("DELETE FROM events WHERE seq = 5")
    answer = run("verify", "ledger", "--json")
    assert answer.code == 1 and ("gap", 6) in [(p["kind"], p["seq"]) for p in answer.document["problems"]]


def test_the_answer_for_people_is_in_their_language(run: Run, received: tuple[Path, Path]) -> None:
    answer = run("verify", "ledger", "--dir", received[0], "--vkey", received[1])
    assert answer.code == 0 and answer.out.splitlines()[-1] == "Verdict: holds"
