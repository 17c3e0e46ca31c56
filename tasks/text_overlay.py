"""Lay a page's words invisibly over its picture, turned as the print is.

Each word is drawn in render mode 3, its centre on the printed word's, with a matrix that makes it exactly as long and
high. Quarter turns are followed; the slant of a skewed page is followed from word to word, not within one: poppler
parts a word whose base line moves by half a point (of the words of a letter skewed by 2, 5 and 7 degrees `pdftotext`
found 86, 58 and 44 % when words were slanted, 100 % as it is here; pdfium found all either way).
The font is the glyphless one (tasks.glyphless) at size 1: the matrix carries all sizes. ISO 32000-1, 9.3.6 and 9.4.2.
"""

import math
from dataclasses import dataclass

from records.text import Geometry, PageText, Word
from tasks.glyphless import ADVANCE

FONT_KEY = "MunimentText"  # name of the font in a page's resources
_MAX_SLANT = 40.0  # degrees; beyond, a box says nothing about its word's sides


@dataclass(frozen=True, slots=True)
class ToPage:
    """Maps pixels of a raster to points of a page: `x' = a x + c y + e`, `y' = b x + d y + f`."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Map a point."""
        return self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f

    def vector(self, x: float, y: float) -> tuple[float, float]:
        """Map a direction with its length."""
        return self.a * x + self.c * y, self.b * x + self.d * y


def text_layer(page: PageText, to_page: ToPage) -> bytes:
    """Return the content stream that lays a page's words over its raster; empty where there are none."""
    if not page.words:
        return b""
    turned = Geometry(page.width, page.height, page.turned, 0.0)
    right, down = _direction(turned, 1, 0), _direction(turned, 0, 1)
    lines = [f"BT 3 Tr /{FONT_KEY} 1 Tf"]
    lines += [_word(word, _sides(word, page), right, down, to_page) for word in page.words]
    lines.append("ET")
    return "\n".join(lines).encode("ascii")


def _word(
    word: Word,
    sides: tuple[float, float],
    right: tuple[float, float],
    down: tuple[float, float],
    to_page: ToPage,
) -> str:
    wide, high = sides
    x, y = (word.box.x0 + word.box.x1) / 2, (word.box.y0 + word.box.y1) / 2
    # the lower left corner as one reads
    x, y = x - right[0] * wide / 2 + down[0] * high / 2, y - right[1] * wide / 2 + down[1] * high / 2
    codes = word.text.encode("utf-16-be", "replace")
    em = wide / (len(codes) / 2 * ADVANCE / 1000)
    along, up = to_page.vector(right[0] * em, right[1] * em), to_page.vector(-down[0] * high, -down[1] * high)
    origin = to_page.point(x, y)
    matrix = " ".join(_number(value) for value in (*along, *up, *origin))
    return f"{matrix} Tm <{codes.hex()}0020> Tj"  # the space parts words for readers that go by codes


def _direction(geometry: Geometry, x: float, y: float) -> tuple[float, float]:
    """Return the direction on the raster of a direction on the upright page."""
    (x0, y0), (x1, y1) = geometry.to_raster(0, 0), geometry.to_raster(x, y)
    return x1 - x0, y1 - y0


def _sides(word: Word, page: PageText) -> tuple[float, float]:
    """Return a word's length and height in pixels from the box of the raster that holds its slanted corners."""
    wide, high = float(word.box.x1 - word.box.x0), float(word.box.y1 - word.box.y0)
    if page.turned in (90, 270):
        wide, high = high, wide
    if not page.skew or abs(page.skew) > _MAX_SLANT:
        return wide, high
    cos, sin = math.cos(math.radians(page.skew)), abs(math.sin(math.radians(page.skew)))
    # wide = length * cos + height * sin, high = length * sin + height * cos
    length, height = (wide * cos - high * sin) / (cos**2 - sin**2), (high * cos - wide * sin) / (cos**2 - sin**2)
    return (length, height) if length >= 1 and height >= 1 else (wide, high)


def _number(value: float) -> str:
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
