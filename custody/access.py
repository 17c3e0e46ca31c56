"""Access is decided here and nowhere else: accredited person x client x action x access class x date (design, rule 9).

Reads are events too: `require` is asked first, and a denial is an event of its own in a transaction of its own. The
access class is that of the paper a record is bound to; an accreditation reaches up to its clearance.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, select

from custody.desk_tables import file_records, physical_files
from custody.ledger import Actor, Draft, append
from custody.tables import originals
from records.database import Database
from records.desk import ACCESS_CLASSES
from records.errors import AccessDeniedError, DisposedError
from records.ids import Clock, Ids
from records.tables import accreditations, record_sources, records

ROLES = ("admin", "operator", "archivist", "reader", "reviewer", "custodian", "compliance", "clerk", "borrower",
         "proposer", "approver")  # fmt: skip

# action -> roles that may do it for a client they are accredited for
PERMISSIONS: dict[str, frozenset[str]] = {
    "ingest": frozenset({"operator", "archivist"}),
    "view": frozenset({"operator", "archivist", "reader", "reviewer", "clerk"}),
    "search": frozenset({"operator", "archivist", "reader", "reviewer", "clerk"}),
    "review": frozenset({"reviewer", "archivist"}),
    "open_original": frozenset({"archivist", "reader", "compliance"}),
    "release_envelope": frozenset({"custodian"}),
    "release_key": frozenset({"custodian"}),
    "keep_keys": frozenset({"custodian"}),
    "see_keys": frozenset({"custodian", "compliance", "admin"}),
    # disposal: two people, and the executor is neither (custody reference, section 6.2)
    "see_disposal": frozenset({"archivist", "proposer", "approver", "custodian", "compliance"}),
    "propose_disposal": frozenset({"archivist", "proposer"}),
    "approve_disposal": frozenset({"approver"}),
    "refuse_disposal": frozenset({"archivist", "proposer", "approver"}),
    "run_disposal": frozenset({"custodian"}),
    "set_hold": frozenset({"archivist", "proposer", "approver", "compliance"}),
    "release_hold": frozenset({"approver"}),
    "administer": frozenset({"admin"}),
    "check": frozenset({"admin", "compliance", "operator"}),
    # the records desk: see where paper is, move and lend it, decide what a clerk may not decide alone
    "trace": frozenset({"operator", "archivist", "reader", "reviewer", "compliance", "clerk"}),
    "handle": frozenset({"operator", "archivist", "clerk"}),
    "supervise": frozenset({"archivist"}),
    "request": frozenset({"operator", "archivist", "reader", "reviewer", "compliance", "clerk", "borrower"}),
    "borrow": frozenset(
        {"operator", "archivist", "reader", "reviewer", "compliance", "custodian", "clerk", "borrower"}
    ),
}

# what shows content: here the access class counts too
CONTENT = frozenset({"view", "search", "review", "open_original", "release_envelope", "release_key"})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts. `pseudonym` is what the ledger says; `roles` hold for the installation's own matters."""

    id: str
    name: str
    pseudonym: str
    roles: frozenset[str]
    auth: str

    def actor(self, role: str) -> Actor:
        """Return the person as the ledger's actor in `role`."""
        return Actor(self.pseudonym, role, "token" if self.auth == "token" else "os")


def clients_of(connection: Connection, person: Person, action: str, today: date) -> dict[str, str]:
    """Return the clients (id -> role) for which a person may do `action` today."""
    return {row.client: row.role for row in reversed(_accreditations(connection, person.id, action, today))}


def still_may(connection: Connection, person: str, client: str, action: str, today: date) -> bool:
    """Tell whether a person (by id) may do `action` for a client today: a right ends with its role."""
    return any(row.client == client for row in _accreditations(connection, person, action, today))


def hidden_from(connection: Connection, person: Person, action: str, today: date, wanted: Iterable[str]) -> set[str]:
    """Return those of the records `wanted` whose access class is above what lets this person do `action` today."""
    reach: dict[str, int] = {}
    for row in _accreditations(connection, person.id, action, today):
        reach[row.client] = max(reach.get(row.client, 0), _rank(row.clearance))
    papers = connection.execute(
        select(file_records.c.record, physical_files.c.client, physical_files.c.access_class)
        .join(physical_files, physical_files.c.id == file_records.c.file)
        .where(file_records.c.record.in_(list(wanted)))
    )
    return {paper.record for paper in papers if _rank(paper.access_class) > reach.get(paper.client, 0)}


def require(
    database: Database, clock: Clock, ids: Ids, person: Person, client: str, action: str, subject: str
) -> Actor:
    """Return the actor in the role that allows `action` on `subject`, or deny and record it.

    Raises:
        AccessDeniedError: no accreditation for this client, and for the subject's access class, allows it today.
        DisposedError: there is no content any more.
    """
    with database.read() as connection:
        if action in CONTENT and _is_disposed(connection, subject):
            raise DisposedError(f"{subject} was disposed of")
        needed = _rank(_class_of(connection, subject)) if action in CONTENT else 0
        today = clock.now().astimezone().date()
        for row in _accreditations(connection, person.id, action, today):
            if row.client == client and _rank(row.clearance) >= needed:
                return person.actor(row.role)
    with database.write() as connection:
        draft = Draft(ids.new("evt"), "access_denied", subject, person.actor("none"), client=client, reason=action)
        append(connection, draft, clock.now())
    raise AccessDeniedError(f"{action} of {subject} is not allowed")


def require_role(person: Person, action: str) -> Actor:
    """Return the actor for an act on the installation itself (adding a client or person).

    Raises:
        AccessDeniedError: none of the person's roles allows it.
    """
    held = sorted(person.roles & PERMISSIONS[action])
    if not held:
        raise AccessDeniedError(f"{action} is not allowed")
    return person.actor(held[0])


def require_installation(database: Database, clock: Clock, ids: Ids, person: Person, action: str) -> Actor:
    """Return the actor for an act on the installation itself, or deny and record it.

    Raises:
        AccessDeniedError: none of the person's roles allows it.
    """
    try:
        return require_role(person, action)
    except AccessDeniedError:
        with database.write() as connection:
            draft = Draft(ids.new("evt"), "access_denied", person.id, person.actor("none"), reason=action)
            append(connection, draft, clock.now())
        raise


def _accreditations(connection: Connection, person: str, action: str, today: date) -> list[Row[Any]]:
    """Return the accreditations that allow `action` today, in the order of their roles: always the same is named."""
    rows = connection.execute(
        select(accreditations).where(accreditations.c.person == person).order_by(accreditations.c.role)
    )
    return [
        row for row in rows if row.role in PERMISSIONS[action] and (row.until is None or row.until >= today.isoformat())
    ]


def _rank(access_class: str | None) -> int:
    return 0 if access_class is None else ACCESS_CLASSES.index(access_class)


def _class_of(connection: Connection, subject: str) -> str | None:
    """Return the access class of the paper that a record or original belongs to; the highest of several."""
    bound = [subject]
    if subject.startswith("ori_"):
        query = select(record_sources.c.record).where(record_sources.c.original == subject)
        bound = list(connection.execute(query).scalars())
    papers = (
        select(physical_files.c.access_class)
        .join(file_records, file_records.c.file == physical_files.c.id)
        .where(file_records.c.record.in_(bound))
    )
    return max(connection.execute(papers).scalars(), key=_rank, default=None)


@dataclass(frozen=True, slots=True)
class Borrowing:
    """Whether somebody may borrow a client's paper on a day: at all, of its access class, and until when."""

    accredited: bool
    cleared: bool
    until: str | None


def borrowing(connection: Connection, person: str, client: str, access_class: str, today: date) -> Borrowing:
    """Return whether a person may borrow a paper of this access class; `until` is the last day, None without end."""
    query = select(accreditations).where(accreditations.c.person == person, accreditations.c.client == client)
    held = [
        row
        for row in connection.execute(query)
        if row.role in PERMISSIONS["borrow"] and (row.until is None or row.until >= today.isoformat())
    ]
    cleared = [row for row in held if _rank(row.clearance) >= _rank(access_class)]
    ends = [row.until for row in cleared or held]
    until = None if not ends or None in ends else max(ends)
    return Borrowing(bool(held), bool(cleared), until)


def _is_disposed(connection: Connection, subject: str) -> bool:
    if subject.startswith("rec_"):
        state = connection.execute(select(records.c.state).where(records.c.id == subject)).scalar_one_or_none()
        return state == "disposed"
    state = connection.execute(select(originals.c.state).where(originals.c.id == subject)).scalar_one_or_none()
    return state in ("shredded", "erased")
