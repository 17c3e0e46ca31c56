"""Check values by themselves: identifiers, accounts, dates. Pure rules; nothing is asked of anybody outside.

Source: reference of data verification, sections 2 and 3 (outcomes, field checks) and its acceptance cases 1 to 4.
A check that cannot decide answers `unknown`, which never counts as passed. Libraries accept placeholders and
look-alikes, so own rules stand on top of them (section 1, finding 4).
"""

import string
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import schwifty
from schwifty.exceptions import SchwiftyException
from stdnum import exceptions as stdnum_errors
from stdnum import iban as stdnum_iban
from stdnum.es import nif
from stdnum.eu import vat

from records.fields import Check, Outcome

# Placeholders whose control letter is right (acceptance case 1), and others that people type to fill a form.
DENIED_TAX_IDS = frozenset(
    {
        "00000000T",
        "00000001R",
        "12345678Z",
        "99999999R",
        "11111111H",
        "X0000000T",
        "X1234567L",
        "B00000000",
        "A00000000",
    }
)
_DIGIT_CONTROL = frozenset("ABEH")  # a CIF of these kinds ends in a digit
_LETTER_CONTROL = frozenset("KPQS")  # and of these in a letter
MAX_DUE_DAYS = 366  # longest usual time between issue and due date, in days
MAX_TERM_DAYS = 366 * 99  # longest term that a contract is believed to have
# check -> days that the later date may lie after the date of the document
DATE_ORDERS = {"after-date": MAX_DUE_DAYS, "end-date": MAX_TERM_DAYS}
OLDEST_DOCUMENT_DAYS = 366 * 60
MAX_SUGGESTIONS = 5


def _valid(check: Callable[[str], Any], value: str) -> bool:
    try:
        check(value)
    except stdnum_errors.ValidationError:
        return False
    return True


def is_spanish_tax_id(value: str) -> bool:
    """Tell whether `value` is a NIF, NIE or CIF with the right form and control character."""
    return _valid(nif.validate, value)


def is_tax_id(value: str) -> bool:
    """Tell whether `value` is a valid Spanish tax id or EU VAT number."""
    return is_spanish_tax_id(value) or _valid(vat.validate, value)


def check_tax_id(value: str, *, typed: bool = False) -> Check:
    """Check a Spanish NIF, NIE or CIF, or an EU VAT number.

    Args:
        value: upper case, without separators.
        typed: a person typed it, so what cannot be true is rejected; a value read from paper is held instead,
            with the corrections of one character that would hold.
    """
    bare = value.removeprefix("ES")
    if bare in DENIED_TAX_IDS:
        return Check("tax-id", "hold", "a known placeholder, although its control character is right")
    if is_spanish_tax_id(bare):
        return _check_control_kind(bare)
    padded = bare.zfill(9)
    if bare[:1].isdigit() and len(bare) < 9 and is_spanish_tax_id(padded):
        return Check("tax-id", "hold", f"too short; with the leading zero it holds: {padded}")
    if _valid(vat.validate, value):
        return Check("tax-id", "pass", "control digits of an EU VAT number")
    if not looks_checkable(value):
        return Check("tax-id", "unknown", "no rule is known for a number of this form")
    near = suggest_tax_ids(bare)
    outcome: Outcome = "reject" if typed else "hold"
    hint = f"; one character away: {', '.join(near)}" if near else ""
    return Check("tax-id", outcome, f"the control character does not hold{hint}")


def looks_checkable(value: str) -> bool:
    """Tell whether a number has the form of one whose rule is known (Spanish, or an EU country's prefix)."""
    bare = value.removeprefix("ES")
    if 8 <= len(bare) <= 10 and sum(character.isdigit() for character in bare) >= 6:
        return bare[0].isalpha() or bare[-1].isalpha()
    return value[:2].lower() in vat.MEMBER_STATES or value[:2] == "EL"


def _check_control_kind(value: str) -> Check:
    kind, control = value[0], value[-1]
    if kind in _DIGIT_CONTROL and not control.isdigit():
        return Check("tax-id", "warn", f"a CIF of kind {kind} ends in a digit, this one in a letter")
    if kind in _LETTER_CONTROL and control.isdigit():
        return Check("tax-id", "warn", f"a CIF of kind {kind} ends in a letter, this one in a digit")
    return Check("tax-id", "pass", "control character")


_TO_DIGIT = str.maketrans("ODQILZSGBT", "0001125687"[:10])
_TO_LETTER = str.maketrans("01245678", "OIZASGTB")


def repair_tax_id(value: str) -> str | None:
    """Return the Spanish tax id that `value` is by its form, where letters stand for digits (BO0000000), or None.

    Only places whose kind is fixed are changed, and only an id that then holds is returned.
    """
    if len(value) != 9:
        return None
    middle = value[1:8].translate(_TO_DIGIT)
    first = value[0]
    heads = (first.translate(_TO_LETTER), first.translate(_TO_DIGIT))
    tails = (value[8], value[8].translate(_TO_DIGIT), value[8].translate(_TO_LETTER))
    for head in heads:
        for tail in tails:
            candidate = head + middle + tail
            if candidate != value and (is_spanish_tax_id(candidate) or candidate in DENIED_TAX_IDS):
                return candidate
    return None


def shape_tax_id(value: str) -> str | None:
    """Return a Spanish tax id whose last character was read as a digit though its kind ends in a letter, or None.

    Public bodies, foreign firms and the like (kinds K, P, Q, S) end in a letter; the only one of the ten that stand
    there that looks like a digit is I. The id need not hold: a person sees it either way.
    """
    if len(value) == 9 and value[0] in _LETTER_CONTROL and value[1:].isdigit() and value[8] == "1":
        return None if is_spanish_tax_id(value) else value[:8] + "I"
    return None


# Characters that readers of print take for each other; suggestions along these come first.
_CONFUSED = {
    "0": "ODQ", "1": "ILT7", "2": "Z", "3": "8", "4": "A", "5": "S6", "6": "G5", "7": "1T", "8": "B3", "9": "G",
    "O": "0", "D": "0", "Q": "0", "I": "1", "L": "1", "T": "17", "Z": "2", "S": "5", "G": "69", "B": "8", "A": "4",
}  # fmt: skip


def _one_edit(value: str) -> Iterator[str]:
    for other in string.digits + string.ascii_uppercase:  # the control character alone: the likeliest for a typist
        if value and other != value[-1]:
            yield value[:-1] + other
    for position, character in enumerate(value):
        for other in _CONFUSED.get(character, ""):
            yield value[:position] + other + value[position + 1 :]
    for position, character in enumerate(value):
        alphabet = string.digits if character.isdigit() else string.ascii_uppercase
        for other in alphabet:
            if other != character:
                yield value[:position] + other + value[position + 1 :]


def suggest_tax_ids(value: str, limit: int = MAX_SUGGESTIONS) -> tuple[str, ...]:
    """Return up to `limit` Spanish tax ids one character from `value`, likely misreadings first."""
    found: list[str] = []
    for candidate in _one_edit(value):
        if len(found) == limit:
            break
        new = candidate not in found and candidate not in DENIED_TAX_IDS
        if new and is_spanish_tax_id(candidate) and _check_control_kind(candidate).outcome == "pass":
            found.append(candidate)
    return tuple(found)


def is_iban(value: str) -> bool:
    """Tell whether an IBAN holds: length, mod 97 and the national check digits (acceptance case 4)."""
    if not _valid(stdnum_iban.validate, value):
        return False
    try:
        schwifty.IBAN(value, validate_bban=True)
    except SchwiftyException:
        return False
    return True


def check_iban(value: str, *, typed: bool = False) -> Check:
    """Check an IBAN with its national check digits; a wrong one is rejected if typed, else held."""
    if is_iban(value):
        return Check("iban", "pass", "length, check digits and national check digits")
    outcome: Outcome = "reject" if typed else "hold"
    if _valid(lambda text: stdnum_iban.validate(text, check_country=False), value):
        return Check("iban", outcome, "the national check digits are wrong although the first two hold")
    return Check("iban", outcome, "length or check digits do not hold")


def check_iban_known() -> Check:
    """Say that an account read from a document is not confirmed: it makes an exception, never a record (section 5)."""
    return Check("iban-known", "unknown", "first seen: confirm it by a call to a number already on file")


def check_date(value: str, today: date) -> Check:
    """Check that a document's date is neither in the future nor impossibly old."""
    day = date.fromisoformat(value)
    if day > today:
        return Check("date-plausible", "hold", "in the future")
    if day < today - timedelta(days=OLDEST_DOCUMENT_DAYS):
        return Check("date-plausible", "hold", "more than sixty years old")
    return Check("date-plausible", "pass")


def check_birth_date(value: str, today: date) -> Check:
    """Check that a date of birth is in the past and less than 120 years ago."""
    day = date.fromisoformat(value)
    if day >= today or today.year - day.year > 120:
        return Check("birth-plausible", "hold", "not the birth date of a living person")
    return Check("birth-plausible", "pass")


def check_expiry_date(value: str, today: date) -> Check:
    """Check that a document is still valid, and not for an impossible time to come."""
    day = date.fromisoformat(value)
    if day < today:
        return Check("expiry", "warn", "expired")
    if day.year - today.year > 60 and day.year < 9999:
        return Check("expiry", "hold", "valid for more than sixty years to come")
    return Check("expiry", "pass")


def check_date_order(first: str, last: str, most_days: int = MAX_DUE_DAYS) -> Check:
    """Check issue <= due <= issue + `most_days`."""
    span = (date.fromisoformat(last) - date.fromisoformat(first)).days
    if span < 0:
        return Check("date-order", "hold", "before the date of the document")
    if span > most_days:
        return Check("date-order", "hold", f"more than {most_days} days after the date of the document")
    return Check("date-order", "pass")
