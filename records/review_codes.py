"""The closed list of reasons why a person must decide on a record, with what to do; docs/record-classes.md has each.

Source: reference of data verification, section 2 (outcomes and their effects).
"""

REVIEW_CODES: dict[str, str] = {
    "class-unsure": "Two classes fit about as well: say which it is.",
    "no-text": "Nothing could be read: look at the image and key the fields.",
    "page-unread": "A page could not be read and was kept as it is: look at its image.",
    "signature-invalid": "A digital signature of the PDF does not hold: ask who sent it for the file as it was signed.",
    "required-missing": "A field that this class must have was not found: key it.",
    "low-confidence": "The value was found, but not surely enough: compare it with the image.",
    "ambiguous": "The value can be read in two ways: say which is meant.",
    "rivals": "Other values stand in as good a place: say which it is.",
    "totals": "The amounts do not add up: correct the one that is wrong.",
    "unconfirmed": "No other amount confirms this one: compare it with the image.",
    "derived": "The value does not stand on the page; it was computed from others: confirm it.",
    "tax-id": "The tax id is a placeholder or its control character does not hold: compare it with the image.",
    "mrz": "The machine readable zone and the print differ, or its check digits do not hold: compare with the image.",
    "xml": "The embedded invoice and the print say different things: find out which holds before it is used.",
    "xml-unread": "The file carries an invoice as XML that could not be read: compare the fields with the image.",
    "reference": "The order, contract or delivery named is not the client's, closed or used up: ask who ordered.",
    "reference-unchecked": "The number it names could not be compared: 'review recheck --unknown' tries again.",
    "en16931": "The embedded invoice breaks a rule of EN 16931: ask its issuer for one that holds.",
    "schematron-unchecked": "The rules of EN 16931 could not be run: 'review recheck --unknown' tries again.",
    "duplicate": "The client holds this invoice already, by issuer, number, date and total: see the record named.",
    "duplicate-candidate": "Another record may be the same invoice: compare both.",
    "iban-changed": "The party had another account: confirm the change by a call to a number already on file.",
    "iban-shared": "Another party has been paid on this account: find out whose it is.",
    "party-conflict": "The identifier is one party's and the name another's: find out who issued it.",
    "sender-domain": "A domain on the paper only looks like the party's: ask the party as you always reach it.",
    "party-unknown": "The party is not in the list of known parties: add it there or correct what was read.",
    "party-unchecked": "The list of known parties could not be asked: 'review recheck --unknown' tries again.",
    "vies-unchecked": "The register of VAT numbers did not answer: 'review recheck --unknown' asks again.",
    "addressee": "The customer is not the client it is filed under: file it under the right one, or confirm it.",
    "addressee-unknown": "Whether the customer is the client could not be checked: compare it with the image.",
    "iban-invalid": "The account number does not hold: compare it with the image.",
    "iban-unconfirmed": "The account is seen for the first time: confirm it by a call to a number already on file.",
    "date": "The date is not plausible: compare it with the image.",
    "double-key": "Two people key this field, and neither sees what the other or the machine has: 'review key next'.",
    "keying-differs": "Two people keyed this field differently: a third decides, 'review key next --third'.",
    "case-differs": "Another document of the same case says otherwise: compare both with their images.",
    "lot-rejected": "A sample of its lot had a critical defect: compare the value with the image.",
    "rescan": "A person rejected the record: scan its sheets again, or take the rejection back.",
    "date-order": "Two dates of this record contradict each other: compare both with the image.",
}

DOUBLE_KEY, KEYING_DIFFERS = "double-key", "keying-differs"
CASE_DIFFERS = "case-differs"
LASTING = ("lot-rejected", "rescan", CASE_DIFFERS)  # said by a sample, a person, a case: described anew, it stays
KEYED = (DOUBLE_KEY, KEYING_DIFFERS)  # settled by keying alone

CODE_OF_CHECK: dict[str, str] = {
    "totals": "totals",
    "lines": "totals",
    "payable": "totals",
    "tax-rate": "totals",
    "confirmed": "unconfirmed",
    "derived": "derived",
    "ambiguous": "ambiguous",
    "distinct": "rivals",
    "tax-id": "tax-id",
    "duplicate": "duplicate",
    "party": "party-conflict",
    "addressee": "addressee",
    "xml-print": "xml",
    "en16931": "en16931",
    "reference": "reference",
    "sender-domain": "sender-domain",
    "mrz": "mrz",
    "mrz-print": "mrz",
    "iban": "iban-invalid",
    "iban-known": "iban-unconfirmed",
    "date-plausible": "date",
    "birth-plausible": "date",
    "expiry": "date",
    "date-order": "date-order",
}
