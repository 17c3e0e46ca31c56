"""Walk a TIFF's directories and check that every strip and tile lies inside the file.

Follows TIFF 6.0 section 2 and the BigTIFF design; decodes nothing, reads nothing but directories. A TIFF often has
its directory at the end, so a cut file fails at once; where it stands first, the strips show the cut (intake, 4.1).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from records.errors import RefusedScanError

WIDTH, HEIGHT, COMPRESSION, ORIENTATION = 256, 257, 259, 274
STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES = 273, 279, 324, 325
PHOTOMETRIC, FILL_ORDER, BITS, SAMPLES, FAX_OPTIONS, JPEG_TABLES = 262, 266, 258, 277, 292, 347
SUBFILE, REDUCED = 254, 1  # a smaller picture of another page

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 7: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_LONG = (STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES, BITS, JPEG_TABLES)  # tags kept however many values
MAX_ENTRIES = 4_096  # tags of one directory; real ones have about 20


@dataclass(frozen=True, slots=True)
class Directory:
    """One page of a TIFF: its size in pixels and the integer values of its tags."""

    width: int
    height: int
    tags: dict[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How numbers of this file are read: byte order, and sizes of TIFF or BigTIFF."""

    order: str
    big: bool
    file_bytes: int


def directories(path: Path, limit: int) -> Iterator[Directory]:
    """Yield the directories of a TIFF in order.

    Args:
        path: a file that begins as a TIFF.
        limit: pages above which it is refused.

    Raises:
        RefusedScanError: a directory, strip or tile lies outside the file ("truncated"), the structure makes no sense
            ("damaged"), or there are more than `limit` pages ("too-large").
    """
    with path.open("rb") as file:
        layout, offset = _header(file, path.stat().st_size)
        seen: set[int] = set()
        while offset:
            if offset in seen:
                raise RefusedScanError("damaged", "the directories of the TIFF form a circle")
            if len(seen) >= limit:
                raise RefusedScanError("too-large", f"more than {limit} pages; limit pages")
            seen.add(offset)
            directory, offset = _directory(file, layout, offset)
            yield directory
        if not seen:
            raise RefusedScanError("damaged", "the TIFF has no page")


def _header(file: BinaryIO, file_bytes: int) -> tuple[_Layout, int]:
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = len(head) >= 4 and struct.unpack_from(order + "H", head, 2)[0] == 43
    if len(head) < (16 if big else 8):
        raise RefusedScanError("truncated", "the TIFF ends in its header")
    offset = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)[0]
    return _Layout(order, big, file_bytes), int(offset)


def _directory(file: BinaryIO, layout: _Layout, offset: int) -> tuple[Directory, int]:
    count_size, entry_size, next_size = (8, 20, 8) if layout.big else (2, 12, 4)
    count = _number(_at(file, layout, offset, count_size), layout)
    if not 0 < count <= MAX_ENTRIES:
        raise RefusedScanError("damaged", "a directory of the TIFF has no sensible length")
    raw = _at(file, layout, offset + count_size, count * entry_size + next_size)
    tags: dict[int, tuple[int, ...]] = {}
    for index in range(count):
        tag, values = _entry(file, layout, raw[index * entry_size : (index + 1) * entry_size])
        if values is not None:
            tags[tag] = values
    directory = Directory(_first(tags, WIDTH), _first(tags, HEIGHT), tags)
    _check_data(directory, layout)
    return directory, _number(raw[-next_size:], layout)


def _entry(file: BinaryIO, layout: _Layout, raw: bytes) -> tuple[int, tuple[int, ...] | None]:
    """Return a tag and its integers; None for other types, whose values must lie in the file all the same."""
    tag, kind = struct.unpack_from(layout.order + "HH", raw)
    count = _number(raw[4:12] if layout.big else raw[4:8], layout)
    field = raw[12:20] if layout.big else raw[8:12]
    size = _SIZES.get(kind, 0) * count
    if size > len(field):
        offset = _number(field, layout)
        if offset + size > layout.file_bytes:
            raise RefusedScanError("truncated", "values of the TIFF lie beyond its end")
        if kind not in _INTEGERS or tag not in _LONG:
            return tag, None
        field = _at(file, layout, offset, size)
    if kind not in _INTEGERS or not count:
        return tag, None
    return tag, struct.unpack_from(f"{layout.order}{count}{_INTEGERS[kind]}", field)


def _check_data(directory: Directory, layout: _Layout) -> None:
    if directory.width < 1 or directory.height < 1:
        raise RefusedScanError("damaged", "a page of the TIFF has no size")
    tags = directory.tags
    for offsets_tag, bytes_tag in ((STRIP_OFFSETS, STRIP_BYTES), (TILE_OFFSETS, TILE_BYTES)):
        offsets, sizes = tags.get(offsets_tag, ()), tags.get(bytes_tag, ())
        if offsets and not sizes:
            sizes = (1,) * len(offsets)  # some old writers give none: at least the beginnings must be there
        if len(offsets) != len(sizes):
            raise RefusedScanError("damaged", "strips and their lengths differ in number")
        if any(start + size > layout.file_bytes for start, size in zip(offsets, sizes, strict=True)):
            raise RefusedScanError("truncated", "strips or tiles of the TIFF lie beyond its end")
    if STRIP_OFFSETS not in tags and TILE_OFFSETS not in tags:
        raise RefusedScanError("damaged", "a page of the TIFF has no data")


def _at(file: BinaryIO, layout: _Layout, offset: int, size: int) -> bytes:
    if offset + size > layout.file_bytes:
        raise RefusedScanError("truncated", "the TIFF ends before its directory")
    file.seek(offset)
    return file.read(size)


def _number(raw: bytes, layout: _Layout) -> int:
    return int.from_bytes(raw, "little" if layout.order == "<" else "big")


def _first(tags: dict[int, tuple[int, ...]], tag: int) -> int:
    return tags.get(tag, (0,))[0]
