"""Read the invoice that a PDF carries as XML: Factur-X and ZUGFeRD (CII), UBL, Facturae. Runs in a limited child.

What the issuer's program wrote goes before print, and is compared with it (reference of data verification, sections 3
and 9). The XML comes from outside: no document type, no entities, no network, bounded size and number of files.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pikepdf
from lxml import etree

from records.normalise import clean_text, identifier, money_text
from records.text import Embedded
from tasks.embedded_terms import MOST_IDS, Steps, amount_of, local_name, read_terms, text_of

MOST_FILES = 20
MOST_BYTES = 8 * 1024**2

_CII_DEAL = ("SupplyChainTradeTransaction", "ApplicableHeaderTradeAgreement")
_CII_PAY = ("SupplyChainTradeTransaction", "ApplicableHeaderTradeSettlement")
_CII_SUM = (*_CII_PAY, "SpecifiedTradeSettlementHeaderMonetarySummation")
_FE = ("Invoices", "Invoice")

# field -> places by local names below the root, the first that is there is taken
_CII: Mapping[str, tuple[Steps, ...]] = {
    "number": (("ExchangedDocument", "ID"),),
    "date": (("ExchangedDocument", "IssueDateTime", "DateTimeString"),),
    "due_date": ((*_CII_PAY, "SpecifiedTradePaymentTerms", "DueDateDateTime", "DateTimeString"),),
    "supplier": ((*_CII_DEAL, "SellerTradeParty", "Name"),),
    "supplier_tax_id": ((*_CII_DEAL, "SellerTradeParty", "SpecifiedTaxRegistration", "ID"),),
    "customer": ((*_CII_DEAL, "BuyerTradeParty", "Name"),),
    "customer_tax_id": ((*_CII_DEAL, "BuyerTradeParty", "SpecifiedTaxRegistration", "ID"),),
    "net": ((*_CII_SUM, "TaxBasisTotalAmount"),),
    "tax": ((*_CII_SUM, "TaxTotalAmount"),),
    "total": ((*_CII_SUM, "GrandTotalAmount"), (*_CII_SUM, "DuePayableAmount")),
    "currency": ((*_CII_PAY, "InvoiceCurrencyCode"),),
    "iban": ((*_CII_PAY, "SpecifiedTradeSettlementPaymentMeans", "PayeePartyCreditorFinancialAccount", "IBANID"),),
    "order_number": ((*_CII_DEAL, "BuyerOrderReferencedDocument", "IssuerAssignedID"),),
}
_UBL: Mapping[str, tuple[Steps, ...]] = {
    "number": (("ID",),),
    "date": (("IssueDate",),),
    "due_date": (("DueDate",), ("PaymentMeans", "PaymentDueDate")),
    "supplier": (
        ("AccountingSupplierParty", "Party", "PartyLegalEntity", "RegistrationName"),
        ("AccountingSupplierParty", "Party", "PartyName", "Name"),
    ),
    "supplier_tax_id": (("AccountingSupplierParty", "Party", "PartyTaxScheme", "CompanyID"),),
    "customer": (
        ("AccountingCustomerParty", "Party", "PartyLegalEntity", "RegistrationName"),
        ("AccountingCustomerParty", "Party", "PartyName", "Name"),
    ),
    "customer_tax_id": (("AccountingCustomerParty", "Party", "PartyTaxScheme", "CompanyID"),),
    "net": (("LegalMonetaryTotal", "TaxExclusiveAmount"),),
    "tax": (("TaxTotal", "TaxAmount"),),
    "total": (("LegalMonetaryTotal", "TaxInclusiveAmount"), ("LegalMonetaryTotal", "PayableAmount")),
    "currency": (("DocumentCurrencyCode",),),
    "iban": (("PaymentMeans", "PayeeFinancialAccount", "ID"),),
    "order_number": (("OrderReference", "ID"),),
}
_FACTURAE: Mapping[str, tuple[Steps, ...]] = {
    "number": ((*_FE, "InvoiceHeader", "InvoiceNumber"),),
    "date": ((*_FE, "InvoiceIssueData", "IssueDate"),),
    "due_date": ((*_FE, "PaymentDetails", "Installment", "InstallmentDueDate"),),
    "supplier": (("Parties", "SellerParty", "LegalEntity", "CorporateName"), ("Parties", "SellerParty", "Individual")),
    "supplier_tax_id": (("Parties", "SellerParty", "TaxIdentification", "TaxIdentificationNumber"),),
    "customer": (("Parties", "BuyerParty", "LegalEntity", "CorporateName"), ("Parties", "BuyerParty", "Individual")),
    "customer_tax_id": (("Parties", "BuyerParty", "TaxIdentification", "TaxIdentificationNumber"),),
    "net": ((*_FE, "InvoiceTotals", "TotalGrossAmountBeforeTaxes"),),
    "tax": ((*_FE, "InvoiceTotals", "TotalTaxOutputs"),),
    "withholding": ((*_FE, "InvoiceTotals", "TotalTaxesWithheld"),),
    "total": ((*_FE, "InvoiceTotals", "InvoiceTotal"),),
    "currency": ((*_FE, "InvoiceIssueData", "InvoiceCurrencyCode"), ("FileHeader", "Batch", "InvoiceCurrencyCode")),
    "iban": ((*_FE, "PaymentDetails", "Installment", "AccountToBeCredited", "IBAN"),),
}
SYNTAXES: Mapping[str, tuple[str, Mapping[str, tuple[Steps, ...]]]] = {
    "CrossIndustryInvoice": ("cii", _CII), "Invoice": ("ubl", _UBL), "CreditNote": ("ubl", _UBL),
    "Facturae": ("facturae", _FACTURAE),
}  # fmt: skip
_DATES, _MONEY = frozenset({"date", "due_date"}), frozenset({"net", "tax", "withholding", "total"})
_IDS = frozenset({"supplier_tax_id", "customer_tax_id", "iban"})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stood in the XML, as a path of local names."""

    path: str
    element: "etree._Element"


def find_embedded(path: Path) -> Embedded | None:
    """Return the invoice a PDF carries as XML, or None if it carries none. Runs in a child.

    A file that is XML of a known kind and cannot be read gives an `Embedded` with its fault and no values.
    """
    fault: str | None = None
    for name, data in _attachments(path):
        if not name.lower().endswith(".xml"):
            continue
        if data is None:
            fault = fault or "the embedded XML is over the limit of bytes"
            continue
        try:
            found = read_invoice_xml(data)
        except ValueError as error:
            fault = fault or str(error)
            continue
        if found is not None:
            return found
    return Embedded("", (), fault) if fault is not None else None


def _attachments(path: Path) -> Iterator[tuple[str, bytes | None]]:
    """Yield names and bytes of a PDF's embedded files; None for one that is too large."""
    try:
        with pikepdf.open(path, suppress_warnings=True) as document:
            for name in list(document.attachments)[:MOST_FILES]:
                stream = document.attachments[name].get_file()
                data = stream.read_bytes() if int(stream.size) <= MOST_BYTES else None
                yield name, data if data is not None and len(data) <= MOST_BYTES else None
    except (pikepdf.PdfError, ValueError, KeyError, TypeError, AttributeError, RuntimeError):
        return


def read_invoice_xml(data: bytes) -> Embedded | None:
    """Return an invoice's values from XML of a known kind; None for another kind.

    Raises:
        ValueError: it is no XML, has a document type, or a value has not its form.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError("the embedded XML does not parse") from error
    if root.getroottree().docinfo.doctype:
        raise ValueError("the embedded XML has a document type, which is not read")
    known = SYNTAXES.get(etree.QName(root).localname)
    if known is None:
        return None
    syntax, places = known
    values = []
    for name, paths in places.items():
        place = next((place for steps in paths if (place := _find(root, steps, name)) is not None), None)
        value = _value(name, place.element) if place is not None else None
        if place is not None and value:
            values.append(
                (name, _with_series(root, value) if (syntax, name) == ("facturae", "number") else value, place.path)
            )
    return Embedded(syntax, tuple(values), None, read_terms(root, syntax), data)


def _find(root: "etree._Element", steps: Steps, name: str) -> _Place | None:
    """Return the first element at a path of local names; of several tax registrations the one for VAT."""
    found = [root]
    for step in steps:
        found = [child for element in found for child in element if local_name(child) == step]
    if len(found) > 1 and name.endswith("tax_id"):
        found = found[:MOST_IDS]
        vat = [e for e in found if e.get("schemeID") in ("VA", "VAT")]
        vat += [e for e in found if any(_text(i) == "VAT" for i in e.getparent().iter() if local_name(i) == "ID")]
        found = vat or found
    return _Place("/".join(steps), found[0]) if found else None


def _text(element: "etree._Element") -> str:
    return clean_text(text_of(element))


def _value(name: str, element: "etree._Element") -> str | None:
    text = text_of(element)
    if local_name(element) == "Individual":
        parts = [_text(child) for child in element if local_name(child) in ("Name", "FirstSurname", "SecondSurname")]
        return clean_text(" ".join(parts)) or None
    if name in _DATES:
        return _date(text)
    if name in _MONEY:
        return money_text(amount_of(element))
    if name in _IDS:
        return identifier(text) or None
    return clean_text(text) or None


def _date(text: str) -> str:
    match = re.match(r"(\d{4})-?(\d{2})-?(\d{2})", text)
    if match is None:
        raise ValueError("a date of the embedded XML has not its form")
    return date(int(match[1]), int(match[2]), int(match[3])).isoformat()


def _with_series(root: "etree._Element", number: str) -> str:
    """Return a Facturae number with its series in front, as it is printed."""
    place = _find(root, (*_FE, "InvoiceHeader", "InvoiceSeriesCode"), "series")
    series = "" if place is None else (place.element.text or "").strip()
    return number if not series or number.startswith(series) else f"{series}{number}"
