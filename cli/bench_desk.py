"""What the records desk costs in a large archive: each act at the desk, each report. Run as a child on a home.

Answers with one JSON document. The home is the temporary one of `muniment bench`: what is in it means nothing.
"""

import json
import random
import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from sqlalchemy import func, select

from cli import bench_runs
from cli.bench_archive import Archive, Filling
from cli.bench_table import Row
from custody.access import clients_of
from custody.desk_tables import physical_files
from custody.ledger import size
from custody.loan_tables import loans
from infra.services import Services, open_services
from records.errors import InvalidValueError
from records.tables import clients
from tasks.desk import (
    counting,
    finding,
    inventory,
    lending,
    missing,
    receiving,
    renewing,
    requests,
    returning,
    shelving,
    undoing,
)
from tasks.desk.acts import Answer, Asked
from tasks.desk.counting import Count
from tasks.desk.lending import Lending
from tasks.desk.places import FIRST_SITE
from tasks.reports import circulation, service_level, trace, whereabouts
from tasks.reports.report import Report, Scope

SEED = 20261125
ROUNDS = 200  # of each act
REPEATS = 3  # of each report
PER_FILE = 10  # moves of a file, unless others are asked for
YEAR = timedelta(days=365)
HOME, KEPT = "home", "archive.json"  # in the folder of a kept archive
STAGING = f"{FIRST_SITE}/IN"  # of the site that an archive has
SHELF_SCANS = 20  # papers that an inventory of a shelf scans
GOOD = ("done", "info", "alert")


class DeskBench:
    """Times acts and reports in an archive that was just written."""

    def __init__(self, services: Services, archive: Archive) -> None:
        """Args: services of its home; what is in it."""
        self.services, self.archive = services, archive
        self.asked = Asked(services.person)
        source = random.Random(SEED)  # noqa: S311  a choice of files, not a secret
        chosen = source.sample(archive.stored, min(2 * ROUNDS, len(archive.stored)))
        half = len(chosen) // 2
        self.codes, self.asked_for = chosen[:half], chosen[half:]

    def acts(self) -> dict[str, dict[str, float]]:
        """Do each act with the same files, one after another; return milliseconds at p50 and p95, wall and CPU."""
        services, asked = self.services, self.asked
        taken = receiving.Receiving("default", described=receiving.Described(title="Expediente"))
        first_due = services.today() + timedelta(days=7 - services.today().weekday())  # a Monday: weekends are closed
        new_due = first_due + timedelta(days=7)
        at_holder = replace(asked, answers=frozenset({"seen-at-holder"}))
        steps: dict[str, Callable[[str, str], Answer]] = {
            "find": lambda code, name: finding.find(services, asked, code),
            "history": lambda code, name: finding.history(services, asked, code),
            "receive": lambda code, name: receiving.receive(services, asked, taken),
            "lend": lambda code, name: lending.lend(services, asked, Lending((code,), name, "audit", due=first_due)),
            "renew": lambda code, name: renewing.renew(services, asked, code, new_due),
            "recall": lambda code, name: renewing.recall(services, asked, code),
            "hand on": lambda code, name: renewing.recharge(services, at_holder, code, self._after(name), first_due),
            "return": lambda code, name: returning.give_back(services, asked, code),
            "check": lambda code, name: counting.check(services, asked, code, Count(pages=40)),
            "put back": lambda code, name: shelving.refile(services, asked, code),
            "move": lambda code, name: shelving.locate(services, asked, code, STAGING),
            "undo": lambda code, name: undoing.undo(services, asked, code),
            "search slip": lambda code, name: missing.not_found(services, asked, code),
            "inventory, a scan": lambda code, name: inventory.preview(services, asked, self.archive.shelf, code),
        }
        found = {what: self._times(what, step, self.codes) for what, step in steps.items()}
        return found | self._requests() | {"inventory, END of a shelf for each of its scans": self._inventory()}

    def _after(self, name: str) -> str:
        """Return another borrower than this one."""
        names = self.archive.borrowers
        return names[(names.index(name) + 1) % len(names)]

    def _requests(self) -> dict[str, dict[str, float]]:
        """Ask for other files than are lent, since who asked stands before who borrows; decide, fetch, keep ready."""
        services, asked = self.services, self.asked
        made: dict[str, str] = {}

        def request(code: str, name: str) -> Answer:
            answer = requests.add(services, asked, requests.Asking(code, name, "audit"))
            made[code] = answer.more["request"]["id"]
            return answer

        steps: dict[str, Callable[[str, str], Answer]] = {
            "request": request,
            "authorise": lambda code, name: requests.authorise(services, asked, made[code]),
            "pick": lambda code, name: requests.pick(services, asked, code),
            "keep ready": lambda code, name: requests.ready(services, asked, code),
            "cancel": lambda code, name: requests.decide(services, asked, made[code], "cancel"),
        }
        return {what: self._times(what, step, self.asked_for) for what, step in steps.items()}

    def _times(self, what: str, step: Callable[[str, str], Answer], codes: list[str]) -> dict[str, float]:
        wall, cpu = [], []
        for number, code in enumerate(codes):
            name = self.archive.borrowers[number % len(self.archive.borrowers)]
            began, worked = perf_counter(), process_time()
            answer = step(code, name)
            wall.append(1000 * (perf_counter() - began))
            cpu.append(1000 * (process_time() - worked))
            if answer.basket not in GOOD:
                raise RuntimeError(f"{what}: {answer.said.code}")  # a refusal is quick and measures nothing
        return _spread(wall, cpu)

    def _inventory(self) -> dict[str, float]:
        """Count a shelf with one act; return what that is for each paper that was scanned."""
        wall, cpu = [], []
        scanned = self.codes[:SHELF_SCANS]
        for _ in range(REPEATS):
            began, worked = perf_counter(), process_time()
            inventory.take(self.services, self.asked, self.archive.shelf, scanned)
            wall.append(1000 * (perf_counter() - began) / len(scanned))
            cpu.append(1000 * (process_time() - worked) / len(scanned))
        return _spread(wall, cpu)

    def reports(self) -> dict[str, dict[str, float]]:
        """Make each report, rows and all; return seconds (the median), CPU seconds, and rows."""
        year_ago = self.services.today() - YEAR
        terms = service_level.Terms(year_ago)
        made: dict[str, Callable[[Scope], Report]] = {
            "on-loan": circulation.on_loan,
            "overdue": circulation.overdue,
            "due-soon": circulation.due_soon,
            "most-lent": lambda scope: circulation.most_lent(scope, year_ago),
            "in-transit": whereabouts.in_transit,
            "staging": whereabouts.staging,
            "missing": whereabouts.missing,
            "phantom": whereabouts.phantom,
            "occupancy": whereabouts.occupancy,
            "retrieval": lambda scope: service_level.retrieval(scope, terms),
            "trace": lambda scope: trace.trace(scope, self._paper(scope)),
        }
        return {name: self._report(make) for name, make in made.items()}

    def _report(self, make: Callable[[Scope], Report]) -> dict[str, float]:
        wall, cpu, rows = [], [], 0
        for _ in range(REPEATS):
            began, worked = perf_counter(), process_time()
            with self.services.database.read() as connection:
                mine = clients_of(connection, self.services.person, "trace", self.services.today())
                named = select(clients.c.id, clients.c.name).where(clients.c.id.in_(mine))
                names = {row.id: row.name for row in connection.execute(named)}
                scope = Scope(connection, names, self.services.clock.now())
                rows = len(make(scope).rows)
            wall.append(perf_counter() - began)
            cpu.append(process_time() - worked)
        return {"seconds": statistics.median(wall), "cpu_seconds": statistics.median(cpu), "rows": rows}

    def _paper(self, scope: Scope) -> Any:
        code = physical_files.c.barcode == self.codes[0]
        return scope.connection.execute(select(physical_files).where(code)).one()


def _spread(wall: list[float], cpu: list[float]) -> dict[str, float]:
    def at(values: list[float], share: float) -> float:
        return sorted(values)[max(0, round(share * len(values)) - 1)]

    return {
        "p50": at(wall, 0.5), "p95": at(wall, 0.95), "cpu_p50": at(cpu, 0.5), "cpu_p95": at(cpu, 0.95),
        "times": len(wall),
    }  # fmt: skip


def kept_home(folder: Path, files: int, moves: int) -> Path:
    """Return the home of an archive that is kept in a folder; what was not written to its end is written anew.

    Raises:
        InvalidValueError: the folder holds an archive of another size, or something else.
    """
    noted = folder / KEPT
    if noted.exists():
        there = json.loads(noted.read_text())["written"]
        if (there["files"], there["per_file"]) != (files, _per_file(files, moves)):
            raise InvalidValueError(
                f"--keep holds an archive of {there['files']} files, {there['per_file']} moves each"
            )
    elif folder.exists() and {path.name for path in folder.iterdir()} - {HOME}:
        raise InvalidValueError("--keep takes a folder that is new or holds a kept archive")
    else:
        shutil.rmtree(folder / HOME, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    return folder / HOME


def _per_file(files: int, moves: int) -> int:
    return max(2, moves // files)


def measure(home: Path, environment: dict[str, str], files: int, moves: int, kept: bool = False) -> list[Row]:
    """Measure the desk in an archive of `files` files and `moves` moves; return the rows.

    It is written into the home, which is fresh, or is the home of a `kept` archive and may hold it already.
    """
    there = {**environment, "MUNIMENT_HOME": str(home)}
    noted = str(home.parent / KEPT) if kept else None
    given = json.dumps({"files": files, "per_file": _per_file(files, moves), "noted": noted}).encode()
    run = bench_runs.timed([sys.executable, "-m", "cli.bench_desk"], there, home.parent, given)
    answer = bench_runs.answer_of(run, "records desk", (0,))
    wrote = answer["written"]
    what = "{files:,} files, {events:,} events, {loans:,} loans, in {seconds:.0f} s".format(**wrote)
    rows = [Row("desk: moves written in bulk", (wrote["moves"] / wrote["seconds"],), "events/s", note=what)]
    for name, one in answer["acts"].items():
        note = "p50 {p50:.1f}, CPU p50 {cpu_p50:.1f}, CPU p95 {cpu_p95:.1f}, {times} times".format(**one)
        rows.append(Row(f"desk: {name}, p95", (one["p95"],), "ms", note=note))
    for name, one in answer["reports"].items():
        note = "CPU {cpu_seconds:.2f} s, {rows:,} rows".format(**one)
        rows.append(Row(f"report: {name}", (one["seconds"],), "s", note=note))
    return rows


def main() -> int:
    """Write an archive, or take the one that is `noted`, and measure; standard input also says `files`, `per_file`."""
    asked = json.load(sys.stdin)
    noted = None if asked["noted"] is None else Path(asked["noted"])
    services = open_services()
    try:
        archive, written = _archive(services, asked["files"], asked["per_file"], noted)
        bench = DeskBench(services, archive)
        if noted is not None:  # files that were used once are not used again: their requests stand in the way
            archive.stored = sorted({*archive.stored} - {*bench.codes, *bench.asked_for})
            _note(noted, archive, written)
        answer = {"written": written, "reports": bench.reports(), "acts": bench.acts()}
    finally:
        services.close()
    json.dump(answer, sys.stdout)
    return 0


def _archive(services: Services, files: int, per_file: int, noted: Path | None) -> tuple[Archive, dict[str, float]]:
    """Return the archive and how it was written: as noted, or now."""
    if noted is not None and noted.exists():
        found = json.loads(noted.read_text())
        return Archive(**found["archive"]), found["written"]
    began = perf_counter()
    archive = Filling(services, files, per_file).fill()
    seconds = perf_counter() - began
    with services.database.read() as connection:
        events, lent = size(connection), connection.execute(select(func.count()).select_from(loans)).scalar_one()
    written = {
        "files": files, "per_file": per_file, "moves": archive.moves, "events": events, "loans": lent,
        "seconds": seconds,
    }  # fmt: skip
    if noted is not None:
        _note(noted, archive, written)
    return archive, written


def _note(noted: Path, archive: Archive, written: dict[str, float]) -> None:
    """Write down what is in a kept archive, all of it or nothing."""
    fresh = noted.with_suffix(".new")
    fresh.write_text(json.dumps({"archive": asdict(archive), "written": written}))
    fresh.replace(noted)


if __name__ == "__main__":
    sys.exit(main())
