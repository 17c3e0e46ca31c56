"""Labels of files, boxes, locations and people on sheets, and the card of command barcodes: PDF from values.

What a label says: the kind, what it stands for (as much as fits), the code in groups for the eye and as a symbol for
the scanner. A page begins at the label that is still there. Reference of the records desk, sections 2 and 7.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from records.barcodes import CODE_LENGTH, grouped
from records.errors import InvalidValueError
from records.label_sheets import Sheet
from tasks.paper_codes import SHORTEST_BARS_MM, code128_width, draw_code128, draw_qr, qr_size, widest_module
from tasks.paper_fonts import BOLD, REGULAR, register_fonts, runs, shortened, width_of

LEADING = 1.2  # line distance as a multiple of the size of the letters
GAP = 0.9 * mm  # between text and bars
HIGHEST_BARS = 18 * mm

# usable height of a label from (millimetres), size of its text, size of its title (points)
SIZES = ((45.0, 10.0, 22.0), (24.0, 7.5, 13.0), (0.0, 5.5, 7.5))


@dataclass(frozen=True, slots=True)
class Label:
    """What one label says. `heading` names the kind, `title` what people call it, `lines` is more if there is room."""

    code: str
    heading: str
    title: str = ""
    lines: tuple[str, ...] = ()


def labels_pdf(labels: Sequence[Label], sheet: Sheet, first: int = 1) -> bytes:
    """Draw labels on as many pages of a sheet as they need, from the `first` label of the first page, counted from 1.

    Raises:
        InvalidValueError: nothing to print, `first` is not on the sheet, or its labels are too small for a code.
    """
    if not labels:
        raise InvalidValueError("there is nothing to print")
    if not 1 <= first <= sheet.labels:
        raise InvalidValueError(f"the sheet has labels 1 to {sheet.labels}")
    register_fonts()
    file = io.BytesIO()
    size = (sheet.page_width * mm, sheet.page_height * mm)
    font: Any = REGULAR  # its stub asks for a number
    canvas = Canvas(file, pagesize=size, invariant=True, pageCompression=1, initialFontName=font)
    canvas.setTitle("labels")
    for index, label in enumerate(labels, first - 1):
        place = index % sheet.labels
        if place == 0 and index > first - 1:
            canvas.showPage()
        left, top = sheet.place(place)
        _draw(canvas, label, sheet, left + sheet.inset, sheet.page_height - top - sheet.inset)
    canvas.save()
    return file.getvalue()


def spoken(code: str) -> str:
    """Return a code as it is printed for the eye: in groups if it is one of ours."""
    return grouped(code) if len(code) == CODE_LENGTH and code[1:].isdigit() else code


def _draw(canvas: Canvas, label: Label, sheet: Sheet, left_mm: float, top_mm: float) -> None:
    width, height = sheet.label_width - 2 * sheet.inset, sheet.label_height - 2 * sheet.inset
    module = widest_module(label.code, width)
    size, title = next((size, title) for least, size, title in SIZES if height >= least)
    if module is None:
        _draw_with_qr(canvas, label, (left_mm, top_mm, width, height), (size, title))
        return
    code_line = size * LEADING
    text = list(_text_lines(label, size, title))
    room = height * mm - code_line - GAP - SHORTEST_BARS_MM * mm
    if room < 0:
        raise InvalidValueError(f"the labels of sheet {sheet.name} are too low for a barcode")
    while sum(step for *_, step in text) > room:
        text.pop()  # the code comes first: what does not fit is left out, the least wanted of it first
    bars = min(room + SHORTEST_BARS_MM * mm - sum(step for *_, step in text), HIGHEST_BARS)
    y = _write(canvas, text, left_mm * mm, top_mm * mm, width * mm) - GAP
    symbol_left = left_mm * mm + (width - code128_width(label.code, module)) / 2 * mm
    draw_code128(canvas, label.code, symbol_left, y - bars, bars, module)
    _centred(canvas, spoken(label.code), left_mm * mm, y - bars - code_line * 0.85, width * mm, size)


def _draw_with_qr(
    canvas: Canvas, label: Label, box: tuple[float, float, float, float], sizes: tuple[float, float]
) -> None:
    left, top, width, height = box
    size, title = sizes
    side = qr_size(label.code)
    if side > min(width, height):
        raise InvalidValueError("the labels of this sheet are too small for this code; choose a larger sheet")
    draw_qr(canvas, label.code, left * mm, (top - side) * mm, side * mm)
    text_left, room = (left + side) * mm, (width - side) * mm
    text = [*_text_lines(label, size, title), (REGULAR, spoken(label.code), size, size * LEADING)]
    while len(text) > 1 and sum(step for *_, step in text) > height * mm:
        text.pop(-2)
    _write(canvas, text, text_left, top * mm, room)


def _text_lines(label: Label, size: float, title: float) -> Iterator[tuple[str, str, float, float]]:
    """Yield font, text, size and line distance, the most wanted first."""
    if label.title:
        yield BOLD, label.title, title, title * LEADING
    yield REGULAR, label.heading, size, size * LEADING
    for line in label.lines:
        yield REGULAR, line, size, size * LEADING


def _write(
    canvas: Canvas, text: Sequence[tuple[str, str, float, float]], left: float, top: float, width: float
) -> float:
    """Write lines downwards from `top`; return where the last one ends."""
    for font, line, size, step in text:
        draw_line(canvas, shortened(line, font, size, width), left, top - size, font, size)
        top -= step
    return top


def _centred(canvas: Canvas, text: str, left: float, baseline: float, width: float, size: float) -> None:
    text = shortened(text, REGULAR, size, width)
    draw_line(canvas, text, left + (width - width_of(text, REGULAR, size)) / 2, baseline, REGULAR, size)


def draw_line(canvas: Canvas, text: str, left: float, baseline: float, font: str, size: float) -> None:
    """Write one line with the fonts that have its letters."""
    for face, part in runs(text, font):
        canvas.setFont(face, size)
        canvas.drawString(left, baseline, part)
        left += width_of(part, face, size) if face in (REGULAR, BOLD) else canvas.stringWidth(part, face, size)


def command_labels(commands: Sequence[tuple[str, str]], say: Callable[[str], str]) -> list[Label]:
    """Return the labels of command barcodes `(code, what it does)`, for cards that lie at the desk."""
    return [Label(code, say("command"), say(does)) for code, does in commands]
