"""The published ledger in a folder: anybody may copy it, and any tool that reads tlog-tiles files reads it there.

A file appears complete and flushed, or not at all: it is written in `.incoming` and linked or moved to its name. A
folder enforces no locks. Contract: custody/stores/ledger_files.py.
"""

import os
import stat as modes
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from custody.stores.folders import flush_folder, make_folders, translated
from custody.stores.ledger_files import FILE_LIMIT
from custody.stores.object_key import checked_key, checked_prefix
from records.errors import LedgerError, StoreUnavailableError

INCOMING = ".incoming"
_PENDING = "pending"  # the one file under way: one process writes at a time


class LedgerDirectory:
    """LedgerFiles below a folder."""

    def __init__(self, root: Path) -> None:
        """Args: root, the folder; not made here."""
        self._root = root

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self._root.name

    @property
    def locks(self) -> bool:
        """A folder has no locks."""
        return False

    def is_made(self) -> bool:
        """Tell by `.incoming`, which an empty mount point has not."""
        return (self._root / INCOMING).is_dir()

    def make(self) -> None:
        """Make the folder, durably."""
        with translated():
            (self._root / INCOMING).mkdir(mode=0o700, parents=True, exist_ok=True)
            flush_folder(self._root)
            flush_folder(self._root.parent)

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file; see LedgerFiles.read."""
        with translated():
            try:
                descriptor = os.open(self._root / checked_key(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except (FileNotFoundError, NotADirectoryError):
                return None
            found = os.fstat(descriptor)
            if modes.S_ISDIR(found.st_mode):
                os.close(descriptor)
                return None
            with os.fdopen(descriptor, "rb") as file:
                if not modes.S_ISREG(found.st_mode) or found.st_size > FILE_LIMIT:
                    raise StoreUnavailableError("what stands under a ledger file's name is no file of the ledger")
                return file.read()

    def put(self, path: str, data: bytes) -> None:
        """Write a file once; see LedgerFiles.put."""
        self._write_once(checked_key(path), data, 0o600)

    def keep(self, path: str, data: bytes, until: datetime) -> None:
        """Write a file once, closed to writing; there is no lock here."""
        self._write_once(checked_key(path), data, 0o400)

    def replace(self, path: str, data: bytes) -> None:
        """Move new bytes to the place of the old ones; see LedgerFiles.replace."""
        target = self._root / checked_key(path)
        with translated():
            make_folders(self._root, target.parent)
            self._write_pending(data, 0o600).replace(target)
            self._flush_up(target)

    def remove(self, path: str) -> None:
        """Remove a file, and its folder where it was the last of its partials."""
        target = self._root / checked_key(path)
        with translated(), suppress(FileNotFoundError, NotADirectoryError):
            target.unlink()
            flush_folder(target.parent)
            if target.parent.suffix == ".p":
                with suppress(OSError):  # others are still there
                    target.parent.rmdir()

    def paths(self, below: str) -> Iterator[str]:
        """Yield the names of files; see LedgerFiles.paths."""
        folder = checked_prefix(below).rpartition("/")[0]
        yield from self._walk(self._root / folder, f"{folder}/" if folder else "")

    def _write_once(self, path: str, data: bytes, mode: int) -> None:
        target = self._root / path
        standing = self.read(path)
        if standing is not None and standing != data:
            raise LedgerError(f"other bytes stand in the published ledger under {path}")
        with translated():
            if standing is None:
                make_folders(self._root, target.parent)
                pending = self._write_pending(data, mode)
                os.link(pending, target, follow_symlinks=False)  # never over another file
                pending.unlink()
            self._flush_up(target)  # also where an earlier process linked it and died before this line

    def _write_pending(self, data: bytes, mode: int) -> Path:
        """Write and flush the file under way; what a dead writer left of its own is removed first."""
        pending = self._root / INCOMING / _PENDING
        pending.unlink(missing_ok=True)
        descriptor = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        return pending

    def _flush_up(self, target: Path) -> None:
        for folder in target.parents:
            flush_folder(folder)
            if folder == self._root:
                return

    def _walk(self, folder: Path, above: str) -> Iterator[str]:
        with translated():
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except (FileNotFoundError, NotADirectoryError):
                return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(folder / entry.name, f"{above}{entry.name}/")
            else:
                yield above + entry.name
