"""What a person may print of, by which names papers, places and people are found, and the event of each printing.

A paper shows names and titles, so printing one is a reading: its `printed` events are committed before the bytes leave
(design, section 2, rule 5). What the person may not see is as if it were not there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, select

from custody.access import Person, clients_of
from custody.codes import find_code
from custody.desk_tables import boxes, locations, physical_files
from custody.ledger import Draft, append_many
from custody.loan_tables import transfers
from custody.movements import Paper, reload
from records.catalogue import resolve
from records.errors import AmbiguousIdError, UnknownIdError
from records.tables import clients, persons
from tasks.desk_papers import PaperFile
from tasks.services import Services

EVENTS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Sight:
    """What a person may print of: clients (id -> role) whose paper he or she handles, on one connection."""

    connection: Connection
    mine: Mapping[str, str]


def sight(connection: Connection, person: Person, today: date) -> Sight:
    """Return what this person may print of today."""
    return Sight(connection, clients_of(connection, person, "handle", today))


def note_printed(
    services: Services, person: Person, what: str, subjects: Sequence[tuple[str, str | None]]
) -> list[int]:
    """Commit a `printed` event for each subject `(id, client)`; return their numbers."""
    seqs: list[int] = []
    with services.database.write() as connection:
        mine = clients_of(connection, person, "handle", services.clock.now().date())
        drafts = [
            Draft(services.ids.new("evt"), "printed", subject, person.actor(_role(mine, client)), client=client,
                  obj={"paper": what})
            for subject, client in dict.fromkeys(subjects)
        ]  # fmt: skip
        for start in range(0, len(drafts), EVENTS_AT_ONCE):
            entries = append_many(connection, drafts[start : start + EVENTS_AT_ONCE], services.clock.now())
            seqs += [entry.seq for entry in entries]
    return seqs


def _role(mine: Mapping[str, str], client: str | None) -> str:
    return mine[client] if client is not None else next(iter(sorted(mine.values())), "none")


def person_named(connection: Connection, name: str) -> str | None:
    """Return the id of a person by name or id."""
    found = select(persons.c.id).where((persons.c.name == name) | (persons.c.id == name))
    return connection.execute(found).scalar_one_or_none()


def site_named(connection: Connection, code: str) -> str:
    """Return the id of a site by its code or id.

    Raises:
        UnknownIdError: there is none.
    """
    named = (locations.c.code == code) | (locations.c.id == code)
    found = connection.execute(select(locations.c.id).where(named, locations.c.parent.is_(None))).scalar_one_or_none()
    if found is None:
        raise UnknownIdError("no site has this code")
    return str(found)


def file_named(seen: Sight, raw: str) -> Paper:
    """Return a physical file by its code or id.

    Raises:
        UnknownIdError, AmbiguousIdError, BarcodeError: as `label_of`.
    """
    target = target_of(seen, raw)
    if not target.startswith("fil_"):
        raise UnknownIdError("this is no physical file")
    return reload(seen.connection, target)


def target_of(seen: Sight, raw: str) -> str:
    """Return the id that something typed or scanned stands for."""
    raw = raw.strip()
    tables = {"fil_": physical_files, "box_": boxes, "loc_": locations, "per_": persons, "trf_": transfers}
    table = tables.get(raw[:4])
    if table is not None:
        found = resolve(seen.connection, table, raw)
    else:
        coded = find_code(seen.connection, raw)
        found = coded.target if coded is not None else _place_or_person(seen, raw)
    visible = tables.get(found[:4])
    if visible is not None and "client" in visible.c:
        client = seen.connection.execute(select(visible.c.client).where(visible.c.id == found)).scalar_one()
        if client not in seen.mine:
            raise UnknownIdError("nothing that you may print has this code")
    return found


def _place_or_person(seen: Sight, raw: str) -> str:
    place = select(locations.c.id).where((locations.c.path == raw) | (locations.c.code == raw)).limit(2)
    found = list(seen.connection.execute(place).scalars())
    if len(found) > 1:
        raise AmbiguousIdError("more than one place has this code; give its path")
    if found:
        return str(found[0])
    person = person_named(seen.connection, raw)
    if person is None:
        raise UnknownIdError("nothing that you may print has this code, path or name")
    return person


def at_home(seen: Sight, file: Paper) -> PaperFile:
    """Return a file as a paper names it: where it belongs, and the pages it has there."""
    return named(file, home_names(seen, file), file.pages_expected, file.condition or "")


def named(file: Paper, home: tuple[str, str], pages: int | None, condition: str) -> PaperFile:
    """Return a file as a paper names it, with its `home` box and place and what was counted of it."""
    return PaperFile(file.barcode, file.title or "", file.case_no or "", home[0], home[1], pages, condition)


def home_names(seen: Sight, file: Paper) -> tuple[str, str]:
    """Return the code of the box a file belongs in and the path of the place under it."""
    box = "" if file.home_box is None else str(reload(seen.connection, file.home_box).barcode)
    place = home_of(seen, file)
    return box, "" if place is None else str(place.path)


def home_of(seen: Sight, file: Paper) -> Row[Any] | None:
    """Return the place where a file belongs, through the boxes it belongs in; None where it has none."""
    place = file.home_place
    if file.home_box is not None:
        box = reload(seen.connection, file.home_box)
        while box.home is None and box.box is not None:
            box = reload(seen.connection, box.box)
        place = box.home
    if place is None:
        return None
    return seen.connection.execute(select(locations).where(locations.c.id == place)).one()


def name_of(seen: Sight, person: str | None) -> str:
    """Return the name of a person; empty for nobody."""
    if person is None:
        return ""
    return str(seen.connection.execute(select(persons.c.name).where(persons.c.id == person)).scalar_one())


def client_name(seen: Sight, client: str) -> str:
    """Return the name of a client."""
    return str(seen.connection.execute(select(clients.c.name).where(clients.c.id == client)).scalar_one())


def path_of(seen: Sight, place: str | None) -> str | None:
    """Return the path of a place; None for none."""
    if place is None:
        return None
    return str(seen.connection.execute(select(locations.c.path).where(locations.c.id == place)).scalar_one())
