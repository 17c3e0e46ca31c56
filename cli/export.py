"""`muniment export`: index data of settled records as a file: CSV, JSON Lines, or as the class's own mapping has it."""

from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from cli.frame import Frame, _, command
from cli.reasons import CODES
from custody import access
from custody.access import clients_of
from records.catalogue import client_by_name, resolve
from records.errors import InvalidValueError
from records.export_mapping import FORMATS
from records.export_tables import exports
from records.tables import batches
from tasks import answers
from tasks.delivering import delivering
from tasks.delivering.delivering import Wanted

commands = click.Group()
LONGEST = 64  # characters of a delivery's name


@commands.group("export")
def export() -> None:
    """Deliver index data of settled records."""


@command(export, "write")
@click.option("--class", "record_class", required=True, help="The class whose records are delivered.")
@click.option("--to", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True, help="Its form.")
@click.option("--client", default="default", show_default=True, help="Whose records.")
@click.option("--batch", help="Only this batch.")
@click.option("--delivery", help="Leave out what an export of this name has delivered already.")
@click.option("--lines", "by_line", is_flag=True, help="One row for each line item (CSV).")
@click.option("--unsettled", is_flag=True, help="Also records that wait for a person.")
@click.option("--reason", type=click.Choice(list(CODES)), default="request", help="A code of docs/reasons.md.")
def write_command(
    frame: Frame, record_class: str, target: Path, form: str, client: str, batch: str | None, delivery: str | None,
    by_line: bool, unsettled: bool, reason: str,
) -> None:  # fmt: skip
    """Write the index data of settled records to a file; what was interrupted goes on with 'export resume'."""
    services = frame.services
    if delivery is not None and not (0 < len(delivery) <= LONGEST and delivery.isprintable()):
        raise InvalidValueError("a delivery's name has 1 to 64 characters")
    with services.database.read() as connection:
        owner = client_by_name(connection, client).id
        found = None if batch is None else resolve(connection, batches, batch)
    actor = access.require(
        services.database, services.clock, services.ids, services.person, owner, "view", found or owner
    )
    wanted = Wanted(owner, record_class, form, target.absolute(), delivery, found, by_line, unsettled, reason)
    _carry_on(frame, delivering.begin(services, wanted, services.person, actor))


@command(export, "resume")
@click.argument("id")
def resume_command(frame: Frame, id: str) -> None:
    """Go on with an export that was interrupted."""
    services = frame.services
    with services.database.read() as connection:
        found = resolve(connection, exports, id)
    row = delivering.export_row(services, found)
    access.require(services.database, services.clock, services.ids, services.person, row.client, "view", row.client)
    _carry_on(frame, found)


@command(export, "list")
@click.option("--client", help="Only this client's.")
def list_command(frame: Frame, client: str | None) -> None:
    """List exports, the newest first."""
    services = frame.services
    with services.database.read() as connection:
        mine = list(clients_of(connection, services.person, "view", services.today()))
        if client is not None:
            owner = client_by_name(connection, client).id
            mine = [one for one in mine if one == owner]
        query = select(exports).where(exports.c.client.in_(mine)).order_by(exports.c.id.desc())
        found = [_document(row, answers.client_name(connection, row.client)) for row in connection.execute(query)]
    frame.answer({"exports": found}, "\n".join(_plain(one) for one in found) or _("There are no exports."))


def _carry_on(frame: Frame, found: str) -> None:
    row = delivering.carry_on(frame.services, found)
    with frame.services.database.read() as connection:
        document = _document(row, answers.client_name(connection, row.client))
    frame.answer(document, lambda: _plain(document))


def _document(row: Any, client: str) -> dict[str, Any]:
    return {
        "export": row.id, "client": client, "class": row.record_class, "format": row.format.partition(":")[0],
        "delivery": row.delivery, "state": row.state, "to": row.target, "records": row.records,
        "rows": row.rows, "bytes": row.bytes, "sha256": row.sha256, "event": row.event, "began": row.began,
        "finished": row.finished,
    }  # fmt: skip


def _plain(document: dict[str, Any]) -> str:
    state = _("finished") if document["state"] == "finished" else _("interrupted")
    return f"{document['export']}  {state}  {document['records']} {document['class']}  {document['to']}"
