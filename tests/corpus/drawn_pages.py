"""Pages as read, drawn from plain text: one character is a fixed cell, two or more spaces part columns."""

from records.text import Box, PageText, Word

WIDE, HIGH = 20, 50  # pixels of a character and of a line
LETTER = 28  # pixels of a word's height


def page(
    text: str,
    *,
    number: int = 1,
    language: str = "spa",
    source: str = "ocr",
    confidence: float = 95.0,
    turned: int = 0,
) -> PageText:
    """Return a page whose words stand where they stand in `text`; `turned` lays it on its side in the raster."""
    words = []
    lines = text.strip("\n").split("\n")
    wide = max(100, max(len(line) for line in lines) + 6) * WIDE
    high = max(70, len(lines) + 6) * HIGH
    block = 1
    for row, line in enumerate(lines):
        if not line.strip():
            block += 1
        start = 0
        for word in line.split():
            start = line.index(word, start)
            x, y = (start + 3) * WIDE, (row + 3) * HIGH
            box = Box(x, y, x + len(word) * WIDE - 6, y + LETTER)
            words.append(Word(word, _turn(box, wide, high, turned), confidence, row + 1, block))
            start += len(word)
    width, height = (high, wide) if turned in (90, 270) else (wide, high)
    engine = "drawn"
    return PageText(number, width, height, 200, turned, 0.0, language, engine, False, source, tuple(words))  # type: ignore[arg-type]


def _turn(box: Box, wide: int, high: int, turned: int) -> Box:
    """Return where a box of the upright page lies in a raster that must be turned clockwise by `turned`."""
    if turned == 90:
        return Box(box.y0, wide - box.x1, box.y1, wide - box.x0)
    if turned == 180:
        return Box(wide - box.x1, high - box.y1, wide - box.x0, high - box.y0)
    if turned == 270:
        return Box(high - box.y1, box.x0, high - box.y0, box.x1)
    return box
