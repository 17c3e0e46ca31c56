"""Reports as files: CSV for programs and spreadsheets, PDF to read and to file.

CSV is RFC 4180 in UTF-8 with a byte order mark, so that spreadsheets show accents, with the keys of the JSON answer as
its first line. A text that a spreadsheet would take for a formula gets an apostrophe before it: titles and names are
typed by people, and a report is opened by others.
"""

import csv
import io
from collections.abc import Callable, Sequence
from itertools import chain, islice
from typing import Any

from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from tasks.labels import draw_line
from tasks.paper_fonts import BOLD, REGULAR, register_fonts, width_of, wrapped
from tasks.papers import GREY, MARGIN, RULE, CountedCanvas, Paper, draw_foot
from tasks.reports.report import Report, Value

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
TITLE_SIZE, HEAD_SIZE, ROW_SIZE = 14.0, 7.0, 7.0  # points
ROW_HEIGHT, LINE_HEIGHT = 4.2 * mm, 3.0 * mm  # of a row of one line, and of each more
MOST_LINES = 6  # of a cell
MOST_OF_A_WORD = 28 * mm  # to which a column is widened for a word
LOOKED_AT = 200  # rows whose words decide how wide the columns are
GAP = 1.5 * mm


def report_csv(report: Report) -> bytes:
    """Return the rows of a report as CSV."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([column.key for column in report.columns])
    writer.writerows([_cell(value) for value in row] for row in report.rows)
    return "\ufeff".encode() + file.getvalue().encode("utf-8", "backslashreplace")


def report_pdf(report: Report, paper: Paper, words: Callable[[Value, str], str]) -> bytes:
    """Draw a report on landscape pages; `words(value, key)` writes a value for people.

    A text that is too long for six lines of its column ends in an ellipsis: the whole of it is in the CSV.
    """
    register_fonts()
    file = io.BytesIO()
    width, height = landscape(A4)
    font: Any = REGULAR  # its stub asks for a number
    canvas = CountedCanvas(file, pagesize=(width, height), invariant=True, initialFontName=font)
    canvas.setTitle(paper.say(report.title))
    keys = [column.key for column in report.columns]
    said = ([words(value, key) for value, key in zip(row, keys, strict=True)] for row in report.rows)
    first = list(islice(said, LOOKED_AT))
    page = _Page(canvas, report, paper, (width, height), first)
    page.begin()
    for cells in chain(first, said):
        page.line(cells)
    for name, value in report.totals_said(paper.say):
        page.note(f"{name}: {words(value, '')}")
    page.end()
    canvas.save()
    return file.getvalue()


class _Page:
    """Writes lines downwards and begins a new page where one is full."""

    def __init__(
        self, canvas: Canvas, report: Report, paper: Paper, size: tuple[float, float], first: list[list[str]]
    ) -> None:
        self._canvas, self._report, self._paper = canvas, report, paper
        self._width, self._height = size
        heads = [paper.say(column.heading) for column in report.columns]
        under = list(zip(*first, strict=True)) or [()] * len(heads)
        least = [_least(head, cells) for head, cells in zip(heads, under, strict=True)]
        self._widths = _widths(least, [column.share for column in report.columns], self._width - 2 * MARGIN)
        self._y = self._height

    def begin(self) -> None:
        """Write title and headings at the top of a page."""
        say = self._paper.say
        self._y = self._height - MARGIN - TITLE_SIZE
        draw_line(self._canvas, say(self._report.title), MARGIN, self._y, BOLD, TITLE_SIZE)
        self._y -= 5 * mm
        as_of = f"{say('as of')} {self._paper.moment(self._report.as_of)}"
        draw_line(self._canvas, as_of, MARGIN, self._y, REGULAR, HEAD_SIZE)
        self._y -= 6 * mm
        self._write([say(column.heading) for column in self._report.columns], BOLD)

    def line(self, cells: list[str]) -> None:
        """Write a row."""
        self._write(cells, REGULAR)

    def note(self, text: str) -> None:
        """Write a line over all columns, below the rows."""
        self._room()
        self._y -= ROW_HEIGHT
        draw_line(self._canvas, text, MARGIN, self._y + 1.2 * mm, BOLD, ROW_SIZE)

    def end(self) -> None:
        """Finish the page."""
        draw_foot(self._canvas, self._paper, self._width, MARGIN)
        self._canvas.showPage()

    def _write(self, cells: list[str], font: str) -> None:
        lines = [
            wrapped(cell, font, ROW_SIZE, width - GAP, MOST_LINES)
            for cell, width in zip(cells, self._widths, strict=True)
        ]
        more = (max(map(len, lines)) - 1) * LINE_HEIGHT
        self._room(more)
        self._y -= ROW_HEIGHT + more
        left = MARGIN
        for shown, width in zip(lines, self._widths, strict=True):
            for number, line in enumerate(shown):
                if line:
                    base = self._y + 1.2 * mm + more - number * LINE_HEIGHT
                    draw_line(self._canvas, line, left, base, font, ROW_SIZE)
            left += width
        self._canvas.setStrokeColor(RULE if font == REGULAR else GREY)
        self._canvas.setLineWidth(0.3)
        self._canvas.line(MARGIN, self._y, self._width - MARGIN, self._y)

    def _room(self, more: float = 0) -> None:
        if self._y - ROW_HEIGHT - more < MARGIN + 4 * mm:
            self.end()
            self.begin()


def _least(head: str, cells: Sequence[str]) -> float:
    """Return how wide a column is at least, so that no word of its head and no short word under it is broken."""
    heads = [width_of(word, BOLD, ROW_SIZE) for word in head.split()]
    under = [width_of(word, REGULAR, ROW_SIZE) for word in {word for cell in cells for word in cell.split()}]
    return GAP + max([*heads, *(min(width, MOST_OF_A_WORD) for width in under)], default=0.0)


def _widths(least: Sequence[float], shares: Sequence[int], width: float) -> list[float]:
    """Return the widths of columns that fill a page: their least, and of the rest each its share."""
    rest = width - sum(least)
    if rest < 0:
        return [each * width / sum(least) for each in least]
    return [each + rest * share / sum(shares) for each, share in zip(least, shares, strict=True)]


def _cell(value: Value) -> Value:
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value
