"""Merkle trees of RFC 6962: roots, a growing right edge, inclusion and consistency proofs, made and verified.

Hashes are 32 bytes. A tree's inner hashes come from a function `Subtrees`, so that a proof costs the few hashes it
needs and not the tree: from a list of leaf hashes (`subtrees_of`) or out of tiles (`custody.tiles.TileHashes`).
Source: RFC 6962, sections 2.1 to 2.1.2; verification as RFC 9162, sections 2.1.3.2 and 2.1.4.2. Nothing here reads or
writes anything.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence

from records.errors import ProofError

HASH_SIZE = 32  # bytes
EMPTY_ROOT = hashlib.sha256(b"").digest()

Subtrees = Callable[[int, int], bytes]
"""(height, index) -> hash of the complete subtree of 2^height leaves that begins at leaf index * 2^height."""


def hash_leaf(leaf: bytes) -> bytes:
    """Hash an entry: SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees to one: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the Merkle tree hash over leaf hashes (RFC 6962, section 2.1), in memory that grows with the logarithm."""
    frontier = Frontier()
    for leaf_hash in leaf_hashes:
        frontier.append(leaf_hash)
    return frontier.root()


class Frontier:
    """The right edge of a growing tree: enough to append leaves and to tell the root, in logarithmic memory."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Begin with a tree of `size` leaves, whose complete subtrees have these roots, the largest first.

        Raises:
            ProofError: `peaks` are not one hash for each bit of `size`.
        """
        if size < 0 or len(peaks) != size.bit_count() or any(len(peak) != HASH_SIZE for peak in peaks):
            raise ProofError("the right edge does not fit the size")
        self._size = size
        self._peaks = list(peaks)

    @classmethod
    def from_subtrees(cls, size: int, subtrees: Subtrees) -> "Frontier":
        """Return the right edge of the tree of `size` leaves whose inner hashes `subtrees` knows."""
        return cls(size, [subtrees(*part) for part in complete_parts(0, size)])

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """Roots of the complete subtrees, the largest first."""
        return tuple(self._peaks)

    def append(self, leaf_hash: bytes) -> None:
        """Add one leaf at the right."""
        merged, carried = leaf_hash, self._size
        while carried & 1:  # each trailing one bit is a complete subtree of the same height as what is carried
            merged = hash_node(self._peaks.pop(), merged)
            carried >>= 1
        self._peaks.append(merged)
        self._size += 1

    def root(self) -> bytes:
        """Return the Merkle tree hash over all leaves."""
        return _folded(self._peaks)


def complete_parts(first: int, last: int) -> list[tuple[int, int]]:
    """Return the complete subtrees (height, index) that make up leaves `first` to before `last`, left to right.

    `first` is a multiple of the largest power of two that is not above `last - first`, as in every tree and proof.
    """
    parts = []
    while first < last:
        height = (last - first).bit_length() - 1
        parts.append((height, first >> height))
        first += 1 << height
    return parts


def subtrees_of(leaf_hashes: Sequence[bytes]) -> Subtrees:
    """Return the inner hashes of a tree whose leaf hashes are all at hand; each is computed once."""
    known: dict[tuple[int, int], bytes] = {}

    def subtree(height: int, index: int) -> bytes:
        if height == 0:
            return leaf_hashes[index]
        if (height, index) not in known:
            left, right = subtree(height - 1, 2 * index), subtree(height - 1, 2 * index + 1)
            known[height, index] = hash_node(left, right)
        return known[height, index]

    return subtree


def tree_root(size: int, subtrees: Subtrees) -> bytes:
    """Return the root of the tree of the first `size` leaves."""
    return _range_root(0, size, subtrees) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, subtrees: Subtrees) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree of `size` leaves, the leaf's sibling first (section 2.1.1).

    Raises:
        ProofError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ProofError(f"no leaf {index} in a tree of {size}")
    first, last, beside = 0, size, []
    while last - first > 1:
        split = _split(first, last)
        if index < split:
            beside.append((split, last))
            last = split
        else:
            beside.append((first, split))
            first = split
    return [_range_root(*part, subtrees) for part in reversed(beside)]


def consistency_proof(old: int, new: int, subtrees: Subtrees) -> list[bytes]:
    """Return the proof that the tree of `new` leaves continues that of the first `old` ones (section 2.1.2).

    Empty where `old` is 0 or `new`.

    Raises:
        ProofError: `old` is larger than `new`.
    """
    if not 0 <= old <= new:
        raise ProofError(f"a tree of {new} cannot continue one of {old}")
    if old in (0, new):
        return []
    first, last, parts = 0, new, []
    while last != old:
        split = _split(first, last)
        if old <= split:
            parts.append((split, last))
            last = split
        else:
            parts.append((first, split))
            first = split
    if first:  # where the old tree is itself a subtree of the new one its root is known to the verifier
        parts.append((first, last))
    return [_range_root(*part, subtrees) for part in reversed(parts)]


def verify_inclusion(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Make sure that the leaf stands at `index` in the tree of `size` leaves with this root (RFC 9162, 2.1.3.2).

    Raises:
        ProofError: it does not, or the proof is too long, too short or malformed.
    """
    if not 0 <= index < size or any(len(part) != HASH_SIZE for part in (*proof, leaf_hash, root)):
        raise ProofError("the inclusion proof is malformed")
    place, last, found = index, size - 1, leaf_hash
    for part in proof:
        if last == 0:
            raise ProofError("the inclusion proof is too long")
        if place & 1 or place == last:
            found = hash_node(part, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = hash_node(found, part)
        place, last = place >> 1, last >> 1
    if last != 0 or not hmac.compare_digest(found, root):
        raise ProofError("the inclusion proof does not lead to the root")


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Make sure that the tree of `new` leaves continues the tree of `old` ones (RFC 9162, section 2.1.4.2).

    Raises:
        ProofError: it does not, or the proof is too long, too short or malformed.
    """
    if not 0 <= old <= new or any(len(part) != HASH_SIZE for part in (*proof, old_root, new_root)):
        raise ProofError("the consistency proof is malformed")
    if old in (0, new):  # every tree continues the empty one
        same = hmac.compare_digest(old_root, new_root if old else EMPTY_ROOT)
        if proof or not same or (new == 0 and new_root != EMPTY_ROOT):
            raise ProofError("the trees are not consistent")
        return
    path = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    if not path:
        raise ProofError("the consistency proof is too short")
    found_old, found_new = _walk(old - 1, new - 1, path)
    if not (hmac.compare_digest(found_old, old_root) and hmac.compare_digest(found_new, new_root)):
        raise ProofError("the trees are not consistent")


def _walk(place: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Fold a consistency path into the roots of the old and the new tree."""
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for part in path[1:]:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if place & 1 or place == last:
            old, new = hash_node(part, old), hash_node(part, new)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new = hash_node(new, part)
        place, last = place >> 1, last >> 1
    if last != 0:
        raise ProofError("the consistency proof is too short")
    return old, new


def fold_subtrees(parts: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the root over complete subtrees (height, hash), left to right, the heights never rising (section 2.1)."""
    stack: list[tuple[int, bytes]] = []
    for height, found in parts:
        while stack and stack[-1][0] == height:
            found, height = hash_node(stack.pop()[1], found), height + 1
        stack.append((height, found))
    return _folded([found for _, found in stack])


def _split(first: int, last: int) -> int:
    """Return where a tree over leaves `first` to before `last` parts: after the largest power of two below its size."""
    return first + (1 << ((last - first - 1).bit_length() - 1))


def _range_root(first: int, last: int, subtrees: Subtrees) -> bytes:
    return _folded([subtrees(*part) for part in complete_parts(first, last)])


def _folded(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = hash_node(peak, root)
    return root
