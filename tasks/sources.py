"""Load one page of a scan as its raster, as stored: before EXIF, /Rotate, turn or deskew.

A page of an image file is its pixels; a PDF page that is one whole-page image is that image; any other PDF page is its
crop box rendered (tasks.pdf_pages). One page is in memory at a time, whatever the file's length. Runs in a limited
child, on files that `tasks.examine` has accepted. Boxes everywhere refer to this raster (docs/design/formats.md).
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from records.errors import RefusedScanError
from records.options import Limits, ReadingOptions
from tasks import pdf_pages

Grey = npt.NDArray[np.uint8]

PDF, TIFF, JPEG = "application/pdf", "image/tiff", "image/jpeg"
PNG, WEBP, JP2 = "image/png", "image/webp", "image/jp2"
IMAGES = (TIFF, JPEG, PNG, WEBP, JP2)

FALLBACK_DPI = 300  # where a file states no believable resolution
# An A3 page at 600 dpi has 70 million pixels. Recognising takes four bytes for each and cleaning as many: larger pages
# are read at half the size, in flat memory, and no worse at what is left of the resolution.
READ_PIXELS = 64_000_000
BAND_ROWS = 1024  # a multiple of every reduction
MIN_DPI, MAX_DPI = 100, 2400  # what is believed: screens write 72 and 96 whatever they show

# EXIF and TIFF orientation: degrees clockwise that make it upright. Mirrored ones (2, 4, 5, 7) no scanner makes.
_TURNS = {3: 180, 6: 90, 8: 270}
# What Pillow does to a TIFF while it loads, undone.
_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True, slots=True)
class PageRaster:
    """The raster of one page as stored.

    `pixels` is (H, W) uint8, 0 = ink, on white, at 1/`reduced` of the raster's `size` (width, height); `dpi` is that of
    `pixels`. `stored_turn` is the degrees clockwise (0, 90, 180, 270) that the file says make it upright. `whole_image`
    tells that the pixels are the file's own, not rendered.
    """

    pixels: Grey
    dpi: int
    stored_turn: int
    whole_image: bool
    reduced: int
    size: tuple[int, int]


def load_page(path: Path, media_type: str, number: int, options: ReadingOptions, limits: Limits) -> PageRaster:
    """Return the raster of page `number`, counted from 1.

    Raises:
        RefusedScanError: the page cannot be decoded ("damaged") or is over a limit ("too-large").
    """
    if media_type == PDF:
        pixels, dpi, turn, whole = pdf_pages.page_raster(path, number, options, limits)
        factor = reduction(*pixels.shape)
        size = (pixels.shape[1], pixels.shape[0])
        if factor > 1:
            pixels = np.asarray(Image.fromarray(pixels).reduce(factor), dtype=np.uint8)
        return PageRaster(pixels, round(dpi / factor), turn, whole, factor, size)
    return _image_page(path, number, limits)


def page_count(path: Path, media_type: str) -> int:
    """Return how many pages a file has.

    Raises:
        RefusedScanError: it cannot be opened ("damaged").
    """
    if media_type == PDF:
        return pdf_pages.page_count(path)
    if media_type != TIFF:
        return 1
    with open_image(path) as image:
        return int(getattr(image, "n_frames", 1))


def open_image(path: Path) -> Image.Image:
    """Open an image file without decoding it; the caller has set and checks the limit on pixels.

    Raises:
        RefusedScanError: no decoder takes it ("damaged"), or its text unpacks to too much ("bomb").
    """
    Image.MAX_IMAGE_PIXELS = None  # our own limit is checked before anything is decoded
    try:
        return Image.open(path, formats=("TIFF", "JPEG", "PNG", "WEBP", "JPEG2000"))
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError) as error:
        if "too large" in str(error):  # Pillow's limits on what chunks of text and colour profiles unpack to
            raise RefusedScanError("bomb", "parts of the image unpack to too much") from error
        raise RefusedScanError("damaged", "no decoder takes the image") from error


def check_size(width: int, height: int, limits: Limits) -> None:
    """Check a page's size in pixels against the limits before it is decoded.

    Raises:
        RefusedScanError: it is over a limit ("too-large") or has no pixels ("damaged").
    """
    if width < 1 or height < 1:
        raise RefusedScanError("damaged", f"a page of {width} x {height} pixels")
    if max(width, height) > limits.side_pixels or width * height > limits.page_pixels:
        raise RefusedScanError("too-large", f"a page of {width} x {height} pixels; limits page_pixels, side_pixels")


def reduction(*sides: int) -> int:
    """Return to what part of its sides a page is reduced for reading: 1 for all that fit on a desk."""
    factor = 1
    while math.prod(sides) > READ_PIXELS * factor * factor:
        factor *= 2
    return factor


def _image_page(path: Path, number: int, limits: Limits) -> PageRaster:
    with open_image(path) as image:
        try:
            if number > 1:
                image.seek(number - 1)
            check_size(*image.size, limits)
            is_tiff = image.format == "TIFF"
            orientation = _orientation(image, is_tiff)
            dpi, size = _dpi(image), _stored_size(image, is_tiff)
            factor = reduction(*size)
            grey = to_grey(image) if factor == 1 else _reduced_grey(image, factor)
        except (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError) as error:
            raise RefusedScanError("damaged", "a page cannot be decoded") from error
    if is_tiff:
        grey = as_stored(grey, orientation)
    pixels = np.asarray(grey, dtype=np.uint8)
    return PageRaster(pixels, round(dpi / factor), _TURNS.get(orientation, 0), True, factor, size)


def _reduced_grey(image: Image.Image, factor: int) -> Image.Image:
    """Return an image as grey at 1/factor of its sides; band by band, so that it is in memory once and no more."""
    if image.format == "JPEG":
        whole = image.size
        image.draft("L", (image.width // factor, image.height // factor))
        if image.size != whole:
            return to_grey(image)
    image.load()
    if image.mode in ("I", "F"):  # their range is that of the whole page
        return to_grey(image).reduce(factor)
    small = Image.new("L", (-(-image.width // factor), -(-image.height // factor)))
    for top in range(0, image.height, BAND_ROWS):
        band = image.crop((0, top, image.width, min(top + BAND_ROWS, image.height)))
        small.paste(to_grey(band).reduce(factor), (0, top // factor))
    return small


def as_stored(image: Image.Image, orientation: int) -> Image.Image:
    """Undo the turn that Pillow gives to a TIFF with this orientation while it loads."""
    return image.transpose(_UNDO[orientation]) if orientation in _UNDO else image


def to_grey(image: Image.Image) -> Image.Image:
    """Return an image as 8-bit grey on white paper."""
    if image.mode == "1" or image.mode == "L":
        return image.convert("L")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        colour = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", colour.size, "white"), colour).convert("L")
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        return ImageOps.autocontrast(Image.fromarray(_spread(np.asarray(image, dtype=np.float64))))
    return image.convert("L")


def _spread(values: npt.NDArray[np.float64]) -> Grey:
    """Map wide or floating samples to 0..255 by their own range."""
    low, high = float(values.min(initial=0.0)), float(values.max(initial=1.0))
    return np.asarray((values - low) * (255.0 / max(high - low, 1e-9)), dtype=np.uint8)


def _stored_size(image: Image.Image, is_tiff: bool) -> tuple[int, int]:
    """Return width and height as stored: those of a TIFF are exchanged where Pillow turns it."""
    if not is_tiff:
        return image.size
    tags: Any = getattr(image, "tag_v2", {})
    return int(tags[ExifTags.Base.ImageWidth]), int(tags[ExifTags.Base.ImageLength])


def _orientation(image: Image.Image, is_tiff: bool) -> int:
    if is_tiff:
        value = getattr(image, "tag_v2", {}).get(ExifTags.Base.Orientation, 1)
    else:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    return value if isinstance(value, int) else 1


def _dpi(image: Image.Image) -> int:
    stated = image.info.get("dpi")
    try:
        value = round(float(stated[0])) if stated else 0
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return FALLBACK_DPI
    return value if MIN_DPI <= value <= MAX_DPI else FALLBACK_DPI
