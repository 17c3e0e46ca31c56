"""What a benchmark measures of the ledger: appending against canonicalising and hashing, verifying against a bare walk.

Works on the home of cli/bench_probes.py, which calls it. `python -m cli.bench_ledger walk|verify FOLDER VKEYS` measures
reading a published ledger in a process of its own, so that its peak memory is its own.
"""

import itertools
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from cli.bench_memory import peak_mib
from custody import ledger
from custody.checkpoints import open_checkpoint
from custody.leaves import write_leaf
from custody.ledger import Draft, append, append_many
from custody.merkle import hash_leaf
from custody.notes import parse_vkey
from custody.received_folder import ReceivedFolder
from custody.tree_walk import TreeWalk
from custody.verification import Trust, verify_ledger
from infra.services import Services
from tasks import publishing
from tasks.services import SYSTEM

BATCHES = (100, 1_000)  # events of one transaction
SUBJECTS = 100  # records that the events are about, in turn
FILL = 1_000
MODES = ("walk", "verify")
CHECKPOINT_LIMIT = 1 << 16


def event_rates(services: Services, single: int, many: int) -> dict[str, float]:
    """Append events; return events per second: one a transaction, in batches, and what the same leaves cost bare.

    `commit` is nothing but SQLite committing the same bytes, one in turn with each event, to a table on the same disk;
    `cpu` and `cpu_<batch>` are CPU milliseconds of an event.
    """
    drafts = _drafts(services)
    with services.database.read() as connection:
        first = ledger.size(connection)
    rates = _one_by_one(services, single, drafts)
    for batch in BATCHES:
        turns = max(1, many // batch)
        began, used = perf_counter(), process_time()
        _append(services, drafts, turns, batch)
        rates[str(batch)] = turns * batch / (perf_counter() - began)
        rates[f"cpu_{batch}"] = (process_time() - used) * 1000 / (turns * batch)
    with services.database.read() as connection:
        parsed = [entry.event for entry in ledger.entries(connection, first, None)]
    began = perf_counter()
    for event in parsed:
        hash_leaf(write_leaf(event))
    return {**rates, "bare": len(parsed) / (perf_counter() - began)}


def _one_by_one(services: Services, count: int, drafts: Iterator[Draft]) -> dict[str, float]:
    """Append events, each in a transaction of its own, and behind it commit its bytes alone: on the same disk."""
    appending = committing = cpu = 0.0
    with tempfile.TemporaryDirectory(dir=services.scratch) as folder, closing(_bare_table(Path(folder))) as bare:
        for _ in range(count):
            began, used = perf_counter(), process_time()
            with services.database.write() as connection:
                leaf = append(connection, next(drafts), services.clock.now()).leaf
            done, cpu = perf_counter(), cpu + process_time() - used
            bare.execute("BEGIN IMMEDIATE")
            bare.execute("INSERT INTO leaves (leaf) VALUES (?)", (leaf,))
            bare.execute("COMMIT")
            appending, committing = appending + done - began, committing + perf_counter() - done
    return {"one": count / appending, "commit": count / committing, "cpu": cpu * 1000 / count}


def _bare_table(folder: Path) -> sqlite3.Connection:
    """Return a table of leaves and nothing else, durable as the catalogue is."""
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE leaves (leaf BLOB NOT NULL)"):
        bare.execute(statement)
    return bare


def _drafts(services: Services) -> Iterator[Draft]:
    for subject in itertools.cycle([services.ids.new("rec") for _ in range(SUBJECTS)]):
        yield Draft(services.ids.new("evt"), "viewed", subject, SYSTEM, reason="processing")


def _append(services: Services, drafts: Iterator[Draft], turns: int, batch: int) -> None:
    for _ in range(turns):
        with services.database.write() as connection:
            append_many(connection, list(itertools.islice(drafts, batch)), services.clock.now())


def verifying(services: Services, least: int) -> dict[str, Any]:
    """Publish at least so many events; return what the bare walk and verifying cost, each in its own process."""
    with services.database.read() as connection:
        missing = least - ledger.size(connection)
    _append(services, _drafts(services), max(0, -(-missing // FILL)), FILL)
    done = publishing.publish_whole(services)
    keys = json.dumps([key.vkey for key in services.signing.public_keys()])
    found: dict[str, Any] = {"events": done.size}
    for mode in MODES:
        command = [sys.executable, "-m", "cli.bench_ledger", mode, str(services.places.ledger), keys]
        found[mode] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def _measured(mode: str, folder: Path, vkeys: list[str]) -> dict[str, Any]:
    files, keys = ReceivedFolder(folder), tuple(parse_vkey(vkey) for vkey in vkeys)
    began, used = perf_counter(), process_time()
    if mode == "walk":
        note = files.read("checkpoint", CHECKPOINT_LIMIT) or b""
        checkpoint = open_checkpoint(note, keys[0]).checkpoint
        walked = TreeWalk(checkpoint.size, files.read, (), lambda _entries, _hashes: None).run()
        holds = walked.root == checkpoint.root
    else:
        holds = str(verify_ledger(files, Trust(keys)).report.verdict) == "holds"
    seconds, cpu = perf_counter() - began, process_time() - used
    return {"seconds": seconds, "cpu_seconds": cpu, "peak_mib": peak_mib(), "holds": holds}


if __name__ == "__main__":
    json.dump(_measured(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])), sys.stdout)
