"""`muniment original`: hand over an original, clear or sealed, for a reason, recorded first and verified before."""

from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from cli.frame import Frame, _, command
from cli.reasons import parse_reason
from custody import access
from custody.envelopes import release_envelope
from custody.ledger import Actor
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
    found, actor = allowed_original(frame, id, "open_original")
    opened = open_original(services.vault, found, Act("exported", actor, code, words), target.absolute())
    document = {
        "original": found, "to": str(target), "bytes": opened.size, "sha256": opened.sha256, "event": opened.seq,
    }  # fmt: skip
    frame.answer(document, _("{bytes} bytes written to {to}; recorded as event {event}").format(**document))


@command(original, "envelope")
@click.argument("id")
@click.option("--reason", required=True, help="CODE or 'CODE: free text'; codes: docs/reasons.md.")
@click.option("--to", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
def envelope_command(frame: Frame, id: str, reason: str, target: Path) -> None:
    """Write the sealed bytes to a file and the envelope beside it; docs/custody-keys.md says how they open."""
    services = frame.services
    code, words = parse_reason(reason)
    found, actor = allowed_original(frame, id, "release_envelope")
    act = Act("envelope_released", actor, code, words)
    released = release_envelope(services.vault, found, act, target.absolute())
    document = {
        "original": found, "to": str(target), "envelope": str(target.with_name(released.envelope.name)),
        "bytes": released.size, "sealed_sha256": released.sealed_sha256, "vault_key": released.vault_key,
        "event": released.seq,
    }  # fmt: skip
    frame.answer(document, lambda: _plain_released(document))


def _plain_released(document: dict[str, Any]) -> str:
    return "\n".join(
        (
            _("{bytes} sealed bytes written to {to}; recorded as event {event}").format(**document),
            _("Envelope: {envelope}; it opens with vault key {vault_key}, or its escrow:").format(**document),
            f"  age -d -i {document['vault_key']}.agekey {document['envelope']} > document.key",
            f"  age -d -i document.key {document['to']} > original",
        )
    )


def allowed_original(frame: Frame, id: str, action: str) -> tuple[str, Actor]:
    """Return the original that an id (of a record or an original) names, and the actor who may do this to it."""
    services = frame.services
    with services.database.read() as connection:
        if id.startswith("rec"):
            found = sources_of(connection, resolve(connection, records, id))[0].original
        else:
            found = resolve(connection, originals, id)
        client = connection.execute(select(originals.c.client).where(originals.c.id == found)).scalar_one()
    return found, access.require(
        services.database, services.clock, services.ids, services.person, client, action, found
    )
