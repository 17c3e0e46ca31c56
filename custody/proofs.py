"""tlog-proof files: an entry's index, its audit path, and the checkpoint that it leads to; verifiable offline.

    c2sp.org/tlog-proof@v1
    extra <base64>               (optional; not authenticated: shown, never decided by)
    index <n>
    <base64 of a hash>           (one a line, from the leaf's sibling to the root's child)

    <the checkpoint, verbatim>

Source: c2sp.org/tlog-proof. Nothing here reads or writes anything.
"""

import base64
from dataclasses import dataclass

from custody.checkpoints import LARGEST, Checkpoint, SignedCheckpoint, open_checkpoint
from custody.merkle import HASH_SIZE, hash_leaf, verify_inclusion
from custody.notes import NoteKey, parse_note, strict_base64
from custody.policies import Policy, believe
from records.errors import ProofError

HEAD = "c2sp.org/tlog-proof@v1"
PROOF_LIMIT = 2_000_000  # bytes
LONGEST_PATH = 63  # hashes: a tree's size has 63 bits


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A proof taken apart or put together; nothing of it is verified. `checkpoint` is a note, byte for byte."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    @property
    def data(self) -> bytes:
        """The proof file's bytes."""
        lines = [HEAD]
        if self.extra is not None:
            lines.append("extra " + base64.b64encode(self.extra).decode("ascii"))
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(part).decode("ascii") for part in self.path]
        return "".join(line + "\n" for line in [*lines, ""]).encode() + self.checkpoint


def parse_proof(data: bytes) -> TlogProof:
    """Take a proof file apart, strictly; nothing of it is verified.

    Raises:
        ProofError, NoteError: it is malformed, or its checkpoint is no note.
    """
    head, empty, checkpoint = data.partition(b"\n\n")
    if len(data) > PROOF_LIMIT or not empty:
        raise ProofError("a proof has an empty line before its checkpoint")
    parse_note(checkpoint)
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise ProofError("a proof is ASCII before its checkpoint") from error
    if lines.pop(0) != HEAD or not lines:
        raise ProofError("not a proof of version 1")
    extra = _base64(lines.pop(0).removeprefix("extra ")) if lines[0].startswith("extra ") else None
    index = lines.pop(0).removeprefix("index ") if lines and lines[0].startswith("index ") else ""
    if not (index.isascii() and index.isdecimal()) or str(int(index[:20])) != index or int(index) > LARGEST:
        raise ProofError("a proof has an index without leading zeros")
    path = tuple(_base64(line) for line in lines)
    if len(path) > LONGEST_PATH or any(len(part) != HASH_SIZE for part in path):
        raise ProofError("a proof's path is hashes of 32 bytes, 63 of them at most")
    return TlogProof(int(index), path, checkpoint, extra)


def verify_proof(proof: TlogProof, leaf: bytes, key: NoteKey) -> SignedCheckpoint:
    """Make sure that `leaf` (the entry's bytes) stands at the proof's index in a tree that the log's `key` signed.

    Raises:
        NoteError: the checkpoint is malformed, or not signed by `key`.
        ProofError: the path does not lead from the leaf to the checkpoint's root.
    """
    opened = open_checkpoint(proof.checkpoint, key)
    _verify_path(proof, leaf, opened.checkpoint)
    return opened


def verify_proof_by_policy(proof: TlogProof, leaf: bytes, policy: Policy) -> SignedCheckpoint:
    """Make sure of the same for a checkpoint that a policy lets one believe: any of its logs, a quorum of witnesses.

    Raises:
        NoteError, ProofError: as `verify_proof`, and where the quorum is not reached.
    """
    believed = believe(proof.checkpoint, policy)
    _verify_path(proof, leaf, believed.signed.checkpoint)
    return believed.signed


def _verify_path(proof: TlogProof, leaf: bytes, checkpoint: Checkpoint) -> None:
    verify_inclusion(proof.index, checkpoint.size, hash_leaf(leaf), proof.path, checkpoint.root)


def _base64(text: str) -> bytes:
    try:
        return strict_base64(text)
    except ValueError as error:
        raise ProofError("a proof's hashes are base64") from error
