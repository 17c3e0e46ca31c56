"""What people type and scan at the desk, found: papers, people, places. Others' papers are as if they were not there.

Each function ends the act with `blocked` where nothing fits. A paper may be named by its barcode, its id or any
unambiguous start of it; a person or place also by its name, path or code.
"""

from typing import Any

from sqlalchemy import Row, Table, select

from custody.codes import Coded, find_code
from custody.desk_tables import locations
from custody.movements import Paper, table_of
from records.barcodes import KIND_NAMES, Kind
from records.catalogue import resolve
from records.errors import AmbiguousIdError, UnknownIdError
from records.tables import persons
from tasks.desk.acts import Desk, stop

FILES, BOXES, PAPERS = (Kind.FILE,), (Kind.BOX,), (Kind.FILE, Kind.BOX)


def paper(desk: Desk, raw: str, action: str, kinds: tuple[Kind, ...] = FILES) -> Paper:
    """Return the file (or box, as `kinds` say) that was scanned, on which the person may do `action`."""
    if raw.startswith(("fil_", "box_")):
        table = table_of(raw)
        found_id = _resolved(desk, table, raw, "unknown-barcode", table.c.client.in_(desk.visible))
    else:
        coded = find_code(desk.connection, raw)
        if coded is None:
            stop("unknown-barcode", raw=raw)
        _check_kind(coded, kinds)
        found_id = coded.target
    table = table_of(found_id)
    found = desk.connection.execute(select(table).where(table.c.id == found_id)).one()
    if found.client not in desk.visible:  # as if it were not there; but the ledger keeps who tried
        stop("unknown-barcode", raw=raw, denied=(action, found.client, found.id))
    if kind_of(found) not in kinds:
        _wrong_kind(found.barcode, kind_of(found), kinds)
    if found.client not in desk.may(action):
        stop("not-allowed", barcode=found.barcode, denied=(action, found.client, found.id))
    return found


def kind_of(found: Paper) -> Kind:
    """Tell a box from a file."""
    return Kind.BOX if found.id.startswith("box_") else Kind.FILE


def person(desk: Desk, raw: str) -> Row[Any]:
    """Return the person with this name, id or barcode."""
    query = select(persons)
    row = desk.connection.execute(query.where((persons.c.name == raw.strip()) | (persons.c.id == raw))).one_or_none()
    if row is not None:
        return row
    if raw.startswith("per_"):
        found = _resolved(desk, persons, raw, "unknown-person")
    else:
        coded = find_code(desk.connection, raw)
        if coded is None:
            stop("unknown-person", raw=raw)
        _check_kind(coded, (Kind.PERSON,))
        found = coded.target
    return desk.connection.execute(query.where(persons.c.id == found)).one()


def place(desk: Desk, raw: str) -> Row[Any]:
    """Return the open location with this path, id, barcode, or a code that only one has."""
    raw = raw.strip()
    rows = desk.connection.execute(select(locations).where(locations.c.path == raw)).all()
    rows = rows or desk.connection.execute(select(locations).where(locations.c.code == raw).limit(2)).all()
    if not rows:
        if raw.startswith("loc_"):
            found = _resolved(desk, locations, raw, "unknown-place")
        else:
            coded = find_code(desk.connection, raw)
            if coded is None:
                stop("unknown-place", raw=raw)
            _check_kind(coded, (Kind.PLACE,))
            found = coded.target
        rows = desk.connection.execute(select(locations).where(locations.c.id == found)).all()
    if len(rows) > 1:
        stop("ambiguous-place", raw=raw)
    if rows[0].state != "open":
        stop("place-closed", place=rows[0].path)
    return rows[0]


def place_or_box(desk: Desk, raw: str, action: str) -> Row[Any]:
    """Return the location or box that a paper is put at."""
    coded = None if raw.startswith(("loc_", "box_")) else find_code(desk.connection, raw)
    if raw.startswith("box_") or (coded is not None and coded.kind is Kind.BOX):
        return paper(desk, raw, action, BOXES)
    return place(desk, raw)


def _check_kind(coded: Coded, kinds: tuple[Kind, ...]) -> None:
    if coded.kind not in kinds:
        _wrong_kind(coded.code, coded.kind, kinds)
    if coded.retired:
        stop("retired-barcode", barcode=coded.code)


def _wrong_kind(code: str, found: Kind, kinds: tuple[Kind, ...]) -> None:
    stop("wrong-kind", barcode=code, found=KIND_NAMES[found], wanted=KIND_NAMES[kinds[0]])


def _resolved(desk: Desk, table: Table, raw: str, code: str, *where: Any) -> str:
    try:
        return resolve(desk.connection, table, raw, *where)
    except UnknownIdError:
        stop(code, raw=raw)
    except AmbiguousIdError:
        stop("ambiguous-id", raw=raw)
