"""The runs a benchmark times: real commands as children, each on a home of its own that nothing else uses.

Of the operator's settings only those of reading are handed on. All others are left out, so that a benchmark never
writes to the database, store or index of real work.
"""

import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from infra.settings import Settings, run_environment
from records.errors import MunimentError

ROOT = Path(__file__).resolve().parents[1]
MUNIMENT = (sys.executable, "-m", "cli.main")
READING = ("languages", "ocr_engine", "renderer", "tessdata", "workers")  # settings that are handed on
PARTLY = 3  # exit code of an ingest that refused some files


@dataclass(frozen=True, slots=True)
class Run:
    """One command from its start to its end.

    `seconds` is wall clock, `cpu_seconds` that of it and all its children; `said` is its standard error.
    """

    code: int
    seconds: float
    cpu_seconds: float
    out: bytes
    said: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How long it took to read how many pages."""

    pages: int
    seconds: float
    cpu_seconds: float

    @property
    def pages_per_minute(self) -> float:
        """Return the speed."""
        return 60 * self.pages / self.seconds

    @property
    def cpu_seconds_per_page(self) -> float:
        """Return the work of one page, over all cores."""
        return self.cpu_seconds / self.pages


def plain_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of every run: no setting but those of reading, one OpenMP thread a process."""
    kept = {name: value for name, value in run_environment().items() if not name.startswith("MUNIMENT_")}
    given = {name: getattr(settings, name) for name in READING}
    reading = {f"MUNIMENT_{name.upper()}": str(value) for name, value in given.items() if value is not None}
    return {**kept, **reading, "OMP_THREAD_LIMIT": "1"}


def timed(command: list[str], environment: dict[str, str], folder: Path, given: bytes = b"") -> Run:
    """Run a command in `folder` to its end, `given` on its standard input."""
    with tempfile.TemporaryFile(dir=folder) as out, tempfile.TemporaryFile(dir=folder) as said:
        before = _children_seconds()
        began = perf_counter()
        done = subprocess.run(command, input=given, env=environment, cwd=ROOT, stdout=out, stderr=said, check=False)
        seconds = perf_counter() - began
        cpu_seconds = _children_seconds() - before
        out.seek(0)
        said.seek(0)
        return Run(done.returncode, seconds, cpu_seconds, out.read(), said.read().decode("utf-8", "replace"))


def ingest(files: tuple[Path, ...], home: Path, environment: dict[str, str]) -> Reading:
    """Take files into a fresh home by the real command: seal, store, read, describe, index.

    Raises:
        MunimentError: none was taken, or a page is missing in the index at the end.
    """
    there = {**environment, "MUNIMENT_HOME": str(home)}
    run = timed([*MUNIMENT, "ingest", "--json", *map(str, files)], there, home.parent)
    answer = answer_of(run, "ingest", (0, PARTLY))
    status = answer_of(timed([*MUNIMENT, "index", "status", "--json"], there, home.parent), "index status", (0,))
    if not answer["accessioned"] or not status["equal"]:
        raise MunimentError(f"ingest took {answer['accessioned']} of {answer['offered']} files; the index is not equal")
    return Reading(status["catalogue_pages"], run.seconds, run.cpu_seconds)


def start_up(home: Path, environment: dict[str, str]) -> Run:
    """Make a fresh home with a command that does nothing else: what each `ingest` above pays before its first page."""
    run = timed([*MUNIMENT, "status", "--json"], {**environment, "MUNIMENT_HOME": str(home)}, home.parent)
    answer_of(run, "status", (0,))
    return run


def tesseract(
    files: tuple[Path, ...], language: str, workers: int, folder: Path, environment: dict[str, str]
) -> tuple[Reading, str]:
    """Let Tesseract alone read the files, one process a core; return its version as well.

    Raises:
        MunimentError: it could not.
    """
    tessdata = environment.get("MUNIMENT_TESSDATA")
    asked = {"files": list(map(str, files)), "language": language, "tessdata": tessdata, "workers": workers}
    command = [sys.executable, "-m", "cli.bench_tesseract"]
    run = timed(command, environment, folder, json.dumps(asked).encode())
    answer = answer_of(run, "Tesseract alone", (0,))
    return Reading(answer["pages"], run.seconds, run.cpu_seconds), answer["version"]


def probes(home: Path, environment: dict[str, str], asked: dict[str, int]) -> dict[str, Any]:
    """Measure searching, ledger and sealing in a home that an ingest has filled (cli.bench_probes)."""
    command = [sys.executable, "-m", "cli.bench_probes"]
    there = {**environment, "MUNIMENT_HOME": str(home)}
    return answer_of(timed(command, there, home.parent, json.dumps(asked).encode()), "probes", (0,))


def answer_of(run: Run, what: str, codes: tuple[int, ...]) -> dict[str, Any]:
    """Parse a child's answer.

    Raises:
        MunimentError: it ended with another code; its own error's code and message are repeated.
    """
    if run.code in codes:
        parsed: dict[str, Any] = json.loads(run.out)
        return parsed
    try:
        error = json.loads(run.out)["error"]
        why = f"{error['code']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        why = " ".join(run.said.strip().splitlines()[-1:])
    raise MunimentError(f"{what} ended with code {run.code}: {why}")


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
