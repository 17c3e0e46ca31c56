"""Make the readable copy of a record: a PDF/A-2b whose pages are the scan's, with its words laid invisibly over them.

Pictures are never coded again: G4 strips, JPEG and PNG data go in as they are, pages of a PDF are copied. What cannot
be PDF/A (fonts that are not embedded) becomes a plain searchable PDF, and the report says why: that never stops a
record. The same input gives the same bytes. Runs in a limited child (design, section 5; docs/design/reading.md).
"""

import datetime as dt
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name

from records.errors import RefusedScanError
from records.options import Limits
from records.text import PageText, read_words
from tasks import glyphless, pdfa
from tasks.bookmarks import Parts, add_outline, keep_outline, write_outline
from tasks.coded_images import CodedImage, coded_pages
from tasks.pdf_pages import POINT, PageImage, open_document, page_image, page_of
from tasks.pdf_structure import stored_images
from tasks.pdf_writer import PdfWriter
from tasks.sources import PDF
from tasks.text_overlay import FONT_KEY, ToPage, text_layer

_SPACES = {1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}
_CMYK_SAMPLES = 4
_DEFAULT_DPI = 300  # of a page that could not be read and so has no resolution


@dataclass(frozen=True, slots=True)
class ReadableReport:
    """What was made: `conformance` is "PDF/A-2b", or None with the `reason`."""

    pages: int
    conformance: str | None
    reason: str | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Part:
    """The pages of a source file that make a record: `first` to `last`, counted from 1; None is to its end."""

    first: int = 1
    last: int | None = None


def make_readable(
    source: Path,
    media_type: str,
    words_file: Path,
    target: Path,
    limits: Limits,
    created: dt.datetime | None = None,
    part: Part | None = None,
) -> ReadableReport:
    """Write the readable copy of `source` to `target`.

    Args:
        source: a scan that `tasks.examine` has accepted as `media_type`.
        media_type: its format.
        words_file: the record's words, as `records.text.write_words` made them; one page for each of the part's.
        target: file to write; it must not exist.
        limits: pixels of a page that must be decoded.
        created: time to write into the copy; None writes none.
        part: the pages of `source` that are this record; None takes all.

    Raises:
        RefusedScanError: the copy could not be made or does not hold what it should ("damaged").
    """
    part = part or Part()
    words = read_words(words_file)
    try:
        if media_type == PDF:
            pages, reason = _from_pdf(source, words, target, created, part)
        else:
            pages, reason = _from_images(source, media_type, words, target, limits, created, part)
    except pikepdf.PdfError as error:
        raise RefusedScanError("damaged", "the readable copy could not be made") from error
    _check(target, pages)
    return ReadableReport(pages, None if reason else pdfa.CONFORMANCE, reason, target.stat().st_size)


def _check(target: Path, pages: int) -> None:
    """Check what was written, whatever the writer said: it opens without repair and has its pages."""
    with pikepdf.open(target, attempt_recovery=False) as document:
        if len(document.pages) != pages or not pages:
            raise RefusedScanError("damaged", "the readable copy has another number of pages")


# ---- from images


def _from_images(
    source: Path,
    media_type: str,
    words: Iterator[PageText],
    target: Path,
    limits: Limits,
    created: dt.datetime | None,
    part: Part,
) -> tuple[int, str | None]:
    reason = None
    with target.open("xb") as file:
        writer = PdfWriter(file)
        tree = writer.number()
        font = _write_font(writer)
        kids: list[int] = []
        parts = Parts()
        pictures = coded_pages(source, media_type, part.first, limits)
        for page in parts.noting(words):
            image = next(pictures, None)
            if image is None:
                raise RefusedScanError("damaged", "the scan has fewer pages than were read")
            if image.samples == _CMYK_SAMPLES and image.profile is None:
                reason = "colours of print without their profile"
            kids.append(_write_page(writer, page, image, tree, font))
        refs = " ".join(f"{kid} 0 R" for kid in kids)
        writer.write(f"/Type /Pages /Count {len(kids)} /Kids [{refs}]", number=tree)
        outline = write_outline(writer, parts.several, kids)
        writer.finish(_write_root(writer, tree, outline, reason is None, created))
    return len(kids), reason


def _write_font(writer: PdfWriter) -> int:
    program = glyphless.font_program()
    file = writer.write(f"/Length1 {len(program)}", program)
    descriptor = writer.write(f"{glyphless.DESCRIPTOR} /FontFile2 {file} 0 R")
    glyphs = writer.write("/Filter /FlateDecode", glyphless.glyph_map())
    inner = writer.write(f"{glyphless.CID_FONT} /FontDescriptor {descriptor} 0 R /CIDToGIDMap {glyphs} 0 R")
    unicode = writer.write("/Filter /FlateDecode", glyphless.to_unicode())
    return writer.write(f"{glyphless.TYPE0} /DescendantFonts [{inner} 0 R] /ToUnicode {unicode} 0 R")


def _write_root(writer: PdfWriter, tree: int, outline: str, conforms: bool, created: dt.datetime | None) -> int:
    profile = writer.write("/N 3", pdfa.srgb_profile())
    metadata = writer.write("/Type /Metadata /Subtype /XML", pdfa.xmp(conforms, created))
    intent = (
        "<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB) /Info (sRGB) "
        f"/DestOutputProfile {profile} 0 R >>"
    )
    return writer.write(f"/Type /Catalog /Pages {tree} 0 R /Metadata {metadata} 0 R /OutputIntents [{intent}]{outline}")


def _write_page(writer: PdfWriter, page: PageText, image: CodedImage, tree: int, font: int) -> int:
    picture = _write_image(writer, image)
    scale = POINT / (page.dpi or _DEFAULT_DPI)
    width, height = image.width * scale, image.height * scale
    layer = text_layer(page, ToPage(scale, 0, 0, -scale, 0, height))
    content = f"q {width:.4f} 0 0 {height:.4f} 0 0 cm /Scan Do Q\n".encode("ascii") + layer
    stream = writer.write("/Filter /FlateDecode", _packed(content))
    resources = f"/XObject << /Scan {picture} 0 R >> /Font << /{FONT_KEY} {font} 0 R >>"
    return writer.write(
        f"/Type /Page /Parent {tree} 0 R /MediaBox [0 0 {width:.4f} {height:.4f}] /Rotate {page.turned} "
        f"/Resources << {resources} >> /Contents {stream} 0 R"
    )


def _write_image(writer: PdfWriter, image: CodedImage) -> int:
    space = _SPACES.get(image.samples, "/DeviceGray")
    if image.profile is not None:
        profile = writer.write(f"/N {image.samples} /Alternate {space}", image.profile)
        space = f"[/ICCBased {profile} 0 R]"
    if image.palette:
        space = f"[/Indexed /DeviceRGB {len(image.palette) // 3 - 1} <{image.palette.hex()}>]"
    head = f"/Type /XObject /Subtype /Image /Width {image.width} /Height {image.height} /ColorSpace {space}"
    return writer.write(f"{head} {image.entries}", image.data)


def _packed(content: bytes) -> bytes:
    return zlib.compress(content, 6)


# ---- from a PDF


def _from_pdf(
    source: Path, words: Iterator[PageText], target: Path, created: dt.datetime | None, part: Part
) -> tuple[int, str | None]:
    with pikepdf.open(source) as document:
        count = len(document.pages)
        last = count if part.last is None else part.last
        del document.pages[last:]
        del document.pages[: part.first - 1]
        pdfa.make_plain(document)
        own, parts = keep_outline(document), Parts()
        font = _embedded_font(document)
        with open_document(source) as shown:
            for page in parts.noting(words):
                if page.source == "ocr" and page.engine:
                    _lay_over(document, page, shown, part.first + page.page - 1, font)
        if not own:
            add_outline(document, parts.several)
        reason = next(pdfa.blockers(document), None)
        pdfa.add_identity(document, reason is None, created)
        document.remove_unreferenced_resources()
        document.save(
            target,
            deterministic_id=True,
            force_version="1.7",
            encryption=False,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            fix_metadata_version=False,
        )
        return len(document.pages), reason


def _embedded_font(document: pikepdf.Pdf) -> pikepdf.Object:
    program = pikepdf.Stream(document, glyphless.font_program(), Length1=len(glyphless.font_program()))
    descriptor = pikepdf.Object.parse(f"<< {glyphless.DESCRIPTOR} >>".encode("ascii"))
    descriptor.FontFile2 = document.make_indirect(program)
    inner = pikepdf.Object.parse(f"<< {glyphless.CID_FONT} >>".encode("ascii"))
    inner.FontDescriptor = document.make_indirect(descriptor)
    inner.CIDToGIDMap = document.make_indirect(_flate(document, glyphless.glyph_map()))
    font = pikepdf.Object.parse(f"<< {glyphless.TYPE0} >>".encode("ascii"))
    font.DescendantFonts = Array([document.make_indirect(inner)])
    font.ToUnicode = document.make_indirect(_flate(document, glyphless.to_unicode()))
    return document.make_indirect(font)


def _flate(document: pikepdf.Pdf, packed: bytes) -> pikepdf.Stream:
    stream = pikepdf.Stream(document, b"")
    stream.write(packed, filter=Name.FlateDecode)
    return stream


def _lay_over(document: pikepdf.Pdf, page: PageText, source: Any, number: int, font: pikepdf.Object) -> None:
    """Lay the words of one page over it; a page that is one image is drawn anew, without earlier hidden text."""
    target = document.pages[page.page - 1]
    with page_of(source, number) as shown:
        image = page_image(shown)
        left, _, _, top = shown.get_bbox()
        rotation = int(shown.get_rotation())
    stored_turn = rotation
    if image is not None and (image.width, image.height) == (page.width, page.height):
        to_page, stored_turn = _of_image(image), image.turn
        name = _image_name(target, image)
        if name is not None:
            matrix = " ".join(f"{value:.4f}" for value in image.matrix)
            target.obj.Contents = _flate(document, _packed(f"q {matrix} cm {name} Do Q".encode("ascii")))
            target.obj.Resources = Dictionary(XObject=Dictionary({name: target.resources.XObject[name]}))
    else:
        scale = POINT / (page.dpi or _DEFAULT_DPI)
        to_page = ToPage(scale, 0, 0, -scale, left, top)
    target.obj.Rotate = (rotation + page.turned - stored_turn) % 360
    layer = text_layer(page, to_page)
    if layer:
        _append(document, target, layer, font)


def _of_image(image: PageImage) -> ToPage:
    a, b, c, d, e, f = image.matrix
    return ToPage(a / image.width, b / image.width, -c / image.height, -d / image.height, e + c, f + d)


def _image_name(page: pikepdf.Page, image: PageImage) -> str | None:
    found = [
        name
        for name, stored in stored_images(page).items()
        if (int(stored.Width), int(stored.Height)) == (image.width, image.height)
    ]
    return found[0] if len(found) == 1 else None


def _copied(dictionary: object) -> pikepdf.Object:
    """Return a new dictionary with the same entries; an empty one for anything else."""
    entries = {key: dictionary[key] for key in dictionary.keys()} if isinstance(dictionary, Dictionary) else {}  # noqa: SIM118
    return Dictionary(entries)


def _append(document: pikepdf.Pdf, page: pikepdf.Page, layer: bytes, font: pikepdf.Object) -> None:
    # Resources may be shared with pages that have another font of this name, or inherited: make them the page's own.
    own = _copied(page.resources)
    fonts = _copied(own.get("/Font"))
    fonts[f"/{FONT_KEY}"] = font
    own.Font = fonts
    page.obj.Resources = own
    page.contents_add(_flate(document, _packed(b"q\n")), prepend=True)
    page.contents_add(_flate(document, _packed(b"\nQ\n" + layer)))
