"""The signer of the ledger: a witness to itself, with its own key and its own memory of what it signed last.

It is given entries, re-derives the tree from them and from its memory alone, and signs only what continues what it
signed before: a smaller tree, other entries than those that were signed, or an entry out of its place are refused. The
new memory is on the disk before the signature leaves (custody, section 1.4). So a database that was put back stops the
ledger instead of forking it. It reads no database and writes none; infra runs it as a process of its own.

Its folder holds `ledger.key` (custody/signing_keys.py), `ledger.memory`, `ledger.vkey` for whoever verifies, and during
a rotation `prepared.key` (announced, not signing yet) or `next.key` (signs beside the old one).
"""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from custody.checkpoints import Checkpoint
from custody.notes import COSIGNATURE_ML_DSA_44, ED25519, Note, NoteKey, Signature
from custody.signer_memory import Memory, read_memory, remembered, write_memory
from custody.signing_keys import SEED_SIZE, SigningKey, keep_signing_key, make_signing_key, read_signing_key
from custody.stores.folders import flush_folder, translated
from records.errors import ConfigurationError, LedgerForkError

KEY, NEXT, PREPARED, ML_DSA, MEMORY, VKEY, LOCK = (
    "ledger.key", "next.key", "prepared.key", "ml-dsa.key", "ledger.memory", "ledger.vkey", "lock",
)  # fmt: skip
MEMORY_IS_WRITTEN = 58  # numbered step of publishing (docs/design/publishing.md): the signature has not left yet


@dataclass(frozen=True, slots=True)
class SignerOptions:
    """How a ledger is signed: its name (None: made at first use), and whether a post-quantum line is added."""

    origin: str | None = None
    ml_dsa: bool = False


class LedgerSigner:
    """Signs checkpoints of one ledger from one folder; several processes may, one at a time."""

    def __init__(
        self, folder: Path, options: SignerOptions, now: Callable[[], int], reached: Callable[[int], None]
    ) -> None:
        """Args: folder, which is there; now, POSIX seconds; reached is called when a numbered step is durable."""
        self._folder = folder
        self._options = options
        self._now = now
        self._reached = reached

    def public_keys(self) -> list[NoteKey]:
        """Return the keys that sign, the oldest first; made at first use.

        Raises:
            ConfigurationError: key and setting name different ledgers, or a file cannot be read.
            LedgerForkError: there is a key, and no memory of what it signed.
        """
        with self._locked():
            return [key.key for key in self._signing()]

    def memory(self) -> Memory:
        """Return what was signed last; errors as for `public_keys`."""
        with self._locked():
            return self._memory()

    def sign(self, size: int, entries: Iterable[bytes]) -> bytes:
        """Return the signed checkpoint of the tree of `size` leaves.

        Args:
            size: leaves of the tree.
            entries: its entries from `memory().boundary` on, in order.

        Raises:
            LedgerForkError: it does not continue what was signed before; nothing was signed.
            ConfigurationError: as for `public_keys`, or the memory cannot be written.
        """
        with self._locked():
            keys = self._signing()
            memory = self._memory()
            found = remembered(memory, size, entries)
            if found != memory:
                write_memory(self._folder / MEMORY, found)
            self._reached(MEMORY_IS_WRITTEN)
            text = Checkpoint(memory.origin, size, found.root).body
            return Note(text, tuple(self._signature(key, text) for key in keys)).data

    def prepare(self) -> NoteKey:
        """Make the key that will follow, or return the one that is made already; it signs nothing yet."""
        with self._locked():
            path = self._folder / PREPARED
            if not path.exists():
                if (self._folder / NEXT).exists():
                    raise ConfigurationError("a rotation of the ledger's key is under way: retire the old key first")
                keep_signing_key(path, make_signing_key(self._first().name, ED25519, secrets.token_bytes(SEED_SIZE)))
            return read_signing_key(path).key

    def use_prepared(self) -> None:
        """Let the prepared key sign beside the old one from now on; again is no error."""
        with self._locked():
            self._move(PREPARED, NEXT)

    def retire(self) -> NoteKey:
        """Let the new key sign alone and destroy the old private key; return the key that is left.

        Raises:
            ConfigurationError: no rotation is under way.
        """
        with self._locked():
            if not (self._folder / NEXT).exists():
                raise ConfigurationError("no rotation of the ledger's key is under way")
            self._move(NEXT, KEY)
            return self._first().key

    def _signature(self, key: SigningKey, text: str) -> Signature:
        return key.sign(text) if key.kind == ED25519 else key.cosign(text, self._now())

    def _signing(self) -> list[SigningKey]:
        keys = [self._first()]
        if (self._folder / NEXT).exists():
            keys.append(read_signing_key(self._folder / NEXT))
        if self._options.ml_dsa:
            path = self._folder / ML_DSA
            if not path.exists():
                seed = secrets.token_bytes(SEED_SIZE)
                keep_signing_key(path, make_signing_key(keys[0].name, COSIGNATURE_ML_DSA_44, seed))
            keys.append(read_signing_key(path))
        return keys

    def _first(self) -> SigningKey:
        """Return the current key; the first one is made, its empty memory before it."""
        path = self._folder / KEY
        if not path.exists():
            memory = read_memory(self._folder / MEMORY)
            if memory is None:
                origin = self._options.origin or f"muniment/{secrets.token_hex(8)}"
                memory = Memory.empty(origin)
                write_memory(self._folder / MEMORY, memory)
            elif memory.size:
                raise ConfigurationError("the ledger's signer has a memory and no key: bring its key file back")
            keep_signing_key(path, make_signing_key(memory.origin, ED25519, secrets.token_bytes(SEED_SIZE)))
        key = read_signing_key(path)
        if self._options.origin not in (None, key.name):
            raise ConfigurationError("the setting ledger_origin names another ledger than the signer's key")
        self._write_vkey(key)
        return key

    def _memory(self) -> Memory:
        key = self._first()
        memory = read_memory(self._folder / MEMORY)
        if memory is None:
            raise LedgerForkError("the ledger's signer has a key and no memory of what it signed: bring it back")
        if memory.origin != key.name:
            raise ConfigurationError("the signer's memory is another ledger's")
        return memory

    def _write_vkey(self, key: SigningKey) -> None:
        """Let the file for verifiers say which key is current; a crash may have come before it did."""
        path, line = self._folder / VKEY, key.key.vkey + "\n"
        with translated():
            if not path.exists() or path.read_text("utf-8") != line:
                temporary = path.with_name(VKEY + ".new")
                temporary.write_text(line, encoding="utf-8")
                temporary.replace(path)
                flush_folder(self._folder)

    def _move(self, one: str, other: str) -> None:
        if (self._folder / one).exists():
            with translated():
                (self._folder / one).replace(self._folder / other)
                flush_folder(self._folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with translated():
            file = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with translated():
                fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)
