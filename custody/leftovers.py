"""Partial tiles and bundles that a larger tree has left behind: each is the beginning of what stands there now.

Other verifiers never read them, so that a changed byte in one goes unseen (reference of custody, section 1.5, rule 4).
A file that goes further than the tree is compared as far as the tree goes.
"""

from custody.findings import Step
from custody.tiles import ENTRIES, Tile, decode_bundle, decode_tile
from custody.tree_walk import BUNDLE_LIMIT, TILE_LIMIT, Read
from records.errors import LedgerError, ProofError


def check_leftover(left: Tile, there: Tile, read: Read, step: Step) -> None:
    """Compare a left-over file with `there`, the tile of the same place as it is in the tree.

    `there` was compared with the entries before, or reported.
    """
    limit = BUNDLE_LIMIT if left.level == ENTRIES else TILE_LIMIT
    try:
        found, whole = _parts(left, read(left.path, limit)), read(there.path, limit)
    except (LedgerError, ProofError) as error:
        step.problem("partial", left.path, f"the first {left.width} of {there.path}", error)
        return
    try:
        expected = _parts(there, whole)
    except ProofError:
        step.doubt("partial", left.path, f"the first {left.width} of {there.path}", "that one is damaged")
        return
    for place, (one, other) in enumerate(zip(found, expected, strict=False)):
        if one != other:
            seq = left.first + place if left.level in (0, ENTRIES) else None
            step.problem("partial", left.path, f"the first {left.width} of {there.path}", f"others from {place}", seq)
            return


def _parts(tile: Tile, data: bytes | None) -> list[bytes]:
    if data is None:
        raise ProofError("it is missing")
    if tile.level == ENTRIES:
        return decode_bundle(data, tile.width)
    return decode_tile(data, tile.width)
