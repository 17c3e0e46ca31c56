"""Checkpoints: the state of the ledger after its last entry, signed by the log and cosigned by witnesses.

The body of the note is three lines: origin, size in decimal without leading zeros, root in base64 (c2sp.org/
tlog-checkpoint). Extension lines are refused: no cosignature of type 0x06 covers them, and this ledger writes none.

Cosignatures (c2sp.org/tlog-cosignature) are signature lines of `uint64 BE POSIX seconds || signature`:
type 0x04, Ed25519 over `cosignature/v1 LF time <decimal> LF <body>`; it does not commit to the cosigner's name, so a
key is never used under two names. Type 0x06, ML-DSA-44 over the structure that `_subtree_message` writes.
Nothing here reads or writes anything. Reference of custody, sections 1.2 and 1.5.
"""

import base64
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from custody.merkle import EMPTY_ROOT, HASH_SIZE
from custody.notes import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    Note,
    NoteKey,
    parse_note,
    strict_base64,
    verify_ed25519,
)
from records.errors import ConfigurationError, NoteError

LARGEST = 2**63 - 1  # of a size and of a time: what other readers hold in a signed integer
SIGNATURE_SIZES = {COSIGNATURE_ED25519: 64, COSIGNATURE_ML_DSA_44: 2420}  # bytes
COSIGNATURE_KINDS = tuple(SIGNATURE_SIZES)
LOG_KINDS = (ED25519, COSIGNATURE_ML_DSA_44)  # types of key a log may sign its checkpoints with


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Whose tree, how many leaves it has, and its root (32 bytes). A value: nothing says here that it was signed."""

    origin: str
    size: int
    root: bytes

    @property
    def body(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint whose log's signature was verified, with the note it came in."""

    checkpoint: Checkpoint
    note: Note

    @property
    def data(self) -> bytes:
        """The note's bytes."""
        return self.note.data


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the body of a checkpoint, strictly; nothing of it is verified.

    Raises:
        NoteError: it is malformed, or the empty tree has another root than it can have.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise NoteError("a checkpoint has three lines")
    origin, size, encoded = lines[:3]
    if not origin or not (size.isascii() and size.isdecimal()) or (size[0] == "0" and size != "0"):
        raise NoteError("a checkpoint has an origin and a size without leading zeros")
    try:
        root = strict_base64(encoded)
    except ValueError as error:
        raise NoteError("a checkpoint's root is base64") from error
    if len(root) != HASH_SIZE or len(size) > len(str(LARGEST)) or int(size) > LARGEST:
        raise NoteError("a checkpoint's root has 32 bytes, and its size 63 bits")
    if size == "0" and root != EMPTY_ROOT:
        raise NoteError("the root of the empty tree is another one")
    return Checkpoint(origin, int(size), root)


def open_checkpoint(data: bytes, key: NoteKey) -> SignedCheckpoint:
    """Return the checkpoint in a note that the log's `key` signed; its origin is the key's name.

    Other signatures are not looked at: `cosigned_at` does, one key at a time.

    Raises:
        NoteError: malformed, not signed by `key`, its signature does not hold, or it is another log's.
    """
    note = parse_note(data)
    # a log may sign by cosignature too; its key is then given as such
    signed = verify_ed25519(note, key) if key.kind == ED25519 else cosigned_at(note, key) is not None
    if not signed:
        raise NoteError("the checkpoint is not signed by this key")
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != key.name:
        raise NoteError("the checkpoint is another log's")
    return SignedCheckpoint(checkpoint, note)


def cosigned_at(note: Note, key: NoteKey) -> int | None:
    """Return when `key` cosigned this checkpoint, in POSIX seconds; None where it did not.

    Of several cosignatures by one key all must hold, and the latest time counts.

    Raises:
        NoteError: a cosignature of `key` does not hold: then nothing of the note counts. Or it is no cosigner's key.
    """
    if key.kind not in SIGNATURE_SIZES:
        raise NoteError("not a cosigner's key")
    times = [_verified_time(note, key, raw) for raw in note.of(key)]
    return max(times, default=None)


def cosignature_message(text: str, name: str, kind: int, time: int) -> bytes:
    """Return the bytes that a cosigner called `name` signs at POSIX second `time` for a checkpoint's body.

    Raises:
        NoteError: the body is no checkpoint, the time is out of range, or a name is too long for type 0x06.
    """
    if not 0 <= time <= LARGEST:
        raise NoteError("the time of a cosignature is out of range")
    checkpoint = parse_checkpoint(text)
    if kind == COSIGNATURE_ED25519:
        return f"cosignature/v1\ntime {time}\n{text}".encode()
    return _subtree_message(checkpoint, name, time)


def _subtree_message(checkpoint: Checkpoint, name: str, time: int) -> bytes:
    cosigner, origin = name.encode(), checkpoint.origin.encode()
    if len(cosigner) > 255 or len(origin) > 255:
        raise NoteError("the names of a cosigner and a log have at most 255 bytes")
    return (
        b"subtree/v1\n\0"
        + bytes([len(cosigner)]) + cosigner
        + struct.pack(">Q", time)
        + bytes([len(origin)]) + origin
        + struct.pack(">QQ", 0, checkpoint.size)  # the subtree from leaf 0: the whole tree
        + checkpoint.root
    )  # fmt: skip


def _verified_time(note: Note, key: NoteKey, raw: bytes) -> int:
    time, signature = int.from_bytes(raw[:8], "big"), raw[8:]
    if len(signature) != SIGNATURE_SIZES[key.kind]:
        raise NoteError("a cosignature has another length")
    message = cosignature_message(note.text, key.name, key.kind, time)
    try:
        if key.kind == COSIGNATURE_ED25519:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
        else:
            MLDSA44PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature as error:
        raise NoteError("a cosignature does not hold") from error
    except UnsupportedAlgorithm as error:
        raise ConfigurationError(
            "ML-DSA-44 cosignatures cannot be checked here: install cryptography's wheel"
        ) from error
    return time
