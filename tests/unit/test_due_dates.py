"""Due dates: local days at the site, over clock changes, closed days and leap years; overdue is derived."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from records.calendars import Calendar, Rule, calendar_of
from records.due_dates import (
    ClosedDay,
    Period,
    RenewalBase,
    check_due,
    day_ends_at,
    due_on,
    is_overdue,
    local_date,
    overdue_days,
    renewed,
    roll,
    zone_of,
)  # fmt: skip
from records.errors import CalendarError, DueDateError

MADRID, NEW_YORK, CANARIAS = ZoneInfo("Europe/Madrid"), ZoneInfo("America/New_York"), ZoneInfo("Atlantic/Canary")
WEEKEND = (Rule("weekly", "sat"), Rule("weekly", "sun"))
OFFICE = calendar_of("office", [*WEEKEND, Rule("yearly", "12-25"), Rule("dates", "2026-12-28")])
ALWAYS = Calendar("always")
ZONES = st.sampled_from(sorted(available_timezones() - {"Factory", "localtime"})).map(ZoneInfo)
DAYS = st.dates(date(1950, 1, 1), date(2090, 12, 31))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# the clock goes on at 02:00 in Madrid and New York, at 01:00 in the Canaries; those days have 23 or 25 hours
@pytest.mark.parametrize(
    ("zone", "day", "begins", "ends", "hours"),
    [
        (MADRID, "2026-03-28", "2026-03-27 23:00", "2026-03-28 23:00", 24),
        (MADRID, "2026-03-29", "2026-03-28 23:00", "2026-03-29 22:00", 23),
        (MADRID, "2026-10-25", "2026-10-24 22:00", "2026-10-25 23:00", 25),
        (CANARIAS, "2026-03-29", "2026-03-29 00:00", "2026-03-29 23:00", 23),
        (CANARIAS, "2026-10-25", "2026-10-24 23:00", "2026-10-26 00:00", 25),
        (NEW_YORK, "2026-03-08", "2026-03-08 05:00", "2026-03-09 04:00", 23),
        (NEW_YORK, "2026-11-01", "2026-11-01 04:00", "2026-11-02 05:00", 25),
        (MADRID, "2026-12-31", "2026-12-30 23:00", "2026-12-31 23:00", 24),
        # clocks that change at midnight: Beirut on, Havana back at 01:00, St. John's back over midnight, Apia a day on
        (ZoneInfo("Asia/Beirut"), "2026-03-28", "2026-03-27 22:00", "2026-03-28 22:00", 24),
        (ZoneInfo("Asia/Beirut"), "2026-03-29", "2026-03-28 22:00", "2026-03-29 21:00", 23),
        (ZoneInfo("America/Havana"), "2026-11-01", "2026-11-01 04:00", "2026-11-02 05:00", 25),
        (ZoneInfo("America/St_Johns"), "2010-11-06", "2010-11-06 02:30", "2010-11-07 03:30", 25),
        (ZoneInfo("Pacific/Apia"), "2011-12-29", "2011-12-29 10:00", "2011-12-30 10:00", 24),
    ],
)  # fmt: skip
def test_a_due_day_ends_at_the_end_of_the_local_day(
    zone: ZoneInfo, day: str, begins: str, ends: str, hours: int
) -> None:
    due = date.fromisoformat(day)
    assert day_ends_at(due, zone) == utc(ends)

    assert day_ends_at(due - timedelta(days=1), zone) == utc(begins)
    assert (utc(ends) - utc(begins)).total_seconds() / 3600 == hours


@pytest.mark.parametrize("zone", [MADRID, NEW_YORK, CANARIAS])
def test_the_last_moment_of_the_due_day_is_in_time_and_the_next_is_overdue(zone: ZoneInfo) -> None:
    for day in (date(2026, 3, 8), date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1), date(2028, 2, 29)):
        end = day_ends_at(day, zone)
        moment = timedelta(milliseconds=1)
        assert (is_overdue(end - moment, day, zone), overdue_days(end - moment, day, zone)) == (False, 0)
        assert (is_overdue(end, day, zone), overdue_days(end, day, zone)) == (True, 1)
        assert overdue_days(end + timedelta(days=9, hours=12), day, zone) == 10


@settings(max_examples=300)
@given(ZONES, DAYS)
def test_the_end_of_a_day_parts_it_from_the_next_in_every_zone(zone: ZoneInfo, day: date) -> None:
    end = day_ends_at(day, zone)
    assert local_date(end, zone) > day
    assert local_date(end - timedelta(milliseconds=1), zone) <= day


@settings(max_examples=300)
@given(ZONES, DAYS, st.integers(-3_000_000, 3_000_000))
def test_overdue_and_days_overdue_agree(zone: ZoneInfo, due: date, seconds: int) -> None:
    now = day_ends_at(due, zone) + timedelta(seconds=seconds)
    assert is_overdue(now, due, zone) is (overdue_days(now, due, zone) > 0)


@pytest.mark.parametrize(
    ("lent", "zone", "period", "rule", "due"),
    [
        # 10:00 in Madrid and three days, over both clock changes: the third local day, whatever the hours
        ("2026-03-27 09:00", MADRID, Period(3), ClosedDay.KEEP, "2026-03-30"),
        ("2026-10-23 08:00", MADRID, Period(3), ClosedDay.KEEP, "2026-10-26"),
        # one instant is two days: late evening in New York, next morning in Madrid
        ("2026-03-08 03:30", NEW_YORK, Period(1), ClosedDay.KEEP, "2026-03-08"),
        ("2026-03-08 03:30", MADRID, Period(1), ClosedDay.KEEP, "2026-03-09"),
        # 23:30 UTC: another day in Madrid, the same one in the Canaries, an hour apart
        ("2026-11-10 23:30", MADRID, Period(5), ClosedDay.KEEP, "2026-11-16"),
        ("2026-11-10 23:30", CANARIAS, Period(5), ClosedDay.KEEP, "2026-11-15"),
        # closed days
        ("2026-11-13 10:00", MADRID, Period(15), ClosedDay.KEEP, "2026-11-28"),
        ("2026-11-13 10:00", MADRID, Period(15), ClosedDay.NEXT_OPEN, "2026-11-30"),
        ("2026-11-13 10:00", MADRID, Period(15), ClosedDay.PREVIOUS_OPEN, "2026-11-27"),
        ("2026-12-10 10:00", MADRID, Period(15), ClosedDay.NEXT_OPEN, "2026-12-29"),
        # going back would lead to the day of lending: forward instead
        ("2026-11-27 10:00", MADRID, Period(1), ClosedDay.PREVIOUS_OPEN, "2026-11-30"),
        # months end where the month ends; leap years; the turn of the year
        ("2027-11-30 10:00", MADRID, Period(months=3), ClosedDay.KEEP, "2028-02-29"),
        ("2026-11-30 10:00", MADRID, Period(months=3), ClosedDay.KEEP, "2027-02-28"),
        ("2028-02-29 10:00", MADRID, Period(months=12), ClosedDay.KEEP, "2029-02-28"),
        ("2026-10-31 10:00", MADRID, Period(months=1, days=1), ClosedDay.KEEP, "2026-12-01"),
        ("2026-12-31 10:00", MADRID, Period(1), ClosedDay.KEEP, "2027-01-01"),
        ("2026-12-31 23:30", MADRID, Period(1), ClosedDay.KEEP, "2027-01-02"),
    ],
)  # fmt: skip
def test_case_4_when_a_loan_is_due(lent: str, zone: ZoneInfo, period: Period, rule: ClosedDay, due: str) -> None:
    assert due_on(utc(lent), zone, period, OFFICE, rule).isoformat() == due


@given(ZONES, DAYS, st.integers(0, 86_399_999), st.integers(1, 400), st.sampled_from(ClosedDay))
def test_a_loan_is_due_after_the_day_it_is_lent(
    zone: ZoneInfo, day: date, millisecond: int, days: int, rule: ClosedDay
) -> None:
    lent = datetime.combine(day, time.min, UTC) + timedelta(milliseconds=millisecond)
    due = due_on(lent, zone, Period(days), OFFICE, rule)
    assert due > local_date(lent, zone)
    assert rule is ClosedDay.KEEP or OFFICE.is_open(due)
    assert not is_overdue(lent, due, zone)


@pytest.mark.parametrize(
    ("old", "today", "base", "new"),
    [
        ("2026-11-20", "2026-11-18", RenewalBase.TODAY, "2026-12-03"),
        ("2026-11-20", "2026-11-18", RenewalBase.DUE, "2026-12-07"),  # 5 December is a Saturday
        ("2026-11-20", "2026-11-18", RenewalBase.LATER, "2026-12-07"),
        ("2026-11-20", "2026-11-25", RenewalBase.TODAY, "2026-12-10"),
        ("2026-11-20", "2026-11-25", RenewalBase.DUE, "2026-12-07"),
        ("2026-11-20", "2026-11-25", RenewalBase.LATER, "2026-12-10"),
    ],
)
def test_a_renewal_counts_from_its_base(old: str, today: str, base: RenewalBase, new: str) -> None:
    found = renewed(date.fromisoformat(old), date.fromisoformat(today), Period(15), base, OFFICE)
    assert found.isoformat() == new


def test_a_renewal_that_would_not_move_the_date_on_is_refused() -> None:
    with pytest.raises(DueDateError, match="would not move"):
        renewed(date(2026, 12, 31), date(2026, 11, 24), Period(15), RenewalBase.TODAY, OFFICE)
    with pytest.raises(DueDateError, match="would not move"):
        renewed(date(2026, 1, 12), date(2026, 11, 24), Period(15), RenewalBase.DUE, OFFICE)  # still in the past


@given(DAYS, DAYS, st.integers(1, 400), st.sampled_from(RenewalBase))
def test_a_renewal_never_shortens(old: date, today: date, days: int, base: RenewalBase) -> None:
    try:
        new = renewed(old, today, Period(days), base, OFFICE)
    except DueDateError:
        return
    assert new > old and new >= today and OFFICE.is_open(new)


def test_a_date_asked_for_must_be_open_and_not_past() -> None:
    today = date(2026, 11, 24)
    assert check_due(today, today, OFFICE) == today
    with pytest.raises(DueDateError, match="past"):
        check_due(date(2026, 11, 23), today, OFFICE)
    with pytest.raises(DueDateError, match="closed on 2026-11-28; it is open on 2026-11-30"):
        check_due(date(2026, 11, 28), today, OFFICE)


def test_rolling_needs_an_open_day() -> None:
    never = calendar_of("never", [Rule("yearly", "01-01/12-31")])
    assert roll(date(2026, 1, 1), never, ClosedDay.KEEP) == date(2026, 1, 1)
    with pytest.raises(CalendarError):
        due_on(utc("2026-01-01 10:00"), MADRID, Period(1), never, ClosedDay.NEXT_OPEN)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "/etc/passwd", "../UTC", "Madrid", "Europe"])
def test_an_unknown_zone_is_an_error(name: str) -> None:
    with pytest.raises(CalendarError, match="IANA"):
        zone_of(name)
    assert zone_of("Atlantic/Canary") == CANARIAS


@pytest.mark.parametrize(("days", "months"), [(0, 0), (-1, 0), (5, -1)])
def test_a_period_leads_into_the_future(days: int, months: int) -> None:
    with pytest.raises(DueDateError):
        Period(days, months)


@pytest.mark.parametrize("period", [Period(4_000_000), Period(months=200_000), Period(10**12)])
def test_a_period_beyond_all_dates_is_refused(period: Period) -> None:
    with pytest.raises(DueDateError, match="end of all dates"):
        period.after(date(2026, 1, 1))
    with pytest.raises(DueDateError, match="end of all dates"):
        day_ends_at(date.max, MADRID)


def test_always_open_is_not_the_default_of_anything() -> None:
    # a loan needs a calendar that was given: there is no default argument that would stand for "open"
    with pytest.raises(TypeError):
        due_on(utc("2026-01-01 10:00"), MADRID, Period(1))  # type: ignore[call-arg]  # that is what is tested
    assert due_on(utc("2026-01-01 10:00"), MADRID, Period(1), ALWAYS, ClosedDay.KEEP) == date(2026, 1, 2)
