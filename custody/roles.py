"""Roles given and withdrawn, each an event; and which of them one person should not hold together.

A role holds for the installation (`persons.roles`) or for a client (an accreditation). No one person can do and hide
(custody reference, section 6.2): whoever gives roles should hold none that opens, destroys or approves, and of those
who propose, approve and carry out a disposal each should be another. The application refuses one order's proposer as
its approver in any case; `doctor` says where people could change their hats.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection, select, update

from custody.ledger import Actor, Draft, append
from custody.tables import events
from custody.vault import Vault
from records.errors import InvalidValueError
from records.tables import accreditations, clients, persons

APART: tuple[frozenset[str], ...] = tuple(
    frozenset(pair)
    for pair in (
        ("proposer", "approver"), ("archivist", "approver"), ("approver", "custodian"), ("admin", "approver"),
        ("admin", "custodian"), ("admin", "compliance"), ("compliance", "custodian"),
    )
)  # fmt: skip
GIVEN = ("person_accredited", "role_granted")


@dataclass(frozen=True, slots=True)
class TogetherHeld:
    """Roles that one person holds for one client (None: the installation alone) and should not hold together."""

    person: str
    client: str | None
    roles: tuple[str, ...]


def grant(connection: Connection, vault: Vault, person: str, role: str, actor: Actor) -> None:
    """Give a person a role for the installation itself, in the caller's transaction.

    Raises:
        InvalidValueError: the person has it already.
    """
    held = _held(connection, person)
    if role in held:
        raise InvalidValueError("the person has this role already")
    _save(connection, person, [*held, role])
    _append(connection, vault, Draft("", "role_granted", person, actor, reason=role))


def revoke(connection: Connection, vault: Vault, person: str, role: str, client: str | None, actor: Actor) -> None:
    """Withdraw a role: for a client, or where `client` is None for the installation; in the caller's transaction.

    Raises:
        InvalidValueError: the person has it not, or nobody would be left who gives roles.
    """
    if client is None:
        held = _held(connection, person)
        if role not in held:
            raise InvalidValueError("the person has not this role for the installation")
        _save(connection, person, [one for one in held if one != role])
        if role == "admin" and not any("admin" in row.roles for row in connection.execute(select(persons.c.roles))):
            raise InvalidValueError("this is the last administrator: give the role to another person first")
    else:
        same = (accreditations.c.person == person) & (accreditations.c.client == client)
        if not connection.execute(accreditations.delete().where(same, accreditations.c.role == role)).rowcount:
            raise InvalidValueError("the person is not accredited in this role for this client")
    _append(connection, vault, Draft("", "role_revoked", person, actor, client=client, reason=role))


def held_together(connection: Connection, today: date) -> Iterator[TogetherHeld]:
    """Yield where one person holds roles today that should be apart."""
    names = {row.id: row.name for row in connection.execute(select(clients.c.id, clients.c.name))}
    living: dict[str, dict[str, set[str]]] = {}
    for row in connection.execute(select(accreditations)):
        if row.until is None or row.until >= today.isoformat():
            living.setdefault(row.person, {}).setdefault(row.client, set()).add(row.role)
    for person in connection.execute(select(persons).order_by(persons.c.name)):
        everywhere = set(person.roles)
        if found := _together(everywhere):
            yield TogetherHeld(person.name, None, found)
        for client, roles in living.get(person.id, {}).items():
            if found := _together(everywhere | roles, roles):
                yield TogetherHeld(person.name, names[client], found)


def given_to_oneself(connection: Connection) -> int:
    """Count the events by which people gave themselves a role; the installation's own first ones are none."""
    pseudonyms = {row.id: row.pseudonym for row in connection.execute(select(persons.c.id, persons.c.pseudonym))}
    rows = connection.execute(select(events.c.subject, events.c.leaf).where(events.c.type.in_(GIVEN)))
    return sum(1 for row in rows if f'"id":"{pseudonyms.get(row.subject, "-")}","role"'.encode() in bytes(row.leaf))


def _together(roles: set[str], among: set[str] | None = None) -> tuple[str, ...]:
    """Return the roles that should be apart; with `among`, only where one of a pair is among those."""
    pairs = [pair for pair in APART if pair <= roles and (among is None or pair & among)]
    return tuple(sorted(set[str]().union(*pairs)))


def _held(connection: Connection, person: str) -> list[str]:
    held = select(persons.c.roles).where(persons.c.id == person).with_for_update()
    return list(connection.execute(held).scalar_one())


def _save(connection: Connection, person: str, roles: list[str]) -> None:
    connection.execute(update(persons).where(persons.c.id == person).values(roles=roles))


def _append(connection: Connection, vault: Vault, draft: Draft) -> None:
    append(connection, replace(draft, id=vault.ids.new("evt")), vault.clock.now())
