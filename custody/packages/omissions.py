"""Comparing a package with the published ledger: was an event of its records left out, and what happened since.

The entries up to the package's checkpoint are read from the ledger's bundles and hashed to the root that its key
signed, so that the copy of the ledger need not be believed. Events after the checkpoint are counted, not judged: that
is for `verify ledger`.
"""

from pathlib import Path

from custody.checkpoints import Checkpoint
from custody.findings import Step
from custody.leaves import read_leaf
from custody.merkle import Frontier, hash_leaf
from custody.packages.events import Timeline
from custody.stores.ledger_directory import LedgerDirectory
from custody.stores.ledger_files import CHECKPOINT
from custody.tiles import ENTRIES, WIDTH, Tile, decode_bundle
from records.errors import LeafError, NoteError, PackageError, ProofError


def check_omissions(ledger: Path, checkpoint: Checkpoint, timeline: Timeline, step: Step) -> None:
    """Name every event of the package's records, scans and originals that the ledger has and the package has not.

    Raises:
        PackageError: the folder holds no such ledger.
    """
    files, tree, later = LedgerDirectory(ledger), Frontier(), 0
    for first in range(0, _published(files, checkpoint), WIDTH):
        for leaf in _bundle(files, first, checkpoint.size):
            if tree.size < checkpoint.size:
                tree.append(hash_leaf(leaf))
                _compare(leaf, timeline, step)
            elif _subject(leaf) in timeline.heads:
                later += 1
    if tree.root() != checkpoint.root:
        step.problem("ledger", ledger.name, "the tree of the package's checkpoint", "another one")
    step.say(f"events since the package was made: {later}")


def _published(files: LedgerDirectory, checkpoint: Checkpoint) -> int:
    """Return how many entries the copy says it has; only as many as the package's checkpoint covers are believed."""
    try:
        size = int((files.read(CHECKPOINT) or b"").decode("utf-8").split("\n")[1])
    except (ValueError, IndexError) as error:
        raise PackageError("the folder holds no published ledger") from error
    if size < checkpoint.size:
        raise PackageError(f"the ledger given ends at {size}, before the package's checkpoint at {checkpoint.size}")
    return size


def _bundle(files: LedgerDirectory, first: int, covered: int) -> list[bytes]:
    """Return the entries of one bundle: the full one, or the widest partial one."""
    index = first // WIDTH
    try:
        full = files.read(Tile(ENTRIES, index).path)
        if full is not None:
            return decode_bundle(full, WIDTH)
        for width in range(WIDTH - 1, 0, -1):
            partial = files.read(Tile(ENTRIES, index, width).path)
            if partial is not None:
                return decode_bundle(partial, width)
    except (ProofError, NoteError) as error:
        raise PackageError(f"the ledger's entries from {first} are damaged") from error
    if first < covered:
        raise PackageError(f"the ledger's entries from {first} are missing")
    return []


def _compare(leaf: bytes, timeline: Timeline, step: Step) -> None:
    try:
        found = read_leaf(leaf)
    except LeafError:
        return  # the root shows whether it is the ledger's; its form is for `verify ledger`
    subject, event = found[5].decode(), f"evt_{found[1].decode()}"
    if subject in timeline.heads and event not in timeline.events:
        step.problem("omitted", event, f"with the other events of {subject}", "left out", int(found[4]))


def _subject(leaf: bytes) -> str:
    try:
        return str(read_leaf(leaf)[5].decode())
    except LeafError:
        return ""
