"""Labels of files, boxes, places and people, and blank ones, read from the catalogue."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from custody.codes import give_code, set_aside
from custody.desk_tables import barcodes, locations
from custody.movements import Paper, reload
from records.barcodes import KIND_NAMES, Kind
from records.tables import persons
from tasks.labels import Label
from tasks.printing.sight import Sight, client_name, path_of, target_of
from tasks.services import Services

Say = Callable[[str], str]


def label_of(seen: Sight, raw: str, say: Say) -> tuple[Label, tuple[str, str | None]]:
    """Return the label of what a code, an id, a place's path or a person's name stands for, and its event's subject.

    Raises:
        UnknownIdError: nothing that may be seen has it.
        AmbiguousIdError: a code of a place, or the start of an id, fits more than one.
        BarcodeError: it is one of our codes, read wrongly.
    """
    target = target_of(seen, raw)
    kind = target[:3]
    if kind in ("fil", "box"):
        paper = reload(seen.connection, target)
        return (_file_label if kind == "fil" else _box_label)(seen, paper, say), (paper.id, paper.client)
    if kind == "loc":
        place = seen.connection.execute(select(locations).where(locations.c.id == target)).one()
        lines = (place.path,) if place.path != place.code else ()
        return Label(place.barcode, say(KIND_NAMES[Kind.PLACE]), place.code, lines), (place.id, None)
    person = seen.connection.execute(select(persons).where(persons.c.id == target)).one()
    code = seen.connection.execute(_live_code(target)).scalar_one()
    return Label(code, say(KIND_NAMES[Kind.PERSON]), person.name), (person.id, None)


def give_person_code(services: Services, person: str) -> str:
    """Return the barcode of a person, given now if there is none."""
    with services.database.write() as connection:
        code = connection.execute(_live_code(person)).scalar_one_or_none()
        return str(code) if code is not None else give_code(connection, person, services.clock.now())


def blank_labels(services: Services, kind: Kind, count: int, say: Say) -> list[Label]:
    """Return labels with codes that no other label will get, to be stuck on what has none yet."""
    with services.database.write() as connection:
        return [Label(code, say(KIND_NAMES[kind])) for code in set_aside(connection, kind, count)]


def _live_code(target: str) -> Any:
    return select(barcodes.c.code).where(barcodes.c.target == target, barcodes.c.retired.is_(None)).limit(1)


def _file_label(seen: Sight, file: Paper, say: Say) -> Label:
    kind = say(KIND_NAMES[Kind.FILE])
    heading = kind if file.volume is None else f"{kind} {file.volume}/{file.volumes or '?'}"
    title, *rest = [part for part in (file.case_no, file.title) if part] or [""]
    return Label(file.barcode, f"{heading} · {client_name(seen, file.client)}", title, tuple(rest))


def _box_label(seen: Sight, box: Paper, say: Say) -> Label:
    heading = f"{say(KIND_NAMES[Kind.BOX])} · {client_name(seen, box.client)}"
    lines = [part for part in (path_of(seen, box.home), box.seal_no) if part]
    return Label(box.barcode, heading, box.client_ref or "", tuple(lines))
