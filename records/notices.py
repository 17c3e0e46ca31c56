"""When notices are due and what they say, as data (records/notices.toml); which levels a loan has reached.

A level is due from its day on, never only on it, so that a run that was missed is made up for (reference of the records
desk, section 8 and rule 13). What is due soon is not said any more once it is overdue.
"""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

KINDS = ("due-soon", "overdue", "recall", "ready")


@dataclass(frozen=True, slots=True)
class Level:
    """A notice that is due `after_days` after the due date of a loan."""

    kind: str
    level: int
    after_days: int


@dataclass(frozen=True, slots=True)
class Template:
    """What a notice says in one language; `version` is that of the file."""

    subject: str
    text: tuple[str, ...]
    version: str


def levels_reached(due: date, today: date) -> list[Level]:
    """Return the levels that a loan due on `due` has reached on a local day."""
    return [
        level
        for level in levels()
        if today >= due + timedelta(days=level.after_days) and (level.after_days > 0 or today <= due)
    ]


@cache
def levels() -> tuple[Level, ...]:
    """Return all levels, the earliest first."""
    return tuple(sorted((Level(**row) for row in _data()["levels"]), key=lambda level: level.after_days))


@cache
def template(language: str, kind: str) -> Template:
    """Return what a notice says in `en` or `es`."""
    row = _data()[language][kind]
    return Template(row["subject"], tuple(row["text"]), _data()["version"])


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files("records").joinpath("notices.toml").read_text(encoding="utf-8"))
