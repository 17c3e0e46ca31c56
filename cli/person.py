"""`muniment person`: who may act, in which roles, for which clients, until when. A token is shown once, when made."""

import re
from datetime import date
from typing import Any

import click
from sqlalchemy import Connection, Row, select

from cli.frame import Frame, _, command
from custody import access, people
from custody.access import ROLES
from custody.contact_tables import contacts
from custody.removal import remove_person
from custody.roles import grant, revoke
from infra.i18n import LANGUAGES
from records.catalogue import client_by_name
from records.desk import ACCESS_CLASSES
from records.errors import InvalidValueError, UnknownIdError
from records.tables import accreditations, clients, persons
from tasks import answers

commands = click.Group()
DEPARTMENT = 64  # characters
_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]]{1,64}@[A-Za-z0-9.-]{1,255}")


@commands.group("person")
def person() -> None:
    """Add, list and accredit people."""


@command(person, "add")
@click.argument("name")
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="Role for the installation itself.")
@click.option("--os-user", help="Bind to this operating-system user; then no token is needed.")
def add_command(frame: Frame, name: str, roles: tuple[str, ...], os_user: str | None) -> None:
    """Add a person and print the token, this once; only its hash is kept."""
    name = name.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable() or name.startswith(("per_", "-")):
        raise InvalidValueError("a person's name is 1 to 100 printable characters and no id")
    services = frame.services
    actor = access.require_installation(services.database, services.clock, services.ids, services.person, "administer")
    with services.database.write() as connection:
        for row in connection.execute(select(persons)):
            if row.name == name or (os_user is not None and row.os_user == os_user):
                raise InvalidValueError("there is a person of this name or operating-system user already")
        found, token = people.add_person(
            connection, services.vault, name, list(dict.fromkeys(roles)), actor, os_user=os_user
        )
    document = {**_row(frame, found), "token": None if os_user else token}
    frame.answer(document, lambda: _plain_added(document))


@command(person, "list")
def list_command(frame: Frame) -> None:
    """List people, their roles and for which clients they are accredited."""
    with frame.services.database.read() as connection:
        found = connection.execute(select(persons.c.id).order_by(persons.c.name)).scalars().all()
    rows = [_row(frame, one) for one in found]
    frame.answer(rows, lambda: "\n".join(_plain(row) for row in rows))


@command(person, "accredit")
@click.argument("name", metavar="PERSON")
@click.option("--role", required=True, type=click.Choice(ROLES), help="What the person may do.")
@click.option("--client", default="default", show_default=True, help="For which client.")
@click.option("--until", metavar="DATE", help="Last day (YYYY-MM-DD); a day that is past withdraws it.")
@click.option(
    "--clearance",
    type=click.Choice(ACCESS_CLASSES),
    default="normal",
    show_default=True,
    help="The highest access class it reaches.",
)
def accredit_command(frame: Frame, name: str, role: str, client: str, until: str | None, clearance: str) -> None:
    """Let a person act for a client in a role, up to and including a day."""
    services = frame.services
    actor = access.require_installation(services.database, services.clock, services.ids, services.person, "administer")
    last = _day(until)
    with services.database.write() as connection:
        row = connection.execute(select(persons).where((persons.c.name == name) | (persons.c.id == name))).one_or_none()
        if row is None:
            raise UnknownIdError("no person has this name or id; 'muniment person list' shows who there is")
        found = client_by_name(connection, client).id
        people.accredit(connection, services.vault, row.id, found, role, last, actor, clearance)
    document = _row(frame, row.id)
    frame.answer(document, lambda: _plain(document))


@command(person, "grant")
@click.argument("name", metavar="PERSON")
@click.option("--role", required=True, type=click.Choice(ROLES), help="Role for the installation itself.")
def grant_command(frame: Frame, name: str, role: str) -> None:
    """Give a person a role for the installation itself: adding clients and people, say."""
    services = frame.services
    actor = access.require_installation(services.database, services.clock, services.ids, services.person, "administer")
    with services.database.write() as connection:
        found = _named(connection, name)
        grant(connection, services.vault, found.id, role, actor)
    document = _row(frame, found.id)
    frame.answer(document, lambda: _plain(document))


@command(person, "revoke")
@click.argument("name", metavar="PERSON")
@click.option("--role", required=True, type=click.Choice(ROLES), help="The role to withdraw.")
@click.option("--client", help="For which client; without it for the installation itself.")
def revoke_command(frame: Frame, name: str, role: str, client: str | None) -> None:
    """Withdraw a role from a person, at once."""
    services = frame.services
    actor = access.require_installation(services.database, services.clock, services.ids, services.person, "administer")
    with services.database.write() as connection:
        found = _named(connection, name)
        owner = None if client is None else client_by_name(connection, client).id
        revoke(connection, services.vault, found.id, role, owner, actor)
    document = _row(frame, found.id)
    frame.answer(document, lambda: _plain(document))


@command(person, "remove")
@click.argument("name", metavar="PERSON")
def remove_command(frame: Frame, name: str) -> None:
    """Remove a person who has no papers: rights, name, token and addresses go, the pseudonym stays."""
    services = frame.services
    actor = access.require_installation(services.database, services.clock, services.ids, services.person, "administer")
    with services.database.write() as connection:
        found = _named(connection, name)
        remove_person(connection, services.vault, found.id, services.loans.person_days, actor)
    document = _row(frame, found.id)
    frame.answer(document, _("The person is removed; {pseudonym} is left.").format(pseudonym=found.pseudonym))


@command(person, "delegate")
@click.argument("name", metavar="PERSON")
@click.option("--for", "principal", required=True, metavar="PERSON", help="For whom it collects.")
@click.option("--client", default="default", show_default=True, help="Papers of which client.")
@click.option("--until", metavar="DATE", help="Last day (YYYY-MM-DD); a day that is past withdraws it.")
def delegate_command(frame: Frame, name: str, principal: str, client: str, until: str | None) -> None:
    """Let a person collect lent papers for another, up to and including a day."""
    services = frame.services
    actor = access.require_installation(services.database, services.clock, services.ids, services.person, "administer")
    last = _day(until)
    with services.database.write() as connection:
        found, whose = (_named(connection, one) for one in (name, principal))
        owner = client_by_name(connection, client).id
        people.delegate(connection, services.vault, found.id, whose.id, owner, last, actor)
    document = {"person": found.name, "for": whose.name, "client": client, "until": last}
    text = _("{person} may collect for {borrower}.").format(person=found.name, borrower=whose.name)
    frame.answer(document, text)


@command(person, "responsible")
@click.argument("name", metavar="PERSON")
@click.option("--client", default="default", show_default=True, help="For which client's papers.")
@click.option("--department", default="", help="Only for this department's; without it for the whole client.")
@click.option("--end", is_flag=True, help="Nobody answers for them any more.")
def responsible_command(frame: Frame, name: str, client: str, department: str, end: bool) -> None:
    """Say who answers for papers: overdue loans of them go on to that person."""
    services = frame.services
    actor = access.require_installation(services.database, services.clock, services.ids, services.person, "administer")
    if len(department) > DEPARTMENT or not department.isprintable():
        raise InvalidValueError(f"a department is at most {DEPARTMENT} printable characters")
    with services.database.write() as connection:
        found = _named(connection, name)
        owner = client_by_name(connection, client).id
        people.answer_for(connection, services.vault, None if end else found.id, owner, department, actor)
    document = {"person": None if end else found.name, "client": client, "department": department or None}
    text = _("Nobody answers for {what}.") if end else _("{person} answers for {what}.")
    frame.answer(document, text.format(person=found.name, what=department or client))


def _named(connection: Connection, name: str) -> Row[Any]:
    row = connection.execute(select(persons).where((persons.c.name == name) | (persons.c.id == name))).one_or_none()
    if row is None:
        raise UnknownIdError("no person has this name or id; 'muniment person list' shows who there is")
    return row


@command(person, "contact")
@click.argument("name", metavar="PERSON")
@click.option("--email", help="Where notices go; none: by letter.")
@click.option("--address", multiple=True, help="A line of the postal address; may be repeated.")
@click.option("--language", type=click.Choice(LANGUAGES), default="es", show_default=True, help="Language of notices.")
def contact_command(frame: Frame, name: str, email: str | None, address: tuple[str, ...], language: str) -> None:
    """Say how a person is reached by notices of the records desk."""
    services = frame.services
    access.require_installation(services.database, services.clock, services.ids, services.person, "administer")
    if email is not None and not _EMAIL.fullmatch(email):
        raise InvalidValueError("--email takes one address, name@domain")
    with services.database.write() as connection:
        row = connection.execute(select(persons).where((persons.c.name == name) | (persons.c.id == name))).one_or_none()
        if row is None:
            raise UnknownIdError("no person has this name or id; 'muniment person list' shows who there is")
        values = {"email": email, "address": "\n".join(address) or None, "language": language}
        connection.execute(contacts.delete().where(contacts.c.person == row.id))
        connection.execute(contacts.insert().values(person=row.id, **values))
    document = {"person": row.id, "name": row.name, "email": email, "address": list(address), "language": language}
    frame.answer(document, _("Notices for {name} go {how}").format(name=row.name, how=email or _("by letter")))


def _day(text: str | None) -> str | None:
    try:
        return None if text is None else date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise InvalidValueError("--until takes a day, YYYY-MM-DD") from error


def _row(frame: Frame, found: str) -> answers.Answer:
    """Return a person as answers show one: no hash of a token; the ledger's pseudonym for those who check it alone."""
    services = frame.services
    sees = bool(services.person.roles & access.PERMISSIONS["check"]) or found == services.person.id
    with services.database.read() as connection:
        row = connection.execute(select(persons).where(persons.c.id == found)).one()
        held = connection.execute(
            select(accreditations, clients.c.name)
            .join(clients, accreditations.c.client == clients.c.id)
            .where(accreditations.c.person == found)
            .order_by(clients.c.name, accreditations.c.role)
        ).all()
    return {
        "id": row.id, "name": row.name, "pseudonym": row.pseudonym if sees else None, "os_user": row.os_user,
        "roles": list(row.roles), "has_token": row.token_sha256 is not None, "created": row.created,
        "accreditations": [_accreditation(one) for one in held],
    }  # fmt: skip


def _accreditation(row: Row[Any]) -> answers.Answer:
    return {"client": row.name, "role": row.role, "until": row.until, "clearance": row.clearance or ACCESS_CLASSES[0]}


def _plain_added(document: answers.Answer) -> str:
    lines = [_plain(document)]
    if document["token"] is not None:
        lines += [
            _("Token, shown this once: {token}").format(token=document["token"]),
            _("To act as this person: MUNIMENT_TOKEN=... muniment --as '{name}' COMMAND").format(name=document["name"]),
        ]
    lines.append(_("Nothing is allowed yet: muniment person accredit '{name}' --role ROLE --client CLIENT").format(
        name=document["name"]))  # fmt: skip
    return "\n".join(lines)


def _plain(row: answers.Answer) -> str:
    lines = [f"{row['name']:<24} {row['id']}"]
    if row["roles"]:
        lines.append(f"    {_('installation')}: {', '.join(row['roles'])}")
    by_client: dict[str, list[str]] = {}
    for one in row["accreditations"]:
        until = "" if one["until"] is None else f" ({_('until')} {one['until']})"
        reach = "" if one["clearance"] == ACCESS_CLASSES[0] else f" [{_(one['clearance'])}]"
        by_client.setdefault(one["client"], []).append(one["role"] + until + reach)
    lines += [f"    {name}: {', '.join(roles)}" for name, roles in by_client.items()]
    return "\n".join(lines)
