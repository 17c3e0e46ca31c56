"""`muniment file`: physical files. Every command answers with one ANSWER (docs/records-desk.md)."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from cli.desk_answer import act_command, act_options, asked, day, purpose, show
from cli.frame import Frame, _, command, finish
from records.desk import ACCESS_CLASSES, CONDITIONS, FILE_KINDS
from tasks.desk import (
    counting,
    finding,
    importing,
    lending,
    missing,
    receiving,
    renewing,
    requests,
    returning,
    shelving,
    undoing,
)
from tasks.desk.acts import Answer

commands = click.Group()
BLOCKED = 2
F = TypeVar("F", bound=Callable[..., Any])


def count_options(function: F) -> F:
    """Add the options of a count: --pages, --condition, --added, --removed, --declared."""
    for option in (
        click.option("--pages", type=click.IntRange(min=0), help="Pages counted."),
        click.option("--condition", type=click.Choice(CONDITIONS), help="Its condition."),
        click.option("--added", type=click.IntRange(min=0), default=0, help="Pages that the borrower says were added."),
        click.option("--removed", type=click.IntRange(min=0), default=0, help="Pages that he says were taken out."),
        click.option("--declared", help="What was added or taken out, in his words."),
    ):
        function = option(function)
    return function


def counted(given: dict[str, Any]) -> counting.Count:
    """Return what was counted, out of the options of a command."""
    return counting.Count(**{name: given.pop(name) for name in ("pages", "condition", "added", "removed", "declared")})


@commands.group("file")
def file() -> None:
    """Say where paper is, lend it, take it back, count it."""


@command(file, "receive")
@click.argument("barcode", required=False)
@click.option("--title", help="What it is called.")
@click.option("--record", help="The record it is the paper of.")
@click.option("--pages", type=click.IntRange(min=0), help="Pages counted.")
@click.option("--client", default="default", show_default=True, help="Whose paper it is.")
@click.option("--case", "case_no", help="Number of its case.")
@click.option("--department", help="Which part of the client it belongs to.")
@click.option("--kind", type=click.Choice(FILE_KINDS), default="FILE", show_default=True, help="What it is.")
@click.option("--condition", type=click.Choice(CONDITIONS), help="Its condition.")
@click.option("--class", "access_class", type=click.Choice(ACCESS_CLASSES), default="normal", show_default=True,
              help="Who may borrow it.")  # fmt: skip
@click.option("--retention", "retention_rule", help="Rule that says how long it is kept.")
@click.option("--volume", type=click.IntRange(min=1), help="Number of this volume.")
@click.option("--volumes", type=click.IntRange(min=1), help="How many volumes there are.")
@click.option("--part-of", metavar="B", help="The file it is a volume of.")
@act_options
def receive_command(frame: Frame, barcode: str | None, record: str | None, client: str, **given: Any) -> None:
    """Take a file over; it gets a barcode where none is named."""
    said = {name: given.pop(name) for name in ("at", "answers", "reason", "occurred", "event")}
    taken = receiving.Receiving(client, barcode, record, receiving.Described(**given))
    show(frame, receiving.receive(frame.services, asked(frame, **said), taken))


@command(file, "locate")
@click.argument("barcode", metavar="B")
@act_options
def locate_command(frame: Frame, barcode: str, at: str | None, **said: Any) -> None:
    """Say where a file or box is put: --at a shelf, slot or box makes that its place from now on."""
    if at is None:
        raise click.UsageError("Missing option '--at'.")
    show(frame, shelving.locate(frame.services, asked(frame, **said), barcode, at))


@command(file, "find")
@click.argument("barcode", metavar="B")
def find_command(frame: Frame, barcode: str) -> None:
    """Say where a file or box is and who has it."""
    show(frame, finding.find(frame.services, asked(frame), barcode))


@command(file, "history")
@click.argument("barcode", metavar="B")
def history_command(frame: Frame, barcode: str) -> None:
    """Show everything that happened to a file or box."""
    answer = finding.history(frame.services, asked(frame), barcode)
    frame.answer(answer.document(), lambda: _plain_history(answer))
    if answer.exit_code:
        finish(answer.exit_code)


@command(file, "lend")
@click.argument("papers", metavar="B...", nargs=-1, required=True)
@click.option("--to", "person", required=True, metavar="PERSON", help="Who borrows.")
@click.option("--purpose", required=True, metavar="P", help="CODE of docs/reasons.md, with free text after a colon.")
@click.option("--due", metavar="DAY", help="When it is due back (YYYY-MM-DD); without it as the policy says.")
@click.option("--pages", type=click.IntRange(min=0), help="Pages counted when it goes out.")
@click.option("--condition", type=click.Choice(CONDITIONS), help="Its condition when it goes out.")
@click.option("--collector", metavar="PERSON", help="Who fetches it for the borrower.")
@click.option("--slip", help="Goes on with this slip.")
@click.option("--dry-run", is_flag=True, help="Only say what would be said.")
@act_options
def lend_command(frame: Frame, papers: tuple[str, ...], person: str, dry_run: bool, pages: int | None,
                 condition: str | None, collector: str | None, slip: str | None, **said: Any) -> None:  # fmt: skip
    """Lend files or boxes to a person: all of them, or none and the reason."""
    code, words = purpose(said.pop("purpose"))
    due = day(said.pop("due"), "--due")
    asking = lending.Lending(papers, person, code, words, due, pages, condition, collector, slip)
    act = lending.would_lend if dry_run else lending.lend
    show(frame, act(frame.services, asked(frame, **said), asking))


@command(file, "return")
@click.argument("barcode", metavar="B")
@count_options
@act_options
def return_command(frame: Frame, barcode: str, **given: Any) -> None:
    """Take paper back, lent or not; with --pages it is counted at once."""
    count = counted(given)
    show(frame, returning.give_back(frame.services, asked(frame, **given), barcode, count))


@command(file, "check")
@click.argument("barcode", metavar="B")
@count_options
@act_options
def check_command(frame: Frame, barcode: str, **given: Any) -> None:
    """Count what came back, or what stands on its shelf."""
    count = counted(given)
    show(frame, counting.check(frame.services, asked(frame, **given), barcode, count))


@command(file, "settle")
@click.argument("barcode", metavar="B")
@click.option("--pages", type=click.IntRange(min=0), help="Pages it has from now on.")
@act_options
def settle_command(frame: Frame, barcode: str, pages: int | None, **said: Any) -> None:
    """Settle what was wrong with a file that is kept aside. For archivists."""
    show(frame, counting.settle_file(frame.services, asked(frame, **said), barcode, pages))


@command(file, "renew")
@click.argument("barcode", metavar="B")
@click.option("--due", metavar="DAY", help="When it is due back (YYYY-MM-DD); without it as the policy says.")
@act_options
def renew_command(frame: Frame, barcode: str, due: str | None, **said: Any) -> None:
    """Renew a loan, or, by the barcode of a slip, every loan of it that is out."""
    show(frame, renewing.renew(frame.services, asked(frame, **said), barcode, day(due, "--due")))


@command(file, "recall")
@click.argument("barcode", metavar="B")
@click.option("--due", metavar="DAY", help="Brings the due date forward to this day (YYYY-MM-DD).")
@act_options
def recall_command(frame: Frame, barcode: str, due: str | None, **said: Any) -> None:
    """Ask lent paper back."""
    show(frame, renewing.recall(frame.services, asked(frame, **said), barcode, day(due, "--due")))


@command(file, "recharge")
@click.argument("barcode", metavar="B")
@click.option("--to", "person", required=True, metavar="PERSON", help="Who has it from now on.")
@click.option("--due", metavar="DAY", help="When it is due back (YYYY-MM-DD); without it as the policy says.")
@act_options
def recharge_command(frame: Frame, barcode: str, person: str, due: str | None, **said: Any) -> None:
    """Hand a lent file from its holder to the next, where it was scanned and both agree."""
    show(frame, renewing.recharge(frame.services, asked(frame, **said), barcode, person, day(due, "--due")))


act_command(file, "claim", "B", renewing.claim, "Record that the borrower says he returned it; it is looked for.")
act_command(file, "pick", "B", requests.pick, "Take paper from its shelf for who heads its queue.")
act_command(file, "ready", "B", requests.ready, "Bring paper to the desk, or on its way, for who heads its queue.")


@command(file, "refile")
@click.argument("barcode", metavar="B")
@act_options
def refile_command(frame: Frame, barcode: str, at: str | None, **said: Any) -> None:
    """Put a file or box back in its own place; --at is the box or slot that was scanned there."""
    show(frame, shelving.refile(frame.services, asked(frame, **said), barcode, at))


act_command(
    file, "undo", "B", undoing.undo, "Take back your last act with a file: lent, moved, picked or put back by mistake."
)
act_command(
    file,
    "notfound",
    "B",
    missing.not_found,
    "Say that a file is not in its place; it is looked for, and requests for it stay.",
)
act_command(file, "missing", "B", missing.missing, "Say that a file is missing, after it was looked for twice.")
act_command(
    file,
    "found",
    "B",
    missing.found,
    "Say that a missing file turned up; a second person answers approve or disapprove.",
)


@command(file, "import")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--client", default="default", show_default=True, help="Whose files they are.")
@click.option("--dry-run", is_flag=True, help="Only say which rows would not do.")
@act_options
def import_command(frame: Frame, path: Path, client: str, dry_run: bool, **said: Any) -> None:
    """Bring files in from a CSV: all of them, or none and what is wrong."""
    found = importing.import_files(frame.services, asked(frame, **said), path, client, dry_run)
    problems = [{"row": row, "message": message} for row, message in found.problems]
    document = {"rows": found.rows, "ok": found.ok, "problems": problems}
    frame.answer(document, lambda: _plain_import(document))
    if problems:
        finish(BLOCKED)


def _plain_import(document: dict[str, Any]) -> str:
    lines = [_("{rows} rows, {ok} of them will do.").format(**document)]
    return "\n".join([*lines, *(f"{one['row']:>6}  {one['message']}" for one in document["problems"])])


def _plain_history(answer: Answer) -> str:
    rows = answer.document().get("history") or []
    lines = [answer.said.text(_)]
    for row in rows:
        where = " ".join(part for part in (row["place"], row["holder"], row["due"]) if part)
        when = datetime.fromisoformat(row["occurred"] or row["time"]).astimezone().strftime("%Y-%m-%d %H:%M")
        lines.append(f"{row['seq']:>6}  {when}  {_(row['summary']):<44} {where}  {row['by']}")
    return "\n".join(lines)
