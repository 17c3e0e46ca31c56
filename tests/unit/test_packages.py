"""Evidence packages: made of real records, judged by others' tools, and refused when one byte is another."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as XML

import pyrage
import pytest
from desk_house import House
from pyrage import x25519
from time_authority import TimeAuthority

from custody import ledger
from custody.algorithms import shipped_algorithms
from custody.checkpoints import Checkpoint
from custody.findings import Report
from custody.merkle import inclusion_proof, subtrees_of, tree_root
from custody.notes import FileSigner
from custody.packages.bags import BagWriter, encode_manifest
from custody.packages.making import Evidence
from custody.packages.premis import NAMESPACE
from custody.packages.verification import Given, verify_package
from custody.timestamps import Trust, read_roots, renewed_data, request_token
from records.errors import AccessDeniedError, InvalidValueError, StoreUnavailableError
from records.tables import clients, records
from tasks.answers import record_answer, timeline
from tasks.desk import lending, receiving, requests, shelving
from tasks.exporting import STAGING, Order, export

ORIGIN = "example.org/ledger"
NOW = datetime(2026, 11, 25, tzinfo=UTC)


class Publisher:
    """Publishes a home's ledger in memory: what the real publisher does with tiles and a state of its own."""

    def __init__(self, services: Any, folder: Path, authority: TimeAuthority | None = None, renewals: int = 0) -> None:
        self.services, self.authority, self.renewals = services, authority, renewals
        self.signer = FileSigner(folder / "log.key", ORIGIN)

    def __call__(self, size: int) -> Evidence:
        with self.services.database.read() as connection:
            leaves = [bytes.fromhex(e.leaf_hash) for e in ledger.entries(connection)]
        assert len(leaves) >= size
        parts = subtrees_of(leaves)
        root = tree_root(len(leaves), parts)
        checkpoint = self.signer.sign(Checkpoint(ORIGIN, len(leaves), root).body).encode()
        tokens: list[bytes] = []
        roots = None
        if self.authority is not None:
            roots = self.authority.roots.read_bytes()
            for _ in range(1 + self.renewals):
                data = renewed_data(checkpoint, tokens)
                tokens.append(request_token(self.authority, data, Trust(read_roots(roots)))[0])
        return Evidence(
            checkpoint, len(leaves), lambda seq: tuple(inclusion_proof(seq, len(leaves), parts)),
            self.signer.key.vkey, f"log {self.signer.key.vkey}\nquorum none\n".encode(), tuple(tokens), roots,
        )  # fmt: skip


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TimeAuthority:
    return TimeAuthority(tmp_path_factory.mktemp("authority") / "tsa", key="P-256")


@pytest.fixture
def opened(held: Path) -> Iterator[Any]:
    from infra.services import open_services

    services = open_services()
    yield services
    services.close()


def all_records(services: Any) -> tuple[str, ...]:
    with services.database.read() as connection:
        return tuple(connection.execute(records.select().with_only_columns(records.c.id)).scalars())


@pytest.fixture
def publisher(opened: Any, tmp_path: Path, authority: TimeAuthority) -> Publisher:
    return Publisher(opened, tmp_path, authority, renewals=1)


def make(services: Any, publisher: Publisher, target: Path, **changes: Any) -> Path:
    export(services, replace(Order(all_records(services), target, "audit"), **changes), publisher)
    return target


def given(publisher: Publisher, **changes: Any) -> Given:
    roots = None if publisher.authority is None else publisher.authority.roots.read_bytes()
    return replace(Given(NOW, shipped_algorithms(), publisher.signer.key.vkey, roots=roots), **changes)


def outcomes(report: Report) -> list[str]:
    return [step["outcome"] for step in report.steps]


@pytest.fixture
def package(opened: Any, publisher: Publisher, tmp_path: Path) -> Path:
    return make(opened, publisher, tmp_path / "package")


# --- what is in it


def test_a_package_holds_what_its_records_have_and_verifies(package: Path, publisher: Publisher, opened: Any) -> None:
    report = verify_package(package, given(publisher))
    assert report.verdict == "holds", report.answer()
    assert set(outcomes(report)) == {"holds"} and len(report.steps) == 7
    files = {p.relative_to(package).as_posix() for p in package.rglob("*") if p.is_file()}
    kinds = {re.sub(r"(rec|ori)_[0-9a-f]{32}", r"\1", f) for f in files}
    assert {"data/originals/ori.pdf", "data/originals/ori.tif", "data/records/rec/readable.pdf",
            "data/records/rec/words.alto.xml", "data/commitments.txt", "metadata/premis.xml", "evidence/events.jsonl",
            "evidence/000.tlog-proof", "evidence/checkpoint", "evidence/checkpoint.tsr", "evidence/checkpoint.1.tsr",
            "evidence/tsa-roots.pem", "log.vkey", "policy", "README.txt", "check.py", "open.sh", "bagit.txt",
            "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"} <= kinds  # fmt: skip
    assert report.checked == {"entries": len([f for f in files if f.endswith("proof")]), "originals": 2,
                              "files": len(files) - 1}  # fmt: skip


def test_originals_are_byte_for_byte_what_was_scanned(package: Path, corpus: Path) -> None:
    found = {p.read_bytes() for p in (package / "data/originals").iterdir()}
    assert found == {(corpus / "digital.pdf").read_bytes(), (corpus / "letter.tif").read_bytes()}


def test_events_are_the_whole_timeline_and_exported_comes_before_anything_was_opened(
    package: Path, opened: Any
) -> None:
    leaves = (package / "evidence/events.jsonl").read_bytes().splitlines()
    with opened.database.read() as connection:
        all_leaves = [e.leaf for e in ledger.entries(connection)]
    assert all(leaf in all_leaves for leaf in leaves)
    types = [json.loads(leaf)["type"] for leaf in leaves]
    assert types.count("exported") == 4  # two records, two originals
    assert {"received", "sealed", "stored", "accessioned", "registered", "read"} <= set(types)
    assert types[-4:] == ["exported"] * 4


def test_the_events_of_the_paper_travel_with_its_record(opened: Any, publisher: Publisher, tmp_path: Path) -> None:
    house = House(opened)
    house.place("A")
    house.person("Ana", "borrower")
    record = all_records(opened)[0]
    taken = receiving.receive(opened, house.asked(), receiving.Receiving("default", record=record))
    code = str(taken.more["barcode"])
    assert taken.basket == "done" and shelving.locate(opened, house.asked(), code, "A").basket == "done"
    assert lending.lend(opened, house.asked(), lending.Lending((code,), "Ana", "audit")).basket == "done"
    house.person("Luis", "borrower")
    assert requests.add(opened, house.asked(), requests.Asking(code, "Luis", "legal")).basket == "done"
    with opened.database.read() as connection:
        joined = [(e["type"], e["subject"][:4]) for e in timeline(connection, record)]
        assert record_answer(connection, record)["file"] == taken.document()["file"]
    wanted = [("received", "fil_"), ("lent", "fil_"), ("requested", "req_")]
    assert [one for one in joined if one[1] in ("fil_", "req_") and one in wanted] == wanted
    assert {"bat_", "scn_", "ori_", "rec_"} <= {start for _, start in joined}
    package = make(opened, publisher, tmp_path / "package", records=(record,))
    events = [json.loads(line) for line in (package / "evidence/events.jsonl").read_bytes().splitlines()]
    assert "lent" in [event["type"] for event in events if event["subject"].startswith("fil_")]
    report = verify_package(package, given(publisher))
    assert report.verdict == "holds", report.answer()
    assert "Ana" not in "".join(p.read_text("latin-1") for p in (package / "evidence").iterdir())


def test_nothing_that_opens_other_documents_and_no_name_travels(package: Path, opened: Any, held: Path) -> None:
    everything = b"".join(p.read_bytes() for p in package.rglob("*") if p.is_file())
    assert b"AGE-SECRET-KEY" not in everything and b"age-encryption.org" not in everything
    assert b"digital.pdf" not in everything and b"letter.tif" not in everything
    with opened.database.read() as connection:
        from records.tables import persons

        names = [row.name for row in connection.execute(persons.select())]
    evidence = b"".join(p.read_bytes() for p in (package / "evidence").iterdir())
    premis = (package / "metadata/premis.xml").read_bytes()
    assert names and not any(f'"{name}"'.encode() in evidence or f">{name}<".encode() in premis for name in names)


def test_premis_describes_files_events_and_pseudonymous_agents(package: Path) -> None:
    root = XML.parse(package / "metadata/premis.xml").getroot()
    q = "{" + NAMESPACE + "}"
    assert root.tag == q + "premis" and root.get("version") == "3.0"
    order = [child.tag.removeprefix(q) for child in root]
    assert order == sorted(order, key=["object", "event", "agent"].index)
    for event in root.iter(q + "event"):
        assert [child.tag.removeprefix(q) for child in event] == [
            "eventIdentifier", "eventType", "eventDateTime", "eventDetailInformation", "linkingAgentIdentifier",
            "linkingObjectIdentifier",
        ]  # fmt: skip
    characteristics = next(root.iter(q + "objectCharacteristics"))
    assert [c.tag.removeprefix(q) for c in characteristics] == ["compositionLevel", "fixity", "size", "format"]
    assert all((a.findtext(f"{q}agentIdentifier/{q}agentIdentifierValue") or "").split("_")[0] in
               ("psn", "system", "muniment", "installation") for a in root.iter(q + "agent"))  # fmt: skip


# --- others' tools


COMMAND = re.compile(r"(?m)^ {7}((?:bagit\.py|python3|openssl|cat|sh|muniment) .*)$")


def run_in(folder: Path, *command: str | Path, expect: int = 0) -> str:
    done = subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_command_of_the_readme_works(
    package: Path, publisher: Publisher, authority: TimeAuthority, tmp_path: Path
) -> None:
    shutil.copy(authority.roots, package.parent / "roots.pem")
    (package.parent / "trusted.vkey").write_text(publisher.signer.key.vkey + "\n")
    readme = (package / "README.txt").read_text("utf-8")
    english, spanish = readme.split("ESPAÑOL\n")
    commands = COMMAND.findall(english)
    assert commands == COMMAND.findall(spanish) and len(commands) == 9
    said = {}
    for command in commands:
        if "../opened" in command or command.startswith("muniment"):
            continue  # the encrypted package and the command line have tests of their own
        ours = command.replace("bagit.py", f"{sys.executable} -m bagit").replace("python3", sys.executable)
        said[command] = run_in(package, "sh", "-c", ours)
    assert len(said) == 6
    assert [text.strip().endswith("HOLDS") for command, text in said.items() if "check.py" in command] == [True]
    assert sum("Verification: OK" in text for text in said.values()) == 2
    assert any("Policy OID: 1.3.6.1.4.1.99999.1.1" in text for text in said.values())
    assert verify_package(package, given(publisher)).verdict == "holds"  # the commands left nothing behind


PAGE = Path(__file__).resolve().parents[2] / "docs/verify-without-muniment.md"


def page_commands(sealed: bool) -> list[str]:
    clear, _, encrypted = PAGE.read_text("utf-8").partition("## 4. An encrypted package")
    blocks: list[str] = re.findall(r"```sh\n(.*?)```", encrypted if sealed else clear, re.S)
    return [b.replace("bagit.py", f"{sys.executable} -m bagit").replace("python3", sys.executable) for b in blocks]


def test_every_command_of_the_auditors_page_works(
    package: Path, publisher: Publisher, authority: TimeAuthority
) -> None:
    beside = package.parent
    shutil.copy(authority.roots, beside / "roots.pem")
    (beside / "trusted.vkey").write_text(publisher.signer.key.vkey + "\n")
    said = [run_in(beside, "bash", "-euo", "pipefail", "-c", block) for block in page_commands(sealed=False)]
    assert len(said) == 9 and said[3].endswith("HOLDS\n")
    assert said[4].split()[0] in PAGE.read_text("utf-8")  # the digest of check.py that the page names
    assert said[5].split()[0] == ledger.leaf_hash((package / "evidence/events.jsonl").read_bytes().splitlines()[0])
    sums = [line.rpartition("=")[2].strip() if "=" in line else line[-65:-1] for line in said[6].splitlines()]
    assert len(sums) == 2 and sums[0] == sums[1]
    assert "Verification: OK" in said[7] and "Time stamp:" in said[7] and "Verification: OK" in said[8]
    assert verify_package(package, given(publisher)).verdict == "holds"


CHECK_FINDS: dict[str, Callable[[Path], None]] = {
    "an original": lambda p: flip(next((p / "data/originals").glob("*.tif")), 100),
    "an event": lambda p: flip(p / "evidence/events.jsonl", 300),
    "a proof": lambda p: flip(p / "evidence/003.tlog-proof", 60),
    "the signature": lambda p: flip(p / "evidence/checkpoint", -20),
    "an event left out": lambda p: (p / "evidence/events.jsonl").write_bytes(
        b"".join((p / "evidence/events.jsonl").read_bytes().splitlines(True)[1:])
    ) and None,
    "an original left out": lambda p: (p / "data/commitments.txt").write_text(
        (p / "data/commitments.txt").read_text().splitlines(True)[0]
    ) and None,
}  # fmt: skip


@pytest.mark.parametrize("change", CHECK_FINDS.values(), ids=CHECK_FINDS.keys())
def test_the_script_in_the_package_finds(change: Callable[[Path], None], package: Path, publisher: Publisher) -> None:
    key = package.parent / "trusted.vkey"
    key.write_text(publisher.signer.key.vkey)
    change(package)
    assert "HOLDS\n" not in run_in(package, sys.executable, "check.py", key, expect=1).replace("DOES NOT HOLD", "")


def test_the_script_asks_for_the_key_of_another_way(package: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    key = package.parent / "other.vkey"
    key.write_text(FileSigner(tmp_path / "other" / "k", ORIGIN).key.vkey)
    assert "not signed" in run_in(package, sys.executable, "check.py", key, expect=1)


# --- encrypted to a receiver


def test_an_encrypted_package_opens_for_the_receiver_alone(opened: Any, publisher: Publisher, tmp_path: Path) -> None:
    mine = x25519.Identity.generate()
    package = make(opened, publisher, tmp_path / "sealed", recipient=str(mine.to_public()))
    payload = [p for p in (package / "data").rglob("*") if p.is_file()]
    assert payload and all(p.name.endswith(".age") for p in payload)
    report = verify_package(package, given(publisher))
    assert report.verdict == "could not check" and outcomes(report)[4] == "could not check"
    assert verify_package(package, given(publisher, identity=str(mine))).verdict == "holds"
    other = verify_package(package, given(publisher, identity=str(x25519.Identity.generate())))
    assert other.verdict == "could not check"

    key, trusted = tmp_path / "key.txt", tmp_path / "trusted.vkey"
    key.write_text(f"# mine\n{mine}\n")
    trusted.write_text(publisher.signer.key.vkey)
    assert "COULD NOT CHECK" in run_in(package, sys.executable, "check.py", trusted, expect=1)
    package.rename(tmp_path / "package")
    (block,) = page_commands(sealed=True)
    assert run_in(tmp_path, "bash", "-euo", "pipefail", "-c", block).find("\nHOLDS\n") > 0
    run_in(tmp_path, sys.executable, "-m", "bagit", "--validate", "package")


def test_no_digest_of_clear_bytes_leaves_in_clear_with_an_encrypted_package(
    opened: Any, publisher: Publisher, tmp_path: Path
) -> None:
    mine = x25519.Identity.generate()
    package = make(opened, publisher, tmp_path / "sealed", recipient=str(mine.to_public()))
    with opened.database.read() as connection:
        from custody.tables import originals

        digests = [row.sha256 for row in connection.execute(originals.select())]
    everything = b"".join(p.read_bytes() for p in package.rglob("*") if p.is_file())
    salts = bytes(pyrage.decrypt((package / "data/commitments.txt.age").read_bytes(), [mine]))
    assert digests and not any(digest.encode() in everything for digest in digests)
    assert not any(line.split()[1] in everything for line in salts.splitlines())


# --- what is found


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


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


def link(path: Path) -> None:
    other = path.parent.parent / "elsewhere"
    path.rename(other)
    path.symlink_to(other)


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


# --- making it


def test_nothing_is_handed_over_where_one_record_is_not_allowed(
    opened: Any, publisher: Publisher, tmp_path: Path
) -> None:
    from custody.tables import events
    from records.tables import accreditations

    with opened.database.write() as connection:
        connection.execute(
            accreditations.delete().where(accreditations.c.role.in_(("archivist", "reader", "compliance")))
        )
    with pytest.raises(AccessDeniedError):
        make(opened, publisher, tmp_path / "package")
    assert not (tmp_path / "package").exists()
    with opened.database.read() as connection:
        types = [row.type for row in connection.execute(events.select().order_by(events.c.seq))]
    assert types[-1] == "access_denied" and "exported" not in types


def test_records_of_two_clients_never_share_a_package(opened: Any, publisher: Publisher, tmp_path: Path) -> None:
    with opened.database.write() as connection:
        from custody import people

        other = people.add_client(connection, opened.vault, "Acme", people.FIRST)
        for role in ("archivist",):
            people.accredit(connection, opened.vault, opened.person.id, other, role, None, people.FIRST)
        first = all_records(opened)[0]
        connection.execute(records.update().where(records.c.id == first).values(client=other))
        assert connection.execute(clients.select()).all()
    with pytest.raises(InvalidValueError, match="one client"):
        make(opened, publisher, tmp_path / "package")


@pytest.mark.parametrize("taken", ["folder", "file", "link"])
def test_a_target_that_is_taken_is_left_alone(taken: str, opened: Any, publisher: Publisher, tmp_path: Path) -> None:
    target = tmp_path / "package"
    {"folder": target.mkdir, "file": target.touch, "link": lambda: target.symlink_to("nowhere")}[taken]()
    with pytest.raises(InvalidValueError):
        make(opened, publisher, target)
    assert target.is_symlink() or target.exists()


@pytest.mark.parametrize("recipient", ["", "age1", "AGE-SECRET-KEY-1", "ssh-ed25519 AAAA"])
def test_a_recipient_that_is_none_is_refused(recipient: str, opened: Any, publisher: Publisher, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError):
        make(opened, publisher, tmp_path / "package", recipient=recipient)


def test_a_store_that_fails_midway_leaves_nothing(
    opened: Any, publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    store = opened.vault.store
    real = store.read

    def failing(key: str, version: str) -> Iterator[bytes]:
        calls.append(key)
        if len(calls) == 3:
            raise StoreUnavailableError("gone")
        return real(key, version)

    monkeypatch.setattr(type(store), "read", lambda self, key, version: failing(key, version))
    with pytest.raises(StoreUnavailableError):
        make(
            opened, publisher, tmp_path / "out" / "package" if (tmp_path / "out").mkdir() else tmp_path / "out/package"
        )
    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_dead_export_left_is_swept_by_the_next_and_a_living_one_is_not(
    opened: Any, publisher: Publisher, tmp_path: Path
) -> None:
    import fcntl
    import os

    out = tmp_path / "out"
    for name in ("dead", "alive"):
        (out / f"{STAGING}{name}" / "bag").mkdir(parents=True)
        (out / f"{STAGING}{name}" / "bag/clear").write_bytes(b"secret")
    lock = os.open(out / f"{STAGING}alive", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    make(opened, publisher, out / "package")
    os.close(lock)
    assert sorted(p.name for p in out.iterdir()) == [f"{STAGING}alive", "package"]


def test_nothing_of_a_package_may_be_read_by_others(package: Path) -> None:
    assert all(not p.stat().st_mode & 0o077 for p in [package, *package.rglob("*")])


# --- the command


def test_the_command_verifies_without_any_home(
    package: Path, publisher: Publisher, authority: TimeAuthority, tmp_path: Path
) -> None:
    (tmp_path / "trusted.vkey").write_text(publisher.signer.key.vkey + "\n")
    environment = {"MUNIMENT_HOME": str(tmp_path / "never"), "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}

    def verify(*arguments: str | Path) -> tuple[int, Any]:
        command = [sys.executable, "-m", "cli.main", "verify", "package", *map(str, arguments), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        return done.returncode, json.loads(done.stdout)

    ours = ("--vkey", tmp_path / "trusted.vkey", "--tsa-roots", authority.roots)
    code, report = verify(package, *ours)
    assert code == 0 and report["verdict"] == "holds" and len(report["steps"]) == 7 and report["problems"] == []
    assert verify(package)[0] == 2
    assert verify(package, "--vkey", tmp_path / "nothing")[0] == 2
    assert verify(tmp_path / "nowhere", *ours)[0] == 2
    flip(package / "README.txt", 5)
    code, report = verify(package, *ours)
    assert code == 1 and report["problems"][0]["object"] == "README.txt"
    assert not (tmp_path / "never").exists()


# --- crashes and size, with the real command


@pytest.mark.parametrize("step", [56, 71, 72, 73])
def test_killed_at_a_step_the_package_is_not_there_and_the_next_export_is_whole(
    step: int, held: Path, tmp_path: Path
) -> None:
    from running import Muniment

    muniment = Muniment(held)
    record = muniment("record", "list")["records"][0]["id"]
    out = tmp_path / "out"
    out.mkdir()
    muniment("record", "export", record, "--to", out / "package", expect=-9, CRASH_AT=str(step))
    assert not (out / "package").exists()
    answer = muniment("record", "export", record, "--to", out / "package")
    assert [p.name for p in out.iterdir()] == ["package"] and answer["manifest_sha256"]
    vkey = muniment("ledger", "path")["vkey"]
    assert muniment("verify", "package", out / "package", "--vkey", vkey)["verdict"] == "holds"
    assert muniment("custody", "check")["verdict"] == "holds"


def test_a_record_of_a_thousand_pages_is_packed_in_flat_memory(opened: Any, held: Path, tmp_path: Path) -> None:
    from custody.derivatives import record_derivative, store_derivative
    from records.text import Box, PageText, Word, write_words

    record = all_records(opened)[0]
    with opened.database.read() as connection:
        from custody.tables import derivatives

        original = connection.execute(derivatives.select().where(derivatives.c.record == record)).first().original
    peaks = []
    for pages in (10, 1000):
        words = tuple(Word("palabra", Box(i, i, i + 5, i + 5), 90.0, i // 10, i // 100) for i in range(300))
        path = tmp_path / "words.gz"
        write_words(
            path, (PageText(n, 2000, 3000, 300, 0, 0.0, "spa", "t 5", False, "ocr", words) for n in range(pages))
        )
        stored = [store_derivative(opened.vault, record, "words", original, path)]
        (tmp_path / "copy").write_bytes(bytes(100_000 * pages))
        stored.append(store_derivative(opened.vault, record, "readable", original, tmp_path / "copy"))
        with opened.database.write() as connection:
            for derivative in stored:
                record_derivative(connection, opened.vault, derivative)
        code = f"""
import resource, sys
from cli.main import main
code = main(["record", "export", {record!r}, "--to", {str(tmp_path / str(pages))!r}])
sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
sys.exit(code)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        peaks.append(int(done.stderr.split()[-1]))
        assert (tmp_path / str(pages) / f"data/records/{record}/readable.pdf").stat().st_size == 100_000 * pages
    assert peaks[1] < peaks[0] + 30_000  # KiB
