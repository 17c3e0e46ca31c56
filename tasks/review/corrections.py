"""What a person decides about a record, and what came of it: values between a desk and `tasks.review.deciding`."""

from collections.abc import Mapping
from dataclasses import dataclass

from records.class_library import FieldSpec, RecordClass
from records.errors import InvalidValueError
from records.fields import Field
from records.ids import RecordId
from records.normalise import DateOrder
from records.text import Box


@dataclass(frozen=True, slots=True)
class Change:
    """What a person says about one field: a value, "" for "there is none", or None to keep what is there.

    `illegible` says that there is a value and nobody can read it; `page` and `box`, where a chosen value stands.
    """

    name: str
    index: int | None
    typed: str | None
    illegible: bool = False
    agree: bool = False  # to what another person proposed
    page: int | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Corrections:
    """A decision: changes of fields, a class named or kept, and why (a code, and words that stay in the database).

    `order` tells how 03/04/2025 is meant where the person's language says so; None asks for another form.
    """

    changes: tuple[Change, ...] = ()
    record_class: str | None = None
    keep_class: bool = False
    reason: str = "review"
    words: str | None = None
    order: DateOrder | None = None


@dataclass(frozen=True, slots=True)
class CorrectionReceipt:
    """State, number of reasons still open, whether the index is up to date, what a second person must agree to."""

    record: RecordId
    state: str
    open: int
    indexed: bool
    proposed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyingReceipt:
    """As CorrectionReceipt; and the fields that were keyed, that are settled now, and that a third must decide."""

    record: RecordId
    state: str
    open: int
    indexed: bool
    keyed: tuple[str, ...]
    settled: tuple[str, ...]
    differ: tuple[str, ...]


def spec_of(record_class: RecordClass, change: Change) -> FieldSpec:
    """Return the field that a change names.

    Raises:
        InvalidValueError: the class has no such field, or it is repeated and the row is not named, or the reverse.
    """
    spec = record_class.spec(change.name)
    if spec is None or spec.evidence:
        names = [one.name for one in record_class.fields if not one.evidence]
        raise InvalidValueError(f"{record_class.name} has no field {change.name[:64]!r}; it has {', '.join(names)}")
    if spec.cardinality == "lines" and change.index is None:
        raise InvalidValueError(f"{spec.name} is repeated: name its row, as {spec.name}[0]")
    if spec.cardinality == "one" and change.index is not None:
        raise InvalidValueError(f"{spec.name} is not repeated: name it without a row")
    return spec


def currency_of(spec: FieldSpec, typed: str | None, old: Field, before: Mapping[tuple[str, int], Field]) -> str | None:
    """Return the currency of a typed amount: the one typed, else the one it had, else the record's."""
    if spec.type != "money":
        return old.currency
    record = before.get(("currency", -1))
    return typed or old.currency or (None if record is None else record.value)
