"""Sealing files with age v1: what runs in a child process, since the library holds the interpreter's lock throughout.

Reference of custody, sections 2.1 and 2.2: one pass over the clear bytes hashes them, encrypts them to the document's
recipient and hashes what is written; the sealed digest is always taken from the written bytes.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyrage
from pyrage import x25519

from records.errors import FixityError, InvalidValueError, NoSpaceError, RefusedScanError
from records.machine import machine_fault

CHUNK = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """What sealing saw: digest and size of the clear bytes and of the sealed file."""

    sha256: str
    size: int
    sealed_sha256: str
    sealed_size: int


class _HashingReader:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()
        self.size = 0

    def read(self, amount: int = -1) -> bytes:
        data = self._file.read(amount)
        self.sha256.update(data)
        self.size += len(data)
        return data


class _HashingWriter:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def digest_file(path: Path) -> tuple[str, int]:
    """Return SHA-256 (lower-case hexadecimal) and size of a file that holds still meanwhile.

    Raises:
        RefusedScanError: `unreadable`, or `damaged` where the file changed while it was read (a writer that still has
            it open writes on after the claim: intake, section 4.2).
        NoSpaceError, StoreUnavailableError: this machine's disk is in trouble, not the file.
    """
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            after = os.fstat(file.fileno())
    except OSError as error:
        raise machine_fault(error) or RefusedScanError("unreadable", os.strerror(error.errno or 0)) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise RefusedScanError("damaged", "the file changed while it was read")
    return digest, after.st_size


def check_recipient(recipient: str) -> None:
    """Make sure that a receiver's key is one that files can be sealed to.

    Raises:
        InvalidValueError: it is no age public key.
    """
    try:
        x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError as error:
        raise InvalidValueError("the recipient is not an age public key (age1...)") from error


def seal_file(source: Path, target: Path, recipient: str) -> Sealed:
    """Encrypt `source` to one age recipient into `target`, durably (file and folder are synced); flat memory.

    Raises:
        NoSpaceError: the disk is full; `target` is gone.
        StoreUnavailableError: this machine's disk is in trouble, not the file.
        RefusedScanError: `unreadable`.
    """
    try:
        with source.open("rb") as clear:
            reader = _HashingReader(clear)
            writer = _encrypt(reader, target, recipient)
    except OSError as error:
        raise machine_fault(error) or RefusedScanError("unreadable", os.strerror(error.errno or 0)) from error
    sync_folder(target.parent)
    return Sealed(reader.sha256.hexdigest(), reader.size, writer.sha256.hexdigest(), writer.size)


def _encrypt(reader: _HashingReader, target: Path, recipient: str) -> _HashingWriter:
    try:
        with target.open("wb") as file:
            writer = _HashingWriter(file)
            pyrage.encrypt_io(reader, writer, [x25519.Recipient.from_str(recipient)])
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        # the library's own writer errors carry no errno; a target that cannot grow is the case that happens
        target.unlink(missing_ok=True)
        raise machine_fault(error) or NoSpaceError("could not write the sealed file") from error
    return writer


def sync_folder(folder: Path) -> None:
    """Make a new name in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_digest(expected: str, actual: str) -> None:
    """Compare two digests of sealed bytes.

    Raises:
        FixityError: they differ.
    """
    if not hmac.compare_digest(expected, actual):
        raise FixityError(expected, actual)
