"""What the register of VAT numbers (VIES) says of a number, and the check that follows.

An outage is `unknown`, never valid and never invalid (reference of data verification, section 6; acceptance case 7).
"""

from dataclasses import dataclass
from typing import Protocol

from stdnum.eu import vat

from records.fields import Check


@dataclass(frozen=True, slots=True)
class VatAnswer:
    """Yes or no, the day it was said (`YYYY-MM-DD`), the number of the consultation, and whose it is, if told."""

    valid: bool
    day: str
    consultation: str | None = None
    name: str | None = None


class VatRegister(Protocol):
    """Who is asked."""

    def ask(self, number: str) -> VatAnswer | None:
        """Return what the register says; None where it could not be asked or said neither yes nor no."""
        ...


def split_vat(number: str) -> tuple[str, str] | None:
    """Return country and rest of an EU VAT number whose country is named, None where it is none by its form."""
    country, rest = number[:2], number[2:]
    known = country.lower() in vat.MEMBER_STATES or country in ("EL", "XI")
    return (country, rest) if known and 2 <= len(rest) <= 12 and rest.isascii() and rest.isalnum() else None


def check_registered(answer: VatAnswer | None) -> Check:
    """Say what the register's answer means for a number."""
    if answer is None:
        return Check("vies", "unknown", "the register of VAT numbers did not answer")
    said = ", ".join(part for part in (answer.day, answer.consultation, answer.name) if part)
    if answer.valid:
        return Check("vies", "pass", f"registered: {said}")
    return Check("vies", "hold", f"not registered: {said}")
