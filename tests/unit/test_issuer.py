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
        {"foot": "www.harbourworks.co.uk"},
        {"foot": "Harbour Works - registered in England"},
        {"to": "Bill to: Ada Holm"},
        {"head": f"Supplier: {FIRM}"},
    ],
    ids=["domain", "foot", "recipient", "label"],
)
def test_what_ties_a_name_to_the_issuer(told):
    found = supplier(**told)
    assert (found.value, outcome(found)) == (FIRM, "pass")


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
