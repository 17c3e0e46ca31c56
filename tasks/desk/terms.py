"""When what is lent is due: a local day at the site, on its calendar (records/due_dates.py has the rules)."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from records.calendars import Calendar
from records.desk_answers import WEEKDAYS
from records.due_dates import check_due, day_ends_at, due_on, local_date, renewed, roll, zone_of
from records.errors import DueDateError
from records.ids import instant
from tasks.desk import places
from tasks.desk.acts import Desk


@dataclass(frozen=True, slots=True)
class Terms:
    """A site's time zone and calendar, and the local day it is there now."""

    site: str
    zone: ZoneInfo
    calendar: Calendar
    today: date

    def due_at(self, day: date) -> str:
        """Return the instant at which a due day is over."""
        return instant(day_ends_at(day, self.zone))


def terms_of(desk: Desk, place: Any) -> Terms:
    """Return the terms of the site that a place belongs to.

    Raises:
        CalendarError: the site has no calendar, or one that is never open.
    """
    site = places.site_of(desk.connection, place)
    zone = zone_of(site.time_zone)
    return Terms(site.id, zone, places.calendar_of_site(desk.connection, site), local_date(desk.now, zone))


def terms_of_site(desk: Desk, site: str) -> Terms:
    """Return the terms of a site by its id."""
    from custody.desk_tables import locations

    return terms_of(desk, desk.connection.execute(locations.select().where(locations.c.id == site)).one())


def first_due(desk: Desk, terms: Terms, asked: date | None) -> tuple[date, bool]:
    """Return the day a new loan is due, and whether the day asked for was moved to one on which the site is open.

    Raises:
        DueDateError: the day asked for is past.
    """
    policy = desk.services.loans
    if asked is None:
        return due_on(desk.act.happened, terms.zone, policy.period, terms.calendar, policy.closed_day), False
    if asked < terms.today:
        raise DueDateError("the due date is in the past")
    day = roll(asked, terms.calendar, policy.closed_day)
    return day, day != asked


def renewed_due(desk: Desk, terms: Terms, old: date, asked: date | None) -> date:
    """Return the day a renewed loan is due: later than before, on an open day.

    Raises:
        DueDateError: it would not be later, or the site is closed on the day asked for.
    """
    policy = desk.services.loans
    if asked is None:
        return renewed(old, terms.today, policy.period, policy.renewal_base, terms.calendar)
    day = check_due(asked, terms.today, terms.calendar)
    if day <= old:
        raise DueDateError("the renewal would not move the due date on")
    return day


def weekday(day: date) -> str:
    """Return the name of a day of the week, as sentences have it."""
    return WEEKDAYS[day.weekday()]
