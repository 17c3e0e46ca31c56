"""Ask the register of VAT numbers about those that name their country; outside of every transaction, since it may wait.

Which fields are asked about is said by the class file (check `vies`). Where no register is set nothing is asked and
nothing is said (reference of data verification, section 6).
"""

from dataclasses import replace

from records.class_library import RecordClass
from records.fields import Description, ReviewReason
from records.vat_answers import VatRegister, check_registered, split_vat
from tasks.judge import holds, with_check

VIES = "vies"
_CODES = {"hold": "tax-id", "unknown": "vies-unchecked"}


def registered(register: VatRegister | None, record_class: RecordClass, found: Description) -> Description:
    """Return a description with what the register says of its VAT numbers; what it does not confirm waits."""
    specs = {spec.name: spec for spec in record_class.fields if VIES in spec.checks}
    if register is None or not specs:
        return found
    fields, review = [], list(found.review)
    for field in found.fields:
        spec = specs.get(field.name)
        if spec is None or field.value is None or split_vat(field.value) is None:
            fields.append(field)
            continue
        check = check_registered(register.ask(field.value))
        asked = with_check(field, check, hold=holds(spec, check))
        fields.append(asked)
        if check.outcome == "hold" or asked.status != field.status:
            review.append(ReviewReason(_CODES[check.outcome], field.name, check.message))
    return replace(found, fields=tuple(fields), review=tuple(review))
