"""Search documents: what an index keeps of one page, and what of a record.

A page keeps its words with their boxes in a compact form that is stored and not searched, and three fields that are
searched and not stored (analysis has the forms):

- `words`: the folded words in reading order, one token each, for phrases and beginnings;
- `terms`: what a word may be found by without order: stems, forms without letters, and further forms;
- `often`: those of `terms` that stand on the page at least OFTEN times.

A word broken at the end of a line (`sumi-` / `nistro`) stands in `words` joined, in its halves in `terms`, and matches
with both boxes.
"""

import json
import re
import struct
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import NamedTuple

from records.text import Box, PageText, Word
from search.analysis import fold_value, indexed, tokens
from search.contract import RecordDocument

OFTEN = 3  # times on one page; below, a word may be there by chance
_LAST_PAGE = 999_999  # page numbers are counted down from here, so that one descending order serves record and page
_PAGE_KEY = re.compile(r"(\w[\w.:-]*)/(\d{6})")
_HYPHENS = "-‐‑­¬"  # what a scanner's reader makes of a hyphen


@dataclass(frozen=True, slots=True)
class StoredPage:
    """The words of a page as they stand in the index: texts, boxes, and which word goes on in the next.

    `sides` are the boxes one after the other, four numbers each: a search shows few of them.
    """

    words: Sequence[str]
    sides: Sequence[int]
    broken: Sequence[int]

    def box(self, number: int) -> Box:
        """Return the box of a word (from 0), in pixels of the page's raster."""
        return Box(*self.sides[4 * number : 4 * number + 4])

    def units(self) -> list[tuple[str, range]]:
        """Return each word with the numbers of the page's words it is made of; a broken word is one unit."""
        if not self.broken:
            return [(word, range(number, number + 1)) for number, word in enumerate(self.words)]
        broken = set(self.broken)
        found: list[tuple[str, range]] = []
        start = 0
        while start < len(self.words):
            end = start
            while end in broken:
                end += 1
            halves = [word.rstrip(_HYPHENS) for word in self.words[start:end]]
            found.append(("".join(halves) + self.words[end], range(start, end + 1)))
            start = end + 1
        return found


class PageFields(NamedTuple):
    """The searched fields of a page: tokens parted by single spaces."""

    words: str
    terms: str
    often: str


def stored_page(page: PageText) -> StoredPage:
    """Return what is kept of a page as read."""
    words = page.words
    broken = [number for number, (word, after) in enumerate(pairwise(words)) if _goes_on(word, after)]
    # A word with white space inside would be two in the index's fields and one here.
    return StoredPage(
        ["".join(word.text.split()) for word in words], [side for word in words for side in word.box], broken
    )


def page_fields(page: StoredPage) -> PageFields:
    """Return the searched fields of a page."""
    units = page.units()
    taken = [indexed(text) for text, _ in units]
    halves = [tokens(page.words[half]) for _, numbers in units if len(numbers) > 1 for half in numbers]
    counts = Counter(chain(chain.from_iterable(others for _, others in taken), chain.from_iterable(halves)))
    often = (token for token, times in counts.items() if times >= OFTEN)
    order = chain.from_iterable(main for main, _ in taken)
    return PageFields(" ".join(order), " ".join(counts), " ".join(often))


def pack(page: StoredPage) -> bytes:
    """Return a stored page as bytes; `unpack` is the inverse.

    Compressed: the length of the text; the text, a JSON list of the broken words, then a word a line; the sides of the
    boxes, four bytes each; numbers little-endian. A search unpacks all of its hits, so speed counts here.
    """
    text = "\n".join((json.dumps(list(page.broken)), *page.words)).encode()
    sides = struct.pack(f"<{len(page.sides)}i", *page.sides)
    return zlib.compress(struct.pack("<I", len(text)) + text + sides, 1)


def unpack(data: bytes) -> StoredPage:
    """Return the page that `pack` made bytes of."""
    raw = zlib.decompress(data)
    (length,) = struct.unpack_from("<I", raw)
    broken, *words = raw[4 : 4 + length].decode().split("\n")
    sides = struct.unpack_from(f"<{4 * len(words)}i", raw, 4 + length)
    return StoredPage(words, sides, json.loads(broken))


def page_key(record: str, page: int) -> str:
    """Return the key of a page; keys in descending order give the newest records first, their pages ascending.

    Record ids begin with their time of making (UUIDv7), so the order of ids is the order of making.
    """
    return f"{record}/{_LAST_PAGE - page:06d}"


def split_key(key: str) -> tuple[str, int]:
    """Return record and page of a page's key.

    Raises:
        ValueError: it is no such key.
    """
    match = _PAGE_KEY.fullmatch(key)
    if match is None:
        raise ValueError("not the key of a page")
    return match[1], _LAST_PAGE - int(match[2])


def field_tokens(fields: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the values of a record as filters ask for them: `name=value`, folded."""
    return sorted({field_token(name, value) for name, values in fields.items() for value in values})


def field_token(name: str, value: str) -> str:
    """Return one value as filters ask for it."""
    return f"{name}={fold_value(value)}"


def record_facts(document: RecordDocument) -> str:
    """Return as JSON what a hit says of its record, kept once a record."""
    facts = {
        "client": document.client,
        "class": document.record_class,
        "state": document.state,
        "batch": document.batch,
        "date": None if document.date is None else document.date.isoformat(),
        "fields": {name: list(values) for name, values in document.fields.items()},
    }
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))


def _goes_on(word: Word, following: Word) -> bool:
    # "sumi-" at the end of a line and "nistro" in the next; never "2025-" and "007", nor a dash between spaces.
    if word.line == following.line and word.block == following.block:
        return False
    first, rest = word.text.rstrip(_HYPHENS), following.text.lstrip("([«\"'")
    return first != word.text and first[-1:].isalpha() and rest[:1].islower()
