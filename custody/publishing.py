"""Publishing the ledger: tiles, bundles and checkpoints out of the rows, each step durable before the next.

Numbered steps; the process may die after any of them and publishing again writes the same bytes (docs/design/
publishing.md; the reference of custody, section 1.4):

51. the key that signs is announced by an event of the ledger (tasks/publishing.py)
52. the signer has re-derived the tree from the entries, remembers it (58: before the signature leaves) and signed it
53. full bundles and tiles are kept
54. partial ones are written
55. checkpoints that stay are kept: this one where it is asked for, and the one before where a day has ended
56. `checkpoint` is replaced: from here on the world sees the new tree
57. partial files whose full ones exist now are removed

Nothing is written before the signer has signed, so a database that was put back changes no published byte. What is read
of the home is compared with what was signed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from custody.checkpoints import Checkpoint, SignedCheckpoint, open_checkpoint
from custody.growth import GrowingTree
from custody.merkle import EMPTY_ROOT
from custody.notes import Note, NoteKey
from custody.signer_memory import Memory
from custody.stores.ledger_files import CHECKPOINT, LedgerFiles, kept_path
from custody.tiles import Tile, level_width, tiles_of
from records.errors import LedgerError, LedgerForkError, NoteError, StoreUnavailableError

_NOTHING = SignedCheckpoint(Checkpoint("", 0, EMPTY_ROOT), Note("", ()))  # what is published before anything is
SIGNED, FULL_KEPT, PARTIAL_WRITTEN, CHECKPOINTS_KEPT, REPLACED, TIDIED = 52, 53, 54, 55, 56, 57


class Signing(Protocol):
    """What signs: custody.ledger_signer.LedgerSigner, or a process that runs it."""

    def public_keys(self) -> list[NoteKey]:
        """See LedgerSigner.public_keys."""
        ...

    def memory(self) -> Memory:
        """See LedgerSigner.memory."""
        ...

    def sign(self, size: int, entries: Iterator[bytes]) -> bytes:
        """See LedgerSigner.sign."""
        ...

    def prepare(self) -> NoteKey:
        """See LedgerSigner.prepare."""
        ...

    def use_prepared(self) -> None:
        """See LedgerSigner.use_prepared."""
        ...

    def retire(self) -> NoteKey:
        """See LedgerSigner.retire."""
        ...


class Rows(Protocol):
    """The events of one moment, in ledger order."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def entries(self, first: int, last: int) -> Iterator[bytes]:
        """Yield the leaves from `first` to before `last`."""
        ...

    def day(self, place: int) -> str:
        """Return the UTC day, `YYYY-MM-DD`, on which this event was written."""
        ...


@dataclass(frozen=True, slots=True)
class Published:
    """What the world sees from now on: the tree, and its signed checkpoint byte for byte as it is kept.

    `checkpoint` in the home may bear other signatures over the same tree, where keys came or went since it was kept.
    """

    origin: str
    size: int
    root: bytes
    checkpoint: bytes


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes to one home. `until` is how long what is kept is locked, where the home locks."""

    files: LedgerFiles
    signing: Signing
    until: datetime
    reached: Callable[[int], None] = lambda step: None

    def publish(self, rows: Rows) -> Published:
        """Publish the rows, and keep this checkpoint for good.

        Raises:
            LedgerForkError: the rows do not continue what was signed; no published byte was changed.
            LedgerError: published files were changed; the first one is named.
            ConfigurationError, UnavailableError: key, memory or home are not as they must be, or do not answer.
        """
        return self._publish(rows, self._keep_this)

    def publish_passing(self, rows: Rows) -> Published:
        """Publish the rows; the checkpoint stays only if it turns out to be its day's last. Errors as `publish`."""
        return self._publish(rows, lambda _size, note: note)

    def publish_whole(self, rows: Rows) -> Published:
        """Publish the rows as `publish` does, and write whatever of the tree is missing, at the cost of all of it."""
        self.files.make()
        self.current()
        return self._write(rows, self._signed(rows), _NOTHING, self._keep_this)

    def current(self) -> SignedCheckpoint | None:
        """Return the published checkpoint, verified by a key of the signer; None where nothing is published.

        Raises:
            LedgerError: it is not this signer's, or was changed.
        """
        data = self.files.read(CHECKPOINT)
        return None if data is None else self._opened(data)

    def _publish(self, rows: Rows, keep: Callable[[int, bytes], bytes]) -> Published:
        memory = self.signing.memory()
        if not self.files.is_made():
            if memory.size:
                raise StoreUnavailableError("the ledger's home is not there, or is not mounted")
            self.files.make()
        current = self.current()
        if current is not None and current.checkpoint.size > memory.size:
            raise LedgerForkError("more is published than the signer remembers: its memory was put back")
        return self._write(rows, self._signed(rows), current or _NOTHING, keep)

    def _signed(self, rows: Rows) -> SignedCheckpoint:
        """Step 52."""
        memory = self.signing.memory()
        if rows.size < memory.size:
            raise LedgerForkError(
                f"the ledger has {rows.size} events, and {memory.size} were signed: an older database was put back"
            )
        note = self.signing.sign(rows.size, rows.entries(memory.boundary, rows.size))
        self.reached(SIGNED)
        signed = self._opened(note)
        if signed.checkpoint.size != rows.size:
            raise LedgerError("the signer signed another tree than it was asked for")
        return signed

    def _write(
        self,
        rows: Rows,
        signed: SignedCheckpoint,
        base: SignedCheckpoint,
        keep: Callable[[int, bytes], bytes],
    ) -> Published:
        """Steps 53 to 57."""
        before, now = base.checkpoint, signed.checkpoint
        tree = self._resumed(rows, before)
        for entry in rows.entries(before.size, now.size):
            for tile, data in tree.add(entry):
                self.files.keep(tile.path, data, self.until)
        self.reached(FULL_KEPT)
        if tree.root() != now.root:
            raise LedgerError("the rows gave another tree than the one that was signed")
        for tile, data in tree.partials():
            self.files.put(tile.path, data)
        self.reached(PARTIAL_WRITTEN)
        if 0 < before.size < now.size and rows.day(before.size - 1) != rows.day(before.size):
            self._keep_this(before.size, base.data)
        note = keep(now.size, signed.data)
        self.reached(CHECKPOINTS_KEPT)
        self.files.replace(CHECKPOINT, signed.data)
        self.reached(REPLACED)
        for tile in _outgrown(before.size, now.size):
            for path in list(self.files.paths(f"{tile.path}.p/")):
                self.files.remove(path)
        self.reached(TIDIED)
        return Published(now.origin, now.size, now.root, note)

    def _resumed(self, rows: Rows, before: Checkpoint) -> GrowingTree:
        overlap = rows.entries(before.size - before.size % 256, before.size)
        return GrowingTree.resume(before.size, before.root, overlap, self.files.read)

    def _keep_this(self, size: int, note: bytes) -> bytes:
        """Keep a checkpoint; where one of the same tree is kept already, that one stays and is returned."""
        path = kept_path(size)
        standing = self.files.read(path)
        if standing is not None and standing != note:
            # another signature over the same tree: a key that came or went, or ML-DSA, which is not deterministic
            if self._opened(standing).checkpoint != self._opened(note).checkpoint:
                raise LedgerError(f"other bytes stand in the published ledger under {path}")
            note = standing
        self.files.keep(path, note, self.until)
        return note

    def _opened(self, note: bytes) -> SignedCheckpoint:
        for key in self.signing.public_keys():
            try:
                return open_checkpoint(note, key)
            except NoteError:
                continue
        raise LedgerError("a published checkpoint was changed, or is signed by another key than the signer's")


def _outgrown(before: int, now: int) -> Iterator[Tile]:
    """Yield the full tiles of the tree of `now` leaves that were partial in the one of `before`."""
    for tile in tiles_of(now, since=before):
        if tile.is_full and level_width(before, tile.level) > tile.first:
            yield tile
