"""Boxes: added, put at a place, sealed and opened.

A sealed box moves without its files being scanned; a broken seal forces each to be seen before the box is shelved again
(reference of the records desk, invariant 15).
"""

from dataclasses import dataclass

from sqlalchemy import insert, select, update

from custody.codes import give_code
from custody.desk_tables import box_profiles, boxes
from custody.movements import Move, Position, move, reload
from custody.whereabouts import files_within
from records.desk_answers import Said
from records.errors import InvalidValueError
from records.ids import instant
from tasks.desk import lookup, places, shelving
from tasks.desk.acts import Answer, Asked, Desk, perform, stop
from tasks.desk.missing import note_absent
from tasks.desk.receiving import answered, client_of
from tasks.services import Services


@dataclass(frozen=True, slots=True)
class NewBox:
    """A box to be added. `at`: the place it is put at; None: it waits in the staging place."""

    client: str
    barcode: str | None = None
    client_ref: str | None = None
    profile: str | None = None
    seal_no: str | None = None
    itemised: bool = True
    at: str | None = None


def add_box(services: Services, asked: Asked, new: NewBox) -> Answer:
    """Add a box, taken over and put at its place where one is said."""
    return perform(services, asked, f"box add {new}", lambda desk: _add_box(desk, new))


def _add_box(desk: Desk, new: NewBox) -> Answer:
    client = client_of(desk, new.client)
    target = None if new.at is None else lookup.place_or_box(desk, new.at, "handle")
    if new.profile is not None:
        known = select(box_profiles.c.name).where(box_profiles.c.name == new.profile)
        if desk.connection.execute(known).first() is None:
            raise InvalidValueError("no box profile has this name: muniment box profile")
    site = places.only_site(desk).id if target is None or target.id.startswith("box_") else target.site
    staging = places.passing(desk, site, "STAGING")
    box = desk.services.ids.new("box")
    code = give_code(desk.connection, box, desk.now, new.barcode)
    entry = desk.act.append("received", box, client, after="received", place=staging.id)
    desk.connection.execute(
        insert(boxes).values(
            id=box, client=client, barcode=code, client_ref=new.client_ref, profile=new.profile, seal_no=new.seal_no,
            sealed=new.seal_no is not None, count_due=False, itemised=new.itemised, marks=[], state="received",
            since=instant(desk.now), place=staging.id, version=entry.seq, created=instant(desk.now),
        )
    )  # fmt: skip
    row = reload(desk.connection, box)
    if target is not None:
        boxed = target.id.startswith("box_")
        if boxed:
            shelving.check_box(desk, target, row)
        else:
            places.check_room(desk, target, row, boxed=True)
        temporary = not boxed and target.temporary
        to = Position(box=target.id) if boxed else Position(place=target.id)
        if temporary:
            move(desk.act, row, Move("moved", "received", to))
        else:
            shelving.shelve(desk, row, to)
    return answered(desk, Said("box-added", {"barcode": code}), row)


def add_profile(
    services: Services,
    asked: Asked,
    name: str,
    capacity: int | None,
    multi_file: bool,
    size_mm: tuple[int, int, int] | None,
) -> Answer:
    """Add a kind of box."""

    def add(desk: Desk) -> Answer:
        there = select(box_profiles.c.name).where(box_profiles.c.name == name)
        if desk.connection.execute(there).first() is not None:
            raise InvalidValueError("there is a box profile of this name already")
        width, height, depth = size_mm or (None, None, None)
        desk.connection.execute(
            insert(box_profiles).values(
                name=name, width_mm=width, height_mm=height, depth_mm=depth, multi_file=multi_file, capacity=capacity,
                created=instant(desk.now),
            )
        )  # fmt: skip
        return Answer(Said("profile-added", {"profile": name}))

    return perform(services, asked, f"box profile {name}", add)


def seal(services: Services, asked: Asked, raw: str, number: str) -> Answer:
    """Close a box with a seal."""
    return perform(services, asked, f"box seal {raw} {number}", lambda desk: _seal(desk, raw, number.strip()))


def _seal(desk: Desk, raw: str, number: str) -> Answer:
    box = lookup.paper(desk, raw, "handle", lookup.BOXES)
    if not 0 < len(number) <= 64:
        raise InvalidValueError("a seal's number is 1 to 64 characters")
    if box.sealed:
        stop("box-sealed", box=box.barcode)
    if box.count_due:
        stop("box-count-due", box=box.barcode)
    if box.state not in shelving.HERE:
        stop("box-elsewhere", box=box.barcode, state=box.state.replace("_", " "))
    desk.connection.execute(update(boxes).where(boxes.c.id == box.id).values(sealed=True, seal_no=number))
    desk.act.append("seal_set", box.id, box.client, obj={"seal": number})
    return answered(desk, Said("box-closed", {"barcode": box.barcode, "seal": number}), box)


def unseal(services: Services, asked: Asked, raw: str) -> Answer:
    """Break the seal of a box: from now on its files are counted before it is shelved."""
    return perform(services, asked, f"box unseal {raw}", lambda desk: _unseal(desk, raw))


def _unseal(desk: Desk, raw: str) -> Answer:
    box = lookup.paper(desk, raw, "handle", lookup.BOXES)
    if not box.sealed:
        stop("box-open", box=box.barcode)
    break_seal(desk, box.id, box.client, box.seal_no)
    return answered(desk, Said("box-opened", {"barcode": box.barcode}), box)


def break_seal(desk: Desk, box: str, client: str, seal_no: str | None) -> None:
    """Record that a seal is broken, whoever broke it."""
    changed = {"sealed": False, "seal_no": None, "count_due": True}
    desk.connection.execute(update(boxes).where(boxes.c.id == box).values(**changed))
    desk.act.append("seal_broken", box, client, reason=desk.asked.reason, words=desk.asked.words, obj={"seal": seal_no})


def count(services: Services, asked: Asked, raw: str, files: tuple[str, ...]) -> Answer:
    """Say which files are in a box; what should be in it and is not gets a search slip."""
    return perform(services, asked, f"box count {raw} {files}", lambda desk: _count(desk, raw, files))


def _count(desk: Desk, raw: str, files: tuple[str, ...]) -> Answer:
    box = lookup.paper(desk, raw, "handle", lookup.BOXES)
    seen = {lookup.paper(desk, one, "handle").id for one in files}
    within = {file.id: file for file in files_within(desk.connection, box.id) if file.holder is None}
    strange = [one for one in sorted(seen) if one not in within]
    if strange:
        other = reload(desk.connection, strange[0])
        stop("not-of-this-box", barcode=other.barcode, box=box.barcode, file=other.id)
    for one in sorted(seen):
        file = within[one]
        move(desk.act, file, Move("sighted", file.state, Position(box=file.box)), searches=0)
    absent = [file for one, file in sorted(within.items()) if one not in seen]
    for file in absent:
        note_absent(desk, file)
    if not absent:
        desk.connection.execute(update(boxes).where(boxes.c.id == box.id).values(count_due=False))
    desk.act.append("inventoried", box.id, box.client, obj={"here": len(seen), "absent": len(absent)})
    code = "box-counted-short" if absent else "box-counted"
    values = {"barcode": box.barcode, "count": len(seen), "absent": len(absent)}
    more = {"absent": [file.barcode for file in absent]}
    return answered(desk, Said(code, values), box, more=more)
