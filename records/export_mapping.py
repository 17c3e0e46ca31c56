"""How a record class wants its index data delivered: headings, order, separators; and the fixed forms of values.

Own forms (CSV, JSON Lines): dates YYYY-MM-DD, amounts with a point and their currency beside them. A class's own
mapping (`[export]` in its file) may ask for others. Text that a spreadsheet would run as a formula gets an apostrophe
before it: it begins with one of = + - @, a tab or a line end, and is no plain number (OWASP, "CSV Injection").
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

Format = Literal["csv", "jsonl", "class"]
FORMATS: tuple[Format, ...] = ("csv", "jsonl", "class")
EXPORT_KEYS = ("columns", "delimiter", "decimal", "dates", "rows")
HEAD = ("record", "client", "class", "batch", "state")  # what a row says beside its fields
DELIMITERS = (",", ";", "\t")
DECIMALS = (".", ",")
DATES = {"YYYY-MM-DD": "%Y-%m-%d", "DD/MM/YYYY": "%d/%m/%Y", "YYYYMMDD": "%Y%m%d"}
ROWS = ("record", "line")
NUMBERS = ("money", "number", "rate")
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")


@dataclass(frozen=True, slots=True)
class ExportMapping:
    """Columns as (heading, field or word of HEAD or `FIELD_currency`), and how values are written.

    `rows` is `record`, or `line` for one row for each row of the class's repeated fields.
    """

    columns: tuple[tuple[str, str], ...]
    delimiter: str = ","
    decimal: str = "."
    dates: str = "YYYY-MM-DD"
    rows: str = "record"


def default_mapping(fields: Sequence[tuple[str, str, str]], rows: str = "record") -> ExportMapping:
    """Return the mapping of plain CSV for the fields of a class: (name, type, cardinality), in its order."""
    columns = [(name, name) for name in HEAD]
    for name, kind, cardinality in fields:
        if cardinality == "lines" and rows == "record":
            continue
        columns.append((name, name))
        if kind == "money":
            columns.append((f"{name}_currency", f"{name}_currency"))
    return ExportMapping(tuple(columns), rows=rows)


def written(value: str | None, kind: str, mapping: ExportMapping) -> str:
    """Return a value as the mapping writes it; an absent one is empty."""
    if value is None:
        return ""
    if kind == "date":
        return date.fromisoformat(value).strftime(DATES[mapping.dates])
    if kind in NUMBERS:
        return value.replace(".", mapping.decimal)
    return value


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_DANGEROUS) and not _NUMBER.fullmatch(cell) else cell
