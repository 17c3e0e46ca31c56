"""How right index fields are: documents with known values, described as records would be, and compared.

Figures are of documents that are only measured (half of all, by digest); `--part learn` shows the other half, on which
rules may be worked. A value is right when it equals the truth: dates and amounts as such, identifiers and texts without
regard to case, accents and punctuation. What is found but not in the truth is not counted. docs/accuracy.md explains.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from time import process_time
from typing import Any, Literal

from cli.bench_scans import Variant, WordCache
from cli.bench_truth import Labelled, is_held_out, read_transcript
from records.class_library import ClassLibrary
from records.errors import ChildFaultError, ChildLimitError, RefusedScanError
from records.fields import Description, Field
from records.normalise import fold, identifier
from records.text import PageText
from tasks.describe import describe

Part = Literal["held-out", "learn", "all"]
SCANNED: tuple[Variant, ...] = ("as-is", "scanned", "worn")
DRAWN_SETS = ("invoices-es",)  # sets of files that were never paper: read as drawn scans too
MONEY = frozenset({"total", "net", "tax", "withholding"})
CODES = frozenset({"supplier_tax_id", "customer_tax_id", "tax_id", "iban"})
CLASS = "(class)"
_EMPTY = frozenset({"of", "the", "and", "or", "in", "if", "any", "is", "this", "for"})  # words of no label
BANDS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 1.01)  # of confidence


@dataclass(frozen=True, slots=True)
class Case:
    """One field of one document: what it should be, what was found, and whether it was taken without a person."""

    set_name: str
    field: str
    digest: str
    wanted: str
    found: str | None
    right: bool
    accepted: bool
    confidence: float


@dataclass(frozen=True, slots=True)
class Score:
    """How one field of one set did: documents with a true value, right ones, accepted ones, accepted and right."""

    set_name: str
    field: str
    count: int
    right: int
    accepted: int
    accepted_right: int

    def as_json(self) -> dict[str, Any]:
        """Return counts and shares; a precision of nothing is null."""
        return {
            "set": self.set_name, "field": self.field, "documents": self.count, "right": self.right / self.count,
            "accepted": self.accepted / self.count,
            "precision": self.accepted_right / self.accepted if self.accepted else None,
            "wrong_accepted": self.accepted - self.accepted_right,
        }  # fmt: skip


@dataclass
class FieldBench:
    """Describes every document of the sets and keeps what was found."""

    cache: WordCache
    library: ClassLibrary
    today: date
    part: Part
    say: Callable[[str], None]
    cases: list[Case]
    described_seconds: float = 0.0
    read_seconds: float = 0.0

    def measure(self, documents: Sequence[Labelled]) -> None:
        """Describe every document of the wanted part, in every way its set is read."""
        for document, name, pages in self.readings(documents):
            began = process_time()
            found = describe(pages, self.library, self.today)
            self.described_seconds += process_time() - began
            self.cases += compare(name, document.digest, document, found)

    def readings(self, documents: Sequence[Labelled]) -> Iterator[tuple[Labelled, str, tuple[PageText, ...]]]:
        """Yield every document of the wanted part, in every way its set is read: itself, what that is called, pages."""
        for document in documents:
            if self.part == "all" or is_held_out(document.digest) == (self.part == "held-out"):
                for name, pages in self._readings(document):
                    yield document, name, pages

    def _readings(self, document: Labelled) -> Iterator[tuple[str, tuple[PageText, ...]]]:
        for variant in SCANNED if document.set_name in DRAWN_SETS else SCANNED[:1]:
            name = document.set_name if variant == "as-is" else f"{document.set_name}, {variant}"
            try:
                words = self.cache.words(document.file, variant)
            except (RefusedScanError, ChildLimitError, ChildFaultError) as error:
                self.say(f"{document.set_name}: {document.digest[:12]}: {error}")
                yield name, ()
                continue
            self.read_seconds += words.seconds
            yield name, words.pages
        if document.transcript is not None:
            yield f"{document.set_name}, transcribed", read_transcript(document.transcript)


def compare(name: str, digest: str, document: Labelled, found: Description) -> Iterator[Case]:
    """Compare a description with the truth, field by field; the class is a field of its own."""
    right = found.record_class == document.record_class
    sure = not any(reason.code == "class-unsure" for reason in found.review)
    yield Case(name, CLASS, digest, document.record_class, found.record_class, right, sure, found.class_confidence)
    fields = {field.name: field for field in found.fields if field.index is None}
    for wanted_name, wanted in document.truth.items():
        yield _case(name, digest, wanted_name, wanted, fields.get(wanted_name) or captured(wanted_name, wanted, found))


def captured(name: str, wanted: str, found: Description) -> Field | None:
    """Return what a form answers to a label of its own that shares a word with this name, or its initials with one.

    Where several labels do (the city of two addresses), the answer that is right is taken, else the first.
    """
    rows: dict[int | None, list[Field]] = defaultdict(list)
    for field in found.fields:
        if field.method == "pair":
            rows[field.index].append(field)
    asked = _words_of(name)
    answers = [value for label, value in rows.values() if asked & _words_of(label.value or "")]
    return next((value for value in answers if is_right(name, wanted, value.value)), next(iter(answers), None))


def _words_of(text: str) -> set[str]:
    """Return the words of a label or of a name such as `PayerTIN`, without plural, and its words' initials."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    words = re.findall(r"[a-z]{2,}", fold(parted))
    initials = "".join(word[0] for word in words)
    every = {initials[start : start + 3] for start in range(len(initials) - 2)}
    return {word.removesuffix("s") for word in words if word not in _EMPTY} | every


def _case(name: str, digest: str, wanted_name: str, wanted: str, field: Field | None) -> Case:
    value = None if field is None else field.value
    accepted = field is not None and field.status == "accepted"
    right = is_right(wanted_name, wanted, value)
    return Case(name, wanted_name, digest, wanted, value, right, accepted, 0.0 if field is None else field.confidence)


def is_right(name: str, wanted: str, value: str | None) -> bool:
    """Tell whether a value is the true one; an empty truth wants no value, or an amount of nothing."""
    if not wanted:
        return value is None or (name in MONEY and _amount(value) == 0)
    if value is None:
        return False
    if name in MONEY:
        return _amount(value) == _amount(wanted)
    if name in CODES:
        return _bare(value) == _bare(wanted)
    return _plain(value) == _plain(wanted)


def _amount(text: str) -> Decimal | None:
    try:
        return abs(Decimal(text))
    except InvalidOperation:
        return None


def _bare(text: str) -> str:
    return identifier(text).removeprefix("ES")


def _plain(text: str) -> str:
    return "".join(character for character in fold(text) if character.isalnum())


def scores(cases: Iterable[Case]) -> list[Score]:
    """Sum cases up by set and field, in order of appearance."""
    groups: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.set_name, case.field].append(case)
    return [
        Score(
            *key, len(group), sum(case.right for case in group), sum(case.accepted for case in group),
            sum(case.right and case.accepted for case in group),
        )
        for key, group in groups.items()
    ]  # fmt: skip


def answer_of(bench: FieldBench, folder: Path, count: int) -> dict[str, Any]:
    """Return the answer: conditions, a row for each set and field, and what was wrong where rules may be worked."""
    fields = [case for case in bench.cases if case.field != CLASS]
    accepted = [case for case in fields if case.accepted]
    right = sum(case.right for case in accepted)
    document: dict[str, Any] = {
        "conditions": {
            "sets": folder.resolve().name, "part": bench.part, "documents": count, "today": bench.today.isoformat(),
            "engine": bench.cache.engine, "languages": "+".join(bench.cache.options.languages),
        },
        "rows": [score.as_json() for score in scores(bench.cases)],
        "accepted": {
            "share": len(accepted) / len(fields) if fields else None,
            "precision": right / len(accepted) if accepted else None, "wrong": len(accepted) - right,
        },
        "confidence": reliability(fields),
        "description": {
            "seconds": bench.described_seconds, "reading_seconds": bench.read_seconds,
            "share": bench.described_seconds / bench.read_seconds if bench.read_seconds else None,
        },
    }  # fmt: skip
    if bench.part == "learn":
        document["wrong"] = [_wrong(case) for case in bench.cases if not case.right]
    return document


def reliability(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Return for each band of confidence how many values were said to be so sure, and how many of them were right."""
    rows = []
    for low, high in pairwise(BANDS):
        inside = [case for case in cases if case.found is not None and low <= case.confidence < high]
        if inside:
            said, right = fmean(case.confidence for case in inside), fmean(case.right for case in inside)
            rows.append({"from": low, "to": min(high, 1.0), "values": len(inside), "said": said, "right": right})
    return rows


def _wrong(case: Case) -> dict[str, Any]:
    return {
        "set": case.set_name, "document": case.digest[:12], "field": case.field, "wanted": case.wanted,
        "found": case.found, "accepted": case.accepted, "confidence": case.confidence,
    }  # fmt: skip


def plain(document: Mapping[str, Any]) -> str:
    """Return the answer as people read it."""
    lines = [f"{name + ':':<12} {value}" for name, value in document["conditions"].items()]
    lines += ["", f"{'set':<26} {'field':<24} {'n':>4} {'right':>7} {'accepted':>9} {'precision':>10}"]
    for row in document["rows"]:
        precision = "-" if row["precision"] is None else f"{100 * row['precision']:.1f}"
        lines.append(
            f"{row['set']:<26} {row['field']:<24} {row['documents']:>4} {100 * row['right']:>7.1f} "
            f"{100 * row['accepted']:>9.1f} {precision:>10}"
        )
    for row in document.get("wrong", ()):
        taken = "ACCEPTED " if row["accepted"] else ""
        lines.append(f"{row['set']} {row['document']} {row['field']}: {taken}{row['found']!r}, not {row['wanted']!r}")
    for row in document["confidence"]:
        lines.append(
            f"confidence {row['from']:.2f} to {row['to']:.2f}: {row['values']:>4} values, "
            f"said {100 * row['said']:.1f} %, right {100 * row['right']:.1f} %"
        )
    share, precision = document["accepted"]["share"], document["accepted"]["precision"]
    if share is not None and precision is not None:
        lines.append(f"accepted: {100 * share:.1f} %, of these right: {100 * precision:.2f} %")
    if document["description"]["share"] is not None:
        lines.append(f"description: {100 * document['description']['share']:.2f} % of reading time")
    return "\n".join(lines)
