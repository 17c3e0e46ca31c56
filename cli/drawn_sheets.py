"""A sheet on which made-up documents are set as words with boxes, and the misreadings an engine would make of them.

A4 at 300 dpi. Letters are half as wide as high. Misreading is a model of an engine, not an engine: letters are taken
for likely others, marks are lost, words run together or are not seen, and the confidence given is lower, but not
always, where a word is wrong (figures of real engines: the reading chapter of the design documents).
"""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw, ImageFont

from records.text import Box, PageText, Word
from tasks.second_look import settle, wants_look

WIDE, HIGH = 2480, 3508  # pixels of the sheet
LETTER = 34  # pixels of usual letters' height
NEAR = 8  # pixels within which a word that was read is the one that was set
SHARE = 0.52  # a letter's width by its height

_FONTS = Path(str(files("reportlab"))) / "fonts"
# Pillow's own typeface and those of a package we have anyway, with the share of a box's height at which they fit in it
FACES = ((None, 0.98), (_FONTS / "Vera.ttf", 0.84), (_FONTS / "VeraBd.ttf", 0.76), (_FONTS / "VeraIt.ttf", 0.84))

_CONFUSED = {
    "0": "O8D6", "1": "l7I", "2": "Z7", "3": "8", "4": "A1", "5": "S6", "6": "8G", "7": "1", "8": "B36", "9": "g4",
    "O": "0", "I": "1l", "l": "1I", "S": "5", "B": "8", "Z": "2", "G": "6", "a": "o", "o": "a0", "e": "c", "c": "e",
    "n": "u", "u": "n", "í": "i", "ó": "o", "á": "a", "é": "e", "ñ": "n", "m": "rn", "t": "f", ",": ".", ".": ",",
    "/": "1", "€": "E6", "D": "O0", "r": "t", "h": "b",
}  # fmt: skip


class Sheet:
    """Collects words as they are set; `y` is where the next line would go, for whoever sets one after another."""

    def __init__(self, top: int = 180) -> None:
        """Start an empty sheet."""
        self.words: list[Word] = []
        self.y = top
        self.line = 0

    def put(self, x: int, y: int, text: str, size: int = LETTER, *, right: bool = False) -> int:
        """Set a text with its left (or right) edge at `x` and its top at `y`; return its width."""
        wide = round(len(text) * size * SHARE)
        left = x - wide if right else x
        self.line += 1
        start = 0
        for part in text.split(" "):
            if part:
                x0 = left + round(start * size * SHARE)
                x1 = left + round((start + len(part)) * size * SHARE) - 2
                self.words.append(Word(part, Box(max(x0, 0), y, max(x1, 1), y + size), 100.0, self.line, self.line))
            start += len(part) + 1
        return wide

    def next(self, size: int = LETTER, gap: float = 1.55) -> int:
        """Move to the next line; return where it begins."""
        self.y += round(size * gap)
        return self.y

    def page(self, source: str = "born-digital", language: str = "spa") -> PageText:
        """Return the sheet as a page that was read without a fault."""
        words = tuple(sorted(self.words, key=lambda word: (word.box.y0, word.box.x0)))
        engine = "drawn"
        born = source == "born-digital"
        return PageText(1, WIDE, HIGH, 300, 0, 0.0, language, engine, False, "born-digital" if born else "ocr", words)


def picture(page: PageText, draw: Random) -> Image.Image:
    """Return a sheet as a scanner would see it: grey, 300 dpi, cut to what is set on it, in one of four typefaces."""
    high = min(page.height, max(word.box.y1 for word in page.words) + 120)
    wide = min(page.width, max(word.box.x1 for word in page.words) + 120)
    image = Image.new("L", (wide, high), draw.randrange(238, 256))
    pen, ink = ImageDraw.Draw(image), draw.randrange(0, 60)
    face, share = draw.choice(FACES)
    lines: dict[int, list[Word]] = {}
    for word in page.words:
        lines.setdefault(word.line, []).append(word)
    for words in lines.values():  # spaced by the typeface, as print is
        box = words[0].box
        size = round((box.y1 - box.y0) * share)
        letters = ImageFont.load_default(size) if face is None else ImageFont.truetype(str(face), size)
        pen.text((box.x0, box.y0), " ".join(word.text for word in words), ink, letters)
    return image


def misread(page: PageText, draw: Random, rate: float) -> PageText:
    """Return the page as an engine would read it that gets a share `rate` of letters wrong."""
    words = []
    for word in page.words:
        if draw.random() < rate * 0.6:
            continue  # not seen
        text, wrong = _misread_word(word.text, draw, rate)
        sure = draw.gauss(78, 14) if wrong else draw.gauss(95, 2.5)
        if not wrong and draw.random() < rate * 4:
            sure = draw.gauss(80, 12)
        if wrong and draw.random() < 0.12:
            sure = draw.gauss(93, 3)
        box = Box(*(max(0, side + draw.randrange(-2, 3)) for side in word.box))
        box = Box(box.x0, box.y0, max(box.x1, box.x0 + 1), max(box.y1, box.y0 + 1))
        words.append(Word(text, box, max(5.0, min(98.0, sure)), word.line, word.block))
    return replace(page, words=tuple(words), source="ocr")


def seen_twice(page: PageText, read: PageText, draw: Random, rate: float) -> PageText:
    """Return a page as read after a second engine has looked at the words that fields hang on (tasks.second_look).

    Args:
        page: as it was set.
        read: as the first engine read it, from `misread`.
        draw: where the second engine's faults come from: other ones than the first one's.
        rate: share of letters that the second gets wrong.
    """
    set_words = {(word.line, round(word.box.x0 / NEAR)): word.text for word in page.words}
    words = []
    for word in read.words:
        places = [(word.line, round(word.box.x0 / NEAR) + off) for off in (0, -1, 1)]
        true = next((set_words[place] for place in places if place in set_words), None)
        if true is None or not wants_look(word):
            words.append(word)
            continue
        text, wrong = _misread_word(true, draw, rate)
        words.append(settle(word, text, draw.gauss(0.9, 0.08) if wrong else draw.gauss(0.98, 0.02)))
    return replace(read, words=tuple(words))


def _misread_word(text: str, draw: Random, rate: float) -> tuple[str, bool]:
    letters, wrong = [], False
    for letter in text:
        if draw.random() < rate:
            others = _CONFUSED.get(letter, "")
            if others and draw.random() < 0.8:
                letters.append(draw.choice((others, *others)) if letter == "m" else draw.choice(others))
                wrong = True
            elif letter in ".,:;-'" or draw.random() < 0.3:
                wrong = True  # lost
            else:
                letters.append(letter)
        else:
            letters.append(letter)
    return ("".join(letters), True) if wrong and letters else (text, False)
