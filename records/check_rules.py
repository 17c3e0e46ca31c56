"""By which rule a check came to its outcome: each outcome is stored with the rule's version and that of its class file.

Whoever changes what a check says raises its number here; outcomes that are stored stay with the number they had.
Source: reference of data verification, section 2; acceptance case 30.
"""

from collections.abc import Mapping
from dataclasses import replace

from records.class_library import RecordClass
from records.fields import Field

RULES: Mapping[str, int] = {
    "addressee": 1, "ambiguous": 1, "amount-pattern": 1, "birth-plausible": 1, "confirmed": 1, "date-order": 1,
    "date-plausible": 1, "derived": 1, "distinct": 1, "duplicate": 1, "en16931": 1, "expiry": 1, "iban": 1,
    "iban-known": 1, "issuer": 1, "legible": 1, "lines": 1, "mrz": 1, "mrz-print": 1, "party": 1, "party-learnt": 1,
    "payable": 1, "product": 1, "reference": 1, "schematron": 1, "sender-domain": 1, "tax-id": 1,
    "tax-rate": 2, "totals": 2, "unpaid": 1, "vies": 1, "xml-print": 1,
}  # fmt: skip


def ruled(field: Field, record_class: RecordClass) -> Field:
    """Return a field whose checks say by which rule they came out, as `tax-id 1, invoice 3`; those that say so stay."""
    checks = tuple(
        check if check.rule else replace(
            check, rule=f"{check.check} {RULES[check.check]}, {record_class.name} {record_class.version}"
        )
        for check in field.checks
    )  # fmt: skip
    return replace(field, checks=checks)
