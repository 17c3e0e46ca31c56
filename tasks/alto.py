"""ALTO 4.4 of a record's words: blocks, lines and words with boxes in pixels of the original's image.

Source: ALTO XML schema, version 4.4 (Library of Congress). Word and page confidence are 0..1 there, 0..100 here.
ROTATION is how far the writing is turned counter-clockwise in the image: what `turned` and `skew` take back. Originals
are named by their ids, never by file names. Streamed: one page in memory at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from records.text import Box, PageText, Word, union
from tasks.markup import attributes, blocks_of, element, languages_of

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"
MEDIA_TYPE = "application/alto+xml"


@dataclass(frozen=True, slots=True)
class Source:
    """An original that pages of a record come from: the record's pages `first` to `last`, counted from 1."""

    original: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the pages: the record, where its pages come from, when they were read, and by what."""

    record: str
    sources: tuple[Source, ...]
    read_at: str | None
    software: str  # version of Muniment


def write_alto(head: Head, pages: Callable[[], Iterable[PageText]]) -> Iterator[bytes]:
    """Yield an ALTO document, a page at a time.

    `pages` is called twice: the engines stand before the layout, and a long record is not held in memory.
    """
    engines: dict[str, str] = {}
    for page in pages():
        engines.setdefault(_engine(page), f"read_{len(engines) + 1}")
    yield "".join(_description(head, engines)).encode()
    for page in pages():
        yield "".join(_page(page, engines[_engine(page)])).encode()
    yield b"</Layout>\n</alto>\n"


def _engine(page: PageText) -> str:
    return page.engine or page.source


def _description(head: Head, engines: dict[str, str]) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield (
        f'<alto xmlns="{NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xsi:schemaLocation="{NAMESPACE} {SCHEMA}" SCHEMAVERSION="4.4">\n'
    )
    yield "<Description>\n<MeasurementUnit>pixel</MeasurementUnit>\n<sourceImageInformation>\n"
    for source in head.sources:
        where = f"muniment original, pages {source.first} to {source.last}"
        yield element("fileIdentifier", source.original, fileIdentifierLocation=where) + "\n"
    yield element("documentIdentifier", head.record, documentIdentifierLocation="muniment record") + "\n"
    yield "</sourceImageInformation>\n"
    for engine, identifier in engines.items():
        name, _, version = engine.partition(" ")
        yield f"<Processing{attributes(ID=identifier)}>\n<processingCategory>contentGeneration</processingCategory>\n"
        if head.read_at is not None:
            yield element("processingDateTime", head.read_at) + "\n"
        yield element("processingStepDescription", "text recognition, or text of a born-digital page") + "\n"
        yield "<processingSoftware>" + element("softwareName", name)
        yield element("softwareVersion", version) if version else ""
        yield element("applicationDescription", f"in Muniment {head.software}") + "</processingSoftware>\n"
        yield "</Processing>\n"
    yield "</Description>\n<Layout>\n"


def _page(page: PageText, engine: str) -> Iterator[str]:
    languages = languages_of(page)
    start = attributes(
        ID=f"page_{page.page}", PHYSICAL_IMG_NR=page.page, WIDTH=page.width, HEIGHT=page.height,
        PROCESSINGREFS=engine, PC=_unit(page.confidence) if page.words else None,
        ROTATION=f"{page.turned - page.skew:g}", LANG=languages[0] if languages else None,
        OTHERLANGS=" ".join(languages[1:]) or None,
        QUALITY_DETAIL=("not whole: " + ", ".join(page.flags)) if page.flags else "blank" if page.blank else None,
    )  # fmt: skip
    yield f"<Page{start}>\n<PrintSpace{attributes(HPOS=0, VPOS=0, WIDTH=page.width, HEIGHT=page.height)}>\n"
    for number, lines in enumerate(blocks_of(page), start=1):
        block = f"page_{page.page}_block_{number}"
        yield f"<TextBlock{attributes(ID=block)}{_place(union(w.box for line in lines for w in line))}>\n"
        for row, words in enumerate(lines, start=1):
            yield from _line(f"{block}_line_{row}", words)
        yield "</TextBlock>\n"
    yield "</PrintSpace>\n</Page>\n"


def _line(identifier: str, words: Sequence[Word]) -> Iterator[str]:
    yield f"<TextLine{attributes(ID=identifier)}{_place(union(word.box for word in words))}>"
    for number, word in enumerate(words):
        yield "<SP/>" if number else ""
        yield f"<String{attributes(CONTENT=word.text)}{_place(word.box)}{attributes(WC=_unit(word.confidence))}/>"
    yield "</TextLine>\n"


def _place(box: Box) -> str:
    return attributes(HPOS=box.x0, VPOS=box.y0, WIDTH=box.x1 - box.x0, HEIGHT=box.y1 - box.y0)


def _unit(confidence: float) -> str:
    return f"{min(max(confidence, 0.0), 100.0) / 100:.3f}"
