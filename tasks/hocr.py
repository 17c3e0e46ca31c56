"""hOCR 1.2 of a record's words, as XHTML: pages, areas, lines and words with boxes in pixels of the original's image.

Source: hOCR specification 1.2, section 4 (`bbox`, `x_wconf`, `ppageno`). Streamed: one page in memory at a time.
"""

from collections.abc import Callable, Iterable, Iterator

from records.text import Box, PageText, union
from tasks.alto import Head
from tasks.markup import attributes, blocks_of, element, languages_of

MEDIA_TYPE = "text/vnd.hocr+html"
CAPABILITIES = "ocr_page ocr_carea ocr_line ocrx_word"


def write_hocr(head: Head, pages: Callable[[], Iterable[PageText]]) -> Iterator[bytes]:
    """Yield an hOCR document, a page at a time; `pages` is called twice, as for ALTO."""
    engines = sorted({page.engine or page.source for page in pages()})
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml">\n<head>\n'
        + element("title", head.record)
        + '\n<meta charset="UTF-8"/>\n'
        + f"<meta{attributes(name='ocr-system', content='; '.join([*engines, f'Muniment {head.software}']))}/>\n"
        + f"<meta{attributes(name='ocr-capabilities', content=CAPABILITIES)}/>\n</head>\n<body>\n"
    ).encode()
    for page in pages():
        yield "".join(_page(head, page)).encode()
    yield b"</body>\n</html>\n"


def _page(head: Head, page: PageText) -> Iterator[str]:
    original = next((s.original for s in head.sources if s.first <= page.page <= s.last), None)
    title = f"image {original}; " if original else ""
    title += f"{_box(Box(0, 0, page.width, page.height))}; ppageno {page.page - 1}; scan_res {page.dpi} {page.dpi}"
    language = next(iter(languages_of(page)), None)
    yield f'<div class="ocr_page"{attributes(id=f"page_{page.page}", title=title, lang=language)}>\n'
    for lines in blocks_of(page):
        yield f'<div class="ocr_carea"{attributes(title=_box(union(w.box for line in lines for w in line)))}>\n'
        for words in lines:
            yield f'<span class="ocr_line"{attributes(title=_box(union(w.box for w in words)))}>'
            yield " ".join(
                element("span", w.text, **{"class": "ocrx_word"}, title=f"{_box(w.box)}; x_wconf {w.confidence:.0f}")
                for w in words
            )
            yield "</span>\n"
        yield "</div>\n"
    yield "</div>\n"


def _box(box: Box) -> str:
    return f"bbox {box.x0} {box.y0} {box.x1} {box.y1}"
