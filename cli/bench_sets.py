"""`muniment bench --set fields:DIR`, `reading:DIR`, `classes:DIR`: sets with known answers, measured without a home."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

import click

from cli import bench_classes, bench_fields, bench_truth
from cli.bench_labelled import library_of, open_words
from cli.bench_plots import draw_plots
from cli.bench_scans import WordCache
from cli.frame import Frame
from infra.clock import SystemClock
from infra.settings import Settings
from records.errors import MissingProgramError

Kind = Literal["fields", "reading", "classes"]
WORN = 3  # pages of each set that each kind of wear is laid on


@dataclass(frozen=True, slots=True)
class KnownSet:
    """A folder with known answers: values of index fields, or the text of pages."""

    kind: Kind
    folder: Path


class SetName(click.ParamType[Path | KnownSet]):
    """Reads `DIR` (page images), `fields:DIR` (or `classes:DIR`, labelled documents) or `reading:DIR` (known text)."""

    name = "DIR"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | KnownSet:
        """Return the folder, or what it holds."""
        kind, colon, rest = str(value).partition(":")
        known = colon and kind in get_args(Kind)
        folder = Path(rest if known else str(value))
        if not folder.is_dir():
            self.fail("there is no such folder", param, ctx)
        if not known:
            return folder
        return KnownSet(cast(Kind, kind), folder)


def answer_known_set(
    frame: Frame, settings: Settings, known: KnownSet, part: bench_fields.Part, most: int | None, plots: Path | None
) -> None:
    """Measure a set with known answers and print the one answer.

    Raises:
        InvalidValueError: the folder holds no such set.
        MissingProgramError: a package that measuring needs is not installed.
    """
    with open_words(settings) as words:
        if known.kind == "fields":
            _fields(frame, settings, known.folder, part, words)
        elif known.kind == "classes":
            document = bench_classes.ClassBench(words, frame.hint).measure(known.folder)
            frame.answer(document, lambda: bench_classes.plain(document))
        else:
            _reading(frame, known.folder, part, most, plots, words)


def _fields(frame: Frame, settings: Settings, folder: Path, part: bench_fields.Part, words: WordCache) -> None:
    documents = bench_truth.find_sets(folder)
    today = SystemClock().now().astimezone().date()
    bench = bench_fields.FieldBench(words, library_of(settings), today, part, frame.hint, [])
    bench.measure(documents)
    document = bench_fields.answer_of(bench, folder, len(documents))
    frame.answer(document, lambda: bench_fields.plain(document))


def _reading(
    frame: Frame, folder: Path, part: bench_fields.Part, most: int | None, plots: Path | None, words: WordCache
) -> None:
    try:
        from cli import bench_reading
    except ImportError as error:
        raise MissingProgramError("rapidfuzz is not installed: pip install --editable '.[bench]'") from error
    from cli.reading_truth import find_pages

    work = bench_reading.chosen(find_pages(folder), part, most, WORN)
    found = list(bench_reading.measure(work, words.children, words.options, words.limits, words.folder, frame.hint))
    document = bench_reading.answer_of(found, folder, part, words.engine)
    for file in draw_plots(document, plots) if plots is not None else ():
        frame.hint(str(file))
    frame.answer(document, lambda: bench_reading.plain(document))
