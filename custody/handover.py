"""Handing a file over to where a person asked for it: private, whole or not at all, never through somebody's link.

One writer for everything that leaves: originals, envelopes, derivatives, receipts. The file is made under a random
name beside the target (created exclusively, mode 0600), synced, and only then renamed.
"""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from custody.sealing import sync_folder
from records.errors import InvalidValueError, NoSpaceError

CHUNK = 1 << 20  # bytes


def check_target(target: Path) -> None:
    """Make sure that a file can be made at `target`, before the event that announces it.

    Raises:
        InvalidValueError: no such folder, no permission to write there, or a folder stands in its place.
    """
    if not target.parent.is_dir():
        raise InvalidValueError("the folder of the file to write is not there")
    if target.is_dir():
        raise InvalidValueError("the file to write is a folder")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise InvalidValueError("the folder of the file to write may not be written")


def hand_over(chunks: Iterable[bytes], target: Path) -> tuple[str, int]:
    """Write `chunks` to `target`; return SHA-256 (hexadecimal) and size of what was written.

    Raises:
        NoSpaceError: the target's disk is full; nothing stands under its name.
        InvalidValueError: the file cannot be made there.
    """
    digest, size = hashlib.sha256(), 0
    try:
        descriptor, name = tempfile.mkstemp(prefix=".muniment-", dir=target.parent)
    except OSError as error:
        raise InvalidValueError(f"the file to write cannot be made: {error.strerror}") from error
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                size += file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise NoSpaceError("the disk of the file to write is full") from error
        raise InvalidValueError(f"the file to write cannot be made: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    sync_folder(target.parent)
    return digest.hexdigest(), size


def chunks_of(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes in chunks."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
