"""The witness cosigns what holds and continues what it saw; everything else it refuses, and remembers nothing of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ledger_house import House, Lives

from custody.checkpoints import cosigned_at, open_checkpoint
from custody.notes import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, Note, parse_note, parse_vkey
from custody.signer_memory import Memory, write_memory

Run = Callable[..., Any]
KINDS = (COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44)


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path / "house")
    made.publish(Lives(300))
    return made


@pytest.fixture
def witness(run: Run, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run the command on the house's ledger; no installation may be made by it."""
    monkeypatch.setenv("MUNIMENT_HOME", str(tmp_path / "nothing"))
    arguments = ["--dir", house.folder / "ledger", "--vkey", house.folder / "signer/ledger.vkey"]
    arguments += ["--state", tmp_path / "state", "--key", tmp_path / "witness.key", "--json"]
    return lambda *more: run("witness", *arguments, *more)


def key_of(tmp_path: Path) -> Any:
    return parse_vkey((tmp_path / "witness.key.vkey").read_text(), KINDS)


def test_what_holds_is_cosigned_remembered_and_put_back(
    witness: Callable[..., Any], house: House, tmp_path: Path
) -> None:
    answer = witness("--name", "officer.test/witness")
    assert answer.code == 0 and answer.document["verdict"] == "holds" and answer.document["checked"]["entries"] == 300
    note = answer.document["checkpoint"].encode()
    key = key_of(tmp_path)
    assert key.name == "officer.test/witness" and cosigned_at(parse_note(note), key)
    assert open_checkpoint(note, house.signer().public_keys()[0]).checkpoint.size == 300
    assert house.files.read(answer.document["witnessed"]) == note
    assert answer.document["witnessed"] == f"witnessed/300/{key.key_id.hex()}"
    assert (tmp_path / "state").read_bytes() == house.files.read("checkpoint")
    assert not (tmp_path / "nothing").exists()  # neither home nor database
    house.publish(Lives(700))
    again = witness().document
    assert again["verdict"] == "holds" and cosigned_at(parse_note(again["checkpoint"].encode()), key)
    outcomes = {step["name"]: step["outcome"] for step in again["steps"]}
    asked_of_others = {outcomes.pop(name) for name in ("a quorum of witnesses has cosigned", "time stamps hold")}
    assert asked_of_others == {"not applicable"} and set(outcomes.values()) == {"holds"} and len(outcomes) == 12
    house.publish(Lives(701))  # what a witness put back is in nobody's way


def test_a_post_quantum_witness_cosigns_too(witness: Callable[..., Any], tmp_path: Path) -> None:
    note = parse_note(witness("--ml-dsa").document["checkpoint"].encode())
    key = key_of(tmp_path)
    assert key.kind == COSIGNATURE_ML_DSA_44 and cosigned_at(note, key)


def refused(answer: Any, tmp_path: Path, state: bytes | None, kind: str) -> None:
    assert answer.code == 1 and answer.document["checkpoint"] is None and answer.document["witnessed"] is None
    assert kind in [problem["kind"] for problem in answer.document["problems"]]
    assert (tmp_path / "state").exists() == (state is not None)
    if state is not None:
        assert (tmp_path / "state").read_bytes() == state


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "checkpoint"])
@pytest.mark.parametrize("change", ["a byte", "a byte more", "gone"])
def test_a_changed_ledger_is_not_cosigned(
    witness: Callable[..., Any], house: House, tmp_path: Path, path: str, change: str
) -> None:
    target = house.folder / "ledger" / path
    target.chmod(0o600)
    data = target.read_bytes()
    if change == "gone":
        target.unlink()
    else:
        target.write_bytes(data + b"x" if change == "a byte more" else data[:20] + bytes([data[20] ^ 1]) + data[21:])
    answer = witness()
    assert answer.code == 1 and path in [problem["object"] for problem in answer.document["problems"]]
    assert answer.document["checkpoint"] is None and not (tmp_path / "state").exists()
    assert not (house.folder / "ledger/witnessed").exists()


def test_a_ledger_that_was_rolled_back_or_forked_is_not_cosigned(
    witness: Callable[..., Any], house: House, tmp_path: Path
) -> None:
    older = {path: data for path, data in house.published().items() if not path.startswith("checkpoints")}
    house.publish(Lives(500))
    assert witness().code == 0
    state = (tmp_path / "state").read_bytes()
    house.files.replace("checkpoint", older["checkpoint"])
    for path, data in older.items():
        if ".p/" in path:
            house.files.put(path, data)
    refused(witness(), tmp_path, state, "behind")
    # somebody who stole key and folder makes another history of the same length and beyond
    fork = House(tmp_path / "consistency")
    (fork.folder / "signer").rmdir()
    (house.folder / "signer").rename(fork.folder / "signer")
    write_memory(fork.folder / "signer/ledger.memory", Memory.empty("archive.test/ledger"))
    fork.publish(Lives(600, slower=2.0))
    (house.folder / "ledger").rename(tmp_path / "aside")
    (fork.folder / "ledger").rename(house.folder / "ledger")
    (fork.folder / "signer").rename(house.folder / "signer")
    refused(witness(), tmp_path, state, "consistency")


def test_a_saved_checkpoint_of_another_key_or_a_damaged_one_is_refused(
    witness: Callable[..., Any], tmp_path: Path
) -> None:
    for saved in (b"", b"not a note\n", Note("archive.test/ledger\n1\nx\n", ()).data):
        (tmp_path / "state").write_bytes(saved)
        refused(witness(), tmp_path, saved, "note")


def test_what_is_missing_is_could_not_check(run: Run, house: House, tmp_path: Path) -> None:
    key = house.folder / "signer/ledger.vkey"
    for folder, vkey in ((tmp_path / "none", key), (house.folder / "ledger", tmp_path / "none")):
        answer = run(
            "witness", "--dir", folder, "--vkey", vkey, "--state", tmp_path / "s", "--key", tmp_path / "k", "--json"
        )
        assert answer.code == 2 and answer.document["verdict"] == "could not check", answer.out
    answer = run("witness", "--dir", tmp_path, "--state", tmp_path / "s", "--key", tmp_path / "k", "--json")
    assert answer.code == 2 and answer.document["verdict"] == "could not check"
    assert not (tmp_path / "s").exists()


def test_an_empty_ledger_is_cosigned(run: Run, tmp_path: Path) -> None:
    house = House(tmp_path / "empty")
    house.publish(Lives(0))
    arguments = ["--dir", house.folder / "ledger", "--vkey", house.folder / "signer/ledger.vkey"]
    arguments += ["--state", tmp_path / "s", "--key", tmp_path / "k", "--json"]
    assert run("witness", *arguments).code == 0
    house.publish(Lives(2))
    assert run("witness", *arguments).code == 0


def test_the_installations_own_ledger_is_found_without_a_folder(run: Run, tmp_path: Path) -> None:
    run("ledger", "publish")
    answer = run("witness", "--state", tmp_path / "s", "--key", tmp_path / "k", "--json")
    assert answer.code == 0 and answer.document["witnessed"]


def test_entries_that_break_their_rules_are_not_cosigned(
    witness: Callable[..., Any], tmp_path: Path, house: House
) -> None:
    """The log's own key signed them, and every hash is right: only the replay of the leaves sees it."""
    turned = House(tmp_path / "turned")
    turned.publish(Lives(300, turned=40))
    (house.folder / "ledger").rename(tmp_path / "aside")
    (house.folder / "signer").rename(tmp_path / "aside signer")
    (turned.folder / "ledger").rename(house.folder / "ledger")
    (turned.folder / "signer").rename(house.folder / "signer")
    answer = witness()
    assert answer.code == 1 and answer.document["checkpoint"] is None and not (tmp_path / "state").exists()
    assert ("state", 40) in [(problem["kind"], problem["seq"]) for problem in answer.document["problems"]]
    assert not (house.folder / "ledger/witnessed").exists()
