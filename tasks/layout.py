"""Lay the words of a page out as rows of cells on the upright page, so that values are found beside their labels.

Boxes here are pixels of the upright page (records.text.Geometry); the words keep their boxes of the raster, which
are the evidence. A row's `text` joins words by one space and cells by three, so that patterns do not run from one
column into the next; `folded` has the same length, in lower case without accents.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from records.normalise import fold
from records.text import Box, PageText, Word, union

CELL_GAP = "   "
GAP_HEIGHTS = 1.1  # a wider gap than this many letter heights parts two cells,
GAP_LETTERS = 2.0  # if it is also wider than this many letters: a space of a typewriter's face is wide and no gap
# Nº as it is misread, before letters and digits: N2F-2024/004. Before digits alone only what is no digit itself.
_NUMBER_SIGN = re.compile(
    r"[Nn](?:[\u00ba\u00b0?*\"'”2oOe9][.:]?(?=[A-Z]{1,5}[-/.]?\d)|[\u00ba\u00b0?*\"'”][.:]?(?=\d))"
)
LEAP_HEIGHTS = 0.3  # a word that stands this much of a height clear above or below the one before it begins a line
ROW_OFFSET = 0.45  # lines whose middles differ by less than this share of their height stand on one row


@dataclass(frozen=True, slots=True)
class Placed:
    """A word, its box on the upright page, and its place in its row's text."""

    word: Word
    box: Box
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A run of words without a wide gap; `start` and `end` are characters of the row's text."""

    start: int
    end: int
    box: Box


@dataclass(frozen=True, slots=True)
class Row:
    """What stands side by side at one height of one page; `number` counts from 0 down the page."""

    page: int
    number: int
    text: str
    folded: str
    words: tuple[Placed, ...]
    cells: tuple[Cell, ...]
    box: Box
    height: float

    def between(self, start: int, end: int) -> tuple[Placed, ...]:
        """Return the words that touch characters `start` to `end` of the row's text."""
        return tuple(word for word in self.words if word.start < end and start < word.end)

    def box_of(self, start: int, end: int) -> Box:
        """Return the upright box of these characters; letters of a word are taken as equally wide."""
        parts = []
        for word in self.between(start, end):
            wide = (word.box.x1 - word.box.x0) / max(word.end - word.start, 1)
            left = word.box.x0 + wide * max(start - word.start, 0)
            right = word.box.x1 - wide * max(word.end - end, 0)
            parts.append(Box(round(left), word.box.y0, max(round(right), round(left) + 1), word.box.y1))
        return union(parts) if parts else self.box

    def cell_at(self, position: int) -> Cell:
        """Return the cell that holds this character."""
        return next((cell for cell in self.cells if position < cell.end), self.cells[-1])


@dataclass(frozen=True, slots=True)
class PageLayout:
    """The rows of one page from top to bottom, and its upright size."""

    page: PageText
    rows: tuple[Row, ...]
    width: int
    height: int

    @property
    def letter_height(self) -> float:
        """Median height of a row's letters, in pixels of the upright page."""
        return median(row.height for row in self.rows) if self.rows else 1.0


@dataclass(frozen=True, slots=True)
class _Line:
    words: tuple[tuple[Word, Box], ...]
    middle: float
    height: float
    left: int
    right: int


def lay_out(page: PageText) -> PageLayout:
    """Lay out one page; rows go from top to bottom, cells and words from left to right."""
    geometry = page.geometry
    width, height = geometry.upright_size
    groups = _group(list(_read_lines(page)))
    rows = [_make_row(page.page, number, words, ocr=page.source == "ocr") for number, words in enumerate(groups)]
    return PageLayout(page, tuple(rows), width, height)


def _read_lines(page: PageText) -> Iterator[_Line]:
    """Yield the engine's lines with their boxes on the upright page, cut where they are not one height."""
    geometry = page.geometry
    lines: dict[int, list[tuple[Word, Box]]] = {}
    for word in page.words:
        if word.text.strip():
            lines.setdefault(word.line, []).append((word, geometry.box_to_upright(word.box)))
    for words in (run for line in lines.values() for run in _level_runs(line)):
        middles = [(box.y0 + box.y1) / 2 for _, box in words]
        heights = [box.y1 - box.y0 for _, box in words]
        yield _Line(
            tuple(words), median(middles), max(median(heights), 1.0),
            min(box.x0 for _, box in words), max(box.x1 for _, box in words),
        )  # fmt: skip


def _level_runs(words: Sequence[tuple[Word, Box]]) -> Iterator[list[tuple[Word, Box]]]:
    """Cut an engine's line where it leaps to another height: what was typed into a form's boxes comes as one line."""
    run = [words[0]]
    for word, box in words[1:]:
        before = run[-1][1]
        height = max(before.y1 - before.y0, box.y1 - box.y0)
        if max(box.y0 - before.y1, before.y0 - box.y1) > LEAP_HEIGHTS * height:
            yield run
            run = []
        run.append((word, box))
    yield run


def _group(lines: Sequence[_Line]) -> list[list[tuple[Word, Box]]]:
    """Join lines that stand side by side at one height into rows, top to bottom."""
    groups: list[list[_Line]] = []
    for line in sorted(lines, key=lambda item: item.middle):
        for group in reversed(groups[-4:]):
            if _side_by_side(group, line):
                group.append(line)
                break
        else:
            groups.append([line])
    groups.sort(key=lambda group: median(line.middle for line in group))
    return [[pair for line in group for pair in line.words] for group in groups]


def _side_by_side(group: Sequence[_Line], line: _Line) -> bool:
    for other in group:
        if abs(other.middle - line.middle) > ROW_OFFSET * max(min(other.height, line.height), 1.0):
            return False
        if min(other.right, line.right) - max(other.left, line.left) > min(other.height, line.height):
            return False
    return True


def _parts(word: Word, box: Box, *, ocr: bool) -> list[tuple[str, Box]]:
    """Return a word as it is, or in two where a number sign ran into what follows it (NºF-12, read as N2F-12)."""
    match = _NUMBER_SIGN.match(word.text) if ocr else None
    if match is None:
        return [(word.text, box)]
    cut = box.x0 + round((box.x1 - box.x0) * match.end() / len(word.text))
    return [
        (word.text[: match.end()], Box(box.x0, box.y0, cut, box.y1)),
        (word.text[match.end() :], Box(cut, box.y0, box.x1, box.y1)),
    ]


def _make_row(page: int, number: int, pairs: Sequence[tuple[Word, Box]], *, ocr: bool) -> Row:
    ordered = sorted(pairs, key=lambda pair: pair[1].x0)
    height = max(median(box.y1 - box.y0 for _, box in ordered), 1.0)
    letter = median((box.x1 - box.x0) / max(len(word.text), 1) for word, box in ordered)
    least = max(GAP_HEIGHTS * height, GAP_LETTERS * letter)
    text, starts = "", [0]
    placed: list[Placed] = []
    for position, (word, box) in enumerate(ordered):
        if position:
            wide = box.x0 - ordered[position - 1][1].x1 > least
            text += CELL_GAP if wide else " "
            if wide:
                starts.append(len(text))
        for part, place in _parts(word, box, ocr=ocr):
            text += " " if placed and part != word.text and placed[-1].word is word else ""
            placed.append(Placed(word, place, len(text), len(text) + len(part)))
            text += part
    ends = [start - len(CELL_GAP) for start in starts[1:]] + [len(text)]
    cells = []
    for start, end in zip(starts, ends, strict=True):
        cells.append(Cell(start, end, union(word.box for word in placed if start <= word.start < end)))
    box = union(word.box for word in placed)
    return Row(page, number, text, fold(text), tuple(placed), tuple(cells), box, height)
