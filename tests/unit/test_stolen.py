"""What is taken away or kept: a whole home without its keys, and the envelope of a document that was disposed of."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyrage
import pytest
from clear_text import ClearText
from disposal_house import Planted, dispose, events, sql

Run = Callable[..., Any]
KEYS = ClearText(["AGE-SECRET-KEY-1", "PRIVATE+KEY+"])


def identities(*folders: Path) -> list[Any]:
    """Every age key that stands in a file of these folders."""
    lines = (
        line
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
        for line in path.read_text(errors="replace").splitlines()
    )
    return [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith("AGE-SECRET-KEY-1")]


def test_a_stolen_home_opens_nothing_where_its_keys_lie_elsewhere(
    home: Path, run: Run, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_KEYS", str(tmp_path / "elsewhere/keys"))
    monkeypatch.setenv("MUNIMENT_ESCROW", str(tmp_path / "elsewhere/escrow"))
    record = run("ingest", corpus / "letter.tif", "--json").document["scans"][0]["records"][0]
    run("ledger", "publish")
    stolen = Path(shutil.copytree(home, tmp_path / "stolen"))
    held = {path: KEYS.within(path.read_bytes()) for path in stolen.rglob("*") if path.is_file()}
    assert len(held) > 10 and not any(held.values()), held
    assert identities(tmp_path / "elsewhere") and not identities(stolen)  # looking finds them where they are

    monkeypatch.setenv("MUNIMENT_HOME", str(stolen))
    monkeypatch.setenv("MUNIMENT_KEYS", str(tmp_path / "guessed/keys"))
    monkeypatch.setenv("MUNIMENT_ESCROW", str(tmp_path / "guessed/escrow"))
    for line in (["original", "open", record, "--reason", "audit"], ["record", "pdf", record]):
        answer = run(*line, "--to", tmp_path / "out", "--json")
        assert answer.code == 25 and not (tmp_path / "out").exists(), answer.out


def test_an_envelope_that_was_kept_opens_only_while_its_epoch_lives(planted: Planted, run: Run, ana: Run) -> None:
    """As who kept a copy of the database before a disposal; docs/design/keys.md says what is true of it."""
    rows = sql(planted.home, "SELECT envelope FROM key_envelopes WHERE original = ?", planted.original)
    ((kept,),) = rows
    dispose(run, ana, planted.record)
    folders = (planted.home / "keys", planted.home / "escrow")
    assert b"AGE-SECRET-KEY-1" in pyrage.decrypt(bytes(kept), identities(*folders))  # said, not hidden
    run("keys", "rotate")
    first = run("keys", "list", "--json").document["keys"][0]["id"]
    run("ingest", planted.home / "nothing")  # whatever sweeps
    assert events(planted.home, "erasure_effective") == []
    assert run("keys", "destroy", first, "--reason", "audit", "--now").code == 0
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(bytes(kept), identities(*folders))
    with closing(sqlite3.connect(planted.home / "catalogue.db")) as connection:
        living = connection.execute("SELECT envelope FROM key_envelopes LIMIT 1").fetchone()
    assert pyrage.decrypt(bytes(living[0]), identities(*folders))  # the others went with the rotation
