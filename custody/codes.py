"""Barcodes as they are given and found: a code stands for one thing for ever, whatever kind of thing it is.

The form of our own codes is `records.barcodes`; a client's own codes are taken as they are, as long as they cannot be
mistaken for ours. Reference of the records desk, invariants 4 and 5.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from custody.desk_tables import barcode_numbers, barcodes
from records.barcodes import Kind, looks_like_code, make_code, read_code, trim
from records.errors import BarcodeError
from records.ids import instant

LONGEST = 64  # characters of a client's own code
PREFIXES = {"fil": Kind.FILE, "box": Kind.BOX, "loc": Kind.PLACE, "per": Kind.PERSON, "slp": Kind.SLIP,
            "trf": Kind.TRANSFER}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Coded:
    """What a code stands on: its kind, the id of the thing, the code itself, and whether it was retired."""

    kind: Kind
    target: str
    code: str
    retired: bool


def give_code(connection: Connection, target: str, now: datetime, code: str | None = None) -> str:
    """Give a thing its barcode: the next of its kind, or `code`, a client's own; return it.

    Raises:
        BarcodeError: `taken`, `wrong-kind`, or `code` has no form that a barcode may have.
    """
    kind = PREFIXES[target.partition("_")[0]]
    if code is None:
        code = _next_code(connection, kind)
    else:
        code = own_code(code, kind)
        if connection.execute(select(barcodes.c.code).where(barcodes.c.code == code)).first() is not None:
            raise BarcodeError("taken")
    connection.execute(insert(barcodes).values(code=code, kind=kind.value, target=target, given=instant(now)))
    return code


def set_aside(connection: Connection, kind: Kind, count: int) -> list[str]:
    """Return the next codes of a kind, which nothing else will get by itself: for labels printed before their things.

    Such a code is given when its label is scanned as a new thing's own (`own_code`); until then it stands for nothing.
    """
    return [_next_code(connection, kind) for _ in range(count)]


def own_code(raw: str, kind: Kind) -> str:
    """Return a code that somebody else printed, as it may be given to a thing of this kind.

    Raises:
        BarcodeError: it is empty, too long, looks like one of ours that was read wrongly, or is one of another kind.
    """
    code = trim(raw)
    if not 0 < len(code) <= LONGEST:
        raise BarcodeError("not-a-barcode")
    if not looks_like_code(code):
        # ids may be typed where codes are; a code that begins like one would be taken for it
        if code[:4] in {prefix + "_" for prefix in PREFIXES}:
            raise BarcodeError("not-a-barcode")
        return code
    ours = read_code(code)
    if ours.kind is not kind:
        raise BarcodeError("wrong-kind")
    return str(ours)


def find_code(connection: Connection, raw: str) -> Coded | None:
    """Return what a scanned or typed code stands on; None where it was never given.

    Raises:
        BarcodeError: it looks like one of ours and was read wrongly; scan again.
    """
    code = trim(raw)
    row = connection.execute(select(barcodes).where(barcodes.c.code == code[:LONGEST])).one_or_none()
    if row is None and looks_like_code(code):
        row = connection.execute(select(barcodes).where(barcodes.c.code == str(read_code(code)))).one_or_none()
    return None if row is None else Coded(Kind(row.kind), row.target, row.code, row.retired is not None)


def _next_code(connection: Connection, kind: Kind) -> str:
    taken = True
    while taken:  # a client's own codes may stand in the way
        counted = (
            update(barcode_numbers)
            .where(barcode_numbers.c.kind == kind.value)
            .values(last=barcode_numbers.c.last + 1)
            .returning(barcode_numbers.c.last)
        )
        number = connection.execute(counted).scalar_one_or_none()
        if number is None:
            number = 1
            connection.execute(insert(barcode_numbers).values(kind=kind.value, last=number))
        code = make_code(kind, number)
        taken = connection.execute(select(barcodes.c.code).where(barcodes.c.code == code)).first() is not None
    return code
