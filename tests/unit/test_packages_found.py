"""Evidence packages: what is found in one that was changed."""

import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from package_house import ORIGIN, Publisher, flip, given, link, make, outcomes

from custody.notes import FileSigner
from custody.packages.bags import BagWriter, encode_manifest
from custody.packages.verification import verify_package


def test_every_changed_byte_of_every_file_is_found_and_the_file_named(package: Path, publisher: Publisher) -> None:
    """Every byte of the small files, and bytes all over the large ones."""
    tried = 0
    for path in sorted(p for p in package.rglob("*") if p.is_file()):
        name, data = path.relative_to(package).as_posix(), path.read_bytes()
        few = 6 if re.search(r"proof|originals|records", name) else 25
        for place in {*range(0, len(data), max(1, len(data) // few)), len(data) - 1}:
            changed = bytearray(data)
            changed[place] ^= 1 << place % 8
            path.write_bytes(bytes(changed))
            report = verify_package(package, given(publisher))
            assert report.verdict == "does not hold", (name, place)
            if name != "tagmanifest-sha256.txt":
                assert name in {problem.object for problem in report.problems}, (name, place)
            tried += 1
        path.write_bytes(data)
    assert tried > 300
    assert verify_package(package, given(publisher)).verdict == "holds"


def relist(package: Path) -> None:
    """Make the manifests fit what lies there, as somebody who changes a package would."""
    bag = BagWriter(package)
    for name in ("tagmanifest-sha256.txt", "manifest-sha256.txt"):
        (package / name).unlink()
    import hashlib

    for path in sorted(p for p in package.rglob("*") if p.is_file()):
        bag.note(path.relative_to(package).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest(), 0)
    payload = {n: d for n, d in bag.digests.items() if n.startswith("data/")}
    (package / "manifest-sha256.txt").write_bytes(encode_manifest(payload))
    bag.note("manifest-sha256.txt", hashlib.sha256((package / "manifest-sha256.txt").read_bytes()).hexdigest(), 0)
    tags = {n: d for n, d in bag.digests.items() if n not in payload}
    (package / "tagmanifest-sha256.txt").write_bytes(encode_manifest(tags))


def drop_line(path: Path, number: int) -> None:
    lines = path.read_bytes().splitlines(True)
    del lines[number]
    path.write_bytes(b"".join(lines))


def drop_events(package: Path, kind: str) -> None:
    """Leave out the last event of a kind, with its proof, so that everything still fits but the chain."""
    lines = (package / "evidence/events.jsonl").read_bytes().splitlines(True)
    at = max(i for i, line in enumerate(lines) if json.loads(line)["type"] == kind)
    proofs = [(package / f"evidence/{i:03d}.tlog-proof").read_bytes() for i in range(len(lines))]
    del lines[at], proofs[at]
    (package / "evidence/events.jsonl").write_bytes(b"".join(lines))
    for i, proof in enumerate(proofs):
        (package / f"evidence/{i:03d}.tlog-proof").write_bytes(proof)
    (package / f"evidence/{len(lines):03d}.tlog-proof").unlink()


def append(path: Path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


FORGERIES: dict[str, tuple[Callable[[Path], Any], int]] = {
    "an original changed": (lambda p: flip(next((p / "data/originals").glob("*.tif")), 9), 5),
    "an original exchanged for another": (
        lambda p: shutil.copy(*sorted((p / "data/originals").iterdir())), 5),
    "an original and its salt left out": (
        lambda p: (drop_line(p / "data/commitments.txt", 0), next((p / "data/originals").glob("*.pdf")).unlink()), 5),
    "another file slipped in": (lambda p: (p / "data/originals/more.tif").write_bytes(b"x"), 5),
    "an event changed": (lambda p: replace_in(p / "evidence/events.jsonl", '"reason":"audit"', '"reason":"legal"'), 3),
    "an event left out": (lambda p: drop_events(p, "read"), 4),
    "the export left out": (lambda p: drop_events(p, "exported"), 4),
    "a proof of another event": (
        lambda p: shutil.copy(p / "evidence/001.tlog-proof", p / "evidence/002.tlog-proof"), 3),
    "a proof too many": (lambda p: shutil.copy(p / "evidence/001.tlog-proof", p / "evidence/900.tlog-proof"), 3),
    "a token of something else": (
        lambda p: shutil.copy(p / "evidence/checkpoint.1.tsr", p / "evidence/checkpoint.tsr"), 6),
    "the first token left out": (lambda p: (p / "evidence/checkpoint.tsr").unlink(), 6),
    "another time in PREMIS": (
        lambda p: replace_in(p / "metadata/premis.xml", "<eventDateTime>2", "<eventDateTime>1"), 7),
    "another digest in PREMIS": (
        lambda p: (p / "metadata/premis.xml").write_text(re.sub(
            "<messageDigest>.", "<messageDigest>g", (p / "metadata/premis.xml").read_text(), count=1)), 7),
    "an event twice in PREMIS": (
        lambda p: (p / "metadata/premis.xml").write_text(re.sub(
            "(<event>.*?</event>)", r"\1\1", (p / "metadata/premis.xml").read_text(), count=1)), 7),
    "a person named in PREMIS": (
        lambda p: replace_in(p / "metadata/premis.xml", "</premis>", "<agent><agentIdentifier><agentIdentifierValue>Eve"
                             "</agentIdentifierValue></agentIdentifier></agent></premis>"), 7),
    "entities in PREMIS": (
        lambda p: replace_in(p / "metadata/premis.xml", "<premis ", '<!DOCTYPE premis [<!ENTITY a "b">]><premis '), 7),
    "the key exchanged": (lambda p: (p / "log.vkey").write_text(p.parent.joinpath("other.vkey").read_text()), 2),
    "a policy that believes everybody": (lambda p: append(p / "policy", b"quorum none\n"), 2),
    "a policy of another log": (
        lambda p: (p / "policy").write_text(f"log {p.parent.joinpath('other.vkey').read_text()}\nquorum none\n"), 2),
    "no events at all": (
        lambda p: [(p / "evidence/events.jsonl").write_bytes(b""), *(f.unlink() for f in p.rglob("*.tlog-proof"))], 3),
}  # fmt: skip


@pytest.mark.parametrize(("change", "step"), FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forgery_that_mends_the_manifests_is_found_at_its_step(
    change: Callable[[Path], Any], step: int, package: Path, publisher: Publisher, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other.vkey").write_text(FileSigner(tmp_path / "other" / "k", ORIGIN).key.vkey)
    change(package)
    relist(package)
    report = verify_package(package, given(publisher))
    assert report.steps[0]["outcome"] == "holds"
    assert report.steps[step - 1]["outcome"] in ("does not hold", "could not check"), report.answer()
    assert report.exit_code != 0


BAG_FAULTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a file besides": (lambda p: (p / "data/more").write_bytes(b""), "data/more"),
    "a hidden file": (lambda p: (p / ".note").write_bytes(b""), ".note"),
    "a file missing": (lambda p: (p / "README.txt").unlink(), "README.txt"),
    "an empty folder": (lambda p: (p / "data/nothing").mkdir(), "data/nothing/"),
    "a link to a file": (lambda p: link(p / "README.txt"), "README.txt"),
    "a link to a folder": (lambda p: (p / "data/there").symlink_to("/etc"), "data/there"),
    "no tag manifest": (lambda p: (p / "tagmanifest-sha256.txt").unlink(), "tagmanifest-sha256.txt"),
    "no manifest": (lambda p: (p / "manifest-sha256.txt").unlink(), "manifest-sha256.txt"),
    "a way out of the bag": (
        lambda p: append(p / "manifest-sha256.txt", b"0" * 64 + b"  data/../../x\n"), "manifest-sha256.txt"),
    "a manifest line in another form": (
        lambda p: replace_in(p / "tagmanifest-sha256.txt", "  README.txt", " *README.txt"), "tagmanifest-sha256.txt"),
    "a manifest without its last line end": (
        lambda p: (p / "manifest-sha256.txt").write_bytes((p / "manifest-sha256.txt").read_bytes()[:-1]),
        "manifest-sha256.txt"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "named"), BAG_FAULTS.values(), ids=BAG_FAULTS.keys())
def test_a_bag_that_is_not_as_listed_is_found(
    change: Callable[[Path], Any], named: str, package: Path, publisher: Publisher
) -> None:
    change(package)
    report = verify_package(package, given(publisher))
    assert report.steps[0]["outcome"] == "does not hold"
    assert named in {problem.object for problem in report.problems}


def test_what_is_no_package_could_not_be_checked(tmp_path: Path, publisher: Publisher) -> None:
    report = verify_package(tmp_path / "nowhere", given(publisher))
    assert report.verdict == "could not check" and report.exit_code == 2
    (tmp_path / "empty").mkdir()
    assert verify_package(tmp_path / "empty", given(publisher)).exit_code == 1


def test_without_what_one_got_by_another_way_nothing_is_settled(package: Path, publisher: Publisher) -> None:
    without_key = verify_package(package, given(publisher, vkey=None))
    assert outcomes(without_key)[1] == "could not check" and without_key.exit_code == 2
    without_roots = verify_package(package, given(publisher, roots=None))
    assert outcomes(without_roots)[5] == "could not check" and without_roots.exit_code == 2
    assert verify_package(package, given(publisher, vkey="nonsense")).exit_code == 2


def test_a_policy_of_ones_own_is_asked_too(package: Path, publisher: Publisher, tmp_path: Path) -> None:
    vkey = publisher.signer.key.vkey
    assert verify_package(package, given(publisher, policy=f"log {vkey}\nquorum none\n".encode())).exit_code == 0
    from custody.signing_keys import make_signing_key

    witness = make_signing_key("witness.example", 4, b"w" * 32)
    asked = f"log {vkey}\nwitness w {witness.key.vkey}\nquorum w\n".encode()
    assert verify_package(package, given(publisher, policy=asked)).exit_code == 1


def test_a_time_stamp_that_has_ended_could_not_be_checked(package: Path, publisher: Publisher) -> None:
    report = verify_package(package, given(publisher, now=datetime(2040, 1, 1, tzinfo=UTC)))
    assert outcomes(report)[5] == "could not check" and "ended on" in (report.steps[5]["detail"] or "")


def test_without_an_authority_none_is_said_and_the_rest_holds(opened: Any, tmp_path: Path) -> None:
    publisher = Publisher(opened, tmp_path)
    package = make(opened, publisher, tmp_path / "package")
    report = verify_package(package, given(publisher))
    assert report.exit_code == 0
    assert (report.steps[5]["outcome"], report.steps[5]["detail"]) == ("not applicable", "none")
