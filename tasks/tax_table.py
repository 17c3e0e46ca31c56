"""Find the tax table of a document: rows of base, rate and tax that hold, wherever they stand and however labelled.

A row is believed because base x rate = tax to the cent with the rate printed, not because of its labels; so a table
whose headers are unusual or misread is found as well. Rows of one rate that add up to another row are its parts. The
sums over rows are offered as amounts of the document, together with whatever printed amount they close with
(EN 16931, BR-CO-14, BR-CO-15 and BR-CO-17; reference of data verification, section 4).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations

from records.arithmetic import CENT
from records.class_library import RecordClass
from records.class_tables import TaxTable
from records.normalise import Reading, find_money, find_rates, money_text
from tasks.candidates import Candidate
from tasks.conventions import Conventions
from tasks.extract import Choice, PageMarks
from tasks.layout import Row

HOLDS = 0.93  # score of amounts that a row of the table gives
UNLABELLED = 0.9  # of those of a row without the tax's label: a table under headers, or the lines
LABELLED = 0.905  # from here a row has the label
MOST_WITHHELD = Decimal("0.5")  # share of the base
MISREAD_RATE = 0.01  # less where the rate that holds is a legal one, but not the one that was read
SCATTERED = 0.8  # of a base that stands on another row than its tax, without a label of its own
CLOSING = 0.85  # of a printed amount that the table's sums close with, if no label speaks for it
MOST_ROWS = 8
NEAR_ROWS = 14  # how far from its tax a base is looked for
TEN = 10  # as a quantity: 10 pieces of 13.58 are 135.80, which a tenth of 135.80 is too; there the price comes first
TOLERANCE = 2 * CENT  # base x rate against tax: rounding line by line
_BARE_RATE = re.compile(r"(?<![\w.,/-])(\d{1,2}(?:[.,]\d{1,2})?)(?![\w/%-]|[.,]\d)")


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount printed on a page, with its row."""

    value: Decimal
    reading: Reading
    row: Row

    def candidate(self, field: str, score: float, method: str = "table") -> Candidate:
        """Return it as a candidate for a field."""
        words = tuple(placed.word for placed in self.row.between(self.reading.start, self.reading.end))
        return Candidate(
            field, money_text(self.value), self.reading.raw, self.row.page, words, score, method,
            self.reading.currency, row=self.row.number,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TaxRow:
    """A base, a rate in percent, and the tax that is base x rate; `score` 0..1 says how well they belong together."""

    base: Amount
    rate: Decimal
    tax: Amount
    score: float


def find_tax_rows(marks: Sequence[PageMarks], table: TaxTable, conventions: Conventions) -> list[TaxRow]:
    """Return the rows of the tax table, each once, without rows that are only parts of others."""
    found: dict[tuple[Decimal, Decimal, Decimal], TaxRow] = {}
    for mark in marks:
        rows = [(row, _amounts(row, conventions)) for row in mark.page.rows]
        named = {table.tax, table.surcharge}
        labelled = {hit.row.number for hit in mark.hits if not named.isdisjoint(hit.weights)}
        withheld = {hit.row.number for hit in mark.hits if (table.withheld or "") in hit.weights}
        for position, (row, amounts) in enumerate(rows):
            here = row.number in labelled
            if row.number in withheld and not here:
                continue  # a base, a rate and what is withheld
            for one in (
                *_in_row(row, amounts, table, here),
                *(_over_rows(position, rows, mark, table) if here else ()),
            ):
                key = (one.base.value, one.rate, one.tax.value)
                if key not in found or found[key].score < one.score:
                    found[key] = one
    used: list[TaxRow] = []
    taxes: set[tuple[int, int, int]] = set()
    for one in sorted(found.values(), key=lambda one: -one.score):
        if _place(one.tax) not in taxes:  # an amount is the tax of one row only
            taxes.add(_place(one.tax))
            used.append(one)
    by_rate: dict[Decimal, list[TaxRow]] = {}
    for one in used:
        by_rate.setdefault(one.rate, []).append(one)
    kept = [one for group in by_rate.values() for one in _whole_rows(group)]
    return sorted(kept, key=lambda one: -one.score)[:MOST_ROWS]


def _whole_rows(rows: Sequence[TaxRow]) -> list[TaxRow]:
    """Of rows of one rate take the one whose base is the others' sum; else those with a tax's label, if any; else all.

    Invoices print the tax of every line, and then of all lines of a rate.
    """
    for row in rows:
        others = [other.base.value for other in rows if other is not row]
        if len(others) > 1 and sum(others) == row.base.value:
            return [row]
    labelled = [row for row in rows if row.score >= LABELLED]
    rest = [row for row in rows if row.score < LABELLED]
    return labelled if labelled and len(rest) else list(rows)


def _amounts(row: Row, conventions: Conventions) -> list[Amount]:
    readings = find_money(row.text, conventions.decimal)
    return [Amount(Decimal(reading.value), reading, row) for reading in readings if reading.firm]


def _rates(row: Row, amounts: Sequence[Amount], *, bare: bool) -> list[Decimal]:
    """Return the rates printed on a row; with `bare` also numbers without a percent sign that are no amounts."""
    found = [Decimal(reading.value) for reading in find_rates(row.text)]
    if bare and not found:
        spans = [(amount.reading.start, amount.reading.end) for amount in amounts]
        for match in _BARE_RATE.finditer(row.text):
            if not any(start < match.end() and match.start() < end for start, end in spans):
                found.append(Decimal(match[1].replace(",", ".")))
        found += [amount.value for amount in amounts if amount.value < 30]
    return found


def holds(base: Decimal, rate: Decimal, tax: Decimal) -> bool:
    """Tell whether base x rate = tax, to two cents; a tax of nothing holds for a rate of nothing only."""
    if (rate == 0) != (tax == 0) or base == 0 or abs(tax) >= abs(base):
        return False
    return abs((base * rate / 100).quantize(CENT, ROUND_HALF_UP) - tax) <= TOLERANCE


def _in_row(row: Row, amounts: Sequence[Amount], table: TaxTable, labelled: bool) -> Iterator[TaxRow]:
    printed = _rates(row, amounts, bare=True)
    legal = table.rates if labelled or "%" in row.text else ()
    score = HOLDS if labelled else UNLABELLED
    bare = not labelled and "%" not in row.text
    for first, second in combinations(amounts, 2):
        base, tax = (first, second) if abs(first.value) > abs(second.value) else (second, first)
        for rate in printed:
            if bare and rate == TEN and tax is first:
                continue
            if (rate == 0 or rate not in (base.value, tax.value)) and holds(base.value, rate, tax.value):
                yield TaxRow(base, rate, tax, score)
        for rate in legal:
            if rate != 0 and tax.value >= 1 and holds(base.value, rate, tax.value):
                yield TaxRow(base, rate, tax, score - MISREAD_RATE)


def _over_rows(
    position: int, rows: Sequence[tuple[Row, list[Amount]]], mark: PageMarks, table: TaxTable
) -> Iterator[TaxRow]:
    """Find the base of a tax that stands on a row with its rate: an amount of a row nearby."""
    row, amounts = rows[position]
    rates = _rates(row, amounts, bare=False)
    if not rates or not amounts:
        return
    tax = amounts[-1]
    for other, others in rows[max(0, position - NEAR_ROWS) : position + NEAR_ROWS]:
        if other is row:
            continue
        labelled = any(hit.row is other and table.base in hit.weights for hit in mark.hits)
        for base in others:
            for rate in rates:
                if rate != 0 and holds(base.value, rate, tax.value):
                    far = 0.001 * abs(other.number - row.number)
                    yield TaxRow(base, rate, tax, (HOLDS if labelled else SCATTERED) - far)


def offer_sums(
    record_class: RecordClass,
    marks: Sequence[PageMarks],
    conventions: Conventions,
    ranked: Mapping[str, Sequence[Choice]],
) -> dict[str, list[Choice]]:
    """Return `ranked` with the tax table's sums put first, if the document has a table and its sums close.

    They close where some printed amount, less what is withheld, is base plus tax; rows are left out one by one until
    they do. Without one only a table of one row, or one whose sums are printed, is offered.
    """
    found = {name: list(choices) for name, choices in ranked.items()}
    table = record_class.tax_table
    every = find_tax_rows(marks, table, conventions) if table is not None else []
    rows = [row for row in every if table is not None and row.rate not in table.surcharge_rates]
    if table is None or not rows:
        return found
    bases = {row.base.value for row in rows}
    added = [row for row in every if row.rate in table.surcharge_rates and row.base.value in bases]
    printed = [amount for mark in marks for row in mark.page.rows for amount in _amounts(row, conventions)]
    own = {_place(amount) for one in (*rows, *added) for amount in (one.base, one.tax)}
    printed = [amount for amount in printed if _place(amount) not in own]
    withheld = [Decimal(0)] + [abs(Decimal(choice.value)) for choice in ranked.get(table.withheld or "", ())[:4]]
    closed = _closing(rows, printed, withheld, ranked.get(table.total, ()), added)
    if closed is None and len(rows) > 1 and not _printed_sums(rows, printed):
        return found
    chosen = rows if closed is None else closed[0]
    score = min(row.score for row in chosen)
    _put_first(found, table.base, _sum(table.base, [row.base for row in chosen], score))
    _put_first(found, table.tax, _sum(table.tax, [row.tax for row in chosen], score))
    if closed is not None and table.surcharge is not None and (with_them := _added_to(chosen, added)):
        _put_first(found, table.surcharge, _sum(table.surcharge, [row.tax for row in with_them], score))
    if closed is not None:
        _put_first(found, table.total, Choice(closed[1].candidate(table.total, CLOSING), CLOSING, 1))
    return found


def _place(amount: Amount) -> tuple[int, int, int]:
    """Return where an amount stands: page, row, character."""
    return amount.row.page, amount.row.number, amount.reading.start


def _printed_sums(rows: Sequence[TaxRow], printed: Sequence[Amount]) -> bool:
    """Tell whether the sums of bases and of taxes stand on the page themselves."""
    values = {amount.value for amount in printed}
    sums = (sum((one.base.value for one in rows), Decimal(0)), sum((one.tax.value for one in rows), Decimal(0)))
    return all(value in values for value in sums)


def _closing(
    rows: Sequence[TaxRow],
    printed: Sequence[Amount],
    withheld: Sequence[Decimal],
    totals: Sequence[Choice],
    added: Sequence[TaxRow],
) -> tuple[tuple[TaxRow, ...], Amount] | None:
    """Return the most rows whose sum some printed amount closes, one with a total's label before any other.

    What a row itself says of its gross closes no document without a label or another place: another row may be unread.
    """
    labelled = {Decimal(choice.value) for choice in totals}
    beside = {(row.tax.row.page, row.tax.row.number) for row in rows}
    elsewhere = labelled | {one.value for one in printed if (one.row.page, one.row.number) not in beside}
    printed = [one for one in printed if one.value in elsewhere]
    best: tuple[int, bool, tuple[TaxRow, ...], Amount] | None = None
    for size in range(len(rows), 0, -1):
        for chosen in combinations(rows, size):
            if any(row.score >= LABELLED and row not in chosen for row in rows):
                continue  # what the table itself names as tax is not left out
            base = sum((row.base.value for row in chosen), Decimal(0))
            gross = base + sum((row.tax.value for row in (*chosen, *_added_to(chosen, added))), Decimal(0))
            less_ones = [less for less in withheld if less <= MOST_WITHHELD * abs(base)]
            for amount in printed:
                if any(abs(gross - less - amount.value) <= CENT for less in less_ones):
                    named = amount.value in labelled
                    if labelled and not named and amount.value == base:
                        continue  # where nothing is added any line of that amount closes: it says nothing of the total
                    if best is None or (named, size) > (best[1], best[0]):
                        best = size, named, chosen, amount
    return None if best is None else (best[2], best[3])


def _added_to(chosen: Sequence[TaxRow], added: Sequence[TaxRow]) -> list[TaxRow]:
    """Return the surcharges on the bases of these rows."""
    bases = {row.base.value for row in chosen}
    return [row for row in added if row.base.value in bases]


def _sum(field: str, amounts: Sequence[Amount], score: float) -> Choice:
    """Return the sum of amounts as a choice, its evidence the words of all that stand on the first one's page."""
    if len(amounts) == 1:
        return Choice(amounts[0].candidate(field, score), score, 1)
    value = money_text(sum((amount.value for amount in amounts), Decimal(0)))
    first = amounts[0].row.page
    parts = [amount.candidate(field, score) for amount in amounts if amount.row.page == first]
    words = tuple(word for part in parts for word in part.words)
    raw = " + ".join(amount.reading.raw for amount in amounts)
    made = Candidate(field, value, raw, first, words, score, "table", amounts[0].reading.currency)
    return Choice(made, score, 1)


def _put_first(found: dict[str, list[Choice]], name: str, choice: Choice) -> None:
    """Put a choice first; a value that was found by its label too keeps that place and the better score."""
    others = found.get(name, [])
    same = next((other for other in others if other.value == choice.value), None)
    if same is not None:
        support = same.support + (0 if same.best.words == choice.best.words else 1)
        choice = Choice(same.best, max(same.score, choice.score), support)
    found[name] = [choice, *(other for other in others if other is not same)]
