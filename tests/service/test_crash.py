"""kill -9 of the real command, at every numbered step and at random moments: nothing lost, nothing doubled.

Custody reference, section 5; design, section 2, rule 3. These were the first tests written for accession.
`make crash ROUNDS=500` runs the random part longer.
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

pytestmark = pytest.mark.crash

# 11-13 intake, 1-5 accession (6 is the lock's), 21-23 reading, 31 describing, 41-42 indexing
WHOLE_EVERY = 5  # rounds after which everything is opened and counted, not only checked
STEPS = (11, 12, 13, 1, 2, 3, 4, 5, 21, 22, 23, 31, 41, 42)


def draw(path: Path, text: str) -> None:
    page = Image.new("1", (900, 300), 1)
    ImageDraw.Draw(page).text((60, 100), text, font=ImageFont.load_default(48), fill=0)
    page.save(path, dpi=(300, 300), compression="group4")


def make_scans(folder: Path, mark: str, count: int = 3) -> list[Path]:
    folder.mkdir()
    for number in range(count):
        draw(folder / f"{number}.tif", f"muniment {mark} sheet{number}")
    (folder / "again.tif").write_bytes((folder / "0.tif").read_bytes())
    (folder / "text.txt").write_text("no scan")
    return sorted(folder.iterdir())


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def finish_and_check(muniment: Any, home: Path, scans: Path, tmp_path: Path) -> None:
    """Offer the same files again, which first sweeps; then everything must be held once and open bit for bit."""
    muniment("ingest", scans, expect=3)  # 3: the text file is refused, the others are accessioned or duplicates
    report = muniment("custody", "check")
    assert report["verdict"] == "holds"
    assert report["pending"] == [] and report["orphans"] == []
    status = muniment("status")
    assert status["counts"]["waiting"] == status["counts"]["received"] == 0
    wanted = {digest(path) for path in scans.glob("*.tif")}
    taken = [scan for scan in status["scans"] if scan["outcome"] == "accessioned" and scan["sha256"] in wanted]
    assert sorted(scan["sha256"] for scan in taken) == sorted(wanted)  # each once: nothing lost, nothing doubled
    held = [scan for scan in status["scans"] if scan["outcome"] == "accessioned"]
    objects = [path for path in (home / "store").rglob("*.age")]
    assert len(objects) == 3 * len(held)  # the original, its words, its readable copy
    index = muniment("index", "status")
    assert index["equal"] and index["indexed_pages"] == len(held)
    for scan in taken:
        target = tmp_path / "opened"
        opened = muniment("original", "open", scan["original"], "--reason", "test", "--to", target)
        assert opened["sha256"] == scan["sha256"] == digest(target)


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_numbered_step(muniment: Any, home: Path, tmp_path: Path, step: int) -> None:
    make_scans(tmp_path / "scans", f"step{step}")
    child = muniment.start("ingest", tmp_path / "scans", "--json", CRASH_AT=str(step))
    out, err = child.communicate(timeout=300)
    assert child.returncode == -signal.SIGKILL, (out, err)
    assert f"crash at step {step}" in err.decode()
    assert muniment("custody", "check")["verdict"] == "holds"  # what is under way is no fault
    finish_and_check(muniment, home, tmp_path / "scans", tmp_path)


def crash(muniment: Any, step: int, *paths: Path) -> None:
    child = muniment.start("ingest", *paths, "--json", CRASH_AT=str(step))
    out, err = child.communicate(timeout=300)
    assert child.returncode == -signal.SIGKILL, (step, out, err)


def test_killed_at_one_step_after_the_other(muniment: Any, home: Path, tmp_path: Path) -> None:
    """A scan that comes a step further each time is never given up, however often the power fails."""
    scans = tmp_path / "scans"
    scans.mkdir()
    draw(scans / "a.tif", "muniment one after the other")
    for step in STEPS:
        crash(muniment, step, scans)
        assert muniment("custody", "check")["verdict"] == "holds"
    muniment("ingest", scans)
    report = muniment("custody", "check")
    assert report["verdict"] == "holds" and report["pending"] == [] and report["checked"]["originals"] == 1
    assert muniment("search", "one after the other")["total"] == 1


def test_what_was_announced_is_stored_whatever_became_of_the_source(muniment: Any, home: Path, tmp_path: Path) -> None:
    draw(tmp_path / "a.tif", "muniment announced")
    crash(muniment, 2, tmp_path / "a.tif")
    claimed = next((home / "work").glob("bat_*/scn_*"))
    with claimed.open("ab") as late:  # a sender that still had the file open writes on
        late.write(b"late")
    again = muniment("ingest", tmp_path / "a.tif")
    assert again["duplicate"] == 1
    assert muniment("custody", "check")["verdict"] == "holds"
    opened = muniment("original", "open", again["scans"][0]["original"], "--reason", "test", "--to", tmp_path / "out")
    assert opened["sha256"] == digest(tmp_path / "a.tif")
    kept = [path.read_bytes() for path in (home / "quarantine").rglob("scn_*")]
    assert kept == [(tmp_path / "a.tif").read_bytes() + b"late"]  # and the late bytes are kept for a person


def test_an_announcement_that_must_be_given_up_does_not_block_the_same_bytes(
    muniment: Any, home: Path, tmp_path: Path
) -> None:
    draw(tmp_path / "a.tif", "muniment given up")
    crash(muniment, 2, tmp_path / "a.tif")
    for staged in (home / "work/sealed").iterdir():
        staged.unlink()
    with next((home / "work").glob("bat_*/scn_*")).open("ab") as late:
        late.write(b"late")
    again = muniment("ingest", tmp_path / "a.tif")
    assert again["accessioned"] == 1
    status = muniment("status")
    assert (status["counts"]["refused"], status["counts"]["waiting"]) == (1, 0)
    assert muniment("custody", "check")["verdict"] == "holds"


def test_many_copies_of_what_was_only_announced_are_settled_at_once(muniment: Any, home: Path, tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    draw(scans / "0.tif", "muniment many copies")
    for number in range(1, 8):
        (scans / f"{number}.tif").write_bytes((scans / "0.tif").read_bytes())
    for step in (2, 3):
        crash(muniment, step, scans)
    again = muniment("ingest", scans)
    assert again["duplicate"] == 8
    report = muniment("custody", "check")
    assert report["verdict"] == "holds" and report["pending"] == [] and report["checked"]["originals"] == 1


def test_killed_while_it_is_sealed_anew(muniment: Any, home: Path, tmp_path: Path) -> None:
    draw(tmp_path / "a.tif", "muniment sealed anew")
    crash(muniment, 2, tmp_path / "a.tif")
    for staged in (home / "work/sealed").iterdir():
        staged.unlink()
    crash(muniment, 1, tmp_path / "a.tif")  # the sweeper seals it a second time and dies before it is announced
    muniment("ingest", tmp_path / "a.tif")
    report = muniment("custody", "check")
    assert report["verdict"] == "holds" and report["pending"] == [] and report["orphans"] == []
    assert muniment("status")["counts"]["waiting"] == 0


def test_killed_at_random_moments(
    muniment: Any, home: Path, tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds, seed = pytestconfig.getoption("--rounds"), pytestconfig.getoption("--seed")
    chance = random.Random(seed)
    make_scans(tmp_path / "first", "first")
    started = time.monotonic()
    muniment("ingest", tmp_path / "first", expect=3)
    whole = time.monotonic() - started
    killed = 0
    for number in range(rounds):
        scans = tmp_path / f"round{number}"
        make_scans(scans, f"round{number}")
        child = muniment.start("ingest", scans, "--json")
        try:
            child.wait(timeout=chance.uniform(0.2, whole))
        except subprocess.TimeoutExpired:  # now is the moment
            os.kill(child.pid, signal.SIGKILL)
            killed += 1
        child.communicate()
        if number % WHOLE_EVERY and number + 1 < rounds:
            muniment("ingest", scans, expect=3)
            report = muniment("custody", "check")
            assert report["verdict"] == "holds" and report["pending"] == [] and report["orphans"] == []
        else:
            finish_and_check(muniment, home, scans, tmp_path)
    with capsys.disabled():
        print(json.dumps({"rounds": rounds, "seed": seed, "killed": killed, "whole_seconds": round(whole, 2)}))
    assert killed > 0
