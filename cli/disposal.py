"""`muniment disposal`: what is due, proposed, approved and destroyed. Two people decide; the executor carries out."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

import click

from cli.frame import Frame, _, command, finish
from cli.hold import clients_seen
from cli.paper_disposal import paper_group
from cli.progress import counting
from cli.reasons import parse_reason
from custody import access
from custody.disposal_tables import BASES, disposal_orders
from custody.handover import check_target, hand_over
from custody.ledger import Actor
from custody.obstacles import RETENTION
from custody.opening import Act
from records.catalogue import client_by_name, resolve
from records.errors import InvalidValueError
from records.lifecycle import DISPOSAL_STATES
from records.tables import records
from tasks import answers, disposal, disposal_answers, disposal_run
from tasks.disposal import MOST, RECORDS, Proposal

commands = click.Group()
PARTLY = 3
why = click.option("--reason", required=True, help="CODE or 'CODE: free text'; codes: docs/reasons.md.")


@commands.group("disposal")
def disposal_group() -> None:
    """Dispose of records: destroy their keys and everything derived from them, so that nothing comes back."""


disposal_group.add_command(paper_group)


@command(disposal_group, "due")
@click.option("--client", default="default", show_default=True, help="Whose records.")
@click.option("--class", "record_class", help="Only this class.")
@click.option("--all", "everything", is_flag=True, help="Also those that something is in the way of.")
@click.option("--limit", type=click.IntRange(1), default=MOST, show_default=True, help="Records at most.")
def due_command(frame: Frame, client: str, record_class: str | None, everything: bool, limit: int) -> None:
    """List records whose retention period is over, the oldest first; or all, with what stands in the way."""
    row, _actor = _allowed(frame, client, "see_disposal")
    rows = _due(frame, row.id, record_class, everything, limit)
    frame.answer({"client": row.name, "records": rows}, lambda: _plain_due(rows))


@command(disposal_group, "list")
@click.option("--client", help="Only this client's orders.")
@click.option("--state", type=click.Choice(DISPOSAL_STATES), help="Only this state.")
def list_command(frame: Frame, client: str | None, state: str | None) -> None:
    """List orders of disposal."""
    services = frame.services
    with services.database.read() as connection:
        mine = clients_seen(connection, frame, client)
        rows = disposal_answers.order_answers(connection, mine, state)
    frame.answer({"orders": rows}, "\n".join(map(_plain_order, rows)) or _("There are no orders."))


@command(disposal_group, "propose")
@click.argument("ids", nargs=-1, metavar="[RECORD]...")
@click.option("--client", default="default", show_default=True, help="Whose records.")
@click.option("--due", is_flag=True, help="The oldest records that are due and that nothing is in the way of.")
@click.option("--class", "record_class", help="With --due: only this class.")
@click.option(
    "--basis", type=click.Choice(BASES), default=RETENTION, show_default=True,
    help="What it rests on; a law or the client's instruction does not wait for the retention period.",
)  # fmt: skip
@why
def propose_command(
    frame: Frame, ids: tuple[str, ...], client: str, due: bool, record_class: str | None, basis: str, reason: str
) -> None:
    """List records for disposal; another person approves."""
    services = frame.services
    code, words = parse_reason(reason)
    if due == bool(ids):
        raise InvalidValueError("name records, or give --due")
    if basis != RETENTION and (due or not words):
        raise InvalidValueError("a law or an instruction is about named records, and is said: --reason 'CODE: which'")
    row, actor = _allowed(frame, client, "propose_disposal")
    with services.database.read() as connection:
        wanted = [resolve(connection, records, id, records.c.client == row.id) for id in ids]
    if due:
        wanted = [one["record"] for one in _due(frame, row.id, record_class, False, MOST)]
    order = disposal.propose(services, row.id, wanted, Proposal(basis, code, words), services.person, actor)
    _answer(frame, order)


@command(disposal_group, "approve")
@click.argument("order")
@why
def approve_command(frame: Frame, order: str, reason: str) -> None:
    """Approve an order that another person proposed."""
    code, words = parse_reason(reason)
    found, actor = _order(frame, order, "approve_disposal")
    act = Act("disposal_approved", actor, code, words)
    disposal.approve(frame.services, found, frame.services.person, act)
    _answer(frame, found)


@command(disposal_group, "refuse")
@click.argument("order")
@why
def refuse_command(frame: Frame, order: str, reason: str) -> None:
    """Refuse an order, or take it back, before anything is destroyed."""
    code, words = parse_reason(reason)
    found, actor = _order(frame, order, "refuse_disposal")
    disposal.refuse(frame.services, found, Act("disposal_refused", actor, code, words))
    _answer(frame, found)


@command(disposal_group, "run")
@click.argument("order")
def run_command(frame: Frame, order: str) -> None:
    """Destroy what an approved order lists; one that was ended is finished."""
    services = frame.services
    found, actor = _order(frame, order, "run_disposal")
    with services.database.read() as connection:
        total = len(disposal.lines_of(connection, found))
    with counting(_("Disposing of records"), total) as step:
        done = disposal_run.run(services, found, actor, step)
    with services.database.read() as connection:
        document = {
            **disposal_answers.order_answer(connection, found), "disposed": done.disposed, "dropped": done.dropped,
        }  # fmt: skip
    frame.answer(
        document,
        lambda: (
            _plain_order(document)
            + "\n"
            + _("{disposed} records disposed of, {dropped} dropped since something was in the way.").format(**document)
        ),
    )
    if done.dropped:
        finish(PARTLY)


@command(disposal_group, "show")
@click.argument("order")
@click.option("--certificate", "target", type=click.Path(path_type=Path, dir_okay=False), help="File to write it to.")
def show_command(frame: Frame, order: str, target: Path | None) -> None:
    """Show an order, or write its certificate: what was destroyed, by whose decision, and what is left."""
    services = frame.services
    found, _actor = _order(frame, order, "see_disposal")
    with services.database.read() as connection:
        document = disposal_answers.order_answer(connection, found)
        paper = disposal_answers.certificate(connection, found, services.vault.backup_days)
    if target is not None:
        check_target(target.absolute())
        text = json.dumps(paper, ensure_ascii=False, indent=2).encode() + b"\n"
        digest, size = hand_over([text], target.absolute())
        document |= {"to": str(target), "bytes": size, "sha256": digest}
    document["certificate"] = paper
    frame.answer(document, lambda: _plain_shown(document))


def _allowed(frame: Frame, client: str, action: str) -> tuple[Any, Actor]:
    services = frame.services
    with services.database.read() as connection:
        row = client_by_name(connection, client)
    return row, access.require(services.database, services.clock, services.ids, services.person, row.id, action, row.id)


def _order(frame: Frame, order: str, action: str) -> tuple[str, Actor]:
    """Return the order that an id names, and the actor who may do this to it."""
    services = frame.services
    with services.database.read() as connection:
        found = resolve(connection, disposal_orders, order, disposal_orders.c.kind == RECORDS)
        client = disposal.order_row(connection, found).client
    return found, access.require(
        services.database, services.clock, services.ids, services.person, client, action, found
    )


def _due(frame: Frame, client: str, record_class: str | None, blocked: bool, limit: int) -> list[answers.Answer]:
    services = frame.services
    with services.database.read() as connection:
        rows = disposal_answers.due_answers(connection, client, record_class, services.today(), blocked)
        return list(islice(rows, limit))


def _answer(frame: Frame, order: str) -> None:
    with frame.services.database.read() as connection:
        document = disposal_answers.order_answer(connection, order)
    frame.answer(document, lambda: _plain_order(document))


def _plain_due(rows: list[answers.Answer]) -> str:
    if not rows:
        return _("Nothing is due.")
    return "\n".join(
        f"{row['record']}  {row['class'] or '-':<16} {row['rule'] or '-':<20} {row['due'] or '-':<10}  "
        + "; ".join(map(_said, row["obstacles"]))
        for row in rows
    )


def _said(obstacle: answers.Answer) -> str:
    text = str(obstacle["message"])
    return _(text) + (f" ({obstacle['about']})" if obstacle["about"] else "")


def _plain_order(row: answers.Answer) -> str:
    head = f"{row['order']}  {_(row['state'])}  {row['client']}  {_(row['basis'])}: {row['reason']}"
    who = _("proposed by {by}").format(by=row["proposed_by"])
    if row["approved_by"]:
        who += ", " + _("approved by {by}").format(by=row["approved_by"])
    lines = [f"    {line['record']}  {_(line['state'])}  {line['due'] or ''}".rstrip() for line in row["records"]]
    return "\n".join([head, f"    {who}", *lines])


def _plain_shown(document: answers.Answer) -> str:
    paper = document["certificate"]
    lines = [_plain_order(document)]
    lines += [f"    {_('left our reach')}: {copy['type']} {copy['subject']} {copy['at']}" for copy in paper["copies"]]
    lines += [
        f"    {_('in the store, unreadable, until its lock ends')}: {one['subject']} {one['locked_until'] or ''}"
        for one in paper["not_destroyed"]
    ]
    if "to" in document:
        lines.append(_("{bytes} bytes written to {to}").format(**document))
    return "\n".join(lines)
