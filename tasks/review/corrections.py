"""What a person decides about a record, and what came of it: values between a desk and `tasks.review.deciding`."""

from dataclasses import dataclass

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
