"""Labels that print readers misread, and sums that close only because a label was missed."""

from datetime import date

import pytest

from records.class_library import shipped_library
from tasks.describe import describe
from tests.corpus.drawn_pages import page

TODAY = date(2026, 11, 20)
INVOICE = """
Transportes Lizana SL                         Factura: F26/0318
{id_label} B22113344                          Fecha: 30-10-2026

Cliente: Azucarera del Cinca S.A.
Viaje Monzón - Zaragoza                              490,00

                                   Total servicios   490,00
                                   Base imponible    490,00
                                   {tax_label} 21 %       102,90
                                   {held_label} 15 %       -73,50
                                   Importe factura   519,40
"""


def described(source="ocr", text=INVOICE, **labels):
    found = describe([page(text.format(**labels), source=source)], shipped_library(), TODAY, "invoice")
    return {field.name: field for field in found.fields if field.index is None}


@pytest.mark.parametrize(
    ("id_label", "tax_label", "held_label"),
    [("N.I.F.", "I.V.A.", "I.R.P.F."), ("N.LF.", "1.V.A.", "1.R.P.F."), ("C.1.F.", "LV.A.", "l.R.P.F.")],
)
def test_abbreviations_with_dots_are_known_when_their_letters_are_misread(id_label, tax_label, held_label):
    found = described(id_label=id_label, tax_label=tax_label, held_label=held_label)
    amounts = {name: found[name].value for name in ("net", "tax", "withholding", "total")}
    assert amounts == {"net": "490.00", "tax": "102.90", "withholding": "-73.50", "total": "519.40"}
    assert found["supplier_tax_id"].value == "B22113344"
    assert found["total"].status == "accepted"


def test_a_word_without_dots_is_no_such_abbreviation():
    found = described(id_label="NIF", tax_label="1va", held_label="IRPF")
    assert found["tax"].method != "anchor"


def test_a_total_that_equals_the_net_amount_is_not_taken_where_a_surer_one_stands_there():
    text = "\n".join(line for line in INVOICE.split("\n") if "{held_label}" not in line).replace("519,40", "592,90")
    found = described(text=text, id_label="NIF", tax_label="????")
    assert (found["total"].value, found["total"].status) != ("490.00", "accepted")
