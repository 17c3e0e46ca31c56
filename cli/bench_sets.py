"""`muniment bench --set fields:DIR` and `reading:DIR`: sets with known answers, measured without making a home."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from cli import bench_fields, bench_scans, bench_truth
from cli.frame import Frame
from infra.children import Children
from infra.clock import SystemClock
from infra.settings import Settings
from records.class_library import load_library, shipped_library
from records.errors import MissingProgramError
from records.options import Limits, ReadingOptions
from tasks.line_engine import is_installed
from tasks.ocr import open_engine

WORN = 3  # pages of each set that each kind of wear is laid on


@dataclass(frozen=True, slots=True)
class KnownSet:
    """A folder with known answers: values of index fields, or the text of pages."""

    kind: Literal["fields", "reading"]
    folder: Path


class SetName(click.ParamType[Path | KnownSet]):
    """Reads `DIR` (page images), `fields:DIR` (labelled documents) or `reading:DIR` (pages with known text)."""

    name = "DIR"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | KnownSet:
        """Return the folder, or what it holds."""
        kind, colon, rest = str(value).partition(":")
        known = colon and kind in ("fields", "reading")
        folder = Path(rest if known else str(value))
        if not folder.is_dir():
            self.fail("there is no such folder", param, ctx)
        if not known:
            return folder
        return KnownSet("fields" if kind == "fields" else "reading", folder)


def answer_known_set(
    frame: Frame, settings: Settings, known: KnownSet, part: bench_fields.Part, most: int | None
) -> None:
    """Measure a set with known answers and print the one answer.

    Raises:
        InvalidValueError: the folder holds no such set.
        MissingProgramError: a package that measuring needs is not installed.
    """
    options = ReadingOptions(
        tuple(settings.languages.split("+")), settings.ocr_engine, settings.tessdata, settings.renderer,
        second=settings.second_engine == "auto",
    )  # fmt: skip
    with (
        tempfile.TemporaryDirectory(prefix="muniment-bench-") as place,
        Children(settings.workers, settings.child_bytes, Path(place)) as children,
    ):
        engine = open_engine(options.engine, options.tessdata).name
        engine += "; second" if options.second and is_installed() else ""
        if known.kind == "fields":
            _fields(frame, settings, known.folder, part, (children, options, engine, Path(place)))
        else:
            _reading(frame, known.folder, part, most, (children, options, engine, Path(place)))


Means = tuple[Children, ReadingOptions, str, Path]


def _fields(frame: Frame, settings: Settings, folder: Path, part: bench_fields.Part, means: Means) -> None:
    children, options, engine, place = means
    documents = bench_truth.find_sets(folder)
    library = load_library([settings.class_folder]) if settings.class_folder else shipped_library()
    today = SystemClock().now().astimezone().date()
    cache = bench_scans.WordCache(children, options, Limits(), engine, place)
    bench = bench_fields.FieldBench(cache, library, today, part, frame.hint, [])
    bench.measure(documents)
    document = bench_fields.answer_of(bench, folder, len(documents))
    frame.answer(document, lambda: bench_fields.plain(document))


def _reading(frame: Frame, folder: Path, part: bench_fields.Part, most: int | None, means: Means) -> None:
    try:
        from cli import bench_reading
    except ImportError as error:
        raise MissingProgramError("rapidfuzz is not installed: pip install --editable '.[bench]'") from error
    from cli.reading_truth import find_pages

    children, options, engine, place = means
    work = bench_reading.chosen(find_pages(folder), part, most, WORN)
    found = list(bench_reading.measure(work, children, options, Limits(), place, frame.hint))
    document = bench_reading.answer_of(found, folder, part, engine)
    frame.answer(document, lambda: bench_reading.plain(document))
