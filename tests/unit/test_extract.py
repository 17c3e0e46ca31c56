import os
from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from records.class_library import load_library, shipped_library
from records.errors import RecordClassError
from records.review_codes import REVIEW_CODES
from records.text import Box, PageText, union
from tasks.describe import describe
from tasks.layout import lay_out
from tests.corpus.drawn_documents import DOCUMENTS
from tests.corpus.drawn_pages import page
from tests.corpus.drawn_variants import VARIANTS

LIBRARY = shipped_library()
TODAY = date(2026, 3, 1)
INVOICE = DOCUMENTS[0].text
GOOD = {"pass", "info", "warn"}


def fields(text, **options):
    description = describe([page(text, **options)], LIBRARY, TODAY)
    return {field.name: field for field in description.fields if field.index is None}, description


def codes(description, name):
    return {reason.code for reason in description.review if reason.field == name}


@pytest.mark.parametrize("source", ["ocr", "born-digital"])
@pytest.mark.parametrize("drawn", [*DOCUMENTS, *VARIANTS], ids=lambda drawn: drawn.name)
def test_fields_are_found(drawn, source):
    found, _ = fields(drawn.text, language=drawn.language, source=source)
    assert {name: found[name].value for name in drawn.fields} == drawn.fields


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_page_on_its_side_gives_the_same_fields_with_boxes_in_its_raster(turned):
    straight, _ = fields(INVOICE)
    on_side, _ = fields(INVOICE, turned=turned)
    assert {name: field.value for name, field in on_side.items()} == {n: f.value for n, f in straight.items()}
    raster = page(INVOICE, turned=turned)
    box = on_side["total"].box
    assert box == union(word.box for word in raster.words if word.text == "145,81")
    assert box != straight["total"].box


def test_evidence_points_at_the_words_on_the_page():
    drawn = page(INVOICE)
    description = describe([drawn], LIBRARY, TODAY)
    words = {word.box: word.text for word in drawn.words}
    seen = [field for field in description.fields if field.box is not None]
    assert len(seen) > 12
    for field in seen:
        inside = [t for b, t in words.items() if b.x0 >= field.box.x0 and b.x1 <= field.box.x1 and b.y0 == field.box.y0]
        assert any(text.strip("/:.") in (field.raw or "") for text in inside), field
        assert (field.page, field.engine) == (1, "drawn")


def test_what_is_accepted_is_sure_enough_and_no_check_stands_against_it():
    for drawn in DOCUMENTS:
        description = describe([page(drawn.text, language=drawn.language)], LIBRARY, TODAY)
        record_class = LIBRARY.get(description.record_class)
        for field in description.fields:
            if field.status == "accepted" and field.type != "currency":
                spec = record_class.spec(field.name)
                assert field.confidence >= spec.threshold
                assert {check.outcome for check in field.checks} <= GOOD


def test_every_field_for_a_person_has_a_reason_of_the_closed_list():
    for drawn in DOCUMENTS:
        description = describe([page(drawn.text, language=drawn.language)], LIBRARY, TODAY)
        reasons = {reason.field for reason in description.review}
        assert {
            field.name for field in description.fields if field.status == "review" and field.index is None
        } <= reasons
        assert {reason.code for reason in description.review} <= set(REVIEW_CODES)


def test_case_13_amounts_that_do_not_add_up_are_held_however_sure_their_words():
    found, description = fields(INVOICE.replace("145,81", "146,81"), confidence=99.0)
    assert found["total"].status == "review"
    assert "totals" in codes(description, "total")


def test_case_14_a_missing_total_is_derived_and_said_to_be():
    text = INVOICE.replace("TOTAL               145,81", "")
    found, description = fields(text)
    assert (found["total"].value, found["total"].method) == ("145.81", "derived")
    assert found["total"].status == "review"
    assert codes(description, "total") == {"derived"}
    assert found["total"].box is None


def test_an_account_is_never_taken_without_a_person():
    found, description = fields(INVOICE)
    assert found["iban"].value == "ES9121000418450200051332"
    assert found["iban"].status == "review"
    assert codes(description, "iban") == {"iban-unconfirmed"}
    _, description = fields(INVOICE.replace("0005 1332", "0005 1333"))
    assert codes(description, "iban") == {"iban-invalid", "iban-unconfirmed"}


def test_a_misread_tax_id_is_held_and_one_with_letters_for_digits_is_put_right():
    found, description = fields(INVOICE.replace("A58818501", "A58818502"))
    assert (found["customer_tax_id"].value, found["customer_tax_id"].status) == ("A58818502", "review")
    assert codes(description, "customer_tax_id") == {"tax-id"}
    found, _ = fields(INVOICE.replace("A58818501", "A588I85O1"))
    assert (found["customer_tax_id"].value, found["customer_tax_id"].status) == ("A58818501", "review")


def test_a_required_field_that_is_missing_needs_a_person_and_another_does_not():
    found, description = fields(INVOICE.replace("Número: A-2025/0341", "").replace("Vencimiento: 02/04/2025", ""))
    assert (found["number"].value, found["number"].status) == (None, "missing")
    assert codes(description, "number") == {"required-missing"}
    assert found["due_date"].status == "missing"
    assert codes(description, "due_date") == set()


def test_a_due_date_before_the_invoice_is_held():
    _, description = fields(INVOICE.replace("02/04/2025", "02/01/2025"))
    assert codes(description, "due_date") == {"date-order"}


def test_a_date_to_come_is_held():
    found, description = fields(INVOICE.replace("3 de marzo de 2025", "3 de marzo de 2027"))
    assert found["date"].status == "review"
    assert codes(description, "date") == {"date"}


def test_a_date_that_can_be_read_both_ways_is_held_where_nothing_decides():
    text = "INVOICE\nInvoice Number: NW-1\nInvoice Date: 03/04/2025\nBill To: the firm of Harbour\nTotal 10.00"
    found, description = fields(text, language="eng")
    assert codes(description, "date") == {"ambiguous"}
    assert found["date"].status == "review"
    decided, _ = fields(text + "\nDue Date: 25/04/2025", language="eng")
    assert (decided["date"].value, decided["date"].status) == ("2025-04-03", "accepted")


def test_words_the_engine_was_unsure_of_are_not_taken_without_a_person():
    found, _ = fields(INVOICE, confidence=55.0)
    assert {found[name].status for name in ("number", "date", "supplier_tax_id")} == {"review"}


def test_a_cut_off_amount_is_held_even_if_the_sum_closes():
    text = DOCUMENTS[-2].text.replace("8,60", "8,6").replace("10,00 €", "10,0 €").replace("1,40 €", "1,4 €")
    found, _ = fields(text)
    assert found["total"].status == "review"


def test_lines_are_read_and_add_up():
    description = describe([page(INVOICE)], LIBRARY, TODAY)
    lines = [
        (field.index, field.name, field.value, field.status) for field in description.fields if field.index is not None
    ]
    assert lines == [
        (0, "line_description", "Cambio de aceite", "accepted"),
        (0, "line_quantity", "2", "accepted"),
        (0, "line_unit_price", "45.00", "accepted"),
        (0, "line_total", "90.00", "accepted"),
        (1, "line_description", "Filtro de aire", "accepted"),
        (1, "line_quantity", "1", "accepted"),
        (1, "line_unit_price", "30.50", "accepted"),
        (1, "line_total", "30.50", "accepted"),
    ]


def test_lines_that_do_not_add_up_are_for_a_person_with_one_reason():
    description = describe([page(INVOICE.replace("90,00", "80,00"))], LIBRARY, TODAY)
    assert {field.status for field in description.fields if field.index is not None} == {"review"}
    assert Counter(reason.field for reason in description.review)["line_total"] == 1


def test_a_named_class_is_taken_and_an_unknown_one_refused():
    description = describe([page(INVOICE)], LIBRARY, TODAY, class_hint="generic")
    assert (description.record_class, description.class_confidence) == ("generic", 1.0)
    with pytest.raises(RecordClassError):
        describe([page(INVOICE)], LIBRARY, TODAY, class_hint="nonsense")


@pytest.mark.parametrize("pages", [[], [page("")]])
def test_a_record_without_words_is_for_a_person(pages):
    description = describe(pages, LIBRARY, TODAY)
    assert description.record_class == "generic"
    assert [reason.code for reason in description.review] == ["no-text"]
    assert {field.status for field in description.fields} == {"missing"}


def test_a_page_that_could_not_be_read_does_not_stop_the_others():
    unread = PageText(1, 0, 0, 0, 0, 0.0, "", "", False, "ocr", (), ("crash",))
    description = describe([unread, page(INVOICE, number=2)], LIBRARY, TODAY)
    total = next(field for field in description.fields if field.name == "total")
    assert (total.value, total.page) == ("145.81", 2)


def test_totals_on_the_last_of_many_pages_are_found():
    first = page("FACTURA\nNº: 77\nFecha: 01/02/2025\nConcepto   Importe\nObra   10,00")
    middle = [page("Obra   10,00", number=number) for number in range(2, 40)]
    last = page("Base imponible   390,00\nIVA 21%   81,90\nTOTAL FACTURA   471,90", number=40)
    found = {field.name: field for field in describe([first, *middle, last], LIBRARY, TODAY).fields}
    assert (found["total"].value, found["total"].page) == ("471.90", 40)
    assert found["number"].value == "77"


def test_an_own_class_is_read_by_its_file(tmp_path):
    (tmp_path / "permit.toml").write_text(
        'name = "permit"\nversion = "3"\n[title]\nes = "Permiso"\nen = "Permit"\n'
        '[words]\nes = { "permiso de aparcamiento" = 6 }\n'
        '[[field]]\nname = "plate"\ntype = "code"\npatterns = [\'\\d{4}[ ]?[A-Z]{3}\']\n'
        '[field.anchors]\nes = ["matrícula"]\n'
    )
    description = describe([page("PERMISO DE APARCAMIENTO\nMatrícula: 1234 BCD")], load_library([tmp_path]), TODAY)
    assert (description.record_class, description.class_version) == ("permit", "3")
    assert [(field.name, field.value, field.status) for field in description.fields] == [
        ("plate", "1234 BCD", "accepted")
    ]


def test_describing_is_a_pure_function():
    pages = [page(INVOICE)]
    assert describe(pages, LIBRARY, TODAY) == describe([replace(item) for item in pages], LIBRARY, TODAY)


def test_real_invoices_keep_their_arithmetic():
    """Whatever is accepted on real pages adds up; the pages are words files of one's own scans."""
    folder = os.environ.get("MUNIMENT_TEST_DATA")
    if folder is None:
        pytest.skip("MUNIMENT_TEST_DATA is not set: no real scans to try")
    scans = sorted(Path(folder).glob("fields_invoices_es/**/*.pdf"))
    if not scans:
        pytest.skip("the test data has no Spanish invoices")
    from records.options import Limits, ReadingOptions
    from tasks.reading import read_page

    for scan in scans:
        first = read_page(scan, "application/pdf", 1, None, ReadingOptions(), Limits())
        found = {field.name: field for field in describe([first], LIBRARY, TODAY).fields if field.index is None}
        amounts = [found.get(name) for name in ("net", "tax", "withholding", "total")]
        if all(field is not None and field.status == "accepted" for field in amounts):
            net, tax, withheld, total = (Decimal(field.value) for field in amounts)
            assert net + tax - abs(withheld) == total


def test_a_typewriters_wide_spaces_part_no_cells():
    drawn = page("Fecha de factura: 12/03/2026     Cliente: Talleres Iniesta, S.A.")
    words = tuple(  # boxes tight around letters 26 pixels wide and 30 high: a space leaves 36 pixels
        word._replace(box=Box(word.box.x0 * 13 // 10, word.box.y0, word.box.x1 * 13 // 10 - 3, word.box.y0 + 30))
        for word in drawn.words
    )
    rows = lay_out(replace(drawn, width=drawn.width * 2, words=words)).rows
    assert [cell.end - cell.start for cell in rows[0].cells] == [28, 31]


FOOT = """
{head}
27 rue du Lac
69100 Villeneuve

Facture n° 2026089083
Date : 28/11/2025

Total HT :                                   46,68 €
TVA 20% :                                     9,34 €
Total TTC :                                  56,02 €
{gap}
{foot}
"""


@pytest.mark.parametrize(
    ("foot", "name"),
    [
        ("Presselac\nSiège social : 16 rue Haute - 92100 BOULOGNE\nSarl au capital de 10 000 €", "Presselac"),
        ("Presselac SAS au capital de 10 000 € - RCS Paris 530 848 134", "Presselac SAS"),
        ("Titulaire du compte : Presselac\nSiège social : 16 rue Haute", "Presselac"),
    ],
)
def test_the_foot_names_the_issuer_where_the_head_names_who_is_written_to(foot, name):
    found, _ = fields(FOOT.format(head="Dupont", gap="\n" * 24, foot=foot), language="fr")
    assert found["supplier"].value == name
    assert found["number"].value == "2026089083"


PLAIN = """
{name}
Paseo Marítimo 134
48009 Bilbao
NIF {tax_id}

Núm. factura: F-2025/505
Fecha: 11/03/2025

{customer}CONSTRUCCIONES SANTANA, SLU
CIF: B38000592
Carretera General 118
38003 Santa Cruz de Tenerife

Detalle                     Cantidad    P. unitario     Importe
{item}                 3         564,50     1.693,50

Base imponible                                         1.693,50
IVA 21%                                                  355,64
TOTAL                                                  2.049,14
{gap}
{foot}
Inscrita en el Registro Mercantil, tomo 4912, folio 12, hoja M-95329
"""
ISSUERS = [
    ("Lucía Medina Molina", "39000747S", "Sillas modelo", "Forma de pago: recibo domiciliado"),  # a label is no name
    ("Lucía Medina Molina", "39000747S", "Cemento gris 25 kg", ""),  # nor is a weight a legal form
    ("Lucía Medina Molina", "39000747S", "Cemento gris 25kg", ""),
    ("Hotel 2000 S.L.U.", "B60860681", "Menú del día", ""),  # digits in a firm's name
    ("Holz Kontor KG", "B60860681", "Menú del día", ""),
]


@pytest.mark.parametrize(("name", "tax_id", "item", "foot"), ISSUERS)
@pytest.mark.parametrize("customer", ["Cliente\n", ""])
def test_the_issuer_is_who_stands_at_the_head_with_a_tax_id(name, tax_id, item, foot, customer):
    text = PLAIN.format(name=name, tax_id=tax_id, item=item, foot=foot, customer=customer, gap="\n" * 8)
    found, _ = fields(text, source="born-digital")
    assert (found["supplier"].value, found["supplier_tax_id"].value) == (name, tax_id)
    assert found["customer_tax_id"].value == "B38000592"


def test_two_parties_without_labels_and_without_a_gap_are_two():
    text = PLAIN.format(
        name="Restaurante Hernández, S.L.", tax_id="B47360052", item="Menú", foot="", customer="", gap=""
    )
    head, rest = text.split("Núm. factura", 1)
    number, below = rest.split("\n\n", 1)
    found, _ = fields(head.rstrip() + "\nTel. 840589510\n" + below + "\nNúm. factura" + number, source="born-digital")
    assert (found["supplier"].value, found["supplier_tax_id"].value) == ("Restaurante Hernández, S.L.", "B47360052")
    assert found["customer_tax_id"].value == "B38000592"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("PINTAR HARDWARE SDN BHD CO NO 123456-X", "PINTAR HARDWARE SDN BHD"),
        ("99 FRESH MARKET S/B (519000-X)", "99 FRESH MARKET S/B"),
        ("PINTARHARDWARESDNBHD", "PINTARHARDWARESDNBHD"),
        ("WORLD TABLE ITEM SHOP SDN BHD", "WORLD TABLE ITEM SHOP SDN BHD"),
        ("GUEST CHECK\nRESTORAN PINTAR", "RESTORAN PINTAR"),
        ("tan chee\nRESTORAN PINTAR", "RESTORAN PINTAR"),
        ("PINTAR BOOK CENTRE (SETIA\nALAM) SDN BHD", "PINTAR BOOK CENTRE (SETIA ALAM) SDN BHD"),
    ],
)
def test_a_receipt_is_by_the_firm_at_its_head(line, name):
    text = f"{line}\nNo 3, Jalan Besar 5\n43000 Kajang\nTel: 03-9111 2222\n\nReceipt No: 1234\nDate: 14/03/2025 12:01\n"
    found, _ = fields(
        text + "\nTotal             10.00\nCash              20.00\nChange            10.00\nThank you\n",
        language="eng",
    )
    assert found["company"].value == name


def test_a_number_with_underscores_is_read_whole():
    text = INVOICE.replace("FACTURA", "FACTURA", 1)
    found, _ = fields(
        "INVOICE\n# invoice_number_17\n" + "Date: Jan 21, 2022\n" + text.split("\n", 8)[-1], language="eng"
    )
    assert found["number"].value == "invoice_number_17"
