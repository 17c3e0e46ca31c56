"""`muniment calibrate`: fit the measured confidence of index fields, and write it as data.

Documents with known values are described; for each field a logistic regression turns what the rules say of a value
into how often values of which they say so were right. Learnt from are three kinds of documents, each with the same
weight: made-up ones with misreadings of several strengths, made-up ones drawn as scans and read by the engines, and the
`learn` half of the labelled sets below DIR, if one is named. Nothing of a document is written: weights, counts, and the
digests of what was learnt from. The same arguments give the same file.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from cli.bench_fields import is_right
from cli.bench_labelled import learnt_documents, open_words
from cli.bench_scans import WordCache
from cli.drawn_facts import invoice
from cli.drawn_invoices import draw_invoice, truth_of
from cli.drawn_receipts import draw_receipt, receipt, receipt_truth
from cli.drawn_sheets import misread, picture, seen_twice
from cli.frame import Frame, command
from infra.settings import load_settings
from records.calibration import FORMAT, TEXT, Calibration
from records.class_library import ClassLibrary, shipped_library
from records.text import PageText
from tasks.confidence import HEURISTIC, features_of
from tasks.describe import describe
from tasks.judge import status_of

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

commands = click.Group()
TARGET = Path(__file__).resolve().parents[1] / "records" / "calibration.json"
RATES = (0.0, 0.0, 0.002, 0.005, 0.01, 0.02)  # shares of letters misread
TODAY = date(2026, 11, 25)  # after every date of the documents
WRONG_MOST = 0.005  # share of wrong values among those taken unseen: the contract
FEWEST = 150  # values of a field without which no model is fitted
FEWEST_TAKEN = 80  # right values above a threshold without which it is not believed
REAL = "real"  # documents that are not made up
HIGHEST = 0.999999  # threshold
NEVER = 1.01  # threshold of a field that is never taken unseen
CAUTION = 1.25  # odds by which a threshold is raised: nobody has seen the documents to come


@dataclass(frozen=True, slots=True)
class Sample:
    """A value found for a field: what the rules say of it, whether it is right, whether its checks let it be taken.

    `kind` is made-up, read or real.
    """

    features: Mapping[str, float]
    right: bool
    document: str
    kind: str
    takeable: bool = True


@dataclass(frozen=True, slots=True)
class Source:
    """Documents learnt from: a set, how many, and the digest of their digests in order."""

    name: str
    documents: int
    digest: str

    @classmethod
    def of(cls, name: str, digests: Iterable[str]) -> "Source":
        """Sum up the digests of a set's documents, whatever their order."""
        every = sorted(set(digests))
        return cls(name, len(every), sha256("\n".join(every).encode()).hexdigest())


Document = tuple[str, str, str, Sequence[PageText], Mapping[str, str]]  # set, name, class, pages, truth
Samples = dict[tuple[str, str], list[Sample]]


def made_up(count: int) -> Iterator[Document]:
    """Yield made-up documents."""
    for number in range(count):
        draw = Random(f"calibration {number}")  # noqa: S311  a made-up document: the same on every machine
        rate = RATES[number % len(RATES)]
        made = invoice(draw)
        page = draw_invoice(made, draw)
        yield "made-up", f"invoice {number}", "invoice", (_as_read(page, draw, rate),), truth_of(made)
        bill = receipt(draw)
        slip = draw_receipt(bill, draw)
        yield (
            "made-up",
            f"receipt {number}",
            "receipt",
            (_as_read(slip, draw, rate),),
            receipt_truth(bill),
        )


def _as_read(page: PageText, draw: Random, rate: float) -> PageText:
    return seen_twice(page, misread(page, draw, rate), draw, rate) if rate else page


def read_back(count: int, words: WordCache, folder: Path) -> Iterator[Document]:
    """Yield made-up documents drawn as scans and read by the engine, every second one worn."""
    for number in range(count):
        draw = Random(f"read {number}")  # noqa: S311  a made-up document: the same on every machine
        made, bill = invoice(draw), receipt(draw)
        for kind, page, truth in (
            ("invoice", draw_invoice(made, draw), truth_of(made)),
            ("receipt", draw_receipt(bill, draw), receipt_truth(bill)),
        ):
            file = folder / f"{kind}-{number}.png"
            picture(page, draw).save(file, dpi=(300, 300))
            pages = words.words(file, "worn" if number % 2 else "as-is").pages
            file.unlink()
            yield "made-up, drawn and read", f"read {kind} {number}", kind, pages, truth


def observe(
    samples: Samples, library: ClassLibrary, name: str, kind: str, record_class: str, pages: Sequence[PageText],
    truth: Mapping[str, str],
) -> None:  # fmt: skip
    """Describe a document and keep what the rules say of each value whose truth is known."""
    seen: dict[str, Mapping[str, float]] = {}
    found = describe(
        pages,
        library,
        TODAY,
        record_class,
        calibration=Calibration(),
        observe=lambda field, told: seen.update({field: told}),
    )
    fields = {field.name: field for field in found.fields if field.index is None}
    way = TEXT if pages and pages[0].source == "born-digital" else ""
    for wanted_name, wanted in truth.items():
        field, spec = fields.get(wanted_name), library.get(record_class).spec(wanted_name)
        if field is None or spec is None or field.value is None or wanted_name not in seen:
            continue
        takeable = status_of(spec, 1.0, field.checks, 0.0) == "accepted"
        right = is_right(wanted_name, wanted, field.value)
        samples[record_class, wanted_name + way].append(Sample(seen[wanted_name], right, name, kind, takeable))


def fit(samples: Sequence[Sample], least: float) -> dict[str, Any] | None:
    """Fit one field's model; None where there are too few values to tell.

    The curve is that of all kinds of documents. The threshold is where the class file's own lies on it, raised above
    every wrong value of real documents beyond the contract: made-up documents are too easy in one thing and too hard in
    another to say from where a value may go unseen.

    Args:
        samples: values of the field, of any kind of document.
        least: the class file's threshold, as the rules count, 0..1.
    """
    from sklearn.linear_model import LogisticRegression

    if len(samples) < FEWEST:
        return None
    said = np.array([sample.features.get(HEURISTIC, 0.0) for sample in samples])
    right = np.array([sample.right for sample in samples])
    kinds = np.array([sample.kind for sample in samples])
    takeable = np.array([sample.takeable for sample in samples])
    weight = np.array([1 / np.count_nonzero(kinds == kind) for kind in kinds]) * len(samples) / len(set(kinds))
    # three wrong values where the rules were least sure: as many as may be there unseen (95 %) if none was seen
    model = LogisticRegression(C=0.5, max_iter=2000).fit(
        np.append(said, [said.min()] * 3)[:, None], np.append(right, [False] * 3), np.append(weight, [1.0] * 3)
    )
    bias, slope = float(model.intercept_[0]), float(model.coef_[0][0])
    if slope <= 0:
        return None
    found = 1 / (1 + np.exp(-(bias + slope * said)))
    own = 1 / (1 + math.exp(-(bias + slope * features_of(least)[HEURISTIC])))
    real = takeable & (kinds == REAL)
    threshold = max(math.floor(1e6 * min(own, HIGHEST)) / 1e6, choose_threshold(found[real], right[real]))
    chosen = takeable & (found >= threshold)
    if np.count_nonzero(chosen & right) < FEWEST_TAKEN:
        return None
    return {
        "bias": round(bias, 4), "weights": {HEURISTIC: round(slope, 4)}, "threshold": threshold,
        "count": len(samples), "right": round(float(right.mean()), 4), "taken": round(float(chosen.mean()), 4),
        "precision": round(float(right[chosen].mean()), 4),
    }  # fmt: skip


def choose_threshold(probability: Floats, right: Truths) -> float:
    """Return the lowest threshold above which no more of these values are wrong than the contract allows.

    Args:
        probability: 0..1, of values that their checks let be taken.
        right: whether each was right.
    """
    if not len(probability):
        return 0.0
    levels = np.unique(probability)
    for level in levels:
        taken = probability >= level
        if np.count_nonzero(taken & ~right) <= WRONG_MOST * np.count_nonzero(taken):
            odds = CAUTION * level / max(1 - level, 1e-9)
            return math.floor(1e6 * min(odds / (1 + odds), HIGHEST)) / 1e6 if level > levels[0] else 0.0
    return NEVER


@dataclass
class Learning:
    """One fitting: the samples of every field, and what they came from."""

    library: ClassLibrary
    samples: Samples
    sources: list[Source]

    def take(self, kind: str, documents: Iterable[Document]) -> None:
        """Observe documents of one kind, and remember of which sets they were."""
        digests: dict[str, list[str]] = defaultdict(list)
        for set_name, name, record_class, pages, truth in documents:
            observe(self.samples, self.library, name, kind, record_class, pages, truth)
            print_of = sha256(" ".join(page.text for page in pages).encode()).hexdigest()
            digests[set_name].append(name if kind == REAL else print_of)
        self.sources += [Source.of(set_name, found) for set_name, found in sorted(digests.items())]

    def models(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield class, field and model of every field with enough values."""
        for (record_class, field), found in sorted(self.samples.items()):
            spec = self.library.get(record_class).spec(field.partition("/")[0])
            fitted = None if spec is None else fit(found, spec.threshold)
            if fitted is not None:
                yield record_class, field, fitted


@command(commands, "calibrate")
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
              help="Labelled sets; only their learn half is used.")  # fmt: skip
@click.option("--count", type=click.IntRange(min=0), default=800, show_default=True,
              help="Made-up documents of each kind.")  # fmt: skip
@click.option("--read", type=click.IntRange(min=0), default=20, show_default=True,
              help="Made-up documents of each kind that are drawn as scans and read.")  # fmt: skip
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), default=TARGET, help="File to write.")
def calibrate(frame: Frame, data: Path | None, count: int, read: int, to: Path) -> None:
    """Fit when a field's value may be taken without a person, on documents with known values."""
    learning = Learning(shipped_library(), defaultdict(list), [])
    learning.take("made-up", made_up(count))
    with open_words(load_settings()[0]) as words, TemporaryDirectory(prefix="muniment-calibrate-") as folder:
        learning.take("read", read_back(read, words, Path(folder)))
    if data is not None:
        learning.take(REAL, learnt_documents(data, frame.hint))
    found = list(learning.models())
    to.write_text(json.dumps(_document(learning, found), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    rows = [{"class": record_class, "field": field, **model} for record_class, field, model in found]
    answer = {"to": str(to), "learnt_from": _sources(learning), "models": rows}
    frame.answer(answer, lambda: _plain(rows))


def _document(learning: Learning, found: Sequence[tuple[str, str, dict[str, Any]]]) -> dict[str, Any]:
    classes: dict[str, Any] = {}
    for record_class, field, model in found:
        version = learning.library.get(record_class).version
        classes.setdefault(record_class, {"version": version, "fields": {}})["fields"][field] = model
    return {"format": FORMAT, "learnt_from": _sources(learning), "wrong_most": WRONG_MOST, "classes": classes}


def _sources(learning: Learning) -> list[dict[str, Any]]:
    return [{"set": one.name, "documents": one.documents, "digest": one.digest} for one in learning.sources]


def _plain(rows: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(
        f"{row['class']:<10} {row['field']:<24} {row['count']:>6} right {100 * row['right']:6.2f} "
        f"from {row['threshold']:.4f}: taken {100 * row['taken']:6.2f} right {100 * row['precision']:6.2f}"
        for row in rows
    )
