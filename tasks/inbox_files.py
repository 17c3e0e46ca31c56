"""Names in watched folders, looked at and taken out without following a link (intake, section 4.12).

A listing walks by open folders, so that a folder swapped for a link leads nowhere; what is not a regular file is listed
as such and never opened. Taking out is a rename of exactly the bytes that were looked at.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from records.errors import ConfigurationError, RefusedScanError, WaitingScanError

CANARY = ".muniment-canary-"
JUNK_FILES = (".DS_Store", "desktop.ini", "Thumbs.db", ".localized")  # intake, section 2.1; dropped without a row
JUNK_STARTS = ("._", CANARY)
JUNK_FOLDERS = (".stfolder", ".stversions", ".localized", "@eaDir", ".Spotlight-V100", ".Trashes", "__MACOSX")
PARTIAL_ENDS = (".part", ".partial", ".filepart", ".crdownload", ".tmp")  # renamed when whole, by many senders
DEEPEST = 32  # folders below a watched one that are listed


@dataclass(frozen=True, slots=True)
class Found:
    """A name below a watched folder, as `lstat` saw it. `folder` is the first folder below the watched one, if any."""

    path: Path
    folder: str | None
    size: int
    mtime_ns: int
    inode: tuple[int, int]
    regular: bool
    names: int

    @property
    def source(self) -> bytes:
        """Return the exact bytes of the path."""
        return os.fsencode(self.path)

    @property
    def look(self) -> tuple[int, int, int, int]:
        """Return what changes when the file does."""
        return self.size, self.mtime_ns, *self.inode

    @property
    def partial(self) -> bool:
        """Tell whether the name says that its sender will rename it when it is whole."""
        return self.path.name.startswith(".") or self.path.name.endswith(PARTIAL_ENDS)


@dataclass(slots=True)
class Listing:
    """All that lies below a watched folder; `whole` is False where a part could not be listed."""

    found: list[Found] = field(default_factory=list)
    junk: int = 0
    whole: bool = True


def is_junk(name: str) -> bool:
    """Tell whether a name is on the fixed list of what systems leave in folders."""
    return name in JUNK_FILES or name in JUNK_FOLDERS or name.startswith(JUNK_STARTS)


def list_folder(root: Path) -> Listing:
    """List everything below a watched folder, the oldest first; junk is counted only."""
    listing = Listing()

    def unlisted(_error: OSError) -> None:
        listing.whole = False

    try:
        _walk(root, listing, unlisted)
    except OSError as error:  # the watched folder itself
        unlisted(error)
    listing.found.sort(key=lambda found: (found.mtime_ns, found.source))
    return listing


def _walk(root: Path, listing: Listing, unlisted: Callable[[OSError], None]) -> None:
    for place, folders, names, opened in os.fwalk(root, onerror=unlisted, follow_symlinks=False):
        parts = Path(place).relative_to(root).parts
        for name in [name for name in folders if name in JUNK_FOLDERS]:
            folders.remove(name)
            listing.junk += 1
        if len(parts) >= DEEPEST and folders:
            folders.clear()
            listing.whole = False
        for name in [*names, *folders]:
            _note(listing, Path(place) / name, parts[0] if parts else None, opened)


def take_out(root: Path, source: Path, target: Path, expected: tuple[int | None, int | None]) -> None:
    """Rename a watched file to `target`, on the same file system: exactly the bytes of `expected` (size, mtime in ns).

    Raises:
        RefusedScanError: not a regular file with one name.
        WaitingScanError: it changed since it was found whole (`arriving`), or no watched folder holds it any more.
        OSError: what the system says.
    """
    if not source.is_relative_to(root):
        raise WaitingScanError("no-permission")
    with _open_below(root, source.parent) as folder:
        found = os.stat(source.name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise RefusedScanError("not-regular")
        if (found.st_size, found.st_mtime_ns) != expected:
            raise WaitingScanError("arriving")
        file = os.open(source.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            os.rename(source.name, target, src_dir_fd=folder)
            if not os.path.samestat(os.fstat(file), target.lstat()):
                raise RefusedScanError("not-regular", "the name was given to another file meanwhile")
        finally:
            os.close(file)
        os.fsync(folder)


def try_folder(root: Path, work: Path, name: str) -> None:
    """Try a watched folder with a canary: made, seen, renamed into `work`, removed.

    Raises:
        ConfigurationError: files cannot be taken out of this folder; says why.
    """
    canary, target = root / (CANARY + name), work / (CANARY + name)
    try:
        if not stat.S_ISDIR(root.lstat().st_mode):
            raise ConfigurationError("it is a link, not a folder")
        if root.stat().st_dev != work.stat().st_dev:
            raise ConfigurationError("it lies on another file system than work/")
        canary.touch(mode=0o600, exist_ok=False)
        try:
            if canary.name not in os.listdir(root):  # noqa: PTH208  only names are wanted
                raise ConfigurationError("a file made in it is not seen in it")
            canary.rename(target)
        finally:
            canary.unlink(missing_ok=True)
            target.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(f"files cannot be taken out of it: {os.strerror(error.errno or 0)}") from error


def check_apart(inbox: Path, apart: Sequence[Path], not_below: Sequence[Path]) -> None:
    """Make sure that nobody who may drop files here drops code or our own data (intake, section 4.12).

    Args:
        inbox: the folder of all watched folders.
        apart: folders that it must neither contain nor lie in: programs, libraries, our other data.
        not_below: folders that it must not contain, though it may lie in them: where the program was started.

    Raises:
        ConfigurationError: it overlaps one of them.
    """
    resolved = inbox.resolve()
    for folder in {path.resolve() for path in (*apart, *not_below)}:
        if folder.is_relative_to(resolved):
            raise ConfigurationError(f"the inbox must not contain {folder}")
    for folder in {path.resolve() for path in apart}:
        if resolved.is_relative_to(folder):
            raise ConfigurationError(f"the inbox must not lie in {folder}")


def check_settings_file(path: Path) -> None:
    """Make sure that only its owner can change the settings file, if there is one.

    Raises:
        ConfigurationError: it is no regular file, or others may write it.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigurationError(f"{path.name} must be a regular file that only its owner may write")


def _note(listing: Listing, path: Path, folder: str | None, opened: int) -> None:
    try:
        found = os.stat(path.name, dir_fd=opened, follow_symlinks=False)
    except OSError:
        return  # gone since; the next look tells
    if stat.S_ISDIR(found.st_mode):
        return
    if is_junk(path.name):
        listing.junk += 1
        return
    listing.found.append(
        Found(
            path, folder, found.st_size, found.st_mtime_ns, (found.st_dev, found.st_ino), stat.S_ISREG(found.st_mode),
            found.st_nlink,
        )
    )  # fmt: skip


@contextmanager
def _open_below(root: Path, folder: Path) -> Iterator[int]:
    """Open a folder below `root` part by part, following no link."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    opened = os.open(root, flags & ~os.O_NOFOLLOW)
    try:
        for part in folder.relative_to(root).parts:
            opened, above = os.open(part, flags, dir_fd=opened), opened
            os.close(above)
        yield opened
    finally:
        os.close(opened)
