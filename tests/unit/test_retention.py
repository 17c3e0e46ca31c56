"""How long a record is kept: rules, the most specific one, and the day it is due."""

from datetime import date

import pytest

from records.errors import InvalidValueError
from records.retention import Rule, parse_period, rule_for

SCANNED, DATED = date(2026, 11, 23), date(2024, 2, 29)

# period, from, year's end, accessioned, own date -> due
DUE: dict[str, tuple[str | None, str, bool, date, date | None, date | None]] = {
    "six years from accession": ("P6Y", "accession", False, SCANNED, DATED, date(2032, 11, 24)),
    "six years from the record's date": ("P6Y", "record-date", False, SCANNED, DATED, date(2030, 3, 2)),
    "four years after a leap day": ("P4Y", "record-date", False, SCANNED, DATED, date(2028, 3, 1)),
    "from the end of that year": ("P6Y", "record-date", True, SCANNED, DATED, date(2031, 1, 1)),
    "without a sure date the accession, which is later": ("P6Y", "record-date", True, SCANNED, None, date(2033, 1, 1)),
    "months over a year's end": ("P18M", "accession", False, SCANNED, None, date(2028, 5, 24)),
    "a day that the month has not": ("P1M", "accession", False, date(2026, 1, 31), None, date(2026, 3, 2)),
    "to the next year": ("P1M", "accession", False, date(2026, 12, 31), None, date(2027, 2, 1)),
    "days": ("P90D", "accession", False, SCANNED, None, date(2027, 2, 22)),
    "all of them": ("P1Y2M3D", "accession", False, date(2026, 1, 1), None, date(2027, 3, 5)),
    "for ever": (None, "accession", False, SCANNED, DATED, None),
    "longer than there are dates": ("P999Y", "record-date", False, date(9500, 1, 1), None, None),
    "to the last day there is": ("P99999D", "accession", False, date(9990, 1, 1), None, None),
}


@pytest.mark.parametrize("name", DUE)
def test_due_dates(name: str) -> None:
    period, start, year_end, accessioned, own, due = DUE[name]
    rule = Rule("r", None, None, period, "record-date" if start == "record-date" else "accession", year_end, "law")
    assert rule.due_on(accessioned, own) == due


def test_a_record_is_kept_for_the_whole_of_its_last_day() -> None:
    rule = Rule("r", None, None, "P1D", "accession", False, "law")
    assert rule.due_on(date(2026, 11, 23), None) == date(2026, 11, 25)


@pytest.mark.parametrize("text", ["", "P", "6Y", "P6", "P0Y", "P0D", "P-1Y", "P1.5Y", "P1D1Y", "p1y", "P1W", "PT1H"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="P6Y"):
        parse_period(text)


def rule(name: str, client: str | None, record_class: str | None) -> Rule:
    return Rule(name, client, record_class, "P1Y", "accession", False, "law")


RULES = [
    rule("all", None, None),
    rule("class", None, "invoice"),
    rule("client", "c", None),
    rule("both", "c", "invoice"),
]


@pytest.mark.parametrize(
    ("client", "record_class", "counts"),
    [("c", "invoice", "both"), ("c", "letter", "client"), ("d", "invoice", "class"), ("d", None, "all")],
)
def test_the_most_specific_rule_counts(client: str, record_class: str | None, counts: str) -> None:
    found = rule_for(reversed(RULES), client, record_class)
    assert found is not None and found.name == counts
    assert rule_for([RULES[3]], "d", record_class) is None
