"""Compare the documents of one case: the same fact must read the same in each, or a person explains why not.

Where documents differ, the surest source's value is proposed and the others are shown, never hidden: chip or XML, then
MRZ, print, typed form, words of a scan. One contradiction about who somebody is blocks the case, two weaker ones wait
for a person (reference of data verification, section 9; acceptance case 24).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from records.fields import Field
from records.normalise import fold, identifier
from records.parties import bare_name

# fact -> the fields of classes that state it
FACTS: Mapping[str, tuple[str, ...]] = {
    "name": ("holder", "employee", "claimant", "surname", "person", "customer"),
    "tax_id": ("holder_tax_id", "employee_tax_id", "claimant_tax_id", "customer_tax_id", "national_id", "tax_id"),
    "iban": ("iban",),
    "birth_date": ("birth_date",),
    "address": ("address",),
    "plate": ("plate",),
    "policy_number": ("policy_number",),
    "amount": ("amount", "total"),
}
IDENTITY = frozenset({"name", "tax_id", "birth_date", "iban"})
SOURCES = ("xml", "mrz", "person", "born-digital", "anchor", "checked", "table", "zone", "pattern", "derived")


@dataclass(frozen=True, slots=True)
class Statement:
    """What one document says of a fact: the record, its field with page and box, and where it came from."""

    record: str
    field: Field


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A fact on which documents differ: all statements, the surest first, and whether it blocks the case."""

    fact: str
    statements: tuple[Statement, ...]
    blocks: bool


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """What a case's documents say together: contradictions, classes that are missing, and what follows."""

    contradictions: tuple[Contradiction, ...]
    missing: tuple[str, ...]

    @property
    def state(self) -> str:
        """Return `blocked`, `review`, `incomplete` or `consistent`."""
        if any(one.blocks for one in self.contradictions):
            return "blocked"
        if len(self.contradictions) > 1:
            return "review"
        return "incomplete" if self.missing else "consistent"


def compare_case(documents: Mapping[str, tuple[str, Sequence[Field]]], required: Iterable[str] = ()) -> CaseOutcome:
    """Compare the documents of a case.

    Args:
        documents: record id -> its class and its current fields.
        required: the classes a case of this kind must have.
    """
    stated: dict[str, list[Statement]] = defaultdict(list)
    for record, (_, found) in documents.items():
        fields = {field.name: field for field in found if field.value is not None and field.index is None}
        if "surname" in fields and "given_names" in fields:
            whole = f"{fields['given_names'].value} {fields['surname'].value}"
            fields["surname"] = replace(fields["surname"], value=whole)
        for fact, names in FACTS.items():
            first = next((fields[name] for name in names if name in fields), None)
            if first is not None:
                stated[fact].append(Statement(record, first))
    found_ones = []
    for fact, statements in stated.items():
        values = {_plain(fact, statement.field.value or "") for statement in statements}
        if len(values) > 1:
            ordered = tuple(sorted(statements, key=lambda statement: _rank(statement.field)))
            found_ones.append(Contradiction(fact, ordered, fact in IDENTITY))
    present = {record_class for record_class, _ in documents.values()}
    return CaseOutcome(tuple(found_ones), tuple(name for name in required if name not in present))


def _plain(fact: str, value: str) -> str:
    if fact == "name":
        return bare_name(value)
    if fact == "amount":
        try:
            return f"{Decimal(value):.2f}"
        except InvalidOperation:
            return value
    if fact == "tax_id":
        return identifier(value).removeprefix("ES")
    if fact == "address":
        return "".join(character for character in fold(value) if character.isalnum())
    return identifier(value)


def _rank(field: Field) -> int:
    return SOURCES.index(field.method) if field.method in SOURCES else len(SOURCES)
