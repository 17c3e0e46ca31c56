"""What a scan stands for at the desk: a thing in the catalogue; and where and for whom it is scanned."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import or_, select

from custody.codes import find_code
from custody.desk_tables import locations
from records.barcodes import Kind
from records.errors import BarcodeError
from records.tables import persons
from tasks.desk_scans import Scan
from tasks.services import Services


@dataclass(frozen=True, slots=True)
class Station:
    """Where and for whom scans are made: device and session name them in the ledger, `at` is the desk's place."""

    device: str
    session: str
    at: str | None = None
    client: str = "default"  # whose paper is taken in
    purpose: str = "request"
    idle: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Thing:
    """What was scanned: its kind, the code or name as scanned, and its own code where it has one."""

    kind: Kind
    raw: str
    code: str


def known(services: Services, scan: Scan, new: bool) -> Thing | None:
    """Return what a code of ours, a client's own code, a path, or a person's name stands for.

    With `new` a code of ours that was never given is a thing too: paper that is taken in with its label on.
    """
    raw = scan.raw if scan.code is None else str(scan.code)
    with services.database.read() as connection:
        try:
            coded = find_code(connection, raw)
        except BarcodeError:
            coded = None
        if coded is not None:
            return Thing(coded.kind, raw, coded.code)
        if scan.code is not None:
            return Thing(scan.code.kind, raw, raw) if new else None
        place = or_(locations.c.path == raw, locations.c.code == raw)
        if connection.execute(select(locations.c.id).where(place).limit(1)).first() is not None:
            return Thing(Kind.PLACE, raw, raw)
        if connection.execute(select(persons.c.id).where(persons.c.name == raw)).first() is not None:
            return Thing(Kind.PERSON, raw, raw)
    return None


def name_of(services: Services, thing: Thing) -> str:
    """Return the name of the person whose card was scanned, or whose name was typed."""
    with services.database.read() as connection:
        coded = find_code(connection, thing.raw) if thing.code != thing.raw or thing.raw[:1] == "P" else None
        if coded is None:
            return thing.raw
        return str(connection.execute(select(persons.c.name).where(persons.c.id == coded.target)).scalar_one())


def staging_of(services: Services, here: str | None) -> str:
    """Return the path of the staging place of the site where the desk is."""
    with services.database.read() as connection:
        staging = select(locations.c.path, locations.c.site).where(
            locations.c.kind == "STAGING", locations.c.state == "open"
        )
        if here is not None:
            coded = find_code(connection, here)
            named = or_(locations.c.path == here, locations.c.code == here,
                        locations.c.id == ("" if coded is None else coded.target))  # fmt: skip
            site = select(locations.c.site).where(named).limit(1).scalar_subquery()
            staging = staging.where(locations.c.site == site)
        row = connection.execute(staging.order_by(locations.c.sort_key).limit(1)).one_or_none()
    return "STAGING" if row is None else str(row.path)
