"""Which fields two people key blind: the class file says so, and until that is settled no value of them is shown.

Source: reference of data verification, section 10; docs/decisions/0016.
"""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection

from records.catalogue import blind_fields
from records.class_library import FieldSpec, RecordClass
from records.errors import InvalidValueError
from records.fields import Description, ReviewReason
from records.review_codes import DOUBLE_KEY
from tasks.judge import missing


def asked_twice(record_class: RecordClass, found: Description) -> Description:
    """Return a description whose fields of double keying wait for two people, whatever the machine made of them."""
    doubted = {reason.field for reason in found.review}
    names = {spec.name for spec in record_class.fields if _is_asked(spec, doubted)}
    if not names:
        return found
    fields = [
        replace(field, status="review") if field.name in names and field.status == "accepted" else field
        for field in found.fields
    ]
    there = {field.name for field in fields}
    fields += [missing(spec) for spec in record_class.fields if spec.name in names - there]
    reasons = [ReviewReason(DOUBLE_KEY, spec.name, "") for spec in record_class.fields if spec.name in names]
    return replace(found, fields=tuple(fields), review=(*found.review, *reasons))


def refuse_blind(connection: Connection, record: str, names: Iterable[str]) -> None:
    """Make sure that one person decides nothing about a field that two are to key.

    Raises:
        InvalidValueError: one of the fields is such.
    """
    blind = {name for _, name in blind_fields(connection, [record])}
    for name in names:
        if name in blind:
            raise InvalidValueError(f"{name} is keyed by two people who do not see it: 'muniment review key next'")


def _is_asked(spec: FieldSpec, doubted: set[str | None]) -> bool:
    return spec.keying == "double" or (spec.keying == "double-if-unsure" and spec.name in doubted)
