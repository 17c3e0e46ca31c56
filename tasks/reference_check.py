"""Compare the number a document refers to with the client's own orders, contracts and deliveries.

Which fields are such numbers is said by the class file (check `reference`); whose document it is and its amounts, by
its `duplicate_key` and `tax_table` (reference of data verification, section 3).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from records.class_library import RecordClass
from records.fields import Check, Description, Field
from records.references import REFERENCE, Reference, check_reference
from tasks.judge import with_answers


def referred(listed: Sequence[Reference] | None, record_class: RecordClass, found: Description) -> Description:
    """Return a description with what the list says of its references; what it does not confirm waits.

    `listed` is empty where the client has no list, None where it could not be asked.
    """
    specs = {spec.name: spec for spec in record_class.fields if REFERENCE in spec.checks}
    values = {field.name: field.value for field in found.fields if field.index is None and field.value is not None}
    key, amount = record_class.duplicate_key, _amount(record_class, values)
    party = None if key is None else values.get(key.issuer)

    def ask(field: Field) -> Check | None:
        return None if field.value is None else check_reference(field.value, party, amount, listed)

    return with_answers(found, specs, ask, ("reference-unchecked", REFERENCE))


def _amount(record_class: RecordClass, values: Mapping[str, str]) -> Decimal | None:
    """Return the amount before tax, else the total: what it is of is more then, never less."""
    table, key = record_class.tax_table, record_class.duplicate_key
    names = [None if table is None else table.base, None if key is None else key.total]
    return next((Decimal(values[name]) for name in names if name is not None and name in values), None)
