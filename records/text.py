"""What was read on a page: words with their boxes, and how a page's raster is turned upright.

A box is `(x0, y0, x1, y1)` in pixels of the page's raster as stored (before EXIF, /Rotate, turn or deskew), origin
at top left, x1 and y1 exclusive; for a PDF page that is not one whole-page image, of its crop box at 300 dpi.
Contract: docs/design/formats.md, words; the command line's `record words`.
"""

import gzip
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

TextSource = Literal["ocr", "born-digital"]
WORDS_FORMAT = "muniment-words-1"
HANDWRITING = "handwriting"  # the fact of a page on which something is written by hand: how many strokes


class Box(NamedTuple):
    """Left, top, right, bottom in pixels; right and bottom are exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int


class Word(NamedTuple):
    """One word as read; confidence is 0..100, line and block are numbered from 1 in reading order."""

    text: str
    box: Box
    confidence: float
    line: int
    block: int


@dataclass(frozen=True, slots=True)
class PageText:
    """One page as read.

    `page` counts from 1 within the record. `width` and `height` are the raster's pixels, `dpi` its resolution.
    `turned` is degrees clockwise (0, 90, 180, 270) that made it upright, `skew` the degrees, counter-clockwise
    positive, that then straightened it. `flags` name what went wrong (`time`, `memory`, `crash`, `no-text`).
    `facts` are the parameters of the preparation, by name, for the page's row.
    """

    page: int
    width: int
    height: int
    dpi: int
    turned: int
    skew: float
    language: str
    engine: str
    blank: bool
    source: TextSource
    words: tuple[Word, ...]
    flags: tuple[str, ...] = ()
    facts: tuple[tuple[str, float], ...] = ()

    @property
    def text(self) -> str:
        """Words joined by spaces, lines by a line feed, blocks by an empty line."""
        parts: list[str] = []
        before: Word | None = None
        for word in self.words:
            if before is not None:
                parts.append("\n\n" if word.block != before.block else "\n" if word.line != before.line else " ")
            parts.append(word.text)
            before = word
        return "".join(parts)

    @property
    def confidence(self) -> float:
        """Mean word confidence weighted by letters, 0..100; 0 where nothing was read."""
        letters = sum(len(word.text) for word in self.words)
        return sum(word.confidence * len(word.text) for word in self.words) / letters if letters else 0.0

    @property
    def geometry(self) -> "Geometry":
        """How this page's raster maps to the upright page."""
        return Geometry(self.width, self.height, self.turned, self.skew)


@dataclass(frozen=True, slots=True)
class Embedded:
    """What a file carries beside its pages: an invoice as XML.

    `syntax` is cii, ubl or facturae; `values` are (field, value, path in the XML); `fault` says why it could not be
    read. `terms` are (business term of EN 16931, amount or other text) for its rules; `xml` is the file itself. Both
    are missing where the record was read before they were kept.
    """

    syntax: str
    values: tuple[tuple[str, str, str], ...]
    fault: str | None = None
    terms: tuple[tuple[str, str], ...] = ()
    xml: bytes | None = None


@dataclass(frozen=True, slots=True)
class Geometry:
    """Maps boxes between a page's raster and the upright, straightened page.

    The raster (width x height pixels) is first turned clockwise by `turned` degrees, then rotated about its centre
    by `skew` degrees counter-clockwise on a canvas that grows to keep the corners, as cv2.warpAffine does.
    """

    width: int
    height: int
    turned: int
    skew: float

    @property
    def turned_size(self) -> tuple[int, int]:
        """Width and height after the turn, before the skew is taken out."""
        return (self.height, self.width) if self.turned in (90, 270) else (self.width, self.height)

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of the upright page, in pixels."""
        width, height = self.turned_size
        cos, sin = abs(math.cos(math.radians(self.skew))), abs(math.sin(math.radians(self.skew)))
        return int(width * cos + height * sin), int(height * cos + width * sin)

    def to_upright(self, x: float, y: float) -> tuple[float, float]:
        """Map a point of the raster to the upright page."""
        if self.turned == 90:
            x, y = self.height - y, x
        elif self.turned == 180:
            x, y = self.width - x, self.height - y
        elif self.turned == 270:
            x, y = y, self.width - x
        width, height = self.turned_size
        upright_width, upright_height = self.upright_size
        cos, sin = math.cos(math.radians(self.skew)), math.sin(math.radians(self.skew))
        dx, dy = x - width / 2, y - height / 2
        return cos * dx + sin * dy + upright_width / 2, -sin * dx + cos * dy + upright_height / 2

    def to_raster(self, x: float, y: float) -> tuple[float, float]:
        """Map a point of the upright page to the raster; the inverse of `to_upright`."""
        width, height = self.turned_size
        upright_width, upright_height = self.upright_size
        cos, sin = math.cos(math.radians(self.skew)), math.sin(math.radians(self.skew))
        dx, dy = x - upright_width / 2, y - upright_height / 2
        x, y = cos * dx - sin * dy + width / 2, sin * dx + cos * dy + height / 2
        if self.turned == 90:
            return y, self.height - x
        if self.turned == 180:
            return self.width - x, self.height - y
        if self.turned == 270:
            return self.width - y, x
        return x, y

    def box_to_upright(self, box: Box) -> Box:
        """Map a box of the raster: its centre is mapped, its sides keep their length (swapped by a quarter turn)."""
        x, y = self.to_upright((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
        wide, high = box.x1 - box.x0, box.y1 - box.y0
        if self.turned in (90, 270):
            wide, high = high, wide
        return Box(round(x - wide / 2), round(y - high / 2), round(x + wide / 2), round(y + high / 2))

    def box_to_raster(self, box: Box) -> Box:
        """Map a box of the upright page to the smallest box of the raster that holds its corners, inside the raster."""
        corners = [self.to_raster(x, y) for x in (box.x0, box.x1) for y in (box.y0, box.y1)]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        x0 = min(max(0, math.floor(min(xs) + 0.5)), self.width - 1)
        y0 = min(max(0, math.floor(min(ys) + 0.5)), self.height - 1)
        x1 = min(max(x0 + 1, math.floor(max(xs) + 0.5)), self.width)
        y1 = min(max(y0 + 1, math.floor(max(ys) + 0.5)), self.height)
        return Box(x0, y0, x1, y1)


def union(boxes: Iterable[Box]) -> Box:
    """Return the smallest box that holds all of `boxes` (at least one)."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return Box(min(x0), min(y0), max(x1), max(y1))


def write_words(path: Path, pages: Iterable[PageText], embedded: Embedded | None = None) -> int:
    """Write pages as gzip-compressed JSON lines, one page a line after a format line; return how many.

    What the file carries beside its pages goes into the format line.

    The words derivative is this file, sealed: never a row per word (design, section 4).
    """
    count = 0
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 5, raw, mtime=0) as packed:
        head: dict[str, Any] = {"format": WORDS_FORMAT}
        if embedded is not None:
            xml = None if embedded.xml is None else embedded.xml.decode("latin-1")  # byte for byte, as text
            head["embedded"] = [embedded.syntax, embedded.values, embedded.fault, embedded.terms, xml]
        packed.write(json.dumps(head, ensure_ascii=False).encode() + b"\n")
        for page in pages:
            packed.write(_encode(page) + b"\n")
            count += 1
    return count


def read_words(path: Path) -> Iterator[PageText]:
    """Yield the pages of a words file one by one, in flat memory.

    Raises:
        ValueError: the file is not a words file of this format.
    """
    with gzip.open(path, "rb") as packed:
        head = json.loads(packed.readline())
        if head.get("format") != WORDS_FORMAT:
            raise ValueError("not a words file of a known format")
        for line in packed:
            yield _decode(line)


def read_embedded(path: Path) -> Embedded | None:
    """Return what the file carried beside its pages.

    Raises:
        ValueError: the file is not a words file of this format.
    """
    with gzip.open(path, "rb") as packed:
        head = json.loads(packed.readline())
    if head.get("format") != WORDS_FORMAT:
        raise ValueError("not a words file of a known format")
    if head.get("embedded") is None:
        return None
    syntax, values, fault, *since = head["embedded"]  # two more since EN 16931's rules are asked
    terms, xml = since or ((), None)
    return Embedded(
        syntax, tuple((name, value, place) for name, value, place in values), fault,
        tuple((name, value) for name, value in terms), None if xml is None else xml.encode("latin-1"),
    )  # fmt: skip


def _encode(page: PageText) -> bytes:
    row = {
        "page": page.page, "width": page.width, "height": page.height, "dpi": page.dpi, "turned": page.turned,
        "skew": page.skew, "language": page.language, "engine": page.engine, "blank": page.blank,
        "source": page.source, "flags": page.flags, "facts": page.facts,
        "words": [(w.text, *w.box, round(w.confidence, 1), w.line, w.block) for w in page.words],
    }  # fmt: skip
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


def _decode(line: bytes) -> PageText:
    row = json.loads(line)
    row["words"] = tuple(Word(w[0], Box(*w[1:5]), w[5], w[6], w[7]) for w in row["words"])
    row["flags"] = tuple(row["flags"])
    row["facts"] = tuple((name, value) for name, value in row["facts"])
    return PageText(**row)
