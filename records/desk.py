"""The words of the records desk: kinds and states of places, boxes, files, loans and requests, as closed lists.

They are written so in the catalogue and in answers. Source: reference of the records desk, sections 2 and 3;
docs/design/records-desk.md.
"""

# a SITE is the root of its tree and has a time zone and a calendar; what is temporary holds papers on their way
PLACE_KINDS = (
    "SITE", "ROOM", "ROW", "BAY", "SHELF", "SLOT", "STAGING", "VAN", "DESK", "QUARANTINE", "SCAN_ROOM",
)  # fmt: skip
TEMPORARY_KINDS = ("STAGING", "VAN", "DESK", "QUARANTINE", "SCAN_ROOM")
PLACE_STATES = ("open", "closed")
CALENDAR_RULES = ("weekly", "yearly", "dates", "open")

FILE_KINDS = ("FILE", "VOLUME", "LOOSE")
PAGES_BASES = ("SCANNED", "COUNTED", "DECLARED", "UNKNOWN")
ACCESS_CLASSES = ("normal", "restricted", "secret")  # from `restricted` on nobody lends to himself
CONDITIONS = ("good", "worn", "damaged", "wet", "incomplete")

FILE_STATES = (
    "announced", "received", "stored", "picked", "at_desk", "in_transit", "on_loan", "returned", "checked",
    "in_digitisation", "missing", "found_pending", "quarantine", "withdrawn", "disposal_listed", "destroyed",
)  # fmt: skip
BOX_STATES = (
    "announced", "received", "stored", "picked", "in_transit", "on_loan", "returned", "checked", "missing",
    "found_pending", "withdrawn", "disposal_listed", "destroyed",
)  # fmt: skip

REQUEST_STATES = (
    "submitted", "queued", "picking", "ready", "in_transit", "filled", "refused", "not_fillable", "expired",
    "cancelled", "converted",
)  # fmt: skip
WANTS = ("paper", "certified-copy", "scan", "on-site")

LOAN_STATES = ("open", "return_pending_check", "claimed_returned", "declared_lost", "closed", "closed_with_incident")
CLOSE_REASONS = ("returned", "recharged", "withdrawn", "reversed")

CHECK_MOMENTS = ("OUT", "IN", "AUDIT")
INCIDENT_KINDS = (
    "MISSING", "FOUND_PENDING", "PAGES_SHORT", "PAGES_EXTRA", "DAMAGED", "WRONG_FILE", "BROKEN_SEAL",
    "SEEN_WHILE_ON_LOAN", "SEEN_AFTER_DESTRUCTION",
)  # fmt: skip

ORDER_KINDS = (
    "RETRIEVAL", "REFILE", "PICKUP", "DELIVERY", "TRANSFER", "DESTRUCTION", "INVENTORY", "SEARCH", "SCAN",
)  # fmt: skip
ORDER_STATES = ("open", "done", "cancelled")
LINE_OUTCOMES = ("FOUND", "NOT_FOUND", "NOT_FILLABLE", "WRONG_CONTENT")

TRANSFER_KINDS = ("CLIENT_IN", "SITE", "CLIENT_OUT", "PERM_WITHDRAWAL")
TRANSFER_STATES = (
    "open", "sent", "received", "checking", "with_errors", "corrected", "checked", "placed", "rejected",
)  # fmt: skip
TRANSFER_CHECKS = ("PENDING", "OK", "ERROR", "EXTRA", "MISSING")
