"""The installation's home: its folders, made at first use, and private scratch folders swept when their owner died."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.settings import Settings
from records.errors import ConfigurationError, IndexUnavailableError, NoSpaceError
from records.places import Places


def places_of(settings: Settings) -> Places:
    """Return where things lie by the settings."""
    home = settings.home
    return Places(
        home, settings.keys or home / "keys", settings.escrow or home / "escrow", settings.inbox or home / "inbox"
    )


def make_home(places: Places) -> None:
    """Make every folder of the installation, readable by its owner alone.

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
    if not os.access(places.home, os.W_OK | os.X_OK):
        raise ConfigurationError("the home cannot be written")


def process_owner() -> str:
    """Name this process so that others of this machine can tell whether it still runs: boot, pid, start time."""
    return process_owner_of(os.getpid())


def process_owner_of(pid: int) -> str:
    """Name a process of this machine as `process_owner` names this one."""
    return f"{_boot()}:{pid}:{_started(pid)}"


def owner_alive(owner: str) -> bool:
    """Tell whether an owner still runs; one of another machine is taken to run (its lease ends by time)."""
    boot, pid, started = owner.split(":")
    if boot != _boot():
        return True
    return _started(int(pid)) == started


def make_scratch(places: Places) -> Path:
    """Make this process's private folder and remove those of dead processes: clear working files are swept."""
    for folder in places.tmp.iterdir():
        name = folder.name.rpartition(".")[0]
        if folder.is_dir() and name.count(":") == 2 and not owner_alive(name):
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=process_owner() + ".", dir=places.tmp))


@contextmanager
def exclusive(path: Path, seconds: float) -> Iterator[None]:
    """Hold a lock file; it is given back by the system when the process dies.

    Raises:
        IndexUnavailableError: another process holds it for longer than `seconds`.
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
                    raise IndexUnavailableError(f"another process holds {path.name}") from error
                time.sleep(0.05)
        yield
    finally:
        os.close(file)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip().replace("-", "")[:12]


def _started(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "gone"
    fields = stat.rpartition(")")[2].split()
    return "gone" if fields[0] == "Z" else fields[19]
