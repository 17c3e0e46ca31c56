"""A name that nothing ties to the issuer may be who the document was sent to: it is not taken without a person."""

from datetime import date

import pytest

from records.class_library import shipped_library
from tasks.describe import describe
from tests.corpus.drawn_pages import page

LIBRARY = shipped_library()

LETTER = """
{head}
12 Quay Street
Bristol

INVOICE
Invoice number: 2026-117
Invoice date: 3 March 2026
{to}

Consulting                    1,000.00

Net amount                    1,000.00
VAT 20%                         200.00
Total due                     1,200.00 GBP
{gap}
{foot}
"""
FIRM = "Harbour Works Ltd"


def supplier(to="", foot="Thank you for your business", head=FIRM):
    text = LETTER.format(head=head, to=to, foot=foot, gap="\n" * 20)
    found = describe([page(text, language="eng", source="born-digital")], LIBRARY, date(2026, 4, 1), "invoice")
    return next(field for field in found.fields if field.name == "supplier")


def outcome(field):
    (check,) = [check for check in field.checks if check.check == "issuer"]
    return check.outcome


def test_a_firm_at_the_head_that_may_be_the_recipient_waits_for_a_person():
    found = supplier()
    assert (found.value, found.status, outcome(found)) == (FIRM, "review", "unknown")


@pytest.mark.parametrize(
    "told",
    [
        {"foot": "www.harbourworks.co.uk", "head": f"{FIRM}\nVAT No: ESB84123454"},
        {"foot": "Harbour Works - registered in England"},
        {"to": "Bill to: Ada Holm", "head": f"{FIRM}\nVAT No: ESB84123454"},
        {"head": f"Supplier: {FIRM}"},
    ],
    ids=["domain", "foot", "recipient", "label"],
)
def test_what_ties_a_name_to_the_issuer(told):
    found = supplier(**told)
    assert (found.value, outcome(found)) == (FIRM, "pass")


@pytest.mark.parametrize("told", [{"foot": "www.harbourworks.co.uk"}, {"to": "Bill to: Ada Holm"}])
def test_without_a_tax_id_a_domain_and_another_recipient_may_be_those_of_a_brand(told):
    found = supplier(**told)
    assert (found.value, found.status, outcome(found)) == (FIRM, "review", "unknown")


def test_the_recipient_named_again_ties_nothing():
    assert outcome(supplier(foot="Harbour Workshop tools, see our list")) == "unknown"
    assert outcome(supplier(to=f"Bill to: {FIRM}")) != "pass" or supplier(to=f"Bill to: {FIRM}").value != FIRM


@pytest.mark.parametrize(
    ("language", "seller", "buyer", "number"),
    [
        ("deu", "Lieferant: {}", "Rechnungsempfänger: {}", "Rg-Nr: {}"),
        ("fra", "Émetteur : {}", "Facturer à : {}", "N° de la facture : {}"),
        ("nld", "Leverancier: {}", "Factuur aan: {}", "Notanummer: {}"),
        ("ita", "Cedente/prestatore: {}", "Spett.le {}", "Fattura numero: {}"),
        ("por", "Fornecedor: {}", "Faturado a: {}", "Fatura n.º: {}"),
        ("cat", "Proveïdor: {}", "Client: {}", "Factura núm: {}"),
        ("eng", "Make all checks payable to {}", "Billing details: {}", "Tax Invoice #: {}"),
    ],
)
def test_parties_and_number_are_found_by_the_labels_of_other_languages(language, seller, buyer, number):
    lines = [seller.format("Harbour Works"), buyer.format("Ada Holm"), number.format("2026-117")]
    text = "\n\n".join(["INVOICE FACTURA RECHNUNG", *lines, "Total  1,200.00 EUR"])
    found = describe([page(text, language=language)], LIBRARY, date(2026, 4, 1), "invoice")
    values = {field.name: field.value for field in found.fields}
    assert (values["supplier"], values["customer"], values["number"]) == ("Harbour Works", "Ada Holm", "2026-117")


BODY = (
    "\n\nInvoice Number: 4711\nDate: 03/03/2026\n\nConsulting     100.00\n"
    "Net   100.00\nVAT 20%   20.00\nTotal   120.00 EUR\n"
)
DOWN = "\n" * 20
ADA = "Ada Holm Ltd\n3 Hill Road\nLondon\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            f"{ADA}{BODY}{DOWN}Harbour Works Ltd, 12 Quay Street. Registered in England No 123456.",
            "Harbour Works Ltd",
        ),
        (f"INVOICE\n\nAda Holm\n3 Hill Road{BODY}{DOWN}Harbour Works | www.harbourworks.com", "Harbour Works"),
        (
            f"INVOICE\n\nInvoice to        Pay to\nAda Holm Ltd      Harbour Works\n3 Hill Road       Bristol{BODY}",
            "Harbour Works",
        ),
        (
            f"Harbour Works Marine Ltd\n12 Quay Street\nwww.harbourworks.com{BODY}Harbour Works",
            "Harbour Works Marine Ltd",
        ),
        (f"{ADA}{BODY}{DOWN}Registered in England, bankers Quay Bank Ltd", "Ada Holm Ltd"),
    ],
    ids=["foot", "domain", "pay to", "longer name", "bank at the foot"],
)
def test_the_issuer_is_told_from_who_the_invoice_is_to(text, name):
    found = describe([page(text, language="eng", source="born-digital")], LIBRARY, date(2026, 4, 1), "invoice")
    assert next(field.value for field in found.fields if field.name == "supplier") == name


@pytest.mark.parametrize(
    ("printed", "value", "sure"),
    [("2020 0113", "2020 0113", False), ("2020-0113", "2020-0113", True), ("4711   2026", "4711", True)],
)
def test_a_number_in_groups_is_read_whole_and_seen_by_a_person(printed, value, sure):
    text = f"INVOICE\nHarbour Works\n\nInvoice number: {printed}\nDate: 03/03/2026\n\nTotal   120.00 EUR\n"
    found = describe([page(text, language="eng", source="born-digital")], LIBRARY, date(2026, 4, 1), "invoice")
    number = next(field for field in found.fields if field.name == "number")
    held = any(check.check == "ambiguous" and check.outcome == "hold" for check in number.checks)
    assert (number.value, not held) == (value, sure)
