"""Fit the measured confidence of index fields, and write it as data: `python -m cli.calibrate [--data DIR]`.

Documents with known values are described; for each field a logistic regression learns from what speaks for a value
whether it was right. The threshold is the lowest probability above which, on documents that the weights were not fitted
on, wrong values stay below what the field may have. Learnt from are made-up documents with misreadings of several
strengths, always, and the `learn` half of the labelled sets below DIR, if one is named. Nothing of a document is
written: weights and counts only. The same arguments give the same file.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from cli.bench_fields import is_right
from cli.bench_labelled import learnt_documents, open_words
from cli.bench_scans import WordCache
from cli.drawn_facts import invoice
from cli.drawn_invoices import draw_invoice, truth_of
from cli.drawn_receipts import draw_receipt, receipt, receipt_truth
from cli.drawn_sheets import misread, picture
from infra.settings import load_settings
from records.calibration import FORMAT, TEXT, Calibration
from records.class_library import ClassLibrary, shipped_library
from records.text import PageText
from tasks.describe import describe

Floats = npt.NDArray[np.float64]

TARGET = Path(__file__).resolve().parents[1] / "records" / "calibration.json"
RATES = (0.0, 0.0, 0.002, 0.005, 0.01, 0.02)  # shares of letters misread
TODAY = date(2026, 6, 30)  # after every made-up date
WRONG_MOST = 0.005  # share of wrong values among those taken unseen: the contract
FEWEST = 150  # values of a field without which no model is fitted
FEWEST_TAKEN = 80  # right values above a threshold without which it is not believed
# Weights. The engine is surer of what it misreads in the simulation than it was in any of the sheets it was given.
SIMULATED, READ, REAL = 0.15, 2.0, 3.0
NEVER = 1.01  # threshold of a field that is never taken unseen
FOLDS = 5
CAUTION = 1.5  # odds by which a threshold is raised: made-up documents are easier than real ones


@dataclass(frozen=True, slots=True)
class Sample:
    """A value found for a field: its features, whether it was right, its document, and how much it counts."""

    features: Mapping[str, float]
    right: bool
    document: str
    weight: float


Samples = dict[tuple[str, str], list[Sample]]


def made_up(count: int) -> Iterator[tuple[str, str, tuple[PageText, ...], dict[str, str]]]:
    """Yield made-up documents: a name, the class, the pages, the truth."""
    for number in range(count):
        draw = Random(f"calibration {number}")  # noqa: S311  a made-up document: the same on every machine
        rate = RATES[number % len(RATES)]
        made = invoice(draw)
        page = draw_invoice(made, draw)
        yield f"invoice {number}", "invoice", (misread(page, draw, rate) if rate else page,), truth_of(made)
        bill = receipt(draw)
        slip = draw_receipt(bill, draw)
        yield f"receipt {number}", "receipt", (misread(slip, draw, rate) if rate else slip,), receipt_truth(bill)


def read_back(
    count: int, words: WordCache, folder: Path
) -> Iterator[tuple[str, str, tuple[PageText, ...], dict[str, str]]]:
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
            yield f"read {kind} {number}", kind, pages, truth


def observe(
    samples: Samples, library: ClassLibrary, name: str, record_class: str, pages: Sequence[PageText],
    truth: Mapping[str, str], weight: float,
) -> None:  # fmt: skip
    """Describe a document and keep what spoke for each value whose truth is known."""
    seen: dict[str, Mapping[str, float]] = {}
    found = describe(
        pages,
        library,
        TODAY,
        record_class,
        calibration=Calibration(),
        observe=lambda field, told: seen.update({field: told}),
    )
    values = {field.name: field.value for field in found.fields if field.index is None}
    way = TEXT if pages and pages[0].source == "born-digital" else ""
    for field, wanted in truth.items():
        if field in seen and values.get(field) is not None:
            sample = Sample(seen[field], is_right(field, wanted, values[field]), name, weight)
            samples[record_class, field + way].append(sample)


def fit(samples: Sequence[Sample], seed: int = 0) -> dict[str, Any] | None:
    """Fit one field's model; None where there are too few values.

    Probabilities that the threshold is chosen by are those of folds a document was left out of.
    """
    from sklearn.linear_model import LogisticRegression

    if len(samples) < FEWEST:
        return None
    names = sorted({name for sample in samples for name in sample.features})
    matrix = np.array([[sample.features.get(name, 0.0) for name in names] for sample in samples])
    right = np.array([sample.right for sample in samples])
    weight = np.array([sample.weight for sample in samples])
    rows = {"count": len(samples), "right": round(float(right.mean()), 4)}
    if right.all():  # nothing wrong was seen: the share that is surely below stands in for it
        bias = float(np.log(len(samples) / 3))
        return {"bias": round(bias, 4), "weights": {}, "threshold": 0.5, **rows, "taken": 1.0, "precision": 1.0}
    fold = np.array([_fold(sample.document, seed) for sample in samples])
    held = np.zeros(len(samples))
    for number in range(FOLDS):
        train, test = fold != number, fold == number
        if right[train].all() or not test.any():
            held[test] = right[train].mean()
            continue
        model = LogisticRegression(C=0.5, max_iter=2000).fit(matrix[train], right[train], weight[train])
        held[test] = model.predict_proba(matrix[test])[:, 1]
    whole = LogisticRegression(C=0.5, max_iter=2000).fit(matrix, right, weight)
    threshold, taken, precision = choose_threshold(held, right, weight)
    weights = {
        name: round(float(value), 4) for name, value in zip(names, whole.coef_[0], strict=True) if abs(value) > 1e-3
    }
    return {
        "bias": round(float(whole.intercept_[0]), 4), "weights": weights, "threshold": threshold, **rows,
        "taken": taken, "precision": precision,
    }  # fmt: skip


def _fold(document: str, seed: int) -> int:
    return Random(f"{seed} {document}").randrange(FOLDS)  # noqa: S311  a split: the same on every machine


def choose_threshold(held: Floats, right: npt.NDArray[np.bool_], weight: Floats) -> tuple[float, float, float]:
    """Return the lowest threshold whose values are wrong no more often than allowed, the share taken, the precision.

    Args:
        held: probabilities 0..1, each from a model that had not seen the value.
        right: whether each value was right.
        weight: how much each counts.
    """
    order = np.argsort(-held, kind="stable")
    wrong = np.cumsum(np.where(right[order], 0.0, weight[order]))
    all_ones = np.cumsum(weight[order])
    good = np.flatnonzero((wrong <= WRONG_MOST * all_ones) & (np.arange(1, len(order) + 1) >= FEWEST_TAKEN))
    if not good.size:
        return NEVER, 0.0, 0.0
    last = int(good[-1])
    cut = float(held[order[last]])
    odds = CAUTION * cut / max(1 - cut, 1e-9)
    threshold = round(min(odds / (1 + odds), 0.9985), 4)
    chosen = held >= threshold
    if not chosen.any():
        return NEVER, 0.0, 0.0
    return threshold, round(float(chosen.mean()), 4), round(float(right[chosen].mean()), 4)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit all fields and write the file; print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m cli.calibrate", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of labelled sets; only their learn half is used")
    parser.add_argument("--count", type=int, default=4000, help="made-up documents of each kind")
    parser.add_argument("--read", type=int, default=150, help="of each kind drawn as scans and read by the engine")
    parser.add_argument("--to", type=Path, default=TARGET, help="file to write")
    asked = parser.parse_args(arguments)
    library = shipped_library()
    samples: Samples = defaultdict(list)
    for name, record_class, pages, truth in made_up(asked.count):
        observe(samples, library, name, record_class, pages, truth, 1.0 if pages[0].source != "ocr" else SIMULATED)
    with open_words(load_settings()[0]) as words, TemporaryDirectory(prefix="muniment-calibrate-") as folder:
        for name, record_class, pages, truth in read_back(asked.read, words, Path(folder)):
            observe(samples, library, name, record_class, pages, truth, READ)
    real = 0
    if asked.data is not None:
        for name, record_class, document_pages, values in learnt_documents(asked.data, _say):
            observe(samples, library, name, record_class, document_pages, values, REAL)
            real += 1
    made_from = {"made_up": 2 * asked.count, "read": 2 * asked.read, "real": real, "wrong_most": WRONG_MOST}
    document: dict[str, Any] = {"format": FORMAT, "fitted_on": made_from, "classes": {}}
    for (record_class, field), found in sorted(samples.items()):
        fitted = fit(found)
        if fitted is not None:
            version = library.get(record_class).version
            document["classes"].setdefault(record_class, {"version": version, "fields": {}})["fields"][field] = fitted
            sys.stdout.write(
                f"{record_class:<10} {field:<18} {fitted['count']:>6} right {100 * fitted['right']:6.2f} "
                f"from {fitted['threshold']:.4f}: taken {100 * fitted['taken']:6.2f} "
                f"right {100 * fitted['precision']:6.2f}\n"
            )
    asked.to.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
