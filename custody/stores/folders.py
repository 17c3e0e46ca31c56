"""Durable folders: what a directory home needs of the file system, and what its errors mean to us."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from records.errors import NoSpaceError, StoreUnavailableError


@contextmanager
def translated() -> Iterator[None]:
    """Turn the operating system's errors into ours; only the error's name goes into the text, never a path."""
    try:
        yield
    except OSError as error:
        cause = errno.errorcode.get(error.errno or 0, "EUNKNOWN")
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpaceError(cause) from error
        raise StoreUnavailableError(cause) from error


def make_folders(root: Path, folder: Path) -> None:
    """Make the folders from `root` down to `folder`, each 0700."""
    current = root
    for segment in folder.relative_to(root).parts:
        current /= segment
        with suppress(FileExistsError):
            current.mkdir(mode=0o700)


def flush_folder(folder: Path) -> None:
    """Make what a folder lists durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file durably in the place of the one before: whoever reads it finds the one or the other, whole.

    Raises:
        NoSpaceError, StoreUnavailableError: it cannot be written; the old one stands.
    """
    temporary = path.with_name(path.name + ".new")
    with translated():
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
        flush_folder(path.absolute().parent)
