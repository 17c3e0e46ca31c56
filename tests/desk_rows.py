"""Rows of the records desk, written by hand: reports and notices are tested on facts that no act had to bring about."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, insert, select

from custody import people
from custody.desk_tables import barcodes, boxes, calendar_rules, calendars, locations, physical_files
from custody.ledger import Actor, Draft, append
from custody.loan_tables import incidents, loans, requests, slips
from records.barcodes import Kind, make_code
from records.calendars import Rule
from records.due_dates import day_ends_at
from records.ids import instant
from records.tables import clients, persons

CLERK = Actor("psn_clerk", "clerk", "os")
ZONE = "Europe/Madrid"


@dataclass
class DeskRows:
    """Writes rows on one connection; ids and instants are given by the services and by who calls."""

    services: Any
    connection: Connection
    now: datetime
    _numbers: dict[Kind, int] = field(default_factory=dict)
    _states: dict[str, str] = field(default_factory=dict)
    _last: str = ""

    def client(self, name: str = "default") -> str:
        row = self.connection.execute(select(clients.c.id).where(clients.c.name == name)).scalar_one_or_none()
        return str(row) if row else people.add_client(self.connection, self.services.vault, name, CLERK)

    def person(self, name: str) -> str:
        row = self.connection.execute(select(persons.c.id).where(persons.c.name == name)).scalar_one_or_none()
        return str(row) if row else people.add_person(self.connection, self.services.vault, name, [], CLERK)[0]

    def pseudonym(self, person: str) -> str:
        return str(self.connection.execute(select(persons.c.pseudonym).where(persons.c.id == person)).scalar_one())

    def code(self, kind: Kind, target: str) -> str:
        given = select(func.count()).where(barcodes.c.kind == kind.value)
        self._numbers[kind] = (self._numbers.get(kind) or self.connection.execute(given).scalar_one()) + 1
        code = make_code(kind, self._numbers[kind])
        row = {"code": code, "kind": kind.value, "target": target, "given": instant(self.now)}
        self.connection.execute(insert(barcodes).values(row))
        return code

    def site(self, code: str = "MAD", zone: str = ZONE, rules: tuple[Rule, ...] = ()) -> str:
        self.connection.execute(insert(calendars).values(name=f"of {code}", created=instant(self.now)))
        for rule in rules:
            self.connection.execute(
                insert(calendar_rules).values(calendar=f"of {code}", kind=rule.kind, value=rule.value)
            )
        return self.place(code, "SITE", time_zone=zone, calendar=f"of {code}")

    def place(self, path: str, kind: str = "SLOT", **more: Any) -> str:
        place = self.services.ids.new("loc")
        parent, above = path, None
        while above is None and "/" in parent:
            parent = parent.rpartition("/")[0]
            above = self.connection.execute(select(locations).where(locations.c.path == parent)).one_or_none()
        self.connection.execute(insert(locations).values(**{
            "id": place, "parent": above.id if above else None, "site": above.site if above else place, "kind": kind,
            "code": path.rpartition("/")[2], "path": path, "sort_key": path, "barcode": self.code(Kind.PLACE, place),
            "temporary": kind == "STAGING", "state": "open", "created": instant(self.now), **more,
        }))  # fmt: skip
        return place

    def box(self, home: str | None = None, state: str = "stored", **more: Any) -> str:
        box = self.services.ids.new("box")
        entry = self.event("registered", box, "announced")
        self.connection.execute(insert(boxes).values(**{
            "id": box, "client": self.client(), "barcode": self.code(Kind.BOX, box), "home": home, "sealed": False,
            "count_due": False, "itemised": True, "marks": [], "state": state, "since": instant(self.now),
            "place": home if state == "stored" else None, "version": entry, "created": instant(self.now), **more,
        }))  # fmt: skip
        return box

    def file(self, title: str, state: str = "stored", **more: Any) -> str:
        file = self.services.ids.new("fil")
        client = more.get("client") or self.client()
        entry = self.event("registered", file, "announced", client=client)
        self.connection.execute(insert(physical_files).values(**{
            "id": file, "client": client, "barcode": self.code(Kind.FILE, file), "kind": "FILE", "title": title,
            "pages_basis": "UNKNOWN", "access_class": "normal", "searches": 0, "state": state,
            "since": instant(self.now), "version": entry, "created": instant(self.now), **more,
        }))  # fmt: skip
        return file

    def event(self, kind: str, subject: str, after: str | None, **more: Any) -> int:
        """Append an event; the state before it is that after the last one."""
        before = None if after is None else self._states.get(subject)
        draft = Draft(
            self.services.ids.new("evt"), kind, subject, CLERK, before=before, after=after,
            **{"client": self.client(), **more},
        )  # fmt: skip
        self._states[subject] = after or self._states[subject]
        self._last = draft.id
        return append(self.connection, draft, self.now).seq

    def lend(self, file: str, borrower: str, site: str, opened: datetime, due: date, **more: Any) -> str:
        loan, slip = self.services.ids.new("lon"), self.services.ids.new("slp")
        client = self.connection.execute(
            select(physical_files.c.client).where(physical_files.c.id == file)
        ).scalar_one()
        if self._states[file] == "announced":
            self.event("received", file, "received", client=client)
        self.event("lent", file, "on_loan", client=client, holder=self.pseudonym(borrower), due=due.isoformat())
        self.connection.execute(insert(slips).values(
            id=slip, client=client, barcode=self.code(Kind.SLIP, slip), borrower=borrower, purpose="request",
            authorised_by="psn_x", created=instant(opened),
        ))  # fmt: skip
        self.connection.execute(insert(loans).values(**{
            "id": loan, "slip": slip, "client": client, "file": file, "borrower": borrower,
            "opened_at": instant(opened), "site": site, "due_on": due.isoformat(),
            "due_at": instant(day_ends_at(due, ZoneInfo(ZONE))), "renewals": 0,
            "state": "open", "opened_event": self._last, **more,
        }))  # fmt: skip
        return loan

    def request(self, file: str, requester: str, pickup: str, state: str, created: datetime, **more: Any) -> str:
        request = self.services.ids.new("req")
        client = self.connection.execute(
            select(physical_files.c.client).where(physical_files.c.id == file)
        ).scalar_one()
        self.connection.execute(insert(requests).values(**{
            "id": request, "client": client, "file": file, "requester": requester, "purpose": "request",
            "wants": "paper", "priority": 0, "pickup": pickup, "state": state, "created": instant(created), **more,
        }))  # fmt: skip
        return request

    def incident(self, file: str, kind: str, loan: str | None, opened: datetime, **more: Any) -> str:
        incident = self.services.ids.new("evt")
        self.connection.execute(insert(incidents).values(**{
            "id": incident, "client": self.client(), "file": file, "loan": loan, "kind": kind, "detail": {},
            "opened": instant(opened), **more,
        }))  # fmt: skip
        return incident
