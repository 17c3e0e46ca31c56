"""Read values of each type out of a stretch of text, as candidates with their evidence."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from records.class_library import FieldSpec
from records.normalise import (
    Reading,
    clean_text,
    find_dates,
    find_money,
    find_numbers,
    find_rates,
    find_times,
    identifier,
)  # fmt: skip
from records.text import Box, Word, union
from records.validation import is_iban
from tasks.anchors import Region
from tasks.conventions import Conventions
from tasks.layout import Row
from tasks.misread_dates import misread_dates

FIRM = 0.93  # confidence of the best single piece of evidence: one sure label with its value beside it
LOOSE_MONEY = 0.55  # of a bare integer taken as an amount
WHOLE_MONEY = 0.9  # of an amount without cents
CUT_OFF = 0.6  # of an amount with one decimal: the other was perhaps not read
EARLIER_MONEY = 0.6  # of an amount that is not the last beside its label
FAR_AWAY = 0.85  # of a value that other words part from its label
FAR_CHARACTERS = 22
MISREAD_DATE = 0.7  # of a date in which letters stand for digits (12/O4/2025)
SHORT_CODE = {1: 0.45, 2: 0.7}  # of a code of so few characters, more often a row's number

_GROUPS = re.compile(r"(?: \d{2,8})+(?![\w/.,:%-])")
_LEAD = re.compile(r"[\W_]*(?:(?:n[oº°]?|num|number|no|nr|del?|el|is)\b[\W_]*)?", re.IGNORECASE)
_IBAN = re.compile(r"(?<![A-Z0-9])([A-Z]{2}[ ]?[0-9OI]{2}(?:[ .-]{0,3}[A-Z0-9]){11,32})")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value for a field before it is checked: `score` 0..1 says how well its place speaks for it."""

    field: str
    value: str
    raw: str
    page: int
    words: tuple[Word, ...]
    score: float
    method: str
    currency: str | None = None
    ambiguous: bool = False
    note: str = ""
    row: int = -1

    @property
    def box(self) -> Box | None:
        """The smallest box of the raster that holds the value's words; None for a derived value."""
        return union(word.box for word in self.words) if self.words else None

    @property
    def word_confidence(self) -> float:
        """The engine's least confidence in a word of the value, 0..100; 100 for a derived value."""
        return min((word.confidence for word in self.words), default=100.0)


def from_reading(spec: FieldSpec, reading: Reading, row: Row, offset: int, score: float, method: str) -> Candidate:
    """Make a candidate of a reading that stands `offset` characters into its row's text."""
    placed = row.between(offset + reading.start, offset + reading.end)
    words = tuple(word.word for word in placed)
    return Candidate(
        spec.name, reading.value, reading.raw, row.page, words, score, method, reading.currency, reading.ambiguous,
        "", row.number,
    )  # fmt: skip


def read_region(spec: FieldSpec, region: Region, weight: float, conventions: Conventions) -> list[Candidate]:
    """Return the values of the field's type in a region beside or under a label, best first."""
    reader = _READERS.get(spec.normalise)
    if reader is None:
        return []
    base = weight * region.factor * FIRM
    found = []
    for reading, factor in reader(spec, region.text, conventions):
        found.append(from_reading(spec, reading, region.row, region.start, base * factor, "anchor"))
    return sorted(found, key=lambda candidate: -candidate.score)


def read_anywhere(spec: FieldSpec, row: Row, conventions: Conventions) -> list[Candidate]:
    """Return the values of the field's type anywhere in a row, without a label."""
    if spec.normalise == "code" or (spec.patterns and spec.normalise in ("text", "name")):
        readings = list(_by_patterns(spec, row.text))
    elif spec.normalise == "date":
        readings = find_dates(row.text, conventions.date_order)
    elif spec.normalise == "time":
        readings = find_times(row.text)
    elif spec.normalise == "iban":
        readings = find_ibans(row.text)
    else:
        readings = []
    return [from_reading(spec, reading, row, 0, FIRM, "pattern") for reading in readings]


def read_misread(spec: FieldSpec, row: Row, conventions: Conventions) -> list[Candidate]:
    """Return dates of which single signs were misread anywhere in a row, without a label; nothing for other types."""
    readings = misread_dates(row.text, conventions.date_order) if spec.normalise == "date" else ()
    return [from_reading(spec, reading, row, 0, FIRM, "pattern") for reading in readings]


def _by_patterns(spec: FieldSpec, text: str) -> Iterator[Reading]:
    for pattern in spec.patterns:
        for match in pattern.finditer(text):
            yield _from_match(match, 0)


def _from_match(match: "re.Match[str]", offset: int) -> Reading:
    group = "value" if "value" in match.re.groupindex else 0
    raw = match[group]
    return Reading(clean_text(raw), raw, offset + match.start(group), offset + match.end(group))


Scored = Iterator[tuple[Reading, float]]


def _codes(spec: FieldSpec, text: str, conventions: Conventions) -> Scored:
    """Codes stand at the start of their region; the longest pattern that fits is taken."""
    lead = _LEAD.match(text)
    starts = {lead.end() if lead else 0, len(text) - len(text.lstrip(" :.-=#"))}
    found = []
    for start in sorted(starts):
        for pattern in spec.patterns:
            match = pattern.match(text, start)
            if match:
                found.append(_from_match(match, 0))
    dates = find_dates(text, conventions.date_order)
    for reading in sorted(found, key=lambda item: -(item.end - item.start)):
        if not any(day.start <= reading.start and reading.end <= day.end for day in dates):
            yield _with_groups(reading, text), SHORT_CODE.get(len(reading.value), 1.0)
            return


def _with_groups(reading: Reading, text: str) -> Reading:
    """Add groups of digits that follow a code of digits at one space: 2020 0113; whether they are its own is unsure."""
    more = _GROUPS.match(text, reading.end) if reading.raw.isdigit() else None
    if more is None:
        return reading
    raw = text[reading.start : more.end()]
    return replace(reading, value=clean_text(raw), raw=raw, end=more.end(), ambiguous=True)


def _dates(spec: FieldSpec, text: str, conventions: Conventions) -> Scored:
    found = find_dates(text, conventions.date_order)
    if not found:
        for reading in islice(misread_dates(text, conventions.date_order), 1):
            yield reading, MISREAD_DATE
    for position, reading in enumerate(found):
        near = 1.0 if reading.start <= FAR_CHARACTERS else FAR_AWAY
        yield reading, near * (1.0 if position == 0 else 0.6)


def _money(spec: FieldSpec, text: str, conventions: Conventions) -> Scored:
    days = [*find_dates(text, conventions.date_order), *find_times(text)]
    readings = [
        reading
        for reading in find_money(text, conventions.decimal)
        if reading.firm or not any(day.start < reading.end and reading.start < day.end for day in days)
    ]
    firm = [reading for reading in readings if reading.firm]
    for position, reading in enumerate(reversed(firm)):
        cents = re.search(r"[.,]\s?(\d{1,2})\D*$", reading.raw)
        whole = WHOLE_MONEY if cents is None else CUT_OFF if len(cents[1]) == 1 else 1.0
        yield reading, whole * (1.0 if position == 0 else EARLIER_MONEY)
    if not firm and len(readings) == 1 and not re.search(r"[A-Za-z]{3}", text):
        yield readings[0], LOOSE_MONEY


def _numbers(spec: FieldSpec, text: str, conventions: Conventions) -> Scored:
    for reading in find_numbers(text, conventions.decimal)[:1]:
        yield reading, 1.0


def _rates(spec: FieldSpec, text: str, conventions: Conventions) -> Scored:
    for reading in find_rates(text)[:1]:
        yield reading, 1.0


def _times(spec: FieldSpec, text: str, conventions: Conventions) -> Scored:
    for reading in find_times(text)[:1]:
        yield reading, 1.0


def _texts(spec: FieldSpec, text: str, conventions: Conventions) -> Scored:
    """A phrase beside a label: up to the next wide gap; patterns, if there are any, must hold."""
    start = len(text) - len(text.lstrip(" :.-#|"))
    raw = text[start:].split("   ")[0].rstrip()
    if spec.patterns:
        for pattern in spec.patterns:
            match = pattern.search(raw)
            if match:
                yield _from_match(match, start), 1.0
                return
    elif sum(character.isalpha() for character in raw) >= 2:
        yield Reading(clean_text(raw), raw, start, start + len(raw)), 1.0


def _ibans(spec: FieldSpec, text: str, conventions: Conventions) -> Scored:
    for reading in find_ibans(text, strict=False):
        yield reading, 1.0


def find_ibans(text: str, *, strict: bool = True) -> list[Reading]:
    """Return accounts in IBAN form; `strict` only those that hold, else also what has the form but does not."""
    found = []
    for match in _IBAN.finditer(text.upper()):
        reading = _fit_iban(text, match)
        if reading is not None and (is_iban(reading.value) or not strict):
            found.append(reading)
    return found


def _fit_iban(text: str, match: "re.Match[str]") -> Reading | None:
    """Cut what was matched to an account that holds; failing that, to the usual 24 characters or all of it."""
    raw = match[1]
    ends = [index + 1 for index, character in enumerate(raw) if character.isalnum()]
    for end in reversed(ends):
        value = identifier(raw[:end])
        if 15 <= len(value) <= 34 and is_iban(value):
            return Reading(value, text[match.start() : match.start() + end], match.start(), match.start() + end)
    if sum(character.isdigit() for character in raw) < 10:
        return None
    end = ends[23] if raw.startswith("ES") and len(ends) >= 24 else ends[-1]
    raw_text = text[match.start() : match.start() + end]
    return Reading(identifier(raw[:end]), raw_text, match.start(), match.start() + end)


_READERS: dict[str, Callable[[FieldSpec, str, Conventions], Scored]] = {
    "code": _codes, "date": _dates, "money": _money, "number": _numbers, "rate": _rates, "time": _times,
    "text": _texts, "iban": _ibans,
}  # fmt: skip
