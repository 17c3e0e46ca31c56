"""Examine an offered file: what it is, whether it is whole, how many pages it has; accept it or say why not.

By its bytes, not its name. Structural checks as intake section 4.1 has measured them: a check that only opens a file
takes most cut ones for whole. Runs in a limited child, which imports no more than this needs (the catalogue alone costs
half a second); what ends the child is a refusal too (`poison`), by the caller.
"""

from dataclasses import dataclass
from pathlib import Path

from custody.sealing import digest_file
from records.errors import RefusedScanError
from records.machine import machine_fault
from records.options import Limits
from tasks import magic
from tasks.pdf_structure import check_pdf
from tasks.sources import JP2, JPEG, PDF, PNG, TIFF, WEBP, check_size, open_image
from tasks.tiff_structure import REDUCED, SUBFILE, directories

HEAD = 1_024  # bytes looked at to tell the format
PADDING = 64 * 1_024  # zero bytes after the end of a JPEG that are let pass: some transfers fill up blocks
END_MARK = b"\xff\xd9"  # of JPEG (EOI) and JPEG 2000 (EOC)
BOMB = 16  # times the limit on pixels: no scanner makes such a page


@dataclass(frozen=True, slots=True)
class Examined:
    """What a file is. `born_digital` is a hint; `encrypted` means that an empty password opens it."""

    media_type: str
    size_bytes: int
    pages: int
    born_digital: bool = False
    encrypted: bool = False
    signed: bool = False
    warnings: tuple[str, ...] = ()


def look(path: Path, limits: Limits) -> tuple[Examined, str, int]:
    """Return what a file is, its digest and its size in bytes. Runs in a child.

    Raises:
        RefusedScanError: as `examine`.
    """
    digest, size = digest_file(path)
    if size > limits.file_bytes:
        raise RefusedScanError("too-large", "over the limit of bytes")
    return examine(path, limits), digest, size


def examine(path: Path, limits: Limits) -> Examined:
    """Return what a file is, once it is known to be whole.

    Raises:
        RefusedScanError: with a code of `records.reasons.REFUSALS` (empty, truncated, damaged, encrypted,
            not-an-image, unsupported, too-large, bomb, unreadable) and what was seen.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise machine_fault(error) or RefusedScanError("unreadable", "the file cannot be opened") from error
    if not size:
        raise RefusedScanError("empty", "the file has no bytes")
    if size > limits.file_bytes:
        raise RefusedScanError("too-large", f"{size} bytes; limit file_bytes")
    found = magic.media_type(head)
    if found is None:
        raise _foreign(head)
    if found == PDF:
        return _examine_pdf(path, size, limits)
    return _examine_tiff(path, size, limits) if found == TIFF else _examine_image(path, size, found, limits)


def _foreign(head: bytes) -> RefusedScanError:
    name = magic.foreign_format(head)
    if name is not None:
        return RefusedScanError("unsupported", name)
    return RefusedScanError("not-an-image", "a text file" if magic.is_text(head) else "no known format")


def _examine_pdf(path: Path, size: int, limits: Limits) -> Examined:
    found = check_pdf(path, limits)
    warnings = ("opens with an empty password",) if found.encrypted else ()
    return Examined(PDF, size, found.pages, found.has_fonts, found.encrypted, found.signed, warnings)


def _examine_tiff(path: Path, size: int, limits: Limits) -> Examined:
    pages = 0
    warnings: tuple[str, ...] = ()
    for directory in directories(path, limits.pages):
        _check_bomb(directory.width, directory.height, limits)
        check_size(directory.width, directory.height, limits)
        pages += 1
        if directory.tags.get(SUBFILE, (0,))[0] & REDUCED:
            warnings = ("has reduced pictures of its pages, counted as pages",)
    _decode(path, TIFF, limits)
    return Examined(TIFF, size, pages, warnings=warnings)


def _examine_image(path: Path, size: int, media_type: str, limits: Limits) -> Examined:
    warnings = _check_jpeg_end(path, size) if media_type == JPEG else ()
    _decode(path, media_type, limits)
    return Examined(media_type, size, 1, warnings=warnings)


def _decode(path: Path, media_type: str, limits: Limits) -> None:
    """Decode the first page in full; only that shows a cut in the middle of coded data."""
    try:
        with open_image(path) as image:
            _check_bomb(*image.size, limits)
            check_size(*image.size, limits)
            if image.format == "JPEG":
                image.draft("L", image.size)  # all of the coded data is read, colour is not made
            image.load()
    except (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError) as error:
        fault = machine_fault(error) if isinstance(error, OSError) else None
        if fault is not None:  # a failing disk is no damaged scan
            raise fault from error
        code = "truncated" if _ends_early(path, media_type) else "damaged"
        raise RefusedScanError(code, "the image does not decode in full") from error
    except RefusedScanError as error:
        if error.code == "damaged" and _ends_early(path, media_type):
            raise RefusedScanError("truncated", "the image ends before it can be opened") from error
        raise


def _ends_early(path: Path, media_type: str) -> bool:
    """Tell whether a file that does not decode lacks its end, rather than being wrong in the middle."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        file.seek(max(0, size - 64))
        tail = file.read()
    if media_type == PNG:
        return b"IEND" not in tail
    if media_type == WEBP:
        return int.from_bytes(head[4:8], "little") + 8 > size
    return media_type == JP2 and not tail.rstrip(b"\0").endswith(END_MARK)


def _check_bomb(width: int, height: int, limits: Limits) -> None:
    if width * height > BOMB * limits.page_pixels:
        raise RefusedScanError("bomb", f"a page of {width} x {height} pixels")


def _check_jpeg_end(path: Path, size: int) -> tuple[str, ...]:
    """Check that a JPEG ends with its end mark; zeros after it are let pass and said.

    "Contains an end mark" proves nothing: thumbnails have one of their own (intake, section 4.1).
    """
    with path.open("rb") as file:
        file.seek(max(0, size - PADDING - 2))
        tail = file.read()
    end = tail.rstrip(b"\0")
    if not end.endswith(END_MARK):
        raise RefusedScanError("truncated", "the JPEG does not end with its end mark")
    return (f"{len(tail) - len(end)} zero bytes after the end",) if len(end) < len(tail) else ()
