"""A store that takes nothing before its locks are known to be kept; all else passes through."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from custody.stores.base import ObjectStore, Probe, StoredVersion


class AssuredStore:
    """ObjectStore that asks for an assurance before each put, at most once while it lasts, and passes all else on."""

    def __init__(self, inner: ObjectStore, assure: Callable[[], datetime], now: Callable[[], datetime]) -> None:
        """Args: assure, returns until when the locks are known to be kept, or raises StoreLockError; now, the time."""
        self._inner = inner
        self._assure = assure
        self._now = now
        self._until: datetime | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """See ObjectStore.name."""
        return self._inner.name

    @property
    def locks(self) -> bool:
        """See ObjectStore.locks."""
        return self._inner.locks

    def put(self, key: str, source: Path, sha256: str, size: int) -> StoredVersion:
        """Store a file where the locks are known to be kept; see ObjectStore.put.

        Raises:
            StoreLockError: they are known not to be.
        """
        with self._lock:  # of many threads one tries the server, and the others wait for what it finds
            if self._until is None or self._now() >= self._until:
                self._until = self._assure()
        return self._inner.put(key, source, sha256, size)

    def read(self, key: str, version: str) -> Iterator[bytes]:
        """See ObjectStore.read."""
        return self._inner.read(key, version)

    def stat(self, key: str, version: str | None = None) -> StoredVersion:
        """See ObjectStore.stat."""
        return self._inner.stat(key, version)

    def versions(self, prefix: str) -> Iterator[StoredVersion]:
        """See ObjectStore.versions."""
        return self._inner.versions(prefix)

    def extend(self, key: str, version: str, until: datetime) -> StoredVersion:
        """See ObjectStore.extend."""
        return self._inner.extend(key, version, until)

    def remove(self, key: str, version: str) -> None:
        """See ObjectStore.remove."""
        self._inner.remove(key, version)

    def sweep(self, before: datetime) -> int:
        """See ObjectStore.sweep."""
        return self._inner.sweep(before)

    def probe(self) -> Probe:
        """See ObjectStore.probe."""
        return self._inner.probe()
