"""What is unusual about an amount: it stays just below a limit, is round, or is far from what its party usually asks.

Each only warns: it is shown and blocks nothing (reference of data verification, section 3, row on amounts). Decided
here: just below is less than 5 % below; round is a multiple of 100 from 1,000; far is more than 5 times the median
absolute deviation from the median, made comparable with a standard deviation (x 1.4826), and more than a tenth of the
median; eight earlier amounts are a history.
"""

from collections.abc import Sequence
from decimal import Decimal
from statistics import median

from records.fields import Check

AMOUNT = "amount-pattern"
BELOW = Decimal("0.95")  # of a limit
ROUND, ROUND_FROM = Decimal(100), Decimal(1000)
DEVIATIONS, LIKE_SIGMA, LEAST_SHARE = Decimal(5), Decimal("1.4826"), Decimal("0.1")
HISTORY = 8


def check_amount(amount: Decimal, limits: Sequence[Decimal], earlier: Sequence[Decimal]) -> list[Check]:
    """Return what is unusual about an amount; nothing where nothing is.

    Args:
        amount: the document's total.
        limits: amounts from which somebody else approves, of the client.
        earlier: totals of the party's other documents that stand.
    """
    size = abs(amount)
    below = [limit for limit in limits if limit * BELOW <= size < limit]
    found = [f"just below {below[0]}, from which it is approved"] if below else []
    if size >= ROUND_FROM and size % ROUND == 0:
        found.append("a round amount")
    return [Check("amount-pattern", "warn", said) for said in (*found, *_far(size, [abs(one) for one in earlier]))]


def _far(size: Decimal, earlier: Sequence[Decimal]) -> list[str]:
    if len(earlier) < HISTORY:
        return []
    usual = median(earlier)
    spread = median([abs(one - usual) for one in earlier]) * LIKE_SIGMA
    away = abs(size - usual)
    if away <= DEVIATIONS * spread or away <= LEAST_SHARE * usual:
        return []
    return [f"{size} is far from the {len(earlier)} earlier ones of this party, about {usual}"]
