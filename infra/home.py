"""The installation's home: its folders, made at first use, and private scratch folders swept when their owner died.

An owner is a process, named by where its id means anything (this boot of this machine, and the PID namespace: two
containers may share a home), its id there, and when it started. Of an owner elsewhere nothing can be told.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from infra.settings import Settings
from records.errors import ConfigurationError, NoSpaceError, UnavailableError
from records.places import Places

FOREIGN_SECONDS = 24 * 3600.0  # a scratch folder of another machine or container is left alone for this long

_scratch_locks: dict[Path, int] = {}  # this process's folders; the lock tells other containers that it lives


def places_of(settings: Settings) -> Places:
    """Return where things lie by the settings."""
    home, keys = settings.home, _keys_folder(settings)
    return Places(
        home, keys, settings.escrow or home / "escrow", settings.inbox or home / "inbox",
        settings.signer or keys / "signer",
    )  # fmt: skip


def _keys_folder(settings: Settings) -> Path:
    """Return the folder of key files: of `keys`, of a key ring that is a folder, or in home.

    Raises:
        ConfigurationError: `keys` and `key_ring` name two folders.
    """
    ring = urlsplit(settings.key_ring or "")
    named = Path(unquote(ring.path)) if ring.scheme == "file" else None
    if named is not None and settings.keys is not None and named != settings.keys.absolute():
        raise ConfigurationError("keys and key_ring name two folders: set one of them")
    return settings.keys or named or settings.home / "keys"


def make_home(places: Places) -> None:
    """Make every folder of the installation; home, keys, escrow shares and signer are closed to others, also if there.

    Raises:
        ConfigurationError: a folder cannot be made or written.
        NoSpaceError: the disk is full.
    """
    for folder in places.folders():
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            if error.errno == 28:
                raise NoSpaceError("the home's disk is full") from error
            raise ConfigurationError(
                f"the folder {folder.name} of the home cannot be made: {error.strerror}"
            ) from error
    for folder in (places.home, places.keys, places.escrow, places.signer):
        found = folder.stat()
        if found.st_uid == os.geteuid() and found.st_mode & 0o077:
            folder.chmod(0o700)
    if not os.access(places.home, os.W_OK | os.X_OK):
        raise ConfigurationError("the home cannot be written")


def process_owner() -> str:
    """Name this process so that others beside it can tell whether it still runs: `boot-namespace:pid:started`."""
    return process_owner_of(os.getpid())


def process_owner_of(pid: int) -> str:
    """Name a process of this machine and namespace as `process_owner` names this one."""
    return f"{_here()}:{pid}:{_started(pid)}"


def owner_is_here(owner: str) -> bool:
    """Tell whether an owner's process id means anything here: the same boot and the same PID namespace."""
    return owner.partition(":")[0] == _here()


def owner_alive(owner: str) -> bool:
    """Tell whether an owner still runs; one of another machine or namespace is taken to (its lease ends by time)."""
    if not owner_is_here(owner):
        return True
    _, pid, started = owner.split(":")
    return _started(int(pid)) == started


def make_scratch(places: Places) -> Path:
    """Make this process's private folder and remove those of dead processes: clear working files are swept.

    A folder made elsewhere is removed when it is FOREIGN_SECONDS old and no living process holds its lock.
    """
    for folder in places.tmp.iterdir():
        owner = folder.name.rpartition(".")[0]
        if folder.is_dir() and owner.count(":") == 2 and _is_left_behind(folder, owner):
            shutil.rmtree(folder, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=process_owner() + ".", dir=places.tmp))
    _scratch_locks[made] = os.open(made, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fcntl.flock(_scratch_locks[made], fcntl.LOCK_EX)
    return made


def remove_scratch(folder: Path) -> None:
    """Remove this process's private folder."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder in _scratch_locks:
        os.close(_scratch_locks.pop(folder))


def _is_left_behind(folder: Path, owner: str) -> bool:
    if owner_is_here(owner):
        return not owner_alive(owner)
    try:
        if time.time() - folder.stat().st_mtime < FOREIGN_SECONDS:  # noqa: TID251  compared with a file's time
            return False
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:  # its owner has just removed it, or it is another user's
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(file)
    return True


@contextmanager
def exclusive(path: Path, seconds: float, held: type[UnavailableError]) -> Iterator[None]:
    """Hold a lock file; it is given back by the system when the process dies.

    Raises:
        UnavailableError: of the kind `held`: another process holds it for longer than `seconds`.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise held(f"another process holds {path.name}") from error
                time.sleep(0.05)
        yield
    finally:
        os.close(file)


def _here() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip().replace("-", "")[:12]
    return f"{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"


def _started(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "gone"
    fields = stat.rpartition(")")[2].split()
    return "gone" if fields[0] == "Z" else fields[19]
