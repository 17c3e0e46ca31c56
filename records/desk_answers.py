"""What the desk says, as a closed list: every code with its basket, its sentence, and what to do next.

Baskets are those of the command line's contract, section 4: `done`, `blocked` (nothing was moved), `confirm` (a
question; nothing is moved until it is answered), `alert` (done, and something is to be heeded), `info`. The sentences
lie in desk_answers.toml; docs/records-desk.md lists the codes and a test compares.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from records.barcodes import KIND_NAMES
from records.desk import (
    ACCESS_CLASSES,
    BOX_STATES,
    CONDITIONS,
    FILE_STATES,
    LOAN_STATES,
    REQUEST_STATES,
    TRANSFER_STATES,
)
from records.desk_commands import MEANINGS

Value = str | int | None
Basket = Literal["done", "blocked", "confirm", "alert", "info"]


class Code(NamedTuple):
    """A sentence of the desk; the words in braces are filled in."""

    basket: Basket
    message: str
    next: str | None = None


def _load() -> tuple[dict[str, Code], dict[str, str]]:
    table: dict[str, Any] = tomllib.loads(files("records").joinpath("desk_answers.toml").read_text(encoding="utf-8"))
    then: dict[str, str] = table.pop("then")
    return {code: Code(*row) for code, row in table.items()}, then


ANSWERS, NEXT = _load()
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def state_word(state: str) -> str:
    """Return a state as it stands in a sentence."""
    return state.replace("_", " ")


# Words that stand in sentences and are translated too.
WORDS = frozenset({
    *map(state_word, (*FILE_STATES, *BOX_STATES, *LOAN_STATES, *REQUEST_STATES, *TRANSFER_STATES)),
    *KIND_NAMES.values(), *CONDITIONS, *MEANINGS.values(),
    *ACCESS_CLASSES, *WEEKDAYS,
})  # fmt: skip


def filled(text: str, values: Mapping[str, Value], translate: Callable[[str], str] = str) -> str:
    """Return a sentence in a language with its values in their places; states and kinds are translated too."""
    shown = {name: translate(value) if value in WORDS else value for name, value in values.items()}
    return translate(text).format(**shown)


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence of the desk: its code and what stands in its places."""

    code: str
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def basket(self) -> Basket:
        """done, blocked, confirm, alert or info."""
        return ANSWERS[self.code].basket

    def text(self, translate: Callable[[str], str] = str) -> str:
        """Return the sentence; names of states and kinds in it are translated too."""
        return filled(ANSWERS[self.code].message, self.values, translate)
