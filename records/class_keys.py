"""The closed lists of a class file: its keys, those of its fields, and what stands in them (docs/record-classes.md)."""

LANGUAGES = ("es", "en", "ca", "gl", "de", "fr", "nl", "pt", "it")
NORMALISERS = (
    "text", "name", "date", "time", "money", "number", "rate", "tax-id", "iban", "currency", "code", "choice"
)  # fmt: skip
CHECKS = (
    "tax-id", "iban", "iban-known", "date-plausible", "birth-plausible", "expiry", "after-date", "end-date",
    "confirmed", "distinct", "issuer", "addressee", "vies", "schematron", "reference", "amount-pattern", "payable",
)  # fmt: skip
FIELD_KEYS = (
    "name", "type", "cardinality", "anchors", "patterns", "where", "normalise", "checks", "required", "threshold",
    "risk", "pick", "party", "of", "choices", "unknown_ok", "evidence", "unless", "mrz", "keying",
)  # fmt: skip
CLASS_KEYS = (
    "name", "version", "title", "words", "against", "labels", "equations", "tax_table", "duplicate_key", "pairs",
    "approval_limits", "export", "field",
)  # fmt: skip
