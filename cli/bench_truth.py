"""Sets of documents with known field values, as a benchmark reads them; each set says what its files are called.

A set is found by what lies in it, below any folder. Known are public sets in their own forms, and a form for sets of
your own: `truth.jsonl`, a line `{"file", "class", "fields": {name: value}}` for each document. An empty value says
that the document has none. Documents are split by the digest of their bytes, so that the split never moves.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from records.errors import InvalidValueError
from records.normalise import find_dates, find_money, money_text
from records.text import Box, PageText, Word

OWN_FORM = "truth.jsonl"


@dataclass(frozen=True, slots=True)
class Labelled:
    """One document of a set: its file, the class it is of, and its true values by field name."""

    set_name: str
    file: Path
    record_class: str
    truth: Mapping[str, str]
    transcript: Path | None = None  # the set's own transcription of the words, where it has one

    @property
    def digest(self) -> str:
        """SHA-256 of the file, which decides what the document is used for."""
        return sha256(self.file.read_bytes()).hexdigest()


def is_held_out(digest: str) -> bool:
    """Tell whether a document is only measured, never learnt from: half of all, by digest."""
    return int(digest[:8], 16) % 2 == 1


def find_sets(folder: Path) -> list[Labelled]:
    """Return the documents of every set below `folder`, in a fixed order.

    Raises:
        InvalidValueError: there is no set, or the truth of one cannot be read.
    """
    found: list[Labelled] = []
    for place in sorted({folder, *(path for path in folder.rglob("*") if path.is_dir())}):
        for reader in _READERS:
            try:
                found += list(reader(place))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise InvalidValueError(f"the truth of the set {place.name!r} cannot be read") from error
    if not found:
        raise InvalidValueError(f"no set of labelled documents is below this folder; docs/accuracy.md shows {OWN_FORM}")
    return found


def _own(folder: Path) -> Iterator[Labelled]:
    if (folder / OWN_FORM).is_file():
        for line in (folder / OWN_FORM).read_text("utf-8").splitlines():
            row = json.loads(line)
            yield Labelled(folder.name, folder / row["file"], row["class"], row["fields"])


def _derived(folder: Path) -> Iterator[Labelled]:
    """Spanish invoices: `derived_gt.json` maps files to values."""
    if not (folder / "derived_gt.json").is_file():
        return
    for name, row in sorted(json.loads((folder / "derived_gt.json").read_text("utf-8")).items()):
        truth = {
            "number": row["number"], "date": row["issue_date"], "supplier": row["supplier"],
            "supplier_tax_id": row["supplier_tax_id"], "net": _money(row["base"]), "tax": _money(row["tax"]),
            "total": _money(row["total"]), "withholding": _withheld(row["withholding"]),
        }  # fmt: skip
        yield Labelled("invoices-es", folder / name, "invoice", _known(truth))


def _receipts(folder: Path) -> Iterator[Labelled]:
    """English receipts: `key` has the values, `img` the scans, `box` the lines as people transcribed them."""
    if not ((folder / "key").is_dir() and (folder / "img").is_dir()):
        return
    for key in sorted((folder / "key").glob("*.json")):
        row = json.loads(key.read_text("utf-8"))
        days = find_dates(row.get("date", ""), "dmy")
        sums = find_money(row.get("total", ""), ".")
        truth = {"company": row.get("company", "")}
        truth |= {"date": days[0].value} if days else {}
        truth |= {"total": sums[0].value} if sums else {}
        image = next((folder / "img").glob(f"{key.stem}.*"))
        transcript = folder / "box" / f"{key.stem}.csv"
        yield Labelled("receipts-en", image, "receipt", truth, transcript if transcript.is_file() else None)


def _tabled(folder: Path) -> Iterator[Labelled]:
    """German receipts: `GT.tsv` has file, merchant, date, items, total."""
    if not (folder / "GT.tsv").is_file():
        return
    with (folder / "GT.tsv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            parts = Path(row["file"]).parts
            file = next(folder.joinpath(*parts[n:]) for n in range(len(parts)) if folder.joinpath(*parts[n:]).is_file())
            truth = {"date": date.fromisoformat(row["date"]).isoformat(), "total": _money(row["total_EUR"])}
            yield Labelled("receipts-de", file, "receipt", _known(truth))


_MIXED = {
    "invoice_number": "number", "partner_name": "supplier", "vat": "supplier_tax_id", "date": "date",
    "date_due": "due_date", "amount": "total", "amount_untaxed": "net", "amount_tax": "tax", "currency": "currency",
    "iban": "iban",
}  # fmt: skip


def _templated(folder: Path) -> Iterator[Labelled]:
    """Mixed invoices: each file's values lie beside it under its name, as a list with one row that has an `issuer`."""
    for file in sorted(folder.glob("*.pdf")):
        values = file.with_suffix(".json")
        if not values.is_file():
            continue
        rows = json.loads(values.read_text("utf-8"))
        if isinstance(rows, list) and rows and "issuer" in rows[0]:
            truth = {ours: _plain(rows[0][theirs]) for theirs, ours in _MIXED.items() if theirs in rows[0]}
            truth.setdefault("supplier", rows[0]["issuer"])
            yield Labelled("invoices-mixed", file, "invoice", _known(truth))


def _forms(folder: Path) -> Iterator[Labelled]:
    """English forms: `FILE.labels.json` has the words of each labelled place; marks of check boxes are left out."""
    for labels in sorted(folder.glob("*.labels.json")):
        file = labels.with_name(labels.name.removesuffix(".labels.json"))
        rows = json.loads(labels.read_text("utf-8"))["labels"]
        truth = {row["label"]: " ".join(value["text"] for value in row["value"]) for row in rows}
        words = {name: text for name, text in truth.items() if text not in ("selected", "unselected")}
        if file.is_file():
            yield Labelled("forms-en", file, folder.name, words)


_READERS: tuple[Callable[[Path], Iterator[Labelled]], ...] = (_own, _derived, _receipts, _tabled, _templated, _forms)


def _money(value: Any) -> str | None:
    return None if value is None else money_text(Decimal(str(value)))


def _withheld(value: Any) -> str | None:
    """Return the amount without its sign; nothing withheld wants no value."""
    return None if value is None else _money(abs(value)) if value else ""


def _plain(value: Any) -> str | None:
    return _money(value) if isinstance(value, int | float) else str(value)


def _known(truth: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in truth.items() if value is not None}


def read_transcript(path: Path) -> tuple[PageText, ...]:
    """Return a set's own transcription as one page: every line's words with its box shared out by letters."""
    words: list[Word] = []
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        *corners, text = line.split(",", 8)
        if len(corners) < 8:
            continue
        xs, ys = [int(x) for x in corners[0:8:2]], [int(y) for y in corners[1:8:2]]
        letter = (max(xs) - min(xs)) / max(len(text), 1)
        start = 0
        for part in text.split(" "):
            if part:
                left, right = min(xs) + letter * start, min(xs) + letter * (start + len(part))
                words.append(Word(part, Box(round(left), min(ys), round(right), max(ys)), 99.0, number, number))
            start += len(part) + 1
    width, height = max(w.box.x1 for w in words) + 20, max(w.box.y1 for w in words) + 20
    page = PageText(1, width, height, 300, 0, 0.0, "eng", "transcription", False, "born-digital", tuple(words))
    return (page,)
