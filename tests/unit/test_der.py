"""DER is read strictly: what is not in its one form is refused."""

import pytest

from custody import der

MALFORMED = {
    "nothing": b"",
    "a tag alone": b"\x30",
    "content cut short": b"\x02\x02\x01",
    "length cut short": b"\x30\x82\x01",
    "something after it": b"\x02\x01\x00\x00",
    "indefinite length": b"\x30\x80\x00\x00",
    "long form of a short length": b"\x04\x81\x01\x00",
    "length with a leading zero": b"\x04\x82\x00\x81" + b"x" * 0x81,
    "length of five octets": b"\x04\x85\x01\x00\x00\x00\x00",
    "tag of two octets": b"\x1f\x81\x00\x00",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_not_der_is_refused(data: bytes) -> None:
    with pytest.raises(der.DerError):
        der.read(data)


def test_a_row_of_values_is_read_in_order() -> None:
    value = der.read(b"\x30\x06\x02\x01\x05\x04\x01x")
    assert [(v.tag, v.content) for v in value.inside(der.SEQUENCE)] == [(der.INTEGER, b"\x05"), (der.OCTETS, b"x")]
    with pytest.raises(der.DerError):
        value.inside(der.SET)


def test_a_long_length_is_read() -> None:
    assert der.read(b"\x04\x82\x01\x00" + b"x" * 256).content == b"x" * 256


@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", "1.2.840.113549.1.7.2"),
        (b"\x06\x03\x2b\x65\x70", "1.3.101.112"),
        (b"\x06\x03\x88\x37\x01", "2.999.1"),
    ],
)
def test_object_identifiers_are_read(encoded: bytes, text: str) -> None:
    assert der.oid(der.read(encoded)) == text


@pytest.mark.parametrize("encoded", [b"\x06\x00", b"\x06\x01\x86", b"\x02\x01\x05"])
def test_what_is_no_object_identifier_is_refused(encoded: bytes) -> None:
    with pytest.raises(der.DerError):
        der.oid(der.read(encoded))
