"""A store with locks for tests that need no server: a folder, and locks kept in memory by a clock that tests set."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from custody.stores.base import Probe, StoredVersion
from custody.stores.directory import DirectoryStore, make_directory
from records.errors import OriginalConflictError, StoreUnavailableError


class MovableClock:
    """The time as tests set it; it moves on by itself as little as it must, so that no two moments are the same."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def now(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class LockingStore:
    """ObjectStore whose versions are locked for seven days at first; `outcome` is what its probe says."""

    def __init__(self, root: Path, now: Callable[[], datetime]) -> None:
        make_directory(root)
        self._inner = DirectoryStore(root)
        self._now = now
        self.ends: dict[str, datetime] = {}
        self.outcome = Probe("holds", (("small is locked", True),))
        self.probes = 0
        self.extended: list[str] = []
        self.down = False

    name = "originals"
    locks = True

    def put(self, key: str, source: Path, sha256: str, size: int) -> StoredVersion:
        self._up()
        self._inner.put(key, source, sha256, size)
        self.ends.setdefault(key, self._now() + timedelta(days=7))
        return self.stat(key)

    def read(self, key: str, version: str) -> Iterator[bytes]:
        return self._inner.read(key, version)

    def stat(self, key: str, version: str | None = None) -> StoredVersion:
        self._up()
        found = self._inner.stat(key, version)
        return dataclasses.replace(found, mode="COMPLIANCE", retain_until=self.ends[key])

    def versions(self, prefix: str) -> Iterator[StoredVersion]:
        return self._inner.versions(prefix)

    def extend(self, key: str, version: str, until: datetime) -> StoredVersion:
        self._up()
        self.extended.append(key)
        self.ends[key] = max(self.ends[key], until)
        return self.stat(key, version)

    def remove(self, key: str, version: str) -> None:
        if self.ends[key] > self._now():
            raise OriginalConflictError("the version is locked and stays")
        self._inner.remove(key, version)

    def sweep(self, before: datetime) -> int:
        self._up()
        return self._inner.sweep(before)

    def probe(self) -> Probe:
        self._up()
        self.probes += 1
        return self.outcome

    def _up(self) -> None:
        if self.down:
            raise StoreUnavailableError("down")
