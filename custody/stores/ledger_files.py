"""The contract of the home of the published ledger: named files, most of them written once and for good.

Names and bytes are those of C2SP tlog-tiles (custody/tiles.py), besides `checkpoints/<size>`,
`witnessed/<size>/<key id>` and what time stamps add; other tools ignore those. Every home passes
tests/contract/test_ledger_files.py. One process writes at a time: the publisher, which holds its lock.
Reference: custody, section 3.1, rule 6.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from custody.notes import NoteKey

CHECKPOINT = "checkpoint"  # the one file that changes
KEPT = "checkpoints/"  # checkpoints that stay
WITNESSED = "witnessed/"  # checkpoints as witnesses cosigned them
FILE_LIMIT = 256 * (2 + 65_535)  # bytes of the largest file: a full bundle of the longest entries


def kept_path(size: int) -> str:
    """Return the name of the checkpoint of the tree of `size` leaves, where it is kept."""
    return f"{KEPT}{size}"


def witnessed_path(size: int, witness: NoteKey) -> str:
    """Return the name of a checkpoint as this witness cosigned it: one file each, so that none waits for another."""
    return f"{WITNESSED}{size}/{witness.key_id.hex()}"


class LedgerFiles(Protocol):
    """Every method may raise StoreUnavailableError or NoSpaceError; nothing foreign leaks."""

    @property
    def name(self) -> str:
        """What people call it: bucket or folder, no path of this machine."""
        ...

    @property
    def locks(self) -> bool:
        """True where the home enforces Object Lock on what is kept."""
        ...

    def is_made(self) -> bool:
        """Tell whether `make` was called here: a volume that is not mounted must not read as an empty ledger."""
        ...

    def make(self) -> None:
        """Make the home, or see that it is one.

        Raises:
            ConfigurationError: it cannot be one (a bucket without Object Lock).
        """
        ...

    def read(self, path: str) -> bytes | None:
        """Return the newest bytes under `path`, None where nothing stands."""
        ...

    def put(self, path: str, data: bytes) -> None:
        """Write a file that never changes but may be removed one day (a partial tile): durably, whole or not at all.

        Doing it twice is no error.

        Raises:
            LedgerError: other bytes stand under `path`; nothing was changed.
        """
        ...

    def keep(self, path: str, data: bytes, until: datetime) -> None:
        """Write a file for good; locked until then (aware UTC) where the home locks, and the lock read back.

        Raises:
            LedgerError: other bytes stand under `path`; nothing was changed.
        """
        ...

    def replace(self, path: str, data: bytes) -> None:
        """Put new bytes in the place of the old ones, durably: a reader sees the old or the new ones whole."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file that was not kept; absent is no error."""
        ...

    def paths(self, below: str) -> Iterator[str]:
        """Yield the names that begin with `below` ('' or up to a slash), in no order."""
        ...
