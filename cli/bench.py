"""`muniment bench`: what this machine reaches, on the same pages in one run, against what it is measured against.

What is measured and how: docs/benchmarks.md. A yardstick or peer that cannot run is a row that says why.
"""

import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import platformdirs

from cli import bench_desk, bench_fields, bench_memory, bench_pages, bench_peers, bench_runs
from cli.bench_ledger_rows import ledger_rows
from cli.bench_sets import KnownSet, SetName, answer_known_set
from cli.bench_table import Row, plain_table, rates_of
from cli.frame import Frame, _, command
from infra.settings import Settings, load_settings
from records.errors import MunimentError

commands = click.Group()
WHOLE, TESSERACT = "whole ingest", "Tesseract alone"
SAME_PAGES = 10  # different pages of the files whose memory is measured: the others repeat them
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person asked for."""

    folder: Path | None
    peers: bool
    repeat: int
    pages: int | None
    memory: tuple[int, ...]
    memory_kind: str
    big: int
    events: int
    verified: int
    language: str
    desk: int
    moves: int
    only_desk: bool
    keep: Path | None


@dataclass
class Bench:
    """One benchmark: its pages, its temporary folder, and what was measured so far."""

    asked: Asked
    settings: Settings
    folder: Path
    say: Callable[[str], None]
    rows: list[Row] = field(default_factory=list)
    memory: list[dict[str, Any]] = field(default_factory=list)
    versions: dict[str, str | None] = field(default_factory=lambda: {"tesseract": None, "ocrmypdf": None})
    absent: dict[str, str] = field(default_factory=dict)
    runs: dict[str, list[bench_runs.Reading]] = field(default_factory=dict)
    homes: int = 0
    filled: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Draw or find the pages."""
        self.environment = bench_runs.plain_environment(self.settings)
        self.cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if self.asked.folder is not None:
            self.set = bench_pages.folder_of_pages(self.asked.folder, self.asked.pages)
        else:
            drawn = self.folder / "pages"
            drawn.mkdir()
            self.set = bench_pages.drawn_pages(drawn, self.asked.pages or 20)

    def fresh_home(self) -> Path:
        """Name a home that does not exist yet."""
        self.homes += 1
        return self.folder / f"home-{self.homes}"

    def measure(self) -> None:
        """Measure everything, the programs in turn."""
        if not self.asked.only_desk:
            self._reading()
            self._custody()
            self._memory()
        if self.asked.desk:
            moves = self.asked.moves or bench_desk.PER_FILE * self.asked.desk
            kept = self.asked.keep
            home = self.fresh_home() if kept is None else bench_desk.kept_home(kept.absolute(), self.asked.desk, moves)
            self.rows += bench_desk.measure(home, self.environment, self.asked.desk, moves, kept is not None)

    def _reading(self) -> None:
        peers = self._peers()
        start = bench_runs.start_up(self.fresh_home(), self.environment)  # first, so that no program starts cold
        for turn in range(1, self.asked.repeat + 1):
            self._turn(turn, WHOLE, self._ingest)
            self._turn(turn, TESSERACT, self._tesseract)
            for peer in bench_peers.PEERS if peers else ():
                self._turn(turn, peer.what, partial(self._peer, peer, peers))
        self.rows += rates_of(WHOLE, "pages/min", self._values("pages_per_minute"), self.absent)
        self.rows += rates_of(WHOLE, "CPU s/page", self._values("cpu_seconds_per_page"), {})
        self.rows.append(Row("start-up with a new home", (start.seconds,), "s", note="part of every whole ingest"))

    def _values(self, name: str) -> dict[str, tuple[float, ...]]:
        return {what: tuple(getattr(run, name) for run in runs) for what, runs in self.runs.items()}

    def _turn(self, turn: int, what: str, run: Callable[[], bench_runs.Reading | bench_peers.Absent]) -> None:
        if what in self.absent:
            return
        found = run()
        if isinstance(found, bench_peers.Absent):
            self.absent[what] = found.why
            self.say(f"{what}: {_('not run')}: {found.why}")
            return
        self.runs.setdefault(what, []).append(found)
        self.say(f"{turn}/{self.asked.repeat} {what}: {found.pages} {_('pages')}, {found.seconds:.1f} s")

    def _ingest(self) -> bench_runs.Reading:
        home = self.fresh_home()
        found = bench_runs.ingest(self.set.files, home, self.environment)
        self.filled.append(home)
        return found

    def _tesseract(self) -> bench_runs.Reading | bench_peers.Absent:
        workers = self.settings.workers or self.cores
        try:
            found, self.versions["tesseract"] = bench_runs.tesseract(
                self.set.files, self.asked.language, workers, self.folder, self.environment
            )
        except MunimentError as error:
            return bench_peers.Absent(str(error))
        return found

    def _peers(self) -> bench_peers.Found | None:
        if not self.asked.peers:
            self.absent |= {peer.what: "not asked for; add --peers" for peer in bench_peers.PEERS}
            return None
        cache = platformdirs.user_cache_path("muniment", appauthor=False)
        found = bench_peers.find_ocrmypdf(self.environment, cache, self.say)
        if isinstance(found, bench_peers.Absent):
            self.absent |= {peer.what: found.why for peer in bench_peers.PEERS}
            return None
        self.versions["ocrmypdf"] = found.version
        bench_pages.as_pdf(self.set.files, self.set.pages, self.folder / "pages.pdf")
        return found

    def _peer(self, peer: bench_peers.Peer, found: bench_peers.Found | None) -> bench_runs.Reading | bench_peers.Absent:
        if found is None:
            return bench_peers.Absent("OCRmyPDF is not there")
        jobs = self.settings.workers or self.cores
        pages = self.folder / "pages.pdf"
        run = bench_peers.run_peer(peer, found, pages, self.asked.language, jobs, self.environment)
        if isinstance(run, bench_peers.Absent):
            return run
        return bench_runs.Reading(self.set.pages, run.seconds, run.cpu_seconds)

    def _custody(self) -> None:
        home = self.filled[0]
        asked = {"big": self.asked.big * MIB, "single": self.asked.events, "many": 10 * self.asked.events}
        asked["verified"] = self.asked.verified
        found = bench_runs.probes(home, self.environment, asked)
        sealing, events, search, index = (found[name] for name in ("sealing", "events", "search", "index"))
        self.rows += rates_of(
            "seal and hash", "MB/s", {"seal and hash": sealing["seal"], "bare SHA-256": sealing["hash"]}, {}
        )
        largest = tuple(sorted(sealing["peak"])[-1:])
        self.rows.append(Row("seal and hash", largest, "MiB", note=f"a file of {self.asked.big} MiB; largest process"))
        self.rows += [
            *ledger_rows(events, found["verifying"]),
            Row("search p95", (search["p95"],) if search["queries"] else (), "ms", note=_searched(search)),
            Row(
                "index", (index["indexed_pages"],), "pages", f"catalogue ({index['engine']})",
                index["indexed_pages"] / index["catalogue_pages"],
                "equal to the catalogue" if index["equal"] else "not equal to the catalogue",
            ),
        ]  # fmt: skip

    def _memory(self) -> None:
        measure = bench_memory.measure_here()
        for pages in self.asked.memory:
            what = f"{pages} pages in one {self.asked.memory_kind.upper()}"
            if measure is None:
                self.memory.append({"what": what, "pages": pages, "note": "not run: no /proc on this system"})
                continue
            self.memory.append({"what": what, **self._peak(pages, measure)})
            self.say(f"{_('memory')}: {what}: {self.memory[-1]['tree_mib']:.0f} MiB")

    def _peak(self, pages: int, measure: bench_memory.Measure) -> dict[str, Any]:
        file = self.folder / f"memory-{pages}.{self.asked.memory_kind}"
        write = bench_pages.as_pdf if self.asked.memory_kind == "pdf" else bench_pages.as_tiff
        write(self.set.files[:SAME_PAGES], pages, file)
        there = {**self.environment, "MUNIMENT_HOME": str(self.fresh_home())}
        ours = [*bench_runs.MUNIMENT, "ingest", "--json", str(file)]
        peak = bench_memory.peak_of(ours, there, bench_runs.ROOT, self.folder / "answer", measure)
        file.unlink()
        if peak.code != 0:
            raise MunimentError(f"ingest of {pages} pages ended with code {peak.code}")
        return {
            "pages": pages, "measure": measure, "tree_mib": peak.tree_bytes / MIB,
            "largest_mib": peak.largest_bytes / MIB, "processes": peak.processes, "seconds": peak.seconds,
            "pages_per_minute": 60 * pages / peak.seconds,
        }  # fmt: skip


def _searched(search: dict[str, Any]) -> str:
    if not search["queries"]:
        return "not run: no words were read"
    return "{queries} queries, {answered} with hits, median {median:.1f} ms".format(**search)


@command(commands, "bench")
@click.option("--set", "folder", type=SetName(),
              help="Folder of page images; without it pages are drawn. fields:DIR measures index fields on labelled "
                   "documents instead, reading:DIR pages with known text.")  # fmt: skip
@click.option("--part", type=click.Choice(["held-out", "learn", "all"]), default="held-out", show_default=True,
              help="With fields:DIR and reading:DIR: which half.")  # fmt: skip
@click.option("--plots", type=click.Path(file_okay=False, path_type=Path),
              help="With reading:DIR: folder that plots of the figures are drawn into.")  # fmt: skip
@click.option("--peers", is_flag=True, help="Measure OCRmyPDF too; it is installed into an environment of its own.")
@click.option("--repeat", type=click.IntRange(min=1), default=1, show_default=True, help="Turns of every program.")
@click.option("--pages", type=click.IntRange(min=1), help="Files of the set at most, or pages drawn (20).")
@click.option("--memory", type=click.IntRange(min=0), multiple=True, default=(10, 300), show_default=True,
              help="Pages of a file whose ingest's memory is measured; 0: none.")  # fmt: skip
@click.option("--memory-kind", type=click.Choice(["tiff", "pdf"]), default="tiff", show_default=True,
              help="Format of that file.")  # fmt: skip
@click.option("--big", type=click.IntRange(min=1), default=64, show_default=True, help="MiB of the file sealed.")
@click.option("--events", type=click.IntRange(min=10), default=500, show_default=True,
              help="Events appended one by one; ten times as many in batches.")  # fmt: skip
@click.option("--verified", type=click.IntRange(min=0), default=20_000, show_default=True,
              help="Events of the ledger whose verifying is measured; 0: none.")  # fmt: skip
@click.option("--desk", type=click.IntRange(min=0), default=2000, show_default=True,
              help="Files of the archive in which the records desk is measured; 0: not measured.")  # fmt: skip
@click.option("--moves", type=click.IntRange(min=0), default=0,
              help="Moves of those files, all together; ten of each if it is not given.")  # fmt: skip
@click.option("--only-desk", is_flag=True, help="Measure the records desk alone.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False),
              help="Folder where that archive is kept: a later run measures in it as it is.")  # fmt: skip
@click.option("--language", default="eng", show_default=True, help="Tesseract's language of the pages, for the others.")
def bench_command(
    frame: Frame, memory: tuple[int, ...], part: bench_fields.Part, plots: Path | None, **given: Any
) -> None:
    """Measure this machine: reading, custody, search, memory. Takes minutes; real work is not touched."""
    settings, _origins = load_settings()
    if isinstance(given["folder"], KnownSet):
        answer_known_set(frame, settings, given["folder"], part, given["pages"], plots)
        return
    load = {"load_before": round(os.getloadavg()[0], 2)}
    with tempfile.TemporaryDirectory(prefix="muniment-bench-") as folder:
        asked = Asked(memory=tuple(pages for pages in memory if pages), **given)
        bench = Bench(asked, settings, Path(folder), frame.hint)
        bench.measure()
    document = {
        "conditions": {**_conditions(bench), **load, "load_after": round(os.getloadavg()[0], 2)},
        "rows": [row.as_json() for row in bench.rows],
        "memory": bench.memory,
    }  # fmt: skip
    frame.answer(document, lambda: plain_table(document))


def _conditions(bench: Bench) -> dict[str, Any]:
    return {
        "set": bench.set.name, "files": len(bench.set.files), "pages": bench.set.pages, "turns": bench.asked.repeat,
        "cores": bench.cores, "workers": bench.settings.workers or bench.cores, "processor": _processor(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1),
        "system": _system(), "python": platform.python_version(), "muniment": version("muniment"),
        **bench.versions, "languages": bench.settings.languages, "language_of_others": bench.asked.language,
        "omp_thread_limit": 1, "sealed_mib": bench.asked.big,
        "ocrmypdf_input": "one PDF of the same pages, the pictures as they are coded; one process, a job a core",
        "ghostscript": shutil.which("gs", path=bench.environment.get("PATH")) is not None,
    }  # fmt: skip


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def _processor() -> str:
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
