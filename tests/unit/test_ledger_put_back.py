"""The published ledger and a database that was put back; copies, and the commands."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from published_house import add, leaves

from custody import ledger_guard
from custody.checkpoints import open_checkpoint
from custody.findings import Report
from custody.ledger_copy import copy_ledger
from custody.merkle import hash_leaf
from custody.notes import parse_vkey
from custody.proofs import parse_proof, verify_proof
from custody.signer_memory import read_memory
from custody.stores.ledger_directory import LedgerDirectory
from records.errors import LedgerForkError, MunimentError, UnavailableError
from tasks import published_check, publishing

Run = Callable[..., Any]


def older_database(services: Any) -> Path:
    """A backup as of now; taken as SQLite takes one."""
    target: Path = services.places.home / "backup.db"
    source, copy = sqlite3.connect(services.places.catalogue), sqlite3.connect(target)
    source.backup(copy)
    source.close()
    copy.close()
    return target


def put_back(services: Any, backup: Path) -> Any:
    """Close, put the backup in the place of the database, and open again."""
    from infra.services import open_services

    home = services.places.catalogue
    services.close()
    for name in (home.name + "-wal", home.name + "-shm"):
        home.with_name(name).unlink(missing_ok=True)
    shutil.copy(backup, home)
    return open_services()


def test_a_database_that_was_put_back_refuses_every_write_and_says_so(services: Any) -> None:
    add(services, 3)
    publishing.publish(services)
    backup = older_database(services)
    add(services, 2)
    publishing.publish(services)
    before = {path: path.read_bytes() for path in services.places.ledger.rglob("*") if path.is_file()}
    again = put_back(services, backup)
    try:
        for refused in (lambda: add(again), lambda: publishing.publish(again), lambda: publishing.rotate_key(again)):
            with pytest.raises(LedgerForkError, match="older database"):
                refused()
        assert len(leaves(again)) > 0  # reading goes on
    finally:
        again.close()
    assert {path: path.read_bytes() for path in before} == before


def test_another_database_that_has_grown_as_far_is_refused_too(services: Any) -> None:
    publishing.publish(services)
    backup = older_database(services)
    add(services, 2)
    publishing.publish(services)
    memory, aside = services.places.signer / "ledger.memory", services.places.home / "aside"
    memory.rename(aside)  # so that the older database can grow as if nobody remembered
    again = put_back(services, backup)
    add(again, 5)
    aside.rename(memory)
    third = put_back(again, older_database(again))
    try:
        with pytest.raises(LedgerForkError, match="another database"):
            add(third)
        with pytest.raises(LedgerForkError):
            publishing.publish(third)
    finally:
        third.close()


def test_a_memory_that_is_not_here_or_not_ours_compares_nothing(services: Any, tmp_path: Path) -> None:
    with services.database.read() as connection:
        ledger_guard.refuse_older(connection, tmp_path / "none")
        (tmp_path / "damaged").write_text("{}")
        ledger_guard.refuse_older(connection, tmp_path / "damaged")


class Waiting:
    """An event that has been waited for so often, and then is set."""

    def __init__(self, turns: int, between: Callable[[int], None] = lambda turn: None) -> None:
        self.turns, self.turn, self.between, self.ended = turns, 0, between, False

    def wait(self, _seconds: float) -> bool:
        self.turn += 1
        self.between(self.turn)
        return self.ended or self.turn > self.turns

    def set(self) -> None:
        self.ended = True


def checkpoints(services: Any) -> list[int]:
    return sorted(int(path.name) for path in (services.places.ledger / "checkpoints").iterdir())


def test_what_waits_is_published_and_a_day_is_marked(services: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = services.clock.now

    def between(turn: int) -> None:
        if turn == 2:
            add(services, 2)
        if turn == 4:
            monkeypatch.setattr(services.clock, "now", lambda: real() + timedelta(days=1))
        sizes.append(publishing.waiting(services) if turn > 1 else 0)

    publishing.keep_publishing(services, 0.0, Waiting(4, between), lambda error: pytest.fail(str(error)))
    assert sizes == [0, 2, 0, 0, 0]
    assert checkpoints(services)[-1] == len(leaves(services)) and len(checkpoints(services)) == 2


def test_a_service_that_does_not_answer_is_asked_again(services: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = services.signing.sign, []

    def failing(size: int, entries: Iterator[bytes]) -> bytes:
        asked.append(size)
        if len(asked) < 3:
            raise UnavailableError("away")
        return real(size, entries)

    monkeypatch.setattr(services.signing, "sign", failing)
    publishing.keep_publishing(services, 0.0, Waiting(3), lambda error: pytest.fail(str(error)))
    assert len(asked) == 3 and publishing.waiting(services) == 0


def test_a_damaged_ledger_is_said_once_and_a_fork_ends_everything(services: Any) -> None:
    add(services, 300)
    publishing.publish(services)
    add(services, 300)
    edge = services.places.ledger / "tile/1/000.p/1"
    edge.unlink()
    said: list[MunimentError] = []
    publishing.keep_publishing(services, 0.0, Waiting(3), said.append)
    assert len(said) == 1 and "tile/1/000.p/1" in str(said[0]) and not isinstance(said[0], LedgerForkError)
    memory = services.places.signer / "ledger.memory"
    found = read_memory(memory)
    assert found is not None
    memory.write_text(found.text.replace(found.root.hex(), hash_leaf(b"other").hex()))
    waiting = Waiting(5)
    publishing.keep_publishing(services, 0.0, waiting, said.append)
    assert isinstance(said[-1], LedgerForkError) and waiting.ended and len(said) == 2


def test_a_copy_is_brought_up_to_date_and_holds_nothing_stale(services: Any, tmp_path: Path) -> None:
    target = LedgerDirectory(tmp_path / "copy")
    assert copy_ledger(services.ledger_files, target) == 0
    for count in (3, 250, 10):
        add(services, count)
        publishing.publish(services)
        assert copy_ledger(services.ledger_files, target) > 0 == copy_ledger(services.ledger_files, target)
        source = {path: services.ledger_files.read(path) for path in services.ledger_files.paths("")}
        assert {path: target.read(path) for path in target.paths("")} == source


def test_the_command_publishes_shows_and_proves(run: Run, tmp_path: Path) -> None:
    published = run("ledger", "publish", "--json").document
    assert set(published) == {"origin", "size", "root", "checkpoint"}
    path = run("ledger", "path", "--json").document
    key = parse_vkey(Path(path["vkey"]).read_text())
    folder = Path(path["folder"])
    assert (folder / "checkpoint").read_text() == published["checkpoint"]
    checkpoint = open_checkpoint(published["checkpoint"].encode(), key).checkpoint
    assert (checkpoint.origin, checkpoint.size, checkpoint.root.hex()) == (
        published["origin"], published["size"], published["root"],
    )  # fmt: skip
    shown = run("ledger", "show", "--from", "1", "--to", "3", "--json").document["events"]
    assert [event["seq"] for event in shown] == [1, 2, 3] and shown[0].keys() >= {"id", "type", "subject", "summary"}
    everything = run("ledger", "show", "--json").document["events"]
    assert len(everything) == published["size"] and everything[1:4] == shown
    assert str(shown[0]["subject"]) in run("ledger", "show", "--from", "1", "--to", "1").out
    for wanted in (shown[1]["id"], shown[1]["id"][:-2], shown[1]["subject"]):
        answer = run("ledger", "proof", wanted, "--to", tmp_path / "proof", "--json").document
        proof = parse_proof((tmp_path / "proof").read_bytes())
        assert proof.extra is not None and verify_proof(proof, proof.extra, key).checkpoint.size == published["size"]
        assert json.loads(proof.extra)["subject"] == shown[1]["subject"] and answer["seq"] == proof.index
        assert answer["leaf_hash"] == hash_leaf(proof.extra).hex() and answer["bytes"] == len(proof.data)
    assert run("ledger", "proof", "evt_" + "0" * 32, "--to", tmp_path / "x").code == 13
    assert run("ledger", "proof", "rec_nothing", "--to", tmp_path / "x").code == 13
    assert run("ledger", "proof", shown[0]["id"], "--to", tmp_path / "none/x").code == 15
    assert not (tmp_path / "x").exists()


def test_the_command_rotates_and_writes_again_what_is_missing(run: Run) -> None:
    first = run("ledger", "publish", "--json").document
    rotated = run("ledger", "rotate-key", "--json").document
    path = run("ledger", "path", "--json").document
    assert Path(path["vkey"]).read_text().strip() != rotated["vkey"]  # the old one is current until it is retired
    retired = run("ledger", "retire-key", "--json").document
    assert retired["vkey"] == rotated["vkey"] == Path(path["vkey"]).read_text().strip()
    assert retired["size"] == first["size"] + 2
    gone = next((Path(path["folder"]) / "tile/0/000.p").iterdir())
    gone.unlink()
    assert run("ledger", "publish", "--whole", "--json").code == 0
    assert len(list((Path(path["folder"]) / "tile/0/000.p").iterdir())) >= 1
    assert run("ledger", "retire-key").code == 50


def test_a_fork_is_an_error_with_its_own_code(run: Run, home: Path) -> None:
    run("ledger", "publish")
    memory = home / "keys/signer/ledger.memory"
    found = read_memory(memory)
    assert found is not None
    memory.write_text(found.text.replace(f'"size": {found.size}', f'"size": {found.size + 1}'))
    answer = run("ledger", "publish", "--json")
    assert answer.code == 62 and answer.document["error"]["code"] == "ledger-fork"
    assert run("client", "add", "Another", "--json").code == 62  # nothing is written at all
    assert run("ledger", "show", "--json").code == 0


def test_a_clock_is_not_read_where_it_is_given(services: Any) -> None:
    services.clock.now = lambda: datetime(2030, 1, 1, tzinfo=UTC)
    assert publishing._publisher(services).until == datetime(2030, 1, 1, tzinfo=UTC) + services.ledger_lock


def published_problems(services: Any) -> list[str]:
    report = Report()
    with report.step("published ledger") as step:
        published_check.compare(services, step)
    return [problem.object for problem in report.problems]


def test_the_check_compares_what_is_published_with_the_events(services: Any) -> None:
    assert published_problems(services) == []
    add(services, 300)
    publishing.publish(services)
    add(services)
    assert published_problems(services) == []
    for path in ("tile/entries/000", "tile/1/000.p/1", "checkpoint"):
        target = services.places.ledger / path
        target.chmod(0o600)
        whole = target.read_bytes()
        target.write_bytes(whole[:9] + bytes([whole[9] ^ 1]) + whole[10:])
        assert published_problems(services) == [path]
        target.write_bytes(whole)
    assert published_problems(services) == []
