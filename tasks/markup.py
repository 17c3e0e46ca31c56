"""Writing markup piece by piece, in flat memory: escaped, and free of characters that XML 1.0 cannot hold."""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from records.text import PageText, Word

# Char of XML 1.0, section 2.2; anything else would make the whole document unreadable
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
REPLACEMENT = "\ufffd"

# Tesseract's names (ISO 639-2) -> BCP 47; another name of letters is taken as it is
_LANGUAGES = {
    "spa": "es", "eng": "en", "cat": "ca", "glg": "gl", "eus": "eu", "fra": "fr", "deu": "de", "por": "pt", "ita": "it",
}  # fmt: skip


def attributes(**values: Any) -> str:
    """Return attributes as they stand in a start tag, a space before each; None leaves one out."""
    return "".join(f" {name}={quoteattr(clean(str(value)))}" for name, value in values.items() if value is not None)


def element(name: str, text: str, **values: Any) -> str:
    """Return an element that holds text alone."""
    return f"<{name}{attributes(**values)}>{escape(clean(text))}</{name}>"


def clean(text: str) -> str:
    """Return the text with every character that XML cannot hold replaced."""
    return _FORBIDDEN.sub(REPLACEMENT, text)


def languages_of(page: PageText) -> list[str]:
    """Return the languages a page was read in as BCP 47 has them, the likeliest first."""
    names = (page.language or "").split("+")
    return [_LANGUAGES.get(name, name) for name in names if re.fullmatch("[A-Za-z]{2,8}", name)]


def blocks_of(page: PageText) -> Iterator[list[list[Word]]]:
    """Yield the blocks of a page in reading order, each its lines, each its words."""
    for _block, words in groupby(page.words, key=lambda word: word.block):
        yield [list(line) for _line, line in groupby(words, key=lambda word: word.line)]
