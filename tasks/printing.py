"""What is printed, read from the catalogue: labels, slips, out-cards, pick lists, transfer lists; each an event first.

A paper shows names and titles, so printing one is a reading: its `printed` events are committed before the bytes leave
(design, section 2, rule 5). What the person may not see is as if it were not there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from custody.access import Person, clients_of
from custody.codes import find_code, give_code, set_aside
from custody.desk_tables import barcodes, boxes, locations, physical_files
from custody.ledger import Draft, append_many, find
from custody.loan_tables import checks, loans, requests, slips, transfer_lines, transfers
from custody.movements import Paper, reload
from custody.whereabouts import where_is
from records.barcodes import KIND_NAMES, Kind
from records.catalogue import resolve
from records.errors import AmbiguousIdError, UnknownIdError
from records.tables import clients, persons
from tasks.desk_papers import OutCard, PaperFile, Pick, Slip, TransferList
from tasks.labels import Label
from tasks.services import Services

Say = Callable[[str], str]
EVENTS_AT_ONCE = 1000
WAITING = ("queued", "picking")


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


def label_of(seen: Sight, raw: str, say: Say) -> tuple[Label, tuple[str, str | None]]:
    """Return the label of what a code, an id, a place's path or a person's name stands for, and its event's subject.

    Raises:
        UnknownIdError: nothing that may be seen has it.
        AmbiguousIdError: a code of a place, or the start of an id, fits more than one.
        BarcodeError: it is one of our codes, read wrongly.
    """
    target = _target(seen, raw)
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
    target = _target(seen, raw)
    if not target.startswith("fil_"):
        raise UnknownIdError("this is no physical file")
    return reload(seen.connection, target)


def slip_of(seen: Sight, raw: str) -> tuple[Slip, str, str]:
    """Return the slip that a code or id of a slip or loan names, with what is still out; its id and client.

    Raises:
        UnknownIdError: there is none that may be seen, or nothing of it is out.
        AmbiguousIdError, BarcodeError: as `label_of`.
    """
    row = _slip_row(seen, raw)
    lent = seen.connection.execute(
        select(loans).where(loans.c.slip == row.id, loans.c.closed_at.is_(None)).order_by(loans.c.id)
    ).all()
    if not lent:
        raise UnknownIdError("nothing of this slip is out any more")
    lines = tuple((_lent_file(seen, loan), date.fromisoformat(loan.due_on)) for loan in lent)
    opened = find(seen.connection, lent[0].opened_event)
    lender = None if opened is None else opened.event["actor"]["id"]
    slip = Slip(
        row.barcode, _name(seen, row.borrower), _name(seen, row.delegate), row.purpose,
        _by_pseudonym(seen, row.authorised_by), _by_pseudonym(seen, lender), datetime.fromisoformat(lent[0].opened_at),
        _client_name(seen, row.client), lines,
    )  # fmt: skip
    return slip, row.id, row.client


def out_card_of(seen: Sight, raw: str) -> tuple[OutCard, str, str]:
    """Return the out-card of a file that is away from its place; the file's id and client.

    Raises:
        UnknownIdError, AmbiguousIdError, BarcodeError: as `label_of`.
    """
    file = file_named(seen, raw)
    loan = seen.connection.execute(
        select(loans, slips.c.barcode)
        .join(slips, slips.c.id == loans.c.slip)
        .where(loans.c.file == file.id, loans.c.closed_at.is_(None))
    ).one_or_none()
    where = where_is(seen.connection, file)
    holder = where.holder_name or where.text or ""
    since = datetime.fromisoformat(loan.opened_at if loan is not None else file.since)
    due = None if loan is None else date.fromisoformat(loan.due_on)
    return OutCard(_at_home(seen, file), holder, since, due, "" if loan is None else loan.barcode), file.id, file.client


def picks(seen: Sight, site: str | None = None) -> list[tuple[Pick, str, str]]:
    """Return what is to be fetched: of each file that is waited for and here the first request; with id and client."""
    head = (
        select(requests.c.file, func.min(requests.c.position).label("position"))
        .where(requests.c.closed_at.is_(None), requests.c.file.is_not(None))
        .group_by(requests.c.file)
        .subquery()
    )
    query = (
        select(requests, persons.c.name)
        .join(head, (head.c.file == requests.c.file) & (head.c.position == requests.c.position))
        .join(persons, persons.c.id == requests.c.requester)
        .join(physical_files, physical_files.c.id == requests.c.file)
        .where(requests.c.client.in_(seen.mine), requests.c.state.in_(WAITING), requests.c.closed_at.is_(None))
        .where(physical_files.c.state == "stored")
    )
    found = []
    for row in seen.connection.execute(query):
        pick = _pick(seen, row, site)
        if pick is not None:
            found.append((pick, row.file, row.client))
    return found


def put_backs(seen: Sight, site: str | None = None) -> list[tuple[Pick, str, str]]:
    """Return what is to be put back where it belongs: counted, or new with a place of its own; with id and client."""
    state = physical_files.c.state.in_(("checked", "received", "picked"))
    homed = physical_files.c.home_box.is_not(None) | physical_files.c.home_place.is_not(None)
    query = select(physical_files).where(physical_files.c.client.in_(seen.mine), state, homed)
    found = []
    for file in seen.connection.execute(query).all():
        place = _home(seen, file)
        if place is not None and (site is None or place.site == site):
            now = where_is(seen.connection, file).text or ""
            found.append((Pick(_at_home(seen, file), place.sort_key, file.position, now, None), file.id, file.client))
    return found


def transfer_of(seen: Sight, raw: str) -> tuple[TransferList, str, str]:
    """Return the list of a transfer by its code or id; its id and client.

    Raises:
        UnknownIdError, AmbiguousIdError, BarcodeError: as `label_of`.
    """
    target = _target(seen, raw)
    if not target.startswith("trf_"):
        raise UnknownIdError("this is no transfer")
    row = seen.connection.execute(select(transfers).where(transfers.c.id == target)).one()
    lines = seen.connection.execute(
        select(transfer_lines).where(transfer_lines.c.transfer == target).order_by(transfer_lines.c.id)
    ).all()
    ends = [_path(seen, place) or _client_name(seen, row.client) for place in (row.origin, row.destination)]
    listed = tuple((_line_paper(seen, line), "" if line.state == "PENDING" else line.state) for line in lines)
    return TransferList(row.barcode, row.kind, ends[0], ends[1], listed), row.id, row.client


def _target(seen: Sight, raw: str) -> str:
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


def _live_code(target: str) -> Any:
    return select(barcodes.c.code).where(barcodes.c.target == target, barcodes.c.retired.is_(None)).limit(1)


def _file_label(seen: Sight, file: Paper, say: Say) -> Label:
    kind = say(KIND_NAMES[Kind.FILE])
    heading = kind if file.volume is None else f"{kind} {file.volume}/{file.volumes or '?'}"
    title, *rest = [part for part in (file.case_no, file.title) if part] or [""]
    return Label(file.barcode, f"{heading} · {_client_name(seen, file.client)}", title, tuple(rest))


def _box_label(seen: Sight, box: Paper, say: Say) -> Label:
    heading = f"{say(KIND_NAMES[Kind.BOX])} · {_client_name(seen, box.client)}"
    lines = [part for part in (_path(seen, box.home), box.seal_no) if part]
    return Label(box.barcode, heading, box.client_ref or "", tuple(lines))


def _slip_row(seen: Sight, raw: str) -> Row[Any]:
    query = select(slips)
    if raw.startswith("lon_"):
        loan = resolve(seen.connection, loans, raw, loans.c.client.in_(seen.mine))
        query = query.join(loans, loans.c.slip == slips.c.id).where(loans.c.id == loan)
    elif raw.startswith("slp_"):
        query = query.where(slips.c.id == resolve(seen.connection, slips, raw))
    else:
        coded = find_code(seen.connection, raw)
        query = query.where(slips.c.id == (coded.target if coded is not None else ""))
    row = seen.connection.execute(query.where(slips.c.client.in_(seen.mine))).one_or_none()
    if row is None:
        raise UnknownIdError("no slip or loan that you may print has this code")
    return row


def _lent_file(seen: Sight, loan: Row[Any]) -> PaperFile:
    if loan.file is None:
        box = reload(seen.connection, loan.box)
        return PaperFile(box.barcode, box.client_ref or "", "", "", _path(seen, box.home) or "")
    file = reload(seen.connection, loan.file)
    check = None
    if loan.out_check is not None:
        check = seen.connection.execute(select(checks).where(checks.c.id == loan.out_check)).one()
    pages = check.pages if check is not None and check.pages is not None else file.pages_expected
    condition = (check.condition if check is not None else None) or file.condition or ""
    return _named(file, _home_names(seen, file), pages, condition)


def _at_home(seen: Sight, file: Paper) -> PaperFile:
    return _named(file, _home_names(seen, file), file.pages_expected, file.condition or "")


def _named(file: Paper, home: tuple[str, str], pages: int | None, condition: str) -> PaperFile:
    return PaperFile(file.barcode, file.title or "", file.case_no or "", home[0], home[1], pages, condition)


def _home_names(seen: Sight, file: Paper) -> tuple[str, str]:
    """Return the code of the box a file belongs in and the path of the place under it."""
    box = "" if file.home_box is None else str(reload(seen.connection, file.home_box).barcode)
    place = _home(seen, file)
    return box, "" if place is None else str(place.path)


def _home(seen: Sight, file: Paper) -> Row[Any] | None:
    place = file.home_place
    if file.home_box is not None:
        box = reload(seen.connection, file.home_box)
        while box.home is None and box.box is not None:
            box = reload(seen.connection, box.box)
        place = box.home
    if place is None:
        return None
    return seen.connection.execute(select(locations).where(locations.c.id == place)).one()


def _pick(seen: Sight, row: Row[Any], site: str | None) -> Pick | None:
    file = reload(seen.connection, row.file)
    where = where_is(seen.connection, file)
    place = None
    if where.place is not None:
        place = seen.connection.execute(select(locations).where(locations.c.id == where.place)).one()
    if site is not None and (place is None or place.site != site):
        return None
    found = _named(file, (where.boxes[0] if where.boxes else "", where.path or ""), file.pages_expected, "")
    needed = None if row.needed_by is None else date.fromisoformat(row.needed_by)
    return Pick(found, "" if place is None else place.sort_key, file.position, row.name, needed, row.wants)


def _line_paper(seen: Sight, line: Row[Any]) -> PaperFile:
    if line.box is not None:
        box = reload(seen.connection, line.box)
        return PaperFile(box.barcode, box.client_ref or "")
    return _at_home(seen, reload(seen.connection, line.file))


def _name(seen: Sight, person: str | None) -> str:
    if person is None:
        return ""
    return str(seen.connection.execute(select(persons.c.name).where(persons.c.id == person)).scalar_one())


def _by_pseudonym(seen: Sight, pseudonym: str | None) -> str:
    found = select(persons.c.name).where(persons.c.pseudonym == pseudonym)
    return str(seen.connection.execute(found).scalar_one_or_none() or pseudonym or "")


def _client_name(seen: Sight, client: str) -> str:
    return str(seen.connection.execute(select(clients.c.name).where(clients.c.id == client)).scalar_one())


def _path(seen: Sight, place: str | None) -> str | None:
    if place is None:
        return None
    return str(seen.connection.execute(select(locations.c.path).where(locations.c.id == place)).scalar_one())
