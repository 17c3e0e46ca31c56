"""Taking paper over: a new file gets its barcode and its first event; what was announced or is on its way arrives.

A file is bound to the records made from it, so that paper and image have one timeline; a record has one file.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from custody.codes import find_code, give_code, own_code
from custody.desk_tables import file_records, physical_files
from custody.movements import Move, Paper, Position, move, reload
from custody.whereabouts import where_is
from records.barcodes import Kind
from records.catalogue import client_by_name, resolve
from records.desk_answers import Said, state_word
from records.errors import AmbiguousIdError, InvalidValueError, UnknownIdError
from records.ids import instant
from records.tables import pages, record_sources, records
from tasks.desk import lookup, places
from tasks.desk.acts import Answer, Asked, Desk, perform, stop
from tasks.services import Services


@dataclass(frozen=True, slots=True)
class Described:
    """What is said of a file when it is taken over or announced. `volume` of `volumes`; `part_of` is a barcode."""

    title: str | None = None
    case_no: str | None = None
    department: str | None = None
    kind: str = "FILE"
    pages: int | None = None
    condition: str | None = None
    access_class: str = "normal"
    retention_rule: str | None = None
    volume: int | None = None
    volumes: int | None = None
    part_of: str | None = None


@dataclass(frozen=True, slots=True)
class Receiving:
    """A file to be taken over. `barcode` None: it gets one; `record` is the record it belongs to."""

    client: str
    barcode: str | None = None
    record: str | None = None
    described: Described = Described()


def receive(services: Services, asked: Asked, taken: Receiving) -> Answer:
    """Take a file over: a new one, one that was announced, or one that was given back; it waits to be put away."""
    return perform(services, asked, f"receive {taken}", lambda desk: _receive(desk, taken))


def _receive(desk: Desk, taken: Receiving) -> Answer:
    coded = None if taken.barcode is None else find_code(desk.connection, taken.barcode)
    if taken.barcode is not None and (coded is not None or taken.barcode.startswith("fil_")):
        return _again(desk, taken)
    client = client_of(desk, taken.client)
    staging = places.passing(desk, places.site_of(desk.connection, places.here(desk)).id, "STAGING")
    file = add_file(desk, client, taken.barcode, taken.described, staging.id)
    if taken.record is not None:
        bind(desk, file, taken.record)
    return _received(desk, file.id, staging.path)


def _again(desk: Desk, taken: Receiving) -> Answer:
    file = lookup.paper(desk, taken.barcode or "", "handle")
    if taken.record is not None:
        bind(desk, file, taken.record)
    if file.state not in ("announced", "withdrawn"):
        code = "received-again" if taken.record is None else "bound"
        return answered(desk, Said(code, {"barcode": file.barcode, "state": state_word(file.state)}), file)
    staging = places.passing(desk, places.site_of(desk.connection, places.here(desk)).id, "STAGING")
    also = {"pages_expected": taken.described.pages, "pages_basis": "COUNTED"} if taken.described.pages else {}
    move(
        desk.act, file, Move("received", "received", Position(place=staging.id), obj=_said_of(taken.described)), **also
    )
    if taken.record is not None:
        bind(desk, reload(desk.connection, file.id), taken.record)
    return _received(desk, file.id, staging.path)


def _received(desk: Desk, file: str, path: str) -> Answer:
    row = reload(desk.connection, file)
    return answered(desk, Said("received", {"barcode": row.barcode, "place": path}), row)


def answered(desk: Desk, said: Said, paper: Paper, **rest: Any) -> Answer:
    """Return ANSWER about a paper as it is now: its id, where it is, who has it, and the events of this act."""
    now = reload(desk.connection, paper.id)
    where = where_is(desk.connection, now)
    more = {
        "barcode": now.barcode, "state": now.state, "holder": where.holder_name, "place": where.place,
        **rest.pop("more", {}),
    }  # fmt: skip
    return Answer(
        said, file=now.id, location=where.text, events=tuple(desk.act.seqs), more=more, **rest
    )  # fmt: skip


def client_of(desk: Desk, name: str) -> str:
    """Return the client of this name, for which the person may handle paper."""
    mine = desk.may("handle")
    try:
        client = str(client_by_name(desk.connection, name).id)
    except UnknownIdError:
        stop("unknown-client", raw=name)
    if client not in desk.visible and client not in mine:
        stop("unknown-client", raw=name, denied=("handle", client, client))
    if client not in mine:
        stop("not-allowed", denied=("handle", client, client))
    return client


def add_file(
    desk: Desk, client: str, barcode: str | None, described: Described, place: str | None, code_is_checked: bool = False
) -> Paper:
    """Add a file to the catalogue: taken over and at `place`, or announced where that is None.

    Raises:
        BarcodeError: the code is taken, or none that may be given.
        InvalidValueError: a number that cannot be.
    """
    if described.pages is not None and described.pages < 0:
        raise InvalidValueError("pages are a number from 0")
    file = desk.services.ids.new("fil")
    if barcode is not None and not code_is_checked:
        barcode = own_code(barcode, Kind.FILE)
    code = give_code(desk.connection, file, desk.now, barcode)
    kind, state = ("registered", "announced") if place is None else ("received", "received")
    part_of = None if described.part_of is None else lookup.paper(desk, described.part_of, "handle").id
    entry = desk.act.append(kind, file, client, after=state, place=place, obj=_said_of(described))
    desk.connection.execute(
        insert(physical_files).values(
            id=file, client=client, barcode=code, kind=described.kind, title=described.title,
            case_no=described.case_no, department=described.department, volume=described.volume,
            volumes=described.volumes, part_of=part_of, pages_expected=described.pages,
            pages_basis="UNKNOWN" if described.pages is None else "DECLARED" if place is None else "COUNTED",
            condition=described.condition, access_class=described.access_class,
            retention_rule=described.retention_rule, searches=0, state=state, since=instant(desk.now), place=place,
            seen=None if place is None else instant(desk.act.happened), version=entry.seq, created=instant(desk.now),
        )
    )  # fmt: skip
    return reload(desk.connection, file)


def _said_of(described: Described) -> dict[str, Any] | None:
    """Return what the ledger says of a file that is taken over: numbers and closed words, nothing in clear."""
    said = {"pages": described.pages, "condition": described.condition}
    kept = {name: value for name, value in said.items() if value is not None}
    return kept or None


def bind(desk: Desk, file: Paper, raw: str) -> None:
    """Bind a file to a record, as its paper; the pages read are those expected where nobody counted."""
    try:
        record = resolve(desk.connection, records, raw, records.c.client.in_(desk.visible))
    except UnknownIdError:
        stop("unknown-record", raw=raw)
    except AmbiguousIdError:
        stop("ambiguous-id", raw=raw)
    row = desk.connection.execute(select(records).where(records.c.id == record)).one()
    if row.client != file.client:
        stop("record-other-client", barcode=file.barcode)
    bound = _bound_file(desk.connection, record)
    if bound is not None:
        if bound.id == file.id:
            return
        stop("record-bound", barcode=bound.barcode)
    desk.connection.execute(
        insert(file_records).values(record=record, file=file.id, client=file.client, bound=instant(desk.now))
    )
    desk.act.append("bound", file.id, file.client, obj={"record": record})
    if file.pages_expected is None:
        scanned = scanned_pages(desk.connection, file.id)
        if scanned:
            known = {"pages_expected": scanned, "pages_basis": "SCANNED"}
            desk.connection.execute(update(physical_files).where(physical_files.c.id == file.id).values(**known))


def scanned_pages(connection: Connection, file: str) -> int | None:
    """Return how many pages were captured of a file, None where there is no scan of it.

    Both sides of a sheet are pages to the scanner and to who counts; blank ones count.
    """
    bound = select(file_records.c.record).where(file_records.c.file == file)
    read = select(func.count()).select_from(pages).where(pages.c.record.in_(bound))
    count = int(connection.execute(read).scalar_one())
    if count:
        return count
    spans = select(func.sum(record_sources.c.last_page - record_sources.c.first_page + 1))
    total = connection.execute(spans.where(record_sources.c.record.in_(bound))).scalar_one()
    return None if total is None else int(total)


def _bound_file(connection: Connection, record: str) -> Row[Any] | None:
    """Return the file that a record is bound to."""
    query = select(physical_files).join(file_records, file_records.c.file == physical_files.c.id)
    return connection.execute(query.where(file_records.c.record == record)).one_or_none()
