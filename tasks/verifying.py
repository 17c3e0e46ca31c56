"""Verifying an installation's own ledger and originals: as outsiders do, and against database and store beside it.

The published ledger is verified by the twelve steps of custody/verification.py, with the signer's keys. Then

13. the database holds the events that are published, byte for byte
14. the originals chosen, as the published leaves name them, are in the store: version, size, digest of the sealed
    bytes, and the lock where the store locks
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from custody import ledger
from custody.findings import Report, Step
from custody.ledger_copy import copy_ledger
from custody.merkle import hash_leaf
from custody.received_folder import ReceivedFolder
from custody.replay import Replay
from custody.stores.ledger_directory import LedgerDirectory
from custody.verification import Trust, Verified, verify_ledger
from records.errors import CustodyError, OriginalNotFoundError
from records.ids import parse_instant
from tasks.custody_check import Progress, object_fault
from tasks.services import Services

Choose = Callable[[list[str]], list[str]]  # of the originals' ids, those to look at


@dataclass(slots=True)
class Stored:
    """What the published leaves say of the originals: the object each was stored as, and how long it is locked."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    until: dict[str, str] = field(default_factory=dict)

    def stored(self, event: dict[str, Any]) -> None:
        """Take a `stored` event."""
        self.objects[event["subject"]] = event["obj"]

    def locked(self, event: dict[str, Any]) -> None:
        """Take a `retention_set` event."""
        if event["obj"] and "until" in event["obj"]:
            self.until[event["subject"]] = event["obj"]["until"]


def part_of(number: int, total: int) -> Choose:
    """Return the choice of part `number` of `total`: every original is in one of them, the same at each run."""
    return lambda ids: [one for one in ids if int(hashlib.sha256(one.encode()).hexdigest(), 16) % total == number - 1]


def verify_own(services: Services, given: Trust, choose: Choose | None, progress: Progress = lambda: None) -> Verified:
    """Verify the ledger, and with `choose` the originals that it chooses; the caller shows progress.

    Where no keys are given, those of the installation's signer are believed.
    """
    seen = Stored()
    folder = services.places.ledger
    if services.ledger_files.locks:
        copy_ledger(services.ledger_files, LedgerDirectory(folder))
    if not folder.is_dir() or not ReceivedFolder(folder).listed()[0]:
        return Verified(_nothing_published(services))
    trust = given if given.keys else replace(given, keys=tuple(services.signing.public_keys()))
    verified = verify_ledger(ReceivedFolder(folder), trust, {"stored": seen.stored, "retention_set": seen.locked})
    report = verified.report
    with report.step("the database holds the published events") as step:
        _database(services, verified.replay, step)
    if choose is not None:
        with report.step("originals are in the store as the ledger says") as step:
            _originals(services, seen, verified.replay, choose, report, step, progress)
    return verified


def _nothing_published(services: Services) -> Report:
    report = Report()
    with report.step("the ledger's files are there") as step, services.database.read() as connection:
        step.unchecked(f"nothing is published; {ledger.size(connection)} events wait: 'muniment ledger publish'")
    return report


def _database(services: Services, replay: Replay | None, step: Step) -> None:
    """Step 13."""
    if replay is None:
        step.unchecked("there is no tree to check against")
        return
    count = 0
    with services.database.read() as connection:
        for entry in ledger.entries(connection, 0, replay.size):
            if entry.seq != count:
                step.problem("gap", entry.id, count, entry.seq, entry.seq)
                count = entry.seq
            expected, found = replay.leaf_hash(entry.seq).hex(), hash_leaf(entry.leaf).hex()
            if expected != found:
                step.problem("event", entry.id, expected, found, entry.seq)
            count += 1
        waiting = ledger.size(connection) - replay.size
    if count != replay.size:
        step.problem("length", "events", replay.size, count)
    if waiting > 0:
        step.say(f"{waiting} events wait to be published")


def _originals(
    services: Services, seen: Stored, replay: Replay | None, choose: Choose, report: Report, step: Step,
    progress: Progress,
) -> None:  # fmt: skip
    """Step 14."""
    if replay is None:
        step.unchecked("there is no tree to check against")
        return
    living = [one for one in seen.objects if replay.state(one) == "stored"]
    chosen = choose(living)
    for original in chosen:
        obj = seen.objects[original]
        fault = object_fault(services.vault, obj["key"], obj["version"], obj["size"], obj["sha256"])
        if fault is not None:
            step.problem("original", original, *fault)
        elif services.vault.store.locks and original in seen.until:
            _lock(services, original, obj, seen.until[original], step)
        report.checked["originals"] += 1
        progress()
    step.say(f"{len(chosen)} of {len(living)}")
    if living and not chosen:
        step.unchecked("none was chosen")
    known = {(obj["key"], obj["version"]) for obj in seen.objects.values()}  # also another version laid over one
    held = services.vault.store.versions("o/")
    report.notes["untracked"] = sorted({one.key for one in held if (one.key, one.version) not in known})


def _lock(services: Services, original: str, obj: dict[str, Any], until: str, step: Step) -> None:
    try:
        found = services.vault.store.stat(obj["key"], obj["version"])
    except (OriginalNotFoundError, CustodyError) as error:
        step.problem("original", original, "an object", error)
        return
    if found.mode != "COMPLIANCE" or found.retain_until is None:
        step.problem("lock", original, f"COMPLIANCE until {until}", found.mode or "none")
    elif found.retain_until < parse_instant(until).replace(microsecond=0):
        step.problem("lock", original, until, found.retain_until.isoformat())
