"""The names of the files of a published ledger, sorted by what they are.

Tiles and bundles are custody/tiles.py, `checkpoint` is the state of now; kept checkpoints, those that witnesses
cosigned and time stamps are this ledger's additions, which other tools ignore (docs/design/publishing.md).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from custody.tiles import Tile, parse_tile_path
from records.errors import ProofError

CHECKPOINT = "checkpoint"
_SIZE = "(0|[1-9][0-9]{0,18})"
_KEPT = re.compile(f"checkpoints/{_SIZE}")
_WITNESSED = re.compile(f"witnessed/{_SIZE}/([0-9a-f]{{8}})")
_TOKEN = re.compile(rf"timestamps/{_SIZE}(?:\.([1-9][0-9]{{0,8}}))?\.tsr")


@dataclass(slots=True)
class LedgerNames:
    """The names that are there, by kind; `foreign` are names that no file of a ledger has."""

    checkpoint: bool = False
    tiles: dict[str, Tile] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)  # name -> size of the tree
    witnessed: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # name -> size, key id of the witness
    tokens: dict[int, dict[int, str]] = field(default_factory=dict)  # size -> number of the renewal, 0 first -> name
    foreign: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """True where anything of a ledger is there."""
        return self.checkpoint or bool(self.tiles or self.kept or self.witnessed or self.tokens)


def kept_name(size: int) -> str:
    """Return the name of the checkpoint that is kept of the tree of `size` leaves."""
    return f"checkpoints/{size}"


def sort_names(names: Iterable[str]) -> LedgerNames:
    """Sort names by what they are."""
    found = LedgerNames()
    for name in sorted(names):
        if name == CHECKPOINT:
            found.checkpoint = True
        elif (match := _KEPT.fullmatch(name)) is not None:
            found.kept[name] = int(match[1])
        elif (match := _WITNESSED.fullmatch(name)) is not None:
            found.witnessed[name] = (int(match[1]), bytes.fromhex(match[2]))
        elif (match := _TOKEN.fullmatch(name)) is not None:
            found.tokens.setdefault(int(match[1]), {})[int(match[2] or 0)] = name
        else:
            _sort_tile(found, name)
    return found


def _sort_tile(found: LedgerNames, name: str) -> None:
    try:
        found.tiles[name] = parse_tile_path(name)
    except ProofError:
        found.foreign.append(name)
