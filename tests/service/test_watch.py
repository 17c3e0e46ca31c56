"""`muniment watch` as a child process: killed between the steps of a claim, ended in order, without Prefect."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
QUICK = {
    "MUNIMENT_WATCH_SECONDS": "0.2", "MUNIMENT_STABLE_SECONDS": "0.5", "MUNIMENT_ARRIVING_SECONDS": "2",
}  # fmt: skip


def drop(home: Path, name: str = "a.tif") -> None:
    inbox = home / "inbox" / "default"
    inbox.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((400, 300), 50).save(inbox / name, dpi=(150, 150))


def outcome(child: "subprocess.Popen[bytes]") -> dict[str, Any]:
    assert child.stdout is not None
    answer: dict[str, Any] = json.loads(child.stdout.readline())
    return answer


def end(child: "subprocess.Popen[bytes]", number: int) -> int:
    child.send_signal(number)
    child.communicate(timeout=30)
    return child.returncode


@pytest.mark.crash
@pytest.mark.parametrize("step", [11, 12, 13], ids=["row written", "renamed", "row says received"])
def test_killed_between_the_steps_of_a_claim_it_goes_on_once(home: Path, muniment: Any, step: int) -> None:
    drop(home)
    killed = muniment.start("watch", "--json", CRASH_AT=str(step), **QUICK)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    again = muniment.start("watch", "--json", **QUICK)
    assert outcome(again)["outcome"] == "accessioned"
    assert end(again, signal.SIGTERM) == 0
    status = muniment("status")
    assert [scan["outcome"] for scan in status["scans"]] == ["accessioned"]
    assert not [path for place in ("inbox", "work") for path in (home / place).rglob("*") if path.is_file()]
    assert muniment("custody", "check")["verdict"] == "holds"


def test_an_interrupt_ends_it_in_order_and_plain_lines_hold_no_names(home: Path, muniment: Any) -> None:
    drop(home, "Melquiades.tif")
    child = muniment.start("watch", **QUICK)
    assert child.stdout is not None
    line = child.stdout.readline().decode()
    child.send_signal(signal.SIGINT)
    rest, said = child.communicate(timeout=30)
    assert child.returncode == 130
    assert line.startswith("scn_")
    assert b"Melquiades" not in line.encode() + rest + said


def test_neither_watch_nor_ingest_loads_prefect() -> None:
    code = "import sys, cli.watch, cli.ingest, tasks.watching; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
