"""Private keys that sign notes: the ledger's signer and witnesses keep one in a file each, its name in it.

The file is one line, as Go's sumdb/note writes it: `PRIVATE+KEY+<name>+<key id>+<base64(type || seed)>`, mode 0600. The
name stands in it because an Ed25519 cosignature does not commit to its cosigner's name: one key, one name.
"""

import base64
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from custody.checkpoints import COSIGNATURE_KINDS, cosignature_message
from custody.notes import COSIGNATURE_ML_DSA_44, ED25519, NoteKey, Signature, is_key_name, strict_base64
from custody.stores.folders import flush_folder
from records.errors import ConfigurationError, NoteError

HEAD = "PRIVATE+KEY+"
SEED_SIZE = 32  # bytes, of Ed25519 and of ML-DSA-44 alike
KINDS = (ED25519, *COSIGNATURE_KINDS)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A name, the type of its signatures, and the secret seed, which no representation shows."""

    name: str
    kind: int
    seed: bytes = field(repr=False)

    @property
    def key(self) -> NoteKey:
        """The public half."""
        return NoteKey(self.name, self._private().public_key().public_bytes_raw(), self.kind)

    @property
    def line(self) -> str:
        """The key as its file holds it; secret."""
        encoded = base64.b64encode(bytes([self.kind]) + self.seed).decode("ascii")
        return f"{HEAD}{self.name}+{self.key.key_id.hex()}+{encoded}\n"

    def sign(self, text: str) -> Signature:
        """Sign a note's text, which ends in a line feed and holds no other control character.

        Raises:
            NoteError: the text is not that, or the key cosigns only.
        """
        if self.kind != ED25519 or not text.endswith("\n") or any(ord(c) < 32 and c != "\n" for c in text):
            raise NoteError("a note's text ends in a line feed, and a log's key signs it")
        return Signature(self.name, self.key.key_id, self._private().sign(text.encode()))

    def cosign(self, text: str, time: int) -> Signature:
        """Cosign a checkpoint's body at POSIX second `time`.

        Raises:
            NoteError: the body is no checkpoint, or this is no cosigner's key.
        """
        if self.kind not in COSIGNATURE_KINDS:
            raise NoteError("not a cosigner's key")
        message = cosignature_message(text, self.name, self.kind, time)
        return Signature(self.name, self.key.key_id, struct.pack(">Q", time) + self._private().sign(message))

    def _private(self) -> Ed25519PrivateKey | MLDSA44PrivateKey:
        if self.kind != COSIGNATURE_ML_DSA_44:
            return Ed25519PrivateKey.from_private_bytes(self.seed)
        try:
            return MLDSA44PrivateKey.from_seed_bytes(self.seed)
        except UnsupportedAlgorithm as error:
            raise ConfigurationError("ML-DSA-44 cannot be used here: install cryptography's wheel") from error


def make_signing_key(name: str, kind: int, seed: bytes) -> SigningKey:
    """Return a key from 32 random bytes.

    Raises:
        ConfigurationError: a name that may not stand in a note, another type, or another number of bytes.
    """
    if not is_key_name(name) or kind not in KINDS or len(seed) != SEED_SIZE:
        raise ConfigurationError("a key's name has no spaces and no plus sign, and its seed 32 bytes")
    return SigningKey(name, kind, seed)


def parse_signing_key(text: str) -> SigningKey:
    """Read a key as its file holds it.

    Raises:
        ConfigurationError: it is malformed, or its id does not fit; the text is not repeated.
    """
    try:
        name, key_id, encoded = text.removesuffix("\n").removeprefix(HEAD).split("+", 2)
        raw = strict_base64(encoded)
        key = make_signing_key(name, raw[0], raw[1:])
    except (ValueError, IndexError):
        raise ConfigurationError("not the file of a signing key") from None
    if not text.startswith(HEAD) or key.key.key_id.hex() != key_id:
        raise ConfigurationError("not the file of a signing key, or its id does not fit")
    return key


def read_signing_key(path: Path) -> SigningKey:
    """Read a key's file.

    Raises:
        ConfigurationError: it cannot be read, is malformed, or may be read by others.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{path.name} may be read by others: chmod 600 it")
        return parse_signing_key(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the key file {path.name} cannot be read ({type(error).__name__})") from error


def keep_signing_key(path: Path, key: SigningKey) -> None:
    """Write a key's file, durably, for its owner alone; a file that is there is never overwritten.

    Raises:
        ConfigurationError: it cannot be written, or stands there already.
    """
    temporary = path.with_name(path.name + ".new")
    try:
        temporary.unlink(missing_ok=True)  # of a process that died while it wrote
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(key.line)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # whole or not at all, and never over another key
        temporary.unlink()
        flush_folder(path.parent)
    except OSError as error:
        raise ConfigurationError(f"the key file {path.name} cannot be written ({type(error).__name__})") from error
