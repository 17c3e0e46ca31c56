"""Retention: how long a record is kept, as rules that are data, and the day on which it may be disposed of.

A rule holds for a client and a record class, for one of them, or for all; the most specific one counts. Its period is
written as ISO 8601 has it (`P6Y`, `P18M`, `P90D`); without one it keeps for ever. It runs from the accession or from
the record's own date, and where `year_end` is set from the last day of that year, as laws on books and taxes have it.
Dates are local civil dates. Pure: no database, no clock.
"""

import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from records.errors import InvalidValueError

Start = Literal["accession", "record-date"]
STARTS: tuple[Start, ...] = ("accession", "record-date")
PERIOD = re.compile(r"P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,5})D)?")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
LAST_YEAR = 9999  # the last that a date can have; beyond it something is kept for ever


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `period` None keeps for ever; `authority` says which law or contract asks for it, for people."""

    name: str
    client: str | None
    record_class: str | None
    period: str | None
    start: Start
    year_end: bool
    authority: str

    def due_on(self, accessioned: date, own: date | None) -> date | None:
        """Return the first day on which the record may be disposed of; None where it is kept for ever.

        Args:
            accessioned: the day it was taken into custody.
            own: the record's own date, None where none is sure: then the accession counts, which is later.
        """
        if self.period is None:
            return None
        begins = own if self.start == "record-date" and own is not None else accessioned
        if self.year_end:
            begins = date(begins.year, 12, 31)
        return _after(begins, *parse_period(self.period))


def parse_period(text: str) -> tuple[int, int, int]:
    """Read a period as years, months and days.

    Raises:
        InvalidValueError: it has another form, or is nothing.
    """
    found = PERIOD.fullmatch(text)
    years, months, days = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    if not years + months + days:
        raise InvalidValueError("a period is written P6Y, P18M or P90D")
    return years, months, days


def rule_for(rules: Iterable[Rule], client: str, record_class: str | None) -> Rule | None:
    """Return the rule that counts for a record: of its client and class, its client, its class, or of all."""
    fitting = [r for r in rules if r.client in (None, client) and r.record_class in (None, record_class)]
    return max(fitting, key=lambda r: (r.client is not None, r.record_class is not None), default=None)


def _after(begins: date, years: int, months: int, days: int) -> date | None:
    """Return the day after the period; what falls on a day that a month has not goes to the next month's first."""
    year, month = divmod(begins.year * 12 + begins.month - 1 + years * 12 + months, 12)
    if year > LAST_YEAR:
        return None
    month += 1
    if begins.day > monthrange(year, month)[1]:
        year, month, day = (year + 1, 1, 1) if month == 12 else (year, month + 1, 1)
    else:
        day = begins.day
    try:
        return date(year, month, day) + timedelta(days=days + 1)
    except (OverflowError, ValueError):
        return None
