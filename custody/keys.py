"""Keys: a fresh one for each document, wrapped in an age envelope to the client's vault key and its escrow.

Format: reference of custody, section 2.3; age v1 (C2SP age.md). An envelope's clear text is the document's age
identity on the first line and `# salt <64 hex>` on the second, so that `age -d -i vault.key envelope` gives a file
that `age -d -i` takes as it is. Secret keys are bytes here and in `DocumentKey`, and nowhere else.
"""

import os
import secrets
import threading
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

    def key_file(self) -> bytes:
        """Return the clear text of an envelope: an identity file as `age -d -i` takes it, with the salt as comment."""
        return self.identity + b"\n# salt " + self.salt.hex().encode("ascii") + b"\n"

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
    recipients = [x25519.Recipient.from_str(r) for r in (vault.recipient, vault.escrow_recipient)]
    return bytes(pyrage.encrypt(key.key_file(), recipients))


class KeyRing(Protocol):
    """Holds vault keys. Chosen by the scheme of its address (custody.key_rings); the rest of the code knows no more."""

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

    def place(self, key_id: str) -> str:
        """Return where the vault key lies, for people: a file's name, a slot; nothing secret."""
        ...

    def shares_here(self, key_id: str) -> tuple[int, ...]:
        """Return the numbers of the escrow shares that still lie where `create` wrote them, to be handed out."""
        ...

    def destroy(self, key_id: str) -> None:
        """Destroy the vault key and every escrow share that still lies here, for ever; what is gone is no error."""
        ...


class FileKeyRing:
    """A key ring in a folder of age identity files (mode 0600); the escrow's shares go to another folder.

    `keys/<id>.agekey` opens with Debian's `age -d -i`, which asks for the passphrase where one was set when the key
    was made. `escrow/<id>/share-N.txt` are SLIP-39 words of the escrow identity's text: `shamir recover` and
    `xxd -r -p` give it back. Both folders should lie on other volumes than the data; `muniment doctor` says so until
    they do.
    """

    def __init__(self, keys: Path, escrow: Path, passphrase: str | None = None) -> None:
        """Args: the two folders, made with mode 0700 at first use; passphrase of key files made from now on."""
        self._keys = keys
        self._escrow = escrow
        self._passphrase = passphrase
        self._read_already: dict[str, tuple[tuple[int, int, int], x25519.Identity]] = {}
        self._lock = threading.Lock()

    def create(self, key_id: str) -> tuple[str, str]:
        """See `KeyRing.create`. The escrow's identity is split at once and never written whole."""
        path = self._path(key_id)
        public = self._escrow / key_id / "recipient.txt"
        if path.exists() and public.exists():
            return str(self._read(key_id).to_public()), public.read_text("ascii").strip()
        vault, escrow = x25519.Identity.generate(), x25519.Identity.generate()
        for folder in (self._keys, self._escrow, public.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        groups = generate_mnemonics(1, [(THRESHOLD, SHARES)], str(escrow).encode("ascii"))
        for number, words in enumerate(groups[0], start=1):
            _write_secret(self._share(key_id, number), f"{words}\n".encode("ascii"))
        _write_secret(public, f"{escrow.to_public()}\n".encode("ascii"))
        text = f"# muniment vault key {key_id}\n# public key: {vault.to_public()}\n{vault}\n".encode("ascii")
        _write_secret(path, text if self._passphrase is None else pyrage.passphrase.encrypt(text, self._passphrase))
        return str(vault.to_public()), str(escrow.to_public())

    def unwrap(self, envelope: bytes, key_id: str) -> DocumentKey:
        """See `KeyRing.unwrap`."""
        if not self.holds(key_id):
            raise EnvelopeError(f"the key ring does not hold {key_id}")
        return open_envelope(envelope, self._read(key_id))

    def holds(self, key_id: str) -> bool:
        """See `KeyRing.holds`."""
        return self._path(key_id).exists()

    def place(self, key_id: str) -> str:
        """See `KeyRing.place`."""
        return self._path(key_id).name

    def shares_here(self, key_id: str) -> tuple[int, ...]:
        """See `KeyRing.shares_here`."""
        return tuple(number for number in range(1, SHARES + 1) if self._share(key_id, number).exists())

    def destroy(self, key_id: str) -> None:
        """See `KeyRing.destroy`. What a flash disk or a copying file system keeps of a file is beyond our reach."""
        with self._lock:
            self._read_already.pop(key_id, None)
        for path in (self._path(key_id), *(self._share(key_id, number) for number in range(1, SHARES + 1))):
            _destroy_file(path)

    def _path(self, key_id: str) -> Path:
        return self._keys / f"{key_id}.agekey"

    def _share(self, key_id: str, number: int) -> Path:
        return self._escrow / key_id / f"share-{number}.txt"

    def _read(self, key_id: str) -> x25519.Identity:
        """Return the identity in a key file; read once for each state of the file, since a passphrase takes seconds."""
        path = self._path(key_id)
        found = path.stat()
        if found.st_mode & 0o077:
            raise ConfigurationError(f"{path.name} may be read by others: chmod 600 it")
        state = (found.st_ino, found.st_mtime_ns, found.st_size)
        with self._lock:
            if self._read_already.get(key_id, (None,))[0] != state:
                self._read_already[key_id] = state, _identity_of(path, self._passphrase)
            return self._read_already[key_id][1]


def _identity_of(path: Path, secret: str | None) -> x25519.Identity:
    """Read an age identity file, encrypted with a passphrase or not.

    Raises:
        ConfigurationError: it needs a passphrase that is not set or is another one, or it is no identity file.
    """
    data = path.read_bytes()
    try:
        if data.startswith(b"age-encryption.org/"):
            if secret is None:
                raise ConfigurationError(f"{path.name} needs its passphrase: set key_passphrase")
            data = bytes(pyrage.passphrase.decrypt(data, secret))
        lines = [line for line in data.decode("ascii").splitlines() if line and not line.startswith("#")]
        return x25519.Identity.from_str(lines[0])
    except pyrage.DecryptError as error:
        raise ConfigurationError(f"{path.name} does not open with the passphrase that is set") from error
    except (pyrage.IdentityError, ValueError, IndexError) as error:
        raise ConfigurationError(f"{path.name} holds no age identity") from error


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


def _write_secret(path: Path, data: bytes) -> None:
    draft = path.with_suffix(path.suffix + ".part")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)  # a power cut must not take the only key while the catalogue names it
    sync_folder(path.parent.parent)


def _destroy_file(path: Path) -> None:
    """Overwrite a file, then remove it, durably: on a plain disk its blocks hold noise before they are free."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        file.write(secrets.token_bytes(os.fstat(descriptor).st_size))
        os.fsync(descriptor)
    path.unlink()
    sync_folder(path.parent)
