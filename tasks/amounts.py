"""Choose the amounts of a document together, so that they add up by the sums of its class.

Among all values read for each amount the set is taken that satisfies the sum and is best supported by labels and
places. If none does, the sum is held, however surely each amount was read; if one amount is missing, it is derived
and said to be derived (reference of data verification, section 4 and acceptance cases 13 and 14).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from records.arithmetic import CENT, Equation, check_sum, derive
from records.class_tables import TaxTable
from records.fields import Check
from records.normalise import money_text
from tasks.candidates import Candidate
from tasks.extract import Choice

MOST_OPTIONS = 6
LEFT_OUT = 0.35  # what leaving an optional amount out counts, against the score of one that fits
MOST_WITHHELD = Decimal("0.5")  # share of the first amount that one taken off without its sign may be
MOST_TAX = Decimal("0.28")  # share of its base that a tax may be; the highest in Europe is 27 %
OTHER_READ = 0.5  # score from which an amount left out counts as read
TOLD = 0.88  # score of amounts that the tax table gives
WEAK = 0.55  # a result below this, that does not fit, is derived rather than kept
SURE = 0.8  # score from which an amount speaks against a result that another sum gave
SUM_OF_ROWS = 0.5  # score of an amount added up from several rows (two rates of tax)


@dataclass(frozen=True, slots=True)
class Solution:
    """What an equation gave: the chosen values by field, the check's answer, and what was derived."""

    values: Mapping[str, Choice]
    check: Check
    derived: str | None = None
    weak: bool = False  # it closes only because an amount is left out, or nothing, though another was read


def with_sums(choices: Sequence[Choice], candidates: Sequence[Candidate]) -> list[Choice]:
    """Add the sum over rows as one more option, for amounts that are printed once for each rate."""
    rows: dict[tuple[int, int], Candidate] = {}
    for candidate in candidates:
        kept = rows.get((candidate.page, candidate.row))
        if kept is None or candidate.score > kept.score:
            rows[candidate.page, candidate.row] = candidate
    parts = [item for item in rows.values() if Decimal(item.value) != 0]
    if len(parts) < 2 or len(parts) > 6:
        return list(choices)
    value = money_text(sum((Decimal(item.value) for item in parts), Decimal(0)))
    if any(choice.value == value for choice in choices):
        return list(choices)
    first = parts[0]
    words = tuple(word for item in parts if item.page == first.page for word in item.words)
    raw = " + ".join(item.raw for item in parts)
    total = Candidate(first.field, value, raw, first.page, words, SUM_OF_ROWS, "derived", first.currency)
    return [*choices, Choice(total, SUM_OF_ROWS, 1)]


def solve(
    equation: Equation, choices: Mapping[str, Sequence[Choice]], table: TaxTable | None = None, lines: int = 1
) -> Solution:
    """Choose values for an equation's fields; the check says pass, info, hold or unknown."""
    best = _best_set(equation, choices, table)
    weak = best is not None and _is_weak(equation, best, choices)
    chosen = {name: options[0] for name in equation.fields if (options := choices.get(name))}
    if best is not None and not (weak and _told_by_table(equation, chosen, table)):
        values = {name: Decimal(choice.value) for name, choice in best.items()}
        return Solution(best, check_sum(equation, values, lines), weak=weak)
    if equation.result in chosen and (chosen[equation.result].score < WEAK or _far_off(equation, chosen, table)):
        del chosen[equation.result]
    if table is not None and _is_odd(equation, {n: Decimal(c.value) for n, c in chosen.items()}, table):
        chosen.pop(table.tax, None)
    values = {name: Decimal(choice.value) for name, choice in chosen.items()}
    missing = derive(equation, values) or _derive_optional(equation, values, table)
    enough = len(values) >= 2 or len(equation.fields) == 2  # a total is not derived from the net amount alone
    if missing is not None and len(values) == 1:  # unless another amount says the same
        others = (choice for name, found in choices.items() if name not in equation.fields for choice in found[:2])
        enough |= any(Decimal(choice.value) == missing[1] for choice in others if _is_amount(choice))
    if missing is not None and missing[1] > 0 and enough:
        name, value = missing
        made = Candidate(name, money_text(value), "", 0, (), 0.6, "derived")
        chosen[name] = Choice(made, 0.6, 1)
        return Solution(chosen, Check("totals", "unknown", f"derived from the others: {equation.text}"), name)
    return Solution(chosen, check_sum(equation, values, lines))


def contradiction(
    equation: Equation, choices: Mapping[str, Sequence[Choice]], settled: Mapping[str, Choice]
) -> Check | None:
    """Return what stands against a result that another sum gave: this one says otherwise, its amounts surely read.

    An amount that may be missing explains a difference of its sign where it was not read, and a tax the difference that
    it makes where the amount before it includes it.
    """
    values = {name: Decimal(settled[name].value) for name in equation.fields if name in settled}
    for term in equation.terms:
        found = choices.get(term.field, ())
        if term.field not in values and found and found[0].score >= SURE:
            values[term.field] = Decimal(found[0].value)
    check = check_sum(equation, values)
    if check.outcome != "hold":
        return None
    rest = values[equation.result] - equation.sum(values)
    if any(term.optional and term.field not in values and rest * term.sign > 0 for term in equation.terms):
        return None
    included = [values[term.field] for term in equation.terms[1:] if not term.optional]
    return None if any(abs(value + rest) <= CENT for value in included) else check


def _is_amount(choice: Choice) -> bool:
    return re.fullmatch(r"-?\d+\.\d{2,}", choice.value) is not None


def _told_by_table(equation: Equation, chosen: Mapping[str, Choice], table: TaxTable | None) -> bool:
    """Tell whether base and tax come from a row of the tax table: base x rate = tax holds for them."""
    if table is None or table.base not in equation.fields or table.tax not in equation.fields:
        return False
    pair = [chosen[name] for name in (table.base, table.tax) if name in chosen]
    return len(pair) == 2 and all(choice.score >= TOLD for choice in pair) and Decimal(pair[1].value) != 0


def _far_off(equation: Equation, chosen: Mapping[str, Choice], table: TaxTable | None) -> bool:
    """Tell whether a printed result cannot be that of the table's base and tax: it is derived instead."""
    if not _told_by_table(equation, chosen, table):
        return False
    values = {name: Decimal(choice.value) for name, choice in chosen.items() if name != equation.result}
    expected, found = equation.sum(values), Decimal(chosen[equation.result].value)
    return not MOST_WITHHELD * expected <= found <= 2 * expected


def _is_weak(equation: Equation, best: Mapping[str, Choice], choices: Mapping[str, Sequence[Choice]]) -> bool:
    """Tell whether an optional amount is left out, or nothing, though the document has another read for it.

    Also where all of them together come to nothing, for a result that is not the one read best.
    """
    for term in equation.terms:
        taken = best.get(term.field)
        if term.optional and (taken is None or Decimal(taken.value) == 0):
            others = choices.get(term.field, ())
            if any(choice.score >= OTHER_READ and Decimal(choice.value) != 0 for choice in others):
                return True
    surest = max(choices[equation.result], key=lambda choice: choice.score)
    first, result = best.get(equation.terms[0].field), best[equation.result]
    alone = first is not None and len(equation.terms) > 1 and Decimal(first.value) == Decimal(result.value)
    # net = total says little where another total is surer
    return alone and surest.value != result.value and surest.score >= OTHER_READ


def _best_set(
    equation: Equation, choices: Mapping[str, Sequence[Choice]], table: TaxTable | None
) -> dict[str, Choice] | None:
    """Return the best supported set of values that satisfies the sum to the cent or nearly, or None."""
    options: list[list[Choice | None]] = []
    for term in equation.terms:
        values: list[Choice | None] = list(choices.get(term.field, ())[:MOST_OPTIONS])
        options.append([*values, None] if term.optional else values)
    results = list(choices.get(equation.result, ())[:MOST_OPTIONS])
    best: tuple[float, dict[str, Choice]] | None = None
    for picked in product(*options, results):
        chosen = {name: choice for name, choice in zip(equation.fields, picked, strict=True) if choice is not None}
        score = _fit(equation, chosen, table)
        if score is not None and (best is None or score > best[0]):
            best = score, chosen
    return best[1] if best else None


def _fit(equation: Equation, chosen: Mapping[str, Choice], table: TaxTable | None) -> float | None:
    """Return how well a set of values is supported, or None if it does not add up or uses one place twice."""
    values = {name: Decimal(choice.value) for name, choice in chosen.items()}
    if equation.result not in values or len(chosen) < 2:
        return None
    difference = abs(values[equation.result] - equation.sum(values))
    if difference > 2 * CENT or _is_odd(equation, values, table):
        return None
    places = [choice.best.words for choice in chosen.values() if choice.best.words]
    if len(set(places)) < len(places):
        return None
    left_out = len(equation.fields) - len(chosen)
    exact = 0.0 if difference == 0 else -0.3
    zeros = sum(value == 0 for value in values.values()) * 0.1
    return sum(choice.score for choice in chosen.values()) + left_out * LEFT_OUT + exact - zeros


def _is_odd(equation: Equation, values: Mapping[str, Decimal], table: TaxTable | None) -> bool:
    """Tell whether tax or what is withheld is out of proportion to what it is taken of: such sums close by chance."""
    first = abs(values.get(equation.terms[0].field, Decimal(0)))
    for term in equation.terms:
        value = values.get(term.field, Decimal(0))
        withheld = term.absolute and (table is None or term.field == table.withheld)
        if withheld and abs(value) > MOST_WITHHELD * first:
            return True
        if table is not None and term.field == table.surcharge and table.base in values:
            highest = max(table.surcharge_rates, default=Decimal(0)) / 100 * abs(values[table.base])
            if abs(value) > highest + 2 * CENT or value * values[table.base] < 0:
                return True
        if table is not None and term.field == table.tax and table.base in values:
            base = values[table.base]
            if abs(value) > MOST_TAX * abs(base) or (value < 0 < base):
                return True
    return False


def _derive_optional(
    equation: Equation, values: Mapping[str, Decimal], table: TaxTable | None
) -> tuple[str, Decimal] | None:
    """Return the one optional amount that is not printed and closes the sum, if its sign is right; no surcharge."""
    never = None if table is None else table.surcharge
    missing = [term for term in equation.terms if term.optional and term.field not in {*values, never}]
    needed = [term for term in equation.terms if not term.optional]
    if len(missing) == 0 or equation.result not in values or any(term.field not in values for term in needed):
        return None
    rest = (values[equation.result] - equation.sum(values)) * missing[0].sign
    return (missing[0].field, rest) if rest > 0 else None
