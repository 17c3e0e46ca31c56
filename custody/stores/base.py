"""The contract of a store of sealed objects; every home passes tests/contract/test_stores.py.

Reference: custody, section 3.1; design, section 4. Keys are content-addressed (`o/<client>/<original>/<sealed
digest>.age`), so the same key always means the same bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of one object, as the store says. `retain_until` is aware UTC, None where nothing is locked."""

    key: str
    version: str
    size: int
    mode: str | None = None  # COMPLIANCE, GOVERNANCE or None
    retain_until: datetime | None = None
    legal_hold: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """What a store was seen to enforce. `outcome` is `holds`, `does not hold` or `not applicable` (a directory)."""

    outcome: str
    details: tuple[tuple[str, bool], ...] = ()


class ObjectStore(Protocol):
    """Write-once storage of sealed files. Every method may raise StoreUnavailableError; nothing foreign leaks."""

    @property
    def name(self) -> str:
        """Bucket or folder name for the ledger: no path of this machine, no credentials."""
        ...

    @property
    def locks(self) -> bool:
        """True where the store enforces Object Lock; then put() locks for a short default and extend() lengthens."""
        ...

    def put(self, key: str, source: Path, sha256: str, size: int) -> StoredVersion:
        """Store the file `source` (of `size` bytes and digest `sha256`) under `key`, durably; return its version.

        Doing it twice is no error: where the same bytes already stand under `key`, their version is returned.

        Raises:
            OriginalConflictError: other bytes stand under `key`; nothing was changed.
            FixityError: `source` has not the digest given; nothing was stored.
            NoSpaceError: the store is full; nothing stands under `key`.
        """
        ...

    def read(self, key: str, version: str) -> Iterator[bytes]:
        """Yield the bytes of one version in chunks of at most 1 MiB, in flat memory.

        Raises:
            OriginalNotFoundError: this version does not stand under `key`.
        """
        ...

    def stat(self, key: str, version: str | None = None) -> StoredVersion:
        """Return what the store says of a version (None: the newest), asked of the store itself each time.

        Raises:
            OriginalNotFoundError: nothing stands under `key`, or not this version.
        """
        ...

    def versions(self, prefix: str) -> Iterator[StoredVersion]:
        """Yield every version of every key that starts with `prefix`; lock state may be left out (mode None)."""
        ...

    def extend(self, key: str, version: str, until: datetime) -> StoredVersion:
        """Lengthen the lock to `until` (aware UTC) and return what a fresh HEAD then says; never shortens.

        Where the store has no locks the version is returned as it is.
        """
        ...

    def remove(self, key: str, version: str) -> None:
        """Remove one version (a replaced derivative, an orphan by a person's decision); absent is no error.

        Raises:
            OriginalConflictError: the version is locked; it stays.
        """
        ...

    def sweep(self, before: datetime) -> int:
        """Remove what puts that were begun before an instant (aware UTC) and never ended left behind; return how many.

        Nothing that `versions` lists is touched, nor a put under way that was begun later.
        """
        ...

    def probe(self) -> Probe:
        """Find out whether locks are enforced (custody, section 3.1, rule 2); `not applicable` in a directory."""
        ...
