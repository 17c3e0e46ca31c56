"""`muniment transfer`: papers that come in, go to another site or leave for good by a list."""

from typing import Any

import click

from cli.desk_answer import act_command, act_options, asked, plain, show, show_rows
from cli.frame import Frame, _, command, finish
from tasks.desk import transfer_lists, transfers, withdrawing
from tasks.desk.acts import Answer, Desk, look

commands = click.Group()


@commands.group("transfer")
def transfer() -> None:
    """List papers that come or go, and check them line by line."""


@command(transfer, "add")
@click.argument("papers", metavar="B...", nargs=-1, required=True)
@click.option("--client", default="default", show_default=True, help="Whose papers they are.")
@click.option("--kind", type=click.Choice(transfers.KINDS), default="CLIENT_IN", show_default=True,
              help="From the client to us, between our sites, or back to the client for good.")  # fmt: skip
@click.option("--from", "origin", metavar="PLACE", help="Where they come from; none: the client's own house.")
@click.option("--to", "destination", metavar="PLACE", help="Where they go.")
@act_options
def add_command(frame: Frame, papers: tuple[str, ...], client: str, kind: str, origin: str | None,
                destination: str | None, **said: Any) -> None:  # fmt: skip
    """List a transfer; barcodes that nobody knows are announced as new files."""
    new = transfers.NewTransfer(client, kind, papers, origin, destination)
    show(frame, transfers.add(frame.services, asked(frame, **said), new))


@command(transfer, "list")
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
def list_command(frame: Frame, everything: bool) -> None:
    """List transfers, the newest first."""
    show_rows(frame, "transfers", lambda desk: transfer_lists.listed(desk, everything), _plain)


@command(transfer, "show")
@click.argument("transfer", metavar="T")
def show_command(frame: Frame, transfer: str) -> None:
    """Show a transfer and its lines."""

    def found(desk: Desk) -> Answer:
        row = transfer_lists.find(desk, transfer, "trace")
        return transfers.told(desk, row.id, "transfer-shown")

    answer = look(frame.services, asked(frame), found)
    frame.answer(answer.document(), lambda: "\n".join([plain(answer), *_lines(answer)]))
    if answer.exit_code:
        finish(answer.exit_code)


act_command(transfer, "send", "T", transfers.send, "Send a transfer off.")
act_command(transfer, "receive", "T", transfers.receive, "Say that a transfer arrived.")


@command(transfer, "check")
@click.argument("transfer", metavar="T")
@click.argument("barcode", metavar="B", required=False)
@click.option("--damaged", is_flag=True, help="It came damaged.")
@click.option("--end", is_flag=True, help="Nothing more comes: what was not scanned is missing.")
@act_options
def check_command(frame: Frame, transfer: str, barcode: str | None, damaged: bool, end: bool, **said: Any) -> None:
    """Check one paper that came with a transfer, or end the check."""
    if (barcode is None) != end or (end and damaged):
        raise click.UsageError("Give a barcode, or --end.")
    asking = asked(frame, **said)
    if barcode is None:
        show(frame, transfers.finish(frame.services, asking, transfer))
    else:
        show(frame, transfers.check(frame.services, asking, transfer, barcode, damaged))


act_command(
    transfer, "correct", "T", transfers.correct, "Settle what is wrong with a transfer, with --reason. For archivists."
)


@command(transfer, "place")
@click.argument("transfer", metavar="T")
@act_options
def place_command(frame: Frame, transfer: str, at: str | None, **said: Any) -> None:
    """Put the papers of a checked transfer at a place or into a box, and end it."""
    show(frame, transfers.place(frame.services, asked(frame, **said), transfer, at))


act_command(
    transfer,
    "reject",
    "T",
    transfers.reject,
    "Reject a transfer before anything of it is taken in, with --reason. For archivists.",
)


act_command(
    transfer,
    "approve",
    "T",
    withdrawing.approve,
    "Approve that the papers of a list leave for good, with --reason. For archivists who did not list them.",
)


@command(transfer, "hand-over")
@click.argument("transfer", metavar="T")
@click.option("--to", "receiver", metavar="PERSON", required=True, help="Who takes them for the client.")
@act_options
def hand_over_command(frame: Frame, transfer: str, receiver: str, **said: Any) -> None:
    """Hand the papers of an approved list over to their client for good: all of them, or none."""
    show(frame, withdrawing.hand_over(frame.services, asked(frame, **said), transfer, receiver))


def _lines(answer: Answer) -> list[str]:
    found = answer.more.get("transfer", {}).get("lines", [])
    return [f"  {line['barcode']:<16} {line['state']:<8} {line['note'] or ''}".rstrip() for line in found]


def _plain(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return _("There are no transfers.")
    return "\n".join(
        f"{row['barcode']:<12} {row['kind']:<10} {_(row['state'].replace('_', ' ')):<20} {len(row['lines'])}"
        for row in rows
    )
