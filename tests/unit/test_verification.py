"""Verifying a published ledger offline: what holds, what does not, and what could not be checked."""

import os
import random
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ledger_making import LOG, POLICY, WITNESS, a_key, many_lives, publish, write

from custody.checkpoints import Checkpoint
from custody.merkle import EMPTY_ROOT
from custody.notes import COSIGNATURE_ED25519, Note
from custody.policies import parse_policy
from custody.received_folder import ReceivedFolder
from custody.tiles import decode_bundle, encode_bundle
from custody.verification import Trust, verify_ledger
from records.errors import LedgerError

TRUST = Trust((LOG.key,), parse_policy(POLICY.encode()))
LEAVES = many_lives(600)
HISTORIES = {
    "one entry": [1],
    "a bundle all but one": [3, 255],
    "exactly a bundle": [255, 256],
    "a bundle and one": [1, 256, 257],
    "two bundles and one": [100, 256, 300, 513],
}


def verdict(folder: Path, trust: Trust = TRUST) -> tuple[str, list[tuple[str, str, int | None]]]:
    report = verify_ledger(ReceivedFolder(folder), trust).report
    return report.verdict, [(p.kind, p.object, p.seq) for p in report.problems]


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Ledgers of several histories, not to be changed."""
    made = {}
    for name, sizes in HISTORIES.items():
        made[name] = tmp_path_factory.mktemp("ledger")
        publish(made[name], LEAVES, sizes)
    return made


@pytest.fixture
def folder(histories: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of a ledger of 513 entries that grew in four steps."""
    return Path(shutil.copytree(histories["two bundles and one"], tmp_path / "ledger"))


@pytest.mark.parametrize("name", HISTORIES)
def test_what_was_published_holds(histories: dict[str, Path], name: str) -> None:
    verified = verify_ledger(ReceivedFolder(histories[name]), TRUST)
    assert verified.report.problems == [] and verified.report.verdict == "holds"
    files = [path for path in histories[name].rglob("*") if path.is_file()]
    assert verified.report.checked == {"entries": HISTORIES[name][-1], "originals": 0, "files": len(files)}
    assert [step["step"] for step in verified.report.steps] == list(range(1, 13))
    assert verified.tree is not None and verified.tree.checkpoint.size == HISTORIES[name][-1]


def test_an_empty_tree_that_is_signed_holds(tmp_path: Path) -> None:
    body = Checkpoint(LOG.name, 0, EMPTY_ROOT).body
    write(tmp_path / "checkpoint", Note(body, (LOG.sign(body),)).data)
    assert verdict(tmp_path, Trust((LOG.key,))) == ("holds", [])


# Every byte: in notes all of them, in tiles and bundles as many as there is time for.


@pytest.mark.parametrize("name", HISTORIES)
def test_every_changed_byte_is_found_and_its_file_named(histories: dict[str, Path], tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(histories[name], tmp_path / "ledger"))
    chosen = random.Random(5)
    unseen = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        good = path.read_bytes()
        note = path.name == "checkpoint" or path.parts[-2] == "checkpoints" or "witnessed" in path.parts
        most = len(good) if note and name == "a bundle and one" else 6
        places = range(len(good)) if len(good) <= most else sorted(chosen.sample(range(len(good)), most))
        for place in places:
            value = good[place] ^ (1 << chosen.randrange(8))
            changed = good[:place] + bytes([value]) + good[place + 1 :]
            unseen += [(path.name, place)] * _is_unseen(folder, path, changed)
        for changed in (good[:-1], good[1:], good + b"\0", good + good[-1:], b"\n" + good, b""):
            unseen += [(path.name, len(changed))] * _is_unseen(folder, path, changed)
        path.write_bytes(good)
    assert unseen == []
    assert verdict(folder) == ("holds", [])


def _is_unseen(folder: Path, path: Path, changed: bytes) -> bool:
    path.write_bytes(changed)
    found, problems = verdict(folder)
    return found == "holds" or path.relative_to(folder).as_posix() not in [name for _, name, _ in problems]


def test_every_removed_file_of_the_tree_is_found_and_named(folder: Path) -> None:
    for path in [folder / "checkpoint", *(folder / f"tile/{name}" for name in (
        "0/000", "0/001", "0/002.p/1", "1/000.p/2", "entries/000", "entries/001", "entries/002.p/1"))]:  # fmt: skip
        good = path.read_bytes()
        path.unlink()
        found, problems = verdict(folder)
        assert found == "does not hold" and path.relative_to(folder).as_posix() in [name for _, name, _ in problems]
        path.write_bytes(good)


def rewritten(folder: Path, seq: int, change: Callable[[bytes], bytes]) -> None:
    """Change an entry in every file that holds it."""
    for path in folder.glob("tile/entries/**/*"):
        if path.is_file():
            index = int(path.parent.name.removesuffix(".p") if path.parent.name.endswith(".p") else path.name)
            count = int(path.name) if path.parent.name.endswith(".p") else 256
            entries = decode_bundle(path.read_bytes(), count)
            if 0 <= seq - index * 256 < count:
                entries[seq - index * 256] = change(entries[seq - index * 256])
                path.write_bytes(encode_bundle(entries))


def test_an_altered_entry_is_named_by_its_number(folder: Path) -> None:
    rewritten(folder, 300, lambda leaf: leaf.replace(b'"audit"', b'"other"').replace(b"psn_1", b"psn_2"))
    found, problems = verdict(folder)
    assert found == "does not hold"
    assert ("entry", "tile/entries/001", 300) in problems and "root" in [kind for kind, _, _ in problems]
    assert {seq for kind, _, seq in problems if kind in ("entry", "partial")} == {300}


def test_an_altered_tile_is_named_and_no_entry_is_blamed(folder: Path) -> None:
    path = folder / "tile/0/001"
    data = bytearray(path.read_bytes())
    data[32 * 5] ^= 1
    path.write_bytes(data)
    found, problems = verdict(folder)
    assert found == "does not hold" and ("tile", "tile/0/001", 261) in problems
    assert {kind for kind, _, _ in problems} == {"tile", "partial"}


def test_a_ledger_written_anew_by_who_has_no_key_does_not_hold(folder: Path) -> None:
    shutil.rmtree(folder)
    publish(folder, LEAVES, [513], by=a_key(LOG.name, 9))
    assert verdict(folder)[1][0][:2] == ("note", "checkpoint")


def test_a_fork_signed_with_the_stolen_key_shows_in_the_checkpoint_that_was_saved(folder: Path) -> None:
    saved = (folder / "checkpoints/300").read_bytes()
    shutil.rmtree(folder)
    publish(folder, [*LEAVES[:299], *many_lives(900)[350:600]], [513])
    trust = Trust((LOG.key,), saved={"mine": saved})
    assert ("consistency", "mine", None) in verdict(folder, trust)[1]


def test_a_ledger_that_was_turned_back_shows_in_the_checkpoint_that_was_saved(folder: Path) -> None:
    saved = (folder / "checkpoint").read_bytes()
    shutil.rmtree(folder)
    publish(folder, LEAVES, [256])
    assert verdict(folder, Trust((LOG.key,), saved={"mine": saved})) == ("does not hold", [("behind", "mine", None)])
    assert verdict(folder, Trust((LOG.key,))) == ("holds", [])


def test_a_checkpoint_that_was_turned_back_shows_in_the_kept_ones(folder: Path) -> None:
    shutil.copy(folder / "checkpoints/256", folder / "checkpoint")
    found, problems = verdict(folder)
    assert found == "does not hold" and ("behind", "checkpoints/513", None) in problems
    assert ("untracked", "tile/entries/001", None) in problems


def test_a_kept_checkpoint_under_another_size_is_named(folder: Path) -> None:
    shutil.copy(folder / "checkpoints/256", folder / "checkpoints/255")
    assert ("size", "checkpoints/255", None) in verdict(folder)[1]


def test_a_saved_checkpoint_of_another_log_is_refused(folder: Path, tmp_path: Path) -> None:
    other = a_key("other.example", 7)
    publish(tmp_path / "other", LEAVES, [3], by=other)
    saved = (tmp_path / "other/checkpoint").read_bytes()
    assert verdict(folder, Trust((LOG.key,), saved={"mine": saved})) == ("could not check", [("signer", "mine", None)])
    assert verdict(folder, Trust((LOG.key,), saved={"mine": b"no note"}))[1] == [("note", "mine", None)]


# Witnesses


def only_witnessed(folder: Path, *sizes: int) -> None:
    for path in (folder / "witnessed").iterdir():
        if int(path.name) not in sizes:
            shutil.rmtree(path)


def test_without_the_quorum_nothing_is_believed(folder: Path) -> None:
    only_witnessed(folder)
    assert verdict(folder) == ("could not check", [])
    assert verdict(folder, Trust((LOG.key,), parse_policy(f"log {LOG.key.vkey}\nquorum none\n".encode())))[0] == "holds"


def test_entries_wait_for_the_quorum_as_long_as_the_caller_allows(folder: Path) -> None:
    only_witnessed(folder, 300)
    assert verdict(folder)[0] == "could not check"
    span = timedelta(seconds=(513 - 300) * 0.01)
    assert verdict(folder, Trust(TRUST.keys, TRUST.policy, slack=span * 2))[0] == "holds"
    assert verdict(folder, Trust(TRUST.keys, TRUST.policy, slack=span / 2))[0] == "could not check"


def test_another_witness_is_no_quorum(folder: Path) -> None:
    other = a_key("witness.example", 5, COSIGNATURE_ED25519)
    policy = parse_policy(POLICY.replace(WITNESS.key.vkey, other.key.vkey).encode())
    assert verdict(folder, Trust((LOG.key,), policy)) == ("could not check", [])


def test_a_policy_for_another_log_is_none(folder: Path) -> None:
    other = a_key("other.example", 5)
    assert verdict(folder, Trust((), parse_policy(f"log {other.key.vkey}\nquorum none\n".encode())))[0] != "holds"


# What lies in the folder


def test_nothing_found_is_not_checked(tmp_path: Path) -> None:
    found = verify_ledger(ReceivedFolder(tmp_path), TRUST).report
    assert (found.verdict, found.exit_code, found.problems) == ("could not check", 2, [])
    (tmp_path / "file").write_bytes(b"")
    assert verdict(tmp_path) == ("does not hold", [("untracked", "file", None)])
    with pytest.raises(LedgerError):
        ReceivedFolder(tmp_path / "none")
    with pytest.raises(LedgerError):
        ReceivedFolder(tmp_path / "file")


def link_out(folder: Path) -> str:
    (folder / "tile/0/007").symlink_to("/etc/hostname")
    return "tile/0/007"


def link_instead(folder: Path) -> str:
    (folder / "tile/entries/000").rename(folder.parent / "elsewhere")
    (folder / "tile/entries/000").symlink_to(folder.parent / "elsewhere")
    return "tile/entries/000"


def folder_link(folder: Path) -> str:
    (folder / "more").symlink_to(folder)
    return "more"


def fifo(folder: Path) -> str:
    (folder / "checkpoint").unlink()
    os.mkfifo(folder / "checkpoint")
    return "checkpoint"


def huge(folder: Path) -> str:
    with (folder / "tile/0/001").open("r+b") as file:
        file.truncate(1 << 40)
    return "tile/0/001"


def huge_note(folder: Path) -> str:
    with (folder / "checkpoint").open("r+b") as file:
        file.truncate(1 << 33)
    return "checkpoint"


def not_utf8(folder: Path) -> str:
    (Path(os.fsdecode(os.fsencode(folder) + b"/tile/0/\xff"))).write_bytes(b"")
    return "tile/0/\\\\xff"


def folder_instead(folder: Path) -> str:
    (folder / "checkpoint").unlink()
    (folder / "checkpoint").mkdir()
    return "checkpoint"


def other_spelling(folder: Path) -> str:
    shutil.copytree(folder / "tile/0", folder / "tile/00")
    return "tile/00/000"


def partial_of_256(folder: Path) -> str:
    write(folder / "tile/0/000.p/256", (folder / "tile/0/000").read_bytes())
    return "tile/0/000.p/256"


def kept_with_zero(folder: Path) -> str:
    shutil.copy(folder / "checkpoints/256", folder / "checkpoints/0256")
    return "checkpoints/0256"


def deep(folder: Path) -> str:
    (folder / "/".join("d" * 13)).mkdir(parents=True)
    return "/".join("d" * 13)


def upper_tile(folder: Path) -> str:
    write(folder / "tile/2/000.p/1", b"x" * 32)
    return "tile/2/000.p/1"


@pytest.mark.parametrize(
    "spoil",
    [link_out, link_instead, folder_link, fifo, huge, huge_note, not_utf8, folder_instead, other_spelling,
     partial_of_256, kept_with_zero, deep, upper_tile],
)  # fmt: skip
def test_what_is_no_file_of_the_ledger_is_named_and_does_no_harm(folder: Path, spoil: Callable[[Path], str]) -> None:
    name = spoil(folder)
    found, problems = verdict(folder)
    assert found != "holds" and name in [one for _, one, _ in problems]


def test_files_that_go_beyond_the_checkpoint_are_untracked(folder: Path, histories: dict[str, Path]) -> None:
    for name in ("checkpoints/513", "witnessed/513"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copy(folder / "checkpoints/300", folder / "checkpoint")
    found, problems = verdict(folder)
    assert found == "could not check" and {kind for kind, _, _ in problems} == {"untracked"}
    assert {name for _, name, _ in problems} == {
        "tile/0/001", "tile/0/002.p/1", "tile/1/000.p/2", "tile/entries/001", "tile/entries/002.p/1",
    }  # fmt: skip


def test_a_folder_that_may_not_be_read_is_not_checked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refuse(path: Any, *args: Any, **more: Any) -> int:
        if str(path).endswith("tile/entries/001"):
            raise PermissionError(13, "no", str(path))
        return opened(path, *args, **more)

    monkeypatch.setattr("custody.received_folder.os.open", refuse)
    report = verify_ledger(ReceivedFolder(folder), TRUST).report
    assert report.verdict == "could not check" and report.problems == []
    assert {step["outcome"] for step in report.steps if step["step"] in (3, 4, 5, 6)} == {"could not check"}
