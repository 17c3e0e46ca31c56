"""`muniment hold`: a ban on disposal, of a record or of everything in a batch, file, box or client."""

import click
from sqlalchemy import Connection, select

from cli.frame import Frame, _, command
from cli.reasons import parse_reason
from custody import access, holds
from custody.access import clients_of
from custody.desk_tables import barcodes, boxes, physical_files
from custody.disposal_tables import holds as holds_table
from custody.opening import Act
from records.catalogue import client_by_name, resolve
from records.tables import batches, clients, records
from tasks import answers, disposal_answers

commands = click.Group()
TABLES = {"rec_": records, "bat_": batches, "fil_": physical_files, "box_": boxes, "cli_": clients}
why = click.option("--reason", required=True, help="CODE or 'CODE: free text'; codes: docs/reasons.md.")


@commands.group("hold")
def hold() -> None:
    """Forbid disposal, for a lawsuit, an inspection, an audit."""


@command(hold, "set")
@click.argument("subjects", nargs=-1, required=True, metavar="SUBJECT...")
@why
def set_command(frame: Frame, subjects: tuple[str, ...], reason: str) -> None:
    """Hold records, batches, files, boxes (id or barcode) or clients (id or name)."""
    services = frame.services
    code, words = parse_reason(reason)
    with services.database.read() as connection:
        found = [_subject(connection, one) for one in subjects]
    actors = [
        access.require(services.database, services.clock, services.ids, services.person, client, "set_hold", subject)
        for subject, client in found
    ]
    with services.database.write() as connection:
        made = [
            holds.set_hold(services.vault, connection, subject, client, Act("hold_set", actor, code, words))
            for (subject, client), actor in zip(found, actors, strict=True)
        ]
    _answer(frame, made)


@command(hold, "release")
@click.argument("ids", nargs=-1, required=True, metavar="HOLD...")
@why
def release_command(frame: Frame, ids: tuple[str, ...], reason: str) -> None:
    """Release holds; others on the same subject stay."""
    services = frame.services
    code, words = parse_reason(reason)
    with services.database.read() as connection:
        found = [resolve(connection, holds_table, one) for one in ids]
        rows = connection.execute(select(holds_table).where(holds_table.c.id.in_(found))).all()
    acts = [
        (
            row.id,
            access.require(
                services.database, services.clock, services.ids, services.person, row.client, "release_hold",
                row.subject,
            ),
        )
        for row in rows
    ]  # fmt: skip
    with services.database.write() as connection:
        for one, actor in acts:
            holds.release_hold(services.vault, connection, one, Act("hold_released", actor, code, words))
    _answer(frame, found)


def clients_seen(connection: Connection, frame: Frame, name: str | None) -> list[str]:
    """Return the clients whose disposal the person may see; of a name that is given, that one or none."""
    mine = list(clients_of(connection, frame.services.person, "see_disposal", frame.services.today()))
    if name is None:
        return mine
    wanted = client_by_name(connection, name).id
    return [one for one in mine if one == wanted]


@command(hold, "list")
@click.option("--client", help="Only this client's holds.")
@click.option("--released", is_flag=True, help="Also those that are released.")
def list_command(frame: Frame, client: str | None, released: bool) -> None:
    """List holds."""
    services = frame.services
    with services.database.read() as connection:
        mine = clients_seen(connection, frame, client)
        rows = disposal_answers.hold_answers(connection, mine, released)
    frame.answer({"holds": rows}, _plain(rows) or _("There are no holds."))


def _subject(connection: Connection, given: str) -> tuple[str, str]:
    """Return the id that an id, barcode or client's name stands for, and its client."""
    table = TABLES.get(given[:4])
    if table is None:
        code = select(barcodes.c.target).where(barcodes.c.code == given)
        target = connection.execute(code).scalar_one_or_none()
        found = str(target) if target is not None else str(client_by_name(connection, given).id)
        table = TABLES[found[:4]]
    else:
        found = resolve(connection, table, given)
    if table is clients:
        return found, found
    return found, str(connection.execute(select(table.c.client).where(table.c.id == found)).scalar_one())


def _answer(frame: Frame, ids: list[str]) -> None:
    services = frame.services
    with services.database.read() as connection:
        every = list(connection.execute(select(clients.c.id)).scalars())
        rows = [row for row in disposal_answers.hold_answers(connection, every, released=True) if row["hold"] in ids]
    frame.answer({"holds": rows}, lambda: _plain(rows))


def _plain(rows: list[answers.Answer]) -> str:
    return "\n".join(
        f"{row['hold']}  {row['subject']}  {row['client']}  {row['reason']}  {row['set_by']}  {row['since'][:10]}"
        + (f"  {_('released')} {row['released'][:10]}" if row["released"] else "")
        for row in rows
    )
