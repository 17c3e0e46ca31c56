"""Describe a record: its class, its index fields with evidence, and what a person must decide.

A pure function of the pages as read, the class library and today's date (design, section 2; the shapes are those of
records.fields). Order: lay out, conventions, class, labels, candidates, amounts together, checks, reasons.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from records.arithmetic import Equation, check_payable, check_tax
from records.calibration import Calibration, shipped_calibration
from records.class_library import GENERIC, ClassLibrary, FieldSpec, RecordClass
from records.class_models import ClassModel, tell
from records.fields import Check, Description, Field, ReviewReason
from records.text import Embedded, PageText
from records.validation import DATE_ORDERS, check_date, check_date_order, is_tax_id
from tasks import zones
from tasks.amounts import Solution, contradiction, solve, with_sums
from tasks.class_features import features_of
from tasks.classify import Classification, classify, with_taught
from tasks.conventions import Conventions, find_conventions
from tasks.embedded_check import prefer_embedded
from tasks.extract import Choice, collect, mark_pages, rank
from tasks.form_pairs import find_pairs
from tasks.issuer_marks import check_issuer
from tasks.judge import Judging, Verdict, judge, missing, reasons, status_of, with_check
from tasks.layout import PageLayout, lay_out
from tasks.line_items import check_line_items, find_line_items
from tasks.tax_table import offer_sums

FIRST_PAGES = 12  # pages looked at from the front
LAST_PAGES = 4  # and from the back: a long record states what it is at its ends


Observer = Callable[[str, Mapping[str, float]], None]


def describe(
    pages: Sequence[PageText],
    library: ClassLibrary,
    today: date,
    class_hint: str | None = None,
    *,
    embedded: Embedded | None = None,
    calibration: Calibration | None = None,
    observe: Observer | None = None,
    taught: ClassModel | None = None,
) -> Description:
    """Describe a record from its pages as read.

    Args:
        pages: in the record's order; boxes in pixels of each page's raster.
        library: the record classes.
        today: the day of describing, for checks of dates.
        class_hint: a class a person or channel has named; it is taken as it is.
        embedded: the invoice that the file carries as XML; it goes before print and is compared with it.
        calibration: the models of measured confidence; None takes the shipped ones.
        observe: told each field's features, where confidence is to be fitted.
        taught: what the client's own papers taught about classes.

    Raises:
        RecordClassError: the library has no class named `class_hint`.
    """
    ends = [*pages[:FIRST_PAGES], *pages[max(FIRST_PAGES, len(pages) - LAST_PAGES) :]]
    layouts = [lay_out(page) for page in ends]
    found = _classify(layouts, library, class_hint, taught)
    models = shipped_calibration() if calibration is None else calibration
    fields, review = _describe_fields(layouts, found.record_class, _Context(today, models, observe))
    if embedded is not None:
        fields, review = prefer_embedded(found.record_class, fields, review, embedded, today)
    if not any(layout.rows for layout in layouts):
        review = [ReviewReason("no-text", None, "no words on any page")]
    if found.close is not None:
        message = f"{found.record_class.name} or {found.close}"
        review = [ReviewReason("class-unsure", None, message), *review]
    return Description(
        found.record_class.name,
        found.record_class.version,
        found.confidence,
        found.evidence,
        tuple(fields),
        tuple(review),
    )


def suggest_class(pages: Sequence[PageText], library: ClassLibrary, taught: ClassModel | None = None) -> Classification:
    """Say what class a record is of, without its fields."""
    return _classify([lay_out(page) for page in pages[:FIRST_PAGES]], library, None, taught)


def _classify(
    layouts: Sequence[PageLayout], library: ClassLibrary, hint: str | None, taught: ClassModel | None
) -> Classification:
    if hint is not None:
        return Classification(library.get(hint), 1.0, (f"named: {hint}",))
    if not any(layout.rows for layout in layouts):
        return Classification(library.get(GENERIC), 0.0, ())
    found = classify(layouts, library)
    return found if taught is None else with_taught(found, tell(taught, features_of(layouts)), taught, library)


@dataclass(frozen=True, slots=True)
class _Context:
    """What describing needs beside the pages and the class."""

    today: date
    calibration: Calibration
    observe: Observer | None


def _describe_fields(
    layouts: Sequence[PageLayout], record_class: RecordClass, context: _Context
) -> tuple[list[Field], list[ReviewReason]]:
    conventions = find_conventions(layouts)
    marks = mark_pages(layouts, record_class)
    candidates = collect(marks, record_class, conventions)
    zone = zones.find(marks, context.today) if any(spec.mrz for spec in record_class.fields) else None
    for candidate in zones.candidates(record_class, zone) if zone is not None else ():
        candidates[candidate.field] = [candidate, *candidates.get(candidate.field, [])]
    specs = {spec.name: spec for spec in record_class.fields}
    ranked = {
        name: _plausible(specs[name], rank(specs[name], found), context.today) for name, found in candidates.items()
    }
    table = record_class.tax_table
    # printed once for each rate
    summed = set() if table is None else {table.base, table.tax, table.withheld or "", table.surcharge or ""}
    for name in summed & candidates.keys():
        ranked[name] = with_sums(ranked[name], candidates[name])
    ranked = offer_sums(record_class, marks, conventions, ranked)
    chosen = {name: choices[0] for name, choices in ranked.items() if choices}
    verdicts = _settle_amounts(record_class, ranked, chosen)
    _settle_rates(record_class, ranked, chosen, verdicts)
    verdicts |= _issuer_verdicts(record_class, chosen, layouts)
    pages = {layout.page.page: layout.page for layout in layouts}
    fields = []
    for spec in record_class.fields:
        if spec.evidence or spec.cardinality == "lines":
            continue
        if spec.type == "currency":
            fields.append(_currency(spec, chosen.get(spec.of or ""), conventions))
            continue
        choice = chosen.get(spec.name)
        page = pages.get(choice.best.page if choice else 0)
        text = page is not None and page.source == "born-digital"
        model = context.calibration.model(record_class.name, record_class.version, spec.name, text=text)
        judging = Judging(context.today, page, model, context.observe)
        fields.append(judge(spec, choice, ranked.get(spec.name, ()), verdicts.get(spec.name, Verdict()), judging))
    items = find_line_items(marks, record_class, conventions)
    many = len({item.index for item in items})
    fields = [_payable(field, specs[field.name], chosen) for field in _cross_check(fields, specs, max(many, 1))]
    fields = _with_currency(fields, conventions)
    review = [reason for field in fields for reason in reasons(specs[field.name], field)]
    lines, doubt = check_line_items(items, fields)
    pairs, unread = find_pairs(layouts, record_class)
    return [*fields, *lines, *pairs], [*review, *doubt, *unread]


def _plausible(spec: FieldSpec, choices: Sequence[Choice], today: date) -> list[Choice]:
    """Put dates that cannot be (in the future, too old) behind the others, where the class asks for the check."""
    if "date-plausible" not in spec.checks:
        return list(choices)
    return sorted(choices, key=lambda choice: check_date(choice.value, today).outcome != "pass")


def _settle_amounts(
    record_class: RecordClass, ranked: Mapping[str, Sequence[Choice]], chosen: dict[str, Choice]
) -> dict[str, Verdict]:
    """Solve the sums, the ones that close first; put their values in `chosen` and say what holds."""
    table = record_class.tax_table
    solutions = [(equation, solve(equation, ranked, table)) for equation in record_class.equations]
    order = {"pass": 0, "info": 1, "hold": 2, "unknown": 3}
    solutions.sort(key=lambda pair: (pair[1].weak, order.get(pair[1].check.outcome, 4)))
    verdicts: dict[str, Verdict] = {}
    for equation, solution in solutions:
        if solution.check.outcome in ("pass", "info"):
            _take(equation, solution, chosen, verdicts)
        elif solution.derived is not None and solution.derived not in verdicts:
            chosen[solution.derived] = solution.values[solution.derived]
            verdicts[solution.derived] = Verdict(derived=True)
        elif solution.check.outcome == "hold" and equation.result not in verdicts:
            verdicts[equation.result] = Verdict((solution.check,))
    for equation, _ in solutions:
        verdict = verdicts.get(equation.result)
        if verdict is not None and verdict.confirmed:
            against = contradiction(equation, ranked, chosen)
            if against is not None:
                verdicts[equation.result] = replace(verdict, checks=(*verdict.checks, against), confirmed=False)
    return verdicts


def _settle_rates(
    record_class: RecordClass,
    ranked: Mapping[str, Sequence[Choice]],
    chosen: dict[str, Choice],
    verdicts: dict[str, Verdict],
) -> None:
    """Take the rate that makes net x rate = tax; of several rates none is the document's, unless it does."""
    for spec in record_class.fields:
        choices = ranked.get(spec.name, ())
        if spec.type != "rate" or not choices:
            continue
        if "net" in chosen and "tax" in chosen:
            net, tax = Decimal(chosen["net"].value), Decimal(chosen["tax"].value)
            fitting = [choice for choice in choices if check_tax(net, Decimal(choice.value), tax).outcome == "pass"]
            if fitting and tax != 0:
                chosen[spec.name] = fitting[0]
                verdicts[spec.name] = Verdict((check_tax(net, Decimal(fitting[0].value), tax),), confirmed=True)
                continue
        if len(choices) > 1:
            del chosen[spec.name]


def _issuer_verdicts(
    record_class: RecordClass, chosen: Mapping[str, Choice], layouts: Sequence[PageLayout]
) -> dict[str, Verdict]:
    """Check names of the issuer, where the class asks for it, against who a label says it is to."""
    parties = [spec for spec in record_class.fields if spec.party is not None and spec.name in chosen]
    to = next((chosen[spec.name] for spec in parties if spec.party == "recipient"), None)
    recipient = to.value if to is not None and to.best.method == "anchor" else None
    asked = [spec.name for spec in parties if spec.party == "issuer" and "issuer" in spec.checks]
    ids = {spec.of: chosen[spec.name].value for spec in record_class.fields if spec.of and spec.name in chosen}
    return {
        name: Verdict((check_issuer(chosen[name].best, recipient, layouts, identified=is_tax_id(ids.get(name, ""))),))
        for name in asked
    }


def _take(equation: Equation, solution: Solution, chosen: dict[str, Choice], verdicts: dict[str, Verdict]) -> None:
    """Take the values of a sum that closes; another sum that closed with another value makes both held."""
    settled = {name for name in solution.values if name in verdicts}
    if any(chosen[name].value != solution.values[name].value for name in settled):
        clash = Check("totals", "hold", f"{equation.text} closes with another value")
        for name in settled:
            verdicts[name] = replace(verdicts[name], checks=(*verdicts[name].checks, clash))
        return
    for name, choice in solution.values.items():
        chosen[name] = choice
        verdicts[name] = Verdict(
            (solution.check,), confirmed=solution.check.outcome == "pass" and not solution.weak, weak=solution.weak
        )
    for name in equation.fields:
        if name not in solution.values:
            chosen.pop(name, None)


def _currency(spec: FieldSpec, total: Choice | None, conventions: Conventions) -> Field:
    """The currency is the one printed beside the total, else the one the document prints most."""
    if total is not None and total.best.currency is not None:
        best = total.best
        return Field(
            spec.name, best.currency, spec.type, "accepted", raw=best.raw, page=best.page or None, box=best.box,
            confidence=0.95, method="anchor",
        )  # fmt: skip
    if conventions.currency is not None:
        confidence = 0.8
        return Field(
            spec.name, conventions.currency, spec.type, status_of(spec, confidence, ()), confidence=confidence,
            method="pattern",
        )  # fmt: skip
    return missing(spec)


def _with_currency(fields: Sequence[Field], conventions: Conventions) -> list[Field]:
    """Give every amount a currency: its own, else the document's."""
    found = next((field.value for field in fields if field.type == "currency"), None) or conventions.currency
    return [
        replace(field, currency=field.currency or found) if field.type == "money" and field.value is not None else field
        for field in fields
    ]


def _cross_check(fields: Sequence[Field], specs: Mapping[str, FieldSpec], lines: int) -> list[Field]:
    """Run the checks that need two fields: order of dates, net x rate = tax, rounded at each of so many lines."""
    values = {field.name: field.value for field in fields}
    found = []
    for field in fields:
        spec = specs[field.name]
        extra: list[Check] = []
        if field.value is not None and (issued := values.get("date")) is not None:
            ordered = DATE_ORDERS.keys() & set(spec.checks)
            extra += [check_date_order(issued, field.value, DATE_ORDERS[check]) for check in sorted(ordered)]
        if field.name == "tax" and field.value is not None and values.get("tax_rate") and values.get("net"):
            extra += _tax_check(field.value, str(values["net"]), str(values["tax_rate"]), lines)
        if extra:
            checks = (*field.checks, *extra)
            status = field.status if not _stands(extra) else status_of(spec, 0.0, checks)
            field = replace(field, checks=checks, status=status)
        found.append(field)
    return found


def _payable(field: Field, spec: FieldSpec, chosen: Mapping[str, Choice]) -> Field:
    """Compare the total with what is printed as paid before and as still to be paid, where the class reads both."""
    parts = [chosen[name].value if name in chosen else None for name in ("prepaid", "payable", "rounding")]
    if "payable" not in spec.checks or field.value is None or parts[0] is None or parts[1] is None:
        return field
    check = check_payable(Decimal(field.value), Decimal(parts[0]), Decimal(parts[2] or 0), Decimal(parts[1]))
    return with_check(field, check, hold=check.outcome == "hold")


def _stands(checks: Sequence[Check]) -> bool:
    """Tell whether one of these checks stands against the value."""
    return any(check.outcome not in ("pass", "info", "warn") for check in checks)


def _tax_check(tax: str, net: str, rate: str, lines: int) -> list[Check]:
    """Report net x rate = tax only where it holds: other rates or exempt amounts may be in the net amount."""
    check = check_tax(Decimal(net), Decimal(rate), Decimal(tax), lines)
    return [check] if check.outcome in ("pass", "info") else []
