"""Read the lines of a table: the header row by its labels, then one item for each row that has an amount.

First version: columns by the places of the header's labels, rows until the totals begin; rows without an amount are
passed over. A value belongs to the column whose header is nearest.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from records.arithmetic import CENT, check_lines
from records.class_library import FieldSpec, RecordClass
from records.fields import Check, Field, ReviewReason
from records.normalise import Reading, clean_text, find_money, find_numbers
from records.text import union
from tasks.conventions import Conventions
from tasks.extract import PageMarks
from tasks.layout import PageLayout, Row

MOST_LINES = 500
LINE_TOTAL, LINE_DESCRIPTION = "line_total", "line_description"
LINE_CONFIDENCE = 0.85  # of a value found under its header; not yet calibrated
FEWEST_COLUMNS = 2
_AMOUNT = re.compile(r"\d[.,]\d{2}(?!\d)")  # a row with an amount is no header


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: its field and its span on the upright page, in pixels."""

    spec: FieldSpec
    left: int
    right: int


def find_line_items(marks: Sequence[PageMarks], record_class: RecordClass, conventions: Conventions) -> list[Field]:
    """Return the fields of all lines, numbered from 0 over the pages."""
    specs = [spec for spec in record_class.fields if spec.cardinality == "lines"]
    if not specs:
        return []
    ends = _end_labels(record_class)
    columns: list[Column] = []
    found: list[Field] = []
    index = 0
    for mark in marks:
        for row in mark.page.rows:
            header = _header(row, specs)
            if header and (not columns or _same_table(header, columns)):
                columns = header
                continue
            if columns and _is_end(row, mark, ends):
                columns = []
            if not columns:
                continue
            fields = _line(row, mark.page, columns, conventions, index)
            if fields and index < MOST_LINES:
                found += fields
                index += 1
    return found


def _same_table(header: Sequence[Column], columns: Sequence[Column]) -> bool:
    return {column.spec.name for column in header} == {column.spec.name for column in columns}


def _end_labels(record_class: RecordClass) -> frozenset[str]:
    """Fields whose labels end the table: the amounts of the sums."""
    return frozenset(name for equation in record_class.equations for name in equation.fields)


def _is_end(row: Row, mark: PageMarks, ends: frozenset[str]) -> bool:
    """Tell whether the totals begin here: a strong label of a summed amount fills one of the row's cells.

    "Base de datos" is an item, though "base" is a label: no other word may stand in the label's cell.
    """
    for hit in mark.hits:
        strong = any(hit.weights.get(name, 0.0) >= 0.7 for name in ends)
        if hit.row is row and strong:
            cell = row.cell_at(hit.start)
            if hit.start == cell.start and not re.search(r"[^\W\d_]{4}", row.text[hit.end : cell.end]):
                return True
    return False


def _header(row: Row, specs: Iterable[FieldSpec]) -> list[Column]:
    """Return the columns if this row heads a table: labels of at least two columns, one a description or amount."""
    if len(row.words) < FEWEST_COLUMNS or _AMOUNT.search(row.text):
        return []
    found: list[Column] = []
    taken: list[tuple[int, int]] = []
    for spec in specs:
        match = _find_label(row, spec, taken)
        if match is not None:
            taken.append(match)
            box = row.box_of(*match)
            found.append(Column(spec, box.x0, box.x1))
    kinds = {column.spec.type for column in found}
    if len(found) < FEWEST_COLUMNS or "text" not in kinds or "money" not in kinds:
        return []
    return sorted(found, key=lambda column: column.left)


def _find_label(row: Row, spec: FieldSpec, taken: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Return where a column's label stands; the last of several totals, the first of anything else."""
    spans: list[tuple[int, int]] = []
    anywhere, each = _expressions(tuple(spec.anchors))
    if anywhere.search(row.folded) is None:
        return None
    for expression in each:
        for match in expression.finditer(row.folded):
            if not any(match.start() < end and start < match.end() for start, end in [*taken, *spans]):
                spans.append(match.span())
    if not spans:
        return None
    return max(spans) if spec.type == "money" else min(spans)


@lru_cache(maxsize=256)
def _expressions(anchors: tuple[str, ...]) -> tuple[re.Pattern[str], tuple[re.Pattern[str], ...]]:
    """Return what finds any of the labels, and each of them, the longest first; made once, not for each row."""
    words = (r"[\s./]{1,3}".join(map(re.escape, phrase.split())) for phrase in sorted(anchors, key=len, reverse=True))
    parts = [rf"(?<![a-z0-9%]){part}(?![a-z0-9])" for part in words]
    return re.compile("|".join(parts) or r"(?!)"), tuple(map(re.compile, parts))


def _line(row: Row, page: PageLayout, columns: Sequence[Column], conventions: Conventions, index: int) -> list[Field]:
    """Return the fields of one line, or nothing if the row has no amount under an amount's header."""
    values = _amounts(row, columns, conventions)
    if not any(spec.type == "money" for spec, _ in values):
        return []
    first = min(reading.start for _, reading in values)
    text = next((column.spec for column in columns if column.spec.type == "text"), None)
    description = _description(row, first)
    if text is not None and description is not None:
        values.insert(0, (text, description))
    return [_field(spec, reading, row, page, index, conventions) for spec, reading in values]


def _amounts(row: Row, columns: Sequence[Column], conventions: Conventions) -> list[tuple[FieldSpec, Reading]]:
    """Give each number of the row to the nearest column of numbers, each column one."""
    found: list[tuple[FieldSpec, Reading]] = []
    numeric = [column for column in columns if column.spec.type != "text"]
    for column in numeric:
        readings = (
            [money for money in find_money(row.text, conventions.decimal) if money.firm]
            if column.spec.type == "money"
            else [number for number in find_numbers(row.text, conventions.decimal)]
        )
        best = min(readings, key=lambda reading: _distance(row, reading, column), default=None)
        if best is None or _nearest(row, best, numeric) is not column:
            continue
        if not any(best.start < other.end and other.start < best.end for _, other in found):
            found.append((column.spec, best))
    return found


def _distance(row: Row, reading: Reading, column: Column) -> float:
    """Return how far a number stands from a column's header: 0 if their spans overlap."""
    box = row.box_of(reading.start, reading.end)
    return max(column.left - box.x1, box.x0 - column.right, 0) + 0.01 * abs(box.x1 - column.right)


def _nearest(row: Row, reading: Reading, columns: Sequence[Column]) -> Column:
    return min(columns, key=lambda column: _distance(row, reading, column))


def _description(row: Row, end: int) -> Reading | None:
    """Return the text before the first number of the line; a row number in front is left out."""
    raw = re.sub(r"(?:\s{3,}[\d.,]+)+$", "", row.text[:end].rstrip())
    start = len(raw) - len(re.sub(r"^\s*\d{1,3}[.)]?\s+(?=\S)", "", raw))
    value = clean_text(raw[start:])
    return Reading(value, raw[start:], start, len(raw)) if sum(c.isalpha() for c in value) >= 2 else None


def check_line_items(lines: Sequence[Field], fields: Sequence[Field]) -> tuple[list[Field], list[ReviewReason]]:
    """Check the lines against the net amount (BR-CO-10) and each line's quantity x price; say so once if they fail.

    Lines that do not add up are for a person, all of them: nobody knows which one is wrong or was not read.
    """
    if not lines:
        return [], []
    totals = [Decimal(line.value) for line in lines if line.name == LINE_TOTAL and line.value is not None]
    net = next((field for field in fields if field.name == "net" and field.value is not None), None)
    if net is None or net.value is None:
        check = Check("lines", "unknown", "there is no net amount to compare the lines with")
    else:
        check = check_lines(totals, Decimal(net.value))
    good = check.outcome in ("pass", "info")
    rows: dict[int | None, dict[str, Field]] = {}
    for line in lines:
        rows.setdefault(line.index, {})[line.name] = line
    found = [_settled(line, rows[line.index], check if line.name == LINE_TOTAL else None, good) for line in lines]
    if all(line.status == "accepted" for line in found):
        return found, []
    message = check.message if not good else "a line was not read surely enough"
    return found, [ReviewReason("totals" if check.outcome == "hold" else "unconfirmed", LINE_TOTAL, message)]


def _settled(line: Field, row: Mapping[str, Field], check: Check | None, good: bool) -> Field:
    """Add the checks of a line's value and settle its status."""
    checks = [*line.checks, *([check] if check is not None else [])]
    product = _product_check(row) if line.name != LINE_DESCRIPTION else None
    if product is not None:
        checks.append(product)
    held = any(item.outcome not in ("pass", "info", "warn") for item in checks)
    accepted = line.status == "accepted" and good and not held
    return replace(line, checks=tuple(checks), status="accepted" if accepted else "review")


def _product_check(row: Mapping[str, Field]) -> Check | None:
    """Check quantity x price = total of a line, to the cent; a line without all three says nothing.

    A line with a discount or tax in its total differs and stays for a person.
    """
    names = ("line_quantity", "line_unit_price", LINE_TOTAL)
    values = [Decimal(row[name].value or 0) for name in names if name in row]
    if len(values) < len(names):
        return None
    expected = (values[0] * values[1]).quantize(CENT, ROUND_HALF_UP)
    if abs(expected - values[2]) <= CENT:
        return Check("product", "pass", "quantity x price")
    return Check("product", "warn", f"quantity x price is {expected}")


def _field(
    spec: FieldSpec, reading: Reading, row: Row, page: PageLayout, index: int, conventions: Conventions
) -> Field:
    words = row.between(reading.start, reading.end)
    word = min((placed.word.confidence for placed in words), default=0.0) / 100
    confidence = round(LINE_CONFIDENCE * (1 - max(0.0, 0.9 - word)), 3)
    checks = (Check("ambiguous", "hold", "can be read in two ways"),) if reading.ambiguous else ()
    accepted = confidence >= spec.threshold and not checks
    currency = (reading.currency or conventions.currency) if spec.type == "money" else None
    return Field(
        name=spec.name, value=reading.value, type=spec.type, status="accepted" if accepted else "review", index=index,
        raw=reading.raw, currency=currency, page=row.page, box=union(placed.word.box for placed in words),
        confidence=confidence, method="table", engine=page.page.engine, checks=checks,
    )  # fmt: skip
