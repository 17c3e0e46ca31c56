"""The form of a ledger leaf, as one grammar: what an event may hold, key by key, and nothing else.

Format: docs/design/formats.md, "Event" (RFC 8785 canonical JSON; reference of custody, section 1.3). Keys stand in a
fixed order, and every value but `obj` is an id, a code, a number or null, so that a whole leaf is one regular
expression: what it matches is canonical by construction. `obj` alone is open, and is compared with its canonical
bytes. Who writes leaves asks the same grammar as who verifies them. No clear text can hide in an id or a code.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
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
    "obj": r"(?:null|(?P<obj>\{[^{}]*\}|\{.*?\}))",  # the flat one first: it is found in one go
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
_PLAIN = (str, int, bool, type(None))
_VALUES = {key: re.compile(form.encode(), re.ASCII | re.DOTALL) for key, form in FORMS.items()}


def write_leaf(event: Mapping[str, Any]) -> bytes:
    """Return an event as a leaf: its RFC 8785 canonical bytes, which `read_leaf` takes.

    orjson sorts keys by code point and writes integers of 64 bits, RFC 8785 by UTF-16 unit and none beyond 2^53: for
    ASCII keys and integers within 2^53, which `read_leaf` demands, both write the same bytes. What orjson would write
    in its own way, or as null, and RFC 8785 does not know at all, is refused before. A test compares the two.

    Raises:
        LeafError: a value has no canonical form, or the leaf is not of the form; its text holds no value.
    """
    _refuse_foreign(event)
    try:
        leaf = orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:  # orjson's own error is one: a key that is no text, half a surrogate pair, too deep
        raise LeafError("canonical JSON", "a value that has no such form") from error
    read_leaf(leaf)
    return leaf


def _refuse_foreign(value: object) -> None:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        if not isinstance(value, _PLAIN):
            raise LeafError("text, whole numbers, true, false and null", "another value")
        return
    for item in value:
        if type(item) not in _PLAIN:
            _refuse_foreign(item)


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
    # Keys in ASCII: their order by UTF-16 units, as RFC 8785 has it, is then the order of bytes.
    ascii_only = raw.isascii()  # canonical bytes escape nothing beyond ASCII: so is every key and text then
    _check_values(value, 1, keys_are_ascii=ascii_only)
    if not ascii_only and not unicodedata.is_normalized("NFC", raw.decode()):
        raise LeafError("text in NFC", "obj in another form")


def _check_values(value: dict[str, object] | list[object], depth: int, *, keys_are_ascii: bool) -> None:
    """Check what an array or object at this depth holds; most hold nothing but text, so that is passed first."""
    if depth > DEEPEST:
        raise LeafError(f"at most {DEEPEST} levels", "more in obj")
    if isinstance(value, dict):
        if not keys_are_ascii and not all(key.isascii() for key in value):
            raise LeafError("keys in ASCII", "others in obj")
        value = list(value.values())
    for item in value:
        if isinstance(item, str):
            continue
        if isinstance(item, dict | list):
            _check_values(item, depth + 1, keys_are_ascii=keys_are_ascii)
        elif isinstance(item, float):
            raise LeafError("no floating-point number", "one in obj")
        elif isinstance(item, int) and abs(item) > LARGEST:
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
