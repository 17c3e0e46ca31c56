"""Tell a file's format from its first bytes, never from its name."""

TEXT_SHARE = 0.95  # of the first bytes printable: a text file

_TAKEN: tuple[tuple[int, bytes, str], ...] = (
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"II+\0", "image/tiff"),  # BigTIFF
    (0, b"MM\0+", "image/tiff"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (0, b"\xff\x4f\xff\x51", "image/jp2"),  # a bare code stream
)

_KNOWN: tuple[tuple[int, bytes, str], ...] = (
    (0, b"PK\x03\x04", "ZIP (also DOCX, XLSX, ODT)"),
    (0, b"PK\x05\x06", "ZIP"),
    (0, b"PK\x07\x08", "ZIP"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"\x1f\x9d", "compress"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\0", "xz"),
    (0, b"]\0\0", "LZMA"),
    (0, b"\x28\xb5\x2f\xfd", "Zstandard"),
    (0, b"Rar!\x1a\x07", "RAR"),
    (0, b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (257, b"ustar", "tar"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE (also DOC, XLS, MSG)"),
    (0, b"{\\rtf", "RTF"),
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "EPS"),
    (0, b"AT&TFORM", "DjVu"),
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"\x8aMNG", "MNG"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"\0\0\1\0", "ICO"),
    (0, b"SIMPLE  =", "FITS"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyp", "MP4"),
    (0, b"P1", "PBM"), (0, b"P2", "PGM"), (0, b"P3", "PPM"), (0, b"P4", "PBM"), (0, b"P5", "PGM"), (0, b"P6", "PPM"),
)  # fmt: skip

# The first lines of a mail, in any order.
_MAIL = (b"received:", b"from:", b"to:", b"subject:", b"mime-version:", b"return-path:", b"message-id:", b"date:",
         b"delivered-to:", b"content-type:", b"x-mozilla-status:")  # fmt: skip


def media_type(head: bytes) -> str | None:
    """Return the media type of a format that is taken, from a file's first 1,024 bytes, else None."""
    for offset, mark, name in _TAKEN:
        if head.startswith(mark, offset):
            return name
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    # The header may stand behind other bytes, such as a byte order mark (ISO 32000-1, annex H.3, note 13).
    return "application/pdf" if b"%PDF-" in head[:1024] else None


def foreign_format(head: bytes) -> str | None:
    """Return the name of a known format that is not taken, from a file's first 1,024 bytes, else None."""
    for offset, mark, name in _KNOWN:
        if head.startswith(mark, offset):
            return name
    lines = head.lower().lstrip(b"\xef\xbb\xbf\r\n").split(b"\n")[:4]
    return "mail" if any(line.startswith(_MAIL) for line in lines) else None


def is_text(head: bytes) -> bool:
    """Tell whether a file begins as text."""
    printable = sum(byte >= 32 or byte in (9, 10, 13) for byte in head)
    return bool(head) and b"\0" not in head and printable >= TEXT_SHARE * len(head)
