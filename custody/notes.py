"""Signed notes: a text and signatures under it, as C2SP signed-note has them; Go's sumdb/note reads the same.

Format (reference of custody, section 1.2): the text ends in a line feed; after an empty line come lines
`— <name> <base64(4-byte key id || signature)>`. The key id is the first 4 bytes of
SHA-256(name || 0x0A || type || public key). Parsed strictly, as bytes decoded once and split at line feeds only.
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

# Signature types of C2SP signed-note
ED25519 = 0x01  # over the note's text
COSIGNATURE_ED25519 = 0x04  # c2sp.org/tlog-cosignature: a time, and over the checkpoint
COSIGNATURE_ML_DSA_44 = 0x06  # the same, post-quantum
PUBLIC_SIZES = {ED25519: 32, COSIGNATURE_ED25519: 32, COSIGNATURE_ML_DSA_44: 1312}  # bytes of the public key

DASH = "— "
NOTE_LIMIT = 1_000_000  # bytes; more than any note of ours, and what Go's reader takes
SIGNATURE_LIMIT = 100  # lines; the specification asks for 16 at least
KEY_ID_SIZE = 4  # bytes


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A name, a public key and the type of its signatures: whose signature a note must bear."""

    name: str
    public: bytes
    kind: int = ED25519

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that stand before the signature."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:KEY_ID_SIZE]

    @property
    def vkey(self) -> str:
        """The key as one line of text: `name+key id+base64(type || key)`."""
        encoded = base64.b64encode(bytes([self.kind]) + self.public).decode("ascii")
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line as it stands: nothing of it is verified."""

    name: str
    key_id: bytes
    raw: bytes  # what follows the key id

    @property
    def line(self) -> str:
        """The line, with its line feed."""
        return f"{DASH}{self.name} {base64.b64encode(self.key_id + self.raw).decode('ascii')}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A note taken apart: well-formed, but nothing of it is verified."""

    text: str
    signatures: tuple[Signature, ...]

    @property
    def data(self) -> bytes:
        """The note's bytes."""
        return f"{self.text}\n{''.join(signature.line for signature in self.signatures)}".encode()

    def of(self, key: NoteKey) -> list[bytes]:
        """Return the signatures that say they are this key's, in their order."""
        return [found.raw for found in self.signatures if (found.name, found.key_id) == (key.name, key.key_id)]


def parse_vkey(text: str, kinds: tuple[int, ...] = (ED25519,)) -> NoteKey:
    """Read a verifier key whose type is one of `kinds`.

    Raises:
        NoteError: another form, another type of key, or a key id that does not fit.
    """
    parts = text.strip().split("+", 2)  # base64 may hold more of them
    try:
        name, key_id, encoded = parts
        raw = strict_base64(encoded)
    except ValueError as error:
        raise NoteError("not a verifier key") from error
    if raw[:1] not in [bytes([kind]) for kind in kinds] or len(raw) != 1 + PUBLIC_SIZES[raw[0]]:
        raise NoteError("not a verifier key of the type that is asked for")
    key = NoteKey(name, raw[1:], raw[0])
    if not is_key_name(name) or key.key_id.hex() != key_id:
        raise NoteError("the key's name is none, or its id does not fit")
    return key


def is_key_name(name: str) -> bool:
    """Tell whether `name` may name a key: not empty, no space, no plus sign, no control character."""
    return bool(name) and not any(c.isspace() or c == "+" or ord(c) < 32 for c in name)


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
        signature = Signature(self._name, self.key.key_id, self._private().sign(text.encode()))
        return f"{text}\n{signature.line}"

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
    parsed = parse_note(note)
    if not verify_ed25519(parsed, key):
        raise NoteError("the note is not signed by this key")
    return parsed.text


def verify_ed25519(note: Note, key: NoteKey) -> bool:
    """Tell whether a note bears a signature of `key` over its text.

    Raises:
        NoteError: a signature of `key` does not hold: then nothing of the note counts.
    """
    if key.kind != ED25519:
        raise NoteError("not a key that signs notes")
    signatures = note.of(key)
    for raw in signatures:
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(raw, note.text.encode())
        except InvalidSignature as error:
            raise NoteError("the signature does not hold") from error
    return bool(signatures)


def parse_note(data: bytes) -> Note:
    """Take a note apart, strictly; nothing of it is verified.

    Raises:
        NoteError: it is malformed.
    """
    if len(data) > NOTE_LIMIT:
        raise NoteError("a note is not as long as that")
    try:
        decoded = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteError("a note is UTF-8") from error
    if any(ord(c) < 32 and c != "\n" for c in decoded) or not decoded.endswith("\n"):
        raise NoteError("a note ends in a line feed and holds no other control character")
    text, empty, signatures = decoded.rpartition("\n\n")
    if not empty or not signatures:
        raise NoteError("a note has an empty line before its signatures")
    lines = signatures[:-1].split("\n")
    if len(lines) > SIGNATURE_LIMIT:
        raise NoteError("a note has not as many signatures as that")
    return Note(text + "\n", tuple(parse_signature(line) for line in lines))


def parse_signature(line: str) -> Signature:
    """Read one signature line, given without its line feed.

    Raises:
        NoteError: it is malformed.
    """
    if not line.startswith(DASH):
        raise NoteError("a signature line begins with a dash and a space")
    name, space, encoded = line.removeprefix(DASH).partition(" ")
    try:
        raw = strict_base64(encoded)
    except ValueError as error:
        raise NoteError("a signature is base64") from error
    if not is_key_name(name) or not space or len(raw) <= KEY_ID_SIZE:
        raise NoteError("a signature line has a name and a signature")
    return Signature(name, raw[:KEY_ID_SIZE], raw[KEY_ID_SIZE:])


def strict_base64(text: str) -> bytes:
    """Decode base64 that encodes back to the very same text: padding bits that are not zero are refused.

    Raises:
        ValueError: it is not that.
    """
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError(text) from error
    if base64.b64encode(raw).decode("ascii") != text:
        raise ValueError(text)
    return raw
