"""Due dates: a local civil date at the lending site, until the end of that day; overdue is derived and never kept.

Rules: reference of the records desk, section 5. `due_on` is what people agree on; `due_at` is the instant at which that
day is over at the site, in UTC, so that clock changes and servers elsewhere do not matter. Never `now + 24 h x n`.
"""

import calendar as months
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from records.calendars import Calendar
from records.errors import CalendarError, DueDateError

MONTHS_A_YEAR = 12
MOMENT = timedelta(microseconds=1)


class ClosedDay(StrEnum):
    """What becomes of a due date on a closed day; the value of a policy (FOLIO's choices of whole days)."""

    KEEP = "keep"
    PREVIOUS_OPEN = "previous-open"
    NEXT_OPEN = "next-open"


class RenewalBase(StrEnum):
    """From which day a renewal counts."""

    TODAY = "today"
    DUE = "due"
    LATER = "later"  # of both: from today when late, from the old due date when early


@dataclass(frozen=True, slots=True)
class Period:
    """How long a loan lasts: whole months first, then days; a month from 31 January ends on the last of February."""

    days: int = 0
    months: int = 0

    def __post_init__(self) -> None:
        """Refuse a period that does not lead into the future."""
        if self.days < 0 or self.months < 0 or not self.days + self.months:
            raise DueDateError("a loan lasts at least a day")

    def after(self, day: date) -> date:
        """Return the day this long after `day`.

        Raises:
            DueDateError: that day is after the year 9999.
        """
        ordinal = day.year * MONTHS_A_YEAR + day.month - 1 + self.months
        year, month = divmod(ordinal, MONTHS_A_YEAR)
        try:
            last = months.monthrange(year, month + 1)[1]
            return date(year, month + 1, min(day.day, last)) + timedelta(days=self.days)
        except (ValueError, OverflowError) as error:
            raise DueDateError("the due date is after the end of all dates") from error


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of a site by its IANA name.

    Raises:
        CalendarError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CalendarError(f"{name} is no time zone of the IANA list") from error


def local_date(moment: datetime, zone: ZoneInfo) -> date:
    """Return the civil date at a site at an aware instant."""
    return moment.astimezone(zone).date()


def day_ends_at(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which `day` is over at a site: the first one of the next local day.

    Where the clock jumps over midnight, or shows it twice, the day lasts until its last moment.

    Raises:
        DueDateError: there is no next day.
    """
    try:
        midnight = datetime.combine(day + timedelta(days=1), time.min, zone)
        first, second = (midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    except OverflowError as error:
        raise DueDateError("the due date is after the end of all dates") from error
    # midnight shown twice: only where the clock went back into the day itself did the day go on until the second one
    return second if second > first and local_date(second - MOMENT, zone) <= day else first


def roll(day: date, calendar: Calendar, rule: ClosedDay) -> date:
    """Move a day that is closed to where the rule says.

    Raises:
        CalendarError: the calendar has no open day in that direction.
    """
    if rule is ClosedDay.KEEP:
        return day
    return calendar.next_open(day) if rule is ClosedDay.NEXT_OPEN else calendar.previous_open(day)


def due_on(lent_at: datetime, zone: ZoneInfo, period: Period, calendar: Calendar, rule: ClosedDay) -> date:
    """Return the local day on which what is lent at an aware instant is due back; never before the next open day.

    Raises:
        CalendarError: the calendar has no open day.
        DueDateError: the date is out of reach.
    """
    today = local_date(lent_at, zone)
    due = roll(period.after(today), calendar, rule)
    # going back over closed days may lead to today or before: nobody can bring it back in time then
    return due if due > today else roll(period.after(today), calendar, ClosedDay.NEXT_OPEN)


def check_due(day: date, today: date, calendar: Calendar) -> date:
    """Return a due date that somebody asks for, if it may be.

    Raises:
        DueDateError: it is before today, or the site is closed on it.
        CalendarError: the calendar has no open day.
    """
    if day < today:
        raise DueDateError("the due date is in the past")
    if not calendar.is_open(day):
        raise DueDateError(f"the site is closed on {day}; it is open on {calendar.next_open(day)}")
    return day


def renewed(old_due: date, today: date, period: Period, base: RenewalBase, calendar: Calendar) -> date:
    """Return the new due date of a renewal: on an open day, later than the old one (invariant 10).

    Raises:
        DueDateError: the renewal would not move the due date on.
        CalendarError: the calendar has no open day.
    """
    start = {RenewalBase.TODAY: today, RenewalBase.DUE: old_due, RenewalBase.LATER: max(today, old_due)}[base]
    due = calendar.next_open(period.after(start))
    if due <= old_due or due < today:
        raise DueDateError("the renewal would not move the due date on")
    return due


def is_overdue(now: datetime, due: date, zone: ZoneInfo) -> bool:
    """Tell whether the due day is over at the site."""
    return now >= day_ends_at(due, zone)


def overdue_days(now: datetime, due: date, zone: ZoneInfo) -> int:
    """Return how many local days ago the due day was; 0 while it lasts and before."""
    return max(0, (local_date(now, zone) - due).days)
