"""Every system call that writes fails, or is the process's last, while the ledger is published into a folder.

The publisher and its signer run in one process, as tests/ledger_house.py has them, on a ledger whose partial files are
outgrown. Whatever happens: what the world sees is a whole tree that holds, no smaller one and no other history; then
publishing again publishes all. The frame is tests/straced.py's.
"""

import collections
import json
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ledger_house import House, Lives
from straced import FAULTS, Ended, chosen, injected, need_strace, run_under_strace

from custody.algorithms import shipped_algorithms
from custody.ledger_verdict import Given, verify_folder
from records.errors import MunimentError

pytestmark = pytest.mark.crash
BEFORE, AFTER = 250, 530  # a bundle and a tile become full, and a second one
EVERY = 7  # of the calls of a kind, one in so many is taken where not all are asked for


class Again(House):
    """The house on a folder that is there."""

    def __init__(self, folder: Path) -> None:
        (folder / "signer").rename(folder / "kept")
        super().__init__(folder)
        (folder / "signer").rmdir()
        (folder / "kept").rename(folder / "signer")


def seen(house: House, saved: bytes) -> tuple[int, set[str]]:
    """Return the size that an outsider sees who has a checkpoint from before, and the kinds of what he finds wrong."""
    vkey = (house.folder / "signer/ledger.vkey").read_text()
    given = Given(datetime.now(UTC), shipped_algorithms(), vkeys=vkey, saved={"before": saved})
    report = verify_folder(house.folder / "ledger", given).report
    size = int((house.folder / "ledger/checkpoint").read_text().splitlines()[1])
    return size, {problem.kind for problem in report.problems}


def test_every_call_that_publishes_may_fail_or_be_the_last(
    tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    need_strace()
    everything, seed = pytestconfig.getoption("--every-call"), pytestconfig.getoption("--seed")
    rows, more = Lives(AFTER), Lives(AFTER + 3)
    template, folder, trace = tmp_path / "template", tmp_path / "house", tmp_path / "trace"
    House(template).publish(Lives(BEFORE))
    before = (template / "ledger/checkpoint").read_bytes()

    def work(ready: Callable[[], None]) -> int:
        house = Again(folder)
        ready()
        try:
            house.publish(rows)
        except (MunimentError, OSError):
            return 1
        return 0

    def once(*arguments: str) -> Ended:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(template, folder)
        return run_under_strace(work, trace, *arguments)

    undisturbed = once()
    assert undisturbed.code == 0 and undisturbed.calls["fsync"] >= 8, undisturbed.calls
    failures: list[object] = []
    done: collections.Counter[str] = collections.Counter()
    for call, count in sorted(undisturbed.calls.items()):
        for number in chosen(count, everything, seed, EVERY):
            for fault in FAULTS:
                ended = once(*injected(call, fault, number))
                what = (call, number, fault, ended.code)
                assert ended.code in ((-signal.SIGKILL,) if fault == "KILL" else (0, 1)), what
                house = Again(folder)
                size, wrong = seen(house, before)
                # the next checkpoint is kept before `checkpoint` is replaced: in between that one is behind
                kept = (folder / f"ledger/checkpoints/{AFTER}").exists()
                if size not in (BEFORE, AFTER) or wrong - ({"untracked", "behind"} if kept else {"untracked"}):
                    failures.append((what, size, wrong))
                house.publish(more)
                size, wrong = seen(house, before)
                if (size, wrong) != (AFTER + 3, set()):
                    failures.append((what, "again", size, wrong))
                done[f"{fault} {'went on' if ended.code == 0 else 'stopped'}"] += 1
    assert failures == []
    with capsys.disabled():
        print(json.dumps({"calls": dict(sorted(undisturbed.calls.items())), "runs": dict(sorted(done.items()))}))
