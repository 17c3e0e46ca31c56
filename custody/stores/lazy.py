"""A store that is opened when it is first needed, so that what needs no store works while it is down."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from custody.stores.base import ObjectStore, Probe, StoredVersion


class LazyStore:
    """ObjectStore that opens another one at first use and passes every call on; a failed opening is tried again."""

    def __init__(self, name: str, opened: Callable[[], ObjectStore]) -> None:
        """Args: name, what the opened store will be called; opened makes ready and returns it."""
        self._name = name
        self._opened = opened
        self._found: ObjectStore | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The store's name, known without opening it."""
        return self._name

    @property
    def locks(self) -> bool:
        """See ObjectStore.locks."""
        return self._store().locks

    def put(self, key: str, source: Path, sha256: str, size: int) -> StoredVersion:
        """See ObjectStore.put."""
        return self._store().put(key, source, sha256, size)

    def read(self, key: str, version: str) -> Iterator[bytes]:
        """See ObjectStore.read."""
        return self._store().read(key, version)

    def stat(self, key: str, version: str | None = None) -> StoredVersion:
        """See ObjectStore.stat."""
        return self._store().stat(key, version)

    def versions(self, prefix: str) -> Iterator[StoredVersion]:
        """See ObjectStore.versions."""
        return self._store().versions(prefix)

    def extend(self, key: str, version: str, until: datetime) -> StoredVersion:
        """See ObjectStore.extend."""
        return self._store().extend(key, version, until)

    def remove(self, key: str, version: str) -> None:
        """See ObjectStore.remove."""
        self._store().remove(key, version)

    def sweep(self, before: datetime) -> int:
        """See ObjectStore.sweep."""
        return self._store().sweep(before)

    def probe(self) -> Probe:
        """See ObjectStore.probe."""
        return self._store().probe()

    def _store(self) -> ObjectStore:
        with self._lock:
            if self._found is None:
                self._found = self._opened()
            return self._found
