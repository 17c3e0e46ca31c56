"""A large archive for the desk's benchmark: shelves, boxes, files, and the loans of a year, written in bulk.

Every move is an event that the ledger itself has placed (`append_many`, with all its rules), and the rows beside it are
those the acts of the desk write, so that `muniment verify ledger` and a comparison of the cache hold for it. The moves
of a file are stated as having happened over the year before (`occurred`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from custody import people
from custody.desk_tables import barcode_numbers, barcodes, boxes, locations, physical_files
from custody.ledger import Actor, Draft, append_many
from custody.loan_tables import incidents, loans, requests, slips
from custody.people import DEFAULT_CLIENT
from records.barcodes import Kind, make_code
from records.catalogue import client_by_name
from records.desk_answers import Said
from records.due_dates import day_ends_at, zone_of
from records.ids import instant
from records.tables import persons
from tasks.desk.acts import Answer, Asked, perform
from tasks.desk.places import only_site, passing
from tasks.services import Services

PER_BOX, PER_SHELF = 20, 10  # files in a box, boxes on a shelf
BATCH_BOXES = 20  # boxes of one transaction
BORROWERS = 50
CYCLE = 4  # moves of one loan: lent, returned, checked, put back
AT_FIRST = 2  # moves before the first loan: taken over, put away
LOAN_DAYS = 30
PAGES = 40
# how the last loan of every hundredth file ends; of all others it is over
ENDS = {
    **dict.fromkeys((0, 20, 40, 60, 80), "on_loan"), **dict.fromkeys((10, 30), "returned"), 50: "checked",
    70: "missing", 90: "in_transit",
}  # fmt: skip
LATE = (0, 20)  # of those on loan the ones whose day is over
SEEN_EVERY = 4000  # files on loan of which one was seen here
REQUESTED_EVERY = 8  # files of which one was asked for
REQUEST_STATES = ("filled", "filled", "filled", "filled", "not_fillable", "expired", "cancelled", "refused")


@dataclass
class Archive:
    """What was written: borrowers' names, codes of files on shelves, a shelf's path, and how many moves."""

    borrowers: list[str] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    shelf: str = ""
    moves: int = 0


class Filling:
    """Writes an archive of `files` files with `per_file` moves each."""

    def __init__(self, services: Services, files: int, per_file: int) -> None:
        """Args: services of a home that nothing else uses; files; moves of each, at least AT_FIRST."""
        self.services, self.files, self.per_file = services, files, per_file
        self.now = services.clock.now()
        self.archive = Archive()
        self.clerk = services.person.actor("admin")
        self._numbers: dict[Kind, int] = {}
        self._people: list[Any] = []

    def fill(self) -> Archive:
        """Write everything, a transaction for each few boxes."""
        self._found()
        shelf = None
        numbers = range(0, self.files, PER_BOX)
        for start in range(0, len(numbers), BATCH_BOXES):
            with self.services.database.write() as connection:
                if start % PER_SHELF == 0:
                    shelf = self._shelf(connection, f"{start // PER_SHELF:06d}")
                self._boxes(connection, str(shelf), numbers[start : start + BATCH_BOXES])
        with self.services.database.write() as connection:
            for kind, last in self._numbers.items():
                moved = update(barcode_numbers).where(barcode_numbers.c.kind == kind.value).values(last=last)
                if not connection.execute(moved).rowcount:
                    connection.execute(insert(barcode_numbers).values(kind=kind.value, last=last))
        return self.archive

    def _found(self) -> None:
        """Make the first site as the desk itself does, and the borrowers."""

        def first(desk: Any) -> Answer:
            site = only_site(desk)
            self.site, self.zone = site.id, zone_of(site.time_zone)
            self.staging = passing(desk, site.id, "STAGING").id
            self.desk = passing(desk, site.id, "DESK").id
            return Answer(Said("profile-added", {"profile": site.path}))

        perform(self.services, Asked(self.services.person), "first site", first)
        system = Actor("system", "system", "system")
        with self.services.database.write() as connection:
            self.client = str(client_by_name(connection, DEFAULT_CLIENT).id)
            self.top = connection.execute(select(locations).where(locations.c.id == self.site)).one()
            for kind, last in connection.execute(select(barcode_numbers.c.kind, barcode_numbers.c.last)):
                self._numbers[Kind(kind)] = last
            vault = self.services.vault
            for number in range(BORROWERS):
                name = f"Borrower {number:03d}"
                person, _token = people.add_person(connection, vault, name, [], system)
                people.accredit(connection, vault, person, self.client, "borrower", None, system)
                self.archive.borrowers.append(name)
            self._people = list(connection.execute(select(persons).where(persons.c.name.in_(self.archive.borrowers))))

    def _codes(self, connection: Connection, kind: Kind, targets: Sequence[str]) -> list[str]:
        first = self._numbers.get(kind, 0) + 1
        self._numbers[kind] = first + len(targets) - 1
        codes = [make_code(kind, first + number) for number in range(len(targets))]
        rows = [
            {"code": code, "kind": kind.value, "target": target, "given": instant(self.now)}
            for code, target in zip(codes, targets, strict=True)
        ]
        if rows:
            connection.execute(insert(barcodes), rows)
        return codes

    def _shelf(self, connection: Connection, code: str) -> str:
        place = self.services.ids.new("loc")
        (barcode,) = self._codes(connection, Kind.PLACE, [place])
        path = f"{self.top.path}/{code}"
        values = {
            "id": place, "parent": self.site, "site": self.site, "kind": "SHELF", "code": code, "path": path,
            "sort_key": f"{self.top.sort_key}/{code}", "barcode": barcode, "temporary": False,
            "capacity": 2 * BATCH_BOXES, "state": "open", "created": instant(self.now),
        }  # fmt: skip
        connection.execute(insert(locations).values(**values))
        draft = Draft(
            self.services.ids.new("evt"), "registered", place, self.clerk, after="open", obj={"kind": "SHELF"}
        )
        append_many(connection, [draft], self.now)
        self.archive.shelf = path
        return place

    def _boxes(self, connection: Connection, shelf: str, starts: Sequence[int]) -> None:
        ids = self.services.ids
        made = [ids.new("box") for _ in starts]
        drafts = [
            Draft(ids.new("evt"), kind, box, self.clerk, self.client, before, after, place=place)
            for box in made
            for kind, before, after, place in (
                ("received", None, "received", self.staging), ("refiled", "received", "stored", shelf),
            )
        ]  # fmt: skip
        written = append_many(connection, drafts, self.now)
        rows = [
            {"id": box, "client": self.client, "barcode": code, "home": shelf, "sealed": False, "count_due": False,
             "itemised": True, "marks": [], "state": "stored", "since": instant(self.now), "place": shelf,
             "version": written[2 * number + 1].seq, "created": instant(self.now)}
            for number, (box, code) in enumerate(zip(made, self._codes(connection, Kind.BOX, made), strict=True))
        ]  # fmt: skip
        connection.execute(insert(boxes), rows)
        lives = [
            Life(self, number, box)
            for box, start in zip(made, starts, strict=True)
            for number in range(start, min(start + PER_BOX, self.files))
        ]
        self._files(connection, lives)

    def _files(self, connection: Connection, lives: list["Life"]) -> None:
        drafts = [draft for life in lives for draft in life.drafts]
        seqs = {entry.id: entry.seq for entry in append_many(connection, drafts, self.now)}
        self.archive.moves += len(drafts)
        codes = self._codes(connection, Kind.FILE, [life.file for life in lives])
        rows = [life.row(code, seqs[life.drafts[-1].id]) for life, code in zip(lives, codes, strict=True)]
        connection.execute(insert(physical_files), rows)
        slip_rows = [row for life in lives for row in life.slips]
        slip_codes = self._codes(connection, Kind.SLIP, [row["id"] for row in slip_rows])
        for table, found in (
            (slips, [{**row, "barcode": code} for row, code in zip(slip_rows, slip_codes, strict=True)]),
            (loans, [row for life in lives for row in life.loans]),
            (incidents, [row for life in lives for row in life.incidents()]),
            (requests, [row for life in lives for row in life.requests()]),
        ):
            if found:
                connection.execute(insert(table), found)
        self.archive.stored += [code for life, code in zip(lives, codes, strict=True) if life.state == "stored"]

    def borrower(self, number: int) -> Any:
        """Return a borrower's row, another for each number."""
        return self._people[number % len(self._people)]


class Life:
    """The moves of one file, in their order, and the rows that belong to them."""

    def __init__(self, filling: Filling, number: int, box: str) -> None:
        """Args: the archive; which file of it; the box it belongs in."""
        self.of, self.number, self.box = filling, number, box
        self.file = filling.services.ids.new("fil")
        self.state: str | None = None
        self.at = filling.now - timedelta(days=365, seconds=-(number % 20000))
        self.step = timedelta(days=360) / max(1, filling.per_file)
        self.place: str | None = None
        self.holder: Any = None
        self.drafts: list[Draft] = []
        self.slips: list[dict[str, Any]] = []
        self.loans: list[dict[str, Any]] = []
        self._live()

    def _live(self) -> None:
        self._move("received", "received", place=self.of.staging, obj={"pages": PAGES})
        self._move("refiled", "stored", place=self.box)
        cycles, left = divmod(self.of.per_file - AT_FIRST, CYCLE)
        for _ in range(left):
            self._move("moved", "stored", place=self.box)
        for cycle in range(cycles):
            last = cycle == cycles - 1
            self._loan(self.number + cycle, ENDS.get(self.number % 100, "stored") if last else "stored")

    def _loan(self, turn: int, end: str) -> None:
        borrower = self.of.borrower(turn)
        if end in ("missing", "in_transit"):
            self._move("moved", "stored", place=self.box)
            self._move(end, end)
            return
        out = self._lend(borrower, end)
        if end == "on_loan":
            return
        opened = out["opened_event"]
        self._move("returned", "returned", place=self.of.desk, on_behalf=borrower.pseudonym, refs=(opened,))
        out |= {"state": "return_pending_check", "returned_at": instant(self.at), "returned_recorded": instant(self.at)}
        if end == "returned":
            return
        counted = {"pages": PAGES, "out": PAGES}
        self._move("checked", "checked", place=self.of.desk, on_behalf=borrower.pseudonym, refs=(opened,), obj=counted)
        out |= {"state": "closed", "closed_at": instant(self.at), "close_reason": "returned"}
        if end == "stored":
            self._move("refiled", "stored", place=self.box)

    def _lend(self, borrower: Any, end: str) -> dict[str, Any]:
        ids = self.of.services.ids
        loan, slip = ids.new("lon"), ids.new("slp")
        due = self._due(end)
        self._move("lent", "on_loan", holder=borrower.pseudonym, due=due.isoformat(), reason="audit",
                   obj={"loan": loan, "slip": slip, "pages": PAGES})  # fmt: skip
        self.holder = borrower.id if end == "on_loan" else None
        self.slips.append({
            "id": slip, "client": self.of.client, "borrower": borrower.id, "purpose": "audit",
            "authorised_by": self.of.clerk.id, "created": instant(self.at),
        })  # fmt: skip
        out: dict[str, Any] = {
            "id": loan, "slip": slip, "client": self.of.client, "file": self.file, "borrower": borrower.id,
            "opened_at": instant(self.at), "site": self.of.site, "due_on": due.isoformat(),
            "due_at": instant(day_ends_at(due, self.of.zone)), "renewals": 0, "state": "open", "returned_at": None,
            "returned_recorded": None, "closed_at": None, "close_reason": None,
            "opened_event": self.drafts[-1].id,
        }  # fmt: skip
        self.loans.append(out)
        return out

    def _due(self, end: str) -> date:
        if end != "on_loan" or self.number % 100 in LATE:
            return (self.at + self.step).date() + timedelta(days=1)
        return self.of.now.date() + timedelta(days=1 + self.number // 100 % LOAN_DAYS)

    def _move(self, kind: str, after: str, place: str | None = None, **more: Any) -> None:
        self.at += self.step
        event, occurred = self.of.services.ids.new("evt"), instant(self.at)
        self.drafts.append(Draft(event, kind, self.file, self.of.clerk, self.of.client, self.state, after,
                                 place=place, occurred=occurred, **more))  # fmt: skip
        self.state, self.place = after, place

    def row(self, code: str, version: int) -> dict[str, Any]:
        """Return the row of the catalogue as the last move leaves it."""
        boxed = self.place == self.box
        return {
            "id": self.file, "client": self.of.client, "barcode": code, "kind": "FILE",
            "title": f"Expediente {self.number}", "case_no": f"2026/{self.number:06d}", "pages_expected": PAGES,
            "pages_basis": "COUNTED", "access_class": "normal", "home_box": self.box,
            "position": self.number % PER_BOX + 1, "searches": 0, "state": self.state, "since": instant(self.at),
            "box": self.box if boxed else None, "place": None if boxed else self.place, "holder": self.holder,
            "seen": instant(self.at), "version": version, "created": instant(self.of.now),
        }  # fmt: skip

    def incidents(self) -> Iterator[dict[str, Any]]:
        """Yield that the file was seen here though it is on loan, for some."""
        if self.state == "on_loan" and self.number % SEEN_EVERY == 0:
            yield {"id": self.of.services.ids.new("evt"), "client": self.of.client, "file": self.file,
                   "loan": self.loans[-1]["id"], "kind": "SEEN_WHILE_ON_LOAN", "detail": {},
                   "opened": instant(self.of.now)}  # fmt: skip

    def requests(self) -> Iterator[dict[str, Any]]:
        """Yield a request of the last months that is over, for some."""
        if self.number % REQUESTED_EVERY:
            return
        turn = self.number // REQUESTED_EVERY
        asked: datetime = self.of.now - timedelta(days=turn % 120, minutes=turn % 1000)
        done = asked + timedelta(minutes=10 + turn % 3000)
        state = REQUEST_STATES[turn % len(REQUEST_STATES)]
        yield {"id": self.of.services.ids.new("req"), "client": self.of.client, "file": self.file,
               "requester": self.of.borrower(turn).id, "purpose": "audit", "wants": "paper", "priority": 0,
               "pickup": self.of.desk, "state": state, "ready_at": instant(done) if state == "filled" else None,
               "created": instant(asked), "closed_at": instant(done)}  # fmt: skip
