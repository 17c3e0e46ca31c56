"""Several readings of a slip by the first engine, settled place by place; for where no second engine is installed.

Thermal print is faint and dotted, and the same engine errs elsewhere when the page is a little larger, or its dots are
joined. What two readings have alike is taken; where they differ, the surer one. What only one has, unsurely, is mostly
creases, rules and stamps taken for words, and is left out. Measured: docs/design/reading.md, receipts.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from records.text import Box, Word
from tasks.ocr import BLOCK, PAGE, Engine

Grey = npt.NDArray[np.uint8]
Reading = Sequence[Word]
Place = dict[int, list[Word]]  # the words that each reading, by its number, has in one place of the page

LARGER = 1.25  # by which one of the readings sees the page
DOTS = 2  # pixels by which strokes grow in another, so that the dots of a printing head meet
SHARED = 0.5  # of the narrower of two boxes that must be common for both to be one place
LEVEL = 0.4  # of the lower of the two
LINE = 0.4  # of the higher: a crease taken for a letter may be as high as two lines
ALIKE = 10.0  # points that each reading more that says the same is worth
DISPUTED = 60.0  # confidence below which a word is left out that other readings have otherwise
ALONE = 75.0  # the same, of a word that no other reading has at all


class Line(NamedTuple):
    """A line of one of the readings; `block` is the first reading's, 0 in the others."""

    reading: int
    number: int
    block: int


def other_readings(engine: Engine, pixels: Grey, dpi: int, language: str) -> tuple[Reading, Reading]:
    """Read an upright page twice more: a little larger, and with its dots joined, as one block.

    Args:
        engine: that has read the page as it is.
        pixels: (H, W) uint8, 0 = ink.
        dpi: resolution of `pixels`.
        language: as the page was read in.
    """
    large = np.asarray(cv2.resize(pixels, None, fx=LARGER, fy=LARGER, interpolation=cv2.INTER_CUBIC), np.uint8)
    joined = np.asarray(cv2.erode(pixels, np.ones((DOTS, DOTS), np.uint8)), np.uint8)
    larger = (
        word._replace(box=Box(*(round(side / LARGER) for side in word.box)))
        for word in engine.read(large, round(dpi * LARGER), language, PAGE)
    )
    return tuple(larger), engine.read(joined, dpi, language, BLOCK)


def settled(readings: Sequence[Reading]) -> tuple[Word, ...]:
    """Return one reading of a page from several: lines and their order are the first one's, with what it missed.

    Args:
        readings: of the same page, boxes in the same pixels.
    """
    places = list(_places(readings))
    ours = _lines_of_first(places)
    lines: dict[Line, list[Word]] = defaultdict(list)
    for place in places:
        for number, word in _best(place):
            lines[_line_of(number, word, place, ours)].append(word)
    found: list[Word] = []
    block = 1
    for at, (line, words) in enumerate(sorted(lines.items(), key=_order(readings[0])), start=1):
        block = line.block or block
        found += (word._replace(line=at, block=block) for word in sorted(words, key=lambda word: word.box.x0))
    return tuple(found)


def _lines_of_first(places: Iterable[Place]) -> dict[Line, Line]:
    """Return for each line of another reading the first one's line with which it has most places in common."""
    shared: dict[Line, Counter[Line]] = defaultdict(Counter)
    for place in places:
        firsts = {_line(0, word) for word in place.get(0, ())}
        for number, words in place.items():
            if number and len(firsts) == 1:
                shared[_line(number, words[0])].update(firsts)
    return {line: counts.most_common(1)[0][0] for line, counts in shared.items()}


def _line(number: int, word: Word) -> Line:
    return Line(number, word.line, 0 if number else word.block)


def _line_of(number: int, word: Word, place: Place, ours: Mapping[Line, Line]) -> Line:
    """Return the first reading's line in which a word stands; another's where the first has none there."""
    firsts = {_line(0, first) for first in place.get(0, ())}
    line = _line(number, word)
    return line if number == 0 else next(iter(firsts)) if len(firsts) == 1 else ours.get(line, line)


def _order(first: Reading) -> Callable[[tuple[Line, list[Word]]], tuple[int, float]]:
    """Return the key that puts lines which the first reading missed behind its last line above them."""
    tops = {word.line: word.box.y0 for word in first}

    def key(item: tuple[Line, list[Word]]) -> tuple[int, float]:
        line, words = item
        if line.reading == 0:
            return line.number, -1.0
        top = min((word.box.y0 for word in words), default=0)
        return max((number for number, at in tops.items() if at <= top), default=0), float(top)

    return key


def _places(readings: Sequence[Reading]) -> Iterator[Place]:
    """Yield the words of each place by reading: those whose boxes overlap, straight or by way of others."""
    words = sorted(
        ((number, word) for number, reading in enumerate(readings) for word in reading), key=lambda one: one[1].box.y0
    )
    root = list(range(len(words)))

    def root_of(at: int) -> int:
        while root[at] != at:
            at = root[at] = root[root[at]]
        return at

    for at, (number, word) in enumerate(words):
        for other in range(at + 1, len(words)):
            if words[other][1].box.y0 >= word.box.y1:  # sorted by their upper sides: none further down is near
                break
            if words[other][0] != number and _same_place(word.box, words[other][1].box):
                root[root_of(other)] = root_of(at)
    places: dict[int, Place] = defaultdict(lambda: defaultdict(list))
    for at, (number, word) in enumerate(words):
        places[root_of(at)][number].append(word)
    yield from places.values()


def _same_place(one: Box, other: Box) -> bool:
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    narrower = min(one.x1 - one.x0, other.x1 - other.x0)
    lower, higher = sorted((one.y1 - one.y0, other.y1 - other.y0))
    return wide > SHARED * narrower and high > LEVEL * lower and high > LINE * higher


def _best(place: Place) -> list[tuple[int, Word]]:
    """Return the words of a place that most speaks for, by reading, without those that nothing speaks for."""
    said: dict[tuple[str, ...], list[tuple[float, int]]] = defaultdict(list)
    for number, words in place.items():
        words.sort(key=lambda word: (word.line, word.box.x0))
        said[tuple(word.text.lower() for word in words)].append((_sure(words), number))
    alike = max(said.values(), key=lambda group: max(group)[0] + ALIKE * (len(group) - 1))
    _, best = max(alike)
    least = 0.0 if len(alike) > 1 else ALONE if len(place) == 1 else DISPUTED
    return [(best, word) for word in place[best] if word.confidence >= least]


def _sure(words: Iterable[Word]) -> float:
    """Return the mean confidence of words by their letters."""
    pairs = [(word.confidence, len(word.text)) for word in words]
    return sum(sure * letters for sure, letters in pairs) / sum(letters for _, letters in pairs)
