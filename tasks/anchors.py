"""Find the labels of a class's fields on a page, and the places beside and below them where values stand.

Labels are phrases of the class file, compared without case and accents; where the words come from OCR and a phrase
has at least five letters, letters that print readers take for each other are allowed, at a lower weight. A longer
label hides a shorter one in it ("fecha de vencimiento" is not "fecha"), and every label ends the value before it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from records.class_library import RecordClass
from tasks.layout import PageLayout, Row

LOOSE_WEIGHT = 0.85
LOOSE_LETTERS = 5
BELOW, HEADED = 0.85, 0.95  # how usual a value is under a label, and in the row under several labels
NUMBER_SIGN = "no"  # what nº folds to; its raised letter is read as almost anything
SHORT = 4  # characters up to which a label must stand free
BELOW_ROWS = 3  # rows under a label that are looked at
BELOW_HEIGHTS = 4.0  # and how far down, in heights of the label's row

# What Tesseract takes for what on worn print; both ways where it was seen both ways.
_CONFUSED = {
    "a": "a4", "b": "b8", "c": "ce", "e": "ec", "g": "g9b", "h": "hn", "i": "i1lt", "l": "l1i", "m": "mn", "n": "nm",
    "o": "o09u", "q": "qo", "s": "s5", "t": "ti1f", "u": "uv", "v": "vu", "z": "z2",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hit:
    """A label found: whose it is (none for a label that belongs to no field), how strong, and where.

    `start` and `end` are characters of the row's text. `weights` maps names of fields to weights 0..1.
    """

    row: Row
    start: int
    end: int
    weights: Mapping[str, float] = field(default_factory=dict)
    hides: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of a row where a label's value may stand; `factor` 0..1 says how usual that place is."""

    row: Row
    start: int
    end: int
    where: str
    factor: float

    @property
    def text(self) -> str:
        """The characters of the row in this stretch."""
        return self.row.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class _Phrase:
    weights: Mapping[str, float]
    hides: frozenset[str]


class Labels:
    """The labels of one class, compiled once: exact in one expression, loose in another."""

    def __init__(self, record_class: RecordClass) -> None:
        """Collect every anchor, exclusion and neutral label of the class."""
        found: dict[str, dict[str, float]] = {phrase: {} for phrase in record_class.labels}
        hides: dict[str, set[str]] = {}
        for spec in record_class.fields:
            if spec.cardinality == "lines":
                continue
            for phrase, weight in spec.anchors.items():
                found.setdefault(phrase, {})[spec.name] = weight
            for phrase in spec.unless:
                found.setdefault(phrase, {})
                hides.setdefault(phrase, set()).add(spec.name)
        self.codes = frozenset(spec.name for spec in record_class.fields if spec.normalise == "code")
        texts_too = frozenset(spec.name for spec in record_class.fields if spec.normalise in ("name", "text"))
        self.wordy = self.codes | texts_too
        self.texts = frozenset(spec.name for spec in record_class.fields if spec.normalise == "text")
        self.phrases = [_Phrase(found[phrase], frozenset(hides.get(phrase, ()))) for phrase in found]
        ordered = sorted(range(len(found)), key=lambda index: -len(list(found)[index]))
        texts = list(found)
        self.exact = _Finder([(index, texts[index]) for index in ordered], loose=False)
        long = [
            (index, texts[index])
            for index in ordered
            if _letters(texts[index]) >= LOOSE_LETTERS or texts[index] == NUMBER_SIGN or _is_dotted(texts[index])
        ]
        self.loose = _Finder(long, loose=True)

    def find(self, row: Row, *, loose: bool) -> list[Hit]:
        """Return the labels of a row from left to right; none overlaps another."""
        hits = [self._hit(row, match, 1.0) for match in self.exact.finditer(row.folded)]
        if loose:
            for match in self.loose.finditer(row.folded):
                hits = self._add_loose(hits, self._hit(row, match, LOOSE_WEIGHT))
        hits.sort(key=lambda hit: hit.start)
        return [hit for hit in hits if not self._must_stand_free(hit) or self._stands_free(hit, hits)]

    def _must_stand_free(self, hit: Hit) -> bool:
        """Tell whether a label is short, or that of a phrase: "is not subject to tax" has no subject."""
        return hit.end - hit.start <= SHORT or (bool(hit.weights) and hit.weights.keys() <= self.texts)

    @staticmethod
    def _add_loose(hits: list[Hit], new: Hit) -> list[Hit]:
        """Add a label found loosely, unless an exact one stands there; a longer one replaces those within it."""
        crossed = [hit for hit in hits if new.start < hit.end and hit.start < new.end]
        if any(hit.start < new.start or hit.end >= new.end for hit in crossed):
            return hits
        return [*(hit for hit in hits if hit not in crossed), new]

    def _stands_free(self, hit: Hit, hits: Iterable[Hit]) -> bool:
        """Tell whether a label of a word, phrase or code (nº, to, subject) stands where labels do, not in running text.

        "C/ Mayor nº 5" has no document number: such a label begins a cell or follows a mark; that of a code may
        follow another label.
        """
        if not hit.weights.keys() <= self.wordy:
            return True
        before = hit.row.folded[hit.row.cell_at(hit.start).start : hit.start].rstrip()
        if not before or not before[-1].isalnum():
            return True
        after_label = any(0 <= hit.start - other.end <= 1 for other in hits)
        return after_label and bool(hit.weights.keys() & self.codes)

    def _hit(self, row: Row, match: "re.Match[str]", factor: float) -> Hit:
        phrase = self.phrases[int((match.lastgroup or "p0")[1:])]
        weights = {name: weight * factor for name, weight in phrase.weights.items() if name not in phrase.hides}
        return Hit(row, match.start(), match.end(), weights, phrase.hides)


def _letters(phrase: str) -> int:
    return sum(character.isalpha() for character in phrase)


def _is_dotted(phrase: str) -> bool:
    """Tell whether a phrase is one abbreviation with dots (i.v.a.), which even misread is like no word."""
    return phrase.count(".") > 1 and " " not in phrase


class _Finder:
    """Finds phrases from left to right; expressions are kept by first character, so that few are tried anywhere."""

    def __init__(self, phrases: Iterable[tuple[int, str]], *, loose: bool) -> None:
        """Compile phrases; group `p7` is phrase 7. The longest stands first and so wins."""
        buckets: dict[str, list[str]] = {}
        for index, text in phrases:
            part = f"(?P<p{index}>{_expression(text, loose=loose)})"
            for first in _CONFUSED.get(text[0], text[0]) if loose else text[0]:
                buckets.setdefault(first, []).append(part)
        self.buckets = {first: re.compile("|".join(parts)) for first, parts in buckets.items()}

    def finditer(self, text: str) -> Iterator["re.Match[str]"]:
        """Yield matches that do not overlap."""
        end = 0
        for start in _START.finditer(text):
            bucket = self.buckets.get(start[0])
            if bucket is not None and start.start() >= end:
                match = bucket.match(text, start.start())
                if match is not None:
                    end = match.end()
                    yield match


_START = re.compile(r"(?<![a-z0-9])\S")


def _expression(phrase: str, *, loose: bool) -> str:
    pieces = []
    for word in phrase.split():
        if loose and word == NUMBER_SIGN:
            pieces.append(r"n[o0-9e*?'\"”](?:\s?[2?*](?!\d))?")
            continue
        letters = []
        for character in word:
            if character == ".":
                letters.append(r"\.?\s?")
            elif loose and character in _CONFUSED:
                letters.append(f"[{_CONFUSED[character]}]")
            else:
                letters.append(re.escape(character))
        pieces.append("".join(letters))
    if loose and _is_dotted(phrase):
        pieces[0] = r"(?=\S{0,3}\.)" + pieces[0]  # not without any of its dots: 1va is no label
    if phrase.startswith("%"):
        pieces[0] = r"(?<!\d)(?<!\d\s)" + pieces[0]  # "% IVA" heads a column, "21 % IVA" is a tax
    ending = r"(?![a-z]|[-_][a-z0-9])" if phrase[-1].isalnum() else ""
    if loose and phrase == NUMBER_SIGN:
        ending = r"(?=\s?[:.]|\s[a-z]{0,5}[-/]?\d)"  # a mark, or what can be a number of a document
    return r"[\s.:()_-]{1,2}".join(pieces) + ending


@lru_cache(maxsize=64)
def _labels(key: "_ByIdentity") -> Labels:
    return Labels(key.record_class)


@dataclass(frozen=True, slots=True)
class _ByIdentity:
    """Lets compiled labels be kept for a class, which holds mappings and so has no hash of its own."""

    record_class: RecordClass = field(compare=False, hash=False)
    identity: int = 0


def find_labels(page: PageLayout, record_class: RecordClass) -> list[Hit]:
    """Return all labels of the class on a page, from top to bottom and left to right."""
    labels = _labels(_ByIdentity(record_class, id(record_class)))
    loose = page.page.source == "ocr"
    return [hit for row in page.rows for hit in labels.find(row, loose=loose)]


def regions(hit: Hit, page: PageLayout, hits: Iterable[Hit], where: Iterable[str]) -> Iterator[Region]:
    """Yield the places where the value of a label may stand, the most usual first."""
    for place in where:
        if place in ("right", "same-line"):
            yield from _right(hit, hits)
        elif place == "below":
            yield from _below(hit, page, hits)


def _right(hit: Hit, hits: Iterable[Hit]) -> Iterator[Region]:
    """The rest of the row up to the next label."""
    later = [other.start for other in hits if other.row is hit.row and other.start >= hit.end]
    end = min(later, default=len(hit.row.text))
    if end > hit.end:
        yield Region(hit.row, hit.end, end, "right", 1.0)


def _below(hit: Hit, page: PageLayout, hits: Iterable[Hit]) -> Iterator[Region]:
    """The cells of the next rows that stand under the label."""
    label = hit.row.box_of(hit.start, hit.end)
    margin = 1.5 * hit.row.height
    others = [other for other in hits if other is not hit]
    heads = any(other.row is hit.row for other in others)
    for row in page.rows[hit.row.number + 1 : hit.row.number + 1 + BELOW_ROWS]:
        if row.box.y0 - label.y1 > BELOW_HEIGHTS * hit.row.height:
            return
        for cell in row.cells:
            if cell.box.x0 <= label.x1 + margin and cell.box.x1 >= label.x0 - margin:
                if any(other.row is row and cell.start <= other.start < cell.end for other in others):
                    return
                next_row = row.number == hit.row.number + 1
                yield Region(row, cell.start, cell.end, "below", HEADED if heads and next_row else BELOW)
