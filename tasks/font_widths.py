"""Check that a font's stated widths are its program's (ISO 19005-2, 6.2.11.5), for the kind of font that fails it.

Some writers (Qt's, for one) scale the widths of CID TrueType fonts wrongly by a little; viewers do not mind, a
validator does. Tables: ISO/IEC 14496-22, hhea, hmtx and head.
"""

import struct
from collections.abc import Callable, Iterator
from itertools import islice

import pikepdf
from pikepdf import Array, Dictionary

TOLERANCE = 1.0  # thousandths of an em, as the standard says
LOOKED_AT = 400  # widths compared; a writer errs in all or none


def has_true_widths(font: pikepdf.Object) -> bool:
    """Tell whether the widths of a CIDFontType2 dictionary agree with its embedded program; True for other fonts."""
    descriptor = font.get("/FontDescriptor")
    if font.get("/Subtype") != "/CIDFontType2" or not isinstance(descriptor, Dictionary):
        return True
    program = descriptor.get("/FontFile2")
    if not isinstance(program, pikepdf.Stream):
        return True
    try:
        advances = _advances(program.read_bytes())
        glyphs = _glyphs(font)
        stated = _stated(font.get("/W"))
        return not any(_differs(glyphs(cid), width, advances) for cid, width in islice(stated, LOOKED_AT))
    except (pikepdf.PdfError, struct.error, ValueError, TypeError, KeyError, IndexError, ZeroDivisionError):
        return False  # what cannot be read is not vouched for


def _differs(glyph: int, width: float, advances: tuple[float, ...]) -> bool:
    return abs(advances[min(glyph, len(advances) - 1)] - width) > TOLERANCE


def _advances(program: bytes) -> tuple[float, ...]:
    """Return the advance of each glyph in thousandths of an em; the last holds for all after it."""
    tables = {}
    for index in range(struct.unpack_from(">H", program, 4)[0]):
        tag, _, offset, _ = struct.unpack_from(">4sIII", program, 12 + 16 * index)
        tables[tag] = offset
    em = struct.unpack_from(">H", program, tables[b"head"] + 18)[0]
    count = struct.unpack_from(">H", program, tables[b"hhea"] + 34)[0]
    pairs = struct.unpack_from(f">{2 * count}H", program, tables[b"hmtx"])
    return tuple(value * 1000 / em for value in pairs[::2])


def _glyphs(font: pikepdf.Object) -> Callable[[int], int]:
    """Return what maps a character's number to its glyph's, by CIDToGIDMap."""
    stream = font.get("/CIDToGIDMap")
    if not isinstance(stream, pikepdf.Stream):
        return lambda cid: cid
    table = stream.read_bytes()
    return lambda cid: int.from_bytes(table[2 * cid : 2 * cid + 2], "big")


def _stated(widths: object) -> Iterator[tuple[int, float]]:
    """Yield character and width of a /W array: `c [w ...]` and `first last w` (ISO 32000-1, 9.7.4.3)."""
    if not isinstance(widths, Array):
        return
    items = list(widths.as_list())
    at = 0
    while at + 1 < len(items):
        first = int(items[at])
        following = items[at + 1]
        if isinstance(following, Array):
            for shift, width in enumerate(following.as_list()):
                yield first + shift, float(width)
            at += 2
        else:
            for cid in range(first, min(int(following), first + LOOKED_AT) + 1):
                yield cid, float(items[at + 2])
            at += 3
