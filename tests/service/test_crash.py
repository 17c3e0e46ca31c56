"""kill -9 of the real command, at every numbered step and at random moments: nothing lost, nothing doubled.

Custody reference, section 5; design, section 2, rule 3. On the embedded default and on PostgreSQL and MinIO alike: the
steps with OpenSearch, the random moments with the embedded index, which is not what they are about. `make crash
ROUNDS=500` runs the random part longer. The command is a fork of one that is loaded already (tests/warm.py).
"""

import contextlib
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
from running import embedded, servers
from warm import warm

pytestmark = pytest.mark.crash

WHOLE_EVERY = 5  # rounds after which everything is opened and counted, not only checked
FRESH_EVERY = 50  # rounds after which a new installation is made: a check reads all that is held
# 11-13 intake, 1-6 accession (6 only where the store locks), 21-23 reading, 31 describing, 41-42 indexing
STEPS = (11, 12, 13, 1, 2, 3, 4, 5, 6, 21, 22, 23, 31, 41, 42)
HOMES = ["embedded", pytest.param("servers", marks=pytest.mark.service)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(params=HOMES)
def muniment(request: pytest.FixtureRequest, home: Path) -> Any:
    return warm(servers(home) if request.param == "servers" else embedded(home))


def locks(muniment: Any) -> bool:
    return muniment.environment.get("MUNIMENT_STORE") == "s3"


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


def settled(muniment: Any) -> dict[str, Any]:
    """Return the report of a check that holds, with nothing under way and no object that nobody names."""
    report = muniment("custody", "check")
    assert report["verdict"] == "holds", report["problems"]
    assert report["pending"] == [] and report["orphans"] == []
    return report


def finish_and_check(muniment: Any, scans: Path, tmp_path: Path) -> None:
    """Offer the same files again, which first sweeps; then everything must be held once and open bit for bit."""
    muniment("ingest", scans, expect=3)  # 3: the text file is refused, the others are accessioned or duplicates
    report = settled(muniment)
    status = muniment("status")
    assert status["counts"]["waiting"] == status["counts"]["received"] == 0
    wanted = {digest(path) for path in scans.glob("*.tif")}
    taken = [scan for scan in status["scans"] if scan["outcome"] == "accessioned" and scan["sha256"] in wanted]
    assert sorted(scan["sha256"] for scan in taken) == sorted(wanted)  # each once: nothing lost, nothing doubled
    held = [scan for scan in status["scans"] if scan["outcome"] == "accessioned"]
    assert report["checked"]["originals"] == len(held)
    # the original, its words, its readable copy; what a lock holds of an interrupted reading is named
    assert report["checked"]["files"] == 3 * len(held) + len(report["leftovers"])
    assert locks(muniment) or report["leftovers"] == []
    index = muniment("index", "status")
    assert index["equal"] and index["indexed_pages"] == len(held)
    for scan in taken:
        target = tmp_path / "opened"
        opened = muniment("original", "open", scan["original"], "--reason", "test", "--to", target)
        assert opened["sha256"] == scan["sha256"] == digest(target)


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_numbered_step(muniment: Any, tmp_path: Path, step: int) -> None:
    if step == 6 and not locks(muniment):
        pytest.skip("a directory has no locks, so that there is no step 6")
    make_scans(tmp_path / "scans", f"step{step}")
    crash(muniment, step, tmp_path / "scans")
    assert muniment("custody", "check")["verdict"] == "holds"  # what is under way is no fault
    finish_and_check(muniment, tmp_path / "scans", tmp_path)


def crash(muniment: Any, step: int, *paths: Path) -> None:
    child = muniment.start("ingest", *paths, "--json", CRASH_AT=str(step))
    out, err = child.communicate(timeout=300)
    assert child.returncode == -signal.SIGKILL, (step, out, err)
    assert f"crash at step {step}" in err.decode()


def test_killed_at_one_step_after_the_other(muniment: Any, tmp_path: Path) -> None:
    """A scan that comes a step further each time is never given up, however often the power fails."""
    scans = tmp_path / "scans"
    scans.mkdir()
    draw(scans / "a.tif", "muniment one after the other")
    for step in STEPS:
        if step == 6 and not locks(muniment):
            continue
        crash(muniment, step, scans)
        assert muniment("custody", "check")["verdict"] == "holds"
    muniment("ingest", scans)
    assert settled(muniment)["checked"]["originals"] == 1
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


def test_many_copies_of_what_was_only_announced_are_settled_at_once(muniment: Any, tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    draw(scans / "0.tif", "muniment many copies")
    for number in range(1, 8):
        (scans / f"{number}.tif").write_bytes((scans / "0.tif").read_bytes())
    for step in (2, 3):
        crash(muniment, step, scans)
    again = muniment("ingest", scans)
    assert again["duplicate"] == 8
    assert settled(muniment)["checked"]["originals"] == 1


def test_killed_while_it_is_sealed_anew(muniment: Any, home: Path, tmp_path: Path) -> None:
    draw(tmp_path / "a.tif", "muniment sealed anew")
    crash(muniment, 2, tmp_path / "a.tif")
    for staged in (home / "work/sealed").iterdir():
        staged.unlink()
    crash(muniment, 1, tmp_path / "a.tif")  # the sweeper seals it a second time and dies before it is announced
    muniment("ingest", tmp_path / "a.tif")
    settled(muniment)
    assert muniment("status")["counts"]["waiting"] == 0


class Campaign:
    """Rounds of: offer, kill at a random moment, offer again, check. Counts what was lost or doubled."""

    def __init__(self, where: str, folder: Path, seed: int) -> None:
        self.where, self.folder, self.chance = where, folder, random.Random(seed)
        self.killed = self.lost = self.doubled = 0
        self.whole = 1.0  # seconds that an undisturbed ingest takes, as seen lately
        self.offered: set[str] = set()
        self.muniment: Any = None

    def begin(self, number: int) -> None:
        """Make a fresh installation that holds something, and see how long taking in takes on it."""
        home = self.folder / f"home{number}"
        self.muniment = warm(servers(home, search="tantivy") if self.where == "servers" else embedded(home))
        self.muniment.environment |= {"MUNIMENT_WORKERS": "1", "MUNIMENT_LANGUAGES": "eng"}  # reading is not the point
        self.offered = set()
        for mark in (f"first{number}", f"timed{number}"):
            make_scans(self.folder / mark, mark, count=2)
            started = time.monotonic()
            self.muniment("ingest", self.folder / mark, expect=3)
            self.whole = time.monotonic() - started

    def kill(self, scans: Path) -> None:
        """Kill an ingest at a random moment; other work on the machine makes it faster and slower."""
        self.offered |= {digest(path) for path in scans.glob("*.tif")}
        started = time.monotonic()
        child = self.muniment.start("ingest", scans, "--json")
        try:
            child.wait(timeout=self.chance.uniform(0.02, self.whole))
            self.whole = 0.9 * (time.monotonic() - started)
        except subprocess.TimeoutExpired:  # now is the moment
            with contextlib.suppress(ProcessLookupError):  # it came to its end just now
                os.kill(child.pid, signal.SIGKILL)
                self.killed += 1
            self.whole *= 1.05
        child.communicate()

    def count(self) -> None:
        """Compare what was offered with what is held."""
        scans = [scan for scan in self.muniment("status")["scans"] if scan["outcome"] == "accessioned"]
        held = [scan["sha256"] for scan in scans if scan["sha256"] in self.offered]
        self.lost += len(self.offered - set(held))
        self.doubled += len(held) - len(set(held))


@pytest.mark.parametrize("where", HOMES)
def test_killed_at_random_moments(
    tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    rounds, seed = pytestconfig.getoption("--rounds"), pytestconfig.getoption("--seed")
    campaign, begun = Campaign(where, tmp_path, seed), time.monotonic()
    for number in range(rounds):
        last = (number + 1) % FRESH_EVERY == 0 or number + 1 == rounds
        if number % FRESH_EVERY == 0:
            campaign.begin(number)
        scans = tmp_path / f"round{number}"
        make_scans(scans, f"round{number}", count=2)
        campaign.kill(scans)
        if last or number % WHOLE_EVERY == 0:
            finish_and_check(campaign.muniment, scans, tmp_path)
        else:
            campaign.muniment("ingest", scans, expect=3)
            settled(campaign.muniment)
        if last:
            campaign.count()
    with capsys.disabled():
        figures = {"where": where, "rounds": rounds, "seed": seed, "killed": campaign.killed}
        figures |= {"lost": campaign.lost, "doubled": campaign.doubled}
        print(json.dumps({**figures, "seconds": round(time.monotonic() - begun)}))
    assert (campaign.lost, campaign.doubled) == (0, 0)
    assert campaign.killed > rounds // 3
