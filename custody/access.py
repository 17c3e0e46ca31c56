"""Access is decided here and nowhere else: accredited person x client x action x date (design, section 2, rule 9).

Reads are events too: `require` is asked first, and a denial is an event of its own in a transaction of its own.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from custody.ledger import Actor, Draft, append
from records.database import Database
from records.errors import AccessDeniedError
from records.ids import Clock, Ids
from records.tables import accreditations

ROLES = ("admin", "operator", "archivist", "reader", "reviewer", "custodian", "compliance", "clerk", "borrower")

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
    "borrow_restricted": frozenset({"archivist", "compliance", "custodian"}),
}


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
    rows = connection.execute(select(accreditations).where(accreditations.c.person == person.id))
    return {
        row.client: row.role
        for row in rows
        if row.role in PERMISSIONS[action] and (row.until is None or row.until >= today.isoformat())
    }


def require(
    database: Database, clock: Clock, ids: Ids, person: Person, client: str, action: str, subject: str
) -> Actor:
    """Return the actor in the role that allows `action`, or deny and record it.

    Raises:
        AccessDeniedError: no accreditation for this client allows it today.
    """
    with database.read() as connection:
        allowed = clients_of(connection, person, action, clock.now().date())
    if client in allowed:
        return person.actor(allowed[client])
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
