"""Running a piece of work under strace, which lets the n-th system call of a kind fail, or be the process's last."""

import collections
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

CALLS = (
    "openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "link", "linkat", "unlink", "unlinkat",
    "mkdir", "mkdirat", "chmod", "fchmod", "flock", "close",
)  # fmt: skip
FAULTS = ("EIO", "ENOSPC", "EINTR", "KILL")
TOO_MANY = 60.0  # seconds: a process that goes on asking for ever what always fails


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code (negative: the signal), and how many calls of each kind it made."""

    code: int
    calls: collections.Counter[str]


def need_strace() -> None:
    """Skip, saying so, where there is no strace."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: script/setup dev")


def injected(call: str, fault: str, number: int) -> tuple[str, str]:
    """Return the arguments that let the n-th call of a kind fail, or kill the process there."""
    how = "signal=KILL" if fault == "KILL" else f"error={fault}"
    return "-e", f"inject={call}:{how}:when={number}"


def run_under_strace(work: Callable[[Callable[[], None]], int], trace: Path, *arguments: str) -> Ended:
    """Fork, attach strace, and let the work begin: it calls what it is given when it is ready, and returns its code."""
    near, far = multiprocessing.Pipe()
    pid = os.fork()
    if pid == 0:

        def ready() -> None:
            far.send_bytes(b"ready")
            far.recv_bytes()

        os._exit(work(ready))
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


def chosen(count: int, everything: bool, seed: int, every: int) -> list[int]:
    """Return which of the calls 1..count are failed, one in `every`; the first and the last are always among some."""
    return [n for n in range(1, count + 1) if everything or n in (1, count) or n % every == seed % every]
