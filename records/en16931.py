"""Check what an embedded invoice says of its sums by the rules of EN 16931, in Decimal and without any service.

Statements: EN 16931-1, BR-CO-10 to -17 and -26; reference of data verification, section 4. A rule is asked where the
invoice has its terms: the smaller profiles of Factur-X have neither lines nor sums of them. A tax may differ from base
x rate, and a sum from its lines, by 0.01 for each line, which is reported; more is held, though the official rule lets
a tax differ by nearly a unit: what an issuer rounds is never so much, and who changed a tax would stay below it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from records.fields import Check, Outcome

CENT = Decimal("0.01")
MOST_SAID = 10  # categories of tax that are told of
LINE, LINES = "BT-131", "lines"  # the sum of the lines' net amounts, and how many there are
ALLOWANCES, CHARGES = "BT-92", "BT-99"  # the sums of the document's own
GROUP = "BG-23"  # base, rate and tax of one category, parted by blanks; repeated
SELLER = "seller"  # identifiers of the seller that are there, by term: BT-29, BT-30, BT-31; repeated
WITHHELD = "withheld"  # Facturae: what is withheld is taken off the total
MONEY = (LINE, ALLOWANCES, CHARGES, WITHHELD, *(f"BT-{number}" for number in range(106, 116)))


@dataclass(frozen=True, slots=True)
class _Sum:
    """`result` = the sum of `plus` less that of `minus`; asked where all `needed`, and any of it, are there."""

    rule: str
    result: str
    plus: tuple[str, ...]
    minus: tuple[str, ...]
    needed: tuple[str, ...]
    field: str


_SUMS = (
    _Sum("BR-CO-10", "BT-106", (LINE,), (), (LINE, "BT-106"), "net"),
    _Sum("BR-CO-11", "BT-107", (ALLOWANCES,), (), (), "net"),
    _Sum("BR-CO-12", "BT-108", (CHARGES,), (), (), "net"),
    _Sum("BR-CO-13", "BT-109", ("BT-106", "BT-108"), ("BT-107",), ("BT-106", "BT-109"), "net"),
    _Sum("BR-CO-15", "BT-112", ("BT-109", "BT-110"), (WITHHELD,), ("BT-109", "BT-112"), "total"),
    _Sum("BR-CO-16", "BT-115", ("BT-112", "BT-114"), ("BT-113",), ("BT-112", "BT-115"), "total"),
)
FIELDS = ("net", "tax", "total", "supplier_tax_id")  # where the outcomes are put


def check_terms(terms: Sequence[tuple[str, str]]) -> list[tuple[str, Check]]:
    """Return the outcome of each rule that can be asked, with the field it is about.

    Args:
        terms: business terms of the invoice as read from its XML (tasks/embedded_terms.py), amounts as text.
    """
    if not terms:
        return []
    amounts = {name: Decimal(value) for name, value in terms if name in MONEY}
    lines = int(next((value for name, value in terms if name == LINES), "1"))
    groups = [tuple(map(Decimal, value.split())) for name, value in terms if name == GROUP]
    found = [(rule.field, check) for rule in _SUMS for check in _sum(rule, amounts, lines)]
    found += [("tax", check) for check in _taxes(groups, amounts, lines)]
    has_id = any(name == SELLER for name, _ in terms)
    said = "BR-CO-26: the seller is identified" if has_id else "BR-CO-26: no identifier of the seller is there"
    return [*found, ("supplier_tax_id", Check("en16931", "pass" if has_id else "hold", said))]


def _sum(rule: _Sum, amounts: Mapping[str, Decimal], lines: int) -> Iterator[Check]:
    """Yield the outcome of one rule; an optional amount that is not there counts as zero."""
    there = any(name in amounts for name in (*rule.plus, rule.result))
    if not there or not all(name in amounts for name in rule.needed):
        return
    expected = sum((amounts.get(name, Decimal(0)) for name in rule.plus), Decimal(0))
    expected -= sum((amounts.get(name, Decimal(0)) for name in rule.minus), Decimal(0))
    stated = amounts.get(rule.result, Decimal(0))
    yield _judged(rule.rule, rule.result, stated, expected, lines if LINE in rule.plus else 0)


def _taxes(groups: Sequence[tuple[Decimal, ...]], amounts: Mapping[str, Decimal], lines: int) -> Iterator[Check]:
    """BR-CO-14 and, for each category, BR-CO-17."""
    if not groups:
        return
    if "BT-110" in amounts:
        total = sum((tax for _, _, tax in groups), Decimal(0))
        yield _judged("BR-CO-14", "BT-110", amounts["BT-110"], total, 0)
    each = [
        _judged("BR-CO-17", "BT-117", tax, (base * rate / 100).quantize(CENT, ROUND_HALF_UP), lines)
        for base, rate, tax in groups
    ]
    differing = [check for check in each if check.outcome != "pass"]
    yield from sorted(differing, key=lambda check: check.outcome)[:MOST_SAID] or each[:1]  # `hold` before `info`


def _judged(rule: str, term: str, stated: Decimal, expected: Decimal, lines: int) -> Check:
    difference = abs(stated - expected)
    if not difference:
        return Check("en16931", "pass", rule)
    within = difference <= CENT * lines
    outcome: Outcome = "info" if within else "hold"
    allowed = f", within rounding of {lines} line(s)" if within else ""
    return Check("en16931", outcome, f"{rule}: {term} is {stated}, by the rule {expected}{allowed}")
