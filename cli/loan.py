"""`muniment loan`: what is out, with whom, and how late."""

from typing import Any

import click

from cli.desk_answer import show_rows
from cli.frame import Frame, _, command
from records.catalogue import client_by_name
from tasks.desk import loans, lookup
from tasks.desk.acts import Desk

commands = click.Group()


@commands.group("loan")
def loan() -> None:
    """Show what is lent."""


@command(loan, "list")
@click.option("--overdue", is_flag=True, help="Only what is overdue.")
@click.option("--borrower", metavar="PERSON", help="Only what this person has.")
@click.option("--client", help="Only this client's papers.")
@click.option("--all", "closed", is_flag=True, help="Those that are over too.")
def list_command(frame: Frame, overdue: bool, borrower: str | None, client: str | None, closed: bool) -> None:
    """List loans, what is due first first."""

    def listed(desk: Desk) -> list[dict[str, Any]]:
        owner = None if client is None else client_by_name(desk.connection, client).id
        person = None if borrower is None else lookup.person(desk, borrower).id
        return loans.listed(desk, overdue, person, owner, closed)

    show_rows(frame, "loans", listed, _plain)


def _plain(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return _("Nothing is lent.")
    lines = []
    for row in rows:
        late = _("{days} days late").format(days=row["overdue_days"]) if row["overdue_days"] else ""
        state = _(row["state"].replace("_", " "))
        lines.append(f"{row['due']}  {row['barcode']:<12} {row['borrower']:<24} {state:<20} {late}".rstrip())
    return "\n".join(lines)
