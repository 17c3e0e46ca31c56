"""What notices are due: of loans by their levels, of what is asked back, ready, decided, came back or is not as it was.

Each is a row of the sent-ledger that is not written yet; who reads the rows decides which are new. What lies further
back than RECENT is not told any more, so that an archive that begins to send notices does not tell of its past.
Reference of the records desk, section 8 and invariant 9.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.sql.elements import ColumnElement

from custody.access import borrowing
from custody.contact_tables import contacts, responsibles
from custody.desk_tables import locations, physical_files
from custody.loan_tables import incidents, loans, requests
from records.desk import ACCESS_CLASSES
from records.due_dates import local_date, zone_of
from records.ids import instant
from records.notices import levels_reached, template
from records.tables import clients
from tasks.desk.places import calendar_of_site

RECENT = timedelta(days=7)
DECIDED = {"authorised": ("queued", "picking", "ready", "in_transit"), "refused": ("refused",)}
TOLD_INCIDENTS = ("PAGES_SHORT", "PAGES_EXTRA", "DAMAGED", "WRONG_FILE")
LANGUAGE = "es"  # of who has no contact yet
Due = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Now:
    """What every source of notices needs: the connection, the moment, and who has an address."""

    connection: Connection
    moment: datetime
    addresses: frozenset[str]

    def row(self, about: Row[Any], kind: str, level: int, turn: str, person: str, **target: str) -> Due:
        """Return a row of the sent-ledger. `turn` is what makes the same notice due anew."""
        return {
            "client": about.client, "loan": None, "request": None, **target, "person": person, "kind": kind,
            "level": level, "round": turn, "channel": "email" if person in self.addresses else "letter",
            "template": f"{kind}/{template(LANGUAGE, kind).version}", "scheduled_for": instant(self.moment),
            "attempts": 0,
        }  # fmt: skip


def due_now(connection: Connection, moment: datetime) -> list[Due]:
    """Return every notice that is due, those that were written down before among them."""
    reached = connection.execute(select(contacts.c.person).where(contacts.c.email.is_not(None))).scalars()
    now = _Now(connection, moment, frozenset(reached))
    return [*_of_loans(now), *_ready(now), *_decided(now), *_returned(now), *_incidents(now)]


def _of_loans(now: _Now) -> Iterator[Due]:
    """Yield each level that each open loan has reached on a day its site is open, and what is asked back."""
    connection = now.connection
    sites = {row.id: row for row in connection.execute(select(locations).where(locations.c.parent.is_(None)))}
    days = {site: local_date(now.moment, zone_of(row.time_zone)) for site, row in sites.items()}
    opened = {site: calendar_of_site(connection, row).is_open(days[site]) for site, row in sites.items()}
    answers = {
        (row.client, row.department): row.person for row in connection.execute(select(responsibles)).all()
    }  # fmt: skip
    query = (
        select(loans, physical_files.c.department, physical_files.c.access_class)
        .outerjoin(physical_files, physical_files.c.id == loans.c.file)
        .where(loans.c.closed_at.is_(None), loans.c.state == "open")
    )
    rights: dict[tuple[str, str, str], bool] = {}
    for loan in connection.execute(query).all():
        today = days[loan.site]
        if not opened[loan.site]:
            continue
        for level in levels_reached(date.fromisoformat(loan.due_on), today):
            person = _addressee(answers, loan, level.to)
            if person is not None:
                yield now.row(loan, level.kind, level.level, loan.due_on, person, loan=loan.id)
        if loan.recalled_at is not None:
            yield now.row(loan, "recall", 1, loan.recalled_at, loan.borrower, loan=loan.id)
        elif not _may_have(connection, rights, loan, today):
            yield now.row(loan, "recall", 1, "accreditation", loan.borrower, loan=loan.id)


def _addressee(answers: dict[tuple[str, str], str], loan: Row[Any], to: str) -> str | None:
    """Return whom a level goes to; None where nobody but the borrower answers for the paper."""
    if to == "borrower":
        return str(loan.borrower)
    whole = answers.get((loan.client, ""))
    person = whole if to == "client" else answers.get((loan.client, loan.department or ""), whole)
    return None if person == loan.borrower else person


def _may_have(connection: Connection, known: dict[tuple[str, str, str], bool], loan: Row[Any], today: date) -> bool:
    """Tell whether the borrower may still have the paper: a right that ended during the loan asks it back."""
    key = (loan.borrower, loan.client, loan.access_class or ACCESS_CLASSES[0])
    if key not in known:
        known[key] = borrowing(connection, *key, today).cleared
    return known[key]


def _ready(now: _Now) -> Iterator[Due]:
    for row in now.connection.execute(select(requests).where(requests.c.state == "ready")).all():
        yield now.row(row, "ready", 1, row.ready_at or row.created, row.requester, request=row.id)


def _decided(now: _Now) -> Iterator[Due]:
    """Yield what was decided about requests, where somebody else decided."""
    since = instant(now.moment - RECENT)
    for row in now.connection.execute(select(requests).where(requests.c.decided_at >= since)).all():
        for kind, states in DECIDED.items():
            if row.state in states:
                yield now.row(row, kind, 1, row.decided_at, row.requester, request=row.id)


def _returned(now: _Now) -> Iterator[Due]:
    """Yield the receipt of what came back and was counted; a box tells of each of its files."""
    counted = loans.c.in_check.is_not(None) & (loans.c.state == "closed")
    for row in _recent(now, loans, loans.c.closed_at, counted):
        yield now.row(row, "returned", 1, row.in_check, row.borrower, loan=row.id)


def _incidents(now: _Now) -> Iterator[Due]:
    """Yield what was not as it went out, to who had it."""
    told = incidents.c.loan.is_not(None) & incidents.c.kind.in_(TOLD_INCIDENTS)
    borrowers = select(loans.c.borrower).where(loans.c.id == incidents.c.loan).scalar_subquery().label("borrower")
    for row in _recent(now, incidents, incidents.c.opened, told, borrowers):
        yield now.row(row, "incident", 1, row.id, row.borrower, loan=row.loan)


def _recent(
    now: _Now, table: Any, when: ColumnElement[Any], where: ColumnElement[bool], *more: ColumnElement[Any]
) -> list[Row[Any]]:
    """Return the recent rows, a client at a time, as the indexes lie."""
    found: list[Row[Any]] = []
    for client in now.connection.execute(select(clients.c.id)).scalars().all():
        query = select(table, *more).where(table.c.client == client, when >= instant(now.moment - RECENT), where)
        found += now.connection.execute(query).all()
    return found
