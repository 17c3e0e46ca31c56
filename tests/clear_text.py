"""Looking for words in bytes as somebody would who means to find them: other cases, encodings and packings too.

A word counts as found as it stands, in capitals, in small letters, without accents; in UTF-8, UTF-16 or Latin-1, as
JSON escapes it, in hexadecimal, in Base64 at any alignment; in what is compressed, also in the middle of a file.
"""

import base64
import json
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator

PACKED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")  # where gzip or zlib data may begin
UNPACKED = 1 << 24  # bytes of one compressed stream at most
DEPTH = 2  # a stream within a stream
SHORTEST = 6  # characters of Base64: fewer stand in any random bytes


class ClearText:
    """Words, digests and other secrets, and every shape they are looked for in."""

    def __init__(self, words: Iterable[str], raw: Iterable[bytes] = ()) -> None:
        """Args: words as they stand on paper; raw, bytes that must not be found either (digests)."""
        self._shapes: dict[bytes, str] = {}
        for word in words:
            for shape in _shapes(word):
                self._shapes.setdefault(shape, word)
        for data in raw:
            for shape in (data, *_coded(data)):
                self._shapes.setdefault(shape, data.hex())

    def within(self, data: bytes) -> set[str]:
        """Return the words that are found in these bytes, or in what they hold compressed."""
        return {word for part in _unpacked(data) for shape, word in self._shapes.items() if shape in part}


def _shapes(word: str) -> Iterator[bytes]:
    plain = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
    spellings = {word, plain, unicodedata.normalize("NFD", word)}
    for spelling in spellings | {s.upper() for s in spellings} | {s.lower() for s in spellings}:
        yield json.dumps(spelling)[1:-1].encode()
        yield spelling.encode("latin-1", "replace")
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            data = spelling.encode(encoding)
            yield data
            yield from _coded(data)


def _coded(data: bytes) -> Iterator[bytes]:
    yield data.hex().encode()
    yield data.hex().upper().encode()
    for before in range(3):  # of the first and the last group only what these bytes alone decide
        first, last = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        whole = base64.b64encode(bytes(before) + data)[first:last]
        if len(whole) >= SHORTEST:
            yield whole
            yield whole.translate(bytes.maketrans(b"+/", b"-_"))


def _unpacked(data: bytes, depth: int = DEPTH) -> Iterator[bytes]:
    yield data
    if depth == 0:
        return
    for start in PACKED.finditer(data):
        unpacker = zlib.decompressobj(wbits=47)  # gzip or zlib, as the head says
        try:
            part = unpacker.decompress(data[start.start() :], UNPACKED)
        except zlib.error:
            continue
        if part:
            yield from _unpacked(part, depth - 1)
