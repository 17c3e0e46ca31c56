"""Pick lists, put-back lists and lists of transfers, read from the catalogue."""

from datetime import date
from typing import Any

from sqlalchemy import Row, func, select

from custody import ledger
from custody.desk_tables import locations, physical_files
from custody.loan_tables import requests, transfer_lines, transfers
from custody.movements import reload
from custody.whereabouts import where_is
from records.errors import UnknownIdError
from records.tables import persons
from tasks.desk.leaving import KIND
from tasks.desk_papers import Leaving, PaperFile, Pick, TransferList
from tasks.printing.sight import Sight, at_home, client_name, home_of, named, path_of, target_of

WAITING = ("queued", "picking")


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
    """Return what is to be put back where it belongs, with id and client.

    That is what was counted, what is new and has a place of its own, and what nobody came for.
    """
    ready = select(requests.c.file).where(requests.c.state == "ready", requests.c.file.is_not(None))
    forsaken = (physical_files.c.state == "at_desk") & physical_files.c.id.not_in(ready)
    state = physical_files.c.state.in_(("checked", "received", "picked")) | forsaken
    homed = physical_files.c.home_box.is_not(None) | physical_files.c.home_place.is_not(None)
    query = select(physical_files).where(physical_files.c.client.in_(seen.mine), state, homed)
    found = []
    for file in seen.connection.execute(query).all():
        place = home_of(seen, file)
        if place is not None and (site is None or place.site == site):
            now = where_is(seen.connection, file).text or ""
            found.append((Pick(at_home(seen, file), place.sort_key, file.position, now, None), file.id, file.client))
    return found


def _pick(seen: Sight, row: Row[Any], site: str | None) -> Pick | None:
    file = reload(seen.connection, row.file)
    where = where_is(seen.connection, file)
    place = None
    if where.place is not None:
        place = seen.connection.execute(select(locations).where(locations.c.id == where.place)).one()
    if site is not None and (place is None or place.site != site):
        return None
    found = named(file, (where.boxes[0] if where.boxes else "", where.path or ""), file.pages_expected, "")
    needed = None if row.needed_by is None else date.fromisoformat(row.needed_by)
    return Pick(
        found, "" if place is None else place.sort_key, file.position, row.name, needed, row.wants, row.priority > 0
    )


def transfer_of(seen: Sight, raw: str) -> tuple[TransferList, str, str]:
    """Return the list of a transfer by its code or id; its id and client.

    Raises:
        UnknownIdError, AmbiguousIdError, BarcodeError: as `label_of`.
    """
    target = target_of(seen, raw)
    if not target.startswith("trf_"):
        raise UnknownIdError("this is no transfer")
    row = seen.connection.execute(select(transfers).where(transfers.c.id == target)).one()
    lines = seen.connection.execute(
        select(transfer_lines).where(transfer_lines.c.transfer == target).order_by(transfer_lines.c.id)
    ).all()
    ends = [path_of(seen, place) or client_name(seen, row.client) for place in (row.origin, row.destination)]
    listed = tuple((_line_paper(seen, line), "" if line.state == "PENDING" else line.state) for line in lines)
    leaves = _leaving(seen, row.id) if row.kind == KIND else None
    if leaves is not None:
        ends[0] = path_of(seen, row.origin) or ""  # from us: only where a place is named is there one to print
    return TransferList(row.barcode, row.kind, ends[0], ends[1], listed, leaves), row.id, row.client


def _line_paper(seen: Sight, line: Row[Any]) -> PaperFile:
    if line.box is not None:
        box = reload(seen.connection, line.box)
        return PaperFile(box.barcode, box.client_ref or "")
    return at_home(seen, reload(seen.connection, line.file))


def _leaving(seen: Sight, transfer: str) -> Leaving:
    """Return who listed, approved and took the papers of a list, by its events."""
    said: dict[str, Any] = {
        entry.event["type"]: entry.event for entry in ledger.of_subjects(seen.connection, [transfer])
    }
    listed, approved, gone = (said.get(kind) for kind in ("withdrawal_proposed", "withdrawal_approved", "withdrawn"))
    who = (listed and listed["actor"]["id"], approved and approved["actor"]["id"], gone and gone["on_behalf"])
    return Leaving(*(_known_as(seen, pseudonym) for pseudonym in who))


def _known_as(seen: Sight, pseudonym: str | None) -> str:
    if pseudonym is None:
        return ""
    return str(seen.connection.execute(select(persons.c.name).where(persons.c.pseudonym == pseudonym)).scalar_one())
