"""`muniment disposal paper`: paper is destroyed by three people: who lists it, who approves, who destroys it."""

import json
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from cli.frame import Frame, _, command
from cli.papers import check_place, language_option, paper_of, write
from cli.reasons import parse_reason
from custody import access
from custody.access import Person
from custody.disposal_tables import BASES, disposal_orders
from custody.ledger import Actor
from custody.obstacles import RETENTION
from custody.opening import Act
from records.catalogue import client_by_name, resolve
from records.errors import InvalidValueError, UnknownIdError
from records.tables import persons
from tasks import paper_disposal
from tasks.disposal import Proposal, order_row
from tasks.paper_certificate import certificate, certificate_pdf
from tasks.paper_disposal import METHODS, PAPER, Destruction

why = click.option("--reason", required=True, help="CODE or 'CODE: free text'; codes: docs/reasons.md.")


@click.group("paper")
def paper_group() -> None:
    """Destroy paper: listed by one person, approved by a second, destroyed by a third before a witness."""


@command(paper_group, "propose")
@click.argument("codes", nargs=-1, required=True, metavar="B...")
@click.option("--client", default="default", show_default=True, help="Whose papers.")
@click.option(
    "--basis", type=click.Choice(BASES), default=RETENTION, show_default=True,
    help="What it rests on; a law or the client's instruction does not wait for the retention period.",
)  # fmt: skip
@why
def propose_command(frame: Frame, codes: tuple[str, ...], client: str, basis: str, reason: str) -> None:
    """List files and boxes for destruction; from then on they are neither lent nor asked for."""
    services = frame.services
    code, words = parse_reason(reason)
    if basis != RETENTION and not words:
        raise InvalidValueError("a law or an instruction is said: --reason 'CODE: which'")
    with services.database.read() as connection:
        row = client_by_name(connection, client)
    actor = access.require(
        services.database, services.clock, services.ids, services.person, row.id, "propose_disposal", row.id
    )
    proposal = Proposal(basis, code, words)
    _answer(frame, paper_disposal.propose(services, row.id, codes, proposal, services.person, actor))


@command(paper_group, "approve")
@click.argument("order")
@why
def approve_command(frame: Frame, order: str, reason: str) -> None:
    """Approve an order that another person proposed; the reason says what the client authorised it by."""
    code, words = parse_reason(reason)
    found, actor = _order(frame, order, "approve_disposal")
    paper_disposal.approve(frame.services, found, frame.services.person, Act("disposal_approved", actor, code, words))
    _answer(frame, found)


@command(paper_group, "refuse")
@click.argument("order")
@click.argument("codes", nargs=-1, metavar="[B]...")
@why
def refuse_command(frame: Frame, order: str, codes: tuple[str, ...], reason: str) -> None:
    """Refuse an order, or take papers off it, before they are destroyed."""
    code, words = parse_reason(reason)
    found, actor = _order(frame, order, "refuse_disposal")
    paper_disposal.refuse(frame.services, found, Act("disposal_refused", actor, code, words), codes)
    _answer(frame, found)


@command(paper_group, "destroy")
@click.argument("order")
@click.argument("codes", nargs=-1, required=True, metavar="B...")
@click.option("--witness", required=True, metavar="PERSON", help="Who watches; another person.")
@click.option("--method", type=click.Choice(METHODS), default=METHODS[0], show_default=True, help="How.")
@click.option("--at", "place", required=True, help="Where: name or address of the place.")
def destroy_command(frame: Frame, order: str, codes: tuple[str, ...], witness: str, method: str, place: str) -> None:
    """Record papers as they are scanned at the shredder; a sealed box counts with what is in it."""
    found, actor = _order(frame, order, "run_disposal")
    how = Destruction(_person(frame, witness), method, place)
    paper_disposal.destroy(frame.services, found, codes, how, frame.services.person, actor)
    _answer(frame, found)


@command(paper_group, "show")
@click.argument("order")
@click.option("--certificate", "target", type=click.Path(path_type=Path, dir_okay=False),
              help="File to write it to: .pdf to be signed, .json for programs.")  # fmt: skip
@language_option()
def show_command(frame: Frame, order: str, target: Path | None, language: str | None) -> None:
    """Show an order of paper, or write its certificate of destruction."""
    found, _actor = _order(frame, order, "see_disposal")
    with frame.services.database.read() as connection:
        document = certificate(connection, found)
    if target is None:
        frame.answer(document, lambda: _plain(document))
        return
    if target.suffix.lower() not in (".pdf", ".json"):
        raise InvalidValueError("--certificate takes a file that ends in .pdf or .json")
    if not document["papers"]:
        raise InvalidValueError("nothing of this order was destroyed yet")
    check_place(target)
    as_json = json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"
    data = as_json if target.suffix.lower() == ".json" else certificate_pdf(document, paper_of(frame, language))
    written = write(target, data)
    frame.answer({**document, **written}, _("{bytes} bytes written to {to}").format(**written))


def _order(frame: Frame, order: str, action: str) -> tuple[str, Actor]:
    """Return the order of paper that an id names, and the actor who may do this to it."""
    services = frame.services
    with services.database.read() as connection:
        found = resolve(connection, disposal_orders, order, disposal_orders.c.kind == PAPER)
        client = order_row(connection, found).client
    return found, access.require(
        services.database, services.clock, services.ids, services.person, client, action, found
    )


def _person(frame: Frame, name: str) -> Person:
    with frame.services.database.read() as connection:
        named = (persons.c.name == name) | (persons.c.id == name)
        row = connection.execute(select(persons).where(named)).one_or_none()
    if row is None:
        raise UnknownIdError("no person has this name or id; 'muniment person list' shows who there is")
    return Person(row.id, row.name, row.pseudonym, frozenset(row.roles), "os")


def _answer(frame: Frame, order: str) -> None:
    with frame.services.database.read() as connection:
        document = certificate(connection, order)
    frame.answer(document, lambda: _plain(document))


def _plain(document: dict[str, Any]) -> str:
    lines = [f"{document['certificate']}  {_(document['state'])}  {document['client']}"]
    lines += [f"    {one['code']:<14} {_('destroyed')}  {one['title'] or ''}" for one in document["papers"]]
    for name, codes in ((_("to be destroyed"), document["left"]), (_("taken off the order"), document["dropped"])):
        if codes:
            lines.append(f"    {name}: {' '.join(codes)}")
    return "\n".join(lines)
