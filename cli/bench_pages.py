"""The pages a benchmark reads: a folder of images, or pages drawn here, the same on every machine.

Drawn pages are plain office pages of 300 dpi: 1-bit TIFF (group 4) and grey PNG in turn, text in the font that Pillow
carries, words and their order from a generator with a fixed seed. They are easier to read than real scans: figures on
them compare machines, figures on real scans (`--set`) compare programs.
"""

import random
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from records.errors import InvalidValueError
from records.options import Limits
from tasks.coded_images import CodedImage, coded_pages
from tasks.magic import media_type
from tasks.pdf_writer import PdfWriter
from tasks.sources import IMAGES, page_count

SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")
DPI = 300
A4 = (2480, 3508)  # pixels at 300 dpi
MARGIN = 230  # pixels: 2 cm
TITLE, LETTER, LINE = 60, 40, 62  # pixels: 14 and 10 point, and from line to line
PAPER, INK = 238, 30  # grey pages: brightness of paper and print
SEED = 20261123
POINTS = 72  # a PDF's unit, to the inch

_WORDS = """
the of and to in for that is was with on by as at from this will be are it which has have not been were an or
account amount annual answer archive balance before branch building cabinet carriage case cause charge clause
client committee company condition consignment contract copy correspondence cost council court credit custody
customer date delivery department deposit director district document due early employee estate evidence example
exchange expense file final first following form freight further general goods government harbour history income
increase industry insurance interest inventory invoice journey judgment keeper labour land ledger letter licence
list loan machine manager market material measure meeting member merchant method minutes month mortgage notice
number office officer opinion order ordinary original owner page paper parcel parish party payment pension period
person picture place plan policy port premium present price private proof property proposal province public
purchase quarter question railway rate receipt record reference register regular rent repair report request
reserve return river road sale school season second secretary section security service sheet shipment signature
station statement stock storage street subject supply survey system table tariff tenant title town trade transfer
transport treasury trial trust value vessel volume voucher wage warehouse water weight witness work yard year
""".split()  # noqa: SIM905  read as text


@dataclass(frozen=True, slots=True)
class PageSet:
    """Image files of a benchmark in a fixed order, how many pages they hold, and what the set is called."""

    name: str
    files: tuple[Path, ...]
    pages: int


def folder_of_pages(folder: Path, most: int | None) -> PageSet:
    """Take the images of a folder, by name; `most` files at most. Other files are left alone.

    Raises:
        InvalidValueError: there is no image in it.
    """
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())[:most]
    if not found:
        raise InvalidValueError(f"the folder holds no page image ({', '.join(SUFFIXES)})")
    return PageSet(folder.resolve().name, tuple(found), sum(page_count(path, kind_of(path)) for path in found))


def drawn_pages(folder: Path, count: int) -> PageSet:
    """Draw `count` pages into an existing folder: the same pixels every time, every page another text."""
    files = tuple(draw_page(folder, number) for number in range(1, count + 1))
    return PageSet("drawn", files, count)


def draw_page(folder: Path, number: int) -> Path:
    """Draw one page, an odd one as 1-bit TIFF, an even one as grey PNG."""
    source = random.Random(SEED + number)  # noqa: S311  a picture, not a secret: the same on every machine
    image = Image.new("L", A4, PAPER)
    pen = ImageDraw.Draw(image)
    pen.text((MARGIN, MARGIN), f"Report {number} of {1900 + number}", INK, ImageFont.load_default(TITLE))
    letters = ImageFont.load_default(LETTER)
    y = MARGIN + 2 * LINE
    while y < A4[1] - MARGIN:
        pen.text((MARGIN, y), _line(source, letters), INK, letters)
        y += LINE * (2 if source.random() < 0.12 else 1)  # paragraphs of eight lines or so
    if number % 2:
        target = folder / f"page-{number:04d}.tif"
        image.point(lambda value: 255 if value > 128 else 0).convert("1", dither=Image.Dither.NONE).save(
            target, compression="group4", dpi=(DPI, DPI)
        )
    else:
        target = folder / f"page-{number:04d}.png"
        image.save(target, dpi=(DPI, DPI))
    return target


def _line(source: random.Random, letters: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Put words together until the line is full; now and then a number."""
    line = ""
    while True:
        word = source.choice(_WORDS) if source.random() > 0.05 else str(source.randrange(10, 99999))
        longer = f"{line} {word}".strip()
        if letters.getlength(longer) > A4[0] - 2 * MARGIN:
            return line
        line = longer


def kind_of(path: Path) -> str:
    """Return a file's media type by its first bytes.

    Raises:
        InvalidValueError: it is no image.
    """
    with path.open("rb") as file:
        kind = media_type(file.read(1024))
    if kind not in IMAGES:
        raise InvalidValueError(f"{path.suffix} file of the set is no image inside")
    return kind


def as_tiff(files: tuple[Path, ...], pages: int, target: Path) -> None:
    """Write one TIFF of `pages` pages, the files' first pages over and over: group 4 where all are 1-bit, else LZW."""
    loaded: list[Image.Image] = []
    for path in files:
        with Image.open(path) as image:
            loaded.append(image.copy())
    bitonal = all(image.mode == "1" for image in loaded)
    if not bitonal:
        loaded = [image.convert("L") for image in loaded]
    first, *others = islice(cycle(loaded), pages)
    first.save(
        target, "TIFF", save_all=True, append_images=others, compression="group4" if bitonal else "tiff_lzw",
        dpi=(DPI, DPI),
    )  # fmt: skip


def as_pdf(files: tuple[Path, ...], pages: int, target: Path) -> None:
    """Write one PDF of `pages` pages, the files' pages over and over; pictures are copied as they are coded."""
    pictures = ((path, image) for path in cycle(files) for image in coded_pages(path, kind_of(path), 1, Limits()))
    with target.open("wb") as file:
        writer = PdfWriter(file)
        tree = writer.number()
        kids = [_pdf_page(writer, tree, path, image) for path, image in islice(pictures, pages)]
        shown = " ".join(f"{kid} 0 R" for kid in kids)
        writer.write(f"/Type /Pages /Count {len(kids)} /Kids [{shown}]", number=tree)
        writer.finish(writer.write(f"/Type /Catalog /Pages {tree} 0 R"))


def _pdf_page(writer: PdfWriter, tree: int, path: Path, image: CodedImage) -> int:
    entries = f"/Type /XObject /Subtype /Image /Width {image.width} /Height {image.height} /ColorSpace {_space(image)}"
    picture = writer.write(f"{entries} {image.entries}", image.data)
    wide, high = (round(side * POINTS / _dpi(path), 2) for side in (image.width, image.height))
    content = writer.write("", f"q {wide} 0 0 {high} 0 0 cm /P Do Q".encode("ascii"))
    return writer.write(
        f"/Type /Page /Parent {tree} 0 R /MediaBox [0 0 {wide} {high}] /Contents {content} 0 R "
        f"/Resources << /XObject << /P {picture} 0 R >> >>"
    )


def _space(image: CodedImage) -> str:
    if image.palette:
        return f"[/Indexed /DeviceRGB {len(image.palette) // 3 - 1} <{image.palette.hex()}>]"
    return {1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}[image.samples]


def _dpi(path: Path) -> float:
    with Image.open(path) as image:
        given = image.info.get("dpi", (DPI, DPI))[0]
    return float(given) if given >= POINTS else DPI
