"""`muniment batch`: what was offered together, whether all of it arrived, and closing it."""

from pathlib import Path
from typing import Any

import click
from sqlalchemy import ColumnElement, Connection, select

from cli.frame import Frame, _, command
from custody import access
from custody.access import clients_of
from custody.handover import hand_over
from custody.receipts import receipt_text
from records.catalogue import client_by_name, resolve
from records.errors import InvalidValueError, UnknownIdError
from records.lifecycle import BATCH_STATES
from records.tables import batches as table
from records.tables import persons
from tasks import answers, batches

commands = click.Group()


@commands.group("batch")
def batch() -> None:
    """Show batches and close them."""


@command(batch, "list")
@click.option("--client", help="Only this client's batches.")
@click.option("--state", type=click.Choice(BATCH_STATES), help="Only this state.")
def list_command(frame: Frame, client: str | None, state: str | None) -> None:
    """List batches, the newest last."""
    with frame.services.database.read() as connection:
        query = select(table).where(_mine(frame, connection)).order_by(table.c.opened, table.c.id)
        if client is not None:
            query = query.where(table.c.client == client_by_name(connection, client).id)
        if state is not None:
            query = query.where(table.c.state == state)
        shown = [answers.batch_answer(connection, row) for row in connection.execute(query).all()]
    frame.answer({"batches": shown}, lambda: _plain_list(shown))


@command(batch, "show")
@click.argument("batch_id", metavar="B")
def show_command(frame: Frame, batch_id: str) -> None:
    """Show one batch (B: its id, the start of it, or its name)."""
    with frame.services.database.read() as connection:
        document = _answer(connection, _find(frame, connection, batch_id))
    frame.answer(document, lambda: _plain(document))


@command(batch, "close")
@click.argument("batch_id", metavar="B")
@click.option("--waive", metavar="REASON", help="Why offered and expected may differ; needs --by.")
@click.option("--by", metavar="PERSON", help="The second person, who waives the difference.")
def close_command(frame: Frame, batch_id: str, waive: str | None, by: str | None) -> None:
    """Close a batch: nothing waits in it, and offered = expected, or a second person waives the difference."""
    if (waive is None) != (by is None):
        raise InvalidValueError("--waive REASON and --by PERSON go together")
    services = frame.services
    with services.database.read() as connection:
        found = _find(frame, connection, batch_id)
        client = batches.batch_row(connection, found).client
    actor = access.require(services.database, services.clock, services.ids, services.person, client, "ingest", found)
    waiver = None
    if waive is not None and by is not None:
        with services.database.read() as connection:
            waiver = batches.Waiver(waive.strip(), _second_person(frame, connection, client, by))
    batches.close(services, found, actor, waiver)
    with services.database.read() as connection:
        document = _answer(connection, found)
    frame.answer(document, lambda: _plain(document))


@command(batch, "receipt")
@click.argument("batch_id", metavar="B")
@click.option("--to", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
def receipt_command(frame: Frame, batch_id: str, target: Path) -> None:
    """Write the signed receipt of a batch for its client to keep: ids and sealed digests, no names."""
    services = frame.services
    with services.database.read() as connection:
        found = _find(frame, connection, batch_id)
        text = receipt_text(connection, found)
    signer = services.receipt_signer
    hand_over([signer.sign(text).encode()], target.absolute())
    document = {"batch": found, "to": str(target), "vkey": signer.key.vkey}
    frame.answer(
        document,
        lambda: _("receipt written to {to}; whoever checks it needs this key, given another way:\n{vkey}").format(
            **document
        ),
    )


def _second_person(frame: Frame, connection: Connection, client: str, name: str) -> str:
    """Return the pseudonym of the person who waives: somebody else, and accredited to take in for this client."""
    row = connection.execute(select(persons).where((persons.c.name == name) | (persons.c.id == name))).one_or_none()
    if row is None:
        raise UnknownIdError("no person has this name or id; 'muniment person list' shows who there is")
    if row.id == frame.services.person.id:
        raise InvalidValueError("a difference is waived by a second person, not by the one who closes the batch")
    person = access.Person(row.id, row.name, row.pseudonym, frozenset(row.roles), "named")
    if client not in clients_of(connection, person, "ingest", frame.services.today()):
        raise InvalidValueError("the person who waives is not accredited to take in for this client")
    return person.pseudonym


def _mine(frame: Frame, connection: Connection) -> ColumnElement[bool]:
    return table.c.client.in_(clients_of(connection, frame.services.person, "view", frame.services.today()))


def _find(frame: Frame, connection: Connection, given: str) -> str:
    """Return the id of the batch with this id, start of an id, or name (the newest of that name)."""
    mine = _mine(frame, connection)
    named = connection.execute(
        select(table.c.id).where(table.c.name == given, mine).order_by(table.c.opened.desc())
    ).scalar()
    return str(named) if named is not None else resolve(connection, table, given, mine)


def _answer(connection: Connection, found: str) -> answers.Answer:
    return answers.batch_answer(connection, batches.batch_row(connection, found))


def _plain_list(shown: list[answers.Answer]) -> str:
    if not shown:
        return _("There are no batches.")
    lines = []
    for one in shown:
        expected = "" if one["expected"] is None else f"/{one['expected']}"
        counts = ", ".join(
            f"{one[name]} {_(name)}" for name in ("accessioned", "duplicate", "refused", "waiting") if one[name]
        )
        lines.append(
            f"{one['batch']}  {_(one['state']):<8} {one['offered']}{expected} {_('offered')}"
            f"{': ' if counts else ''}{counts}"
        )
        if one["name"]:
            lines.append(f"    {one['name']}  {one['client']}")
    return "\n".join(lines)


def _plain(one: answers.Answer) -> str:
    rows: list[tuple[str, Any]] = [
        (_("name"), one["name"]), (_("client"), one["client"]), (_("expected"), one["expected"]),
        (_("offered"), one["offered"]), (_("accessioned"), one["accessioned"]), (_("duplicate"), one["duplicate"]),
        (_("refused"), one["refused"]), (_("waiting"), one["waiting"]), (_("pages"), one["pages"]),
        (_("opened"), one["opened"]), (_("closed"), one["closed"]),
        (_("waived"), None if one["waiver"] is None else one["waiver"]["reason"]),
    ]  # fmt: skip
    lines = [f"{one['batch']}  {_(one['state'])}"]
    return "\n".join(lines + [f"  {name:<14} {value}" for name, value in rows if value is not None])
