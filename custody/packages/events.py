"""The events of a package: each in the tree of the checkpoint, each subject's chain whole, each move legal.

The form of a leaf is custody.leaves', the rules are records.rules', as for the whole ledger. What a package cannot show
is what happened after its checkpoint, or to subjects that it does not hold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from custody.checkpoints import SignedCheckpoint
from custody.findings import Step
from custody.leaves import LEAF_LIMIT, parse, read_leaf
from custody.merkle import hash_leaf, verify_inclusion
from custody.packages.layout import EVENTS, proof_name
from custody.proofs import PROOF_LIMIT, parse_proof
from records.errors import LeafError, MunimentError, PackageError
from records.lifecycle import TRANSITIONS
from records.rules import Mark, Marks, broken


@dataclass(slots=True)
class Timeline:
    """What the events of a package say, by event and by subject; implements `records.rules.Past` for those taken.

    Grows with the events, not with the documents.
    """

    events: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)  # id -> type, time, subject, actor
    heads: dict[str, str] = field(default_factory=dict)  # subject -> leaf hash of its last event
    last: dict[str, int] = field(default_factory=dict)  # subject -> seq of its last event
    states: dict[str, str] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)  # original -> commitment of its last `stored`
    needs: dict[str, list[str]] = field(default_factory=dict)  # record -> events that its registration rests on
    exported: set[str] = field(default_factory=set)
    open_marks: Marks = field(default_factory=Marks)

    def state(self, subject: str) -> str | None:
        """See `Past.state`."""
        return self.states.get(subject)

    def marks(self, subject: str, name: str) -> Sequence[Mark]:
        """See `Past.marks`."""
        return self.open_marks.of(subject, name)

    def mark(self, event: str) -> Mark | None:
        """See `Past.mark`."""
        return self.open_marks.by(event)


def leaves(folder: Path) -> Iterator[bytes]:
    """Yield the leaves of a package, one at a time.

    Raises:
        PackageError: the file is not there, or a line is longer than a leaf can be or does not end.
    """
    try:
        with (folder / EVENTS).open("rb") as file:
            while line := file.readline(LEAF_LIMIT + 2):
                if not line.endswith(b"\n"):
                    raise PackageError("a line of the events is too long, or the last does not end")
                yield line[:-1]
    except OSError as error:
        raise PackageError("the events cannot be read") from error


def check_proofs(folder: Path, signed: SignedCheckpoint, step: Step) -> int:
    """Verify the inclusion proof of every event against the one checkpoint; return how many events there are."""
    number = -1
    for number, leaf in enumerate(leaves(folder)):
        name = proof_name(number)
        try:
            with (folder / name).open("rb") as file:
                proof = parse_proof(file.read(PROOF_LIMIT + 1))
            if proof.checkpoint != signed.data or proof.extra is not None:
                raise PackageError("leads to another checkpoint, or holds more than a proof")
            tree = signed.checkpoint
            verify_inclusion(proof.index, tree.size, hash_leaf(leaf), proof.path, tree.root)
            if int(read_leaf(leaf)[4]) != proof.index:
                raise PackageError("is for another place than the event says")
        except (MunimentError, OSError) as error:
            said = str(error) if isinstance(error, MunimentError) else "none that can be read"
            step.problem("proof", name, "a proof that leads to the checkpoint", said)
    for other in sorted((folder / "evidence").glob("*.tlog-proof")):
        proved = int(other.stem) if other.stem.isascii() and other.stem.isdecimal() else -1
        if not 0 <= proved <= number or other.name != Path(proof_name(proved)).name:
            step.problem("proof", f"evidence/{other.name}", "one proof for each event", "one more")
    return number + 1


def check_timeline(folder: Path, step: Step) -> Timeline:
    """Replay the events of each subject from its first one; return what they say."""
    found, newest = Timeline(), -1
    for number, leaf in enumerate(leaves(folder)):
        try:
            read_leaf(leaf)
        except LeafError as error:
            step.problem("leaf", f"line {number + 1} of {EVENTS}", error.expected, error.found)
            continue
        event = parse(leaf)
        if event["seq"] <= newest:
            step.problem("order", event["id"], f"after {newest}", event["seq"], event["seq"])
        newest = max(newest, event["seq"])
        _take(event, leaf, found, step)
    for record in sorted(s for s in found.heads if s.startswith("rec_")):
        if record not in found.needs:
            step.problem("record", record, "its registration", "missing")
        for needed in found.needs.get(record, []):
            if needed not in found.events:
                step.problem("record", record, f"the event {needed} that it rests on", "missing")
    for subject in sorted({*found.needs, *found.commits} - found.exported):
        step.problem("export", subject, "the event of its export", "missing")
    return found


def _take(event: dict[str, Any], leaf: bytes, found: Timeline, step: Step) -> None:
    subject, kind, seq = event["subject"], event["type"], event["seq"]
    if event["id"] in found.events:
        step.problem("id", event["id"], "once", "again", seq)
    if event["prev"] != found.heads.get(subject):
        step.problem("chain", event["id"], found.heads.get(subject), event["prev"], seq)
    elsewhere = any(ref not in found.events for ref in (event["auth_ref"], *event["refs"]) if ref is not None)
    for rule in broken(event, found):
        if rule.kind == "guard" and elsewhere:
            continue  # it rests on an event of a subject that the package does not hold: for the ledger's verifier
        step.problem(rule.kind, rule.object, rule.expected, rule.found, seq)
    found.open_marks.take(event)
    if kind in TRANSITIONS:
        found.states[subject] = event["to"]
    if kind == "stored":
        found.commits[subject] = event["commit"] or ""
    if kind == "registered":
        found.needs[subject] = event["refs"]
    if kind == "exported":
        found.exported.add(subject)
    found.events[event["id"]] = (kind, event["ts"], subject, event["actor"]["id"])
    found.heads[subject], found.last[subject] = hash_leaf(leaf).hex(), seq
