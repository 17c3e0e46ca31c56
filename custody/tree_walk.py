"""Walking a published tree once: every entry hashed anew, every tile compared byte for byte, roots at any size.

The tree is rebuilt from the entries alone; tiles are then only compared with it. Memory is one bundle, and 32 bytes for
every 256 entries. Nothing is judged here: differences are collected, and the verifier decides by the root what is at
fault, the entry or the tile. Format: custody/tiles.py; the reference of custody, section 1.5, rule 3.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from custody.merkle import HASH_SIZE, Frontier, hash_leaf
from custody.tiles import ENTRIES, ENTRY_LIMIT, WIDTH, Tile, decode_bundle, level_width, tile_at, tile_root
from records.errors import LedgerError, ProofError

BUNDLE_LIMIT = WIDTH * (2 + ENTRY_LIMIT)  # bytes of the longest bundle
TILE_LIMIT = WIDTH * HASH_SIZE
MOST_DIFFERENCES = 1000  # that are kept; one is enough for the verdict

Read = Callable[[str, int], bytes | None]  # a file's bytes, at most so many; None where it is missing
Take = Callable[[Sequence[bytes], Sequence[bytes]], None]  # entries and their hashes, in order


@dataclass(frozen=True, slots=True)
class Difference:
    """A tile that is not what its entries give: at `place` of `tile` stands `stored` instead of `made`, as hex."""

    tile: Tile
    place: int
    stored: str
    made: str


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file that is missing or malformed: what was expected, and what was found."""

    tile: Tile
    expected: str
    found: str


@dataclass(slots=True)
class Walked:
    """What a walk found. `root` is None where entries could not be read and no tile stood in for them."""

    root: bytes | None = None
    roots: dict[int, bytes] = field(default_factory=dict)  # of the sizes asked for, as far as entries were read
    entries: int = 0  # read and hashed
    files: int = 0
    damaged: list[Damaged] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    unread: list[Tile] = field(default_factory=list)  # bundles for which their tile's hashes stood in


class TreeWalk:
    """One walk over the tree of `size` leaves."""

    def __init__(self, size: int, read: Read, wanted: Iterable[int], take: Take) -> None:
        """Args: wanted, sizes whose roots are asked for; take gets entries, up to the first unreadable one."""
        self._size = size
        self._read = read
        self._wanted = sorted({at for at in wanted if 0 < at <= size})
        self._take = take
        self._found = Walked()
        self._bundles = Frontier()  # over the roots of full bundles: its leaves are trees of 256
        self._level: list[bytes] = []  # hashes of level 1, then of each level above

    def run(self) -> Walked:
        """Walk.

        Raises:
            StoreUnavailableError: a file that is there could not be read.
        """
        hashes: list[bytes] | None = []
        for index in range(level_width(self._size + WIDTH - 1, 1)):
            hashes = self._bundle(index)
            if hashes is None:
                return self._found
            self._roots_within(index, hashes)
            if len(hashes) == WIDTH:
                self._level.append(tile_root(hashes))
                self._bundles.append(self._level[-1])
                hashes = []
        self._found.root = self._root_with(hashes or [])
        self._upper_levels()
        return self._found

    def _bundle(self, index: int) -> list[bytes] | None:
        """Read and hash one bundle, compare its tile, and return the leaf hashes: the tile's where it has none."""
        tile = tile_at(self._size, 0, index)
        bundle = tile_at(self._size, ENTRIES, index)
        if tile is None or bundle is None:
            raise ProofError("the walk left the tree")
        stored = self._stored(tile, TILE_LIMIT)
        data = self._stored(bundle, BUNDLE_LIMIT)
        entries = None if data is None else self._decoded(bundle, data)
        if entries is None:
            self._found.unread.append(bundle)
            whole = stored is not None and len(stored) == tile.width * HASH_SIZE
            return list(_split(stored)) if stored is not None and whole else None
        hashes = [hash_leaf(entry) for entry in entries]
        self._found.entries += len(entries)
        if not self._found.unread:
            self._take(entries, hashes)
        self._compare(tile, stored, hashes)
        return hashes

    def _stored(self, tile: Tile, limit: int) -> bytes | None:
        try:
            data = self._read(tile.path, limit)
        except LedgerError as error:
            self._found.damaged.append(Damaged(tile, f"at most {limit} bytes", str(error)))
            return None
        if data is None:
            self._found.damaged.append(Damaged(tile, "a file", "none"))
        else:
            self._found.files += 1
        return data

    def _decoded(self, bundle: Tile, data: bytes) -> list[bytes] | None:
        try:
            return decode_bundle(data, bundle.width)
        except ProofError as error:
            last = bundle.first + bundle.width - 1
            self._found.damaged.append(Damaged(bundle, f"entries {bundle.first} to {last}", str(error)))
            return None

    def _compare(self, tile: Tile, stored: bytes | None, hashes: Sequence[bytes]) -> None:
        if stored is None or stored == b"".join(hashes):
            return
        if len(stored) != tile.width * HASH_SIZE:
            self._found.damaged.append(Damaged(tile, f"{tile.width * HASH_SIZE} bytes", str(len(stored))))
        for place, (old, new) in enumerate(zip(_split(stored), hashes, strict=False)):
            if old != new and len(self._found.differences) < MOST_DIFFERENCES:
                self._found.differences.append(Difference(tile, place, old.hex(), new.hex()))

    def _roots_within(self, index: int, hashes: Sequence[bytes]) -> None:
        first = index * WIDTH
        while self._wanted and self._wanted[0] <= first + len(hashes):
            at = self._wanted.pop(0)
            self._found.roots[at] = self._root_with(hashes[: at - first])

    def _root_with(self, hashes: Sequence[bytes]) -> bytes:
        """Return the root of the full bundles so far and these leaves behind them."""
        edge = Frontier()
        for leaf_hash in hashes:
            edge.append(leaf_hash)
        if len(hashes) == WIDTH:  # it merges with what stands before it
            whole = Frontier(self._bundles.size, self._bundles.peaks)
            whole.append(edge.root())
            return whole.root()
        size = self._bundles.size * WIDTH + edge.size
        return Frontier(size, (*self._bundles.peaks, *edge.peaks)).root()

    def _upper_levels(self) -> None:
        """Compare the tiles above the leaves', each level made of the full tiles of the one below."""
        level = 1
        while self._level:
            above: list[bytes] = []
            for tile in _tiles_of_level(self._size, level):
                hashes = self._level[tile.first : tile.first + tile.width]
                self._compare(tile, self._stored(tile, TILE_LIMIT), hashes)
                if tile.is_full:
                    above.append(tile_root(hashes))
            self._level, level = above, level + 1


def _split(data: bytes) -> Iterator[bytes]:
    return (data[place : place + HASH_SIZE] for place in range(0, len(data), HASH_SIZE))


def _tiles_of_level(size: int, level: int) -> Iterator[Tile]:
    index = 0
    while (tile := tile_at(size, level, index)) is not None:
        yield tile
        index += 1
