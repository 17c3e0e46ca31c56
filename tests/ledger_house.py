"""A published ledger outside of any installation: rows in memory, a signer's folder, a home in a folder."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from ledger_making import a_life, an_event, leaf_of, placed

from custody.ledger_signer import LedgerSigner, SignerOptions
from custody.publishing import Published, Publisher
from custody.signer_memory import Memory, read_memory
from custody.stores.ledger_directory import LedgerDirectory

UNTIL = datetime(2036, 1, 1, tzinfo=UTC)
ORIGIN = "archive.test/ledger"


def leaf(place: int, more: str = "") -> bytes:
    return json.dumps({"seq": place, "more": more}).encode()


class Rows:
    """Events in memory; a day has `a_day` of them."""

    def __init__(self, size: int, more: dict[int, str] | None = None, a_day: int = 10**9) -> None:
        self.size, self._more, self._a_day = size, more or {}, a_day

    def entries(self, first: int, last: int) -> Iterator[bytes]:
        return (leaf(place, self._more.get(place, "")) for place in range(first, last))

    def day(self, place: int) -> str:
        return f"2026-11-{1 + place // self._a_day:02d}"


class Lives(Rows):
    """Events as the pipeline writes them; `turned` is one that breaks a rule, `slower` another history."""

    def __init__(self, size: int, turned: int | None = None, slower: float = 1.0) -> None:
        super().__init__(size)
        lives = [event for number in range(1, size // 9 + 2) for event in a_life(number)][:size]
        if turned is not None:
            lives[turned] = an_event("indexed", lives[turned]["subject"], "described", "indexed")
        self._leaves = [leaf_of(event) for event in placed(lives, slower)]

    def entries(self, first: int, last: int) -> Iterator[bytes]:
        return iter(self._leaves[first:last])


class Died(Exception):
    """The process ended here."""


class House:
    """A home and a signer; a new publisher each time, as after a restart."""

    def __init__(self, folder: Path, ml_dsa: bool = False) -> None:
        self.folder, self.ml_dsa, self.time = folder, ml_dsa, 1_790_000_000
        (folder / "signer").mkdir(parents=True)
        self.files = LedgerDirectory(folder / "ledger")

    def signer(self, reached: Callable[[int], None] = lambda step: None) -> LedgerSigner:
        return LedgerSigner(self.folder / "signer", SignerOptions(ORIGIN, self.ml_dsa), lambda: self.time, reached)

    def publisher(self, die_at: int | None = None) -> Publisher:
        def reached(step: int) -> None:
            if step == die_at:
                raise Died

        return Publisher(LedgerDirectory(self.folder / "ledger"), self.signer(reached), UNTIL, reached)

    def publish(self, rows: Rows) -> Published:
        return self.publisher().publish(rows)

    def published(self) -> dict[str, bytes]:
        return {path: self.files.read(path) or b"" for path in self.files.paths("")}

    def memory(self) -> Memory | None:
        return read_memory(self.folder / "signer/ledger.memory")
