"""Planted errors: what is planted stands on the page, and most of it is caught without alarms on clean invoices."""

from collections import Counter
from random import Random

import pytest

from cli.drawn_facts import invoice
from cli.planted import KINDS, REASONS, main, measure, plant
from records.validation import check_tax_id


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_changes_something(kind):
    made = invoice(Random(1))
    changed = plant(made, kind, Random(2), [invoice(Random(3))])
    assert changed.planted == kind
    assert changed.text or changed.number != made.number


def test_a_swapped_digit_hardly_ever_holds():  # 0 and 9 side by side have the same control digit
    texts = [plant(invoice(Random(n)), KINDS[0], Random(n), []).text["supplier_tax_id"] for n in range(100)]
    assert sum(check_tax_id(text).outcome == "hold" for text in texts) >= 95


def test_most_errors_are_caught_and_few_clean_invoices_are_suspected(capsys):
    clean, planted, caught, suspected = 0, Counter(), Counter(), 0
    for kind, found in measure(160):
        if kind is None:
            clean += 1
            suspected += bool(found)
        else:
            planted[kind] += 1
            caught[kind] += bool(found & REASONS[kind])
    assert set(planted) == set(KINDS)
    assert sum(caught.values()) >= 0.9 * sum(planted.values())
    assert suspected <= 0.02 * clean
    assert main(["--count", "20"]) == 0
    assert "| planted |" in capsys.readouterr().out
