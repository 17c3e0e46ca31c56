"""Tables of base, rate and tax: found by what holds in them, summed, and believed only where their sums close."""

from datetime import date

import pytest

from records.class_library import shipped_library
from tasks.describe import describe
from tests.corpus.drawn_pages import page

LIBRARY = shipped_library()

TWO_RATES = """
FACTURA                                        Talleres Peña S.L.
Nº factura: A/12      Fecha: 03/03/2026        CIF B82387770

Concepto                    Importe
Pieza                       1.000,00 €
Libro                         200,00 €

{heads}
1.000,00 €      {first}      210,00 €
  200,00 €      {second}       8,00 €
                                     Total a pagar      {total}
"""


def amounts(text, **options):
    found = describe([page(text, **options)], LIBRARY, date(2026, 4, 1), "invoice")
    return {f.name: f for f in found.fields if f.name in ("net", "tax", "total", "withholding")}, found


@pytest.mark.parametrize("heads", ["Base        % IVA      Cuota", "8ase        %          Cu0ta", ""])
@pytest.mark.parametrize(("first", "second"), [("21 %", "4 %"), ("21", "4"), ("21%", "4%")])
def test_rows_are_summed_whatever_their_headers_say(heads, first, second):
    found, _ = amounts(TWO_RATES.format(heads=heads, first=first, second=second, total="1.418,00 €"))
    assert {name: field.value for name, field in found.items() if field.value} == {
        "net": "1200.00", "tax": "218.00", "total": "1418.00",
    }  # fmt: skip
    assert found["net"].status == "accepted"


def test_a_rate_that_was_misread_is_put_right_by_the_legal_ones():
    text = TWO_RATES.format(heads="Base   % IVA   Cuota", first="IVA 1%", second="IVA 4%", total="1.418,00 €")
    found, _ = amounts(text)
    assert (found["net"].value, found["tax"].value) == ("1200.00", "218.00")


def test_a_total_that_the_table_does_not_close_with_is_held():
    found, description = amounts(TWO_RATES.format(heads="", first="21%", second="4%", total="1.481,00 €"))
    assert found["total"].status == "review"
    assert {reason.field for reason in description.review} >= {"total"}


def test_a_total_that_was_not_read_is_derived_from_the_table():
    text = """
FACTURA Nº 7          Fecha 03/03/2026
Base imponible       1.000,00 €
IVA 21%                210,00 €
Retención IRPF 15%    -150,00 €
"""
    found, _ = amounts(text)
    assert (found["total"].value, found["total"].method, found["total"].status) == ("1060.00", "derived", "review")


def test_a_sum_that_closes_only_without_the_tax_that_was_read_is_not_taken():
    text = """
FACTURA Nº 7          Fecha 03/03/2026
Base imponible         800,00 €
IVA                     21,60 €
Total                  800,00 €
"""
    found, _ = amounts(text)
    assert "accepted" not in {found["total"].status, found["net"].status}


def test_the_tax_of_each_line_does_not_count_beside_that_of_all():
    text = """
FACTURA Nº 7          Fecha 03/03/2026
Concepto       Base        IVA      Cuota
Uno            100,00 €    21%      21,00 €
Dos            300,00 €    21%      63,00 €
IVA 21%        400,00 €    21%      84,00 €
Total                              484,00 €
"""
    found, _ = amounts(text)
    assert (found["net"].value, found["tax"].value, found["total"].value) == ("400.00", "84.00", "484.00")
    assert found["total"].status == "accepted"
