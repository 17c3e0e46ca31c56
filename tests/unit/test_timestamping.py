"""Stamping the real ledger: once a checkpoint, named by an event, renewed in time, never an error without one."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from time_authority import AuthorityServer, TimeAuthority

from custody.algorithms import Algorithms, shipped_algorithms
from custody.ledger import Draft, append
from custody.notes import COSIGNATURE_ED25519, Note, parse_note
from custody.signing_keys import make_signing_key
from custody.stores.ledger_directory import LedgerDirectory
from custody.stores.ledger_files import kept_path, witnessed_path
from custody.tables import events
from custody.timestamps import file_digest, request_token, token_name
from infra.home import exclusive
from infra.services import Services, open_services
from records.errors import AuthorityUnavailableError, ConfigurationError, UnavailableError
from tasks import publishing, timestamping
from tasks.services import SYSTEM

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TimeAuthority:
    return TimeAuthority(tmp_path_factory.mktemp("authority") / "tsa", key="P-256")


@pytest.fixture
def server(authority: TimeAuthority, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AuthorityServer]:
    server = AuthorityServer(authority.answer)
    monkeypatch.setenv("MUNIMENT_TSA_URL", server.url)
    monkeypatch.setenv("MUNIMENT_TSA_ROOTS", str(authority.roots))
    yield server
    server.close()


@pytest.fixture
def stamping(server: AuthorityServer) -> Iterator[Services]:
    services = open_services()
    yield services
    services.close()


def stamped_events(services: Services) -> list[dict[str, Any]]:
    with services.database.read() as connection:
        rows = connection.execute(events.select().where(events.c.type == "checkpoint_timestamped")).all()
    return [json.loads(bytes(row.leaf)) for row in rows]


def test_a_checkpoint_is_stamped_once_and_an_event_names_the_token(stamping: Services, server: AuthorityServer) -> None:
    published = publishing.publish(stamping)
    first, again = timestamping.stamp(stamping, published), timestamping.stamp(stamping, published)
    assert first is not None and again is not None and first.tokens == again.tokens and server.asked == 1
    (event,) = stamped_events(stamping)
    assert event["obj"] == {
        "size": published.size, "file": f"timestamps/{published.size}.tsr", "sha256": file_digest(first.tokens[0]),
        "policy": first.stamp.policy, "qualified": False,
    }  # fmt: skip
    assert event["occurred"][:19] == first.stamp.made.isoformat()[:19] and event["client"] is None
    assert stamping.ledger_files.read(kept_path(published.size)) == published.checkpoint


def test_a_token_that_a_crash_left_without_its_event_is_named_before_the_next_one(
    stamping: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(Exception):
        pass

    def die(*_arguments: object) -> None:
        raise Died

    first = publishing.publish(stamping)
    with monkeypatch.context() as patched:
        patched.setattr(timestamping, "_record", die)  # the token is kept, and its event not written yet
        with pytest.raises(Died):
            timestamping.stamp(stamping, first)
    with stamping.database.write() as connection:
        now = stamping.clock.now()
        append(connection, Draft(stamping.ids.new("evt"), "lock_probe", stamping.ids.new("cli"), SYSTEM), now)
    later = timestamping.stamp(stamping)
    assert later is not None and later.size > first.size
    assert [event["obj"]["size"] for event in stamped_events(stamping)] == [first.size, later.size]


def test_openssl_verifies_what_lies_beside_the_published_checkpoint(
    stamping: Services, authority: TimeAuthority
) -> None:
    done = timestamping.stamp(stamping)
    assert done is not None
    folder = stamping.places.ledger
    arguments = ["-data", f"checkpoints/{done.size}", "-in", f"timestamps/{done.size}.tsr", "-CAfile", authority.roots]
    said = subprocess.run(
        ["openssl", "ts", "-verify", *map(str, arguments)], cwd=folder, capture_output=True, text=True
    )
    assert "Verification: OK" in said.stdout + said.stderr


def test_a_crash_between_token_and_event_is_finished(stamping: Services, server: AuthorityServer) -> None:
    published = publishing.publish(stamping)
    assert stamping.stamping is not None
    token, _ = request_token(stamping.stamping.authority, published.checkpoint, stamping.stamping.trust)
    until = stamping.clock.now() + stamping.ledger_lock
    stamping.ledger_files.keep(token_name(published.size), token, until.replace(microsecond=0))
    assert stamped_events(stamping) == []
    done = timestamping.stamp(stamping, published)
    assert done is not None and done.tokens == (token,) and server.asked == 1
    assert [e["obj"]["sha256"] for e in stamped_events(stamping)] == [file_digest(token)]


def test_an_authority_that_does_not_answer_leaves_nothing(stamping: Services, server: AuthorityServer) -> None:
    server.status = 503
    with pytest.raises(AuthorityUnavailableError):
        timestamping.stamp(stamping)
    assert stamped_events(stamping) == [] and timestamping.stamped_sizes(stamping.ledger_files) == []
    assert timestamping.is_due(stamping)


def test_it_is_due_again_after_the_hours_set(stamping: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    assert timestamping.is_due(stamping)
    timestamping.stamp(stamping)
    assert not timestamping.is_due(stamping)
    now = stamping.clock.now()
    monkeypatch.setattr(type(stamping.clock), "now", lambda self: now + timedelta(hours=25))
    assert timestamping.is_due(stamping)


def test_a_token_that_ends_soon_is_an_alarm_and_another_authority_renews_it(
    home: Path, tmp_path: Path, authority: TimeAuthority, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    ending = TimeAuthority(tmp_path / "ending", days=30, key="P-256")
    roots = tmp_path / "roots.pem"
    roots.write_bytes(ending.roots.read_bytes() + authority.roots.read_bytes())
    server = AuthorityServer(ending.answer)
    monkeypatch.setenv("MUNIMENT_TSA_URL", server.url)
    monkeypatch.setenv("MUNIMENT_TSA_ROOTS", str(roots))
    first = run("ledger", "timestamp", "--json").document
    assert first["renewed"] == []  # the same authority would end no later: nothing is gained

    def alarm() -> Any:
        checks = run("doctor", "--json").document["checks"]
        return next(check for check in checks if check["name"] == "time stamps")

    assert not alarm()["ok"] and alarm()["fix"] == "muniment ledger timestamp"
    server.answer = authority.answer
    again = run("ledger", "timestamp", "--json").document
    assert first["size"] in again["renewed"] and again["failing"] == again["ended"] == []
    assert alarm()["ok"]
    ledger = home / "ledger"
    data = b"".join((ledger / name).read_bytes() for name in (kept_path(first["size"]), token_name(first["size"])))
    (tmp_path / "renewed").write_bytes(data)
    arguments = ["-data", "renewed", "-in", str(ledger / token_name(first["size"], 1)), "-CAfile", "roots.pem"]
    said = subprocess.run(["openssl", "ts", "-verify", *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert "Verification: OK" in said.stdout + said.stderr
    server.close()


def test_an_algorithm_that_ended_before_renewal_is_told(stamping: Services) -> None:
    done = timestamping.stamp(stamping)
    assert done is not None
    today = stamping.clock.now().date()
    far = date(2090, 1, 1)
    stamping.algorithms = Algorithms({"sha256": today - timedelta(days=1), "ecdsa-secp256r1": far})
    found = timestamping.renew(stamping)
    assert (found.looked_at, found.ended, found.renewed) == (1, (done.size,), ())
    stamping.algorithms = Algorithms({"sha256": today + timedelta(days=9), "ecdsa-secp256r1": far})
    assert timestamping.look(stamping).ending == (done.size,)
    assert timestamping.renew(stamping).renewed == ()
    stamping.algorithms = shipped_algorithms()
    assert timestamping.look(stamping).ending == ()


def test_a_token_that_was_changed_is_told(stamping: Services) -> None:
    done = timestamping.stamp(stamping)
    assert done is not None
    path = stamping.places.ledger / token_name(done.size)
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(data))
    assert timestamping.look(stamping).failing == (done.size,)


def test_without_an_authority_there_are_none_and_nothing_is_amiss(home: Path, run: Run) -> None:
    answer = run("ledger", "timestamp", "--json")
    assert answer.code == 0 and answer.document["size"] is None
    checks = run("doctor", "--json").document["checks"]
    assert next(c for c in checks if c["name"] == "time stamps")["found"].startswith("none")


def test_an_authority_without_roots_is_refused(home: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_TSA_URL", "http://127.0.0.1:9/")
    assert run("ledger", "timestamp", "--json").code == ConfigurationError.exit_code


def test_an_exported_record_verifies_against_the_published_key(
    held: Path, server: AuthorityServer, authority: TimeAuthority, run: Run, tmp_path: Path
) -> None:
    found = [r["id"] for r in run("record", "list", "--json").document["records"]]
    target = tmp_path / "package"
    answer = run("record", "export", *found, "--to", target, "--reason", "legal: court order", "--json").document
    assert {"to": str(target), "records": found}.items() <= answer.items() and answer["stamped"]
    digest = (target / "tagmanifest-sha256.txt").read_text().partition("  manifest-sha256.txt")[0].rsplit("\n", 1)[-1]
    assert answer["manifest_sha256"] == digest
    vkey = run("ledger", "path", "--json").document["vkey"]
    verified = run("verify", "package", target, "--vkey", vkey, "--tsa-roots", authority.roots, "--json")
    assert verified.code == 0, verified.out
    assert verified.document["checked"] == {"entries": answer["events"], "originals": 2, "files": answer["files"] - 1}
    assert "court order" not in "".join(p.read_text("latin-1") for p in target.rglob("*") if p.is_file())
    timeline = run("record", "timeline", found[0], "--json").document["events"]
    assert [e["type"] for e in timeline].count("exported") == 2 and timeline[-1]["reason"] == "legal"
    assert run("custody", "check", "--json").code == 0


def test_an_export_waits_for_the_witnesses_that_the_policy_asks_for(
    held: Path, server: AuthorityServer, authority: TimeAuthority, run: Run, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    witness = make_signing_key("witness.example/officer", COSIGNATURE_ED25519, b"w" * 32)
    paths = run("ledger", "path", "--json").document
    policy = tmp_path / "policy"
    vkey = Path(paths["vkey"]).read_text().strip()
    policy.write_text(f"log {vkey}\nwitness officer {witness.key.vkey}\nquorum officer\n")
    monkeypatch.setenv("MUNIMENT_LEDGER_POLICY", str(policy))
    monkeypatch.setenv("MUNIMENT_WITNESS_SECONDS", "0")
    record = run("record", "list", "--json").document["records"][0]["id"]
    answer = run("record", "export", record, "--to", tmp_path / "early", "--json")
    assert answer.code == AuthorityUnavailableError.exit_code and not (tmp_path / "early").exists()

    stop = threading.Event()

    def officer() -> None:
        home = LedgerDirectory(Path(paths["folder"]))
        while not stop.wait(0.1):
            note = parse_note(home.read("checkpoint") or b"")
            size = int(note.text.split("\n")[1])
            if home.read(witnessed_path(size, witness.key)) is None:
                cosigned = Note(note.text, (*note.signatures, witness.cosign(note.text, 1_800_000_000)))
                with exclusive(held / "run/publisher.lock", 30, UnavailableError):  # one process writes at a time
                    home.replace(witnessed_path(size, witness.key), cosigned.data)

    monkeypatch.setenv("MUNIMENT_WITNESS_SECONDS", "60")
    thread = threading.Thread(target=officer)
    thread.start()
    try:
        answer = run("record", "export", record, "--to", tmp_path / "package", "--json")
    finally:
        stop.set()
        thread.join()
    assert answer.code == 0, answer.out
    given = ("--vkey", paths["vkey"], "--policy", policy, "--tsa-roots", authority.roots)
    assert run("verify", "package", tmp_path / "package", *given, "--json").code == 0
    assert "witness.example/officer" in (tmp_path / "package/evidence/checkpoint").read_text()
    policy.write_text("quorum nobody\n")
    answer = run("record", "export", record, "--to", tmp_path / "wrong", "--json")
    assert answer.code == ConfigurationError.exit_code


def test_an_event_left_out_at_the_end_is_found_in_the_ledger(held: Path, run: Run, tmp_path: Path) -> None:
    record = run("record", "list", "--json").document["records"][0]["id"]
    package = tmp_path / "package"
    run("record", "export", record, "--to", tmp_path / "first")
    run("record", "export", record, "--to", package)  # so that something stands at the end that can be left out
    paths = run("ledger", "path", "--json").document
    given = ("--vkey", paths["vkey"], "--dir", paths["folder"])
    verified = run("verify", "package", package, *given, "--json")
    assert verified.code == 0 and verified.document["steps"][7]["detail"] == "events since the package was made: 0"
    run("record", "text", record)
    run("ledger", "publish")
    verified = run("verify", "package", package, *given, "--json")
    assert verified.code == 0 and verified.document["steps"][7]["detail"] == "events since the package was made: 1"

    lines = (package / "evidence/events.jsonl").read_bytes().splitlines(True)
    (package / f"evidence/{len(lines) - 1:03d}.tlog-proof").unlink()
    (package / "evidence/events.jsonl").write_bytes(b"".join(lines[:-1]))
    report = run("verify", "package", package, *given, "--json").document
    assert report["steps"][3]["outcome"] == "holds"  # the chain alone does not tell
    assert report["steps"][7]["outcome"] == "does not hold"
    assert json.loads(lines[-1])["id"] in [p["object"] for p in report["problems"] if p["kind"] == "omitted"]
    assert run("verify", "package", package, "--vkey", paths["vkey"], "--dir", tmp_path / "nothing").code != 0


def test_nothing_is_handed_over_while_the_authority_is_silent(
    held: Path, server: AuthorityServer, run: Run, tmp_path: Path
) -> None:
    server.status = 503
    record = run("record", "list", "--json").document["records"][0]["id"]
    answer = run("record", "export", record, "--to", tmp_path / "package", "--json")
    assert answer.code == AuthorityUnavailableError.exit_code and answer.document["error"]["retryable"]
    assert not (tmp_path / "package").exists()
