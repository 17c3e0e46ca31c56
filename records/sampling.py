"""Samples drawn to say how good keyed and accepted values are, with exact intervals instead of a verdict.

A sample follows from a stored seed and the ids alone: anybody draws it again, and nobody chooses it. 125 values with up
to three wrong would pass a lot with 2 % wrong in three of four cases; so the interval is reported (reference of data
verification, section 12; acceptance cases 27 to 29).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

MOST_TERMS, EPSILON, SMALLEST = 100_000, 1e-15, 1e-300  # of the continued fraction


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sample says: how many were looked at, wrong, critically wrong, and the interval of the share wrong."""

    count: int
    wrong: int
    critical: int
    low: float
    high: float

    @property
    def rejected(self) -> bool:
        """One critical defect rejects the lot: all of it is done again."""
        return self.critical > 0


def draw_sample(ids: Iterable[str], count: int, seed: str) -> list[str]:
    """Return `count` of the ids, chosen by SHA-256 of seed and id, in order of choice."""
    return sorted(set(ids), key=lambda one: sha256(f"{seed}:{one}".encode()).digest())[:count]


def clean_needed(most_wrong: float, confidence: float = 0.95) -> int:
    """Return how many must be right in a row to say that no more than `most_wrong` (0..1) of all are wrong."""
    return math.ceil(math.log(1 - confidence) / math.log(1 - most_wrong))


def interval(wrong: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact interval (Clopper and Pearson 1934) of the share that is wrong, 0..1."""
    if count == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    low = 0.0 if wrong == 0 else _bisect(lambda p: 1 - at_most(wrong - 1, count, p), tail, rising=True)
    high = 1.0 if wrong == count else _bisect(lambda p: at_most(wrong, count, p), tail, rising=False)
    return low, high


def at_most(wrong: int, count: int, share: float) -> float:
    """Return the probability that a sample of `count` has at most `wrong` wrong ones where `share` of all are."""
    if wrong >= count:
        return 1.0
    return _beta_share(count - wrong, wrong + 1, 1 - share)


def _beta_share(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b): the binomial sum, however large its counts are.

    Continued fraction of NIST's Digital Library of Mathematical Functions, 8.17.22, by the method of Lentz.
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly its mirror does not (8.17.4)
        return 1 - _beta_share(b, a, 1 - x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1 / _away(1 + even * d), _away(1 + even / c)
        value *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1 / _away(1 + odd * d), _away(1 + odd / c)
        step = d * c
        value *= step
        if abs(step - 1) < EPSILON:
            break
    return math.exp(front) * value / a


def _away(value: float) -> float:
    """Keep a denominator away from zero."""
    return value if abs(value) > SMALLEST else SMALLEST


def _bisect(function: Callable[[float], float], target: float, *, rising: bool) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if (function(middle) < target) == rising:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def judge_sample(answers: Sequence[tuple[bool, bool]], confidence: float = 0.95) -> Outcome:
    """Return what a sample says; each answer tells whether the value was wrong, and whether critically."""
    wrong = sum(bad for bad, _ in answers)
    low, high = interval(wrong, len(answers), confidence)
    return Outcome(len(answers), wrong, sum(bad and critical for bad, critical in answers), low, high)
