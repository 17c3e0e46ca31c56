"""Make the raster of a PDF page: the one image that covers it, as it is, or its crop box rendered.

An image counts as the page where it is the last thing painted that can be seen, covers the crop box, stands square
and has no mask; text in render mode 3 over it is some earlier OCR and is read again. pdfium decodes all of PDF's
image codecs, with the same pixels as pikepdf where both can. Runs in a limited child.
"""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium

from records.errors import RefusedScanError
from records.options import Limits, ReadingOptions
from tasks.pdf_structure import stored_images

Grey = npt.NDArray[np.uint8]
Raster = tuple[Grey, int, int, bool]  # pixels, dpi, stored turn, whole image

POINT = 72  # points an inch
EDGE = 0.02  # of the page's side by which an image may miss the crop box
SQUARE = 0.1  # relative difference of resolutions across and down that still counts as square
MAX_OBJECTS = 5_000  # a page with more is no scan
_HIDDEN = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)
_UNSEEN_ANNOTATIONS = (pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP)


@dataclass(frozen=True, slots=True)
class PageImage:
    """The one image that is a page: its handle, size in pixels, resolution, and turn with /Rotate counted in.

    `matrix` maps the image's unit square, origin at its lower left, to the page in points (ISO 32000-1, 8.9.5).
    """

    handle: Any
    width: int
    height: int
    dpi: int
    turn: int
    matrix: tuple[float, float, float, float, float, float]


@contextlib.contextmanager
def open_document(path: Path) -> Iterator[Any]:
    """Yield a PDF as pdfium's document and close it afterwards.

    Raises:
        RefusedScanError: it does not open ("damaged").
    """
    try:
        document = pypdfium2.PdfDocument(path)
    except (pypdfium2.PdfiumError, OSError) as error:
        raise RefusedScanError("damaged", "the PDF does not open") from error
    with contextlib.closing(document):
        yield document


@contextlib.contextmanager
def page_of(document: Any, number: int) -> Iterator[Any]:
    """Yield page `number` (from 1) of pdfium's document and close it afterwards.

    Raises:
        RefusedScanError: the page does not open or cannot be taken apart ("damaged").
    """
    try:
        page = document[number - 1]
    except (pypdfium2.PdfiumError, IndexError) as error:
        raise RefusedScanError("damaged", f"page {number} does not open") from error
    with contextlib.closing(page):
        try:
            yield page
        except pypdfium2.PdfiumError as error:
            raise RefusedScanError("damaged", f"page {number} cannot be taken apart") from error


@contextlib.contextmanager
def seen_page(path: Path, number: int) -> Iterator[Any]:
    """Yield page `number` (from 1) with what its form fields and annotations show made part of it.

    What was typed into a form is in its fields' looks, not in the page's text. The file is not changed.

    Raises:
        RefusedScanError: as for `open_document` and `page_of`.
    """
    with open_document(path) as document:
        with page_of(document, number) as page:
            changed = _has_visible_annotations(page) and (
                pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_SUCCESS
            )
            if not changed:
                yield page
                return
        with page_of(document, number) as page:  # only a page opened anew shows it
            yield page


@contextlib.contextmanager
def open_page(path: Path, number: int) -> Iterator[Any]:
    """Yield page `number` (from 1) of a PDF; errors as for `open_document` and `page_of`."""
    with open_document(path) as document, page_of(document, number) as page:
        yield page


def page_count(path: Path) -> int:
    """Return how many pages a PDF has.

    Raises:
        RefusedScanError: it does not open ("damaged").
    """
    with open_document(path) as document:
        return len(document)


def page_raster(path: Path, number: int, options: ReadingOptions, limits: Limits) -> Raster:
    """Return pixels, dpi, stored turn and whether they are the page's own image.

    Raises:
        RefusedScanError: the page cannot be decoded or rendered ("damaged"), or is over a limit ("too-large").
    """
    with open_page(path, number) as page:
        image = page_image(page)
        if image is not None and not _has_mask(path, number, image):
            _check(image.width, image.height, limits)
            return _decoded(image), image.dpi, image.turn, True
        width, height = rendered_size(page, options.render_dpi)
        _check(width, height, limits)
        turn = int(page.get_rotation())
    pixels = None
    if options.renderer != "pdfium":
        pixels = _by_poppler(path, number, width, height, turn, limits)
    if pixels is None:
        with seen_page(path, number) as page:
            pixels = _by_pdfium(page, width, height, turn, options.render_dpi)
    return pixels, options.render_dpi, turn, False


def rendered_size(page: Any, dpi: int) -> tuple[int, int]:
    """Return width and height in pixels of a page's crop box at `dpi`, /Rotate not applied."""
    left, bottom, right, top = page.get_bbox()
    return max(1, math.ceil((right - left) * dpi / POINT)), max(1, math.ceil((top - bottom) * dpi / POINT))


def page_image(page: Any) -> PageImage | None:
    """Return the image that is the whole page, or None."""
    if _has_visible_annotations(page):
        return None
    found: Any = None
    for count, item in enumerate(page.get_objects(max_depth=4)):
        if count > MAX_OBJECTS:
            return None
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            if found is not None or item.level:
                return None
            found = item
        elif found is not None and _is_visible(item):
            return None
    return _covering(page, found) if found is not None else None


def _is_visible(item: Any) -> bool:
    if item.type == pdfium.FPDF_PAGEOBJ_FORM:  # its parts follow
        return False
    if item.type == pdfium.FPDF_PAGEOBJ_TEXT:
        return pdfium.FPDFTextObj_GetTextRenderMode(item) not in _HIDDEN
    return True


def _has_visible_annotations(page: Any) -> bool:
    for index in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if annotation:
            kind = pdfium.FPDFAnnot_GetSubtype(annotation)
            pdfium.FPDFPage_CloseAnnot(annotation)
            if kind not in _UNSEEN_ANNOTATIONS:
                return True
    return False


def _covering(page: Any, image: Any) -> PageImage | None:
    """Accept an image that stands square on the page and covers its crop box."""
    box, bounds = page.get_bbox(), image.get_bounds()
    sides = (box[2] - box[0], box[3] - box[1])
    if min(sides) <= 0 or any(abs(bounds[i] - box[i]) > EDGE * sides[i % 2] for i in range(4)):
        return None
    a, b, c, d, e, f = image.get_matrix().get()
    slack = 0.001 * max(abs(a), abs(b), abs(c), abs(d))
    if abs(b) <= slack and abs(c) <= slack and a * d > 0:
        turn = 0 if a > 0 else 180
    elif abs(a) <= slack and abs(d) <= slack and b * c < 0:
        turn = 270 if b > 0 else 90
    else:
        return None
    width, height = image.get_px_size()
    across = width / (math.hypot(a, b) / POINT)
    down = height / (math.hypot(c, d) / POINT)
    if abs(across / max(down, 1e-6) - 1) > SQUARE:
        return None
    turn = (turn + int(page.get_rotation())) % 360
    return PageImage(image, width, height, max(1, round(across)), turn, (a, b, c, d, e, f))


def _has_mask(path: Path, number: int, image: PageImage) -> bool:
    """Tell whether the page's image has a mask or is one: what is seen then is not what is stored."""
    try:
        with pikepdf.open(path) as document:
            for stored in stored_images(document.pages[number - 1]).values():
                if (int(stored.Width), int(stored.Height)) == (image.width, image.height):
                    return any(name in stored for name in ("/SMask", "/Mask")) or bool(stored.get("/ImageMask", False))
    except (pikepdf.PdfError, AttributeError, TypeError, ValueError) as error:
        raise RefusedScanError("damaged", f"page {number} has a broken image") from error
    return False


def _decoded(image: PageImage) -> Grey:
    # not closed by us: the buffer is pdfium's, and goes with the last reference
    pixels = np.asarray(image.handle.get_bitmap().to_pil().convert("L"), dtype=np.uint8)
    if pixels.shape != (image.height, image.width):
        raise RefusedScanError("damaged", "an image decodes to another size than it states")
    return pixels


def _by_pdfium(page: Any, width: int, height: int, turn: int, dpi: int) -> Grey:
    bitmap = page.render(scale=dpi / POINT, rotation=(-turn) % 360, grayscale=True)
    with contextlib.closing(bitmap):
        pixels = np.array(bitmap.to_numpy().reshape(bitmap.height, bitmap.width, -1)[:, :, 0], dtype=np.uint8)
    return _fitted(pixels, width, height)


def _by_poppler(path: Path, number: int, width: int, height: int, turn: int, limits: Limits) -> Grey | None:
    """Render in a process of its own; None where poppler is missing or does not give the size asked for."""
    from pdf2image import convert_from_path
    from pdf2image.exceptions import (
        PDFInfoNotInstalledError,
        PDFPageCountError,
        PDFPopplerTimeoutError,
        PDFSyntaxError,
    )
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # checked already
    across, down = (height, width) if turn in (90, 270) else (width, height)
    try:
        images = convert_from_path(
            path,
            first_page=number,
            last_page=number,
            grayscale=True,
            use_cropbox=True,
            size=(across, down),
            timeout=max(1, int(limits.page_seconds / 2)),
        )
    except (PDFInfoNotInstalledError, PDFPageCountError, PDFPopplerTimeoutError, PDFSyntaxError, OSError, ValueError):
        return None
    # poppler ends with status 0 and a stub where it ran out of memory: look at what came
    if len(images) != 1 or images[0].size != (across, down):
        return None
    pixels = np.asarray(images[0].convert("L"), dtype=np.uint8)
    return _fitted(np.ascontiguousarray(np.rot90(pixels, turn // 90)), width, height)


def _fitted(pixels: Grey, width: int, height: int) -> Grey:
    """Cut or pad with paper to the size that boxes refer to; renderers differ by a pixel."""
    if pixels.shape == (height, width):
        return pixels
    fitted = np.full((height, width), 255, np.uint8)
    rows, columns = min(height, pixels.shape[0]), min(width, pixels.shape[1])
    fitted[:rows, :columns] = pixels[:rows, :columns]
    return fitted


def _check(width: int, height: int, limits: Limits) -> None:
    if max(width, height) > limits.side_pixels or width * height > limits.page_pixels:
        raise RefusedScanError("too-large", f"a page of {width} x {height} pixels; limits page_pixels, side_pixels")
