"""Calendars: closed by week, year and date, opened by exception; a missing or never open one is an error."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.calendars import Calendar, Rule, calendar_of, required, rules_of
from records.errors import CalendarError

WEEKEND = (Rule("weekly", "sat"), Rule("weekly", "sun"))
SPAIN = calendar_of(
    "Madrid",
    (
        *WEEKEND, Rule("yearly", "01-01"), Rule("yearly", "01-06"), Rule("yearly", "05-01"), Rule("yearly", "12-25"),
        Rule("dates", "2026-04-03"), Rule("dates", "2026-08-10/2026-08-23"), Rule("open", "2026-12-26"),
        Rule("yearly", "12-24/01-01"),
    ),
)  # fmt: skip

DAYS = st.dates(date(1990, 1, 1), date(2100, 12, 31))
MONTH_DAYS = st.dates(date(2024, 1, 1), date(2024, 12, 31)).map(lambda day: day.strftime("%m-%d"))
INTERVALS = st.tuples(DAYS, st.integers(0, 60)).map(lambda two: f"{two[0]}/{two[0] + timedelta(days=two[1])}")
RULES = st.one_of(
    st.builds(Rule, st.just("weekly"), st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])),
    st.builds(Rule, st.just("yearly"), MONTH_DAYS),
    st.builds(Rule, st.just("yearly"), st.tuples(MONTH_DAYS, MONTH_DAYS).map("/".join)),
    st.builds(Rule, st.sampled_from(["dates", "open"]), DAYS.map(date.isoformat)),
    st.builds(Rule, st.sampled_from(["dates", "open"]), INTERVALS),
)


@pytest.mark.parametrize(
    ("day", "opened"),
    [
        ("2026-11-24", True), ("2026-11-28", False), ("2026-11-29", False), ("2026-05-01", False),
        ("2027-05-01", False), ("2026-04-03", False), ("2027-04-02", True), ("2026-08-10", False),
        ("2026-08-23", False), ("2026-08-24", True), ("2026-12-23", True), ("2026-12-24", False),
        ("2026-12-31", False), ("2027-01-01", False), ("2026-12-26", True),
    ],
)  # fmt: skip
def test_a_day_is_open_or_closed(day: str, opened: bool) -> None:
    assert SPAIN.is_open(date.fromisoformat(day)) is opened


@pytest.mark.parametrize(
    ("day", "after", "before"),
    [
        ("2026-11-24", "2026-11-24", "2026-11-24"),
        ("2026-11-28", "2026-11-30", "2026-11-27"),
        ("2026-08-15", "2026-08-24", "2026-08-07"),
        ("2026-12-24", "2026-12-26", "2026-12-23"),
        ("2026-12-27", "2027-01-04", "2026-12-26"),
    ],
)
def test_the_next_and_the_last_open_day(day: str, after: str, before: str) -> None:
    assert SPAIN.next_open(date.fromisoformat(day)).isoformat() == after
    assert SPAIN.previous_open(date.fromisoformat(day)).isoformat() == before


def test_29_february_is_met_in_leap_years_only() -> None:
    calendar = calendar_of("leap", [Rule("yearly", "02-29")])
    assert not calendar.is_open(date(2028, 2, 29))
    assert calendar.is_open(date(2027, 2, 28)) and calendar.is_open(date(2027, 3, 1))


def test_an_opening_wins_over_every_closing() -> None:
    day = "2027-01-01"  # a Friday
    calendar = calendar_of("x", [Rule("weekly", "fri"), Rule("yearly", "01-01"), Rule("dates", day), Rule("open", day)])
    assert calendar.is_open(date.fromisoformat(day))


NEVER = calendar_of("never", [Rule("yearly", "01-01/12-31")])


def test_a_calendar_that_is_never_open_is_an_error() -> None:
    with pytest.raises(CalendarError, match="no open day"):
        NEVER.next_open(date(2026, 1, 1))
    with pytest.raises(CalendarError, match="no open day"):
        NEVER.previous_open(date(2026, 1, 1))
    with pytest.raises(CalendarError, match="end of all dates"):
        NEVER.next_open(date.max)


def test_case_4_a_missing_calendar_is_an_error_and_not_open() -> None:
    with pytest.raises(CalendarError, match="no calendar"):
        required(None)
    assert required(SPAIN) is SPAIN


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("monthly", "1"), ("weekly", "Sat"), ("weekly", "saturday"), ("weekly", ""), ("yearly", "02-30"),
        ("yearly", "2-3"), ("yearly", "13-01"), ("yearly", "01-01/"), ("yearly", "01-01/01-02/01-03"),
        ("dates", "2026-02-29"), ("dates", "29/02/2024"), ("dates", "2026-01-02/2026-01-01"), ("dates", ""),
        ("open", "2026-01-01/"), ("open", "tomorrow"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_refused(kind: str, value: str) -> None:
    with pytest.raises(CalendarError):
        calendar_of("wrong", [Rule(kind, value)])


@given(st.lists(RULES, max_size=12), st.randoms())
def test_rules_make_one_calendar_in_any_order_and_are_given_back(rules: list[Rule], random: object) -> None:
    calendar = calendar_of("any", rules)
    random.shuffle(rules)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert calendar_of("any", rules + rules) == calendar == calendar_of("any", rules_of(calendar))


@given(st.lists(RULES, max_size=6), DAYS)
def test_the_next_open_day_is_the_first_one(rules: list[Rule], day: date) -> None:
    calendar = calendar_of("any", rules)
    try:
        found = calendar.next_open(day)
    except CalendarError:
        assert not any(calendar.is_open(day + timedelta(days=n)) for n in range(732))
        return
    between = (found - day).days
    assert calendar.is_open(found) and not any(calendar.is_open(day + timedelta(days=n)) for n in range(between))


def test_a_calendar_without_rules_is_open_every_day() -> None:
    assert all(Calendar("all").is_open(date(2026, 1, 1) + timedelta(days=n)) for n in range(800))
