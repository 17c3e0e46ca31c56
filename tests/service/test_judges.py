"""Judges that share no code with us accept what is published, and refuse it when one byte is another one.

Tessera's fsck and a small program on Go's sumdb, built by `script/judges`. Where they are not built the tests are
skipped with that command; in CI it is a failure. fsck ends with 0 even where it refuses: only its success line counts.
"""

import os
import random
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ledger_house import House, Lives

from custody.algorithms import shipped_algorithms
from custody.ledger_verdict import Given, verify_folder
from custody.tiles import tiles_of

ROOT = Path(__file__).resolve().parents[2]
SIZES = (0, 1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 70_000)
SEED = 20261125
FSCK_SECONDS = 15.0  # 70,000 entries take it less than one


@pytest.fixture(scope="module")
def judges() -> tuple[str, str]:
    """The two programs."""
    found = subprocess.run([ROOT / "script/judges", "where"], capture_output=True, text=True, check=False)
    if found.returncode:
        say = "the judges of the ledger are not built: run script/judges"
        if os.environ.get("CI"):
            pytest.fail(say)
        pytest.skip(say)
    fsck, sumdb = found.stdout.splitlines()
    return fsck, sumdb


@pytest.fixture
def verdicts(judges: tuple[str, str]) -> Callable[[House, int], tuple[bool, bool, bool]]:
    """Ask Tessera's fsck, Go's sumdb and ourselves whether a ledger of this size holds."""

    def ask(house: House, size: int) -> tuple[bool, bool, bool]:
        folder, vkey = house.folder / "ledger", house.folder / "signer/ledger.vkey"
        command = [judges[0], f"--storage_url=file://{folder}/", f"--public_key={vkey}", "--ui=false", "--N=2"]
        try:
            said = subprocess.run(command, capture_output=True, check=False, timeout=FSCK_SECONDS)
            spoken = (said.stdout + said.stderr).decode()
        except subprocess.TimeoutExpired as late:  # its workers may wait for each other after one has refused
            spoken = ((late.stdout or b"") + (late.stderr or b"")).decode()
        fsck = re.search(rf"Successfully fsck'd log with size {size}\b", spoken) and "fsck failed" not in spoken
        command = [judges[1], str(folder), str(vkey)]
        sumdb = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        ours = verify_folder(folder, Given(datetime.now(UTC), shipped_algorithms(), vkeys=vkey.read_text()))
        return bool(fsck), sumdb.stdout == f"accepted {size}\n", bool(ours.note)

    return ask


def test_what_is_published_is_accepted_at_every_size(
    tmp_path: Path, verdicts: Callable[[House, int], tuple[bool, bool, bool]]
) -> None:
    house = House(tmp_path)
    for size in SIZES:
        house.publish(Lives(size))
        assert (size, verdicts(house, size)) == (size, (True, True, True))
    chance = random.Random(SEED)
    files = ["tile/2/000.p/1", chance.choice(list(tiles_of(70_000))).path]
    assert_refused(house, 70_000, files, chance, verdicts)


@pytest.mark.parametrize("size", [1, 257, 513])
def test_one_byte_changed_in_any_file_is_refused(
    tmp_path: Path, size: int, verdicts: Callable[[House, int], tuple[bool, bool, bool]]
) -> None:
    house = House(tmp_path)
    house.publish(Lives(size))
    files = ["checkpoint", *(tile.path for tile in tiles_of(size))]
    assert_refused(house, size, files, random.Random(SEED + size), verdicts)
    assert verdicts(house, size) == (True, True, True)  # and accepted again when the byte is back


def assert_refused(
    house: House, size: int, files: list[str], chance: random.Random,
    verdicts: Callable[[House, int], tuple[bool, bool, bool]],
) -> None:  # fmt: skip
    for path in files:
        target = house.folder / "ledger" / path
        target.chmod(0o600)
        whole = target.read_bytes()
        for place in {len(whole) - 1, chance.randrange(len(whole))}:
            target.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            assert (path, place, verdicts(house, size)) == (path, place, (False, False, False))
        target.write_bytes(whole)
