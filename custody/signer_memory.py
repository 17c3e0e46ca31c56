"""What a signer or a witness remembers of a ledger, and how it re-derives what follows from entries alone.

The file is one JSON object `{"v", "origin", "size", "root", "last", "boundary", "peaks"}`, hashes in hexadecimal.
`size` and `root` are what was signed. `boundary` is where the last bundle begins and `peaks` are the roots of the
complete subtrees before it: enough to check the entries of the last bundle once more and to go on from there, whatever
the size. `last` is the leaf hash of the last entry. It is written whole, flushed, and moved to its name.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from custody.growth import last_boundary
from custody.merkle import EMPTY_ROOT, HASH_SIZE, Frontier, hash_leaf
from custody.stores.folders import replace_file
from records.errors import ConfigurationError, LedgerForkError, ProofError

MEMORY_LIMIT = 64 * 1024  # bytes of the file


@dataclass(frozen=True, slots=True)
class Memory:
    """What was signed last: a tree of `size` leaves with this root; `last` is None for the empty tree."""

    origin: str
    size: int
    root: bytes
    last: bytes | None
    peaks: tuple[bytes, ...]  # of the tree of `boundary` leaves

    @classmethod
    def empty(cls, origin: str) -> "Memory":
        """Return the memory of a signer that has signed nothing."""
        return cls(origin, 0, EMPTY_ROOT, None, ())

    @property
    def boundary(self) -> int:
        """Where the entries begin that the next signature must be given."""
        return last_boundary(self.size)

    @property
    def text(self) -> str:
        """The memory as its file holds it."""
        last = None if self.last is None else self.last.hex()
        peaks = [peak.hex() for peak in self.peaks]
        shape = {
            "v": 1, "origin": self.origin, "size": self.size, "root": self.root.hex(), "last": last,
            "boundary": self.boundary, "peaks": peaks,
        }  # fmt: skip
        return json.dumps(shape, ensure_ascii=False) + "\n"


def remembered(memory: Memory, size: int, entries: Iterable[bytes]) -> Memory:
    """Return the memory of the tree of `size` leaves, re-derived from a memory and the entries from its boundary on.

    Raises:
        LedgerForkError: the tree is smaller than the one remembered, its entries are others, one is out of its place,
            or there are too few or too many.
    """
    if size < memory.size:
        raise LedgerForkError(
            f"the ledger has {size} events, and {memory.size} were signed: an older database was put back"
        )
    frontier, boundary = Frontier(memory.boundary, memory.peaks), last_boundary(size)
    peaks, last = frontier.peaks, None
    for entry in entries:
        _check_place(entry, frontier.size)
        last = hash_leaf(entry)
        frontier.append(last)
        if frontier.size == memory.size and frontier.root() != memory.root:
            raise LedgerForkError(f"of the {memory.size} events that were signed, some are others now")
        if frontier.size == boundary:
            peaks = frontier.peaks
    if frontier.size != size:
        raise LedgerForkError(f"{frontier.size} events were given instead of {size}")
    return Memory(memory.origin, size, frontier.root(), last, peaks)


def _check_place(entry: bytes, place: int) -> None:
    """Refuse an entry whose `seq` is not its place in the ledger."""
    try:
        seq = json.loads(entry)["seq"]
    except (ValueError, TypeError, LookupError):
        seq = None
    if seq != place or isinstance(seq, bool):
        raise LedgerForkError(f"event {place} of the ledger is not the one that says so of itself")


def read_memory(path: Path) -> Memory | None:
    """Return what a file remembers, None where there is no file.

    Raises:
        ConfigurationError: it cannot be read, or is damaged: nothing is signed then.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MEMORY_LIMIT + 1)
        return parse_memory(data.decode("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, LookupError, ProofError) as error:
        raise ConfigurationError(f"the signer's memory {path.name} is damaged ({type(error).__name__})") from error


def parse_memory(text: str) -> Memory:
    """Read a memory as `Memory.text` writes it.

    Raises:
        ValueError, TypeError, LookupError, ProofError: it is malformed, or not of one piece.
    """
    return _parsed(json.loads(text))


def write_memory(path: Path, memory: Memory) -> None:
    """Write a memory durably in the place of the old one.

    Raises:
        NoSpaceError, StoreUnavailableError: it cannot be written; the old one stands.
    """
    replace_file(path, memory.text.encode())


def _parsed(shape: dict[str, Any]) -> Memory:
    last = None if shape["last"] is None else _hash(shape["last"])
    memory = Memory(
        shape["origin"], shape["size"], _hash(shape["root"]), last, tuple(_hash(peak) for peak in shape["peaks"])
    )
    sound = shape["v"] == 1 and type(memory.size) is int and memory.size >= 0 and isinstance(memory.origin, str)
    if not sound or shape["boundary"] != memory.boundary or (last is None) != (memory.size == 0):
        raise ValueError("size")
    Frontier(memory.boundary, memory.peaks)
    if memory.size == 0 and memory.root != EMPTY_ROOT:
        raise ValueError("root")
    return memory


def _hash(text: str) -> bytes:
    raw = bytes.fromhex(text)
    if len(raw) != HASH_SIZE:
        raise ValueError("hash")
    return raw
