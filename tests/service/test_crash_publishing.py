"""kill -9 of the real `ledger publish` at its numbered steps, its signer's among them, and at random moments.

The steps are those of docs/design/publishing.md; the frame is tests/service/test_crash.py's. Afterwards every event is
published once, under one key, and a verifier who reads nothing but the published files accepts them: what he saw once
never shrinks and never becomes another history.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont
from running import ROOT, embedded, servers
from warm import warm

pytestmark = pytest.mark.crash

STEPS = (51, 52, 53, 54, 55, 56, 57, 58)
IN_SIGNER = 58  # the signer ends there, not the command: that one says that a service did not answer
UNAVAILABLE = 40
MANY = 300  # events: a bundle and a tile become full, and partial files are outgrown
GROW = """
import sys
from custody.ledger import Draft, append_many
from infra.services import open_services
from tasks.services import SYSTEM
services = open_services()
with services.database.write() as connection:
    drafts = [Draft(services.ids.new("evt"), "viewed", sys.argv[1], SYSTEM, reason="processing")
              for _ in range(int(sys.argv[2]))]
    append_many(connection, drafts, services.clock.now())
services.close()
"""


@pytest.fixture(params=["embedded", pytest.param("servers", marks=pytest.mark.service)])
def muniment(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    home = tmp_path / "home"
    return warm(servers(home, search="tantivy") if request.param == "servers" else embedded(home))


@pytest.fixture
def record(muniment: Any, tmp_path: Path) -> str:
    page = Image.new("1", (900, 300), 1)
    ImageDraw.Draw(page).text((60, 100), "muniment publishing", font=ImageFont.load_default(48), fill=0)
    page.save(tmp_path / "page.tif", dpi=(300, 300), compression="group4")
    muniment("ingest", tmp_path / "page.tif")
    events = muniment("ledger", "show")["events"]
    return next(str(event["subject"]) for event in events if event["subject"].startswith("rec_"))


def grow(muniment: Any, record: str, count: int) -> None:
    command = [sys.executable, "-c", GROW, record, str(count)]
    subprocess.run(command, env=muniment.environment, cwd=ROOT, check=True, timeout=120)


def crash(muniment: Any, step: int) -> None:
    child = muniment.start("ledger", "publish", "--json", CRASH_AT=str(step))
    out, err = child.communicate(timeout=300)
    if step == IN_SIGNER:
        assert child.returncode == UNAVAILABLE, (out, err)
        assert "signer" in json.loads(out)["error"]["message"]
    else:
        assert child.returncode == -signal.SIGKILL, (step, out, err)
        assert f"crash at step {step}" in err.decode()


def publish_and_check(muniment: Any) -> int:
    """Publish again; every event must be published, under one key that was announced once. Return the size."""
    assert muniment("custody", "check")["verdict"] == "holds"  # what is under way is no fault
    size = int(muniment("ledger", "publish")["size"])
    assert muniment("custody", "check")["verdict"] == "holds"
    assert muniment("verify", "ledger", expect=0)["verdict"] == "holds"
    events = muniment("ledger", "show")["events"]
    assert sum(event.get("reason") == "ledger-key" for event in events) == 1
    assert size >= len(events) - 1  # the check itself may be the newest event
    return size


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_numbered_step_of_publishing(muniment: Any, record: str, step: int) -> None:
    crash(muniment, step)
    first = publish_and_check(muniment)
    grow(muniment, record, MANY)
    crash(muniment, step)
    assert publish_and_check(muniment) >= first + MANY


class Outsider:
    """Somebody with the verifier key, a copy of the published files, and the newest checkpoint that held."""

    def __init__(self, muniment: Any, folder: Path) -> None:
        self._muniment, self._state, self._nowhere = muniment, folder / "seen", folder / "nothing"

    def size(self) -> int:
        """Verify what is published now against what was seen before; return how many events it has.

        Files of a publishing that was ended may lie beyond the checkpoint, the next checkpoint among them; nothing else
        may be wrong.
        """
        where = self._muniment("ledger", "path")
        given = ("--dir", where["folder"], "--vkey", where["vkey"], "--state", self._state)
        report = self._muniment("verify", "ledger", *given, expect=None, MUNIMENT_HOME=str(self._nowhere))
        assert {problem["kind"] for problem in report["problems"]} <= {"untracked", "behind"}, report
        return int((Path(where["folder"]) / "checkpoint").read_text().splitlines()[1])


def signers_of(pid: int) -> list[int]:
    """Return the signer's processes below a command."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, path.read_text().split()):
                line = Path(f"/proc/{child}/cmdline").read_bytes()
                found += [child] * (b"signer_process" in line)
    return found


def kill_at_random(muniment: Any, chance: random.Random, whole: float) -> tuple[str, float]:
    """Kill a publishing, its signer or both at a random moment; return which, and how long it took where none was."""
    began = time.monotonic()
    child = muniment.start("ledger", "publish", "--json")
    victim = chance.choice(("command", "signer", "both"))
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=chance.uniform(0.02, whole))
        child.communicate()
        return "nobody", time.monotonic() - began
    killed = [*signers_of(child.pid) * (victim != "command"), *[child.pid] * (victim != "signer")]
    for pid in killed:
        with contextlib.suppress(ProcessLookupError):  # it came to its end just now
            os.kill(pid, signal.SIGKILL)
    child.communicate(timeout=300)
    return victim if killed else "nobody", whole


def test_killed_at_random_moments_of_publishing(
    muniment: Any, record: str, tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds, seed = pytestconfig.getoption("--publishings"), pytestconfig.getoption("--seed")
    chance, began = random.Random(seed), time.monotonic()
    outsider = Outsider(muniment, tmp_path)
    size, whole, seen = publish_and_check(muniment), 1.0, {"command": 0, "signer": 0, "both": 0, "nobody": 0}
    assert outsider.size() == size
    for _ in range(rounds):
        grow(muniment, record, chance.choice((1, 2, 255, 256, 257, MANY)))
        victim, whole = kill_at_random(muniment, chance, whole)
        seen[victim] += 1
        whole = max(0.3, 0.95 * whole) if victim == "nobody" else 1.03 * whole
        assert outsider.size() >= size  # what the world sees meanwhile is a whole tree, and no smaller one
        grown = publish_and_check(muniment)
        assert grown > size and outsider.size() == grown
        size = grown
    with capsys.disabled():
        print(json.dumps({"rounds": rounds, "seed": seed, "killed": seen, "events": size,
                          "seconds": round(time.monotonic() - began)}))  # fmt: skip
    assert rounds - seen["nobody"] > rounds // 3
