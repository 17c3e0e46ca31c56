"""The grammar of a leaf: what our canonical bytes are to it, and to RFC 8785; what it refuses, and how it says so."""

import json
import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_making import an_event, an_id, leaf_of, leaves, many_lives, placed

from custody.leaves import FORMS, LEAF_LIMIT, parse, read_leaf, write_leaf
from records.errors import LeafError

RECORD = an_id("rec", 7)
LEAF = leaves(an_event("viewed", RECORD, obj={"size": 3, "key": "ñ", "list": [None, True, {"a": 1}]}))[0]


@dataclass(frozen=True)
class Plain:
    """What a serializer might write by itself, and RFC 8785 does not know."""

    size: int


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc_XYZ09", max_size=5), inner, max_size=3),
    max_leaves=12,
)


def with_obj(value: Any) -> bytes:
    return leaf_of(placed([an_event("viewed", RECORD, obj=value)])[0])


def test_every_event_of_the_pipeline_has_the_form() -> None:
    for seq, leaf in enumerate(many_lives(40)):
        assert read_leaf(leaf)[4] == str(seq).encode() and parse(leaf) == json.loads(leaf)


def test_the_keys_are_those_of_the_documents() -> None:
    assert set(FORMS) == set(json.loads(LEAF))


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(st.dictionaries(st.text("abcdef_XYZ019", max_size=5), VALUES, max_size=4))
def test_what_rfc_8785_writes_is_taken_and_nothing_else(obj: dict[str, Any]) -> None:
    leaf = with_obj(obj)
    written = rfc8785.dumps(obj).decode()
    if unicodedata.normalize("NFC", written) != written or _depth(obj) > 8:
        with pytest.raises(LeafError):
            read_leaf(leaf)
        return
    assert read_leaf(leaf)[2] == written.encode()
    spaced = json.dumps(json.loads(leaf), ensure_ascii=False).encode()
    with pytest.raises(LeafError):
        read_leaf(spaced)


FOREIGN = st.floats() | st.integers(2**53) | st.integers(max_value=-(2**53)) | st.sampled_from(
    ["\ud800", b"bytes", {1: 2}, {"ñ": 1}, {None: 1}, date(2026, 1, 2), Decimal(1), UUID(int=1), {1}, Plain(1)]
)  # fmt: skip
ANY_VALUE = st.recursive(
    VALUES | FOREIGN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text("aZ_9\x7fñ\U0001f600\uff5e", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text("abcdef_XYZ019", max_size=5), ANY_VALUE, max_size=4), st.sampled_from(["obj", "reason"]))
def test_what_is_written_is_what_rfc_8785_writes_or_is_refused(value: dict[str, Any], key: str) -> None:
    event = {**json.loads(LEAF), key: value}
    try:
        leaf = write_leaf(event)
    except (
        LeafError
    ):  # the oracle refuses too, or what it writes is not the form; 1.0, which it writes as 1, is a float
        if _has_float(value):
            return
        with pytest.raises((LeafError, rfc8785.CanonicalizationError, TypeError, UnicodeEncodeError)):
            read_leaf(bytes(rfc8785.dumps(event)))
        return
    assert leaf == rfc8785.dumps(event)


def _has_float(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return isinstance(value, float) or any(map(_has_float, inner))


@pytest.mark.parametrize("text", ["".join(map(chr, range(0x80))), "\u2028\u2029\ufeff\U0001f600ñ\uffff", '\\"/'])
def test_text_is_spelled_as_rfc_8785_spells_it(text: str) -> None:
    event = {**json.loads(LEAF), "obj": {"text": text}}
    assert write_leaf(event) == rfc8785.dumps(event)


def _depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(item) for item in inner), default=0)


def test_every_byte_counts() -> None:
    unseen = [
        (place, byte)
        for place in range(len(LEAF))
        for byte in (LEAF[place] ^ 1, 0x00, 0x0A, 0x20, 0x22, 0x2C, 0x5C, 0x7D, 0xFF)
        if byte != LEAF[place] and _is_taken(LEAF[:place] + bytes([byte]) + LEAF[place + 1 :])
    ]
    # Some places may hold another value of the right form; what it says then differs, and so does its hash.
    assert all(parse(LEAF[:p] + bytes([b]) + LEAF[p + 1 :]) != parse(LEAF) for p, b in unseen)
    assert not any(_is_taken(LEAF[:cut]) for cut in range(len(LEAF)))
    assert not any(_is_taken(LEAF + bytes([byte])) for byte in range(256))


def _is_taken(leaf: bytes) -> bool:
    try:
        read_leaf(leaf)
    except LeafError:
        return False
    return True


MALFORMED = {
    "nothing": (b"", "unreadable"),
    "not UTF-8": (LEAF.replace("ñ".encode(), b"\xf1"), "obj that is none"),
    "an array": (b"[]", "another value"),
    "a space": (LEAF.replace(b'"v":1', b'"v": 1'), "another form"),
    "a byte order mark": (b"\xef\xbb\xbf" + LEAF, "another form"),
    "a line feed behind": (LEAF + b"\n", "another form"),
    "another key order": (LEAF.replace(b',"v":1}', b"}").replace(b"{", b'{"v":1,', 1), "another form"),
    "a key twice": (LEAF.replace(b'"v":1', b'"v":1,"v":1'), "another form"),
    "a key twice in obj": (with_obj({"a": 1}).replace(b'{"a":1}', b'{"a":1,"a":1}'), "obj in another form"),
    "a foreign key": (LEAF.replace(b'"v":1', b'"v":1,"w":1'), "missing none, foreign 1"),
    "a missing key": (LEAF.replace(b'"reason":null,', b""), "missing reason, foreign 0"),
    "another version": (LEAF.replace(b'"v":1', b'"v":2'), "another form: v"),
    "a number as text": (LEAF.replace(b'"seq":0', b'"seq":"0"'), "another form: seq"),
    "a leading zero": (LEAF.replace(b'"seq":0', b'"seq":00'), "unreadable"),
    "a float": (LEAF.replace(b'"seq":0', b'"seq":0.0'), "another form: seq"),
    "an exponent": (with_obj({"a": 10}).replace(b'"a":10', b'"a":1e1'), "obj in another form"),
    "a float in obj": (with_obj({"a": 1.5}), "one in obj"),
    "a float deep in obj": (with_obj({"a": [{"b": 0.1}]}), "one in obj"),
    "minus zero": (with_obj({"a": 0}).replace(b'"a":0', b'"a":-0'), "obj in another form"),
    "too large a number": (with_obj({"a": 1}).replace(b'"a":1', b'"a":9007199254740992'), "a larger one in obj"),
    "an escape that is not needed": (with_obj({"a": "b"}).replace(b'"b"', b'"\\u0062"'), "obj in another form"),
    "half a surrogate": (with_obj({"a": "b"}).replace(b'"b"', b'"\\ud800"'), "obj that is none"),
    "text not in NFC": (with_obj({"a": "n\u0303"}), "obj in another form"),
    "a key that is not ASCII": (with_obj({"ñ": 1}), "others in obj"),
    "obj too deep": (with_obj({"a": [[[[[[[[1]]]]]]]]}), "more in obj"),
    "obj an array": (with_obj([1]), "another form: obj"),
    "a name as subject": (LEAF.replace(RECORD.encode(), b"rec_juan_perez"), "another form: subject"),
    "words as reason": (LEAF.replace(b'"reason":null', b'"reason":"for Juan"'), "another form: reason"),
    "capital digits": (leaves(an_event("viewed", RECORD, detail="AB" * 32))[0], "another form: detail"),
    "a day that never was": (LEAF.replace(b"2026-11-22", b"2026-13-22"), "another form: ts"),
    "another zone": (LEAF.replace(b".000Z", b"+01:00"), "another form: ts"),
    "too long": (with_obj({"a": "b" * LEAF_LIMIT}), str(len(with_obj({"a": "b" * LEAF_LIMIT})))),
    "a head that nests": (b"[" * 5000, "unreadable"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused_and_said_without_its_values(name: str) -> None:
    leaf, found = MALFORMED[name]
    with pytest.raises(LeafError) as raised:
        read_leaf(leaf)
    assert raised.value.found == found
    assert "Juan" not in str(raised.value) and "juan" not in str(raised.value)


def test_an_obj_that_looks_like_the_rest_of_a_leaf_is_not_mistaken_for_it() -> None:
    obj = {"a": {}, "occurred": None, "on_behalf": None, "place": None, "prev": None, "reason": None, "refs": []}
    event = placed([an_event("viewed", RECORD, obj=obj)])[0]
    assert read_leaf(leaf_of(event))[2] == rfc8785.dumps(obj)
    inner = {"a": LEAF.decode(), "b": json.loads(LEAF) | {"obj": None}}
    event = placed([an_event("viewed", RECORD, obj=inner)])[0]
    assert read_leaf(leaf_of(event))[2] == rfc8785.dumps(inner)
