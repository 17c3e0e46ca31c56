"""When notices are due and what they say, as data (records/notices.toml); which levels a loan has reached.

A level is due from its day on, never only on it, so that a run that was missed is made up for (reference of the records
desk, section 8 and rule 13). What is due soon is not said any more once it is overdue. A notice that a mail server does
not take is tried again after a quarter of an hour, then after twice as long each time, up to six hours.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

KINDS = (
    "requested", "authorised", "refused", "in-transit", "ready", "expired", "lent", "due-soon", "overdue", "escalated",
    "recall", "renewed", "returned", "incident", "accreditation", "disposal-proposed", "disposal-approved",
    "disposal-finished",
)  # fmt: skip
ADDRESSEES = ("borrower", "department", "client")
LEAST_TRIES = 5  # before a notice is given up as e-mail, however late the first of them was
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=15), timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Level:
    """A notice that is due `after_days` after the due date of a loan; `to` is one of ADDRESSEES."""

    kind: str
    level: int
    after_days: int
    to: str


@dataclass(frozen=True, slots=True)
class Template:
    """What a notice says in one language; `version` is that of the file, `line` what is said beside each paper."""

    subject: str
    one: str
    text: tuple[str, ...]
    line: str
    version: str


def mail_only(kind: str) -> bool:
    """Tell whether a notice goes by e-mail or not at all: receipts, of which nobody prints a letter."""
    return kind in _data()["mail_only"]


def accreditation_days() -> int:
    """Return how many days before a borrower's right ends he is told."""
    return int(_data()["accreditation_days"])


def wait_after(attempts: int) -> timedelta:
    """Return how long to wait after so many tries (1, 2...) before the next."""
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(attempts - 1, 10)))


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
    return Template(row["subject"], row["one"], tuple(row["text"]), row.get("line", ""), _data()["version"])


def incident_words(language: str, kind: str, numbers: Mapping[str, Any]) -> str:
    """Return what is wrong with a paper, in `en` or `es`; `numbers` are those of the incident."""
    said = {"pages": "?", "expected": "?", **numbers}
    return str(_data()[language]["incidents"].get(kind, kind)).format(**said)


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files("records").joinpath("notices.toml").read_text(encoding="utf-8"))
