"""What notices are due: of loans by their levels, of requests as they go on, of rights that end, of orders of disposal.

Each is a row of the sent-ledger that is not written yet; who reads the rows decides which are new. What lies further
back than RECENT is not told any more, so that an archive that begins to send notices does not tell of its past.
Reference of the records desk, section 8 and invariant 9.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.sql.elements import ColumnElement

from custody.access import Borrowing, borrowing
from custody.contact_tables import contacts, responsibles
from custody.desk_tables import locations, physical_files
from custody.disposal_tables import disposal_orders
from custody.loan_tables import incidents, loans, renewals, requests
from records.desk import ACCESS_CLASSES
from records.due_dates import local_date, zone_of
from records.errors import CalendarError
from records.ids import instant
from records.notices import accreditation_days, levels_reached, mail_only, template
from records.tables import clients
from tasks.desk.places import calendar_of_site

_logger = logging.getLogger(__name__)

RECENT = timedelta(days=7)
STAGES = {"requested": "submitted", "in-transit": "in_transit", "ready": "ready"}  # told while a request is there
DECIDED = {"authorised": ("queued", "picking", "ready", "in_transit"), "refused": ("refused",)}
TOLD_INCIDENTS = ("PAGES_SHORT", "PAGES_EXTRA", "DAMAGED", "WRONG_FILE")
LANGUAGE = "es"  # of who has no contact yet
Due = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Now:
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
    now = Now(connection, moment, frozenset(reached))
    sources = (_of_loans, _staged, _decided, _expired, _lent, _renewed, _returned, _incidents, _disposals)
    due = [row for source in sources for row in source(now)]
    return [row for row in due if row["channel"] == "email" or not mail_only(row["kind"])]


def _of_loans(now: Now) -> Iterator[Due]:
    """Yield each level that each open loan has reached on a day its site is open, and what is asked back."""
    connection = now.connection
    sites = {row.id: row for row in connection.execute(select(locations).where(locations.c.parent.is_(None)))}
    days = {site: local_date(now.moment, zone_of(row.time_zone)) for site, row in sites.items()}
    opened = {site: _is_open(connection, row, days[site]) for site, row in sites.items()}
    answers = {
        (row.client, row.department): row.person for row in connection.execute(select(responsibles)).all()
    }  # fmt: skip
    query = (
        select(loans, physical_files.c.department, physical_files.c.access_class)
        .outerjoin(physical_files, physical_files.c.id == loans.c.file)
        .where(loans.c.closed_at.is_(None), loans.c.state == "open")
    )
    rights: dict[tuple[str, str, str], Borrowing] = {}
    told = timedelta(days=accreditation_days())
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
            continue
        right = _right(connection, rights, loan, today)
        if not right.cleared:
            yield now.row(loan, "recall", 1, "accreditation", loan.borrower, loan=loan.id)
        elif right.until is not None and date.fromisoformat(right.until) <= today + told:
            yield now.row(loan, "accreditation", 1, right.until, loan.borrower, loan=loan.id)


def _is_open(connection: Connection, site: Row[Any], day: date) -> bool:
    """Tell whether a site is open on a day; one without a calendar is not, and holds up no other's notices."""
    try:
        return calendar_of_site(connection, site).is_open(day)
    except CalendarError:
        _logger.warning("no notices of what is due at %s: the site has no calendar", site.id)
        return False


def _addressee(answers: dict[tuple[str, str], str], loan: Row[Any], to: str) -> str | None:
    """Return whom a level goes to; None where nobody but the borrower answers for the paper."""
    if to == "borrower":
        return str(loan.borrower)
    whole = answers.get((loan.client, ""))
    person = whole if to == "client" else answers.get((loan.client, loan.department or ""), whole)
    return None if person == loan.borrower else person


def _right(
    connection: Connection, known: dict[tuple[str, str, str], Borrowing], loan: Row[Any], day: date
) -> Borrowing:
    """Return the borrower's right to have the paper: one that ended during the loan asks it back."""
    key = (loan.borrower, loan.client, loan.access_class or ACCESS_CLASSES[0])
    if key not in known:
        known[key] = borrowing(connection, *key, day)
    return known[key]


def _staged(now: Now) -> Iterator[Due]:
    """Yield what requests have come to that wait: asked for, on its way, kept ready."""
    waiting = requests.c.client.in_(select(clients.c.id)) & requests.c.state.in_(list(STAGES.values()))
    for row in now.connection.execute(select(requests).where(waiting)).all():
        kind = next(kind for kind, state in STAGES.items() if state == row.state)
        if kind != "requested" or row.created >= instant(now.moment - RECENT):
            turn = row.ready_at or row.decided_at or row.created
            yield now.row(row, kind, 1, turn, row.requester, request=row.id)


def _expired(now: Now) -> Iterator[Due]:
    """Yield what is not kept ready any more."""
    over = (requests.c.state == "expired") & (requests.c.closed_at >= instant(now.moment - RECENT))
    for row in now.connection.execute(select(requests).where(requests.c.client.in_(select(clients.c.id)), over)).all():
        yield now.row(row, "expired", 1, row.closed_at, row.requester, request=row.id)


def _lent(now: Now) -> Iterator[Due]:
    """Yield the receipt of what was lent and is out; of a box that was lent whole each of its files is named."""
    out = loans.c.closed_at.is_(None) & (loans.c.state == "open")
    for row in _recent(now, loans, loans.c.opened_at, out):
        yield now.row(row, "lent", 1, row.opened_event, row.borrower, loan=row.id)


def _renewed(now: Now) -> Iterator[Due]:
    """Yield renewals of what is out."""
    out = select(loans.c.borrower, renewals).join(renewals, renewals.c.loan == loans.c.id)
    for row in now.connection.execute(
        out.where(loans.c.closed_at.is_(None), renewals.c.at >= instant(now.moment - RECENT))
    ):
        yield now.row(row, "renewed", 1, row.id, row.borrower, loan=row.loan)


def _decided(now: Now) -> Iterator[Due]:
    """Yield what was decided about requests, where somebody else decided."""
    since = instant(now.moment - RECENT)
    for row in now.connection.execute(select(requests).where(requests.c.decided_at >= since)).all():
        for kind, states in DECIDED.items():
            if row.state in states:
                yield now.row(row, kind, 1, row.decided_at, row.requester, request=row.id)


def _returned(now: Now) -> Iterator[Due]:
    """Yield the receipt of what came back and was counted; a box tells of each of its files."""
    counted = loans.c.in_check.is_not(None) & (loans.c.state == "closed")
    for row in _recent(now, loans, loans.c.closed_at, counted):
        yield now.row(row, "returned", 1, row.in_check, row.borrower, loan=row.id)


def _incidents(now: Now) -> Iterator[Due]:
    """Yield what was not as it went out, to who had it."""
    told = incidents.c.loan.is_not(None) & incidents.c.kind.in_(TOLD_INCIDENTS)
    borrowers = select(loans.c.borrower).where(loans.c.id == incidents.c.loan).scalar_subquery().label("borrower")
    for row in _recent(now, incidents, incidents.c.opened, told, borrowers):
        yield now.row(row, "incident", 1, row.id, row.borrower, loan=row.loan)


def _recent(
    now: Now, table: Any, when: ColumnElement[Any], where: ColumnElement[bool], *more: ColumnElement[Any]
) -> list[Row[Any]]:
    """Return the recent rows, a client at a time, as the indexes lie."""
    found: list[Row[Any]] = []
    for client in now.connection.execute(select(clients.c.id)).scalars().all():
        query = select(table, *more).where(table.c.client == client, when >= instant(now.moment - RECENT), where)
        found += now.connection.execute(query).all()
    return found


def _disposals(now: Now) -> Iterator[Due]:
    """Yield what has become of orders of disposal, to who answers for the client whose papers they list."""
    answer = {row.client: row.person for row in now.connection.execute(select(responsibles)) if row.department == ""}
    since = instant(now.moment - RECENT)
    for order in now.connection.execute(select(disposal_orders).where(disposal_orders.c.client.in_(answer))).all():
        reached = {
            "disposal-proposed": order.proposed, "disposal-approved": order.approved,
            "disposal-finished": order.ended if order.state == "finished" else None,
        }  # fmt: skip
        for kind, when in reached.items():
            if when is not None and when >= since:
                yield now.row(order, kind, 1, order.id, answer[order.client])
