"""Sheets of labels as data: page, grid and size of the labels, one TOML file each (records/sheets/).

All lengths are millimetres from the top left corner of the page. A sheet whose labels do not fit its page, or overlap,
is refused when it is read; docs/records-desk.md says how to write one.
"""

import math
import tomllib
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from records.errors import ConfigurationError

TOLERANCE_MM = 0.05  # makers' drawings are rounded to a tenth
LARGEST = 2000  # millimetres, rows or columns: beyond that it is a mistake


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of equal labels."""

    name: str
    description: str
    page_width: float
    page_height: float
    columns: int
    rows: int
    label_width: float
    label_height: float
    left: float  # of the first label
    top: float
    pitch_x: float  # from one label's left edge to the next one's
    pitch_y: float
    inset: float  # kept free inside a label: printers feed a little askew

    @property
    def labels(self) -> int:
        """How many labels a page has."""
        return self.columns * self.rows

    def place(self, index: int) -> tuple[float, float]:
        """Return left and top of the label at `index` of a page, counted from 0 along the rows."""
        row, column = divmod(index, self.columns)
        return self.left + column * self.pitch_x, self.top + row * self.pitch_y


@cache
def shipped_sheets() -> dict[str, Sheet]:
    """Return the sheets that come with Muniment, by name."""
    found = (
        _sheet(tomllib.loads(file.read_text(encoding="utf-8")), file.name.removesuffix(".toml"))
        for file in files("records").joinpath("sheets").iterdir()
        if file.name.endswith(".toml")
    )
    return {sheet.name: sheet for sheet in sorted(found, key=lambda sheet: sheet.name)}


def read_sheet(name_or_path: str) -> Sheet:
    """Return a shipped sheet by its name, or one from a TOML file of the operator.

    Raises:
        ConfigurationError: no such sheet or file, or one that does not hold.
    """
    if name_or_path in shipped_sheets():
        return shipped_sheets()[name_or_path]
    path = Path(name_or_path)
    if path.suffix != ".toml":
        raise ConfigurationError(f"no such sheet of labels; there are {', '.join(shipped_sheets())}, or a TOML file")
    try:
        return _sheet(tomllib.loads(path.read_text(encoding="utf-8")), path.stem)
    except OSError as error:
        raise ConfigurationError(f"the file of the sheet cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError("the file of the sheet is no TOML") from error


def _sheet(raw: dict[str, Any], name: str) -> Sheet:
    wanted = {field.name: field.type for field in fields(Sheet)} | {"name": str}
    given = {"name": name, **raw}
    if given.keys() != wanted.keys():
        wrong = sorted(given.keys() ^ wanted.keys())
        raise ConfigurationError(f"sheet {name}: missing or unknown: {', '.join(wrong)}")
    values: dict[str, Any] = {}
    for key, kind in wanted.items():
        value = given[key]
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind or (kind is float and not math.isfinite(value)):
            raise ConfigurationError(f"sheet {name}: {key} has the wrong type")
        values[key] = value
    sheet = Sheet(**values)
    _check(sheet)
    return sheet


def _check(sheet: Sheet) -> None:
    lengths = (sheet.page_width, sheet.page_height, sheet.label_width, sheet.label_height)
    if min(*lengths, sheet.columns, sheet.rows) <= 0 or min(sheet.left, sheet.top, sheet.inset) < 0:
        raise ConfigurationError(f"sheet {sheet.name}: a length or number is not positive")
    if max(*lengths, sheet.columns, sheet.rows) > LARGEST:
        raise ConfigurationError(f"sheet {sheet.name}: a length or number is beyond any sheet")
    if 2 * sheet.inset >= min(sheet.label_width, sheet.label_height):
        raise ConfigurationError(f"sheet {sheet.name}: the inset leaves nothing of the label")
    for count, pitch, size in (
        (sheet.columns, sheet.pitch_x, sheet.label_width),
        (sheet.rows, sheet.pitch_y, sheet.label_height),
    ):
        if count > 1 and pitch < size - TOLERANCE_MM:
            raise ConfigurationError(f"sheet {sheet.name}: labels overlap")
    left, top = sheet.place(sheet.labels - 1)
    if (
        left + sheet.label_width > sheet.page_width + TOLERANCE_MM
        or top + sheet.label_height > sheet.page_height + TOLERANCE_MM
    ):
        raise ConfigurationError(f"sheet {sheet.name}: the last label is not on the page")
