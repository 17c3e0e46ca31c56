"""The Merkle tree hash of RFC 6962, section 2.1, over leaf hashes that come one by one."""

import hashlib
from collections.abc import Iterable


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the Merkle tree hash over leaf hashes (RFC 6962, section 2.1), in memory that grows with the logarithm."""
    peaks: list[tuple[int, bytes]] = []  # complete subtrees, the largest first: (number of leaves, root)
    for leaf in leaf_hashes:
        peaks.append((1, leaf))
        while len(peaks) > 1 and peaks[-1][0] == peaks[-2][0]:
            (count, right), (_, left) = peaks.pop(), peaks.pop()
            peaks.append((2 * count, _node(left, right)))
    if not peaks:
        return hashlib.sha256(b"").digest()
    root = peaks.pop()[1]
    while peaks:
        root = _node(peaks.pop()[1], root)
    return root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
