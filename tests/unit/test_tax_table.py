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


SURCHARGED = """
FACTURA                                        Talleres Peña S.L.
Nº factura: A/12      Fecha: 03/03/2026        CIF B82387770

Concepto                    Importe
Pieza                       1.000,00 €

Base imponible                   1.000,00 €
IVA {rate}%                        {tax} €
{label} {surcharge_rate}%        {surcharge} €
Total factura                    {total} €
"""


@pytest.mark.parametrize(
    ("rate", "tax", "surcharge_rate", "surcharge", "total"),
    [
        ("21", "210,00", "5,2", "52,00", "1.262,00"),
        ("10", "100,00", "1,4", "14,00", "1.114,00"),
        ("4", "40,00", "0,5", "5,00", "1.045,00"),
        ("21", "210,00", "1,75", "17,50", "1.227,50"),
    ],
)
@pytest.mark.parametrize("label", ["Recargo de equivalencia", "Rec. Equivalencia", "Cuota recargo"])
def test_the_surcharge_of_retailers_counts_in_the_total(rate, tax, surcharge_rate, surcharge, total, label):
    text = SURCHARGED.format(
        rate=rate, tax=tax, surcharge_rate=surcharge_rate, surcharge=surcharge, total=total, label=label
    )
    found, description = amounts(text)
    assert (found["net"].value, found["tax"].value) == ("1000.00", tax.replace(",", "."))
    assert found["total"].value == total.replace(".", "").replace(",", ".")
    assert {found[name].status for name in ("net", "tax", "total")} == {"accepted"}
    assert not any(field.name == "surcharge" for field in description.fields)  # evidence, not a field of the contract


def test_surcharges_of_two_rates_in_one_table_are_summed():
    text = TWO_RATES.format(
        heads="Base      % IVA    Cuota IVA    % R.E.   Cuota R.E.", first="21 %", second="4 %", total="1.471,00 €"
    )
    text = text.replace("210,00 €", "210,00 €     5,2 %     52,00 €").replace(
        "  8,00 €", "  8,00 €     0,5 %      1,00 €"
    )
    found, _ = amounts(text)
    assert {name: field.value for name, field in found.items() if field.value} == {
        "net": "1200.00", "tax": "218.00", "total": "1471.00",
    }  # fmt: skip
    assert found["total"].status == "accepted"


@pytest.mark.parametrize("total", ["1.210,00", "1.263,00", "1.282,00"])
def test_a_total_without_its_surcharge_or_with_another_is_held(total):
    text = SURCHARGED.format(
        rate="21", tax="210,00", surcharge_rate="5,2", surcharge="52,00", total=total, label="Recargo de equivalencia"
    )
    found, description = amounts(text)
    assert found["total"].status == "review"
    assert "total" in {reason.field for reason in description.review}


def test_a_surcharge_is_never_derived_to_close_a_sum():
    text = SURCHARGED.format(
        rate="21", tax="210,00", surcharge_rate="", surcharge="", total="1.262,00", label="Sin recargo de equivalencia"
    )
    assert amounts(text)[0]["total"].status == "review"


def test_a_surcharge_above_every_legal_rate_closes_nothing():
    text = SURCHARGED.format(
        rate="21",
        tax="210,00",
        surcharge_rate="9",
        surcharge="90,00",
        total="1.300,00",
        label="Recargo de equivalencia",
    )
    assert amounts(text)[0]["total"].status == "review"


FIVE_LINES = """
FACTURA                                        Talleres Peña S.L.
Nº factura: A/12      Fecha: 03/03/2026        CIF B82387770

Concepto       Cantidad   Precio     Importe
Tornillo uno      1       0,12 €      0,12 €
Tornillo dos      1       0,12 €      0,12 €
Tornillo tres     1       0,12 €      0,12 €
Tornillo cuatro   1       0,12 €      0,12 €
Tornillo cinco    1       0,12 €      0,12 €

Base imponible       0,60 €
IVA 21%              {tax} €
Total factura        {total} €
"""


def test_case_12_tax_rounded_line_by_line_is_accepted_and_the_difference_reported():
    found, _ = amounts(FIVE_LINES.format(tax="0,15", total="0,75"))
    assert {found[name].status for name in ("net", "tax", "total")} == {"accepted"}
    (check,) = [check for check in found["tax"].checks if check.check == "tax-rate"]
    assert (check.outcome, "0.02" in check.message, "5 line(s)" in check.message) == ("info", True, True)
    found, _ = amounts(FIVE_LINES.format(tax="0,13", total="0,73"))
    assert [check.outcome for check in found["tax"].checks if check.check == "tax-rate"] == ["pass"]


@pytest.mark.parametrize("row", ["10       13,58      135,80", "13,58       10      135,80"])
def test_ten_pieces_are_no_tax_of_ten_percent(row):
    text = f"""
FACTURA                                        Talleres Peña S.L.
Nº factura: A/12      Fecha: 03/03/2026        CIF B82387770

Concepto                 Cantidad   Precio      Importe
Formación                {row}
Curso                     1     1.678,65    1.678,65

Base imponible                              1.814,45
IVA 0%                                          0,00
Total factura                               1.814,45
"""
    found, _ = amounts(text, source="born-digital")
    assert (found["net"].value, found["tax"].value, found["total"].value) == ("1814.45", "0.00", "1814.45")
    assert found["total"].status == "accepted"


def test_a_base_before_its_tax_at_ten_percent_is_one_without_a_sign_too():
    text = TWO_RATES.format(heads="Base   Tipo   Cuota", first="21", second="10", total="1.430,00 €")
    found, _ = amounts(text.replace("  8,00 €", " 20,00 €"))
    assert {name: field.value for name, field in found.items() if field.value} == {
        "net": "1200.00", "tax": "230.00", "total": "1430.00",
    }  # fmt: skip


ROW_UNREAD = """
Kaufhaus Lindner GmbH
Hauptstr. 3, 50667 Koeln

Brot                 4,00 A
Wein                 5,19 B
{label}             {total}

MWST%    MWST     Netto    Brutto
A 7 %    0,2l      3,79      4,00
B 19 %   0,99      5,19      6,18
21.04.20 10:00 Uhr   Vielen Dank   Kassenbon   EUR
"""


@pytest.mark.parametrize("label", ["zu zahleu", "zu zahlen"])
def test_the_gross_of_one_rate_is_no_total_where_the_row_of_another_was_not_read(label):
    text = ROW_UNREAD.format(label=label, total="10,18")
    found = describe([page(text, language="deu")], LIBRARY, date(2026, 4, 1), "receipt")
    total = next(field for field in found.fields if field.name == "total")
    assert (total.value == "10.18" and label == "zu zahlen") or total.status != "accepted"


PAID = """
FACTURA                                        Talleres Peña S.L.
Nº factura: A/12      Fecha: 03/03/2026        CIF B82387770

Concepto                    Importe
Pieza                       1.000,00 €

Base imponible              1.000,00 €
IVA 21%                       210,00 €
Total factura               1.210,00 €
{paid}
"""


@pytest.mark.parametrize(
    ("paid", "outcome"),
    [
        ("Anticipo                      200,00 €\nPendiente de pago           1.010,00 €", "pass"),
        ("Anticipo                     -200,00 €\nPendiente de pago           1.010,00 €", "pass"),
        ("Importe pagado              1.210,00 €\nImporte pendiente               0,00 €", "pass"),
        ("Entrega a cuenta  200,03 €\nRedondeo            0,03 €\nResto a pagar   1.010,00 €", "pass"),
        ("Anticipo                      200,00 €\nPendiente de pago           1.210,00 €", "warn"),
        ("Anticipo                      200,00 €\nPendiente de pago           1.110,00 €", "hold"),
        ("Deposit paid                  200,00 €\nRemaining balance           1.000,00 €", "hold"),
        ("Anticipo                      200,00 €", None), ("Pendiente de pago           1.010,00 €", None),
    ],
)  # fmt: skip
def test_what_is_printed_as_still_to_be_paid_is_the_total_less_what_was_paid(paid, outcome):
    found, whole = amounts(PAID.format(paid=paid), source="born-digital")
    assert (found["net"].value, found["tax"].value, found["total"].value) == ("1000.00", "210.00", "1210.00")
    assert [check.outcome for check in found["total"].checks if check.check == "payable"] == (
        [outcome] if outcome else []
    )
    held = ("total", "totals") in {(reason.field, reason.code) for reason in whole.review}
    assert held == (outcome == "hold") and (found["total"].status == "review") == held


@pytest.mark.parametrize(
    "taxes", ["IVA 0%                      0,00 €", "IGIC 7%  30,69 €\nRetención IRPF 7%   -30,69 €"]
)
def test_a_total_that_is_wrong_is_held_where_nothing_is_added_to_the_net(taxes):
    text = f"""
FACTURA                                        Talleres Peña S.L.
Nº factura: A/12      Fecha: 03/03/2026        CIF B82387770

Concepto                 Importe
Formación                 438,48

Base imponible            438,48 €
{taxes}
Total factura             {{total}} €
"""
    found, _ = amounts(text.format(total="439,48"), source="born-digital")
    assert (found["total"].value, found["total"].status) == ("439.48", "review")
    found, _ = amounts(text.format(total="438,48"), source="born-digital")
    assert (found["total"].value, found["total"].status) == ("438.48", "accepted")
