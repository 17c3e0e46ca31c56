"""The files of a growing tree: entries in, full tiles and bundles out as they fill, the partial ones at the end.

All bytes are a pure function of the entries. Memory is that of one bundle and of one tile a level, so that publishing n
entries on a ledger of N costs n and not N. Format: custody/tiles.py.
"""

from collections.abc import Callable, Iterable, Iterator

from custody.merkle import HASH_SIZE, fold_subtrees, hash_leaf
from custody.tiles import (
    ENTRIES,
    HEIGHT,
    WIDTH,
    Tile,
    decode_tile,
    encode_bundle,
    encode_tile,
    level_width,
    tile_at,
    tile_root,
)
from records.errors import LedgerError


def last_boundary(size: int) -> int:
    """Return where the last bundle of a tree of `size` leaves begins: a multiple of 256, less than `size` but for 0."""
    return (size - 1) // WIDTH * WIDTH if size else 0


class GrowingTree:
    """The right edge of a tree at a multiple of 256 leaves, and what is added to it."""

    def __init__(self, boundary: int, edge: list[list[bytes]]) -> None:
        """Args: boundary, leaves so far, a multiple of 256; edge, the hashes of the partial tile of each level >= 1."""
        self.size = boundary
        self._levels = [[], *edge]  # level -> hashes of its tile that is not full
        self._entries: list[bytes] = []  # of the bundle that is not full

    @classmethod
    def resume(
        cls, size: int, root: bytes, entries: Iterable[bytes], read: Callable[[str], bytes | None]
    ) -> "GrowingTree":
        """Go on from a published tree of `size` leaves with this root.

        Args:
            size: leaves that are published.
            root: their root, as it was signed: what is read is compared with it.
            entries: entries from the last multiple of 256 up to `size` (`size - size % 256`), out of the rows.
            read: returns the bytes of a published file by its name.

        Raises:
            LedgerError: a tile of the right edge is missing or damaged, or the rows are not those that were published.
        """
        boundary = size - size % WIDTH
        tree = cls(boundary, list(_edge(size, read)))
        for entry in entries:
            tree._push(hash_leaf(entry), entry)
        if tree.size != size or tree.root() != root:
            raise LedgerError("the tiles at the ledger's right edge, or the rows they were made of, were changed")
        return tree

    def add(self, entry: bytes) -> Iterator[tuple[Tile, bytes]]:
        """Add an entry; yield the bundle and the tiles that it fills, the bundle first."""
        self._push(hash_leaf(entry), entry)
        if len(self._entries) < WIDTH:
            return
        yield Tile(ENTRIES, self.size // WIDTH - 1), encode_bundle(self._entries)
        self._entries = []
        level = 0
        while level < len(self._levels) and len(self._levels[level]) == WIDTH:
            hashes, self._levels[level] = self._levels[level], []
            yield Tile(level, level_width(self.size, level) // WIDTH - 1), encode_tile(hashes)
            if len(self._levels) == level + 1:
                self._levels.append([])
            self._levels[level + 1].append(tile_root(hashes))
            level += 1

    def partials(self) -> Iterator[tuple[Tile, bytes]]:
        """Yield what is not full at the right edge, the bundle first."""
        if self._entries:
            yield Tile(ENTRIES, self.size // WIDTH, len(self._entries)), encode_bundle(self._entries)
        for level, hashes in enumerate(self._levels):
            if hashes:
                yield Tile(level, level_width(self.size, level) // WIDTH, len(hashes)), encode_tile(hashes)

    def root(self) -> bytes:
        """Return the root of the tree as it is now."""
        # the hashes at the edge, highest level first, are complete subtrees from left to right
        levels = reversed(list(enumerate(self._levels)))
        return fold_subtrees((HEIGHT * level, found) for level, hashes in levels for found in hashes)

    def _push(self, leaf_hash: bytes, entry: bytes) -> None:
        self._levels[0].append(leaf_hash)
        self._entries.append(entry)
        self.size += 1


def _edge(size: int, read: Callable[[str], bytes | None]) -> Iterator[list[bytes]]:
    """Yield the hashes of the partial tile of each level from 1 up, out of the published files."""
    level = 1
    while level_width(size, level):
        tile = tile_at(size, level, level_width(size, level) // WIDTH)
        if tile is None:  # the last tile of this level is full
            yield []
        else:
            data = read(tile.path)
            if data is None or len(data) != tile.width * HASH_SIZE:
                raise LedgerError(f"{tile.path} of the published ledger is missing or has another length")
            yield decode_tile(data, tile.width)
        level += 1
