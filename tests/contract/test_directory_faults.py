"""Faults injected into the folder that is a home of sealed objects: disks, volumes, processes that fail."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from straced import need_strace

from custody.stores.base import ObjectStore
from custody.stores.directory import DirectoryStore, make_directory
from records.errors import NoSpaceError, OriginalConflictError, OriginalNotFoundError, StoreUnavailableError

MIB = 1 << 20


def put(store: ObjectStore, sealed):
    return store.put(sealed.key, sealed.path, sealed.sha256, sealed.size)


def content(store: ObjectStore, key: str, version: str) -> bytes:
    return b"".join(store.read(key, version))


@pytest.fixture
def directory(tmp_path) -> DirectoryStore:
    make_directory(tmp_path / "store")
    return DirectoryStore(tmp_path / "store")


def test_keeps_files_and_folders_to_their_owner(directory, seal, tmp_path):
    sealed = seal()
    put(directory, sealed)
    path = tmp_path / "store" / sealed.key
    assert path.stat().st_mode & 0o777 == 0o400
    for folder in (path.parent, path.parent.parent, tmp_path / "store"):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / "store" / ".incoming").iterdir()) == []


def test_tells_a_missing_volume_from_a_missing_object(directory, seal, tmp_path):
    sealed = seal()
    put(directory, sealed)
    (tmp_path / "store").rename(tmp_path / "unmounted")
    (tmp_path / "store").mkdir()  # the empty mount point
    for attempt in (
        lambda: put(directory, sealed),
        lambda: directory.stat(sealed.key),
        lambda: content(directory, sealed.key, "1"),
        lambda: list(directory.versions("")),
        lambda: directory.remove(sealed.key, "1"),
    ):
        with pytest.raises(StoreUnavailableError):
            attempt()


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"\0" + data[1:]], ids=["cut", "altered"])
def test_does_not_take_a_damaged_object_for_the_original(directory, seal, tmp_path, damage):
    sealed = seal()
    put(directory, sealed)
    path = tmp_path / "store" / sealed.key
    path.chmod(0o600)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(OriginalConflictError):
        put(directory, sealed)


def test_follows_no_link_laid_under_a_key(directory, seal, tmp_path):
    sealed = seal()
    path = tmp_path / "store" / sealed.key
    path.parent.mkdir(parents=True)
    path.symlink_to(sealed.path)
    with pytest.raises(OriginalNotFoundError):
        content(directory, sealed.key, "1")
    with pytest.raises(OriginalConflictError):
        put(directory, sealed)
    assert list(directory.versions("")) == []


def test_sweeps_what_the_dead_left_and_not_what_the_living_write(directory, seal, tmp_path):
    incoming = tmp_path / "store" / ".incoming"
    (incoming / "dead-1-0").write_bytes(b"half a file")
    living = incoming / "living-2-0"
    living.write_bytes(b"half a file")
    holder = subprocess.Popen(
        ["flock", "--exclusive", living, "sh", "-c", "echo locked; exec sleep 60"], stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout.readline() == b"locked\n"
        put(directory, seal())
        assert [path.name for path in incoming.iterdir()] == ["living-2-0"]
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of one mebibyte; needs root."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "muniment-test", str(mount)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here ({done.stderr.strip()}): run as root")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_that_is_full_keeps_nothing_and_recovers(small_disk, seal):
    make_directory(small_disk / "store")
    store = DirectoryStore(small_disk / "store")
    kept, large = seal(100_000, seed=b"k"), seal(2 * MIB)
    put(store, kept)
    with pytest.raises(NoSpaceError):
        put(store, large)
    assert [found.key for found in store.versions("")] == [kept.key]
    assert list((small_disk / "store" / ".incoming").iterdir()) == []
    smaller = seal(200_000)
    put(store, smaller)
    assert {found.key for found in store.versions("")} == {kept.key, smaller.key}


# A child is killed at each system call of a put, in turn; then the same put must succeed and leave one whole file.
_PUT_IN_A_CHILD = """
import sys
from pathlib import Path
from custody.stores.directory import DirectoryStore
print(flush=True)
root, key, path, sha256, size = sys.argv[1:]
DirectoryStore(Path(root)).put(key, Path(path), sha256, int(size))
"""


def test_survives_a_kill_at_every_write_link_and_flush(seal, tmp_path):
    need_strace()
    sealed = seal(3 * MIB)
    for call in ("write:when=3", "write:when=4", "fsync:when=1", "link,linkat:when=1", "unlink,unlinkat:when=1"):
        root = tmp_path / call.replace(",", "-").replace(":", "-")
        make_directory(root)
        child = subprocess.run(
            [
                *("strace", "-f", "-o", "/dev/null", "-e", f"inject={call}".replace(":when", ":signal=KILL:when")),
                *(sys.executable, "-B", "-c", _PUT_IN_A_CHILD),
                *(str(root), sealed.key, str(sealed.path), sealed.sha256, str(sealed.size)),
            ],
            check=False,
            capture_output=True,
            cwd=Path(__file__).parents[2],
        )
        assert child.returncode != 0, call
        store = DirectoryStore(root)
        for found in store.versions(""):
            assert hashlib.sha256(content(store, found.key, "1")).hexdigest() == sealed.sha256
        put(store, sealed)
        assert [found.size for found in store.versions("")] == [sealed.size]
        assert list((root / ".incoming").iterdir()) == []
