"""Embedded invoices: three kinds of XML are read, hostile XML is not, and print is compared with the XML."""

from datetime import date

import pikepdf
import pytest

from records.class_library import shipped_library
from records.text import Embedded, read_embedded, read_words, write_words
from tasks.describe import describe
from tasks.embedded_invoice import find_embedded, read_invoice_xml
from tests.corpus.drawn_pages import page

LIBRARY = shipped_library()
CII = b"""<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
 xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">
<rsm:ExchangedDocument><ram:ID>A-2025/0341</ram:ID><ram:IssueDateTime>
<udt:DateTimeString format="102">20250303</udt:DateTimeString></ram:IssueDateTime></rsm:ExchangedDocument>
<rsm:SupplyChainTradeTransaction><ram:ApplicableHeaderTradeAgreement>
<ram:SellerTradeParty><ram:Name>Talleres Hermanos Ruiz SL</ram:Name>
<ram:SpecifiedTaxRegistration><ram:ID schemeID="FC">1</ram:ID></ram:SpecifiedTaxRegistration>
<ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">ESB82387770</ram:ID></ram:SpecifiedTaxRegistration>
</ram:SellerTradeParty></ram:ApplicableHeaderTradeAgreement><ram:ApplicableHeaderTradeSettlement>
<ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode><ram:SpecifiedTradeSettlementPaymentMeans>
<ram:PayeePartyCreditorFinancialAccount><ram:IBANID>IBAN_HERE</ram:IBANID></ram:PayeePartyCreditorFinancialAccount>
</ram:SpecifiedTradeSettlementPaymentMeans><ram:SpecifiedTradeSettlementHeaderMonetarySummation>
<ram:TaxBasisTotalAmount>120.50</ram:TaxBasisTotalAmount><ram:TaxTotalAmount currencyID="EUR">25.31</ram:TaxTotalAmount>
<ram:GrandTotalAmount>TOTAL_HERE</ram:GrandTotalAmount></ram:SpecifiedTradeSettlementHeaderMonetarySummation>
</ram:ApplicableHeaderTradeSettlement></rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>"""
UBL = b"""<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:b="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
 xmlns:a="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2">
<b:ID>77</b:ID><b:IssueDate>2026-01-05</b:IssueDate><b:DocumentCurrencyCode>EUR</b:DocumentCurrencyCode>
<a:AccountingSupplierParty><a:Party><a:PartyName><b:Name>Sol SL</b:Name></a:PartyName></a:Party>
</a:AccountingSupplierParty>
<a:LegalMonetaryTotal><b:TaxExclusiveAmount>10.00</b:TaxExclusiveAmount><b:PayableAmount>12.10</b:PayableAmount>
</a:LegalMonetaryTotal></Invoice>"""
FACTURAE = b"""<fe:Facturae xmlns:fe="http://www.facturae.gob.es/formato/Versiones/Facturaev3_2_2.xml"><Parties><SellerParty>
<TaxIdentification><TaxIdentificationNumber>50812345Z</TaxIdentificationNumber></TaxIdentification><Individual>
<Name>Ana</Name><FirstSurname>Ruiz</FirstSurname><SecondSurname>Sol</SecondSurname></Individual></SellerParty></Parties>
<Invoices><Invoice><InvoiceHeader><InvoiceNumber>12</InvoiceNumber><InvoiceSeriesCode>A-</InvoiceSeriesCode>
</InvoiceHeader><InvoiceIssueData><IssueDate>2026-02-01</IssueDate></InvoiceIssueData><InvoiceTotals>
<TotalGrossAmountBeforeTaxes>100</TotalGrossAmountBeforeTaxes><TotalTaxOutputs>21</TotalTaxOutputs>
<TotalTaxesWithheld>15</TotalTaxesWithheld><InvoiceTotal>106</InvoiceTotal></InvoiceTotals></Invoice></Invoices>
</fe:Facturae>"""
PRINT = """
TALLERES HERMANOS RUIZ, S.L.                 FACTURA
CIF: B82387770                               Número: A-2025/0341
                                             Fecha: 3 de marzo de 2025
Base imponible      120,50
IVA 21%              25,31
TOTAL               145,81
IBAN: ES91 2100 0418 4502 0005 1332
"""
SAME = "ES9121000418450200051332"
OTHER = "ES7921000813610123456789"


def cii(iban=SAME, total="145.81"):
    return CII.replace(b"IBAN_HERE", iban.encode()).replace(b"TOTAL_HERE", total.encode())


def values(data):
    return {name: value for name, value, _ in read_invoice_xml(data).values}


def test_factur_x_is_read():
    found = values(cii())
    assert found["number"] == "A-2025/0341"
    assert (found["date"], found["supplier_tax_id"], found["iban"]) == ("2025-03-03", "ESB82387770", SAME)
    assert (found["net"], found["tax"], found["total"], found["currency"]) == ("120.50", "25.31", "145.81", "EUR")


def test_ubl_is_read():
    assert values(UBL) == {
        "number": "77", "date": "2026-01-05", "supplier": "Sol SL", "net": "10.00", "total": "12.10", "currency": "EUR",
    }  # fmt: skip


def test_facturae_is_read_with_its_series():
    assert values(FACTURAE) == {
        "number": "A-12", "date": "2026-02-01", "supplier": "Ana Ruiz Sol", "supplier_tax_id": "50812345Z",
        "net": "100.00", "tax": "21.00", "withholding": "15.00", "total": "106.00",
    }  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<Invoice", b"<!DOCTYPE a [<!ENTITY b 'c'>]><Invoice>&b;</Invoice>",
        b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><Invoice/>",
        UBL.replace(b"12.10", b"twelve"), UBL.replace(b"12.10", b"NaN"), UBL.replace(b"2026-01-05", b"2026-13-45"),
    ],
)  # fmt: skip
def test_hostile_or_malformed_xml_is_not_read(data):
    with pytest.raises(ValueError, match=r"embedded XML|month|day"):
        read_invoice_xml(data)


def test_other_xml_is_no_invoice():
    assert read_invoice_xml(b"<note/>") is None


def pdf(path, **attached):
    document = pikepdf.new()
    document.add_blank_page()
    for name, data in attached.items():
        document.attachments[f"{name}.xml"] = data
    document.save(path)
    return path


def test_the_embedded_file_of_a_pdf_is_found(tmp_path):
    assert find_embedded(pdf(tmp_path / "a.pdf", other=b"<note/>", invoice=UBL)).syntax == "ubl"
    assert find_embedded(pdf(tmp_path / "b.pdf", other=b"<note/>")) is None
    assert find_embedded(pdf(tmp_path / "c.pdf", invoice=b"<Invoice")).fault is not None
    (tmp_path / "d.pdf").write_bytes(b"no pdf")
    assert find_embedded(tmp_path / "d.pdf") is None


def described(embedded):
    found = describe([page(PRINT, source="born-digital")], LIBRARY, date(2026, 1, 1), "invoice", embedded=embedded)
    return {field.name: field for field in found.fields}, {(reason.field, reason.code) for reason in found.review}


def test_what_agrees_is_accepted_with_the_place_in_print():
    found, reasons = described(read_invoice_xml(cii()))
    assert (found["total"].value, found["total"].method, found["total"].status) == ("145.81", "xml", "accepted")
    assert found["total"].box is not None
    assert found["supplier"].status == "accepted"
    assert {code for field, code in reasons if field != "iban"} == set()


def test_case_6_an_account_that_differs_from_print_is_held_with_both():
    found, reasons = described(read_invoice_xml(cii(iban=OTHER)))
    assert (found["iban"].value, found["iban"].status) == (OTHER, "review")
    assert ("iban", "xml") in reasons
    message = next(check.message for check in found["iban"].checks if check.check == "xml-print")
    assert OTHER in message and SAME in message


def test_embedded_amounts_that_do_not_add_up_are_held():
    found, reasons = described(read_invoice_xml(cii(total="146.81")))
    assert found["total"].status == "review"
    assert {code for field, code in reasons if field == "total"} == {"xml", "totals", "en16931"}


def test_xml_that_could_not_be_read_is_said_and_print_stays():
    found, reasons = described(Embedded("", (), "does not parse"))
    assert found["total"].method != "xml"
    assert (None, "xml-unread") in reasons


def test_the_words_file_keeps_it(tmp_path):
    drawn, embedded = page(PRINT), read_invoice_xml(cii())
    write_words(tmp_path / "w", [drawn], embedded)
    assert read_embedded(tmp_path / "w") == embedded
    assert list(read_words(tmp_path / "w")) == [drawn]
    write_words(tmp_path / "w", [drawn])
    assert read_embedded(tmp_path / "w") is None
