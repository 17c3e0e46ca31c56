"""Dates in which an engine misread single signs are proposed, and never taken without a person."""

from datetime import date

import pytest

from records.class_library import shipped_library
from tasks.describe import describe
from tasks.misread_dates import misread_dates
from tests.corpus.drawn_pages import page

RECEIPT = """
PINTAR HARDWARE SDN BHD
No 3, Jalan Besar 5
43000 Kajang

{line}

Total              10.00
Cash               20.00
Change             10.00
Thank you
"""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12/O4/2025", "2025-04-12"),
        ("27-06-2D18", "2018-06-27"),
        ("27/0G/2018 12:45", "2018-06-27"),
        ("26102/18 08:28", "2018-02-26"),  # a slash read as a one
        ("08l02/2017", "2017-02-08"),
        ("08/02|2017", "2017-02-08"),
    ],
)
def test_single_misread_signs_are_put_right_and_said_to_be_unsure(text, value):
    (reading,) = misread_dates(f"at {text}", "dmy")
    assert (reading.value, reading.ambiguous) == (value, True)
    assert reading.raw == text.split()[0] == f"at {text}"[reading.start : reading.end]


@pytest.mark.parametrize("text", ["01/l/So", "ID/OZ/BILL", "Tel 2610218", "56102/18", "3-26102/18", "001125220352"])
def test_other_numbers_and_words_are_no_dates(text):
    assert list(misread_dates(text, "dmy")) == []


@pytest.mark.parametrize("line", ["Date: 27106/18 17:02", "27106/18 17:02", "#027553 27/0G/2018 12:45"])
def test_a_misread_date_waits_for_a_person(line):
    found = describe([page(RECEIPT.format(line=line), language="eng")], shipped_library(), date(2026, 3, 1))
    (day,) = [field for field in found.fields if field.name == "date"]
    assert (day.value, day.status) == ("2018-06-27", "review")
    assert "ambiguous" in {reason.code for reason in found.review if reason.field == "date"}


def test_where_a_date_stands_unharmed_no_other_is_guessed():
    text = RECEIPT.format(line="27106/18\n\n28/06/2018 17:02")
    found = describe([page(text, language="eng")], shipped_library(), date(2026, 3, 1))
    assert [field.value for field in found.fields if field.name == "date"] == ["2018-06-28"]
