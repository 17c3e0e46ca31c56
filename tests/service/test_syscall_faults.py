"""Every system call that writes fails, or is the process's last: nothing is lost or doubled (Tessera's way of testing).

One accession on a directory and SQLite runs under strace, which lets the n-th call of a kind fail with EIO, ENOSPC or
EINTR, or kills the process there, as if the power had gone. Then the sweeper finishes, the same file is offered again,
and every invariant must hold. `make crash` fails every call; without --every-call some of each kind are taken.
"""

import collections
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from one_accession import opened, recover, run_once
from PIL import Image, ImageDraw

pytestmark = pytest.mark.crash

CALLS = (
    "openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "link", "linkat", "unlink", "unlinkat",
    "mkdir", "mkdirat", "chmod", "fchmod", "flock", "close",
)  # fmt: skip
FAULTS = ("EIO", "ENOSPC", "EINTR", "KILL")
TOO_MANY = 60.0  # seconds: a process that goes on asking for ever what always fails
EVERY = 6  # of the calls of a kind, one in so many is taken where not all are asked for


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code (negative: the signal), and how many calls of each kind it made."""

    code: int
    calls: collections.Counter[str]


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sheet") / "a.tif"
    page = Image.new("L", (600, 400), 255)
    ImageDraw.Draw(page).text((60, 100), "muniment", fill=0)
    page.save(path)
    return path


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, sheet: Path) -> Iterator[Path]:
    """A home that was made and holds nothing; another one has taken a scan in, so that all modules are loaded."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: script/setup dev")
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("MUNIMENT_")]:
        del os.environ[name]
    folder = tmp_path_factory.mktemp("homes")
    opened(folder / "template").close()
    assert run_once(folder / "other", sheet, lambda: None) == 0
    yield folder / "template"
    os.environ.clear()
    os.environ.update(before)


def run_under_strace(home: Path, sheet: Path, trace: Path, *arguments: str) -> Ended:
    """Fork, attach strace, and let the accession begin."""
    near, far = multiprocessing.Pipe()
    pid = os.fork()
    if pid == 0:

        def ready() -> None:
            far.send_bytes(b"ready")
            far.recv_bytes()

        os._exit(run_once(home, sheet, ready))
    far.close()
    assert near.recv_bytes() == b"ready"
    strace = subprocess.Popen(
        ["strace", "-f", "-p", str(pid), "-o", str(trace), "-e", f"trace={','.join(CALLS)}", *arguments],
        stderr=subprocess.PIPE,
    )
    assert strace.stderr is not None
    assert b"attached" in strace.stderr.readline()
    near.send_bytes(b"go")
    code = os.waitstatus_to_exitcode(_waited(pid))
    strace.communicate(timeout=TOO_MANY)
    near.close()
    named = re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.M)
    return Ended(code, collections.Counter(named))


def _waited(pid: int) -> int:
    """Wait for a process; one that does not end is a finding."""

    def over(_number: int, _frame: object) -> None:
        os.kill(pid, signal.SIGKILL)
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, TOO_MANY)
    try:
        return os.waitpid(pid, 0)[1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def chosen(count: int, everything: bool, seed: int) -> list[int]:
    """Return which of the calls 1..count are failed; the first and the last are always among some."""
    return [n for n in range(1, count + 1) if everything or n in (1, count) or n % EVERY == seed % EVERY]


def test_every_call_that_writes_may_fail_or_be_the_last(
    template: Path, sheet: Path, tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    everything, seed = pytestconfig.getoption("--every-call"), pytestconfig.getoption("--seed")
    home, trace = tmp_path / "home", tmp_path / "trace"

    def once(*arguments: str) -> Ended:
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(template, home)
        return run_under_strace(home, sheet, trace, *arguments)

    undisturbed = once()
    assert undisturbed.code == 0
    assert undisturbed.calls["fsync"] >= 8 and undisturbed.calls["pwrite64"] >= 10, undisturbed.calls
    failures: list[tuple[object, str]] = []
    done: dict[str, collections.Counter[str]] = {fault: collections.Counter() for fault in FAULTS}
    for call, count in sorted(undisturbed.calls.items()):
        for number in chosen(count, everything, seed):
            for fault in FAULTS:
                how = "signal=KILL" if fault == "KILL" else f"error={fault}"
                ended = once("-e", f"inject={call}:{how}:when={number}")
                what = (call, number, fault, ended.code)
                assert ended.code in ((-signal.SIGKILL,) if fault == "KILL" else (0, 1, 2)), what
                services = opened(home, later=True)
                try:
                    recover(services, sheet)
                except Exception as error:  # noqa: BLE001  all are told together
                    failures.append((what, f"{type(error).__name__}: {error}"))
                finally:
                    services.close()
                done[fault][f"{call} {'went on' if ended.code == 0 else 'stopped'}"] += 1
    assert failures == []
    with capsys.disabled():
        calls = {call: len(chosen(count, everything, seed)) for call, count in sorted(undisturbed.calls.items())}
        ran = sum(sum(counts.values()) for counts in done.values())
        went_on = {fault: sum(n for name, n in c.items() if "went on" in name) for fault, c in done.items()}
        print(json.dumps({"calls": dict(sorted(undisturbed.calls.items())), "failed": calls, "runs": ran,
                          "went_on": went_on}))  # fmt: skip
