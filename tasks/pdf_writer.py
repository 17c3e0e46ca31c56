"""Write a PDF object by object to a file: nothing but the table of offsets stays in memory.

For documents made from images, whose structure is plain: a 1,000-page scan costs no more memory than one page.
Format: ISO 32000-1, 7.5. The same objects give the same bytes.
"""

import hashlib
from collections.abc import Iterable
from typing import BinaryIO

_HEAD = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"  # four bytes over 127 mark a binary file (ISO 19005-2, 6.1.2)


class PdfWriter:
    """Writes numbered objects in any order, then the cross-reference table and the trailer."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin a document in an empty file open for writing."""
        self._file = file
        self._digest = hashlib.sha256()
        self._position = 0
        self._offsets: dict[int, int] = {}
        self._last = 0
        self._put(_HEAD)

    def number(self) -> int:
        """Return the number of an object that will be written."""
        self._last += 1
        return self._last

    def write(self, entries: str, stream: bytes | None = None, number: int | None = None) -> int:
        """Write a dictionary, with a stream where one is given, and return the object's number.

        Args:
            entries: the dictionary's entries as PDF source, without the angle brackets; /Length is added.
            stream: coded bytes, as `entries` says.
            number: from `number`, where the object has been referred to already.
        """
        if stream is None:
            return self.write_raw(f"<< {entries} >>".encode("ascii"), number)
        parts = (f"<< {entries} /Length {len(stream)} >>\nstream\n".encode("ascii"), stream, b"\nendstream")
        return self._object(parts, number)

    def write_raw(self, value: bytes, number: int | None = None) -> int:
        """Write any value as an object and return its number."""
        return self._object((value,), number)

    def finish(self, root: int) -> None:
        """Write the cross-reference table and the trailer; every number given out must have been written."""
        identity = self._digest.hexdigest()[:32]  # of the content, so that the same content has the same
        start = self._position
        count = self._last + 1
        self._put(f"xref\n0 {count}\n0000000000 65535 f \n".encode("ascii"))
        for number in range(1, count):
            self._put(f"{self._offsets[number]:010d} 00000 n \n".encode("ascii"))
        trailer = f"<< /Size {count} /Root {root} 0 R /ID [<{identity}> <{identity}>] >>"
        self._put(f"trailer\n{trailer}\nstartxref\n{start}\n%%EOF\n".encode("ascii"))

    def _object(self, parts: Iterable[bytes], number: int | None) -> int:
        number = number or self.number()
        self._offsets[number] = self._position
        self._put(f"{number} 0 obj\n".encode("ascii"))
        for part in parts:
            self._put(part)
        self._put(b"\nendobj\n")
        return number

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._position += len(data)
