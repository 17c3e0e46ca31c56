"""`muniment box`: containers of files, which move as one and may be sealed."""

from typing import Any

import click
from sqlalchemy import func, select

from cli.desk_answer import act_options, asked, show
from cli.frame import Frame, _, command
from custody import access
from custody.desk_tables import boxes, physical_files
from custody.whereabouts import where_is
from records.catalogue import client_by_name
from records.tables import clients
from tasks.desk import boxing

commands = click.Group()


@commands.group("box")
def box() -> None:
    """Add, list and seal boxes."""


@command(box, "add")
@click.argument("barcode", required=False)
@click.option("--client", default="default", show_default=True, help="Whose box it is.")
@click.option("--ref", "client_ref", help="What the client calls it.")
@click.option("--profile", help="Its kind, of 'box profile'.")
@click.option("--seal", "seal_no", help="Number of the seal it is closed with.")
@click.option("--not-itemised", is_flag=True, help="What is in it is not in the catalogue file by file.")
@act_options
def add_command(frame: Frame, at: str | None, barcode: str | None, client: str, not_itemised: bool,
                client_ref: str | None, profile: str | None, seal_no: str | None, **said: Any) -> None:  # fmt: skip
    """Add a box, at a place if one is said; without BARCODE one is given."""
    new = boxing.NewBox(client, barcode, client_ref, profile, seal_no, not not_itemised, at)
    show(frame, boxing.add_box(frame.services, asked(frame, **said), new))


@command(box, "list")
@click.option("--client", help="Only this client's boxes.")
def list_command(frame: Frame, client: str | None) -> None:
    """List boxes, where they are, and how many files are in them."""
    services = frame.services
    with services.database.read() as connection:
        mine = access.clients_of(connection, services.person, "trace", services.today())
        query = select(boxes, clients.c.name.label("client_name")).join(clients, clients.c.id == boxes.c.client)
        query = query.where(boxes.c.client.in_(mine)).order_by(boxes.c.id)
        if client is not None:
            query = query.where(boxes.c.client == client_by_name(connection, client).id)
        inside = select(physical_files.c.box, func.count()).where(physical_files.c.client.in_(mine))
        counts = {found: int(count) for found, count in connection.execute(inside.group_by(physical_files.c.box))}
        rows = [
            {
                "id": row.id, "barcode": row.barcode, "client": row.client_name, "ref": row.client_ref,
                "profile": row.profile, "seal": row.seal_no if row.sealed else None, "itemised": bool(row.itemised),
                "state": row.state, "location": where_is(connection, row).text, "files": counts.get(row.id, 0),
            }
            for row in connection.execute(query).all()
        ]  # fmt: skip
    frame.answer({"boxes": rows}, lambda: _plain(rows))


@command(box, "profile")
@click.argument("name")
@click.option("--capacity", type=click.IntRange(min=1), help="How many files it takes.")
@click.option("--single", is_flag=True, help="For one file only.")
@click.option("--size", "size_mm", type=(int, int, int), metavar="W H D", help="Width, height, depth in millimetres.")
def profile_command(frame: Frame, name: str, capacity: int | None, single: bool,
                    size_mm: tuple[int, int, int] | None) -> None:  # fmt: skip
    """Add a kind of box."""
    services = frame.services
    access.require_installation(services.database, services.clock, services.ids, services.person, "administer")
    show(frame, boxing.add_profile(services, asked(frame), name, capacity, not single, size_mm))


@command(box, "seal")
@click.argument("barcode")
@click.argument("number")
@act_options
def seal_command(frame: Frame, barcode: str, number: str, **said: Any) -> None:
    """Close a box with a seal."""
    show(frame, boxing.seal(frame.services, asked(frame, **said), barcode, number))


@command(box, "unseal")
@click.argument("barcode")
@act_options
def unseal_command(frame: Frame, barcode: str, **said: Any) -> None:
    """Break the seal of a box; its files are then to be counted."""
    show(frame, boxing.unseal(frame.services, asked(frame, **said), barcode))


@command(box, "count")
@click.argument("barcode")
@click.argument("files", nargs=-1)
@act_options
def count_command(frame: Frame, barcode: str, files: tuple[str, ...], **said: Any) -> None:
    """Say which files are in a box whose seal was broken; what is not among them is looked for."""
    show(frame, boxing.count(frame.services, asked(frame, **said), barcode, files))


def _plain(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return _("There are no boxes.")
    lines = []
    for row in rows:
        state = _(row["state"].replace("_", " "))
        lines.append(f"{row['barcode']:<12} {state:<12} {row['files']:>4}  {row['location'] or '-'}  {row['client']}")
    return "\n".join(lines)
