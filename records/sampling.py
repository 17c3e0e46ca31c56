"""Samples drawn to say how good keyed and accepted values are, with exact intervals instead of a verdict.

A sample follows from a stored seed and the ids alone: anybody draws it again, and nobody chooses it. 125 values with up
to three wrong would pass a lot with 2 % wrong in three of four cases; so the interval is reported (reference of data
verification, section 12; acceptance cases 27 to 29).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256


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
    return math.fsum(math.comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(wrong + 1))


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
