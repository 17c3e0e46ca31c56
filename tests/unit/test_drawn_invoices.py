"""Made-up invoices: the same everywhere, identifiers that hold, amounts that add up, misreadings within bounds."""

from random import Random

import pytest

from cli.drawn_facts import cif, invoice, nif
from cli.drawn_invoices import draw_invoice, truth_of
from cli.drawn_sheets import misread
from records.validation import check_tax_id, is_iban


@pytest.mark.parametrize("number", range(40))
def test_facts_hold(number):
    made = invoice(Random(number))
    assert check_tax_id(made.supplier.tax_id).outcome == "pass"
    assert is_iban(made.supplier.iban)
    assert sum(line.total for line in made.lines) == made.net
    assert made.net + made.tax - made.withholding == made.total


def test_control_characters_are_those_of_the_rules():
    assert (cif("A", 5881850), nif(12345678)) == ("A58818501", "12345678Z")
    assert check_tax_id(cif("Q", 2826000)).outcome == "pass"


def test_a_number_names_one_sheet():
    first, second = (draw_invoice(invoice(Random(7)), Random(8)) for _ in range(2))
    assert first == second
    assert first != draw_invoice(invoice(Random(7)), Random(9))


def test_the_truth_stands_on_the_sheet():
    made = invoice(Random(3))
    text = draw_invoice(made, Random(4)).text
    for name in ("number", "supplier_tax_id"):
        assert truth_of(made)[name] in text
    assert all(word in text for word in truth_of(made)["supplier"].split())


def test_misreading_changes_words_and_says_lower_confidence():
    page = draw_invoice(invoice(Random(5)), Random(6))
    read = misread(page, Random(1), 0.03)
    assert misread(page, Random(1), 0.0).words
    texts = {word.text for word in page.words}
    wrong = [word for word in read.words if word.text not in texts]
    right = [word for word in read.words if word.text in texts]
    assert 0 < len(wrong) < len(right)
    assert sum(w.confidence for w in wrong) / len(wrong) < sum(w.confidence for w in right) / len(right)
