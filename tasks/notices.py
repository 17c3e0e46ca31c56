"""Notices of the records desk: what is due is written down once, sent, and marked; each goes once for each due date.

 0. requests whose paper was kept ready in vain end (tasks/desk/expiring.py), so that this is told too
 1. what is due is written into the sent-ledger, one row a loan (or request), kind, level and due date
 2. the rows of one person, kind and level are one message; they are claimed before it is sent
 3. it is sent, or printed as a letter; the rows are marked

A process that dies between 2 and 3 leaves rows of which nobody knows whether they went: the next run sends them again
under the same message id and says so in their result (at least once). What a mail server does not take is tried again,
with longer waits, for days; then, or where it is refused for good, it becomes a letter: nothing is given up. What is
due says tasks/notices_due.py. E-mail names files by code and case number, never by title.
Reference of the records desk, section 8; acceptance case 12.
"""

import hashlib
import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from custody.contact_tables import contacts
from custody.disposal_tables import disposal_lines, disposal_papers
from custody.loan_tables import checks, incidents, loans, notices, requests
from custody.movements import reload
from records.errors import InvalidValueError, MunimentError, UnavailableError
from records.ids import instant, parse_instant
from records.notices import LEAST_TRIES, incident_words, mail_only, template, wait_after
from records.tables import persons
from tasks.desk.acts import lock_head
from tasks.desk.expiring import expire
from tasks.notices_due import DECIDED, LANGUAGE, STAGES, due_now
from tasks.services import Services

_logger = logging.getLogger(__name__)
STALE = timedelta(minutes=10)  # a mail server answers sooner, or its connection is given up
EVERY_SECONDS = 900.0
SENDING, SENT, AGAIN, WITHDRAWN = "sending", "sent", "sent-perhaps-twice", "withdrawn"
DISPOSALS = ("disposal-proposed", "disposal-approved", "disposal-finished")
HAPPENED = (*DECIDED, *DISPOSALS, "expired", "lent", "renewed", "returned", "incident")
WHILE_OUT = ("recall", "accreditation")  # told as long as the paper is out, whatever its due date
REFUSED, LATER, UNREACHED = "refused", "later", "unreached"


class Mailer(Protocol):
    """Hands messages to a mail server."""

    @property
    def sender(self) -> str:
        """The address notices come from."""
        ...

    def send(self, message: EmailMessage) -> None:
        """Hand one message over.

        Raises:
            InvalidValueError: refused for good.
            UnavailableError: may succeed later.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sending:
    """One message: the rows of one person, kind and level, and what is known of the person."""

    rows: tuple[Row[Any], ...]
    person: str
    email: str | None
    address: str | None
    language: str

    @property
    def key(self) -> str:
        """Return what tells this message from others, the same when it is sent again."""
        return hashlib.sha256(",".join(str(row.id) for row in self.rows).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Listed:
    """A paper that a notice is about: a file, or a box by what its client calls it."""

    code: str
    title: str
    case_no: str
    due: date | None
    note: str


def run(services: Services, mailer: Mailer | None) -> dict[str, int]:
    """Write down what is due and send what can be sent; return how many rows were planned, sent, refused, put off.

    `expired` are requests that ended because nobody fetched the paper.
    """
    counts = {"expired": expire(services), "planned": plan(services), "sent": 0, "refused": 0, "later": 0}
    if mailer is None:
        return counts
    for sending in waiting(services, "email"):
        outcome = _send(services, mailer, sending)
        if outcome:
            counts[outcome] += len(sending.rows)
    return counts


def serve(services: Services, mailer: Mailer | None, stop: threading.Event, every: float = EVERY_SECONDS) -> None:
    """Run again and again until told to stop: the plain duty of a process that serves for long."""
    while not stop.is_set():
        try:
            run(services, mailer)
        except MunimentError as error:
            _logger.warning("notices wait: %s", type(error).__name__)
        stop.wait(every)


def plan(services: Services) -> int:
    """Write down what is due now; return how many rows are new. Of two runs at once one writes them."""
    now = services.clock.now()
    try:
        with services.database.write() as connection:
            lock_head(connection)  # no index keeps an order's notice from being written twice
            due = due_now(connection, now)
            known = _known(connection, due)
            fresh = [row for row in due if _key(row) not in known]
            if fresh:
                connection.execute(insert(notices), fresh)
            return len(fresh)
    except IntegrityError:
        return 0


def waiting(services: Services, *channels: str) -> list[Sending]:
    """Return what is written down and not sent, by person, kind and level; what is not needed any more is marked so."""
    now = services.clock.now()
    with services.database.write() as connection:
        open_results = notices.c.result.in_((LATER, UNREACHED, REFUSED)) | notices.c.result.startswith(SENDING)
        query = (
            select(notices, contacts.c.email, contacts.c.address, contacts.c.language, persons.c.name)
            .join(persons, persons.c.id == notices.c.person)
            .outerjoin(contacts, contacts.c.person == notices.c.person)
            .where(notices.c.sent_at.is_(None), notices.c.channel.in_(channels))
            .where(notices.c.result.is_(None) | open_results)
            .where(notices.c.next_at.is_(None) | (notices.c.next_at <= instant(now)) | ("letter" in channels))
            .order_by(notices.c.id)
        )
        groups: dict[tuple[Any, ...], list[Row[Any]]] = {}
        for row in connection.execute(query).all():
            if _is_being_sent(row, now):
                continue
            if ("letter" in channels and mail_only(row.kind)) or not _still_needed(connection, row):
                connection.execute(update(notices).where(notices.c.id == row.id).values(result=WITHDRAWN))
                continue
            groups.setdefault((row.person, row.client, row.kind, row.level, _was_begun(row)), []).append(row)
    return [
        Sending(tuple(rows), rows[0].name, rows[0].email, rows[0].address, rows[0].language or LANGUAGE)
        for rows in groups.values()
    ]


def mark_sent(services: Services, sendings: Iterable[Sending]) -> None:
    """Mark what was handed over."""
    with services.database.write() as connection:
        for sending in sendings:
            for row in sending.rows:
                result = AGAIN if _was_begun(row) else SENT
                sent = {"sent_at": instant(services.clock.now()), "result": result}
                connection.execute(update(notices).where(notices.c.id == row.id).values(**sent))


def words_of(connection: Connection, sending: Sending) -> tuple[str, list[str], list[Listed]]:
    """Return subject, paragraphs, and the papers it is about."""
    first = sending.rows[0]
    said = template(sending.language, first.kind)
    places = {"person": sending.person, "count": len(sending.rows), "level": first.level}
    subject = said.one if len(sending.rows) == 1 else said.subject
    papers = [_listed(connection, row, sending.language) for row in sending.rows]
    return subject.format(**places), [line.format(**places) for line in said.text], papers


def _send(services: Services, mailer: Mailer, sending: Sending) -> str | None:
    if sending.email is None:  # the address was taken away since: it goes on paper
        _set(services, sending.rows, channel="letter", next_at=None)
        return None
    if not _claim(services, sending):
        return None  # another run has it
    with services.database.read() as connection:
        subject, paragraphs, papers = words_of(connection, sending)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mailer.sender, sending.email, subject
    message["Date"] = format_datetime(services.clock.now())
    message["Message-ID"] = f"<notice-{sending.key}@{mailer.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"], message["Content-Language"] = "auto-generated", sending.language
    lines = ["  ".join(filter(None, (one.code, one.case_no, str(one.due or ""), one.note))) for one in papers]
    message.set_content("\n\n".join([*paragraphs, "\n".join(lines)]) + "\n")
    try:
        mailer.send(message)
    except InvalidValueError:  # for good: this address takes no mail, so it goes on paper
        _set(services, sending.rows, result=REFUSED, channel="letter", next_at=None)
        return "refused"
    except UnavailableError:
        _put_off(services, sending)
        return "later"
    mark_sent(services, [sending])
    return "sent"


def _claim(services: Services, sending: Sending) -> bool:
    """Step 2: take the rows, all or none; whoever read them with another count of attempts gets none."""
    begun = f"{SENDING} {instant(services.clock.now())}"
    with services.database.write() as connection:
        for row in sending.rows:
            mine = (notices.c.id == row.id) & (notices.c.attempts == row.attempts) & notices.c.sent_at.is_(None)
            taken = connection.execute(update(notices).where(mine).values(attempts=row.attempts + 1, result=begun))
            if taken.rowcount != 1:
                connection.rollback()
                return False
    return True


def _was_begun(row: Row[Any]) -> bool:
    return str(row.result or "").startswith(SENDING)


def _is_being_sent(row: Row[Any], now: datetime) -> bool:
    """Tell whether another run may be sending it at this moment; a run that takes longer than that is dead."""
    return _was_begun(row) and now - parse_instant(row.result.partition(" ")[2]) < STALE


def _put_off(services: Services, sending: Sending) -> None:
    """Say when it is tried again; what was tried in vain for days becomes a letter."""
    now = services.clock.now()
    for row in sending.rows:
        attempts = row.attempts + 1
        late = now - parse_instant(row.scheduled_for) >= timedelta(days=services.loans.notice_days)
        if late and attempts >= LEAST_TRIES:
            _set(services, [row], result=UNREACHED, channel="letter", next_at=None)
        else:
            _set(services, [row], result=LATER, next_at=instant(now + wait_after(attempts)))


def _set(services: Services, rows: Sequence[Row[Any]], **values: Any) -> None:
    with services.database.write() as connection:
        for row in rows:
            connection.execute(update(notices).where(notices.c.id == row.id).values(**values))


def _known(connection: Connection, due: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    found: set[tuple[Any, ...]] = set()
    for name in ("loan", "request"):
        ids = sorted({row[name] for row in due if row[name] is not None})
        for start in range(0, len(ids), 500):
            rows = connection.execute(select(notices).where(notices.c[name].in_(ids[start : start + 500])))
            found |= {(row.loan, row.request, row.kind, row.level, row.round) for row in rows}
    alone = sorted({row["round"] for row in due if row["loan"] is None and row["request"] is None})
    for start in range(0, len(alone), 500):
        of_orders = notices.c.loan.is_(None) & notices.c.request.is_(None)
        rows = connection.execute(select(notices).where(of_orders, notices.c["round"].in_(alone[start : start + 500])))
        found |= {(row.loan, row.request, row.kind, row.level, row.round) for row in rows}
    return found


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["loan"], row["request"], row["kind"], row["level"], row["round"]


def _still_needed(connection: Connection, row: Row[Any]) -> bool:
    if row.kind in HAPPENED:
        return True  # it happened, whatever came after
    if row.loan is not None:
        loan = connection.execute(select(loans).where(loans.c.id == row.loan)).one()
        return bool(loan.state == "open") and bool(row.kind in WHILE_OUT or loan.due_on == row.round)
    asked = connection.execute(select(requests.c.state).where(requests.c.id == row.request)).scalar_one()
    return bool(asked == STAGES[row.kind])


def _listed(connection: Connection, row: Row[Any], language: str) -> Listed:
    """Return the paper or order that a notice is about, with what its kind says beside it."""
    if row.kind in DISPOSALS:
        return _order(connection, row, language)
    table, key = (loans, row.loan) if row.loan is not None else (requests, row.request)
    about = connection.execute(select(table).where(table.c.id == key)).one()
    paper = reload(connection, about.file or about.box)
    due = date.fromisoformat(about.due_on) if row.loan is not None and about.closed_at is None else None
    values = _beside(connection, row, about, language)
    note = "" if None in values.values() else template(language, row.kind).line.format(**values)
    if paper.id.startswith("box_"):
        return Listed(paper.barcode, "", paper.client_ref or "", due, note)
    return Listed(paper.barcode, paper.title or "", paper.case_no or "", due, note)


def _beside(connection: Connection, row: Row[Any], about: Row[Any], language: str) -> dict[str, Any]:
    """Return what a kind says beside a paper, by name; `about` is the loan or request."""
    if row.kind == "escalated":
        name = select(persons.c.name).where(persons.c.id == about.borrower)
        return {"borrower": connection.execute(name).scalar_one()}
    if row.kind in ("lent", "returned"):
        check = about.out_check if row.kind == "lent" else about.in_check
        return {"pages": connection.execute(select(checks.c.pages).where(checks.c.id == check)).scalar_one_or_none()}
    if row.kind == "incident":
        found = connection.execute(select(incidents).where(incidents.c.id == row.round)).one()
        return {"what": incident_words(language, found.kind, found.detail)}
    return {"until": row.round} if row.kind == "accreditation" else {}


def _order(connection: Connection, row: Row[Any], language: str) -> Listed:
    """Return an order of disposal by its id, with how much it lists; what that is stays in the catalogue."""
    counted = {
        name: connection.execute(select(func.count()).where(table.c.disposal == row.round)).scalar_one()
        for name, table in (("records", disposal_lines), ("papers", disposal_papers))
    }
    return Listed(row.round, "", "", None, template(language, row.kind).line.format(**counted))
