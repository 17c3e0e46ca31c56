"""Publishing the ledger of a real installation: once, in order, under one key."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from published_house import add, leaves
from sqlalchemy import select

from custody import ledger
from custody.checkpoints import open_checkpoint
from custody.ledger_signer import SignerOptions
from custody.proofs import parse_proof, verify_proof
from custody.tables import events
from infra.signer_process import SignerProcess
from records.errors import ConfigurationError, LedgerError, MunimentError, UnavailableError
from tasks import publishing


def test_every_event_is_published_and_the_key_is_announced_once(services: Any) -> None:
    for _ in range(2):
        done = publishing.publish(services)
    held = leaves(services)
    assert done.size == len(held) and publishing.waiting(services) == 0
    key = services.signing.public_keys()[0]
    assert open_checkpoint(done.checkpoint, key).checkpoint.root == done.root
    with services.database.read() as connection:
        assert [vkey for _, vkey in publishing.announced_keys(connection)] == [key.vkey]
    add(services, 3)
    assert publishing.waiting(services) == 3
    assert publishing.publish_passing(services).size == len(held) + 3
    assert not (services.places.ledger / f"checkpoints/{len(held) + 3}").exists()


def test_every_event_is_proved_and_its_leaf_goes_along(services: Any) -> None:
    add(services, 300)
    publishing.publish(services)
    key = services.signing.public_keys()[0]
    with services.database.read() as connection:
        entries = list(ledger.entries(connection))
    for entry in (entries[0], entries[-1], entries[255], entries[256]):
        proof = publishing.prove(services, entry.id)
        assert parse_proof(proof.data) == proof and proof.index == entry.seq and proof.extra == entry.leaf
        assert verify_proof(proof, entry.leaf, key).checkpoint.size == len(entries)


def test_a_proof_out_of_a_damaged_tile_is_not_given(services: Any) -> None:
    entry = add(services, 600)[0]
    publishing.publish(services)
    tile = services.places.ledger / "tile/0/000"
    tile.chmod(0o600)
    data = bytearray(tile.read_bytes())
    data[-1] ^= 1
    tile.write_bytes(data)
    with pytest.raises(LedgerError):
        publishing.prove(services, entry.id)
    tile.unlink()
    with pytest.raises(LedgerError, match="tile/0/000"):
        publishing.prove(services, entry.id)


def test_a_signer_on_another_machine_begins_no_second_ledger(services: Any, tmp_path: Path) -> None:
    publishing.publish(services)
    services.signing.close()
    services.__dict__["signing"] = SignerProcess(tmp_path / "other", SignerOptions())
    (tmp_path / "other").mkdir()
    before = len(leaves(services))
    with pytest.raises(ConfigurationError, match="where its signer is"):
        publishing.publish(services)
    assert len(leaves(services)) == before


def test_two_publishers_at_once_publish_one_ledger(services: Any) -> None:
    done: list[int] = []
    add(services, 10)
    threads = [threading.Thread(target=lambda: done.append(publishing.publish(services).size)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [len(leaves(services))] * 4


def test_rotation_announces_the_new_key_under_the_old_one_and_ends(services: Any) -> None:
    old = services.signing.public_keys()[0]
    new, done = publishing.rotate_key(services)
    kept = (services.places.ledger / f"checkpoints/{done.size}").read_bytes()
    assert open_checkpoint(kept, old)  # the checkpoint over the announcement bears the old key's signature alone
    with pytest.raises(MunimentError):
        open_checkpoint(kept, new)
    both = (services.places.ledger / "checkpoint").read_bytes()
    assert open_checkpoint(both, old) and open_checkpoint(both, new)
    with pytest.raises(ConfigurationError, match="under way"):
        publishing.rotate_key(services)
    left, last = publishing.retire_key(services)
    assert left == new and open_checkpoint(last.checkpoint, new) and last.checkpoint.count("— ".encode()) == 1
    with services.database.read() as connection:
        assert [vkey for _, vkey in publishing.announced_keys(connection)] == [new.vkey]
    with pytest.raises(ConfigurationError, match="no rotation"):
        publishing.retire_key(services)


@pytest.mark.parametrize("broken", ["announced", "published", "retired"])
def test_an_interrupted_rotation_is_finished(services: Any, broken: str) -> None:
    publishing.publish(services)
    old = services.signing.public_keys()[0]
    new = services.signing.prepare()
    if broken != "announced":
        with services.database.write() as connection:
            publishing._append_key(services, connection, new)
        publishing.publish(services)
        with pytest.raises(ConfigurationError, match="no rotation"):  # it has not come so far
            publishing.retire_key(services)
    if broken == "retired":
        services.signing.use_prepared()
        publishing.publish(services)
        services.signing.retire()
    else:
        assert publishing.rotate_key(services)[0] == new
    assert publishing.retire_key(services)[0] == new
    with services.database.read() as connection:
        assert [vkey for _, vkey in publishing.announced_keys(connection)] == [new.vkey] != [old.vkey]
        rows = connection.execute(select(events.c.type).where(events.c.type == "config_changed")).all()
    assert len(rows) == 3  # two announcements and one retirement, each once


def test_a_signer_that_died_is_started_again(services: Any) -> None:
    publishing.publish(services)
    first = services.signing._child.pid
    os.kill(first, signal.SIGKILL)
    services.signing._child.wait()
    add(services)
    assert publishing.publish(services).size == len(leaves(services)) and services.signing._child.pid != first


def test_a_signer_that_dies_while_it_is_asked_is_unavailable_and_what_was_published_stands(services: Any) -> None:
    publishing.publish(services)
    before = (services.places.ledger / "checkpoint").read_bytes()
    add(services, 5)

    def dying() -> Iterator[bytes]:
        yield b"{}"
        services.signing._child.kill()
        services.signing._child.wait()
        yield from [b"x" * 60_000] * 20

    with pytest.raises(UnavailableError, match="ended before"):
        services.signing.sign(10**6, dying())
    assert (services.places.ledger / "checkpoint").read_bytes() == before
    publishing.publish(services)


def test_entries_that_cannot_be_read_end_the_exchange_and_not_the_signer(services: Any) -> None:
    publishing.publish(services)

    def broken() -> Iterator[bytes]:
        yield b"{}"
        raise UnavailableError("the database did not answer")

    memory = services.signing.memory()
    with pytest.raises(UnavailableError, match="database"):
        services.signing.sign(10**6, broken())
    assert services.signing.memory() == memory
    publishing.publish(services)


def test_the_signers_process_has_no_secret_of_its_parent(services: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_DATABASE_PASSWORD", "planted")
    publishing.publish(services)
    pid = services.signing._child.pid
    assert b"planted" not in Path(f"/proc/{pid}/environ").read_bytes()
    services.signing.close()
    assert not Path(f"/proc/{pid}").exists()
