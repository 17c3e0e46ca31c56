"""How well pages are read: clean and worn, by the engine alone and by the whole chain, on pages with known text.

`muniment bench --set reading:DIR`; what the figures mean and where they stand: docs/accuracy.md. Every page is read
clean, and some pages of each set with each kind of wear, the same ones each time. Engine alone and chain take turns on
the same pixels in the same child, so that their CPU seconds compare.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from time import process_time
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from cli.bench_pages import kind_of
from cli.bench_wear import UNMET, WEAR, Worn, wear
from cli.frame import _
from cli.reading_score import BANDS, Score, Sure, score, sureness, total
from cli.reading_truth import TruePage, is_held_out
from infra.children import Children
from records.errors import ChildFaultError, ChildLimitError, RefusedScanError
from records.options import Limits, ReadingOptions
from records.text import PageText
from tasks import languages, page_reader
from tasks.ocr import open_engine
from tasks.orientation import set_upright
from tasks.sources import load_page

CLEAN = "clean"
ASKED = 100.0  # confidence of the clean page either way up: it stands upright


@dataclass(frozen=True, slots=True)
class Reading:
    """One page under one condition, read both ways. `tilt_error` in degrees; `wrong_turn` where it does not stand."""

    set_name: str
    page: str
    kind: str
    receipt: bool
    alone: Score
    ours: Score
    alone_cpu: float
    ours_cpu: float
    sure: Sure
    tilt_error: float | None
    wrong_turn: bool
    engine: str


@dataclass(frozen=True, slots=True)
class Work:
    """What a child is given: one page, one condition, and where it may write the worn page."""

    page: TruePage
    kind: str
    folder: Path
    options: ReadingOptions
    limits: Limits


def read_both(work: Work) -> Reading:
    """Read one page by the engine alone and by the chain. Runs in a child.

    Raises:
        RefusedScanError, EngineUnavailableError.
    """
    cv2.setNumThreads(1)
    page, options = work.page, work.options
    raster = load_page(page.file, kind_of(page.file), 1, options, work.limits)
    dpi = raster.dpi
    pixels: npt.NDArray[np.uint8] = np.asarray(raster.pixels, np.uint8)
    worn = Worn(pixels, dpi) if work.kind == CLEAN else wear(pixels, dpi, work.kind, page.digest)
    file = work.folder / f"{page.digest}-{work.kind}.png"
    seen = worn.pixels if worn.colour is None else worn.colour
    Image.fromarray(seen).save(file, compress_level=1, dpi=(worn.dpi, worn.dpi))
    language = _language_of(page.text, options)
    engine = open_engine(options.engine, options.tessdata)
    began = process_time()
    words = engine.read(worn.pixels, worn.dpi, language)
    alone_cpu = process_time() - began
    began = process_time()
    ours = page_reader.read(file, "image/png", 1, language, options, work.limits)
    ours_cpu = process_time() - began
    file.unlink()
    alone = PageText(1, 1, 1, 1, 0, 0.0, "", "", False, "ocr", words)
    tilt = abs(ours.skew - worn.skew - _own_skew(pixels)) if work.kind == "rotated" else None
    return Reading(
        page.set_name, page.file.name, work.kind, page.receipt, score(page.text, alone.text),
        score(page.text, ours.text), alone_cpu, ours_cpu, sureness(page.text, ours.words),
        tilt, ours.turned != worn.turned, ours.engine,
    )  # fmt: skip


def _own_skew(pixels: npt.NDArray[np.uint8]) -> float:
    """Return the angle that a scan had before it was rotated, as measured then: no scan lies quite straight."""
    return set_upright(pixels, lambda _strip: ASKED).facts.get("measured_skew", 0.0)


def _language_of(text: str, options: ReadingOptions) -> str:
    """Return the language of a truth: both readings are told it, as a batch's hint would."""
    return languages.leading(text, options.languages, options.languages[-1])


def chosen(pages: Iterable[TruePage], part: str, most: int | None, worn: int) -> list[tuple[TruePage, str]]:
    """Return what is read: the half asked for, at most `most` pages of a set, each kind of wear on `worn` of them."""
    wanted = [p for p in pages if part == "all" or is_held_out(p) == (part == "held-out")]
    work: list[tuple[TruePage, str]] = []
    for _set, group in groupby(sorted(wanted, key=lambda p: (p.set_name, p.digest)), key=lambda p: p.set_name):
        of_set = list(group)[:most]
        work += [(page, CLEAN) for page in of_set]
        if not any(page.receipt for page in of_set):
            for number, kind in enumerate(WEAR):
                first = number * worn % max(1, len(of_set))
                work += [(page, kind) for page in (of_set + of_set)[first : first + min(worn, len(of_set))]]
    return work


def measure(
    work: list[tuple[TruePage, str]], children: Children, options: ReadingOptions, limits: Limits, folder: Path,
    say: Callable[[str], None],
) -> Iterator[Reading]:  # fmt: skip
    """Read every page in limited children; one that ends its child is told and left out."""
    calls: list[tuple[str, Future[Reading]]] = [
        (
            f"{page.file.name} {kind}",
            children.submit(limits.page_seconds, read_both, Work(page, kind, folder, options, limits)),
        )
        for page, kind in work
    ]
    for number, (name, call) in enumerate(calls, start=1):
        try:
            yield call.result()
        except (ChildLimitError, ChildFaultError, RefusedScanError) as error:
            say(f"{name}: {error}")
        if number % 25 == 0:
            say(f"{number}/{len(calls)}")


def answer_of(readings: list[Reading], folder: Path, part: str, engine: str) -> dict[str, Any]:
    """Return the one answer: figures by set and condition, their sums, skew, turns, and how sure words can be taken."""
    worn = [r for r in readings if r.kind != CLEAN]
    met = [r for r in worn if r.kind not in UNMET]
    clean = [r for r in readings if r.kind == CLEAN and not r.receipt]
    receipts = [r for r in readings if r.receipt]
    before = {(r.set_name, r.page): r for r in clean}
    tilts = sorted(r.tilt_error for r in readings if r.tilt_error is not None)
    turned, others = [r for r in worn if r.kind == "turned"], [r for r in readings if r.kind != "turned"]
    return {
        "set": folder.resolve().name, "part": part, "engine": engine, "pages": len({r.page for r in readings}),
        "rows": [
            *_rows(clean, lambda r: r.set_name), *_rows(receipts, lambda r: f"{r.set_name} (receipts)"),
            *_named("all clean text", clean), *_rows(worn, lambda r: r.kind, before), *_named("all worn", met, before),
            *_named("all worn, kinds no step was made for", [r for r in worn if r.kind in UNMET], before),
        ],
        "skew": {"pages": len(tilts), "median": _at(tilts, 0.5), "p95": _at(tilts, 0.95)},
        "turns": {
            "turned": len(turned), "righted": sum(not r.wrong_turn for r in turned),
            "others": len(others), "turned_wrongly": sum(r.wrong_turn for r in others),
        },
        "calibration": [
            _curve("clean text", clean), _curve("worn text", worn), _curve("receipts", receipts),
        ],
        "readings": [_listed(r) for r in readings] if part == "learn" else None,
    }  # fmt: skip


def _listed(reading: Reading) -> dict[str, Any]:
    """Return one reading by name: of the half that may be learnt from, and of no other."""
    return {
        "set": reading.set_name, "page": reading.page, "kind": reading.kind, "engine": reading.engine,
        "alone": _figures(reading.alone), "ours": _figures(reading.ours), "wrong_turn": reading.wrong_turn,
    }  # fmt: skip


def _rows(
    readings: Iterable[Reading], of: Callable[[Reading], str], before: Mapping[tuple[str, str], Reading] | None = None
) -> Iterator[dict[str, Any]]:
    groups: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        groups[of(reading)].append(reading)
    for name, group in groups.items():
        yield from _named(name, group, before)


def _named(
    name: str, group: list[Reading], before: Mapping[tuple[str, str], Reading] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the row of a group; `before` are the same pages clean: what wear has cost is the difference."""
    if not group:
        return
    alone, ours = total(r.alone for r in group), total(r.ours for r in group)
    alone_cpu, ours_cpu = sum(r.alone_cpu for r in group), sum(r.ours_cpu for r in group)
    unworn = [before[key].ours for r in group if (key := (r.set_name, r.page)) in before] if before else []
    yield {
        "what": name, "pages": len(group), "alone": _figures(alone), "ours": _figures(ours),
        "alone_cpu": alone_cpu / len(group), "ours_cpu": ours_cpu / len(group),
        "speed": alone_cpu / max(ours_cpu, 1e-9),
        "clean": _figures(total(unworn)) if unworn else None,
        "second_engine": sum(r.engine.startswith("rapidocr") for r in group),
    }  # fmt: skip


def _figures(found: Score) -> dict[str, float]:
    return {"cer": round(found.cer, 2), "wer": round(found.wer, 2), "f1": round(found.f1, 1)}


def _at(values: list[float], share: float) -> float | None:
    return round(float(np.quantile(values, share)), 3) if values else None


def _curve(name: str, group: list[Reading]) -> dict[str, Any]:
    found = sum((r.sure for r in group), Sure())
    return {
        "pages": name,
        "bands": [
            {"from": low, "words": given, "right": round(100 * right / given, 1) if given else None}
            for low, given, right in zip(BANDS, found.given, found.right, strict=True)
        ],
    }  # fmt: skip


def plain(document: dict[str, Any]) -> str:
    """Return the answer as people read it; the tables of docs/accuracy.md."""
    head = (
        _("pages"), "n", f"{_('engine alone')}: CER / WER / F1", "Muniment: CER / WER / F1", _("the same pages clean"),
        _("CPU s"), _("speed"),
    )  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in document["rows"]:
        alone, ours = (" / ".join(f"{row[who][name]:.{n}f}" for name, n in (("cer", 2), ("wer", 1), ("f1", 1)))
                       for who in ("alone", "ours"))  # fmt: skip
        clean = "-" if row["clean"] is None else f"{row['clean']['cer']:.2f} / {row['clean']['wer']:.1f}"
        cpu = f"{row['alone_cpu']:.2f} -> {row['ours_cpu']:.2f}"
        lines.append(f"| {row['what']} | {row['pages']} | {alone} | {ours} | {clean} | {cpu} | {row['speed']:.2f} |")
    skew, turns = document["skew"], document["turns"]
    turned = _("turns: {righted} of {turned} turned pages righted; {turned_wrongly} of {others} others turned wrongly")
    lines += [
        "",
        _("skew error: median {median}, 95th percentile {p95} degrees on {pages} rotated pages").format(**skew),
        turned.format(**turns),
        "",
    ]
    bands = [_("confidence"), *(f"{low}+" for low in BANDS)]
    lines += ["| " + " | ".join(bands) + " |", "|---" * len(bands) + "|"]
    for curve in document["calibration"]:
        cells = ["-" if band["right"] is None else f"{band['right']:.0f} ({band['words']})" for band in curve["bands"]]
        lines.append(f"| {curve['pages']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
