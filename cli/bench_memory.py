"""Peak memory of a command and all it starts, sampled from Linux's process table.

Counted is the proportional set size (PSS: a page shared by three processes counts a third in each); where the kernel
does not tell it, the resident set (RSS: shared pages count in every process). Sampling can miss a peak shorter than the
interval.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import Literal

PROC = Path("/proc")
EVERY_SECONDS = 0.1
KIB = 1024

Measure = Literal["PSS", "RSS"]


@dataclass(frozen=True, slots=True)
class Peak:
    """Peaks in bytes: of the whole tree at one moment, and of the largest process at any; and the seconds it took."""

    code: int
    answer: bytes
    seconds: float
    tree_bytes: int
    largest_bytes: int
    processes: int
    measure: Measure


def peak_mib() -> float | None:
    """Return the largest resident set of this process so far, None where there is no process table."""
    status = PROC / "self/status"
    lines = status.read_text("ascii", "replace").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / KIB for line in lines if line.startswith("VmHWM:")), None)


def measure_here() -> Measure | None:
    """Return what this machine's kernel tells of a process, None where there is no process table to read."""
    if (PROC / "self/smaps_rollup").exists():
        return "PSS"
    return "RSS" if (PROC / "self/status").exists() else None


def peak_of(command: Sequence[str], environment: dict[str, str], folder: Path, out: Path, measure: Measure) -> Peak:
    """Run a command in `folder` to its end and return the peaks; its standard output goes through the file `out`."""
    tree = largest = most = 0
    began = perf_counter()
    with out.open("wb") as answer:
        child = subprocess.Popen(command, env=environment, cwd=folder, stdout=answer, stderr=subprocess.DEVNULL)
        try:
            while child.poll() is None:
                sizes = [memory_of(pid, measure) for pid in tree_of(child.pid)]
                tree, largest, most = max(tree, sum(sizes)), max(largest, *sizes), max(most, len(sizes))
                sleep(EVERY_SECONDS)
        finally:  # interrupted: it must not go on alone
            child.kill()
            child.wait()
    seconds = perf_counter() - began
    return Peak(child.returncode, out.read_bytes(), seconds, tree, largest, most, measure)


def tree_of(root: int) -> list[int]:
    """Return a process and all that descend from it now."""
    children: dict[int, list[int]] = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit() and (parent := _parent(folder)) is not None:
            children.setdefault(parent, []).append(int(folder.name))
    found = [root]
    for pid in found:  # grows while it is walked
        found += children.get(pid, ())
    return found


def _parent(folder: Path) -> int | None:
    try:
        stat = (folder / "stat").read_text("ascii", "replace")
    except OSError:  # ended meanwhile
        return None
    return int(stat.rpartition(")")[2].split()[1])


def memory_of(pid: int, measure: Measure) -> int:
    """Return a process's memory in bytes; 0 for one that has ended."""
    name, mark = ("smaps_rollup", "Pss:") if measure == "PSS" else ("status", "VmRSS:")
    try:
        lines = (PROC / str(pid) / name).read_text("ascii", "replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * KIB for line in lines if line.startswith(mark)), 0)
