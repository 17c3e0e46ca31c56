"""Check that the amounts of a document add up, by the rules of EN 16931 and in Decimal.

Source: reference of data verification, section 4; acceptance cases 12 to 14. Arithmetic outranks confidence
(section 11): amounts that do not add up are held however surely each was read. A tolerance of 0.01 for each line is
allowed for rounding line by line, and what it was used for is said, never hidden.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from records.fields import Check

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Term:
    """One term of an equation: `sign` 1 or -1; an optional term counts as zero where the document has none.

    An `absolute` term is taken without its own sign, because documents print it either way (withholding).
    """

    field: str
    sign: int
    optional: bool = False
    absolute: bool = False


@dataclass(frozen=True, slots=True)
class Equation:
    """A sum that must hold: the terms add up to `result`."""

    text: str
    terms: tuple[Term, ...]
    result: str

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields that take part, the result last."""
        return (*(term.field for term in self.terms), self.result)

    def sum(self, values: Mapping[str, Decimal]) -> Decimal:
        """Add up the terms; a term without a value counts as zero."""
        total = Decimal(0)
        for term in self.terms:
            value = values.get(term.field, Decimal(0))
            total += term.sign * (abs(value) if term.absolute else value)
        return total


_TERM = re.compile(r"\s*([+-])?\s*(\|?)([a-z][a-z0-9_]*)(\|?)(\?)?\s*")


def parse_equation(text: str) -> Equation:
    """Parse `net + tax - |withholding|? = total`: `?` marks an optional term, bars one taken without its sign.

    Raises:
        ValueError: the text is not such a sum.
    """
    left, equals, result = text.partition("=")
    if not equals or not re.fullmatch(r"[a-z][a-z0-9_]*", result.strip()):
        raise ValueError("an equation is 'a + b - c = d' with names of fields")
    terms: list[Term] = []
    position = 0
    while position < len(left):
        match = _TERM.match(left, position)
        if not match or match.end() == position or bool(match[2]) != bool(match[4]) or (terms and not match[1]):
            raise ValueError("an equation is 'a + b - c = d' with names of fields")
        terms.append(Term(match[3], -1 if match[1] == "-" else 1, bool(match[5]), bool(match[2])))
        position = match.end()
    if not terms:
        raise ValueError("an equation needs terms")
    return Equation(text, tuple(terms), result.strip())


def check_sum(equation: Equation, values: Mapping[str, Decimal], lines: int = 1) -> Check:
    """Check one equation (BR-CO-13, BR-CO-15); it is `unknown` where a needed amount is missing."""
    needed = [term.field for term in equation.terms if not term.optional] + [equation.result]
    if any(name not in values for name in needed):
        return Check("totals", "unknown", f"cannot be checked: {equation.text}")
    difference = values[equation.result] - equation.sum(values)
    return _judge(difference, lines, equation.text)


def check_lines(line_totals: Sequence[Decimal], net: Decimal) -> Check:
    """Check that the lines add up to the net amount (BR-CO-10)."""
    if not line_totals:
        return Check("lines", "unknown", "no lines were read")
    found = _judge(net - sum(line_totals, Decimal(0)), len(line_totals), "lines = net")
    return Check("lines", found.outcome, found.message)


def check_tax(base: Decimal, rate: Decimal, tax: Decimal, lines: int = 1) -> Check:
    """Check tax = base x rate, rounded half up; a difference within 0.01 a line is reported as information."""
    expected = (base * rate / 100).quantize(CENT, ROUND_HALF_UP)
    found = _judge(tax - expected, lines, "net x rate = tax")
    return Check("tax-rate", found.outcome, found.message)


def check_payable(total: Decimal, prepaid: Decimal, rounding: Decimal, payable: Decimal) -> Check:
    """Check what is printed as still to be paid: the total less what was paid before, plus rounding (BR-CO-16).

    Where nothing was taken off, the paper may have taken it off its base before: that is said and blocks nothing.
    """
    expected = total - abs(prepaid) + rounding
    if abs(payable - expected) <= CENT:
        return Check("payable", "pass", "total - prepaid = payable")
    if payable == total:
        return Check("payable", "warn", f"{abs(prepaid)} was paid before, and is not taken off what is to be paid")
    return Check("payable", "hold", f"total - prepaid = payable: {payable} is printed, by the rule {expected}")


def derive(equation: Equation, values: Mapping[str, Decimal]) -> tuple[str, Decimal] | None:
    """Return the one amount that is missing and what it must be, or None if none or more than one is missing."""
    needed = [term for term in equation.terms if not term.optional and term.field not in values]
    if equation.result not in values:
        return (equation.result, equation.sum(values)) if not needed else None
    if len(needed) != 1:
        return None
    term = needed[0]
    rest = values[equation.result] - equation.sum(values)
    return term.field, rest * term.sign


def _judge(difference: Decimal, lines: int, rule: str) -> Check:
    if difference == 0:
        return Check("totals", "pass", rule)
    if abs(difference) <= CENT * max(lines, 1):
        return Check("totals", "info", f"{rule}: differs by {abs(difference)}, within rounding of {lines} line(s)")
    return Check("totals", "hold", f"{rule}: differs by {abs(difference)}")
