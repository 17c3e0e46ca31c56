"""Checking the event table against itself: every row is its leaf, nothing is missing, every rule was kept.

The rows are replayed as a verifier replays the published ledger (`custody.replay`), streamed, so that memory grows by
some bytes an event. What only the table knows is compared here: its columns, its leaf hashes and its length.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, select

from custody import ledger
from custody.findings import Step
from custody.leaves import parse
from custody.replay import Replay
from custody.tables import events


@dataclass(slots=True)
class Replayed:
    """Where the ledger leaves every subject: its state, and the commitments that were stated last."""

    count: int = 0
    states: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)


DETAIL_TYPES = ("described", "field_corrected", "field_confirmed")  # their `detail` binds the record's fields
COMMIT_TYPES = ("sealed", "stored")


def replay(connection: Connection, step: Step) -> Replayed:
    """Read the whole event table in order, name every fault, and return where it leaves each subject."""
    found = Replayed()
    run = Replay(step)
    rows = connection.execution_options(yield_per=2000).execute(select(events).order_by(events.c.seq))
    for row in rows:
        if row.seq != found.count:
            step.problem("gap", row.id, found.count, row.seq, row.seq)
            run.miss(row.seq - found.count)
        if isinstance(row.leaf, str):  # SQLite lets a tampering hand put text where bytes belong
            step.problem("leaf", row.id, "bytes", "text", row.seq)
        leaf = row.leaf.encode() if isinstance(row.leaf, str) else bytes(row.leaf)
        actual = ledger.leaf_hash(leaf)
        if actual != row.leaf_hash:
            step.problem("leaf-hash", row.id, row.leaf_hash, actual, row.seq)
        if run.take(leaf, bytes.fromhex(actual)):
            _compare(row, parse(leaf), found, step)
        found.count = row.seq + 1
    run.finish()
    found.states = dict(run.states())
    size = ledger.size(connection)
    if size != found.count:
        step.problem("length", "ledger_head", size, found.count)
    return found


def _compare(row: Row[Any], event: dict[str, Any], found: Replayed, step: Step) -> None:
    for column in ("id", "seq", "ts", "type", "subject", "client"):
        if event[column] != getattr(row, column):
            step.problem("column", row.id, event[column], getattr(row, column), row.seq)
    if event["type"] in DETAIL_TYPES and event["detail"]:
        found.details[event["subject"]] = event["detail"]
    if event["type"] in COMMIT_TYPES:
        found.commits[event["subject"]] = event["commit"] or ""
