"""kill -9 of the real command in a rotation, a destruction of keys, a disposal: nothing is lost, doubled or half done.

The numbered steps are those of docs/design/keys.md and disposal.md; the frame is tests/service/test_crash.py's.
"""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.crash
COUNT = 3  # documents held
REFUSED = 67  # disposal-refused (docs/errors.md)


def killed(muniment: Any, step: int, *line: str) -> None:
    child = muniment.start(*line, "--json", CRASH_AT=str(step))
    out, err = child.communicate(timeout=300)
    assert child.returncode == -signal.SIGKILL, (out, err)
    assert f"crash at step {step}" in err.decode()


@pytest.fixture
def originals(muniment: Any, home: Path, corpus: Path, tmp_path: Path) -> dict[str, str]:
    """Three documents in custody: original -> digest of its clear bytes."""
    files = sorted(corpus.glob("*.tif"))[:COUNT]
    taken = muniment("ingest", *files)["scans"]
    return {scan["original"]: scan["sha256"] for scan in taken}


def counted(home: Path, kind: str) -> dict[str, int]:
    """How many events of a type each subject has."""
    with closing(sqlite3.connect(home / "catalogue.db")) as connection:
        return dict(connection.execute("SELECT subject, count(*) FROM events WHERE type = ? GROUP BY subject", (kind,)))


@pytest.fixture
def approved(muniment: Any, home: Path, originals: dict[str, str]) -> tuple[str, list[str]]:
    """An approved order of two of the three documents; their records."""
    held = [record for record in muniment("record", "list")["records"] if record["original"] in originals]
    records = [record["id"] for record in held[:2]]
    order = muniment("disposal", "propose", *records, "--basis", "law", "--reason", "legal: erasure")["order"]
    token = muniment("person", "add", "Ana")["token"]
    muniment("person", "accredit", "Ana", "--role", "approver")
    muniment("--as", "Ana", "disposal", "approve", order, "--reason", "audit", MUNIMENT_TOKEN=token)
    return order, records


def check_disposed(muniment: Any, home: Path, originals: dict[str, str], tmp_path: Path, records: list[str]) -> None:
    """Both records are disposed of, each once; the third document opens; nothing is under way."""
    report = muniment("custody", "check")
    assert report["verdict"] == "holds", report["problems"]
    assert report["pending"] == [] and report["orphans"] == []
    states = {record["id"]: record for record in muniment("record", "list")["records"]}
    assert [states[record]["state"] for record in records] == ["disposed", "disposed"]
    gone = {states[record]["original"] for record in records}
    assert counted(home, "key_destroyed") == counted(home, "object_removed") == dict.fromkeys(gone, 1)
    assert {subject: n for subject, n in counted(home, "disposed").items() if subject in records} == dict.fromkeys(
        records, 1
    )
    (left,) = originals.keys() - gone
    opened = muniment("original", "open", left, "--reason", "test", "--to", tmp_path / "out")
    assert opened["sha256"] == originals[left]
    assert len(list((home / "store").rglob("*.age"))) == 3
    index = muniment("index", "status")
    assert index["equal"] and index["pending"] == 0


@pytest.mark.parametrize("finisher", ["run", "sweeper"])
@pytest.mark.parametrize("step", [66, 67, 68, 69, 70])
def test_killed_in_a_disposal(
    muniment: Any, home: Path, originals: dict[str, str], tmp_path: Path, approved: tuple[str, list[str]], step: int,
    finisher: str,
) -> None:  # fmt: skip
    order, records = approved
    killed(muniment, step, "disposal", "run", order)
    report = muniment("custody", "check")
    assert report["verdict"] == "holds", report["problems"]  # what is under way is pending, and no fault
    assert (order in report["pending"]) is (step < 70)
    if finisher == "run":
        assert muniment("disposal", "run", order)["state"] == "finished"
    else:
        muniment("ingest", tmp_path / "nothing", expect=2)
    check_disposed(muniment, home, originals, tmp_path, records)
    assert muniment("disposal", "show", order)["state"] == "finished"
    assert counted(home, "disposed")[order] == 1


def test_two_that_carry_out_one_order_do_it_once(
    muniment: Any, home: Path, originals: dict[str, str], tmp_path: Path, approved: tuple[str, list[str]]
) -> None:
    order, records = approved
    both = [muniment.start("disposal", "run", order, "--json") for _ in range(2)]
    said = [child.communicate(timeout=300) for child in both]
    codes = sorted(child.returncode for child in both)
    assert codes in ([0, 0], [0, REFUSED]), said  # who comes when the other has finished is told so
    assert all(b"finished" in out for (out, _), child in zip(said, both, strict=True) if child.returncode), said
    check_disposed(muniment, home, originals, tmp_path, records)
    assert counted(home, "disposed")[order] == 1


def check_all(muniment: Any, home: Path, originals: dict[str, str], tmp_path: Path) -> None:
    """Every document has one envelope and opens bit for bit; every invariant holds."""
    report = muniment("custody", "check")
    assert report["verdict"] == "holds", report["problems"]
    with closing(sqlite3.connect(home / "catalogue.db")) as connection:
        standing = dict(connection.execute("SELECT original, count(*) FROM key_envelopes GROUP BY original"))
    assert standing == dict.fromkeys(originals, 1)
    for original, digest in originals.items():
        opened = muniment("original", "open", original, "--reason", "test", "--to", tmp_path / "out")
        assert opened["sha256"] == digest


@pytest.mark.parametrize("step", [61, 62, 63])
def test_killed_in_a_rotation(muniment: Any, home: Path, originals: dict[str, str], tmp_path: Path, step: int) -> None:
    killed(muniment, step, "keys", "rotate")
    check_all(muniment, home, originals, tmp_path)
    again = muniment("keys", "rotate")
    assert again["resumed"] is (step != 63)
    listed = muniment("keys", "list")["keys"]
    assert [one["state"] for one in listed] == ["retired"] * (len(listed) - 1) + ["current"]
    assert len(listed) == (2 if step != 63 else 3) and listed[-1]["envelopes"] == COUNT
    check_all(muniment, home, originals, tmp_path)


@pytest.mark.parametrize("step", [64, 65])
def test_killed_while_an_epoch_is_destroyed(
    muniment: Any, home: Path, originals: dict[str, str], tmp_path: Path, step: int
) -> None:
    (old,) = muniment("keys", "rotate")["retired"]
    destroy = ("keys", "destroy", old, "--reason", "test", "--now")
    killed(muniment, step, *destroy)
    assert not (home / "keys" / f"{old}.agekey").exists()
    assert muniment(*destroy)["state"] == "destroyed"
    with closing(sqlite3.connect(home / "catalogue.db")) as connection:
        assert connection.execute("SELECT count(*) FROM events WHERE type = 'key_destroyed'").fetchone() == (1,)
    check_all(muniment, home, originals, tmp_path)
