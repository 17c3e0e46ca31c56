"""Read the amounts of an embedded invoice that EN 16931 has rules about, by the names of its terms.

Runs in the limited child that parses the XML. Facturae is no syntax of EN 16931; where it has an amount of the same
meaning it is read under that name, so that the same rules are asked (records/en16931.py).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from records.en16931 import ALLOWANCES, CHARGES, GROUP, LINE, LINES, SELLER, WITHHELD

Steps = tuple[str, ...]
MOST_IDS = 20  # registrations of one party that are looked at, each with all beside it
Element: TypeAlias = Any  # of lxml, which has no types


@dataclass(frozen=True, slots=True)
class _Syntax:
    """Where a syntax has its terms, as paths of local names below `base`."""

    base: Steps  # the invoice, below the root
    line: Steps
    amounts: Mapping[str, tuple[Steps, ...]]  # several are added up
    allowance: tuple[Steps, str, str] | None  # each one, its indicator, its amount
    group: tuple[Steps, tuple[tuple[Steps, Steps, Steps], ...]]  # each one; base, rate and tax in it
    sellers: Mapping[str, tuple[Steps, ...]]  # identifiers, below the root
    currency: Steps


_CII_PAY = ("ApplicableHeaderTradeSettlement",)
_CII_SUM = (*_CII_PAY, "SpecifiedTradeSettlementHeaderMonetarySummation")
_CII_SELLER = ("SupplyChainTradeTransaction", "ApplicableHeaderTradeAgreement", "SellerTradeParty")
_UBL_SELLER = ("AccountingSupplierParty", "Party")
_FE_SUM = ("InvoiceTotals",)


def _totals(base: Steps, *names: str) -> dict[str, tuple[Steps, ...]]:
    """Pair the names that one element has for BT-106 to BT-109 and BT-112 to BT-115 with the terms."""
    terms = (106, 107, 108, 109, 112, 113, 114, 115)
    return {f"BT-{term}": ((*base, name),) for term, name in zip(terms, names, strict=True) if name}


_SYNTAXES: Mapping[str, _Syntax] = {
    "cii": _Syntax(
        ("SupplyChainTradeTransaction",),
        ("IncludedSupplyChainTradeLineItem", "SpecifiedLineTradeSettlement",
         "SpecifiedTradeSettlementLineMonetarySummation", "LineTotalAmount"),
        _totals(_CII_SUM, "LineTotalAmount", "AllowanceTotalAmount", "ChargeTotalAmount", "TaxBasisTotalAmount",
                "GrandTotalAmount", "TotalPrepaidAmount", "RoundingAmount", "DuePayableAmount")
        | {"BT-110": ((*_CII_SUM, "TaxTotalAmount"),)},
        ((*_CII_PAY, "SpecifiedTradeAllowanceCharge"), "ChargeIndicator", "ActualAmount"),
        ((*_CII_PAY, "ApplicableTradeTax"), ((("BasisAmount",), ("RateApplicablePercent",), ("CalculatedAmount",)),)),
        {"BT-29": ((*_CII_SELLER, "ID"), (*_CII_SELLER, "GlobalID")),
         "BT-30": ((*_CII_SELLER, "SpecifiedLegalOrganization", "ID"),),
         "BT-31": ((*_CII_SELLER, "SpecifiedTaxRegistration", "ID"),)},
        (*_CII_PAY, "InvoiceCurrencyCode"),
    ),
    "ubl": _Syntax(
        (), ("InvoiceLine|CreditNoteLine", "LineExtensionAmount"),
        _totals(("LegalMonetaryTotal",), "LineExtensionAmount", "AllowanceTotalAmount", "ChargeTotalAmount",
                "TaxExclusiveAmount", "TaxInclusiveAmount", "PrepaidAmount", "PayableRoundingAmount", "PayableAmount")
        | {"BT-110": (("TaxTotal", "TaxAmount"),)},
        (("AllowanceCharge",), "ChargeIndicator", "Amount"),
        (("TaxTotal", "TaxSubtotal"), ((("TaxableAmount",), ("TaxCategory", "Percent"), ("TaxAmount",)),)),
        {"BT-29": ((*_UBL_SELLER, "PartyIdentification", "ID"),),
         "BT-30": ((*_UBL_SELLER, "PartyLegalEntity", "CompanyID"),),
         "BT-31": ((*_UBL_SELLER, "PartyTaxScheme", "CompanyID"),)},
        ("DocumentCurrencyCode",),
    ),
    "facturae": _Syntax(
        ("Invoices", "Invoice"), ("Items", "InvoiceLine", "GrossAmount"),
        _totals(_FE_SUM, "TotalGrossAmount", "TotalGeneralDiscounts", "TotalGeneralSurcharges",
                "TotalGrossAmountBeforeTaxes", "InvoiceTotal", "", "", "TotalOutstandingAmount")
        | {"BT-110": ((*_FE_SUM, "TotalTaxOutputs"),), WITHHELD: ((*_FE_SUM, "TotalTaxesWithheld"),),
           "BT-113": ((*_FE_SUM, "TotalPaymentsOnAccount"), (*_FE_SUM, "Subsidies", "Subsidy", "SubsidyAmount")),
           ALLOWANCES: ((*_FE_SUM, "GeneralDiscounts", "Discount", "DiscountAmount"),),
           CHARGES: ((*_FE_SUM, "GeneralSurcharges", "Charge", "ChargeAmount"),)},
        None,
        (("TaxesOutputs", "Tax"),
         ((("TaxableBase", "TotalAmount"), ("TaxRate",), ("TaxAmount", "TotalAmount")),
          (("TaxableBase", "TotalAmount"), ("EquivalenceSurcharge",), ("EquivalenceSurchargeAmount", "TotalAmount")))),
        {"BT-31": (("Parties", "SellerParty", "TaxIdentification", "TaxIdentificationNumber"),)},
        ("InvoiceIssueData", "InvoiceCurrencyCode"),
    ),
}  # fmt: skip


def read_terms(root: Element, syntax: str) -> tuple[tuple[str, str], ...]:
    """Return the terms that `records.en16931.check_terms` asks about, amounts exactly as they are added up.

    Raises:
        ValueError: an amount has not its form.
    """
    known = _SYNTAXES[syntax]
    base = next(iter(places([root], known.base)), None)
    if base is None:
        return ()
    coin = next((text_of(one) for one in places([base], known.currency)), "")
    lines = list(places([base], known.line))
    found = [(LINE, _sum(lines)), (LINES, str(len(lines)))] if lines else []
    for term, paths in known.amounts.items():
        amounts = [one for path in paths for one in places([base], path) if _in_coin(one, coin)]
        if amounts:
            found.append((term, _sum(amounts[:1] if term == "BT-110" else amounts)))
    found += _allowances(base, known)
    found += [(GROUP, group) for group in _groups(base, known, coin)]
    for term, paths in known.sellers.items():
        there = [one for path in paths for one in places([root], path) if text_of(one)]
        if any(term != "BT-31" or _is_vat(one, syntax) for one in there[:MOST_IDS]):
            found.append((SELLER, term))
    return tuple(found)


def places(elements: Iterable[Element], steps: Steps) -> Iterator[Element]:
    """Yield every element at a path of local names; a step may name several, parted by a bar."""
    found = list(elements)
    for step in steps:
        names = step.split("|")
        found = [child for element in found for child in element if local_name(child) in names]
    yield from found


def local_name(element: Element) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def text_of(element: Element) -> str:
    """Return an element's own text, trimmed."""
    return (element.text or "").strip()


def amount_of(element: Element) -> Decimal:
    """Return an element's text as a number.

    Raises:
        ValueError: it is none.
    """
    try:
        amount = Decimal(text_of(element))
    except InvalidOperation as error:
        raise ValueError("an amount of the embedded XML has not its form") from error
    if not amount.is_finite() or abs(amount) >= 10**15:
        raise ValueError("an amount of the embedded XML has not its form")
    return amount


def _sum(elements: Iterable[Element]) -> str:
    return f"{sum(map(amount_of, elements), Decimal(0)):f}"


def _in_coin(element: Element, coin: str) -> bool:
    """Tell whether an amount is in the invoice's currency: the tax may be stated in that of the books as well."""
    said = element.get("currencyID")
    return said is None or not coin or said == coin


def _allowances(base: Element, known: _Syntax) -> Iterator[tuple[str, str]]:
    if known.allowance is None:
        return
    path, indicator, name = known.allowance
    parts: dict[str, list[Element]] = {ALLOWANCES: [], CHARGES: []}
    for one in places([base], path):
        said = next(iter(places([one], (indicator,))), None)
        words = "" if said is None else "".join(said.itertext()).strip()
        parts[CHARGES if words in ("true", "1") else ALLOWANCES] += places([one], (name,))
    yield from ((term, _sum(found)) for term, found in parts.items() if found)


def _groups(base: Element, known: _Syntax, coin: str) -> Iterator[str]:
    """Yield base, rate and tax of each category; one without a rate is exempt."""
    path, ways = known.group
    for one in places([base], path):
        for way in ways:
            taxed, rate, tax = (next(iter(places([one], steps)), None) for steps in way)
            if taxed is None or tax is None or not _in_coin(tax, coin):
                continue
            percent = Decimal(0) if rate is None else amount_of(rate)
            yield f"{amount_of(taxed):f} {percent:f} {amount_of(tax):f}"


def _is_vat(identifier: Element, syntax: str) -> bool:
    """Tell whether a tax registration is the one for VAT (BT-31), not a local one (BT-32)."""
    if syntax == "cii":
        return identifier.get("schemeID") in ("VA", "VAT")
    beside = (text_of(one).upper() for one in identifier.getparent().iter())
    return syntax != "ubl" or "VAT" in beside
