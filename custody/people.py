"""Clients and people: added with their events, accredited, and recognised when they give a command.

Who acts is the person bound to the operating-system user, or the one named, with that person's token (the command
line's contract, section 1).
"""

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from custody.access import ROLES, Person
from custody.contact_tables import responsibles
from custody.keys import VaultKey
from custody.ledger import Actor, Draft, append, append_many
from custody.loan_tables import delegates
from custody.tables import ledger_head
from custody.vault import Vault
from custody.vault_keys import add_key
from records.desk import ACCESS_CLASSES
from records.errors import AccessDeniedError, InvalidValueError
from records.ids import instant
from records.parties import bare_name, bare_tax_id
from records.tables import accreditations, clients, persons
from records.validation import check_tax_id

DEFAULT_CLIENT = "default"
MOST_NAME = 200  # characters of a legal name
FIRST = Actor("installation", "system", "system")


def first_use(vault: Vault, user: str) -> bool:
    """Make the client `default` and bind the operating-system `user` to a person; the first one has all roles.

    Returns True where something was made. Safe to run at every start and from many processes.
    """
    with vault.database.read() as connection:
        client = connection.execute(select(clients).where(clients.c.name == DEFAULT_CLIENT)).one_or_none()
        known = connection.execute(select(persons).where(persons.c.os_user == user)).one_or_none()
        if client is not None and known is not None:
            return False
    with vault.database.write() as connection:
        # the ledger's head row is locked first: two first uses at once make one installation
        connection.execute(select(ledger_head).with_for_update()).one()
        row = connection.execute(select(clients).where(clients.c.name == DEFAULT_CLIENT)).one_or_none()
        made = row is None
        client_id = row.id if row is not None else add_client(connection, vault, DEFAULT_CLIENT, FIRST)
        if connection.execute(select(persons).where(persons.c.os_user == user)).one_or_none() is None:
            first = connection.execute(select(persons).limit(1)).one_or_none() is None
            roles = list(ROLES) if first else []
            person, _ = add_person(connection, vault, user, roles, FIRST, os_user=user)
            for role in roles or ["reader"]:
                accredit(connection, vault, person, client_id, role, None, FIRST, ACCESS_CLASSES[-1] if first else None)
    return made


def add_client(connection: Connection, vault: Vault, name: str, actor: Actor) -> str:
    """Add a client with the first epoch of its own vault key, in the caller's transaction; return its id."""
    now = vault.clock.now()
    client = vault.ids.new("cli")
    connection.execute(insert(clients).values(id=client, name=name, created=instant(now)))
    key = vault.ids.new("key")
    recipient, escrow = vault.keyring.create(key)
    add_key(connection, VaultKey(key, client, 1, recipient, escrow), vault.ids.new("evt"), actor, now)
    return client


def identify_client(
    connection: Connection, vault: Vault, client: str, tax_id: str | None, legal_name: str | None, actor: Actor
) -> None:
    """Put a client's tax id and legal name on file; None leaves what there is. The ledger is told which changed.

    Raises:
        InvalidValueError: the tax id is a placeholder or its control character does not hold, or the name is not one.
    """
    values = {}
    if tax_id is not None:
        values["tax_id"] = bare_tax_id(tax_id)
        check = check_tax_id(values["tax_id"], typed=True)
        if not values["tax_id"] or check.outcome in ("reject", "hold"):
            raise InvalidValueError(f"tax id: {check.message}")
    if legal_name is not None:
        values["legal_name"] = legal_name.strip()
        if not bare_name(legal_name) or not legal_name.isprintable() or len(legal_name) > MOST_NAME:
            raise InvalidValueError(f"a legal name has letters or digits, on one line of up to {MOST_NAME} characters")
    if not values:
        raise InvalidValueError("nothing is said that could be put on file")
    connection.execute(update(clients).where(clients.c.id == client).values(values))
    draft = Draft(
        vault.ids.new("evt"), "config_changed", client, actor, client=client, reason="client-identity",
        obj={"changed": sorted(values)},
    )  # fmt: skip
    append(connection, draft, vault.clock.now())


def add_person(
    connection: Connection, vault: Vault, name: str, roles: list[str], actor: Actor, os_user: str | None = None
) -> tuple[str, str]:
    """Add a person; return the id and the token, which is shown once and of which only the hash is kept."""
    now = vault.clock.now()
    person, token = vault.ids.new("per"), secrets.token_urlsafe(32)
    connection.execute(
        insert(persons).values(
            id=person,
            name=name,
            pseudonym="psn_" + secrets.token_hex(12),
            os_user=os_user,
            token_sha256=None if os_user else _hash(token),
            roles=roles,
            created=instant(now),
        )
    )
    granted = [Draft(vault.ids.new("evt"), "role_granted", person, actor, reason=role) for role in roles]
    append_many(connection, granted, now)
    return person, token


def accredit(
    connection: Connection, vault: Vault, person: str, client: str, role: str, until: str | None, actor: Actor,
    clearance: str | None = None,
) -> None:  # fmt: skip
    """Let a person act for a client in a role, up to the day `until` (inclusive) and the access class `clearance`.

    Again changes both.
    """
    now: datetime = vault.clock.now()
    same = (accreditations.c.person == person) & (accreditations.c.client == client) & (accreditations.c.role == role)
    connection.execute(accreditations.delete().where(same))
    connection.execute(
        insert(accreditations).values(
            person=person, client=client, role=role, until=until, clearance=clearance, created=instant(now)
        )
    )
    draft = Draft(
        vault.ids.new("evt"), "person_accredited", person, actor, client=client, reason=role,
        obj={"until": until, "clearance": clearance or ACCESS_CLASSES[0]},
    )  # fmt: skip
    append(connection, draft, now)


def delegate(
    connection: Connection, vault: Vault, person: str, principal: str, client: str, until: str | None, actor: Actor
) -> None:
    """Let a person collect the papers of a client for `principal`, up to the day `until` (inclusive); again changes it.

    Raises:
        InvalidValueError: it is the same person.
    """
    if person == principal:
        raise InvalidValueError("nobody is his own delegate")
    now: datetime = vault.clock.now()
    same = (delegates.c.person == person) & (delegates.c.principal == principal) & (delegates.c.client == client)
    connection.execute(delegates.delete().where(same))
    connection.execute(
        insert(delegates).values(
            person=person, principal=principal, client=client, until=until, granted_by=actor.id, created=instant(now)
        )
    )
    said = {"until": until, "for": principal}
    draft = Draft(
        vault.ids.new("evt"), "person_accredited", person, actor, client=client, reason="delegate", obj=said
    )  # fmt: skip
    append(connection, draft, now)


def answer_for(
    connection: Connection, vault: Vault, person: str | None, client: str, department: str, actor: Actor
) -> None:
    """Let a person answer for a department of a client (`""`: for the whole client), or nobody any more (None)."""
    now: datetime = vault.clock.now()
    same = (responsibles.c.client == client) & (responsibles.c.department == department)
    connection.execute(responsibles.delete().where(same))
    if person is not None:
        connection.execute(
            insert(responsibles).values(person=person, client=client, department=department, created=instant(now))
        )
    said = {"person": person, "whole": department == ""}
    draft = Draft(
        vault.ids.new("evt"), "config_changed", client, actor, client=client, reason="responsible", obj=said
    )  # fmt: skip
    append(connection, draft, now)


def current_person(connection: Connection, user: str, name: str | None, token: str | None) -> Person:
    """Return who acts: the person bound to the operating-system `user`, or `name` with its token.

    Raises:
        AccessDeniedError: nobody is bound, or the token is not that person's.
    """
    if name is None:
        row = connection.execute(select(persons).where(persons.c.os_user == user)).one_or_none()
        if row is None:
            raise AccessDeniedError("no person is bound to this operating-system user")
        return _person(row, "os")
    row = connection.execute(select(persons).where((persons.c.name == name) | (persons.c.id == name))).one_or_none()
    expected = "" if row is None or row.token_sha256 is None else row.token_sha256
    if row is None or not hmac.compare_digest(expected, _hash(token or "")):
        raise AccessDeniedError("this person and token do not belong together")
    return _person(row, "token")


def _person(row: Row[Any], auth: str) -> Person:
    return Person(row.id, row.name, row.pseudonym, frozenset(row.roles), auth)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
