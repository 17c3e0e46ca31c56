"""`muniment client`: whose papers are held; each client has its own vault key epochs and its own watched folder."""

import re

import click
from sqlalchemy import select

from cli.frame import Frame, _, command
from custody import access
from custody.access import clients_of
from custody.people import add_client, identify_client
from custody.tables import vault_keys
from records.catalogue import client_by_name
from records.errors import ConfigurationError, InvalidValueError
from records.tables import clients
from tasks import answers

commands = click.Group()
# also the name of its watched folder: no separators, no dot first
_NAME = re.compile(r"[^\W_](?:[\w .,&'-]{0,62}[\w.&])?")


@commands.group("client")
def client() -> None:
    """Add and list clients."""


_TAX_ID = click.option("--tax-id", help="The client's tax id: the customer of its invoices is compared with it.")
_LEGAL_NAME = click.option("--legal-name", help="The client's name as its invoices have it.")


@command(client, "add")
@click.argument("name")
@_TAX_ID
@_LEGAL_NAME
def add_command(frame: Frame, name: str, tax_id: str | None, legal_name: str | None) -> None:
    """Add a client: its vault key and escrow, and its watched folder."""
    if not _NAME.fullmatch(name):
        raise InvalidValueError(
            "a client's name is 1 to 64 letters, digits, spaces and any of .,&'-_, and begins with a letter or digit"
        )
    services = frame.services
    actor = access.require_installation(services.database, services.clock, services.ids, services.person, "administer")
    with services.database.read() as connection:
        names = {str(known).casefold() for known in connection.execute(select(clients.c.name)).scalars()}
    if name.casefold() in names:
        raise InvalidValueError("there is a client of this name already")
    with services.database.write() as connection:
        found = add_client(connection, services.vault, name, actor)
        if (tax_id, legal_name) != (None, None):
            identify_client(connection, services.vault, found, tax_id, legal_name, actor)
    try:
        (services.places.inbox / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the client's watched folder cannot be made: {error.strerror}") from error
    row = next(row for row in _rows(frame, {found}) if row["id"] == found)
    frame.answer(row, lambda: _plain([row]))
    escrow = services.places.escrow / row["vault_key"]["id"]
    frame.hint(
        _("Keys of this client were made. Give its escrow shares ({escrow}) to three people.").format(escrow=escrow)
    )
    frame.hint(_("Nobody may see its papers yet: muniment person accredit PERSON --client CLIENT --role ROLE"))


@command(client, "set")
@click.argument("name")
@_TAX_ID
@_LEGAL_NAME
def set_command(frame: Frame, name: str, tax_id: str | None, legal_name: str | None) -> None:
    """Put a client's tax id and legal name on file."""
    services = frame.services
    actor = access.require_installation(services.database, services.clock, services.ids, services.person, "administer")
    with services.database.write() as connection:
        found = client_by_name(connection, name).id
        identify_client(connection, services.vault, found, tax_id, legal_name, actor)
    rows = _rows(frame, {found})
    frame.answer(rows[0], lambda: _plain(rows))


@command(client, "list")
def list_command(frame: Frame) -> None:
    """List the clients you may see."""
    services = frame.services
    with services.database.read() as connection:
        mine = set(clients_of(connection, services.person, "view", services.today()))
        if services.person.roles & access.PERMISSIONS["administer"]:
            mine |= set(connection.execute(select(clients.c.id)).scalars())
    rows = _rows(frame, mine)
    frame.answer(rows, lambda: _plain(rows))


def _rows(frame: Frame, mine: set[str]) -> list[answers.Answer]:
    services = frame.services
    with services.database.read() as connection:
        keys = {
            row.client: {"id": row.id, "epoch": row.epoch, "recipient": row.recipient}
            for row in connection.execute(
                select(vault_keys).where(vault_keys.c.retired.is_(None)).order_by(vault_keys.c.epoch)
            )
        }
        found = connection.execute(select(clients).where(clients.c.id.in_(mine)).order_by(clients.c.name)).all()
    return [
        {
            "id": row.id, "name": row.name, "created": row.created, "inbox": str(services.places.inbox / row.name),
            "vault_key": keys.get(row.id), "tax_id": row.tax_id, "legal_name": row.legal_name,
        }
        for row in found
    ]  # fmt: skip


def _plain(rows: list[answers.Answer]) -> str:
    if not rows:
        return _("There are no clients that you may see.")
    return "\n".join(
        f"{row['name']:<24} {row['id']}\n"
        f"    {_('watched folder')} {row['inbox']}\n"
        f"    {_('vault key')} {row['vault_key']['id']}, {_('epoch')} {row['vault_key']['epoch']}\n"
        f"    {_('tax id')} {row['tax_id'] or '-'}, {_('legal name')} {row['legal_name'] or '-'}"
        for row in rows
    )
