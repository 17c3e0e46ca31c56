"""The other commands: batches, classes, clients, people, index, config, original, and how every command answers."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from custody.keys import recover_escrow

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., Any]


def record_of(run: Run, record_class: str) -> str:
    return str(run("record", "list", "--class", record_class, "--json").document["records"][0]["id"])


# --- how every command answers


@pytest.mark.parametrize(
    "arguments", [["--json", "batch", "list"], ["batch", "--json", "list"], ["batch", "list", "--json"]]
)
def test_json_is_accepted_anywhere(arguments: list[str], run: Run) -> None:
    answer = run(*arguments)
    assert answer.code == 0 and answer.document == {"batches": []} and answer.out.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["reviw"], ["review", "lst"], ["review", "list", "--nope"], ["record", "show"], ["batch", "close", "b", "--by"]],
)
def test_a_line_that_cannot_be_understood_is_answered_with_an_error_document(arguments: list[str], run: Run) -> None:
    answer = run(*arguments, "--json")
    error = answer.document["error"]
    assert answer.code == 15 and error["code"] == "invalid-value" and error["message"]
    assert error.keys() == {"code", "message", "next", "step", "retryable"}


def test_what_verifies_knows_only_three_codes(run: Run) -> None:
    assert run("custody", "check", "--nope", "--json").code == run("fixity", "--nope").code == 2


def test_spanish_where_the_setting_says_so(home: Path) -> None:
    environment = {**os.environ, "MUNIMENT_LANGUAGE": "es"}
    command = [sys.executable, "-m", "cli.main"]
    listed = subprocess.run([*command, "review", "list"], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert "Nada espera a una persona." in listed.stdout.decode()
    assert "Se ha creado una instalación nueva" in listed.stderr.decode()
    helped = subprocess.run([*command, "review", "--help"], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert "Listar lo que espera a una persona: primero lo urgente" in helped.stdout.decode()
    asked = subprocess.run(
        [*command, "review", "list", "--json"], cwd=ROOT, env=environment, capture_output=True, check=True
    )
    assert json.loads(asked.stdout) == {"items": []}


# --- batches


def test_a_batch_shows_its_counts_by_id_and_by_name(held: Path, run: Run) -> None:
    batch = run("batch", "list", "--json").document["batches"][0]
    assert (batch["offered"], batch["expected"], batch["accessioned"], batch["state"]) == (2, 3, 2, "open")
    assert run("batch", "show", "Box 1", "--json").document == batch
    assert run("batch", "show", batch["batch"][:20], "--json").document == batch
    assert run("batch", "show", "bat_ffffffff", "--json").code == 13


def test_a_difference_is_waived_by_a_second_person_who_may(held: Path, run: Run) -> None:
    close = ("batch", "close", "Box 1", "--json")
    assert run(*close).code == 15
    assert run(*close, "--waive", "one was blank").code == 15
    me = run("person", "list", "--json").document[0]["name"]
    assert run(*close, "--waive", "one was blank", "--by", me).code == 15
    assert run(*close, "--waive", "one was blank", "--by", "Ana").code == 13
    run("person", "add", "Ana")
    assert run(*close, "--waive", "one was blank", "--by", "Ana").code == 15
    run("person", "accredit", "Ana", "--role", "operator")
    closed = run(*close, "--waive", "one was blank", "--by", "Ana").document
    assert closed["state"] == "closed" and closed["waiver"]["reason"] == "one was blank"
    with sqlite3.connect(held / "catalogue.db") as connection:
        leaf = connection.execute("SELECT leaf FROM events WHERE type = 'waived'").fetchone()[0]
        text = connection.execute("SELECT text FROM event_details").fetchall()
    connection.close()
    assert closed["waiver"]["by"].encode() in leaf and b"blank" not in leaf and text == [("one was blank",)]
    assert run("custody", "check").code == 0


# --- record classes


def test_classes_are_listed_and_shown(run: Run) -> None:
    listed = run("class", "list", "--json").document["classes"]
    shown = run("class", "show", "invoice", "--json").document
    assert shown in listed and {"name", "type", "required", "threshold"} <= shown["fields"][0].keys()
    assert "generic" in [one["name"] for one in listed]
    assert run("class", "show", "nothing", "--json").code == 13


def test_trying_a_class_stores_nothing(home: Path, corpus: Path, run: Run) -> None:
    tried = run("class", "try", corpus / "digital.pdf", "invoice", "--json").document
    assert tried["id"] is None and tried["class"] == "invoice" and tried["suggested"]["class"] == "invoice"
    found = {field["name"]: field["value"] for field in tried["fields"]}
    assert found["supplier_tax_id"] == "B64717838"
    assert run("record", "list", "--json").document == {"records": []}
    assert run("status", "--json").document["scans"] == []


def test_a_class_file_being_written_can_be_tried(tmp_path: Path, corpus: Path, run: Run) -> None:
    mine = tmp_path / "mine.toml"
    text = (ROOT / "records/classes/generic.toml").read_text(encoding="utf-8")
    mine.write_text(text.replace('name = "generic"', 'name = "mine"', 1), encoding="utf-8")
    assert run("class", "try", corpus / "digital.pdf", mine, "--json").document["class"] == "mine"
    mine.write_text("nmae = 1", encoding="utf-8")
    wrong = run("class", "try", corpus / "digital.pdf", mine, "--json")
    assert wrong.code == 16 and "mine.toml: nmae" in wrong.document["error"]["message"]


def test_a_file_that_is_no_scan_cannot_be_tried(tmp_path: Path, run: Run) -> None:
    (tmp_path / "a.txt").write_text("not a scan, but long enough to be looked at")
    answer = run("class", "try", tmp_path / "a.txt", "invoice", "--json")
    assert answer.code == 11 and answer.document["error"]["code"] == "refused-scan"


# --- clients and people


def test_a_client_gets_its_own_key_escrow_and_folder(home: Path, run: Run) -> None:
    row = run("client", "add", "Gestoría Ruiz, S.L.", "--json").document
    key = row["vault_key"]["id"]
    assert row["vault_key"]["epoch"] == 1 and Path(row["inbox"]).name == "Gestoría Ruiz, S.L."
    assert stat.S_IMODE(Path(row["inbox"]).stat().st_mode) == 0o700
    assert (home / "keys" / f"{key}.agekey").exists() and len(list((home / "escrow" / key).glob("share-*.txt"))) == 3
    listed = run("client", "list", "--json").document
    assert [one["name"] for one in listed] == ["Gestoría Ruiz, S.L.", "default"]
    assert len({one["vault_key"]["id"] for one in listed}) == 2


@pytest.mark.parametrize(
    "name", ["", "../x", "a/b", ".hidden", "a\\b", "a\nb", "a\0b", "x" * 65, "-x", " x", "DEFAULT"]
)
def test_a_client_whose_name_is_no_folder_name_or_taken_is_refused(name: str, home: Path, run: Run) -> None:
    assert run("client", "add", "--json", "--", name).code == 15
    assert len(run("client", "list", "--json").document) == 1


def test_a_token_is_shown_once_and_its_hash_never(home: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    added = run("person", "add", "Ana", "--json").document
    listed = run("person", "list", "--json")
    assert added["token"] and added["token"] not in listed.out and "sha256" not in listed.out
    assert added["token"].encode() not in (home / "catalogue.db").read_bytes()
    monkeypatch.setenv("MUNIMENT_TOKEN", added["token"])
    assert run("--as", "Ana", "person", "list").code == 0
    monkeypatch.setenv("MUNIMENT_TOKEN", "wrong")
    assert run("--as", "Ana", "person", "list", "--json").document["error"]["code"] == "access-denied"


def test_only_an_administrator_adds(home: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_TOKEN", run("person", "add", "Ana", "--json").document["token"])
    for line in (["client", "add", "X"], ["person", "add", "Bea"], ["person", "accredit", "Ana", "--role", "admin"]):
        assert run("--as", "Ana", *line, "--json").code == 27
    with sqlite3.connect(home / "catalogue.db") as connection:
        assert connection.execute("SELECT count(*) FROM events WHERE type = 'access_denied'").fetchone() == (3,)
    connection.close()


def test_accreditation_ends_with_its_day(held: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    token = run("person", "add", "Ana", "--json").document["token"]
    row = run("person", "accredit", "Ana", "--role", "reader", "--until", "2999-12-31", "--json").document
    assert row["accreditations"] == [
        {"client": "default", "role": "reader", "until": "2999-12-31", "clearance": "normal"}
    ]
    monkeypatch.setenv("MUNIMENT_TOKEN", token)
    assert len(run("--as", "Ana", "record", "list", "--json").document["records"]) == 2
    assert run("person", "accredit", "Ana", "--role", "reader", "--until", "2020-01-01").code == 0
    assert run("--as", "Ana", "record", "list", "--json").document["records"] == []
    assert run("person", "accredit", "Ana", "--role", "reader", "--until", "tomorrow", "--json").code == 15


# --- index and settings


def test_the_index_is_compared_and_made_anew(held: Path, run: Run) -> None:
    status = run("index", "status", "--json").document
    assert status.keys() == {"engine", "catalogue_pages", "indexed_pages", "pending", "equal", "version"}
    assert status["equal"] is True and status["indexed_pages"] == 2
    shutil.rmtree(held / "index")
    assert run("index", "status", "--json").document["equal"] is False
    assert run("index", "rebuild", "--json").document == status


def test_settings_are_shown_with_their_origin_and_secrets_never(
    home: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    (home / "muniment.toml").write_text('languages = "eng"\n')
    secret = tmp_path / "secret"
    secret.write_text("hush-1")
    monkeypatch.setenv("MUNIMENT_S3_SECRET_KEY_FILE", str(secret))
    monkeypatch.setenv("MUNIMENT_TOKEN", "hush-2")
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", "postgresql+psycopg://me:hush-3@host/db")
    answer = run("config", "show", "--json")
    found = {row["name"]: (row["value"], row["origin"]) for row in answer.document["settings"]}
    assert found["languages"] == ("eng", "file") and found["store"] == ("directory", "default")
    assert found["s3_secret_key"][1] == "secret file" and found["token"][1] == "environment"
    assert "hush" not in answer.out + run("config", "show").out
    assert sorted(path.name for path in home.iterdir()) == ["muniment.toml"]


# --- handing over sealed bytes


def test_two_commands_of_age_open_what_was_released(held: Path, corpus: Path, run: Run, tmp_path: Path) -> None:
    if shutil.which("age") is None:
        pytest.skip("Debian's age is not installed: apt-get install age")
    target = tmp_path / "scan.age"
    line = ("original", "envelope", record_of(run, "letter"), "--reason", "migration: proof", "--to", target, "--json")
    released = run(*line).document
    envelope = Path(released["envelope"])
    assert envelope.name == "scan.age.envelope.age" and stat.S_IMODE(target.stat().st_mode) == 0o600
    shares = sorted((held / "escrow" / released["vault_key"]).glob("share-*.txt"))
    escrow = tmp_path / "escrow.key"
    escrow.write_text(str(recover_escrow([shares[0].read_text().strip(), shares[2].read_text().strip()])))
    for identity in (held / "keys" / f"{released['vault_key']}.agekey", escrow):
        key = subprocess.run(["age", "-d", "-i", identity, envelope], capture_output=True, check=True).stdout
        (tmp_path / "document.key").write_bytes(key)
        opened = subprocess.run(["age", "-d", "-i", tmp_path / "document.key", target], capture_output=True, check=True)
        assert opened.stdout == (corpus / "letter.tif").read_bytes()


def test_a_release_is_an_event_first_and_for_custodians(
    held: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = record_of(run, "letter")
    line = ("original", "envelope", record, "--reason", "audit", "--to", tmp_path / "out", "--json")
    monkeypatch.setenv("MUNIMENT_TOKEN", run("person", "add", "Ana", "--json").document["token"])
    run("person", "accredit", "Ana", "--role", "archivist")
    assert run("--as", "Ana", *line).code == 27 and not (tmp_path / "out").exists()
    seq = run(*line).document["event"]
    entry = next(e for e in run("record", "timeline", record, "--json").document["events"] if e["seq"] == seq)
    assert entry["type"] == "envelope_released" and entry["reason"] == "audit"
    assert run("original", "envelope", record, "--to", tmp_path / "x", "--json").code == 15


def test_damaged_sealed_bytes_are_not_handed_over(held: Path, run: Run, tmp_path: Path) -> None:
    for path in (held / "store").rglob("*.age"):
        path.chmod(0o600)
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    line = ("original", "envelope", record_of(run, "letter"), "--reason", "audit", "--to", tmp_path / "out", "--json")
    assert run(*line).code == 21 and list(tmp_path.glob("out*")) == []


def test_the_documented_lines_recover_the_escrow(held: Path, tmp_path: Path) -> None:
    """The Python of docs/custody-keys.md, run as it stands there."""
    page = (ROOT / "docs/custody-keys.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    shares = next((held / "escrow").iterdir())
    for number in (1, 3):
        shutil.copy(shares / f"share-{number}.txt", tmp_path)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    from pyrage import x25519

    identity = x25519.Identity.from_str((tmp_path / "escrow.key").read_text())
    assert str(identity.to_public()) == (shares / "recipient.txt").read_text().strip()
