"""Reasons for handing over content: a code of a closed list, and free text that stays in the database."""

from records.errors import InvalidValueError

CODES = {
    "request": "The client or the person concerned asked for it",
    "client-request": "The client whose paper it is asked for it",
    "audit": "An audit",
    "inspection": "An inspection by an authority",
    "verification": "Verifying what is held",
    "legal": "A court, authority or lawyer asked for it",
    "review": "Checking what was read against the original",
    "dispute": "A disputed value, invoice or signature",
    "quality": "Quality control of scanning",
    "research": "Research in the archive",
    "migration": "Handing over to another system or to the client",
    "test": "Trying the system",
    "other": "Another reason, said in the free text",
}


def parse_reason(text: str) -> tuple[str, str | None]:
    """Split `CODE` or `CODE: free text`.

    Raises:
        InvalidValueError: no such code, or `other` without a text.
    """
    code, _, words = text.partition(":")
    code, words = code.strip().lower(), words.strip()
    if code not in CODES:
        raise InvalidValueError(f"no such reason; use one of {', '.join(CODES)}, and a text after a colon")
    if code == "other" and not words:
        raise InvalidValueError("the reason 'other' needs a text: --reason 'other: why'")
    return code, words or None
