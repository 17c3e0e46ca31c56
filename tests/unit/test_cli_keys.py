"""`muniment keys`: who may, what is answered and recorded, and that no key ever shows on the screen."""

import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]


def original_of(run: Run, record_class: str = "letter") -> dict[str, Any]:
    found = run("record", "list", "--class", record_class, "--json").document["records"][0]
    return dict(found)


def last_event(home: Path) -> tuple[str, str, bytes]:
    connection = sqlite3.connect(home / "catalogue.db")
    row = connection.execute("SELECT type, subject, leaf FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    connection.close()
    return tuple(row)


@pytest.fixture
def as_ana(home: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Ana, accredited for nothing at first; call with `role=` to accredit her before the command."""

    def command(*arguments: Any, role: str | None = None) -> Any:
        if role is not None:
            run("person", "accredit", "Ana", "--role", role)
        return run("--as", "Ana", *arguments)

    return command


def add_ana(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_TOKEN", run("person", "add", "Ana", "--json").document["token"])


def test_every_document_still_opens_after_a_rotation(held: Path, run: Run, tmp_path: Path, corpus: Path) -> None:
    objects = {path: path.stat().st_mtime_ns for path in (held / "store").rglob("*.age")}
    done = run("keys", "rotate", "--json").document
    assert (done["epoch"], done["resumed"], done["rewrapped"], done["left"]) == (2, False, 2, [])
    assert done["file"] == f"{done['key']}.agekey" and len(done["retired"]) == 1
    assert {path: path.stat().st_mtime_ns for path in (held / "store").rglob("*.age")} == objects
    record = original_of(run)["id"]
    assert run("original", "open", record, "--reason", "audit", "--to", tmp_path / "a").code == 0
    assert (tmp_path / "a").read_bytes() == (corpus / "letter.tif").read_bytes()
    assert run("record", "text", record).code == 0
    assert run("custody", "check").code == 0
    listed = run("keys", "list", "--json").document["keys"]
    assert [(one["state"], one["envelopes"], one["here"]) for one in listed] == [
        ("retired", 0, True), ("current", 2, True)
    ]  # fmt: skip
    (held / "keys" / listed[0]["file"]).unlink()  # the old epoch's key is needed by nothing
    assert run("original", "open", record, "--reason", "audit", "--to", tmp_path / "b").code == 0


def test_no_key_is_ever_shown(held: Path, run: Run, tmp_path: Path) -> None:
    shares = sorted((held / "escrow").glob("*/share-*.txt"))
    lines = [
        ["keys", "init"], ["keys", "list"], ["keys", "rotate"], ["keys", "escrow"],
        ["keys", "escrow", "--check", shares[0], shares[1]],
        ["keys", "release", original_of(run)["original"], "--reason", "audit", "--to", tmp_path / "key"],
    ]  # fmt: skip
    secrets = [path.read_text().split()[-1] for path in (held / "keys").glob("*.agekey")]
    secrets += [path.read_text().strip() for path in shares] + ["AGE-SECRET-KEY"]
    for line in lines:
        for answer in (run(*line), run(*line, "--json")):
            assert answer.code == 0 and not any(secret in answer.out + answer.err for secret in secrets)
    secret = (tmp_path / "key").read_text().splitlines()[0]
    assert secret.startswith("AGE-SECRET-KEY-1") and secret.encode() not in (held / "catalogue.db").read_bytes()


@pytest.mark.skipif(shutil.which("age") is None, reason="Debian's age is not installed: apt-get install age")
def test_the_documented_command_opens_what_was_released(held: Path, run: Run, corpus: Path, tmp_path: Path) -> None:
    """The lines of docs/custody-keys.md, `The key of one document`, run as they stand there."""
    target = tmp_path / "document.key"
    released = run("keys", "release", original_of(run)["id"], "--reason", "legal: 12/2027", "--to", target, "--json")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert released.document.keys() == {"original", "to", "bucket", "object", "version", "event"}
    page = (ROOT / "docs/custody-keys.md").read_text(encoding="utf-8").split("## The key of one document")[1]
    line = next(line.strip() for line in page.splitlines() if line.startswith("    age -d"))
    shutil.copy(held / "store" / released.document["object"], tmp_path / "scan.age")
    subprocess.run(line, shell=True, cwd=tmp_path, check=True)
    assert (tmp_path / "original").read_bytes() == (corpus / "letter.tif").read_bytes()
    kind, subject, leaf = last_event(held)
    assert (kind, subject) == ("key_released", released.document["original"]) and b'"custodian"' in leaf
    assert b'"reason":"legal"' in leaf and b"12/2027" not in leaf


def test_a_key_goes_to_custodians_only_and_a_denial_is_recorded(
    held: Path, run: Run, as_ana: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    original = original_of(run)["original"]
    add_ana(run, monkeypatch)
    release = ("keys", "release", original, "--reason", "audit", "--to", tmp_path / "key", "--json")
    for role in ("admin", "archivist", "reader", "compliance", "operator", "reviewer", "clerk"):
        assert as_ana(*release, role=role).code == 27
        kind, subject, leaf = last_event(held)
        assert (kind, subject) == ("access_denied", original) and b'"reason":"release_key"' in leaf
    assert not (tmp_path / "key").exists()
    assert as_ana(*release, role="custodian").code == 0
    run("person", "accredit", "Ana", "--role", "custodian", "--until", "2020-01-01")
    assert as_ana(*release).code == 27  # an accreditation that is over allows nothing


@pytest.mark.parametrize("line", [["rotate"], ["init"], ["escrow", "--destroyed", "1"]])
def test_keys_are_kept_by_custodians(
    held: Path, run: Run, as_ana: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, line: list[str]
) -> None:
    add_ana(run, monkeypatch)
    assert as_ana("keys", *line, "--json", role="admin").code == 27
    assert last_event(held)[0] == "access_denied"
    assert as_ana("keys", "list", "--json").code == 0  # an administrator may see that they are there


def test_shares_prove_that_they_open_and_wrong_ones_are_told(held: Path, run: Run, tmp_path: Path) -> None:
    shares = sorted((held / "escrow").glob("*/share-*.txt"))
    key = shares[0].parent.name
    proved = run("keys", "escrow", "--check", shares[0], shares[2], "--json").document
    assert proved["checked"] == key and proved["keys"][0]["escrow"]["checked"]
    assert last_event(held)[:2] == ("escrow_checked", key)
    assert run("keys", "escrow", "--check", shares[0], shares[0], "--json").code == 25
    other = run("client", "add", "Other", "--json").document["vault_key"]["id"]
    foreign = sorted((held / "escrow" / other).glob("share-*.txt"))
    assert run("keys", "escrow", "--check", shares[0], foreign[1], "--json").code == 25
    me = run("person", "list", "--json").document[0]["name"]
    run("person", "accredit", me, "--role", "custodian", "--client", "Other")
    assert run("keys", "escrow", "--check", foreign[0], foreign[1], "--json").code == 25  # of another client
    assert last_event(held)[0] == "person_accredited"  # what proves nothing is no event
    assert run("keys", "escrow", "--check", foreign[0], foreign[1], "--client", "Other", "--json").code == 0
    (tmp_path / "no share").write_bytes(b"\xff\x00")
    wrong = run("keys", "escrow", "--check", shares[0], tmp_path / "no share", "--json")
    assert wrong.code == 25


def test_who_has_a_share_is_recorded_once_it_is_moved(held: Path, run: Run) -> None:
    run("person", "add", "Ana")
    share = next((held / "escrow").glob("*/share-1.txt"))
    line = ("keys", "escrow", "--moved", "1", "--holder", "Ana", "--json")
    assert run(*line).code == 15  # it still lies here
    share.unlink()
    found = run(*line).document["keys"][0]["escrow"]
    assert found["shares"][0]["holder"] == "Ana" and not found["shares"][0]["here"] and found["recoverable"]
    kind, _, leaf = last_event(held)
    assert kind == "share_moved" and b"Ana" not in leaf and b"psn_" in leaf
    assert run("keys", "escrow", "--moved", "9", "--holder", "Ana", "--json").code == 15
    assert run("keys", "escrow", "--moved", "1", "--json").code == 15
    assert run("keys", "escrow", "--moved", "1", "--holder", "Nobody", "--json").code == 15


def test_an_epoch_is_beyond_recovery_when_one_share_at_most_is_left(held: Path, run: Run) -> None:
    run("keys", "rotate")
    old = run("keys", "list", "--json").document["keys"][0]["id"]
    assert run("keys", "destroy", old, "--reason", "audit", "--json").code == 69  # backup_days is not set
    for number in (1, 2, 3):
        (held / "escrow" / old / f"share-{number}.txt").unlink()  # each is with somebody
    gone = run("keys", "destroy", old, "--reason", "other: end of the quarter", "--now", "--json").document
    assert gone["state"] == "destroyed" and not gone["here"] and gone["escrow"]["recoverable"]
    for number, recoverable in ((1, True), (3, False)):
        rows = run("keys", "escrow", "--key", old, "--destroyed", str(number), "--json").document["keys"]
        assert rows[0]["escrow"]["recoverable"] is recoverable
    assert run("keys", "escrow", "--key", old, "--destroyed", "1", "--json").code == 15
    assert run("keys", "destroy", "key_ffffffffffff", "--reason", "audit", "--json").code == 13


def test_a_key_in_use_is_not_destroyed(held: Path, run: Run) -> None:
    key = run("keys", "list", "--json").document["keys"][0]["id"]
    assert run("keys", "destroy", key, "--reason", "audit", "--now", "--json").document["error"]["code"] == "key-in-use"
    assert (held / "keys" / f"{key}.agekey").exists()


def test_backups_protect_the_old_epoch_for_their_time(held: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("keys", "rotate")
    old = run("keys", "list", "--json").document["keys"][0]["id"]
    monkeypatch.setenv("MUNIMENT_BACKUP_DAYS", "30")
    answer = run("keys", "destroy", old, "--reason", "audit", "--json")
    assert answer.code == 69 and "backups" in answer.document["error"]["message"]


def test_two_rings_cannot_be_named_at_once(
    home: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_KEY_RING", f"file:{tmp_path}/elsewhere")
    key = run("keys", "list", "--json").document["keys"][0]
    assert (tmp_path / "elsewhere" / key["file"]).exists() and key["here"]
    monkeypatch.setenv("MUNIMENT_KEYS", str(tmp_path / "another"))
    assert run("keys", "list", "--json").document["error"]["code"] == "configuration"
    monkeypatch.delenv("MUNIMENT_KEYS")
    monkeypatch.setenv("MUNIMENT_KEY_RING", "pkcs11:token=vault")
    assert run("keys", "list", "--json").document["error"]["code"] == "configuration"
