"""Read a document page by page: each page in a limited child, its words mapped back to the raster as stored.

`read_page` runs in a child and `read_document` in the parent, which never sees a pixel. A page that ends its child, or
cannot be decoded, costs itself: it is kept, flagged, and a person looks at it (design, section 2, rules 2 and 8).
The chain of steps and its measured worth: docs/design/reading.md.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

from records.errors import ChildFaultError, ChildLimitError, RefusedScanError
from records.options import Limits, ReadingOptions
from records.text import PageText
from tasks import languages
from tasks.bounded import ChildPool

AHEAD = 2  # pages handed out for each child
WARM_SECONDS = 60.0  # wall clock to load an engine


def read_page(
    path: Path, media_type: str, number: int, hint: str | None, options: ReadingOptions, limits: Limits
) -> PageText:
    """Read page `number` (from 1) of a file. Runs in a child.

    Args:
        path: a file that `tasks.examine` has accepted.
        media_type: what `examine` said it is.
        number: the page.
        hint: the language to try first, such as the batch's last; not binding. None asks a sample of the page.
        options: languages, engine, renderer.
        limits: pixels of a page.

    Returns:
        The page's words with boxes in its raster.

    Raises:
        RefusedScanError: the page cannot be decoded or is over a limit; `flagged_page` keeps its place.
        EngineUnavailableError: there is no engine or no model; nothing was read.
    """
    from tasks import page_reader  # here, not above: the parent needs no decoder and no engine

    return page_reader.read(path, media_type, number, hint, options, limits)


def warm(children: ChildPool, options: ReadingOptions) -> None:
    """Start the children and have each load the engine, while the caller still claims files; nothing is waited for.

    An engine that is missing is told by the first page that is read.
    """
    for _ in range(children.workers):
        children.submit(WARM_SECONDS, load_engine, options)


def load_engine(options: ReadingOptions) -> None:
    """Load what reading a page needs. Runs in a child.

    Raises:
        EngineUnavailableError: there is no engine or no model.
    """
    from tasks import page_reader

    page_reader.warm(options)


def read_document(
    path: Path,
    media_type: str,
    pages: int,
    options: ReadingOptions,
    limits: Limits,
    children: ChildPool,
    hint: str | None = None,
) -> Iterator[PageText]:
    """Yield every page of a document in order, reading at most `AHEAD` pages a child ahead.

    Args:
        path: a file that `tasks.examine` has accepted.
        media_type: what `examine` said it is.
        pages: how many pages it has.
        options: languages, engine, renderer.
        limits: pixels and seconds of a page.
        children: where pages are read.
        hint: the language to try first; not binding. Every page with enough common words is the hint for those after.

    Raises:
        EngineUnavailableError: no engine could be started; the document waits.
    """
    window: deque[tuple[int, Future[PageText]]] = deque()
    unread = iter(range(1, pages + 1))
    try:
        while True:
            while len(window) < AHEAD * children.workers and (number := next(unread, 0)):
                call = children.submit(limits.page_seconds, read_page, path, media_type, number, hint, options, limits)
                window.append((number, call))
            if not window:
                return
            page = _settled(*window.popleft())
            if languages.is_sure(page.text, page.language):
                hint = page.language
            yield page
    finally:
        for _, call in window:
            call.cancel()


def flagged_page(number: int, flag: str, width: int = 0, height: int = 0) -> PageText:
    """Return the place of a page that could not be read: kept, without words, with what went wrong."""
    return PageText(number, width, height, 0, 0, 0.0, "", "", False, "ocr", (), (flag,))


def _settled(number: int, call: "Future[PageText]") -> PageText:
    try:
        return call.result()
    except ChildLimitError as error:
        return flagged_page(number, error.limit)
    except ChildFaultError:
        return flagged_page(number, "fault")
    except RefusedScanError as error:
        return flagged_page(number, error.code)
