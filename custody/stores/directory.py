"""Sealed objects in a folder: the home that needs nothing installed.

A file appears under its key complete and flushed, or not at all: it is written in `.incoming`, verified while it is
copied, and linked to its name, which never overwrites. A folder enforces no locks; `probe` says so.
Reference: custody, sections 3.1 and 5; design, section 4.
"""

import fcntl
import hashlib
import itertools
import os
import stat as modes
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from custody.stores.base import Probe, StoredVersion
from custody.stores.folders import flush_folder, make_folders, translated
from custody.stores.object_key import checked_key, checked_prefix
from records.errors import (
    FixityError,
    OriginalConflictError,
    OriginalNotFoundError,
    StoreUnavailableError,
)

VERSION = "1"  # a folder keeps one version of a key
CHUNK = 1 << 20  # bytes
INCOMING = ".incoming"

_copies = itertools.count()  # tells the copies of one process apart


def make_directory(root: Path) -> None:
    """Make the folder of a store, or see that it is one; its `.incoming` tells it from an empty mount point.

    Raises:
        NoSpaceError, StoreUnavailableError: it cannot be made.
    """
    with translated():
        (root / INCOMING).mkdir(mode=0o700, parents=True, exist_ok=True)
        root.chmod(0o700)
        flush_folder(root)
        flush_folder(root.parent)


def is_directory_store(root: Path) -> bool:
    """Tell whether `make_directory` made this folder: an empty mount point is none."""
    return (root / INCOMING).is_dir()


class DirectoryStore:
    """ObjectStore in a folder that `make_directory` made; keys are paths below it."""

    def __init__(self, root: Path) -> None:
        """Args: root, the store's folder; it is not made here, so that a volume not mounted is noticed."""
        self._root = root
        self._incoming = root / INCOMING
        self._swept = False

    @property
    def name(self) -> str:
        """The folder's own name, without its path."""
        return self._root.name

    @property
    def locks(self) -> bool:
        """Never: whoever owns the folder can remove its files."""
        return False

    def put(self, key: str, source: Path, sha256: str, size: int) -> StoredVersion:
        """Copy `source` to `key`, durably; see ObjectStore.put."""
        path = self._path(key)
        with translated():
            self._sweep_once()
            if not os.path.lexists(path):
                self._take_in(path, source, sha256, size)
            if not modes.S_ISREG(path.lstat().st_mode) or _digest_of(path) != (sha256, size):
                raise OriginalConflictError("other bytes stand under this key")
            self._flush_up(path)  # also where an earlier process linked it and died before this line
        return StoredVersion(key, VERSION, size)

    def read(self, key: str, version: str) -> Iterator[bytes]:
        """Yield the bytes of a file in chunks of 1 MiB; see ObjectStore.read."""
        path = self._path(key)
        self.stat(key, version)
        with translated():
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            while True:
                with translated():
                    chunk = file.read(CHUNK)
                if not chunk:
                    return
                yield chunk

    def stat(self, key: str, version: str | None = None) -> StoredVersion:
        """Return the size of the file under `key`; see ObjectStore.stat."""
        path = self._path(key)
        with translated():
            try:
                found = path.lstat()
            except (FileNotFoundError, NotADirectoryError):
                found = None
        if found is None or not modes.S_ISREG(found.st_mode) or version not in (None, VERSION):
            raise OriginalNotFoundError("nothing stands under this key, or not this version")
        return StoredVersion(key, VERSION, found.st_size)

    def versions(self, prefix: str) -> Iterator[StoredVersion]:
        """Yield every file whose key starts with `prefix`, in order of the keys' segments."""
        folder = checked_prefix(prefix).rpartition("/")[0]
        self._present()
        yield from self._walk(self._root / folder, f"{folder}/" if folder else "", prefix)

    def extend(self, key: str, version: str, until: datetime) -> StoredVersion:
        """Return the version as it is: a folder has no locks."""
        return self.stat(key, version)

    def remove(self, key: str, version: str) -> None:
        """Remove the file under `key`, durably; absent is no error."""
        path = self._path(key)
        if version != VERSION:
            return
        with translated(), suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
            flush_folder(path.parent)

    def sweep(self, before: datetime) -> int:
        """Remove copies whose writers died; a lock tells, so their age does not matter."""
        with translated():
            return self._sweep_incoming()

    def probe(self) -> Probe:
        """Say that locks do not apply."""
        return Probe("not applicable")

    def _path(self, key: str) -> Path:
        """Return where `key` lies, having seen that the store itself is there."""
        path = self._root / checked_key(key)
        self._present()
        return path

    def _present(self) -> None:
        """Refuse to speak for a folder that is not there: 'not mounted' must never read as 'lost'."""
        if not is_directory_store(self._root):
            raise StoreUnavailableError("the store's folder is not there, or is not the folder of a store")

    def _take_in(self, path: Path, source: Path, sha256: str, size: int) -> None:
        """Copy `source` beside the store's files and link it to `path`; a name already taken is left as it is."""
        make_folders(self._root, path.parent)
        temporary, descriptor = self._open_copy(sha256)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as target:
                _copy_verified(source, target.fileno(), sha256, size)
                os.fsync(target.fileno())
                with suppress(FileExistsError):  # another process was first; put() compares
                    os.link(temporary, path, follow_symlinks=False)
        finally:
            temporary.unlink(missing_ok=True)

    def _open_copy(self, sha256: str) -> tuple[Path, int]:
        """Open and lock a new file in `.incoming`; the lock says that its writer lives.

        Two containers may share a process id, and a sweep may come between opening and locking: hence the loop.
        """
        while True:
            temporary = self._incoming / f"{sha256[:32]}-{os.getpid()}-{next(_copies)}"
            with suppress(FileExistsError):
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
                with suppress(BlockingIOError):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if os.fstat(descriptor).st_nlink:
                        return temporary, descriptor
                os.close(descriptor)

    def _sweep_once(self) -> None:
        """Remove what processes that died left in `.incoming`; the living hold a lock on theirs."""
        if not self._swept:
            self._swept = True
            self._sweep_incoming()

    def _sweep_incoming(self) -> int:
        count = 0
        for left in self._incoming.iterdir():
            with suppress(FileNotFoundError, BlockingIOError, PermissionError), left.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
                count += 1
        return count

    def _flush_up(self, path: Path) -> None:
        """Flush the file and every folder from it up to the store's own."""
        with path.open("rb") as file:
            os.fsync(file.fileno())
        for folder in path.parents:
            flush_folder(folder)
            if folder == self._root:
                return

    def _walk(self, folder: Path, above: str, prefix: str) -> Iterator[StoredVersion]:
        """Yield the files below `folder`, whose own key part is `above`."""
        with translated():
            try:
                names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
            except (FileNotFoundError, NotADirectoryError):
                return
        for name in names:
            key = above + name
            if not (key.startswith(prefix) or prefix.startswith(key + "/")):
                continue
            with translated():
                try:
                    found = (folder / name).lstat()
                except FileNotFoundError:  # removed since the folder was listed
                    continue
            if modes.S_ISDIR(found.st_mode):
                yield from self._walk(folder / name, key + "/", prefix)
            elif modes.S_ISREG(found.st_mode):
                yield StoredVersion(key, VERSION, found.st_size)


def _copy_verified(source: Path, target: int, sha256: str, size: int) -> None:
    """Copy `source` to the descriptor `target` and raise FixityError unless digest and size are those given."""
    digest, copied = hashlib.sha256(), 0
    with source.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            copied += len(chunk)
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(target, rest) :]
    if (digest.hexdigest(), copied) != (sha256, size):
        raise FixityError(sha256, digest.hexdigest())


def _digest_of(path: Path) -> tuple[str, int]:
    """Return digest and size of the regular file at `path`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(descriptor).st_size
