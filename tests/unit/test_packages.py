"""Evidence packages: made of real records, judged by others' tools."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as XML

import pyrage
import pytest
from desk_house import House
from package_house import ORIGIN, Publisher, all_records, flip, given, make, outcomes
from pyrage import x25519
from time_authority import TimeAuthority

from custody import ledger
from custody.notes import FileSigner
from custody.packages.premis import NAMESPACE
from custody.packages.verification import verify_package
from tasks.answers import record_answer, timeline
from tasks.desk import lending, receiving, requests, shelving

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
