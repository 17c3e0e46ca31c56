"""Tiles and bundles: names and widths as the format's own examples have them, bytes taken apart strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody import merkle, tiles
from custody.merkle import consistency_proof, inclusion_proof, root_of, verify_consistency, verify_inclusion
from custody.tiles import ENTRIES, Tile, TileHashes, decode_bundle, encode_bundle, parse_tile_path, tiles_of
from records.errors import ProofError

NAMES = {
    Tile(0, 1234067): "tile/0/x001/x234/067",
    Tile(0, 0): "tile/0/000",
    Tile(1, 999, 1): "tile/1/999.p/1",
    Tile(2, 1000, 255): "tile/2/x001/000.p/255",
    Tile(ENTRIES, 273, 112): "tile/entries/273.p/112",
    Tile(63, 123456789012): "tile/63/x123/x456/x789/012",
}


@pytest.mark.parametrize("tile", NAMES)
def test_a_tile_has_its_name_and_the_name_means_it(tile: Tile) -> None:
    assert tile.path == NAMES[tile]
    assert parse_tile_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "", "checkpoint", "tile/0/", "tile/0/0", "tile/0/0000", "tile/00/000", "tile/64/000", "tile/-1/000",
        "tile/0/x000/001", "tile/0/001/x002", "tile/0/x001/2", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
        "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/1/2", "tile/entries", "tile/data/000", "tile/0/000\n",
        "/tile/0/000", "tile/0/٠٠٠", "tile/0/X001/002", "tile/0/000.P/1", "tile//000",
    ],
)  # fmt: skip
def test_other_names_mean_no_tile(path: str) -> None:
    with pytest.raises(ProofError):
        parse_tile_path(path)


@given(st.integers(-1, 63), st.integers(0, 2**55), st.integers(1, 256))
def test_every_tile_is_named_and_found_again(level: int, index: int, width: int) -> None:
    assert parse_tile_path(Tile(level, index, width).path) == Tile(level, index, width)


def test_a_tree_has_the_tiles_of_the_formats_example() -> None:
    assert list(tiles_of(0)) == []
    assert [tile.path for tile in tiles_of(256)] == ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
    found = list(tiles_of(70_000))
    widths = {level: [tile.width for tile in found if tile.level == level] for level in (ENTRIES, 0, 1, 2, 3)}
    assert widths[0] == widths[ENTRIES] == [256] * 273 + [112]
    assert widths[1] == [256, 17] and widths[2] == [1] and widths[3] == []


@given(st.integers(0, 200_000), st.integers(0, 200_000))
def test_growth_makes_what_the_larger_tree_has_and_the_smaller_has_not(first: int, last: int) -> None:
    first, last = min(first, last), max(first, last)
    before = set(tiles_of(first))
    grown = list(tiles_of(last, since=first))
    assert set(grown) == set(tiles_of(last)) - before and len(grown) == len(set(grown))
    assert all(tiles.tile_at(last, tile.level, tile.index) == tile for tile in grown)


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_a_bundle_gives_back_its_entries(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries), len(entries)) == entries


def test_a_bundle_is_length_and_entry() -> None:
    assert encode_bundle([b"", b"ab"]) == b"\x00\x00\x00\x02ab"
    assert len(encode_bundle([bytes(65_535)])) == 65_537
    with pytest.raises(ProofError):
        encode_bundle([bytes(65_536)])


@pytest.mark.parametrize(
    "data, count",
    [(b"", 1), (b"\x00", 1), (b"\x00\x02a", 1), (b"\x00\x01ab", 1), (b"\x00\x01a\x00", 1), (b"\x00\x01a", 0),
     (b"\x00\x01a", 2), (b"\x00\x01a\x00\x00", 1)],
)  # fmt: skip
def test_a_bundle_cut_short_or_too_long_is_refused(data: bytes, count: int) -> None:
    with pytest.raises(ProofError):
        decode_bundle(data, count)


@pytest.mark.parametrize("data, width", [(b"", 1), (bytes(31), 1), (bytes(33), 1), (bytes(64), 1), (bytes(32), 0)])
def test_a_tile_of_another_length_is_refused(data: bytes, width: int) -> None:
    with pytest.raises(ProofError):
        tiles.decode_tile(data, width)


def written(size: int) -> tuple[list[bytes], dict[str, bytes]]:
    """Leaf hashes of a tree and all its tiles, by the definition of the format: MTH over 256^L leaves each."""
    leaves = [merkle.hash_leaf(b"%d" % number) for number in range(size)]
    levels, files = [leaves], {}
    while len(levels[-1]) >= tiles.WIDTH:
        below = levels[-1]
        full = len(below) // tiles.WIDTH
        levels.append([root_of(below[n * tiles.WIDTH : (n + 1) * tiles.WIDTH]) for n in range(full)])
    for tile in tiles_of(size):
        if tile.level != ENTRIES:
            files[tile.path] = tiles.encode_tile(levels[tile.level][tile.first : tile.first + tile.width])
    return leaves, files


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 513, 65_536, 70_000])
def test_proofs_out_of_tiles_hold(size: int) -> None:
    leaves, files = written(size)
    hashes = TileHashes(size, lambda tile: files[tile.path])
    root = root_of(leaves)
    assert merkle.tree_root(size, hashes) == root
    for index in {0, size // 3, size // 2, size - 1}:
        verify_inclusion(index, size, leaves[index], inclusion_proof(index, size, hashes), root)
    for old in {0, 1, size // 3, size // 2, max(0, size - 1), size}:
        verify_consistency(old, root_of(leaves[:old]), size, root, consistency_proof(old, size, hashes))


def test_a_hash_outside_the_tree_is_refused() -> None:
    _, files = written(300)
    hashes = TileHashes(300, lambda tile: files[tile.path])
    for height, index in ((0, 300), (0, 512), (1, 150), (8, 1), (9, 0), (16, 0)):
        with pytest.raises(ProofError):
            hashes(height, index)
