"""A total that one sum gives and another one contradicts is a person's; a difference the paper explains is none."""

from datetime import date

import pytest

from records.class_library import shipped_library
from tasks.describe import describe
from tests.corpus.drawn_pages import page

LIBRARY = shipped_library()
TODAY = date(2026, 3, 1)
HEAD = """
PINTAR HARDWARE SDN BHD
No 3, Jalan Besar 5
43000 Kajang

Receipt No: 1234
Date: 14/03/2025 12:01

"""


def total(text):
    found = describe([page(HEAD + text + "\nThank you\n", language="eng")], LIBRARY, TODAY)
    assert found.record_class == "receipt"
    return next(field for field in found.fields if field.name == "total")


AGREEING = """
Subtotal           10.00
GST                 0.60
Total              10.60
Cash               {cash}
Change             {change}
"""


@pytest.mark.parametrize(
    ("cash", "change", "status"),
    [
        ("20.00", " 9.40", "accepted"),
        ("20.00", "-9.40", "accepted"),  # as many tills print it
        ("20.00", " 9.90", "review"),
        ("10.00", " 0.00", "review"),
    ],
)
def test_a_total_that_cash_and_change_contradict_waits_for_a_person(cash, change, status):
    found = total(AGREEING.format(cash=cash, change=change))
    assert (found.value, found.status) == ("10.60", status)
    assert any(check.check == "totals" and check.outcome == "hold" for check in found.checks) is (status == "review")


@pytest.mark.parametrize(("net", "status"), [("10.00", "accepted"), ("12.00", "review")])
def test_a_total_that_net_and_tax_contradict_waits_for_a_person(net, status):
    found = total(f"Subtotal   {net}\nGST   0.60\nRounding   0.00\nTotal   10.60\nCash   20.00\nChange   9.40\n")
    assert (found.value, found.status) == ("10.60", status)


@pytest.mark.parametrize(
    "text",
    [
        "Subtotal   10.60\nTotal   10.60\nGST 6% included   0.60\nCash   20.00\nChange   9.40\n",
        "Subtotal   10.00\nGST   0.60\nTotal   10.60\nCash   20.00\n",
    ],
    ids=["tax included", "change not read"],
)
def test_a_difference_that_the_paper_explains_is_no_contradiction(text):
    assert not [check for check in total(text).checks if check.check == "totals" and check.outcome == "hold"]
