"""Sites and the places below them: added, found, and whether a box or file may stand there.

A site is the root of its tree, with a time zone and a calendar. With it come the places that papers pass through: IN
(come in, not yet put away), DESK (kept ready), QUARANTINE and SCAN. The first site is made when one is first needed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from custody.codes import give_code
from custody.desk_tables import box_profiles, boxes, calendar_rules, calendars, locations, physical_files
from custody.movements import Paper
from records.calendars import Calendar, Rule, calendar_of, rules_of
from records.desk import TEMPORARY_KINDS
from records.due_dates import zone_of
from records.errors import CalendarError, InvalidValueError
from records.ids import instant
from tasks.desk import lookup
from tasks.desk.acts import Desk, stop

Place = Row[Any]

FIRST_SITE = "MAIN"
FIRST_CALENDAR = "default"
CLOSED_WEEKDAYS = ("sat", "sun")
PASSING = {"IN": "STAGING", "DESK": "DESK", "QUARANTINE": "QUARANTINE", "SCAN": "SCAN_ROOM"}
NUMBER_WIDTH = 8  # digits to which numbers in a code are padded, so that shelf 10 comes after shelf 9

_CODE = re.compile(r"[^/\x00-\x1f\x7f]{1,64}")


@dataclass(frozen=True, slots=True)
class NewPlace:
    """A place to be added. `parent` None: below the only site; `site` is set for a site alone."""

    code: str
    kind: str
    parent: Place | None = None
    barcode: str | None = None
    capacity: int | None = None
    accepts: str | None = None
    time_zone: str | None = None
    calendar: str | None = None


def sites(connection: Connection) -> Sequence[Place]:
    """Return all sites in their order."""
    query = select(locations).where(locations.c.parent.is_(None)).order_by(locations.c.sort_key)
    return connection.execute(query).all()


def only_site(desk: Desk) -> Place:
    """Return the one site of the installation; the first is made here; of several none is guessed."""
    found = sites(desk.connection)
    if not found:
        return add_place(desk, NewPlace(FIRST_SITE, "SITE"))
    if len(found) > 1:
        stop("say-where")
    return found[0]


def here(desk: Desk) -> Place:
    """Return the place where the clerk is: said with the act, set for this workstation, or the only site's desk."""
    said = desk.asked.at or desk.services.loans.desk
    if said is not None:
        return lookup.place(desk, said)
    return passing(desk, only_site(desk).id, "DESK")


def passing(desk: Desk, site: str, kind: str) -> Place:
    """Return the place of a site that papers of this kind of errand pass through (STAGING, DESK, QUARANTINE...)."""
    query = select(locations).where(locations.c.site == site, locations.c.kind == kind, locations.c.state == "open")
    row = desk.connection.execute(query.order_by(locations.c.sort_key)).first()
    if row is None:
        site_row = desk.connection.execute(select(locations).where(locations.c.id == site)).one()
        code = next(code for code, one in PASSING.items() if one == kind)
        return _add(desk, NewPlace(code, kind, site_row))
    return row


def add_place(desk: Desk, new: NewPlace) -> Place:
    """Add a place with its event; with a site, its calendar where it is the first, and the places papers pass through.

    Raises:
        InvalidValueError: the code has no form that a code may have, or is taken below this parent.
        CalendarError: the time zone or calendar is unknown.
    """
    if not _CODE.fullmatch(new.code) or new.code != new.code.strip() or new.code.startswith(("loc_", "box_")):
        raise InvalidValueError("a place's code is 1 to 64 printable characters without /, and no id")
    if new.accepts is not None:
        profile = select(box_profiles.c.name).where(box_profiles.c.name == new.accepts)
        if desk.connection.execute(profile).first() is None:
            raise InvalidValueError("no box profile has this name")
    made = _add(desk, new)
    if new.kind == "SITE":
        for code, kind in PASSING.items():
            _add(desk, NewPlace(code, kind, made))
    return made


def _add(desk: Desk, new: NewPlace) -> Place:
    connection, is_site = desk.connection, new.kind == "SITE"
    parent = None if is_site else new.parent or only_site(desk)
    path = new.code if parent is None else f"{parent.path}/{new.code}"
    if connection.execute(select(locations.c.id).where(locations.c.path == path)).first() is not None:
        raise InvalidValueError("there is a place of this code already")
    place = desk.services.ids.new("loc")
    values = {
        "id": place, "parent": None if parent is None else parent.id, "site": place if parent is None else parent.site,
        "kind": new.kind, "code": new.code, "path": path, "sort_key": _sort_key(path),
        "barcode": give_code(connection, place, desk.now, new.barcode), "temporary": new.kind in TEMPORARY_KINDS,
        "time_zone": zone_of(new.time_zone or desk.services.loans.time_zone).key if is_site else None,
        "calendar": _calendar_name(desk, new.calendar) if is_site else None,
        "capacity": new.capacity, "accepts": new.accepts, "state": "open", "created": instant(desk.now),
    }  # fmt: skip
    connection.execute(insert(locations).values(**values))
    desk.act.append("registered", place, None, after="open", obj={"kind": new.kind})
    return connection.execute(select(locations).where(locations.c.id == place)).one()


def _calendar_name(desk: Desk, name: str | None) -> str:
    connection = desk.connection
    wanted = name or FIRST_CALENDAR
    if connection.execute(select(calendars.c.name).where(calendars.c.name == wanted)).first() is not None:
        return wanted
    if name is not None:
        raise CalendarError("no calendar has this name")
    connection.execute(insert(calendars).values(name=wanted, created=instant(desk.now)))
    rules = [{"calendar": wanted, "kind": "weekly", "value": day} for day in CLOSED_WEEKDAYS]
    connection.execute(insert(calendar_rules), rules)
    return wanted


def change_calendar(desk: Desk, name: str, added: Sequence[Rule], removed: Sequence[str]) -> Calendar:
    """Add rules to a calendar, made where there is none, and take rules of these values away; an event a site.

    Raises:
        CalendarError: a rule of another form, a value that no rule has, or no open day would be left.
    """
    connection = desk.connection
    if connection.execute(select(calendars.c.name).where(calendars.c.name == name)).first() is None:
        if not _CODE.fullmatch(name):
            raise InvalidValueError("a calendar's name is 1 to 64 printable characters without /")
        connection.execute(insert(calendars).values(name=name, created=instant(desk.now)))
    mine = calendar_rules.c.calendar == name
    kept = {Rule(row.kind, row.value) for row in connection.execute(select(calendar_rules).where(mine))}
    if not set(removed) <= {rule.value for rule in kept}:
        raise CalendarError("no rule of this calendar has that value")
    wanted = {rule for rule in kept if rule.value not in removed} | set(added)
    changed = calendar_of(name, wanted)
    changed.next_open(desk.now.date())
    connection.execute(calendar_rules.delete().where(mine))
    rows = [{"calendar": name, "kind": str(rule.kind), "value": rule.value} for rule in rules_of(changed)]
    if rows:
        connection.execute(insert(calendar_rules), rows)
    for site in connection.execute(select(locations.c.id).where(locations.c.calendar == name)).scalars().all():
        desk.act.append("config_changed", site, None, reason="calendar", obj={"rules": len(rows)})
    return changed


def calendar_rules_of(connection: Connection, name: str) -> list[Rule]:
    """Return the rules of a calendar.

    Raises:
        CalendarError: there is none of this name.
    """
    if connection.execute(select(calendars.c.name).where(calendars.c.name == name)).first() is None:
        raise CalendarError("no calendar has this name")
    query = select(calendar_rules.c.kind, calendar_rules.c.value).where(calendar_rules.c.calendar == name)
    return rules_of(calendar_of(name, (Rule(row.kind, row.value) for row in connection.execute(query))))


def calendar_of_site(connection: Connection, site: Place) -> Calendar:
    """Return a site's calendar.

    Raises:
        CalendarError: it has none; a missing calendar is an error and not an open day.
    """
    if site.calendar is None:
        raise CalendarError("the site has no calendar")
    query = select(calendar_rules.c.kind, calendar_rules.c.value).where(calendar_rules.c.calendar == site.calendar)
    return calendar_of(site.calendar, (Rule(row.kind, row.value) for row in connection.execute(query)))


def site_of(connection: Connection, place: Place) -> Place:
    """Return the site a place belongs to."""
    return connection.execute(select(locations).where(locations.c.id == place.site)).one()


def check_room(desk: Desk, place: Place, paper: Paper, boxed: bool) -> None:
    """End the act where a paper may not stand at a place: it is full, for another profile, or no place to stand.

    The count and the act are one transaction, and acts are done one after another: a full slot stays full.
    """
    if place.kind == "SITE":
        stop("place-no-shelf", place=place.path)
    if place.accepts is not None and (not boxed or paper.profile != place.accepts):
        stop("place-profile", place=place.path, accepts=place.accepts)
    if place.capacity is None:
        return
    held = 0
    for table in (boxes, physical_files):
        # what is out keeps its slot: the home counts as well as what stands there
        home = table.c.home if table is boxes else table.c.home_place
        taken = (table.c.place == place.id) | (home == place.id)
        gone = table.c.state.in_(("withdrawn", "destroyed"))
        query = select(func.count()).select_from(table).where(taken, ~gone, table.c.id != paper.id)
        held += int(desk.connection.execute(query).scalar_one())
    if held >= place.capacity:
        stop("place-full", place=place.path, capacity=place.capacity)


def _sort_key(path: str) -> str:
    """Return a key in whose order places stand: numbers by their value, the rest by its letters."""
    return "/".join(
        re.sub(r"\d+", lambda found: found[0].zfill(NUMBER_WIDTH), part.casefold()) for part in path.split("/")
    )
