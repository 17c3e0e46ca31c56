"""Put the values of an embedded invoice before those read from print, and compare both; nothing is hidden.

What the issuer's program wrote is surer than print, but a file can say one thing to people and another to programs:
where they differ a person decides and sees both (reference of data verification, sections 5 and 9; acceptance case 6).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from records.arithmetic import check_sum
from records.class_library import FieldSpec, RecordClass
from records.en16931 import check_terms
from records.fields import Check, Field, ReviewReason
from records.normalise import fold, identifier
from records.parties import SAME_NAME, Party, likeness
from records.text import Embedded
from tasks.judge import holds, reasons, status_of, value_checks, with_check

CONFIDENCE = 0.999  # of a value that a program wrote


def prefer_embedded(
    record_class: RecordClass, fields: Sequence[Field], review: Sequence[ReviewReason], embedded: Embedded, today: date
) -> tuple[list[Field], list[ReviewReason]]:
    """Return fields and reasons with the embedded invoice's values in place of print, each compared with it."""
    if embedded.fault is not None:
        return list(fields), [*review, ReviewReason("xml-unread", None, embedded.fault)]
    wanted = {name: (value, place) for name, value, place in embedded.values}
    sums = _sums(record_class, {name: value for name, (value, _) in wanted.items()})
    for name, check in check_terms(embedded.terms):
        sums.setdefault(name, []).append(check)
    found, changed = [], set()
    for field in fields:
        spec = record_class.spec(field.name)
        said = sums.pop(field.name, []) if field.index is None else []
        if spec is not None and field.index is None and field.name in wanted:
            changed.add(field.name)
            field = _merged(spec, field, *wanted[field.name], embedded.syntax, said, today)
        elif spec is not None:
            for check in said:
                field = with_check(field, check, hold=holds(spec, check))
            changed |= {field.name} if said else set()
        found.append(field)
    kept = [reason for reason in review if reason.field not in changed]
    for field in found:
        spec = record_class.spec(field.name)
        if field.name in changed and spec is not None and field.index is None:
            kept += reasons(spec, field) or _of_missing(field)
    rest = [check for checks in sums.values() for check in checks if check.outcome == "hold"]
    return found, [*kept, *(ReviewReason("en16931", None, check.message) for check in rest)]


def _of_missing(field: Field) -> list[ReviewReason]:
    """Return why a field that has no value waits: what a rule says of it."""
    held = [check.message for check in field.checks if check.outcome == "hold" and field.value is None]
    return [ReviewReason("en16931", field.name, message) for message in held]


def _merged(
    spec: FieldSpec, print_field: Field, value: str, place: str, syntax: str, sums: Sequence[Check], today: date
) -> Field:
    checks = [_compared(spec, value, print_field), *value_checks(spec, value, today), *sums]
    agrees = checks[0].outcome == "pass"
    return replace(
        print_field, value=value, raw=print_field.raw if agrees else place, method="xml", engine=syntax,
        page=print_field.page if print_field.value is not None else None,
        box=print_field.box if print_field.value is not None else None,
        confidence=CONFIDENCE, checks=tuple(checks), status=status_of(spec, CONFIDENCE, checks),
    )  # fmt: skip


def _compared(spec: FieldSpec, value: str, print_field: Field) -> Check:
    if print_field.value is None:
        return Check("xml-print", "info", "stands in the embedded invoice; it was not found in print")
    if _same(spec, value, print_field.value):
        return Check("xml-print", "pass", "embedded invoice and print say the same")
    return Check("xml-print", "hold", f"embedded invoice {value!r}, print {print_field.value!r}")


def _same(spec: FieldSpec, xml: str, printed: str) -> bool:
    if spec.type == "money":
        return abs(Decimal(xml)) == abs(Decimal(printed))
    if spec.normalise == "name":
        return likeness(xml, Party("", None, printed)) >= SAME_NAME
    if spec.type in ("tax_id", "iban"):
        return identifier(xml).removeprefix("ES") == identifier(printed).removeprefix("ES")
    return "".join(filter(str.isalnum, fold(xml))) == "".join(filter(str.isalnum, fold(printed)))


def _sums(record_class: RecordClass, values: Mapping[str, str]) -> dict[str, list[Check]]:
    """Check the embedded amounts by the class's sums; what does not close is held at the result."""
    amounts = {
        name: Decimal(values[name]) for equation in record_class.equations for name in equation.fields if name in values
    }
    found: dict[str, list[Check]] = {}
    for equation in record_class.equations:
        check = check_sum(equation, amounts)
        if check.outcome != "unknown":
            found.setdefault(equation.result, []).append(check)
    return found
