"""Keys: a fresh one for each document, wrapped in an age envelope to the client's vault key and its escrow.

Format: reference of custody, section 2.3; age v1 (C2SP age.md). An envelope's clear text is the document's age
identity on the first line and `# salt <64 hex>` on the second, so that `age -d -i vault.key envelope` gives a file
that `age -d -i` takes as it is. Secret keys are bytes here and in `DocumentKey`, and nowhere else.
"""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyrage
from pyrage import x25519
from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics

from custody.sealing import sync_folder
from records.errors import ConfigurationError, EnvelopeError, NoSpaceError

# how the library words an OSError that is about the sealed bytes; any other is about the disk (section 2.2)
DAMAGED = ("decryption error", "fill whole buffer", "unexpected end", "STREAM", "last chunk")
SHARES, THRESHOLD = 3, 2  # escrow: any 2 of 3 custodians


@dataclass(frozen=True, slots=True)
class VaultKey:
    """The public halves of one epoch of a client's vault key: all that sealing needs."""

    id: str
    client: str
    epoch: int
    recipient: str
    escrow_recipient: str


@dataclass(frozen=True, slots=True)
class DocumentKey:
    """The key of one document and the salt of its commitment. Lives as long as one call, never printed."""

    identity: bytes = field(repr=False)
    salt: bytes = field(repr=False)

    @property
    def recipient(self) -> str:
        """Return the public half: derivatives are sealed to it without unwrapping anything."""
        return str(self._identity().to_public())

    def decrypt_file(self, source: Path, target: Path) -> None:
        """Decrypt an age file; on any fault nothing is left in `target`.

        Raises:
            EnvelopeError: wrong key, damaged or cut.
            NoSpaceError: the clear file could not be written.
        """
        try:
            pyrage.decrypt_file(str(source), str(target), [self._identity()])
        except (pyrage.DecryptError, OSError) as error:
            # age hands out clear text chunk by chunk: what came before the bad chunk must not stay (section 2.2)
            target.unlink(missing_ok=True)
            if isinstance(error, OSError) and not any(said in str(error) for said in DAMAGED):
                raise NoSpaceError("the clear file could not be written") from error
            raise EnvelopeError("the sealed object does not open with its document key") from error

    def _identity(self) -> x25519.Identity:
        return x25519.Identity.from_str(self.identity.decode("ascii"))


def new_document_key() -> DocumentKey:
    """Make a document key from the system's random source."""
    return DocumentKey(str(x25519.Identity.generate()).encode("ascii"), new_salt())


def new_salt() -> bytes:
    """Make the secret salt of a commitment: 32 bytes from the system's random source."""
    return secrets.token_bytes(32)


def wrap(key: DocumentKey, vault: VaultKey) -> bytes:
    """Seal a document key to the vault and the escrow of an epoch; needs public halves only."""
    clear = key.identity + b"\n# salt " + key.salt.hex().encode("ascii") + b"\n"
    recipients = [x25519.Recipient.from_str(r) for r in (vault.recipient, vault.escrow_recipient)]
    return bytes(pyrage.encrypt(clear, recipients))


class KeyRing(Protocol):
    """Holds vault keys. Chosen by the scheme of its address (`file:` first); the rest of the code knows no more."""

    def create(self, key_id: str) -> tuple[str, str]:
        """Make a vault key and its escrow for a new epoch; return both public halves. The same id gives the same."""
        ...

    def unwrap(self, envelope: bytes, key_id: str) -> DocumentKey:
        """Open an envelope with the vault key of its epoch.

        Raises:
            EnvelopeError: the key is not here, does not fit, or the envelope is damaged.
        """
        ...

    def holds(self, key_id: str) -> bool:
        """Return whether the vault key of this epoch is here."""
        ...


class FileKeyRing:
    """A key ring in a folder of age identity files (mode 0600); the escrow's shares go to another folder.

    `keys/<id>.agekey` opens with Debian's `age -d -i`. `escrow/<id>/share-N.txt` are SLIP-39 words of the escrow
    identity's text: `shamir recover` and `xxd -r -p` give it back. Both folders should lie on other volumes than
    the data; `muniment doctor` says so until they do.
    """

    def __init__(self, keys: Path, escrow: Path) -> None:
        """Args: the two folders; made with mode 0700 at first use."""
        self._keys = keys
        self._escrow = escrow

    def create(self, key_id: str) -> tuple[str, str]:
        """See `KeyRing.create`. The escrow's identity is split at once and never written whole."""
        path = self._keys / f"{key_id}.agekey"
        public = self._escrow / key_id / "recipient.txt"
        if path.exists() and public.exists():
            return str(self._read(path).to_public()), public.read_text("ascii").strip()
        vault, escrow = x25519.Identity.generate(), x25519.Identity.generate()
        for folder in (self._keys, self._escrow, public.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        groups = generate_mnemonics(1, [(THRESHOLD, SHARES)], str(escrow).encode("ascii"))
        for number, words in enumerate(groups[0], start=1):
            _write_secret(public.parent / f"share-{number}.txt", words + "\n")
        _write_secret(public, f"{escrow.to_public()}\n")
        _write_secret(path, f"# muniment vault key {key_id}\n# public key: {vault.to_public()}\n{vault}\n")
        return str(vault.to_public()), str(escrow.to_public())

    def unwrap(self, envelope: bytes, key_id: str) -> DocumentKey:
        """See `KeyRing.unwrap`."""
        path = self._keys / f"{key_id}.agekey"
        if not path.exists():
            raise EnvelopeError(f"the key ring does not hold {key_id}")
        return open_envelope(envelope, self._read(path))

    def holds(self, key_id: str) -> bool:
        """See `KeyRing.holds`."""
        return (self._keys / f"{key_id}.agekey").exists()

    def _read(self, path: Path) -> x25519.Identity:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{path.name} may be read by others: chmod 600 it")
        lines = [line for line in path.read_text("ascii").splitlines() if line and not line.startswith("#")]
        return x25519.Identity.from_str(lines[0])


def open_envelope(envelope: bytes, identity: x25519.Identity) -> DocumentKey:
    """Open an envelope with a vault or escrow identity.

    Raises:
        EnvelopeError: the identity does not fit, or the content is not a document key.
    """
    try:
        clear = bytes(pyrage.decrypt(envelope, [identity]))
        first, second = clear.decode("ascii").splitlines()
        x25519.Identity.from_str(first)
        salt = bytes.fromhex(second.removeprefix("# salt "))
    except (pyrage.DecryptError, pyrage.IdentityError, OSError, ValueError) as error:
        raise EnvelopeError("the envelope does not open with this key") from error
    return DocumentKey(first.encode("ascii"), salt)


def recover_escrow(shares: Sequence[str]) -> x25519.Identity:
    """Join the words of two custodians to the escrow identity.

    Raises:
        EnvelopeError: too few shares, or they do not belong together.
    """
    try:
        return x25519.Identity.from_str(combine_mnemonics(list(shares)).decode("ascii"))
    except (MnemonicError, ValueError) as error:
        raise EnvelopeError("these shares do not give an escrow key") from error


def _write_secret(path: Path, text: str) -> None:
    draft = path.with_suffix(path.suffix + ".part")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)  # a power cut must not take the only key while the catalogue names it
    sync_folder(path.parent.parent)
