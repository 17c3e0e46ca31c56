"""Fonts of printed papers: embedded, the same on every machine, and nothing printed as an empty box.

The Vera family comes with reportlab and has all letters of Western Europe. A run with letters it lacks (Romanian,
Cyrillic, Greek names) is set in DejaVu Sans, its larger sister, where the machine has it; elsewhere such a letter loses
its accent, and what has no base letter is printed as `?`.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import reportlab
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, BOLD = "Vera", "VeraBd"
_WIDER = {REGULAR: "DejaVuSans", BOLD: "DejaVuSans-Bold"}
_OWN_FOLDER = Path(str(reportlab.__file__)).parent / "fonts"
_WIDER_FOLDERS = (Path("/usr/share/fonts/truetype/dejavu"), Path("/usr/share/fonts/dejavu-sans-fonts"))


@cache
def register_fonts() -> None:
    """Make the fonts known to reportlab; again is no work."""
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(_OWN_FOLDER / f"{name}.ttf")))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
    for name in _WIDER.values():
        for folder in _WIDER_FOLDERS:
            if (folder / f"{name}.ttf").is_file():
                pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
                break


def runs(text: str, font: str = REGULAR) -> Iterator[tuple[str, str]]:
    """Yield `(font, text)` parts of one line that each font can show; control characters become spaces."""
    register_fonts()
    clean = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in unicodedata.normalize("NFC", text))
    start = 0
    faces = [_face(character, font) for character in clean]
    for place in range(1, len(clean) + 1):
        if place == len(clean) or faces[place] != faces[start]:
            part = clean[start:place]
            yield (faces[start] or font), (part if faces[start] else "".join(_nearest(c, font) for c in part))
            start = place


def markup(text: str, font: str = REGULAR) -> str:
    """Return text for a paragraph: escaped, with the fonts of `runs`, line ends kept."""
    lines = []
    for line in text.splitlines() or [""]:
        parts = (
            escape(part) if face == font else f'<font name="{face}">{escape(part)}</font>'
            for face, part in runs(line, font)
        )
        lines.append("".join(parts))
    return "<br/>".join(lines)


def width_of(text: str, font: str, size: float) -> float:
    """Return how wide a line is, in points."""
    return float(sum(pdfmetrics.stringWidth(part, face, size) for face, part in runs(text, font)))


def shortened(text: str, font: str, size: float, width: float) -> str:
    """Return the text, cut and ended by an ellipsis where it is wider than `width` points."""
    if width_of(text, font, size) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width_of(text[:middle].rstrip() + "…", font, size) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…"


def wrapped(text: str, font: str, size: float, width: float, most: int) -> list[str]:
    """Return the text as at most so many lines of `width` points, broken between words where that is possible.

    What does not fit the last line is cut and ended by an ellipsis.
    """
    lines: list[str] = []
    left = " ".join(text.split())
    while left and len(lines) < most - 1 and width_of(left, font, size) > width:
        place = _break_of(left, font, size, width)
        lines.append(left[:place].rstrip())
        left = left[place:].lstrip()
    return [*lines, shortened(left, font, size, width)]


def _break_of(text: str, font: str, size: float, width: float) -> int:
    """Return after how many characters a line ends: at a space where one fits, else where the width does."""
    fits = len(shortened(text, font, size, width)) - 1
    space = text.rfind(" ", 0, fits + 1)
    return space if space > 0 else max(fits, 1)


@cache
def _face(character: str, font: str) -> str | None:
    for name in (font, _WIDER[font]):
        if name in pdfmetrics.getRegisteredFontNames() and _has(name, character):
            return name
    return None


def _has(font: str, character: str) -> bool:
    face: Any = pdfmetrics.getFont(font)
    return ord(character) in face.face.charToGlyph


def _nearest(character: str, font: str) -> str:
    base = unicodedata.normalize("NFKD", character)[0]
    return base if _has(font, base) else "?"
