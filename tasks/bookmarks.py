"""Bookmarks of the readable copy: those a PDF came with, else one for each part that numbers its own pages.

A part begins where a page says that it is the first of several or of one ("Página 1 de 3", "page 1 of 1"): a file of
scanned papers is found through by them. A bookmark leads to a page of the copy and does nothing else (ISO 19005-2,
6.5.1); one that led elsewhere is left out. Outlines: ISO 32000-1, 12.3.3.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import pikepdf
from pikepdf import Array, Dictionary, Name, OutlineItem

from records.text import PageText
from tasks.pdf_writer import PdfWriter

MOST = 5_000  # bookmarks of one document
DEEPEST = 8  # of an outline that a file came with
TITLE = 80  # characters of a title

# the first of several pages, as Spanish, English and German papers number them
_FIRST = re.compile(
    r"\b(?:p[aá]g(?:ina|\.)?|hoja|folio|page|sheet|seite|blatt)\s*:?\s*0*1\s*(?:de|of|von|/)\s*0*[1-9]\d{0,3}\b",
    re.IGNORECASE,
)
_BROKEN = (pikepdf.PdfError, ValueError, TypeError, AttributeError, KeyError, RecursionError)
_LETTERS = re.compile(r"[^\W\d_]{2,}")


@dataclass(slots=True)
class Parts:
    """Notes where parts begin while pages go by: `found` are (page from 1, title)."""

    found: list[tuple[int, str]] = field(default_factory=list)

    def noting(self, pages: Iterable[PageText]) -> Iterator[PageText]:
        """Yield the pages as they come."""
        for page in pages:
            if len(self.found) < MOST and _FIRST.search(page.text.replace("\n", " ")):
                self.found.append((page.page, title_of(page)))
            yield page

    @property
    def several(self) -> Sequence[tuple[int, str]]:
        """The parts where there are two or more: a document that is one needs no bookmark."""
        return self.found if len(self.found) > 1 else ()


def title_of(page: PageText) -> str:
    """Return the first line of a page that has words and is not its number; else the page's own number."""
    lines: dict[int, list[str]] = {}
    for word in page.words:
        lines.setdefault(word.line, []).append(word.text)
    for words in lines.values():
        line = " ".join(words)
        if _LETTERS.search(_FIRST.sub("", line)):
            return line[:TITLE]
    return str(page.page)


def write_outline(writer: PdfWriter, parts: Sequence[tuple[int, str]], pages: Sequence[int]) -> str:
    """Write bookmarks; return the entries of the catalogue that lead to them, none where there are no parts.

    Args:
        writer: of a document whose pages have been written.
        parts: page from 1 and title.
        pages: the object number of each page.
    """
    if not parts:
        return ""
    root, items = writer.number(), [writer.number() for _ in parts]
    for place, (page, title) in enumerate(parts):
        before = f" /Prev {items[place - 1]} 0 R" if place else ""
        after = f" /Next {items[place + 1]} 0 R" if place + 1 < len(items) else ""
        told = (b"\xfe\xff" + title.encode("utf-16-be", "replace")).hex()
        entries = f"/Title <{told}> /Parent {root} 0 R /Dest [{pages[page - 1]} 0 R /Fit]{before}{after}"
        writer.write(entries, number=items[place])
    writer.write(f"/Type /Outlines /First {items[0]} 0 R /Last {items[-1]} 0 R /Count {len(items)}", number=root)
    return f" /Outlines {root} 0 R /PageMode /UseOutlines"


def keep_outline(document: pikepdf.Pdf) -> bool:
    """Keep of a PDF's own bookmarks those that lead to its pages, without what else they do; tell whether any is left.

    To be called when the pages are the copy's.
    """
    places = {page.obj.objgen: number for number, page in enumerate(document.pages)}
    named = _named(document)
    try:
        kept = list(_kept(islice(document.open_outline(max_depth=DEEPEST).root, MOST), places, named))
    except (pikepdf.OutlineStructureError, *_BROKEN):
        kept = []  # it cannot be taken apart
    if "/Outlines" in document.Root:
        del document.Root.Outlines
    _write(document, kept)
    return bool(kept)


def add_outline(document: pikepdf.Pdf, parts: Sequence[tuple[int, str]]) -> None:
    """Give a PDF without bookmarks one for each part."""
    _write(document, [OutlineItem(title, page - 1) for page, title in parts if page <= len(document.pages)])


def _write(document: pikepdf.Pdf, items: Sequence[OutlineItem]) -> None:
    if items:
        with document.open_outline() as outline:
            outline.root.extend(items)


def _kept(
    items: Iterable[OutlineItem], places: Mapping[tuple[int, int], int], named: Mapping[str, pikepdf.Object]
) -> Iterator[OutlineItem]:
    for item in items:
        children = list(_kept(islice(item.children, MOST), places, named))
        page = _page_of(item, places, named)
        if page is None and not children:
            continue
        kept = OutlineItem(item.title[:TITLE], page)
        kept.is_closed = item.is_closed
        kept.children.extend(children)
        yield kept


def _page_of(
    item: OutlineItem, places: Mapping[tuple[int, int], int], named: Mapping[str, pikepdf.Object]
) -> int | None:
    target: object = item.destination
    if target is None and isinstance(item.action, Dictionary) and item.action.get("/S") == Name.GoTo:
        target = item.action.get("/D")
    if isinstance(target, pikepdf.String | Name | str):
        target = named.get(str(target))
    if isinstance(target, Dictionary):
        target = target.get("/D")
    if not isinstance(target, Array) or not len(target) or not isinstance(target[0], Dictionary):
        return None
    return places.get(target[0].objgen)


def _named(document: pikepdf.Pdf) -> Mapping[str, pikepdf.Object]:
    """Return the destinations that have names: those of the catalogue and of its tree of names."""
    found: dict[str, pikepdf.Object] = {}
    old, names = document.Root.get("/Dests"), document.Root.get("/Names")
    if isinstance(old, Dictionary):
        found |= {name: old[name] for name in islice(old.keys(), MOST)}
    if isinstance(names, Dictionary) and isinstance(names.get("/Dests"), Dictionary):
        try:
            found |= {str(name): value for name, value in islice(pikepdf.NameTree(names.Dests).items(), MOST)}
        except _BROKEN:
            return found  # a broken tree names nothing more
    return found
