"""Checkpoints against a tree that was rebuilt from its entries: signed, of this log, and the tree's root at their size.

A root is the whole tree before it: where the root of the first n entries is the one that a checkpoint of n states, the
tree continues what was signed then, and no proof is needed (those of RFC 6962, section 2.1.2, are for readers without
the entries).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from custody.checkpoints import Checkpoint, SignedCheckpoint, cosigned_at, open_checkpoint, parse_checkpoint
from custody.findings import Step
from custody.notes import Note, NoteKey, parse_note
from custody.policies import Policy
from records.errors import NoteError
from records.ids import parse_instant


@dataclass(slots=True)
class KnownTree:
    """The tree that a checkpoint states, with roots and newest times (RFC 3339) at sizes, as far as they are known."""

    checkpoint: Checkpoint
    roots: dict[int, bytes] = field(default_factory=dict)
    times: dict[int, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoteFile:
    """A note as it was found: what its name says of it is the size of its tree, and the key id of its witness."""

    name: str
    data: bytes | None
    size: int | None = None
    witness: bytes | None = None


def stated_size(data: bytes) -> int | None:
    """Return the size that a checkpoint states, verified or not; None where it is malformed."""
    try:
        return parse_checkpoint(parse_note(data).text).size
    except NoteError:
        return None


class CheckpointCheck:
    """Opens checkpoints of one log, and remembers which witnesses of the policy cosigned which sizes."""

    def __init__(self, keys: tuple[NoteKey, ...], policy: Policy | None) -> None:
        """Args: keys of the log, all of one name; the policy's keys of that name count as well."""
        names = {key.name for key in keys}
        more = () if policy is None else tuple(key for key in policy.logs if key.name in names or not keys)
        self._keys = (*keys, *(key for key in more if key not in keys))
        self._witnesses = {} if policy is None else policy.witnesses
        self.witnessed: dict[int, set[str]] = {}  # size -> names of the policy

    def believe(self, keys: Iterable[NoteKey]) -> None:
        """Take more keys of the log: what a signed tree announced under a key that was given."""
        self._keys += tuple(key for key in keys if key not in self._keys)

    def open(self, data: bytes) -> SignedCheckpoint:
        """Return a checkpoint that the log signed; every signature of a key that is known must hold.

        Raises:
            NoteError: malformed, signed by no key that was given, or a signature does not hold.
        """
        note = parse_note(data)
        signers = self._signers(note)
        if not signers:
            raise NoteError("the checkpoint is signed by no key that was given")
        for key in signers:
            opened = open_checkpoint(data, key)
        names = {name for name, key in self._witnesses.items() if cosigned_at(note, key) is not None}
        self.witnessed.setdefault(opened.checkpoint.size, set()).update(names)
        return opened

    def check(self, file: NoteFile, tree: KnownTree, step: Step) -> None:
        """Check one file against the tree, and say what does not hold."""
        try:
            if file.data is None:
                raise NoteError("it is missing")
            note = parse_note(file.data)
            if not self._signers(note):
                step.doubt("signer", file.name, "a signature of a key that was given", "of others only")
                return
            opened = self.open(file.data)
        except NoteError as error:
            step.problem("note", file.name, "a checkpoint signed by the log", error)
            return
        self._check_name(file, note, opened.checkpoint, step)
        self._check_root(file.name, opened.checkpoint, tree, step)

    def _check_name(self, file: NoteFile, note: Note, stated: Checkpoint, step: Step) -> None:
        if file.size is not None and stated.size != file.size:
            step.problem("size", file.name, file.size, stated.size)
        if file.witness is not None and not self._bears(note, file.witness):
            step.problem("witness", file.name, f"a cosignature of key {file.witness.hex()}", "none")

    def _check_root(self, name: str, stated: Checkpoint, tree: KnownTree, step: Step) -> None:
        if stated.size > tree.checkpoint.size:
            step.problem("behind", name, f"{stated.size} entries at least", tree.checkpoint.size)
        elif stated.size not in tree.roots:
            step.unchecked(f"{name}: not all entries could be read")
        elif tree.roots[stated.size] != stated.root:
            step.problem("consistency", name, stated.root.hex(), tree.roots[stated.size].hex())

    def _bears(self, note: Note, witness: bytes) -> bool:
        """Tell whether a note is cosigned by the witness with this key id; of one unknown to the policy, says so."""
        known = [key for key in self._witnesses.values() if key.key_id == witness]
        if known:
            return any(note.of(key) for key in known)
        return witness in [found.key_id for found in note.signatures]

    def _signers(self, note: Note) -> list[NoteKey]:
        return [key for key in self._keys if note.of(key)]


def check_quorum(found: CheckpointCheck, policy: Policy, tree: KnownTree, slack: timedelta, step: Step) -> None:
    """Check that a quorum of the policy's witnesses has cosigned, and that no entry waits longer than `slack`."""
    sizes = [size for size, names in found.witnessed.items() if policy.is_satisfied(names) and size in tree.roots]
    if not sizes:
        step.unchecked(f"no checkpoint here has the quorum {policy.quorum}")
        return
    last = max(sizes)
    waiting = tree.checkpoint.size - last
    if not waiting:
        return
    step.say(f"{waiting} entries from {last} on have no quorum yet")
    covered, newest = tree.times.get(last), tree.times.get(tree.checkpoint.size)
    if covered is None or newest is None or parse_instant(newest) - parse_instant(covered) >= slack:
        step.unchecked("they are older than may wait")
