"""Tiles and entry bundles of a C2SP tlog-tiles ledger: their names, their widths, their bytes.

`tile/<L>/<N>` holds 256 hashes of complete subtrees of 256^L leaves; `tile/entries/<N>` 256 entries, each behind a
big-endian uint16 length. At the right edge of a tree they are partial: `.p/<W>`, W = 1..255. N is written in groups of
three digits, all but the last behind an `x`: 1234067 is `x001/x234/067`. Source: c2sp.org/tlog-tiles; reference of
custody, section 1.2. Nothing here reads or writes anything.
"""

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from custody.merkle import HASH_SIZE, hash_node
from records.errors import ProofError

WIDTH = 256  # hashes of a full tile, entries of a full bundle
HEIGHT = 8  # levels of the tree within one tile
ENTRIES = -1  # the level of entry bundles
ENTRY_LIMIT = 65_535  # bytes of one entry
HIGHEST_LEVEL = 63  # of the format

_KEPT_TILES = 256  # tiles that TileHashes keeps: 2 MiB
_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile, or an entry bundle where `level` is ENTRIES; `width` is 256, or 1..255 at the right edge."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Its name below the ledger's folder."""
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = f".p/{self.width}" if self.width < WIDTH else ""
        return f"tile/{level}/{_grouped(self.index)}{partial}"

    @property
    def is_full(self) -> bool:
        """True where it never changes again."""
        return self.width == WIDTH

    @property
    def first(self) -> int:
        """Index of its first hash within its level (of its first entry, for a bundle)."""
        return self.index * WIDTH


def parse_tile_path(path: str) -> Tile:
    """Return the tile that a name means; the name is the only one it has.

    Raises:
        ProofError: it is no name of a tile.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise ProofError("not the name of a tile")
    level, groups, width = match.groups()
    index = int(groups.replace("x", "").replace("/", ""))
    tile = Tile(ENTRIES if level == "entries" else int(level), index, int(width) if width else WIDTH)
    if tile.level > HIGHEST_LEVEL or (width and tile.width >= WIDTH) or tile.path != path:
        raise ProofError("not the name of a tile")
    return tile


def level_width(size: int, level: int) -> int:
    """Return how many hashes level `level` has in a tree of `size` leaves (how many entries, for ENTRIES)."""
    return size >> (HEIGHT * max(level, 0))


def tile_at(size: int, level: int, index: int) -> Tile | None:
    """Return tile `index` of a level as it is in a tree of `size` leaves; None where it is empty."""
    width = min(WIDTH, level_width(size, level) - index * WIDTH)
    return Tile(level, index, width) if width > 0 else None


def tiles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """Yield every tile and bundle of the tree of `size` leaves that the tree of `since` leaves does not have.

    Bundles first, then level by level, each from left to right: the cost is that of the growth.
    """
    yield from _grown(size, since, ENTRIES)
    level = 0
    while level_width(size, level):
        yield from _grown(size, since, level)
        level += 1


def _grown(size: int, since: int, level: int) -> Iterator[Tile]:
    width, before = level_width(size, level), level_width(since, level)
    if width == before:
        return
    for index in range(before // WIDTH, (width + WIDTH - 1) // WIDTH):
        yield Tile(level, index, min(WIDTH, width - index * WIDTH))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return the bytes of an entry bundle.

    Raises:
        ProofError: an entry is longer than 65,535 bytes.
    """
    if any(len(entry) > ENTRY_LIMIT for entry in entries):
        raise ProofError(f"an entry has more than {ENTRY_LIMIT} bytes")
    return b"".join(struct.pack(">H", len(entry)) + entry for entry in entries)


def decode_bundle(data: bytes, count: int) -> list[bytes]:
    """Return exactly `count` entries of a bundle that ends after the last one.

    Raises:
        ProofError: it is cut short, or goes on.
    """
    entries, place, end = [], 0, len(data)
    for _ in range(count):
        first = place + 2
        if first > end:
            raise ProofError("the entry bundle is cut short")
        place = first + (data[first - 2] << 8 | data[first - 1])
        entries.append(data[first:place])
    if place > end:
        raise ProofError("the entry bundle is cut short")
    if place != len(data):
        raise ProofError("the entry bundle goes on after its last entry")
    return entries


def encode_tile(hashes: Sequence[bytes]) -> bytes:
    """Return the bytes of a tile."""
    return b"".join(hashes)


def decode_tile(data: bytes, width: int) -> list[bytes]:
    """Return the `width` hashes of a tile.

    Raises:
        ProofError: it has another length.
    """
    if len(data) != width * HASH_SIZE:
        raise ProofError("the tile has another length")
    return [data[place : place + HASH_SIZE] for place in range(0, len(data), HASH_SIZE)]


def tile_root(hashes: Sequence[bytes]) -> bytes:
    """Return the hash of the complete subtree over hashes of one height; their number is a power of two."""
    level = list(hashes)
    while len(level) > 1:
        level = [hash_node(level[place], level[place + 1]) for place in range(0, len(level), 2)]
    return level[0]


class TileHashes:
    """The inner hashes of a tree out of its tiles: a `custody.merkle.Subtrees`.

    What it returns is as good as the tiles are: a proof made from it is verified before anybody relies on it.
    """

    def __init__(self, size: int, read: Callable[[Tile], bytes]) -> None:
        """Args: size of the tree; read returns the bytes of one of its tiles (tile_at)."""
        self._size = size

        def hashes(level: int, index: int) -> list[bytes]:
            tile = tile_at(size, level, index)
            if tile is None:
                raise ProofError("this hash lies outside the tree")
            return decode_tile(read(tile), tile.width)

        self._hashes = lru_cache(_KEPT_TILES)(hashes)

    def __call__(self, height: int, index: int) -> bytes:
        """Return the hash of the complete subtree of 2^height leaves that begins at leaf index * 2^height.

        Raises:
            ProofError: it lies outside the tree, or a tile has another length.
        """
        level, within = divmod(height, HEIGHT)
        first = index << within
        tile, place = divmod(first, WIDTH)
        hashes = self._hashes(level, tile)[place : place + (1 << within)]
        if len(hashes) != 1 << within:
            raise ProofError("this hash lies outside the tree")
        return tile_root(hashes)


def _grouped(index: int) -> str:
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    return "/".join(groups)
