"""Reading DER (ITU-T X.690, section 10) where no library shows what must be seen: tags, definite lengths, nothing else.

A value that does not end where it says, or says its length in a longer form than needed, is refused.
"""

from dataclasses import dataclass

SEQUENCE, SET, INTEGER, OCTETS, OID = 0x30, 0x31, 0x02, 0x04, 0x06
MOST_LENGTH_OCTETS = 4  # 4 GiB: more than anything that is read here


class DerError(ValueError):
    """The bytes are not DER, or not of the shape asked for."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its tag octet, its content, and the whole encoding."""

    tag: int
    content: bytes
    encoded: bytes

    def inside(self, tag: int) -> "list[Value]":
        """Return the values inside this one, which must have `tag`.

        Raises:
            DerError: another tag, or the content is not a row of values.
        """
        if self.tag != tag:
            raise DerError(f"tag {self.tag:#x} where {tag:#x} belongs")
        values, rest = [], self.content
        while rest:
            value, rest = _first(rest)
            values.append(value)
        return values


def read(data: bytes) -> Value:
    """Read the one value that `data` is.

    Raises:
        DerError: not one value exactly.
    """
    value, rest = _first(data)
    if rest:
        raise DerError("something follows the value")
    return value


def oid(value: Value) -> str:
    """Return an object identifier as numbers with points.

    Raises:
        DerError: the value is none.
    """
    if value.tag != OID or not value.content or value.content[-1] & 0x80:
        raise DerError("not an object identifier")
    numbers: list[int] = []
    number = 0
    for octet in value.content:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(str(n) for n in (first, numbers[0] - 40 * first, *numbers[1:]))


def _first(data: bytes) -> tuple[Value, bytes]:
    if len(data) < 2 or data[0] & 0x1F == 0x1F:
        raise DerError("cut short, or a tag of more than one octet")
    length, start = data[1], 2
    if length & 0x80:
        octets = length & 0x7F
        start += octets
        length = int.from_bytes(data[2:start], "big")
        if not 1 <= octets <= MOST_LENGTH_OCTETS or length < 0x80 or length >> (8 * (octets - 1)) == 0:
            raise DerError("a length that is not in its shortest form")
    end = start + length
    if end > len(data):
        raise DerError("cut short")
    return Value(data[0], data[start:end], data[:end]), data[end:]
