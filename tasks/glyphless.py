"""Make the one font of a text layer: every character is a blank of half an em, so that words can be laid over print.

PDF/A asks that every font be embedded, invisible ones too (ISO 19005-2, 6.2.11.4). A TrueType font of two
glyphs that show nothing does it: Identity-H codes are UTF-16 units, all mapped to the second glyph, and ToUnicode maps
them back.
"""

import struct
import zlib
from functools import cache

ADVANCE = 500  # thousandths of an em that every character takes
_EM = 1000
FONT_NAME = "MunimentText"

# Objects of the font, as dictionaries of PDF source with the streams they go with; names are filled in by the writer.
DESCRIPTOR = (
    f"/Type /FontDescriptor /FontName /{FONT_NAME} /Flags 5 /FontBBox [0 0 {ADVANCE} {_EM}] /ItalicAngle 0 "
    f"/Ascent {_EM} /Descent 0 /CapHeight {_EM} /StemV 80"
)
CID_FONT = (
    f"/Type /Font /Subtype /CIDFontType2 /BaseFont /{FONT_NAME} /DW {ADVANCE} "
    "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
)
TYPE0 = f"/Type /Font /Subtype /Type0 /BaseFont /{FONT_NAME} /Encoding /Identity-H"


@cache
def font_program() -> bytes:
    """Return a TrueType font (ISO/IEC 14496-22) of two glyphs that show nothing."""
    tables = {
        b"cmap": struct.pack(">HHHHI", 0, 1, 3, 1, 12) + struct.pack(">HHHHHHH HHHHH", 4, 24, 0, 2, 2, 0, 0,
                                                                     0xFFFF, 0, 0xFFFF, 1, 0),
        b"glyf": _glyph(),
        b"head": struct.pack(">IIIIHHqqhhhhHHhhh", 0x10000, 0x10000, 0, 0x5F0F3CF5, 0, _EM, 0, 0, 0, 0, ADVANCE, _EM,
                             0, 8, 2, 0, 0),
        b"hhea": struct.pack(">IhhhHhhhhhhhhhhhH", 0x10000, _EM, 0, 0, ADVANCE, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2),
        b"hmtx": struct.pack(">HhHh", ADVANCE, 0, ADVANCE, 0),
        b"loca": struct.pack(">HHH", 0, 0, len(_glyph()) // 2),
        b"maxp": struct.pack(">IHHHHHHHHHHHHHH", 0x10000, 2, 3, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
        b"post": struct.pack(">IIhhIIIII", 0x30000, 0, 0, 0, 1, 0, 0, 0, 0),
    }  # fmt: skip
    return _with_directory(tables)


def _glyph() -> bytes:
    """Return a line without width from corner to corner of its cell: nothing to see, but a box.

    pdfium finds no text in a quarter turn where glyphs have no height.
    """
    box = struct.pack(">hhhhh", 1, 0, 0, ADVANCE, _EM)
    points = struct.pack(">HH3B3h3h", 2, 0, 1, 1, 1, 0, ADVANCE, -ADVANCE, 0, _EM, -_EM)
    return box + points + b"\0"


def _with_directory(tables: dict[bytes, bytes]) -> bytes:
    count = len(tables)
    power = 1 << (count.bit_length() - 1)
    head = struct.pack(">IHHHH", 0x10000, count, power * 16, power.bit_length() - 1, (count - power) * 16)
    offset = len(head) + 16 * count
    entries, body = b"", b""
    for tag, data in tables.items():
        padded = data + b"\0" * (-len(data) % 4)
        entries += struct.pack(">4sIII", tag, _checksum(padded), offset + len(body), len(data))
        body += padded
    font = head + entries + body
    adjustment = (0xB1B0AFBA - _checksum(font)) & 0xFFFFFFFF
    at = offset + sum(len(data) + (-len(data) % 4) for tag, data in tables.items() if tag < b"head") + 8
    return font[:at] + struct.pack(">I", adjustment) + font[at + 4 :]


def _checksum(data: bytes) -> int:
    return sum(int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), 4)) & 0xFFFFFFFF


@cache
def glyph_map() -> bytes:
    """Return the compressed CIDToGIDMap: every code is the second glyph."""
    return zlib.compress(b"\0\1" * 0x10000, 9)


@cache
def to_unicode() -> bytes:
    """Return the compressed ToUnicode CMap: every code is itself, in ranges of one high byte (ISO 32000-1, 9.10.3)."""
    ranges = [f"<{high:02X}00> <{high:02X}FF> <{high:02X}00>" for high in range(256)]
    blocks = [ranges[start : start + 100] for start in range(0, 256, 100)]
    text = "\n".join(f"{len(block)} beginbfrange\n" + "\n".join(block) + "\nendbfrange" for block in blocks)
    return zlib.compress(
        (
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
            "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
            f"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n{text}\n"
            "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
        ).encode("ascii"),
        9,
    )
