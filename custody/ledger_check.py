"""Checking the event table against itself: every row is its leaf, nothing is missing, every move was legal.

The same rules that a verifier applies to the published ledger (custody reference, section 1.3); streamed, so that
memory grows with the number of subjects and not of events.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import rfc8785
from sqlalchemy import Connection, select

from custody import ledger
from custody.findings import Step
from custody.tables import events
from records.errors import LifecycleError
from records.lifecycle import TRANSITIONS, check_transition


@dataclass(slots=True)
class Replayed:
    """Where the ledger leaves every subject: its state, and the commitment to details that was stated last."""

    count: int = 0
    states: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    types: dict[str, list[str]] = field(default_factory=dict)


DETAIL_TYPES = ("described", "field_corrected", "field_confirmed")  # their `detail` binds the record's fields


def replay(connection: Connection, step: Step) -> Replayed:
    """Read the whole event table in order, name every fault, and return where it leaves each subject."""
    found = Replayed()
    rows = connection.execution_options(yield_per=2000).execute(select(events).order_by(events.c.seq))
    for row in rows:
        if row.seq != found.count:
            step.problem("gap", row.id, found.count, row.seq, row.seq)
        if isinstance(row.leaf, str):  # SQLite lets a tampering hand put text where bytes belong
            step.problem("leaf", row.id, "bytes", "text", row.seq)
        leaf = row.leaf.encode() if isinstance(row.leaf, str) else bytes(row.leaf)
        event = _parse(leaf, row, step)
        if event is not None:
            _check_row(row, leaf, event, step)
            _check_move(event, found, step)
            found.heads[event["subject"]] = row.leaf_hash
        found.count = row.seq + 1
    size = ledger.size(connection)
    if size != found.count:
        step.problem("length", "ledger_head", size, found.count)
    return found


def _parse(leaf: bytes, row: Any, step: Step) -> dict[str, Any] | None:
    try:
        event: dict[str, Any] = json.loads(leaf)
        canonical = bytes(rfc8785.dumps(event))
    except (ValueError, TypeError):
        step.problem("leaf", row.id, "canonical JSON", "unreadable", row.seq)
        return None
    if canonical != leaf:
        step.problem("leaf", row.id, "canonical JSON", "another form", row.seq)
    missing = {"id", "seq", "ts", "type", "subject", "client", "from", "to", "prev"} - event.keys()
    if missing:
        step.problem("leaf", row.id, "all keys", "missing " + ", ".join(sorted(missing)), row.seq)
        return None
    return event


def _check_row(row: Any, leaf: bytes, event: dict[str, Any], step: Step) -> None:
    if ledger.leaf_hash(leaf) != row.leaf_hash:
        step.problem("leaf-hash", row.id, row.leaf_hash, ledger.leaf_hash(leaf), row.seq)
    for column in ("id", "seq", "ts", "type", "subject", "client"):
        if event[column] != getattr(row, column):
            step.problem("column", row.id, event[column], getattr(row, column), row.seq)


def _check_move(event: dict[str, Any], found: Replayed, step: Step) -> None:
    subject, seq = event["subject"], event["seq"]
    if event["prev"] != found.heads.get(subject):
        step.problem("chain", event["id"], found.heads.get(subject), event["prev"], seq)
    try:
        check_transition(event["type"], subject, event["from"], event["to"])
    except LifecycleError as error:
        step.problem("move", event["id"], "a legal move", error, seq)
    if event["type"] in TRANSITIONS:
        if event["from"] != found.states.get(subject):
            step.problem("state", subject, found.states.get(subject), event["from"], seq)
        found.states[subject] = event["to"]
    if event["type"] in DETAIL_TYPES and event.get("detail"):
        found.details[subject] = event["detail"]
    if event["type"] in ("sealed", "stored"):
        found.commits[subject] = event.get("commit") or ""
    found.types.setdefault(subject, []).append(event["type"])
