"""`muniment request`: asking for paper, a copy or a scan, and deciding about it."""

from typing import Any

import click

from cli.desk_answer import act_options, asked, day, purpose, show, show_rows
from cli.frame import Frame, _, command
from records.catalogue import client_by_name
from records.desk import REQUEST_STATES, WANTS
from tasks.desk import lookup, requests
from tasks.desk.acts import Desk

commands = click.Group()
MOST_MARKS = 3  # of urgency, beside a request


@commands.group("request")
def request() -> None:
    """Ask for paper, and decide about what was asked."""


@command(request, "add")
@click.argument("barcode", metavar="B")
@click.option("--by", "requester", metavar="PERSON", help="Who asks; without it you do.")
@click.option("--purpose", required=True, metavar="P", help="CODE of docs/reasons.md, with free text after a colon.")
@click.option("--wants", type=click.Choice(WANTS), default="paper", show_default=True, help="What is wanted of it.")
@click.option("--needed-by", metavar="DAY", help="When it is needed (YYYY-MM-DD).")
@click.option("--priority", type=int, default=0, help="Higher is more urgent.")
@click.option("--basis", "legal_basis", help="The right on which it is asked for.")
@act_options
def add_command(frame: Frame, barcode: str, requester: str | None, wants: str, priority: int,
                legal_basis: str | None, **said: Any) -> None:  # fmt: skip
    """Ask for a file or box."""
    code, words = purpose(said.pop("purpose"))
    needed = day(said.pop("needed_by"), "--needed-by")
    asking = requests.Asking(barcode, requester, code, words, wants, needed, priority, legal_basis)
    show(frame, requests.add(frame.services, asked(frame, **said), asking))


@command(request, "list")
@click.option("--state", type=click.Choice(REQUEST_STATES), help="Only this state; without it what is not over.")
@click.option("--client", help="Only this client's.")
@click.option("--by", "requester", metavar="PERSON", help="Only what this person asked for.")
def list_command(frame: Frame, state: str | None, client: str | None, requester: str | None) -> None:
    """List requests, the oldest first."""

    def listed(desk: Desk) -> list[dict[str, Any]]:
        owner = None if client is None else client_by_name(desk.connection, client).id
        person = None if requester is None else lookup.person(desk, requester).id
        return requests.listed(desk, state, owner, person)

    show_rows(frame, "requests", listed, _plain)


@command(request, "decide")
@click.argument("id")
@click.option("--authorise", "verdict", flag_value="authorise", help="Grant it.")
@click.option("--refuse", "verdict", flag_value="refuse", help="Refuse it; needs --reason.")
@click.option("--cancel", "verdict", flag_value="cancel", help="Take it back.")
@click.option("--unfillable", "verdict", flag_value="unfillable", help="Say that it cannot be met.")
@click.option("--first", "verdict", flag_value="first", help="Move it to the head of its queue.")
@click.option("--priority", type=int, help="Grant it with this priority instead of the one asked for.")
@act_options
def decide_command(frame: Frame, id: str, verdict: str | None, priority: int | None, **said: Any) -> None:
    """Decide about a request."""
    if verdict is None:
        raise click.UsageError("Say one of --authorise, --refuse, --cancel, --unfillable, --first.")
    if verdict == "authorise":
        show(frame, requests.authorise(frame.services, asked(frame, **said), id, priority))
        return
    if priority is not None:
        raise click.UsageError("--priority goes with --authorise.")
    show(frame, requests.decide(frame.services, asked(frame, **said), id, verdict))


@command(request, "pickup")
@click.argument("id")
@click.argument("place")
@act_options
def pickup_command(frame: Frame, id: str, place: str, **said: Any) -> None:
    """Say where a request is fetched instead."""
    show(frame, requests.change_pickup(frame.services, asked(frame, **said), id, place))


@command(request, "fill")
@click.argument("id")
@click.option("--scan", required=True, help="The scan that meets it.")
@act_options
def fill_command(frame: Frame, id: str, scan: str, **said: Any) -> None:
    """Meet a request by a scan; the paper goes back without being lent."""
    show(frame, requests.fill_by_scan(frame.services, asked(frame, **said), id, scan))


def _plain(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return _("There are no requests.")
    lines = []
    for row in rows:
        state = _(row["state"].replace("_", " "))
        urgent = "!" * min(max(row["priority"], 0), MOST_MARKS)
        lines.append(
            f"{row['id']}  {state:<16} {row['barcode']:<12} {row['wants']:<14} {row['requester']} {urgent}".rstrip()
        )
    return "\n".join(lines)
