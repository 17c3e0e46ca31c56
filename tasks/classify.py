"""Say what class a record is of, by the words that speak for and against each class.

A word counts once, more where it stands in the head of the first page or in large letters. The confidence is a
heuristic, not yet calibrated: how far the best class is ahead of the second, damped where little speaks for it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from records.class_library import GENERIC, ClassLibrary, RecordClass
from records.class_models import ClassModel, Told
from tasks.layout import PageLayout, Row

HEAD_SHARE = 0.33
HEAD_WEIGHT = 1.5
TITLE_WEIGHT = 2.0
TITLE_HEIGHTS = 1.35
ENOUGH = 5.0  # less than this speaks for no class
SATURATION = 4.0  # points at which what speaks for a class counts half
CLOSE = 0.8  # a second class with this share of the best's points makes the class unsure
PAGES = 3


@dataclass(frozen=True, slots=True)
class Classification:
    """A class, how sure (0..1), what spoke for it, and a second class that is close, if any."""

    record_class: RecordClass
    confidence: float
    evidence: tuple[str, ...]
    close: str | None = None


@dataclass(frozen=True, slots=True)
class _Points:
    record_class: RecordClass
    points: float
    words: tuple[str, ...]


def classify(pages: Sequence[PageLayout], library: ClassLibrary) -> Classification:
    """Return the class with the most points; `generic` where too little speaks for any."""
    seen_pages = [*pages[:PAGES], *pages[max(PAGES, len(pages) - 1) :]]  # the last one has the sums
    scored = [_count(seen_pages, record_class) for name, record_class in library.classes.items() if name != GENERIC]
    scored.sort(key=lambda item: (-item.points, item.record_class.name))
    best = scored[0] if scored else None
    if best is None or best.points < ENOUGH:
        seen = best.points if best is not None and best.points > 0 else 0.0
        return Classification(library.get(GENERIC), round(1 - seen / (2 * ENOUGH), 3) / 2, ())
    second = scored[1].points if len(scored) > 1 else 0.0
    margin = best.points / (best.points + max(second, 0.0))
    confidence = margin * best.points / (best.points + SATURATION)
    close = scored[1].record_class.name if second >= CLOSE * best.points else None
    return Classification(best.record_class, round(confidence, 3), best.words, close)


def with_taught(found: Classification, told: Told, taught: ClassModel, library: ClassLibrary) -> Classification:
    """Return the class by the rules' words and by what the client taught together; where they differ, it is unsure.

    What was taught goes before the rules where these know no class, are unsure, or name one that was never taught: a
    client's own form may have an invoice's words. An unsure model leaves the rules as they are.
    """
    if told.best not in library.classes:
        return found
    evidence = (told.words, *found.evidence)
    rules = found.record_class.name
    if not told.sure:
        doubt = found.close if rules != GENERIC or told.probability < taught.sure else told.best
        return replace(found, evidence=evidence, close=doubt)
    against = rules not in (told.best, GENERIC) and found.close is None and rules in taught.classes
    confidence = max(round(min(told.probability, 0.999), 3), found.confidence if rules == told.best else 0.0)
    return Classification(library.get(told.best), confidence, evidence, rules if against else None)


def _count(pages: Sequence[PageLayout], record_class: RecordClass) -> _Points:
    points: dict[str, float] = {}
    for_words, against = _expressions(_Named(record_class.name, record_class.version, record_class))
    for number, page in enumerate(pages):
        for row in page.rows:
            factor = _place_factor(number, page, row)
            text = (
                row.folded if factor < TITLE_WEIGHT else f"{row.folded} {row.folded.replace(' ', '')}"
            )  # F A C T U R A
            for match in for_words.finditer(text):
                word = re.sub(r"\s+", " ", match[0])
                points[word] = max(points.get(word, 0.0), record_class.words.get(word, 0.5) * factor)
            for match in against.finditer(row.folded):
                word = re.sub(r"\s+", " ", match[0])
                points["-" + word] = -record_class.against.get(word, 0.5) * (factor if factor > 1 else 1.0)
    words = sorted((word for word in points if points[word] > 0), key=lambda word: -points[word])
    return _Points(record_class, sum(points.values()), tuple(words[:8]))


def _place_factor(number: int, page: PageLayout, row: Row) -> float:
    if number > 0:
        return 0.7
    if row.box.y0 > HEAD_SHARE * page.height:
        return 1.0
    few = len(row.words) <= 4
    return TITLE_WEIGHT if few and row.height > TITLE_HEIGHTS * page.letter_height else HEAD_WEIGHT


@dataclass(frozen=True, slots=True)
class _Named:
    """Key for compiled words; classes hold mappings and so have no hash of their own."""

    name: str
    version: str
    record_class: RecordClass

    def __hash__(self) -> int:
        return hash((self.name, self.version))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Named) and other.record_class is self.record_class


@lru_cache(maxsize=128)
def _expressions(key: _Named) -> tuple[re.Pattern[str], re.Pattern[str]]:
    return _compile(key.record_class.words), _compile(key.record_class.against)


def _compile(phrases: Iterable[str]) -> re.Pattern[str]:
    texts = sorted(phrases, key=len, reverse=True)
    if not texts:
        return re.compile(r"(?!)")
    parts = [r"\s{1,3}".join(re.escape(word) for word in text.split()) for text in texts]
    return re.compile(rf"(?<![a-z0-9])(?:{'|'.join(parts)})(?![a-z0-9])")
