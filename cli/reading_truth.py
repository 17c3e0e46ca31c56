"""Pages with known text, as a reading benchmark finds them below a folder: image and truth lie side by side.

Truth is `NAME.txt`, or ALTO `NAME.xml`, or, for receipts, `box/NAME.csv` beside the folder of images (x0..y3, text).
A set is the folder of the images, or the one above where few lie in it. Pages are split in halves by their digest.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree as ET

from records.errors import InvalidValueError

SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")
REJECTED = "~"  # how the UNLV set writes a sign that its typists could not read


@dataclass(frozen=True, slots=True)
class TruePage:
    """An image of one page and the text that stands on it; `receipt` where the set is one of receipts."""

    set_name: str
    file: Path
    text: str
    receipt: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of the file: decides its half, and seeds its wear."""
        return sha256(self.file.read_bytes()).hexdigest()


def is_held_out(page: TruePage) -> bool:
    """Tell whether a page is only measured, never learnt from: half of all, by digest."""
    return int(page.digest[:8], 16) % 2 == 1


def find_pages(folder: Path) -> list[TruePage]:
    """Return the pages with known text below `folder`, by path.

    Raises:
        InvalidValueError: there is none, or a truth cannot be read.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    try:
        found = [page for file in files for page in _truth_of(file)]
    except (ValueError, ET.ParseError, csv.Error) as error:
        raise InvalidValueError("a truth file of this folder cannot be read") from error
    if not found:
        raise InvalidValueError("no image below this folder has its text beside it; docs/accuracy.md shows the forms")
    return found


def _truth_of(file: Path) -> Iterator[TruePage]:
    plain, alto, boxes = file.with_suffix(".txt"), file.with_suffix(".xml"), file.parent.parent / "box"
    if plain.is_file():
        yield TruePage(_set_of(file), file, plain.read_text("utf-8", "replace").replace(REJECTED, ""))
    elif alto.is_file():
        yield TruePage(_set_of(file), file, _alto_text(alto))
    elif (boxes / f"{file.stem}.csv").is_file():
        rows = csv.reader(
            (boxes / f"{file.stem}.csv").read_text("utf-8", "replace").splitlines(), quoting=csv.QUOTE_NONE
        )
        yield TruePage(
            file.parent.parent.name, file, "\n".join(",".join(row[8:]) for row in rows if len(row) > 8), True
        )


def _set_of(file: Path) -> str:
    few = sum(path.suffix.lower() in SUFFIXES for path in file.parent.iterdir()) < 20
    return file.parent.parent.name if few else file.parent.name  # one folder a book: the set is the shelf


def _alto_text(path: Path) -> str:
    """Return the lines of an ALTO file, words joined by spaces; "¬" is how books are transcribed where words part."""
    lines = []
    for line in ET.parse(path).iter():  # noqa: S314  truth files of a benchmark, named by the person who runs it
        if line.tag.rpartition("}")[2] == "TextLine":
            parts = [part.get("CONTENT", "") for part in line.iter() if part.tag.endswith("}String")]
            lines.append(" ".join(parts).replace("¬", "-"))
    return "\n".join(lines)
