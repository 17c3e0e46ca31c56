"""`muniment original`: hand over an original's clear bytes, for a reason, recorded first and verified before."""

from pathlib import Path

import click
from sqlalchemy import select

from cli.frame import Frame, _, command
from cli.reasons import parse_reason
from custody import access
from custody.opening import Act, open_original
from custody.tables import originals
from records.catalogue import resolve, sources_of
from records.tables import records

commands = click.Group()


@commands.group("original")
def original() -> None:
    """Open sealed originals."""


@command(original, "open")
@click.argument("id")
@click.option("--reason", required=True, help="CODE or 'CODE: free text'; codes: docs/reasons.md.")
@click.option("--to", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
def open_command(frame: Frame, id: str, reason: str, target: Path) -> None:
    """Write the clear bytes of an original (ID of a record or an original) to a file."""
    services = frame.services
    code, words = parse_reason(reason)
    with services.database.read() as connection:
        if id.startswith("rec"):
            found = sources_of(connection, resolve(connection, records, id))[0].original
        else:
            found = resolve(connection, originals, id)
        client = connection.execute(select(originals.c.client).where(originals.c.id == found)).scalar_one()
    actor = access.require(
        services.database, services.clock, services.ids, services.person, client, "open_original", found
    )
    opened = open_original(services.vault, found, Act("exported", actor, code, words), target.absolute())
    document = {
        "original": found, "to": str(target), "bytes": opened.size, "sha256": opened.sha256, "event": opened.seq,
    }  # fmt: skip
    frame.answer(document, _("{bytes} bytes written to {to}; recorded as event {event}").format(**document))
