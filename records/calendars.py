"""Calendars of sites: which local days are open; closed by date, week or year, opened again by exception.

A day is closed when a rule closes it and no exception opens it. A site without a calendar, or whose calendar opens on
no day within reach, is an error and never "open" (reference of the records desk, section 5, clause 2). Days are local
civil dates of the site; instants have no place here (records/due_dates.py).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from records.errors import CalendarError

REACH_DAYS = 366 * 2  # how far the next or previous open day is looked for before a calendar counts as never open
DAY = timedelta(days=1)

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTH_DAY = re.compile(r"(\d{2})-(\d{2})")
_LEAP_YEAR = 2024  # any leap year: 29 February is a day that may be written


class RuleKind(StrEnum):
    """What a rule says; the values are what the catalogue keeps."""

    WEEKLY = "weekly"
    YEARLY = "yearly"
    DATES = "dates"
    OPEN = "open"


class Rule(NamedTuple):
    """One line of a calendar as the catalogue keeps it.

    `value` is a weekday (`mon` .. `sun`) for `weekly`; `MM-DD` or `MM-DD/MM-DD` for `yearly`, which may run over the
    turn of the year; `YYYY-MM-DD` or `YYYY-MM-DD/YYYY-MM-DD` for `dates` and `open`. Both ends are included.
    """

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """The open and closed days of a site. `name` is shown; 29 February in `yearly` is met in leap years only."""

    name: str
    weekly: frozenset[int] = frozenset()  # closed weekdays, Monday is 0 as in `date.weekday`
    yearly: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = ()  # (month, day) to (month, day)
    dates: tuple[tuple[date, date], ...] = ()
    openings: tuple[tuple[date, date], ...] = field(default=())

    def is_open(self, day: date) -> bool:
        """Tell whether the site works on this local day."""
        if _within(day, self.openings):
            return True
        return not (day.weekday() in self.weekly or self._closed_each_year(day) or _within(day, self.dates))

    def next_open(self, day: date) -> date:
        """Return the first open day that is not before `day`.

        Raises:
            CalendarError: none within two years; the calendar holds no open day.
        """
        return self._first_open(day, DAY)

    def previous_open(self, day: date) -> date:
        """Return the last open day that is not after `day`.

        Raises:
            CalendarError: none within two years; the calendar holds no open day.
        """
        return self._first_open(day, -DAY)

    def _first_open(self, day: date, step: timedelta) -> date:
        try:
            for _ in range(REACH_DAYS):
                if self.is_open(day):
                    return day
                day += step
        except OverflowError as error:
            raise CalendarError("no open day before the end of all dates") from error
        raise CalendarError("the calendar has no open day within two years")

    def _closed_each_year(self, day: date) -> bool:
        here = (day.month, day.day)
        for first, last in self.yearly:
            inside = first <= here <= last if first <= last else here >= first or here <= last
            if inside:
                return True
        return False


def calendar_of(name: str, rules: Iterable[Rule]) -> Calendar:
    """Build a calendar from its rules, in any order; a rule given twice is one.

    Raises:
        CalendarError: a rule of another form, or an interval that ends before it begins.
    """
    weekly: set[int] = set()
    yearly: set[tuple[tuple[int, int], tuple[int, int]]] = set()
    days: dict[RuleKind, set[tuple[date, date]]] = {RuleKind.DATES: set(), RuleKind.OPEN: set()}
    for rule in rules:
        try:
            kind = RuleKind(rule.kind)
        except ValueError as error:
            raise CalendarError(f"{rule.kind} is no kind of rule") from error
        if kind is RuleKind.WEEKLY:
            weekly.add(_weekday(rule.value))
        elif kind is RuleKind.YEARLY:
            yearly.add(_month_days(rule.value))
        else:
            days[kind].add(_days(rule.value))
    return Calendar(
        name, frozenset(weekly), tuple(sorted(yearly)), tuple(sorted(days[RuleKind.DATES])),
        tuple(sorted(days[RuleKind.OPEN])),
    )  # fmt: skip


def rules_of(calendar: Calendar) -> list[Rule]:
    """Return the rules that make this calendar, in a fixed order; `calendar_of` takes them back."""
    return [
        *(Rule(RuleKind.WEEKLY, _WEEKDAYS[weekday]) for weekday in sorted(calendar.weekly)),
        *(Rule(RuleKind.YEARLY, _interval(*(f"{m:02d}-{d:02d}" for m, d in ends))) for ends in calendar.yearly),
        *(Rule(RuleKind.DATES, _interval(*(day.isoformat() for day in ends))) for ends in calendar.dates),
        *(Rule(RuleKind.OPEN, _interval(*(day.isoformat() for day in ends))) for ends in calendar.openings),
    ]


def required(calendar: Calendar | None) -> Calendar:
    """Return the calendar of a site that must have one.

    Raises:
        CalendarError: the site has none; a missing calendar is an error and not an open day.
    """
    if calendar is None:
        raise CalendarError("the site has no calendar")
    return calendar


def _within(day: date, intervals: tuple[tuple[date, date], ...]) -> bool:
    return any(first <= day <= last for first, last in intervals)


def _interval(first: str, last: str) -> str:
    return first if first == last else f"{first}/{last}"


def _ends(value: str) -> tuple[str, str]:
    first, slash, last = value.partition("/")
    return first, last if slash else first


def _weekday(value: str) -> int:
    if value not in _WEEKDAYS:
        raise CalendarError(f"a weekly rule names one of {', '.join(_WEEKDAYS)}")
    return _WEEKDAYS.index(value)


def _month_days(value: str) -> tuple[tuple[int, int], tuple[int, int]]:
    first, last = (_month_day(end) for end in _ends(value))
    return first, last


def _month_day(text: str) -> tuple[int, int]:
    found = _MONTH_DAY.fullmatch(text)
    try:
        day = date(_LEAP_YEAR, int(found[1]), int(found[2])) if found else None
    except ValueError:
        day = None
    if day is None:
        raise CalendarError("a yearly rule is MM-DD or MM-DD/MM-DD")
    return day.month, day.day


def _days(value: str) -> tuple[date, date]:
    try:
        first, last = (date.fromisoformat(end) for end in _ends(value))
    except ValueError as error:
        raise CalendarError("a rule of days is YYYY-MM-DD or YYYY-MM-DD/YYYY-MM-DD") from error
    if last < first:
        raise CalendarError("a rule of days ends before it begins")
    return first, last
