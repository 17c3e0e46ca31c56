"""Read what a person typed for a field, and check it by the class's own rules: a form that could mean two things asks.

Pure functions. Values are normalised as the machine's are (records.normalise); the whole of what was typed must be the
value, and 1.234 or 03/04/2025 is not guessed (reference of data verification, sections 2 and 3; reading room, case 20).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from babel.numbers import list_currencies

from records.arithmetic import check_sum
from records.class_library import FieldSpec, RecordClass
from records.errors import InvalidValueError
from records.fields import Check
from records.normalise import (
    CURRENCIES,
    DateOrder,
    Reading,
    clean_text,
    find_dates,
    find_money,
    find_numbers,
    find_rates,
    find_times,
    fold,
    identifier,
)
from records.validation import (
    DATE_ORDERS,
    check_birth_date,
    check_date,
    check_date_order,
    check_expiry_date,
    check_iban,
    check_iban_known,
    check_tax_id,
)

MOST_CHARACTERS = 500  # of a text field: what would stand on one line of a form

FORMS: dict[str, str] = {  # by normaliser: the form asked for, as the error says it
    "date": "a date is written YYYY-MM-DD", "time": "a time of day is written HH:MM or HH:MM:SS",
    "money": "an amount is written 1234.50, with an optional currency (EUR)",
    "number": "a number is written 1234.5", "rate": "a rate is written 21 or 5.2, in percent",
    "tax-id": "a tax id is letters and digits", "iban": "an IBAN is two letters, two digits and up to 30 more",
    "currency": "a currency is its ISO 4217 code, as EUR", "code": "a code is a text of up to 500 characters",
    "text": "a text of up to 500 characters on one line", "name": "a name of up to 500 characters on one line",
}  # fmt: skip


def read_typed(spec: FieldSpec, typed: str, order: DateOrder | None = None) -> tuple[str, str | None]:
    """Return the normalised value of what was typed, and the currency named with it, if any.

    Args:
        spec: the field.
        typed: the text; not empty.
        order: how 03/04/2025 is meant; None asks for another form.

    Raises:
        InvalidValueError: it has not the form of the field, or could mean two things; the form is named.
    """
    text = typed.strip()
    if not text or len(text) > MOST_CHARACTERS or not text.isprintable():
        raise _wrong(spec)
    if spec.normalise == "choice":
        return _choice(spec, text), None
    if spec.normalise == "date":
        return _whole(spec, text, find_dates(text, order)).value, None
    if spec.normalise == "money":
        found = _whole(spec, text, find_money(text), "-−–()" + "".join(CURRENCIES))
        return found.value, found.currency
    return _READERS[spec.normalise](spec, text), None


def check_typed(record_class: RecordClass, name: str, values: Mapping[str, str], today: date) -> tuple[Check, ...]:
    """Check a typed value together with the record's other values.

    Args:
        record_class: whose checks run.
        name: the field that was typed.
        values: every value of the record as it will be, by name.
        today: for the checks of dates.

    Raises:
        InvalidValueError: a check says that it cannot be true; its message is given.
    """
    spec = record_class.spec(name)
    if spec is None:
        return ()
    checks = [check for one in spec.checks if (check := _check(one, name, values, today)) is not None]
    if name in values and spec.type == "money":
        amounts = _amounts(record_class, values)
        checks += [
            check
            for equation in record_class.equations
            if name in equation.fields and (check := check_sum(equation, amounts)).outcome != "unknown"
        ]
    for check in checks:
        if check.outcome == "reject":
            raise InvalidValueError(f"{name}: {check.message}")
    return tuple(checks)


def _check(check: str, name: str, values: Mapping[str, str], today: date) -> Check | None:
    value = values.get(name)
    if value is None:
        return None
    if check in DATE_ORDERS:
        return check_date_order(values["date"], value, DATE_ORDERS[check]) if "date" in values else None
    run = _CHECKS.get(check)
    return None if run is None else run(value, today)


# `confirmed` and `distinct` ask whether the machine's choice was a good one: a person's value needs neither.
_CHECKS: dict[str, Callable[[str, date], Check]] = {
    "tax-id": lambda value, _today: check_tax_id(value, typed=True),
    "iban": lambda value, _today: check_iban(value, typed=True),
    "iban-known": lambda _value, _today: check_iban_known(),
    "date-plausible": check_date,
    "birth-plausible": check_birth_date,
    "expiry": check_expiry_date,
}


def _amounts(record_class: RecordClass, values: Mapping[str, str]) -> dict[str, Decimal]:
    """Return the amounts that take part in sums."""
    names = {name for equation in record_class.equations for name in equation.fields}
    return {name: Decimal(values[name]) for name in names if name in values}


def _whole(spec: FieldSpec, text: str, found: Sequence[Reading], around: str = "") -> Reading:
    """Return the one reading that is the whole of the text."""
    if len(found) != 1:
        raise _wrong(spec)
    reading = found[0]
    rest = fold(text[: reading.start] + text[reading.end :])
    if any(character not in around for character in rest if not character.isspace()):
        raise _wrong(spec)
    if reading.ambiguous:
        raise InvalidValueError(f"{spec.name}: this can be read in two ways; {FORMS[spec.normalise]}")
    return reading


def _choice(spec: FieldSpec, text: str) -> str:
    values = sorted(set(spec.choices.values()))
    found = spec.choices.get(fold(text), text if text in values else None)
    if found is None:
        raise InvalidValueError(f"{spec.name}: one of {', '.join(values)}")
    return found


def _rate(spec: FieldSpec, text: str) -> str:
    return _whole(spec, text if text.endswith("%") else text + "%", find_rates(text.rstrip("% ") + "%"), "%").value


def _time(spec: FieldSpec, text: str) -> str:
    return _whole(spec, text, find_times(text)).value


def _number(spec: FieldSpec, text: str) -> str:
    return _whole(spec, text, find_numbers(text)).value


def _tax_id(spec: FieldSpec, text: str) -> str:
    found = identifier(text)
    if not 5 <= len(found) <= 20 or not any(character.isdigit() for character in found):
        raise _wrong(spec)
    return found


def _iban(spec: FieldSpec, text: str) -> str:
    found = identifier(text)
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", found):
        raise _wrong(spec)
    return found


def _currency(spec: FieldSpec, text: str) -> str:
    found = CURRENCIES.get(fold(text), text.upper())
    if found not in list_currencies():
        raise _wrong(spec)
    return found


def _text(spec: FieldSpec, text: str) -> str:
    found = clean_text(text)
    if not found:
        raise _wrong(spec)
    return found


_READERS: dict[str, Callable[[FieldSpec, str], str]] = {
    "rate": _rate, "time": _time, "number": _number, "tax-id": _tax_id, "iban": _iban, "currency": _currency,
    "code": _text, "text": _text, "name": _text,
}  # fmt: skip


def _wrong(spec: FieldSpec) -> InvalidValueError:
    form = FORMS.get(spec.normalise, "one of " + ", ".join(sorted(set(spec.choices.values()))))
    return InvalidValueError(f"{spec.name}: {form}")
