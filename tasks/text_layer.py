"""Take the words of a born-digital PDF page from its own text, with their boxes.

Text that can be seen and decoded is kept, not read again, with what was typed into form fields. Not taken: hidden
text over a scan (some earlier OCR), text under or on a large image, and text whose characters have no meaning (fonts
without a mapping).
Boxes are in pixels of the page's raster: the crop box at `render_dpi`, /Rotate not applied (docs/design/formats.md).
"""

import contextlib
import ctypes
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypdfium2.raw as pdfium

from records.text import Box, Word
from tasks.pdf_pages import MAX_OBJECTS, POINT, rendered_size, seen_page

ENGINE = "pdf-text"
CERTAIN = 100.0  # the file says so itself
MOSTLY_IMAGE = 0.8  # of the page covered by images: a scan, whatever text it carries
PARTLY_IMAGE = 0.3  # of the page covered by images: text must be plenty
PLENTY = 400  # characters
MEANING = 0.3  # share of letters and figures, leaders not counted, below which a font's mapping is not believed
GARBAGE = 0.1  # share of characters without meaning above which the text is not believed
_HIDDEN = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)


@dataclass(frozen=True, slots=True)
class TextPage:
    """The words of a born-digital page; `turn` is its /Rotate in degrees clockwise."""

    width: int
    height: int
    dpi: int
    turn: int
    words: tuple[Word, ...]


def text_layer(path: Path, number: int, dpi: int) -> TextPage | None:
    """Return the words of page `number` (from 1) where it is born-digital, else None: then it must be read.

    Raises:
        RefusedScanError: the document or the page does not open ("damaged").
    """
    with seen_page(path, number) as page:
        if not _has_visible_text(page):
            return None
        width, height = rendered_size(page, dpi)
        left, _, _, top = page.get_bbox()
        with contextlib.closing(page.get_textpage()) as text:
            characters = tuple(_characters(text))
        if not _is_believable(characters) or not _stands_alone(page, len(characters)):
            return None
        words = tuple(_words(characters, left, top, dpi / POINT, width, height))
        return TextPage(width, height, dpi, int(page.get_rotation()), words) if words else None


@dataclass(frozen=True, slots=True)
class _Character:
    """One character; `box` is left, bottom, right, top in points, None where pdfium added it."""

    text: str
    box: tuple[float, float, float, float] | None
    unmapped: bool


def _has_visible_text(page: Any) -> bool:
    for count, item in enumerate(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT], max_depth=6)):
        if count > MAX_OBJECTS:
            return True
        if pdfium.FPDFTextObj_GetTextRenderMode(item) not in _HIDDEN:
            return True
    return False


def _characters(text: Any) -> Iterator[_Character]:
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    handle = text.raw
    for index in range(pdfium.FPDFText_CountChars(handle)):
        code = pdfium.FPDFText_GetUnicode(handle, index)
        generated = pdfium.FPDFText_IsGenerated(handle, index) == 1
        item = pdfium.FPDFText_GetTextObject(handle, index)
        if item and pdfium.FPDFTextObj_GetTextRenderMode(item) in _HIDDEN:
            continue
        box = None
        if not generated and pdfium.FPDFText_GetCharBox(handle, index, left, right, bottom, top):
            box = (left.value, bottom.value, right.value, top.value)
        unmapped = not generated and pdfium.FPDFText_HasUnicodeMapError(handle, index) == 1
        yield _Character(_decoded(code), box, unmapped)


def _decoded(code: int) -> str:
    """Return the character of a code point; what is none becomes U+FFFD (halves of pairs included)."""
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"


def _is_believable(characters: tuple[_Character, ...]) -> bool:
    """Tell whether text has meaning: few characters unmapped, private or replaced; letters or figures among them."""
    printed = [character for character in characters if character.box is not None and not character.text.isspace()]
    wrong = sum(
        character.unmapped or character.text == "\ufffd" or unicodedata.category(character.text) in ("Co", "Cc", "Cn")
        for character in printed
    )
    if not printed or wrong > GARBAGE * len(printed):
        return False
    spoken = [character.text for character in printed if character.text not in "._-\u2026"]
    return sum(map(str.isalnum, spoken)) >= MEANING * len(spoken)


def _stands_alone(page: Any, characters: int) -> bool:
    """Tell whether a page is its text, not images with some text on them."""
    left, bottom, right, top = page.get_bbox()
    area = max(1.0, (right - left) * (top - bottom))
    covered = 0.0
    for count, item in enumerate(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=6)):
        if count > MAX_OBJECTS:
            break
        x0, y0, x1, y1 = item.get_bounds()
        across, up = min(x1, right) - max(x0, left), min(y1, top) - max(y0, bottom)
        covered += max(0.0, across) * max(0.0, up)
    share = covered / area
    return share < MOSTLY_IMAGE and (share < PARTLY_IMAGE or characters >= PLENTY)


def _words(
    characters: tuple[_Character, ...], left: float, top: float, scale: float, width: int, height: int
) -> Iterator[Word]:
    """Join characters to words; pdfium puts spaces and line ends where they are seen."""
    line = block = 1
    breaks = 0
    run: list[_Character] = []
    for character in (*characters, _Character("\n", None, False)):
        if not character.text.isspace():
            if character.box is not None and not unicodedata.category(character.text).startswith("C"):
                run.append(character)
            continue
        if run:
            if breaks:
                line += 1
                block += breaks > 1
                breaks = 0
            yield _word(run, left, top, scale, width, height, line, block)
            run = []
        breaks += character.text == "\n"


def _word(
    run: list[_Character], left: float, top: float, scale: float, width: int, height: int, line: int, block: int
) -> Word:
    boxes = [character.box for character in run if character.box is not None]
    x0 = round((min(box[0] for box in boxes) - left) * scale)
    x1 = round((max(box[2] for box in boxes) - left) * scale)
    y0 = round((top - max(box[3] for box in boxes)) * scale)
    y1 = round((top - min(box[1] for box in boxes)) * scale)
    x0, y0 = min(max(0, x0), width - 1), min(max(0, y0), height - 1)
    box = Box(x0, y0, min(max(x0 + 1, x1), width), min(max(y0 + 1, y1), height))
    return Word("".join(character.text for character in run), box, CERTAIN, line, block)
