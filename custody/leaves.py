"""The form of a ledger leaf, as one grammar: what an event may hold, key by key, and nothing else.

Format: docs/design/formats.md, "Event" (RFC 8785 canonical JSON; reference of custody, section 1.3). Keys stand in a
fixed order, and every value but `obj` is an id, a code, a number or null, so that a whole leaf is one regular
expression: what it matches is canonical by construction. `obj` alone is open, and is compared with its canonical
bytes. Who writes leaves asks the same grammar as who verifies them. No clear text can hide in an id or a code.
"""

import json
import re
import unicodedata
from typing import Any

import orjson

from records.errors import LeafError
from records.ids import ID_PATTERN

LEAF_LIMIT = 16 * 1024  # bytes; the tile format itself would take 65,535
LARGEST = 2**53 - 1  # the largest integer that every JSON reader keeps exactly (RFC 8785, section 3.2.2.3)
DEEPEST = 8  # levels of arrays and objects in `obj`

_ID = ID_PATTERN.pattern
_DIGEST = "[0-9a-f]{64}"
_CODE = "[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
_PSEUDONYM = "[a-z0-9_]{1,64}"
_WORD = "[a-z][a-z0-9_]{0,31}"
_DAY = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_INSTANT = _DAY + r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"


def _text(form: str, name: str = "") -> str:
    return f'"(?P<{name}>{form})"' if name else f'"(?:{form})"'


def _or_null(form: str) -> str:
    return f"(?:null|{form})"


# key -> the form of its value; `(?P<name>...)` is what a replay needs of it
FORMS: dict[str, str] = {
    "actor": rf'\{{"auth":"{_WORD}","id":{_text(_PSEUDONYM)},"role":"{_WORD}"\}}',
    "auth_ref": _or_null(_text(_ID)),
    "client": _or_null(_text("cli_[0-9a-f]{32}")),
    "commit": _or_null(_text(_DIGEST)),
    "detail": _or_null(_text(_DIGEST)),
    "due": _or_null(_text(_DAY)),
    "from": _or_null(_text(_WORD, "before")),
    "holder": _or_null(_text(_PSEUDONYM)),
    "id": '"evt_(?P<id>[0-9a-f]{32})"',
    "obj": r"(?:null|(?P<obj>\{.*?\}))",
    "occurred": _or_null(_text(_INSTANT)),
    "on_behalf": _or_null(_text(_PSEUDONYM)),
    "place": _or_null(_text(_ID)),
    "prev": _or_null(_text(_DIGEST, "prev")),
    "reason": _or_null(_text(_CODE)),
    "refs": rf'\[(?:"{_ID}"(?:,"{_ID}")*)?\]',
    "seq": r"(?P<seq>0|[1-9][0-9]{0,15})",
    "subject": _text(_ID, "subject"),
    "sw": rf'\{{"name":"{_CODE}","version":"{_CODE}"\}}',
    "to": _or_null(_text(_WORD, "after")),
    "ts": _text(_INSTANT, "ts"),
    "type": _text(_WORD, "type"),
    "v": "1",
}
# Only `obj` may hold what looks like the rest of a leaf; since the rest then has to match up to the very end, and what
# was taken for `obj` has to be one canonical object, no leaf can be read in two ways.
GRAMMAR = re.compile(
    (r"\{" + ",".join(f'"{key}":{FORMS[key]}' for key in sorted(FORMS)) + r"\}").encode(), re.ASCII | re.DOTALL
)
_VALUES = {key: re.compile(form.encode(), re.ASCII | re.DOTALL) for key, form in FORMS.items()}


def read_leaf(leaf: bytes) -> tuple[Any, ...]:
    """Return what a replay needs of a leaf: `(before, id, obj, prev, seq, subject, after, ts, type)`, bytes or None.

    `id` is without its prefix, `before` and `after` are the keys `from` and `to`.

    Raises:
        LeafError: not the canonical form, or a value that the schema does not know; its text holds no value.
    """
    match = GRAMMAR.fullmatch(leaf)
    if match is None or len(leaf) > LEAF_LIMIT:
        raise LeafError(*_explain(leaf))
    found = match.groups()
    if found[2] is not None:
        _check_object(found[2])
    return found


def parse(leaf: bytes) -> dict[str, Any]:
    """Return a leaf that `read_leaf` took as an event."""
    event: dict[str, Any] = orjson.loads(leaf)
    return event


def _check_object(raw: bytes) -> None:
    """Refuse an `obj` that is not canonical: other key order, another spelling, a key twice, a float, not NFC."""
    try:
        value = orjson.loads(raw)
        if orjson.dumps(value, option=orjson.OPT_SORT_KEYS) != raw:
            raise LeafError("canonical JSON", "obj in another form")
    except ValueError as error:  # orjson's own error is one, and says nothing that may be shown
        raise LeafError("canonical JSON", "obj that is none") from error
    _check_value(value, 0)
    if not raw.isascii() and not unicodedata.is_normalized("NFC", raw.decode()):
        raise LeafError("text in NFC", "obj in another form")


def _check_value(value: object, depth: int) -> None:
    if isinstance(value, dict | list):
        if depth == DEEPEST:
            raise LeafError(f"at most {DEEPEST} levels", "more in obj")
        for item in value.values() if isinstance(value, dict) else value:
            _check_value(item, depth + 1)
        # Keys in ASCII: their order by UTF-16 units, as RFC 8785 has it, is then the order of bytes.
        if isinstance(value, dict) and not all(key.isascii() for key in value):
            raise LeafError("keys in ASCII", "others in obj")
    elif isinstance(value, float):
        raise LeafError("no floating-point number", "one in obj")
    elif isinstance(value, int) and abs(value) > LARGEST:
        raise LeafError("integers below 2^53", "a larger one in obj")


def _explain(leaf: bytes) -> tuple[str, str]:
    """Say what is wrong with a leaf that the grammar does not match, without repeating any of its values."""
    if len(leaf) > LEAF_LIMIT:
        return f"at most {LEAF_LIMIT} bytes", str(len(leaf))
    try:
        event = json.loads(leaf)
    except (ValueError, RecursionError):
        return "canonical JSON", "unreadable"
    if not isinstance(event, dict):
        return "an object", "another value"
    missing, foreign = sorted(FORMS.keys() - event.keys()), len(event.keys() - FORMS.keys())
    if missing or foreign:
        return "all keys and no other", f"missing {', '.join(missing) or 'none'}, foreign {foreign}"
    wrong = [key for key in FORMS if not _VALUES[key].fullmatch(_spelled(event[key]))]
    return (
        ("the form of each value", f"another form: {', '.join(wrong)}") if wrong else ("canonical JSON", "another form")
    )


def _spelled(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8", "replace")
