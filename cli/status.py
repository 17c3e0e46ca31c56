"""`muniment status`: every file that was ever offered, and what became of it."""

from datetime import datetime

import click
from sqlalchemy import select

from cli.frame import Frame, _, command
from custody.access import clients_of
from records.catalogue import resolve
from records.errors import InvalidValueError
from records.ids import instant
from records.lifecycle import STATUS_STATES
from records.tables import batches, scans
from tasks import answers

commands = click.Group()


@command(commands, "status")
@click.option("--batch", "batch", help="Only this batch: id or name.")
@click.option("--state", type=click.Choice(STATUS_STATES), help="Only scans in this state.")
@click.option("--since", help="Only scans offered since this day or instant (RFC 3339).")
def status_command(frame: Frame, batch: str | None, state: str | None, since: str | None) -> None:
    """Show what became of every file that was offered."""
    services = frame.services
    with services.database.read() as connection:
        mine = clients_of(connection, services.person, "view", services.today())
        query = select(scans.c.id).where(scans.c.client.in_(mine)).order_by(scans.c.offered, scans.c.id)
        if batch is not None:
            named = connection.execute(select(batches.c.id).where(batches.c.name == batch)).scalars().all()
            found = named or [resolve(connection, batches, batch, batches.c.client.in_(mine))]
            query = query.where(scans.c.batch.in_(found))
        if since is not None:
            query = query.where(scans.c.offered >= _instant(since))
        shown = answers.scan_answers(connection, connection.execute(query).scalars().all())
    counts = {name: sum(1 for scan in shown if scan["state"] == name) for name in STATUS_STATES}
    if state is not None:
        shown = [scan for scan in shown if scan["state"] == state]
    document = {"counts": counts, "scans": shown}
    frame.answer(document, lambda: _plain(document))


def _instant(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidValueError("--since takes a day (2026-11-23) or an instant (2026-11-23T08:00:00Z)") from error
    return instant(moment if moment.tzinfo else moment.astimezone())


def _plain(document: answers.Answer) -> str:
    lines = []
    for scan in document["scans"]:
        lines.append(f"{scan['since']}  {_(scan['state']):<12} {scan['path']}")
        if scan["reason"]:
            lines.append(f"    {scan['reason']['message']}; {_(scan['reason']['next'])}")
    numbers = ", ".join(f"{count} {_(name)}" for name, count in document["counts"].items() if count)
    return "\n".join([*lines, numbers or _("Nothing was offered yet: 'muniment ingest FILE' takes one in.")])
