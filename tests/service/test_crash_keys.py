"""kill -9 of the real command in the middle of a rotation, and of destroying an epoch: nothing lost, nothing doubled.

The numbered steps are those of docs/design/keys.md; the frame is tests/service/test_crash.py's.
"""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.crash
COUNT = 3  # documents held


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


def check_all(muniment: Any, home: Path, originals: dict[str, str], tmp_path: Path) -> None:
    """Every document has one envelope and opens bit for bit; every invariant holds."""
    report = muniment("custody", "check")
    assert report["verdict"] == "holds", report["problems"]
    with closing(sqlite3.connect(home / "catalogue.db")) as connection:
        counted = dict(connection.execute("SELECT original, count(*) FROM key_envelopes GROUP BY original"))
    assert counted == dict.fromkeys(originals, 1)
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
