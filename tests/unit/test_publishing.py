"""Publishing: the files are those of the format at every size, a restart writes the same bytes, a fork writes none."""

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ledger_house import ORIGIN, UNTIL, Died, House, Rows, leaf

from custody import ledger_signer, publishing
from custody.checkpoints import Checkpoint, open_checkpoint
from custody.ledger_signer import LedgerSigner, SignerOptions
from custody.merkle import hash_leaf, root_of
from custody.notes import COSIGNATURE_ML_DSA_44, Note, parse_vkey
from custody.signer_memory import Memory
from custody.tiles import ENTRIES, WIDTH, encode_bundle, encode_tile, tiles_of
from records.errors import (
    ConfigurationError,
    LedgerError,
    LedgerForkError,
    StoreUnavailableError,
)

STEPS = (52, 53, 54, 55, 56, 57, 58)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def expected(size: int, more: dict[int, str] | None = None) -> dict[str, bytes]:
    """Every tile and bundle of a tree, by the definition of the format."""
    entries = list(Rows(size, more).entries(0, size))
    levels = [[hash_leaf(entry) for entry in entries]]
    while len(levels[-1]) >= WIDTH:
        full = range(len(levels[-1]) // WIDTH)
        levels.append([root_of(levels[-1][n * WIDTH : (n + 1) * WIDTH]) for n in full])
    found = {}
    for tile in tiles_of(size):
        part = (entries if tile.level == ENTRIES else levels[tile.level])[tile.first : tile.first + tile.width]
        found[tile.path] = encode_bundle(part) if tile.level == ENTRIES else encode_tile(part)
    return found


def check(house: House, size: int, more: dict[int, str] | None = None) -> None:
    """The tree's files are there byte for byte, and the checkpoint is signed over its root."""
    there = house.published()
    for path, data in expected(size, more).items():
        assert there[path] == data, path
    signed = open_checkpoint(there["checkpoint"], house.signer().public_keys()[0]).checkpoint
    root = root_of(hash_leaf(entry) for entry in Rows(size, more).entries(0, size))
    assert (signed.origin, signed.size, signed.root) == (ORIGIN, size, root)


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513, 1000])
def test_a_tree_published_at_once_has_the_formats_files(house: House, size: int) -> None:
    published = house.publish(Rows(size))
    check(house, size)
    assert set(house.published()) == {*expected(size), "checkpoint", f"checkpoints/{size}"}
    assert (published.origin, published.size) == (ORIGIN, size)
    assert published.checkpoint == house.files.read("checkpoint") == house.files.read(f"checkpoints/{size}")


def test_growing_by_any_steps_gives_the_same_files_and_no_stale_ones(house: House) -> None:
    chance, size = random.Random(1), 0
    while size < 1200:
        size += chance.choice((0, 1, 2, 3, 100, 255, 256, 257))
        house.publisher().publish_passing(Rows(size))
        check(house, size)
    full = {path for path in house.published() if ".p/" not in path}
    partial = {path.partition(".p/")[0] for path in house.published() if ".p/" in path}
    assert not full & partial  # a partial file goes once its full one is there
    assert not any(path.startswith("checkpoints/") for path in full)


def test_partials_stay_while_a_checkpoint_needs_them(house: House) -> None:
    for size in (3, 5):
        house.publish(Rows(size))
    assert {"tile/0/000.p/3", "tile/0/000.p/5", "tile/entries/000.p/3"} <= set(house.published())
    house.publish(Rows(256))
    assert not any(".p/" in path for path in house.published() if "/0/" in path or "entries" in path)


def test_only_what_is_asked_for_and_the_last_of_a_day_stays(house: House) -> None:
    for size in (5, 8, 10, 12, 19, 20, 31):
        house.publisher().publish_passing(Rows(size, a_day=10))
    # 10 and 20 were the last of their days; 12 to 19 were passed over
    assert {path for path in house.published() if path.startswith("checkpoints/")} == {
        "checkpoints/10",
        "checkpoints/20",
    }
    house.publish(Rows(31, a_day=10))
    assert house.files.read("checkpoints/31") == house.files.read("checkpoint")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("before", "after"), [(0, 1), (200, 300), (256, 257), (300, 300)])
def test_dying_at_any_step_and_publishing_again_gives_the_same_bytes(
    tmp_path: Path, step: int, before: int, after: int
) -> None:
    whole, broken = House(tmp_path / "whole"), House(tmp_path / "broken")
    (broken.folder / "signer").rmdir()
    whole.publish(Rows(before))
    shutil.copytree(whole.folder, broken.folder, dirs_exist_ok=True)
    whole.publish(Rows(after))
    for _ in range(2):
        with pytest.raises(Died):
            broken.publisher(die_at=step).publish(Rows(after))
        signed = open_checkpoint(broken.published()["checkpoint"], broken.signer().public_keys()[0]).checkpoint.size
        check(broken, signed)  # what the world sees meanwhile is a whole tree
    broken.publish(Rows(after))
    there = broken.published()
    if step == publishing.REPLACED:  # outgrown partial files may stay for good: the format allows it
        there = {path: data for path, data in there.items() if path in whole.published()}
    assert there == whole.published()
    broken.publish(Rows(after + 5))  # events that came while it was down
    check(broken, after + 5)


@pytest.mark.parametrize("step", STEPS)
def test_events_that_come_after_a_death_are_published_with_the_rest(house: House, step: int) -> None:
    house.publish(Rows(250))
    with pytest.raises(Died):
        house.publisher(die_at=step).publish(Rows(258))
    house.publish(Rows(520))
    check(house, 520)


def unchanged(house: House, act: Callable[[], object], error: type[Exception], match: str) -> None:
    """It is refused, and neither a published byte nor the signer's memory is another one."""
    before = house.published(), house.memory()
    with pytest.raises(error, match=match):
        act()
    assert (house.published(), house.memory()) == before


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
def test_a_database_that_was_put_back_stops_the_ledger(house: House, size: int) -> None:
    house.publish(Rows(size))
    unchanged(house, lambda: house.publish(Rows(size - 1)), LedgerForkError, "older database")
    other = {size - 1: "written after the older database was put back"}
    for grown in (size, size + 1, size + 300):  # it may have grown since, to the same size or beyond
        unchanged(house, lambda grown=grown: house.publish(Rows(grown, other)), LedgerForkError, "others")
        unchanged(
            house, lambda grown=grown: house.publisher().publish_passing(Rows(grown, other)), LedgerForkError, "oth"
        )
        unchanged(
            house, lambda grown=grown: house.publisher().publish_whole(Rows(grown, other)), LedgerForkError, "oth"
        )
    house.publish(Rows(size + 1))


def test_a_database_put_back_is_noticed_even_where_nothing_was_published_yet(house: House) -> None:
    with pytest.raises(Died):
        house.publisher(die_at=58).publish(Rows(5))  # remembered, and the signature never left
    unchanged(house, lambda: house.publish(Rows(4)), LedgerForkError, "older database")
    unchanged(house, lambda: house.publish(Rows(6, {4: "x"})), LedgerForkError, "others")
    house.publish(Rows(5))


def test_an_event_changed_before_the_last_bundle_is_noticed_by_who_reads_all(house: House) -> None:
    """The signer checks the last bundle again, not all; the whole is compared when it is written again."""
    house.publish(Rows(600))
    house.publish(Rows(601, {100: "x"}))
    check_root = open_checkpoint(house.published()["checkpoint"], house.signer().public_keys()[0]).checkpoint.root
    assert check_root == root_of(hash_leaf(entry) for entry in Rows(601).entries(0, 601))  # what was signed goes on
    with pytest.raises(LedgerError, match="tile/entries/000"):
        house.publisher().publish_whole(Rows(601, {100: "x"}))


def test_a_memory_that_was_put_back_stops_the_ledger(house: House) -> None:
    house.publish(Rows(5))
    old = (house.folder / "signer/ledger.memory").read_bytes()
    house.publish(Rows(9))
    (house.folder / "signer/ledger.memory").write_bytes(old)
    unchanged(house, lambda: house.publish(Rows(9)), LedgerForkError, "memory was put back")


@pytest.mark.parametrize("gone", ["ledger.memory", "ledger.key"])
def test_a_signer_without_its_memory_or_key_signs_nothing(house: House, gone: str) -> None:
    house.publish(Rows(5))
    (house.folder / "signer" / gone).unlink()
    for _ in range(2):
        unchanged(
            house, lambda: house.publish(Rows(6)), LedgerError if "memory" in gone else ConfigurationError, "bring"
        )


@pytest.mark.parametrize("entry", [b"", b"{}", b"[]", b"3", b'{"seq":4}', b'{"seq":"3"}', b'{"seq":3.5}', b"\xff"])
def test_an_entry_out_of_its_place_is_not_signed(house: House, entry: bytes) -> None:
    class Odd(Rows):
        def entries(self, first: int, last: int) -> Iterator[bytes]:
            return (entry if place == 3 else leaf(place) for place in range(first, last))

    with pytest.raises(LedgerForkError, match="event 3"):
        house.publish(Odd(6))
    assert house.published() == {} and house.memory() == Memory.empty(ORIGIN)


@pytest.mark.parametrize("given", [4, 6])
def test_too_few_or_too_many_entries_are_not_signed(house: House, given: int) -> None:
    with pytest.raises(LedgerForkError):
        house.signer().sign(5, Rows(given).entries(0, given))
    assert house.memory() == Memory.empty(ORIGIN)


def test_a_home_that_is_gone_is_not_made_anew(house: House) -> None:
    house.publish(Rows(300))
    before = house.published()
    shutil.rmtree(house.folder / "ledger")
    with pytest.raises(StoreUnavailableError, match="mounted"):
        house.publish(Rows(301))
    assert not (house.folder / "ledger").exists()
    house.publisher().publish_whole(Rows(300))  # unless it is asked for; all of it is a function of the rows
    assert house.published() == before


@pytest.mark.parametrize("path", ["checkpoint", "tile/1/000.p/2"])
def test_a_published_file_that_was_changed_is_named_and_nothing_is_built_on_it(house: House, path: str) -> None:
    house.publish(Rows(600))
    target = house.folder / "ledger" / path
    target.write_bytes(target.read_bytes()[:-2] + b"x\n")
    before = house.published()
    for publish in (house.publish, house.publisher().publish_passing):
        with pytest.raises(LedgerError, match="change"):
            publish(Rows(1000))
    assert house.published() == before


def test_a_published_file_that_is_missing_is_named(house: House) -> None:
    house.publish(Rows(600))
    (house.folder / "ledger/tile/1/000.p/2").unlink()
    unchanged_files = house.published()
    with pytest.raises(LedgerError, match=r"tile/1/000\.p/2"):
        house.publish(Rows(601))
    assert house.published() == unchanged_files
    house.publisher().publish_whole(Rows(601))
    check(house, 601)


def test_other_bytes_under_the_name_of_a_tile_are_never_overwritten(house: House) -> None:
    house.publish(Rows(250))
    house.files.put("tile/entries/000", b"in the way")
    with pytest.raises(LedgerError, match="tile/entries/000"):
        house.publish(Rows(257))
    assert house.files.read("tile/entries/000") == b"in the way"


def test_a_key_is_rotated_under_the_old_one(house: House) -> None:
    house.publish(Rows(5))
    old, signer = house.signer().public_keys()[0], house.signer()
    new = signer.prepare()
    assert signer.prepare() == new != old and signer.public_keys() == [old]
    house.publish(Rows(6))  # with the event that announces the new key, under the old one alone
    assert len(house.publish(Rows(6)).checkpoint.split(b"\xe2\x80\x94")) == 2
    for _ in range(2):
        signer.use_prepared()
    assert signer.public_keys() == [old, new]
    with pytest.raises(ConfigurationError, match="under way"):
        signer.prepare()
    both = house.publish(Rows(7)).checkpoint
    assert open_checkpoint(both, old) and open_checkpoint(both, new)
    assert signer.retire() == new and signer.public_keys() == [new]
    alone = house.publish(Rows(8)).checkpoint
    assert alone.count(b"\xe2\x80\x94") == 1 and open_checkpoint(alone, new)
    assert parse_vkey((house.folder / "signer/ledger.vkey").read_text()) == new
    with pytest.raises(ConfigurationError, match="no rotation"):
        signer.retire()


def test_a_post_quantum_line_is_added_by_setting_and_a_kept_checkpoint_stays_as_it_is(tmp_path: Path) -> None:
    house = House(tmp_path, ml_dsa=True)
    first = house.publish(Rows(5)).checkpoint
    keys = house.signer().public_keys()
    assert [key.kind for key in keys][-1] == COSIGNATURE_ML_DSA_44
    assert all(open_checkpoint(first, key).checkpoint.size == 5 for key in keys)
    house.time += 60
    assert house.publish(Rows(5)).checkpoint == first  # kept once; the new signature over the same tree is not needed
    house.publish(Rows(6))
    check(house, 6)


def test_another_kept_checkpoint_of_the_same_size_is_a_conflict(house: House) -> None:
    house.publish(Rows(5))
    forged = house.signer()._first()
    text = Checkpoint(ORIGIN, 6, hashlib.sha256(b"another").digest()).body
    house.files.keep("checkpoints/6", Note(text, (forged.sign(text),)).data, UNTIL)
    with pytest.raises(LedgerError, match="checkpoints/6"):
        house.publish(Rows(6))


def test_the_signers_files_are_its_owners_alone(house: House) -> None:
    house.publish(Rows(1))
    for name in (ledger_signer.KEY, ledger_signer.MEMORY):
        assert (house.folder / "signer" / name).stat().st_mode & 0o777 == 0o600
    (house.folder / "signer" / ledger_signer.KEY).chmod(0o644)
    with pytest.raises(ConfigurationError, match="others"):
        house.publish(Rows(2))


def test_a_key_of_another_ledger_is_refused(house: House) -> None:
    house.publish(Rows(1))
    other = LedgerSigner(house.folder / "signer", SignerOptions("other.test/ledger"), lambda: 0, lambda step: None)
    with pytest.raises(ConfigurationError, match="another ledger"):
        other.public_keys()


@pytest.mark.parametrize(
    "damage",
    [
        lambda shape: {**shape, "size": shape["size"] + 1}, lambda shape: {**shape, "size": -1},
        lambda shape: {**shape, "size": "5"}, lambda shape: {**shape, "size": True}, lambda shape: {**shape, "v": 2},
        lambda shape: {**shape, "root": "00"}, lambda shape: {**shape, "root": None},
        lambda shape: {**shape, "peaks": []}, lambda shape: {**shape, "last": None}, lambda shape: {"v": 1},
        lambda shape: [], lambda shape: {**shape, "peaks": [*shape["peaks"], shape["root"]]},
        lambda shape: {**shape, "boundary": 0},
    ],
)  # fmt: skip
def test_a_damaged_memory_signs_nothing(house: House, damage: Callable[[dict[str, object]], object]) -> None:
    house.publish(Rows(300))
    path = house.folder / "signer/ledger.memory"
    path.write_text(json.dumps(damage(json.loads(path.read_text()))))
    before = house.published()
    with pytest.raises((ConfigurationError, LedgerForkError), match=r"damaged|others now"):
        house.publish(Rows(301))
    assert house.published() == before


def test_every_cut_of_the_memory_signs_nothing(house: House) -> None:
    house.publish(Rows(300))
    path = house.folder / "signer/ledger.memory"
    whole = path.read_bytes()
    for length in range(len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ConfigurationError):
            house.signer().memory()
