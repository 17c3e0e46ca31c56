"""The home: closed to others, and what processes of this place or another left in it."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from running import ROOT

from infra.home import make_home, make_scratch, owner_alive, process_owner, remove_scratch
from infra.services import open_services
from records.places import Places

DAY = 24 * 3600


@pytest.fixture
def places(tmp_path: Path) -> Places:
    home = tmp_path / "home"
    made = Places(home, home / "keys", home / "escrow", home / "inbox", home / "keys" / "signer")
    make_home(made)
    return made


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_this_process_is_alive_and_an_invented_one_is_not() -> None:
    here, pid, started = process_owner().split(":")
    assert owner_alive(process_owner())
    assert not owner_alive(f"{here}:{pid}:{int(started) + 1}")
    assert not owner_alive(f"{here}:999999999:1")


def test_of_an_owner_elsewhere_only_time_ends_the_lease() -> None:
    here, pid, _ = process_owner().split(":")
    boot, namespace = here.split("-")
    assert namespace == str(Path("/proc/self/ns/pid").stat().st_ino)
    assert owner_alive(f"anotherboot-{namespace}:{pid}:1")
    assert owner_alive(f"{boot}-1:{pid}:1")  # another container on the same kernel, whose ids mean nothing here
    assert owner_alive(f"{boot}:{pid}:1")  # as an earlier version wrote it


def test_only_scratch_of_the_dead_is_swept(places: Places) -> None:
    here, _, _ = process_owner().split(":")
    boot = here.split("-")[0]
    kept = [places.tmp / f"{boot}-1:7:1.young", places.tmp / "unknown"]
    swept = [places.tmp / f"{here}:999999999:1.dead", places.tmp / f"{boot}-1:7:1.old"]
    for folder in (*kept, *swept):
        folder.mkdir()
    age(swept[1], DAY + 60)
    mine = make_scratch(places)
    assert [folder.exists() for folder in kept] == [True, True]
    assert [folder.exists() for folder in swept] == [False, False]
    remove_scratch(mine)
    assert not mine.exists()


def test_another_container_leaves_alone_what_is_alive_here(home: Path) -> None:
    """A real PID namespace, where the system lets us make one: the command runs in it on our home."""
    services: Any = open_services()
    mine = services.scratch
    age(mine, 2 * DAY)  # a service that had nothing to do over the weekend
    code = (
        "import ctypes, os, sys\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "user = 0x10000000 if os.geteuid() else 0\n"  # CLONE_NEWUSER
        "if libc.unshare(0x20000000 | 0x20000 | user): sys.exit(77)\n"  # CLONE_NEWPID, CLONE_NEWNS
        "child = os.fork()\n"
        "if child: sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        "if libc.mount(None, b'/', None, 0x44000, None): sys.exit(77)\n"  # MS_REC, MS_PRIVATE
        "if libc.mount(b'proc', b'/proc', b'proc', 0, None): sys.exit(77)\n"
        "from infra.services import open_services\n"
        "services = open_services()\n"
        "services.scratch\n"
        "services.close()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode == 77:
        services.close()
        pytest.skip("this system lets nobody make a PID namespace")
    assert ended.returncode == 0, ended.stderr
    assert mine.exists()
    services.close()
    assert not mine.exists()


def test_a_home_that_was_there_is_closed_to_others(tmp_path: Path) -> None:
    home, keys, escrow = tmp_path / "home", tmp_path / "keys", tmp_path / "escrow"
    for folder in (home, keys, escrow):
        folder.mkdir()
        folder.chmod(0o755)
    make_home(Places(home, keys, escrow, home / "inbox", home / "keys" / "signer"))
    assert [mode(folder) for folder in (home, keys, escrow)] == [0o700] * 3


def test_whatever_is_made_is_for_its_owner_alone(home: Path) -> None:
    before = os.umask(0o022)
    try:
        services = open_services()
        (services.scratch / "words").write_text("clear")
        assert mode(services.scratch / "words") == 0o600
        assert mode(services.places.catalogue) == 0o600
        services.close()
    finally:
        os.umask(before)
