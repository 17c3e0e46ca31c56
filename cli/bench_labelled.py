"""Labelled documents as the fitting of confidence opens them: what reads them, their words, their truth."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cli.bench_fields import FieldBench
from cli.bench_scans import WordCache
from cli.bench_truth import find_sets
from infra.children import Children
from infra.clock import SystemClock
from infra.settings import Settings, load_settings
from records.class_library import ClassLibrary, load_library, shipped_library
from records.options import Limits, ReadingOptions
from records.text import PageText
from tasks.line_engine import is_installed
from tasks.ocr import open_engine


@contextmanager
def open_words(settings: Settings) -> Iterator[WordCache]:
    """Yield what reads documents by the settings of reading; no home is made and nothing is stored."""
    options = ReadingOptions(
        tuple(settings.languages.split("+")), settings.ocr_engine, settings.tessdata, settings.renderer,
        second=settings.second_engine == "auto",
    )  # fmt: skip
    engine = open_engine(options.engine, options.tessdata).name + "; calibrated"
    if options.second and is_installed():
        engine += "; second, with a second look"
    with (
        tempfile.TemporaryDirectory(prefix="muniment-bench-") as place,
        Children(settings.workers, settings.child_bytes, Path(place)) as children,
    ):
        yield WordCache(children, options, Limits(), engine, Path(place))


def library_of(settings: Settings) -> ClassLibrary:
    """Return the record classes that the settings name."""
    return load_library([settings.class_folder]) if settings.class_folder else shipped_library()


def learnt_documents(
    folder: Path, say: Callable[[str], None]
) -> Iterator[tuple[str, str, str, Sequence[PageText], Mapping[str, str]]]:
    """Yield the documents below a folder that may be learnt from, in every way they are read.

    Yields: the set's name, a digest, the class, the pages, the truth.
    """
    settings, _origins = load_settings()
    with open_words(settings) as words:
        bench = FieldBench(words, library_of(settings), SystemClock().now().date(), "learn", say, [])
        for document, _, pages in bench.readings(find_sets(folder)):
            if document.record_class in bench.library.classes:
                yield document.set_name, document.digest, document.record_class, pages, document.truth
