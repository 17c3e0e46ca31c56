"""What every printed paper of the desk shares: page, heading with its barcode, tables over pages, dates in words.

Papers are drawn from values; the same values give the same bytes. Texts come in English and are put into the language
of the paper by `say`; a page says which page of how many it is, so that a missing one shows.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from tasks.labels import draw_line, spoken
from tasks.paper_codes import CodeFlowable
from tasks.paper_fonts import BOLD, REGULAR, markup, register_fonts, width_of

MARGIN = 15 * mm
FOOT = 9 * mm
FOOT_SIZE = 7.0  # points
PAGE_COUNT = "page-count"  # drawn once, when the last page is set, and shown on every page
DIGITS_KEPT = "0000"  # room for the number of pages
CODE_ROOM_MM = 60.0  # of the barcode beside a title
CELL_LIMIT, CELL_LINES = 240, 12  # characters and lines: a row of a table is not split, so it must fit a page
GREY = colors.HexColor("#666666")
RULE = colors.HexColor("#999999")
SHADE = colors.HexColor("#eeeeee")

TEXT = ParagraphStyle("text", fontName=REGULAR, fontSize=9, leading=11.5)
SMALL = ParagraphStyle("small", parent=TEXT, fontSize=7.5, leading=9.5, textColor=GREY)
CENTRED = ParagraphStyle("centred", parent=SMALL, alignment=TA_CENTER)
STRONG = ParagraphStyle("strong", parent=TEXT, fontName=BOLD)
TITLE = ParagraphStyle("title", parent=TEXT, fontName=BOLD, fontSize=16, leading=20)
HEAD = ParagraphStyle("head", parent=TEXT, fontName=BOLD, fontSize=7.5, leading=9.5)
LARGE = ParagraphStyle("large", parent=TEXT, fontName=BOLD, fontSize=13, leading=16)

FONT: Any = ("FONTNAME", (0, 0), (-1, -1), REGULAR)  # of empty cells too: a font that is named is a font to embed

Cell = str | Flowable | list[Flowable]  # a list is stacked in one cell


@dataclass(frozen=True, slots=True)
class Paper:
    """How a paper is written: language, its translation, when and where it is printed."""

    language: str
    say: Callable[[str], str]
    printed_at: datetime
    zone: ZoneInfo
    office: str = ""  # name of the site or bureau, at the foot of each page

    def day(self, day: date | None) -> str:
        """Write a date with its weekday, as people here do; nothing for none."""
        return "" if day is None else str(format_date(day, "full", locale=self.language))

    def short_day(self, day: date | None) -> str:
        """Write a date in figures with a short weekday, for tables."""
        return "" if day is None else str(format_date(day, "EEE dd/MM/y", locale=self.language))

    def moment(self, moment: datetime) -> str:
        """Write an instant as the local time of the site."""
        local = moment.astimezone(self.zone)
        return str(format_datetime(local, "dd/MM/y HH:mm", locale=self.language))


class CountedCanvas(Canvas):
    """Defines the number of pages, which every foot has shown already, when it is known."""

    def save(self) -> None:
        """Define the number of pages, and end the file."""
        self.beginForm(PAGE_COUNT)
        self.setFillColor(GREY)
        draw_line(self, str(self.getPageNumber() - 1), 0, 0, REGULAR, FOOT_SIZE)
        self.endForm()
        super().save()


def paper_pdf(
    title: str, parts: Sequence[Flowable], paper: Paper, page: tuple[float, float] = A4, margin: float = MARGIN
) -> bytes:
    """Set the parts of one or several papers one after the other; return the PDF."""
    register_fonts()
    file = io.BytesIO()
    width, height = page
    frame = Frame(margin, margin + FOOT, width - 2 * margin, height - 2 * margin - FOOT, 0, 0, 0, 0)

    def foot(canvas: Canvas, _document: BaseDocTemplate) -> None:
        draw_foot(canvas, paper, width, margin)

    document = BaseDocTemplate(
        file, pagesize=page, title=title, lang=paper.language, invariant=True, initialFontName=REGULAR,
        pageTemplates=[PageTemplate("page", [frame], onPageEnd=foot)],
    )  # fmt: skip
    document.build(list(parts), canvasmaker=CountedCanvas)
    return file.getvalue()


def draw_foot(canvas: Canvas, paper: Paper, width: float, margin: float) -> None:
    """Write office, time and page at the foot of a page of a `CountedCanvas`."""
    canvas.saveState()
    canvas.setFillColor(GREY)
    left = " · ".join(part for part in (paper.office, paper.moment(paper.printed_at)) if part)
    draw_line(canvas, left, margin, FOOT, REGULAR, FOOT_SIZE)
    words = paper.say("page {number} of {count}").format(number=canvas.getPageNumber(), count="\0")
    before, _, after = words.partition("\0")
    start = width - margin - width_of(before + DIGITS_KEPT + after, REGULAR, FOOT_SIZE)
    draw_line(canvas, before, start, FOOT, REGULAR, FOOT_SIZE)
    canvas.translate(start + width_of(before, REGULAR, FOOT_SIZE), FOOT)
    canvas.doForm(PAGE_COUNT)
    canvas.restoreState()


def text(words: str, style: ParagraphStyle = TEXT) -> Paragraph:
    """Return a few words as a paragraph, cut where a cell may hold no more; what they hold is shown, never obeyed."""
    kept = "\n".join(words.splitlines()[:CELL_LINES])[:CELL_LIMIT]
    return prose(kept if kept == words else kept.rstrip() + "…", style)


def prose(words: str, style: ParagraphStyle = TEXT) -> Paragraph:
    """Return words of any length as a paragraph, which may run over pages; what they hold is shown, never obeyed."""
    return Paragraph(markup(words, str(style.fontName)), style)


def heading(title: str, code: str | None, width: float) -> list[Flowable]:
    """Return the title of a paper, with its barcode at the right."""
    if code is None:
        return [text(title, TITLE), Spacer(0, 3 * mm)]
    symbol = CodeFlowable(code, CODE_ROOM_MM)
    right = Table([[symbol], [text(spoken(code), CENTRED)]], colWidths=[symbol.width])
    right.setStyle(_tight())
    right.hAlign = "RIGHT"
    row = Table([[text(title, TITLE), right]], colWidths=[width - symbol.width, symbol.width])
    row.setStyle(_tight(("VALIGN", (0, 0), (-1, -1), "TOP")))
    return [row, Spacer(0, 2 * mm)]


def facts(rows: Sequence[tuple[str, Cell]], width: float, label: float = 42 * mm) -> Table:
    """Return a block of names and values; values that are empty are left out."""
    kept = [(name, value) for name, value in rows if value != ""]
    cells = [[text(name, SMALL), _cell(value)] for name, value in kept] or [[text(""), text("")]]
    table = Table(cells, colWidths=[label, width - label])
    table.setStyle(_tight(("VALIGN", (0, 0), (-1, -1), "TOP"), ("BOTTOMPADDING", (0, 0), (-1, -1), 2)))
    return table


def listing(heads: Sequence[str], rows: Sequence[Sequence[Cell]], widths: Sequence[float]) -> Table:
    """Return a table whose heads are repeated on each page and whose rows are not split."""
    cells: list[list[Any]] = [[text(head, HEAD) for head in heads], *([_cell(cell) for cell in row] for row in rows)]
    table = Table(cells, colWidths=list(widths), repeatRows=1, splitInRow=0)
    table.setStyle(
        TableStyle(
            [
                FONT,
                ("BACKGROUND", (0, 0), (-1, 0), SHADE),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LEFTPADDING", (0, 0), (-1, -1), 3),
                ("RIGHTPADDING", (0, 0), (-1, -1), 3),
                ("TOPPADDING", (0, 0), (-1, -1), 2.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ]
        )
    )
    return table


def signatures(names: Sequence[str], width: float) -> Table:
    """Return lines to sign on, side by side."""
    gap = 8 * mm
    each = (width - gap * (len(names) - 1)) / len(names)
    widths = [each, *([gap, each] * (len(names) - 1))]
    above: list[Any] = [""] * len(widths)
    above[::2] = [text(name, SMALL) for name in names]
    table = Table([above, [""] * len(widths)], colWidths=widths, rowHeights=[None, 16 * mm])
    table.setStyle(_tight(*(("LINEBELOW", (n, 1), (n, 1), 0.6, colors.black) for n in range(0, len(widths), 2))))
    return table


def tick_box() -> Table:
    """Return an empty box to tick by hand."""
    table = Table([[""]], colWidths=[4 * mm], rowHeights=[4 * mm])
    table.setStyle(TableStyle([FONT, ("BOX", (0, 0), (-1, -1), 0.7, colors.black)]))
    return table


def _cell(value: Cell) -> Flowable | list[Flowable]:
    return text(value) if isinstance(value, str) else value


def _tight(*commands: Any) -> TableStyle:
    # a block stands flush with the text around it
    none: list[Any] = [(f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")]
    return TableStyle([FONT, *none, *commands])
