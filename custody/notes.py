"""Signed notes: a text and Ed25519 signatures under it, as C2SP signed-note has them; Go's sumdb/note reads the same.

Format (reference of custody, section 1.2): the text ends in a line feed; after an empty line come lines
`— <name> <base64(4-byte key id || signature)>`. The key id is the first 4 bytes of
SHA-256(name || 0x0A || 0x01 || public key). Parsed strictly, as bytes decoded once and split at line feeds only.
"""

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from records.errors import ConfigurationError, NoteError

ED25519 = b"\x01"
DASH = "— "


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A name and a public key: whose signature a note must bear."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that stand before the signature."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        """The key as one line of text: `name+key id+base64(type || key)`."""
        encoded = base64.b64encode(ED25519 + self.public).decode("ascii")
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


def parse_vkey(text: str) -> NoteKey:
    """Read a verifier key.

    Raises:
        NoteError: another form, another type of key, or a key id that does not fit.
    """
    parts = text.strip().split("+", 2)  # base64 may hold more of them
    try:
        name, key_id, encoded = parts
        raw = _strict_base64(encoded)
    except ValueError as error:
        raise NoteError("not a verifier key") from error
    key = NoteKey(name, raw[1:])
    if raw[:1] != ED25519 or len(key.public) != 32 or key.key_id.hex() != key_id:
        raise NoteError("not an Ed25519 verifier key, or its id does not fit")
    return key


class FileSigner:
    """Signs notes with an Ed25519 key kept in a file (raw seed, hexadecimal, mode 0600), made at first use."""

    def __init__(self, path: Path, name: str) -> None:
        """Args: path of the key file; name that signatures bear (no spaces, no plus sign)."""
        self._path = path
        self._name = name

    @property
    def key(self) -> NoteKey:
        """The public half."""
        return NoteKey(self._name, self._private().public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """Return the signed note of a text that ends in a line feed."""
        if not text.endswith("\n") or any(ord(c) < 32 and c != "\n" for c in text):
            raise NoteError("a note's text ends in a line feed and holds no other control character")
        signature = self.key.key_id + self._private().sign(text.encode())
        return f"{text}\n{DASH}{self._name} {base64.b64encode(signature).decode('ascii')}\n"

    def _private(self) -> Ed25519PrivateKey:
        if not self._path.exists():
            seed = Ed25519PrivateKey.generate().private_bytes_raw().hex()
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(seed + "\n")
        if self._path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{self._path.name} may be read by others: chmod 600 it")
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self._path.read_text("ascii").strip()))


def verify(note: bytes, key: NoteKey) -> str:
    """Return the text of a note that bears a valid signature of `key`; signatures of other keys are ignored.

    Raises:
        NoteError: malformed, not signed by `key`, or its signature does not hold.
    """
    try:
        decoded = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteError("a note is UTF-8") from error
    if any(ord(c) < 32 and c != "\n" for c in decoded) or not decoded.endswith("\n"):
        raise NoteError("a note ends in a line feed and holds no other control character")
    text, empty, signatures = decoded.rpartition("\n\n")
    if not empty or not signatures:
        raise NoteError("a note has an empty line before its signatures")
    text += "\n"
    found = False
    for line in signatures[:-1].split("\n"):
        name, raw = _signature(line)
        if name == key.name and raw[:4] == key.key_id:
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(raw[4:], text.encode())
            except InvalidSignature as error:
                raise NoteError("the signature does not hold") from error
            found = True
    if not found:
        raise NoteError("the note is not signed by this key")
    return text


def _signature(line: str) -> tuple[str, bytes]:
    if not line.startswith(DASH):
        raise NoteError("a signature line begins with a dash and a space")
    name, space, encoded = line.removeprefix(DASH).partition(" ")
    try:
        raw = _strict_base64(encoded)
    except ValueError as error:
        raise NoteError("a signature is base64") from error
    if not name or not space or len(raw) < 5:
        raise NoteError("a signature line has a name and a signature")
    return name, raw


def _strict_base64(text: str) -> bytes:
    """Decode base64 that encodes back to the very same text: padding bits that are not zero are refused."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(text) from error
    if base64.b64encode(raw).decode("ascii") != text:
        raise ValueError(text)
    return raw
