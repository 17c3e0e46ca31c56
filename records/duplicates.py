"""Decide whether two invoices are one: by their key fields, never by how alike their pages look.

A digit that differs in a key field makes them different, whatever the likeness; issuer, number, date and total that
agree make them one, though the scans differ (reference of data verification, section 8; acceptance cases 15 to 20).
Candidates are for a person; nothing is rejected here.
"""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from records.normalise import fold

Likeness = Literal["duplicate", "linked", "candidate", "different"]
NEAR_DAYS = 7  # how far apart dates may be for the same amount of one issuer to be shown
_PREFIXES = frozenset({"inv", "invoice", "fra", "f", "fac", "fact", "factura", "n", "no", "num"})
_CREDIT = re.compile(
    r"(?<![a-z])(?:factura rectificativa|rectificativa|abono|nota de (?:credito|abono)|credit note|gutschrift)(?![a-z])"
)
_COPY = re.compile(r"(?<![a-z])(?:duplicado|duplicate|copia de factura|segunda copia)(?![a-z])")
Groups = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InvoiceKey:
    """What identifies an invoice; None where a field was not found."""

    issuer: str | None  # tax id
    number: str | None
    date: date | None
    total: Decimal | None
    iban: str | None = None
    credit: bool = False  # a credit note or corrective invoice
    copy: bool = False  # marked as a copy: a legal re-issue


@dataclass(frozen=True, slots=True)
class Verdict:
    """How two invoices relate, and why."""

    likeness: Likeness
    reason: str


def number_groups(number: str) -> Groups:
    """Return a number's groups of letters and digits, without marks, usual prefixes and leading zeros.

    Digits keep their grouping, so that 1/226 is not 12/26. O between digits is a misread zero.
    """
    text = re.sub(r"(?<=\d)o|o(?=\d)", "0", fold(number))
    groups = re.findall(r"[a-z]+|\d+", text)
    while groups and groups[0] in _PREFIXES and len(groups) > 1:
        groups = groups[1:]
    return tuple(group.lstrip("0") or "0" if group.isdigit() else group for group in groups)


def is_credit(text: str, total: Decimal | None) -> bool:
    """Tell whether a document is a credit note: its title says so, or its total is negative."""
    return bool(_CREDIT.search(fold(text))) or (total is not None and total < 0)


def is_copy(text: str) -> bool:
    """Tell whether a document is marked as a copy."""
    return bool(_COPY.search(fold(text)))


def compare(one: InvoiceKey, other: InvoiceKey) -> Verdict:
    """Return how two invoices of one client relate."""
    if one.issuer is None or other.issuer is None or one.issuer != other.issuer:
        return _other_issuer(one, other)
    if one.number is None or other.number is None:
        return _by_amount(one, other)
    first, second = number_groups(one.number), number_groups(other.number)
    if first != second:
        return _other_number(one, other, first, second)
    if one.credit != other.credit:
        return Verdict("linked", "a credit note with the number of the invoice")
    if _year(one) != _year(other):
        return Verdict("different", "the same number in another year")
    if one.copy or other.copy:
        return Verdict("linked", "marked as a copy")
    agree = one.date == other.date and one.total == other.total and None not in (one.date, one.total)
    if agree:
        return Verdict("duplicate", "issuer, number, date and total agree")
    exact = one.number == other.number
    return Verdict("candidate", f"the number is {'the same' if exact else 'alike'}, date or total differ")


def _year(key: InvoiceKey) -> int | None:
    return None if key.date is None else key.date.year


def _other_issuer(one: InvoiceKey, other: InvoiceKey) -> Verdict:
    if one.iban is not None and one.iban == other.iban and one.total == other.total and one.total is not None:
        return Verdict("candidate", "the same account and amount under another issuer")
    return Verdict("different", "another issuer")


def _other_number(one: InvoiceKey, other: InvoiceKey, first: Groups, second: Groups) -> Verdict:
    if one.total is not None and one.total == other.total:
        if _one_edit("/".join(first), "/".join(second)):
            return Verdict("candidate", "numbers differ in one character, the amount is the same")
        return _by_amount(one, other)
    return Verdict("different", "another number")


def _by_amount(one: InvoiceKey, other: InvoiceKey) -> Verdict:
    near = one.date is not None and other.date is not None and abs((one.date - other.date).days) <= NEAR_DAYS
    if near and one.total is not None and one.total == other.total:
        return Verdict("candidate", f"the same issuer and amount within {NEAR_DAYS} days")
    return Verdict("different", "another number")


def _one_edit(first: str, second: str) -> bool:
    """Tell whether one character added, left out or exchanged makes one text the other."""
    if abs(len(first) - len(second)) > 1:
        return False
    shorter, longer = sorted((first, second), key=len)
    for place in range(len(longer)):
        if len(shorter) == len(longer):
            if shorter[:place] + shorter[place + 1 :] == longer[:place] + longer[place + 1 :]:
                return True
        elif shorter == longer[:place] + longer[place + 1 :]:
            return True
    return False
