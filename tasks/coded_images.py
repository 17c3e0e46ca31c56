"""Take the coded pictures of an image file as they are, in the form that a PDF can carry.

TIFF G4 strips, JPEG bytes, PNG data and JPEG 2000 boxes are copied, never coded again; what a PDF cannot carry as it
is (other compressions, several strips, transparency) is decoded and coded without loss.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms

from records.errors import RefusedScanError
from records.options import Limits
from tasks import tiff_structure as tiff
from tasks.sources import JP2, JPEG, PNG, TIFF, as_stored, check_size, open_image, to_grey

G4, JPEG_IN_TIFF = 4, 7  # compressions of TIFF
_RGB, _YCBCR, _PALETTE = 2, 6, 3  # photometric interpretations
_PNG_COLOURS = {0: 1, 2: 3, 3: 1}  # colour type: samples
_PROFILE_SPACES = {1: "GRAY", 3: "RGB ", 4: "CMYK"}
_CHUNK_HEAD = 8


@dataclass(frozen=True, slots=True)
class CodedImage:
    """A coded picture: its bytes, size in pixels, and the entries of its image dictionary as PDF source.

    `profile` is its own colour profile, `samples` a pixel's; `copied` tells that the bytes are the file's own.
    """

    data: bytes
    width: int
    height: int
    entries: str
    samples: int
    profile: bytes | None = None
    copied: bool = True
    palette: bytes = b""


def coded_pages(path: Path, media_type: str, first: int, limits: Limits) -> Iterator[CodedImage]:
    """Yield the pictures of an image file that `tasks.examine` has accepted, from page `first` (from 1) on.

    One page is in memory at a time, and a TIFF's directories are walked once.

    Raises:
        RefusedScanError: one cannot be decoded where it must be ("damaged", "too-large").
    """
    if media_type == TIFF:
        for number, directory in enumerate(tiff.directories(path, limits.pages), 1):
            if number >= first:
                yield _from_tiff(path, directory) or _coded_again(path, number, limits)
        return
    if media_type == JPEG:
        found = _from_jpeg(path.read_bytes())
    elif media_type == PNG:
        found = _from_png(path)
    else:
        found = _from_jp2(path) if media_type == JP2 else None
    yield found or _coded_again(path, 1, limits)


def _from_tiff(path: Path, directory: tiff.Directory) -> CodedImage | None:
    tags = directory.tags
    offsets, sizes = tags.get(tiff.STRIP_OFFSETS, ()), tags.get(tiff.STRIP_BYTES, ())
    if len(offsets) != 1 or len(sizes) != 1 or tags.get(tiff.FILL_ORDER, (1,))[0] != 1:
        return None
    compression = tags.get(tiff.COMPRESSION, (1,))[0]
    if compression not in (G4, JPEG_IN_TIFF):
        return None
    with path.open("rb") as file:
        file.seek(offsets[0])
        data = file.read(sizes[0])
    photometric = tags.get(tiff.PHOTOMETRIC, (0,))[0]
    if compression == G4:
        # "white" runs are paper where 0 is white; where 0 is black they are what PDF calls 1
        black_is_1 = "true" if photometric == 1 else "false"
        parameters = f"/K -1 /Columns {directory.width} /Rows {directory.height} /BlackIs1 {black_is_1}"
        entries = f"/Filter /CCITTFaxDecode /DecodeParms << {parameters} >> /BitsPerComponent 1"
        return CodedImage(data, directory.width, directory.height, entries, 1)
    if photometric not in (0, 1, _YCBCR) or not data.startswith(b"\xff\xd8"):
        return None
    tables = bytes(tags.get(tiff.JPEG_TABLES, ()))
    return _from_jpeg(tables[:-2] + data[2:] if tables.startswith(b"\xff\xd8") else data)


def _from_jpeg(data: bytes) -> CodedImage | None:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        samples = len(image.getbands())
        width, height = image.size
        inverted = samples == 4 and "adobe" in image.info  # Adobe writes CMYK upside down
        profile = _profile(image, samples)
    decode = " /Decode [1 0 1 0 1 0 1 0]" if inverted else ""
    return CodedImage(data, width, height, f"/Filter /DCTDecode /BitsPerComponent 8{decode}", samples, profile)


def _from_png(path: Path) -> CodedImage | None:
    """Copy a PNG's data where it is neither interlaced nor transparent: its filters are PDF's predictor 15."""
    with path.open("rb") as file:
        raw = file.read()
    header = raw[16:29]
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits, colour, interlaced = header[8], header[9], header[12]
    chunks = _png_chunks(raw)
    if colour not in _PNG_COLOURS or interlaced or b"tRNS" in chunks:
        return None
    samples = _PNG_COLOURS[colour]
    parameters = f"/Predictor 15 /Colors {samples} /BitsPerComponent {bits} /Columns {width}"
    entries = f"/Filter /FlateDecode /DecodeParms << {parameters} >> /BitsPerComponent {bits}"
    palette = chunks.get(b"PLTE", b"") if colour == _PALETTE else b""
    return CodedImage(chunks[b"IDAT"], width, height, entries, samples, palette=palette)


def _png_chunks(raw: bytes) -> dict[bytes, bytes]:
    chunks: dict[bytes, list[bytes]] = {}
    at = _CHUNK_HEAD
    while at + _CHUNK_HEAD <= len(raw):
        size, kind = int.from_bytes(raw[at : at + 4], "big"), raw[at + 4 : at + 8]
        chunks.setdefault(kind, []).append(raw[at + 8 : at + 8 + size])
        at += size + 12
    return {kind: b"".join(parts) for kind, parts in chunks.items()}


def _from_jp2(path: Path) -> CodedImage | None:
    """Copy a JPEG 2000 file with its boxes; a bare code stream is coded again, PDF/A asks for the boxes."""
    data = path.read_bytes()
    with open_image(path) as image:
        samples = len(image.getbands())
        width, height = image.size
        if not data.startswith(b"\0\0\0\x0cjP") or image.mode not in ("L", "RGB"):
            return None
    return CodedImage(data, width, height, "/Filter /JPXDecode /BitsPerComponent 8", samples)


def _coded_again(path: Path, number: int, limits: Limits) -> CodedImage:
    """Decode a page and code it without loss: black and white as G4, all else as PNG does."""
    with open_image(path) as image:
        try:
            if number > 1:
                image.seek(number - 1)
            check_size(*image.size, limits)
            orientation = getattr(image, "tag_v2", {}).get(tiff.ORIENTATION, 1)
            image.load()
            plain = _on_white(image)
        except (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError) as error:
            raise RefusedScanError("damaged", "a page cannot be decoded") from error
        return _lossless(as_stored(plain, orientation))


def _lossless(image: Image.Image) -> CodedImage:
    width, height = image.size
    if image.mode == "1":
        packed = io.BytesIO()
        # one strip: tag 278 is RowsPerStrip
        image.save(packed, "TIFF", compression="group4", tiffinfo={278: height}, strip_size=1 << 31)
        return _strip_of(packed.getvalue(), width, height)
    coded = io.BytesIO()
    image.save(coded, "PNG", compress_level=6)
    samples = len(image.getbands())
    parameters = f"/Predictor 15 /Colors {samples} /BitsPerComponent 8 /Columns {width}"
    entries = f"/Filter /FlateDecode /DecodeParms << {parameters} >> /BitsPerComponent 8"
    return CodedImage(_png_chunks(coded.getvalue())[b"IDAT"], width, height, entries, samples, copied=False)


def _strip_of(file: bytes, width: int, height: int) -> CodedImage:
    with Image.open(io.BytesIO(file), formats=("TIFF",)) as image:
        tags = getattr(image, "tag_v2", {})
        start, size = tags[tiff.STRIP_OFFSETS][0], tags[tiff.STRIP_BYTES][0]
        black_is_1 = "true" if tags[tiff.PHOTOMETRIC] == 1 else "false"
    parameters = f"/K -1 /Columns {width} /Rows {height} /BlackIs1 {black_is_1}"
    entries = f"/Filter /CCITTFaxDecode /DecodeParms << {parameters} >> /BitsPerComponent 1"
    return CodedImage(file[start : start + size], width, height, entries, 1, copied=False)


def _on_white(image: Image.Image) -> Image.Image:
    """Return an image as black and white, grey or RGB, without transparency."""
    if image.mode in ("1", "L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode in ("RGBA", "LA", "PA", "P", "La", "RGBa") or "transparency" in image.info:
        colour = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", colour.size, "white"), colour).convert("RGB")
    if image.mode.startswith("I") or image.mode == "F":
        return to_grey(image)
    return image.convert("RGB")


def _profile(image: Image.Image, samples: int) -> bytes | None:
    """Return an image's colour profile where it is sound and fits its samples."""
    raw = image.info.get("icc_profile")
    if not isinstance(raw, bytes):
        return None
    try:
        space = ImageCms.ImageCmsProfile(io.BytesIO(raw)).profile.xcolor_space
    except (OSError, ImageCms.PyCMSError):
        return None
    return raw if space == _PROFILE_SPACES.get(samples) else None
