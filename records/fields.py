"""Index fields: a value, where it was seen, how sure we are, and what the checks said.

Shapes: the command line's FIELD; outcomes and their effects: reference of data verification, section 2.
"""

from dataclasses import dataclass
from typing import Literal

from records.text import Box

Outcome = Literal["pass", "info", "warn", "hold", "reject", "unknown"]
Status = Literal["accepted", "review", "confirmed", "corrected", "rejected", "missing"]
FieldType = Literal["text", "date", "time", "money", "number", "rate", "tax_id", "iban", "currency", "code"]


@dataclass(frozen=True, slots=True)
class Check:
    """One check that ran, or could not: `unknown` is neither pass nor fail. `rule` is set when it is stored."""

    check: str
    outcome: Outcome
    message: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One value of one field, with its evidence.

    `value` is normalised (dates `YYYY-MM-DD`, money and numbers with a point as text, identifiers upper case without
    separators); `raw` is what stood on the page. `confidence` is 0..1. `method` names how it was found (`anchor`,
    `pattern`, `derived`, ...), `engine` who read the words. `index` numbers the rows of a repeated field from 0.
    """

    name: str
    value: str | None
    type: FieldType
    status: Status
    index: int | None = None
    raw: str | None = None
    currency: str | None = None
    page: int | None = None
    box: Box | None = None
    confidence: float = 0.0
    method: str | None = None
    engine: str | None = None
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class ReviewReason:
    """Why a person must decide: a code of the closed list in docs/, the field concerned or None, and a message."""

    code: str
    field: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Description:
    """What a record was found to be: its class, how sure, its fields, and what a person must decide."""

    record_class: str
    class_version: str
    class_confidence: float
    class_evidence: tuple[str, ...]
    fields: tuple[Field, ...]
    review: tuple[ReviewReason, ...]
