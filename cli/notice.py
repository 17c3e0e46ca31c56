"""`muniment notice`: notices of the records desk: send what is due, print letters, see what was sent."""

from datetime import date
from pathlib import Path

import click
from sqlalchemy import Connection, select

from cli.frame import Frame, _, command, finish
from cli.papers import check_place, paper_of, to_option, write
from custody import access
from custody.access import clients_of
from custody.loan_tables import notices as table
from records.errors import InvalidValueError
from records.tables import persons
from tasks import notices
from tasks.desk_papers import PaperFile
from tasks.letters import Letter, letters_pdf
from tasks.printing.sight import note_printed

commands = click.Group()
PARTLY = 3


@commands.group("notice")
def notice() -> None:
    """Notices of the records desk: due soon, overdue, asked back, ready."""


@command(notice, "run")
def run_command(frame: Frame) -> None:
    """End requests nobody came for, write down what is due, send what goes by e-mail; again does nothing twice."""
    services = frame.services
    access.require_installation(services.database, services.clock, services.ids, services.person, "administer")
    counts = notices.run(services, services.mailer)
    frame.answer(
        dict(counts),
        _("{expired} requests ran out; {planned} new, {sent} sent, {refused} refused, {later} put off").format(
            **counts
        ),
    )
    finish(PARTLY if counts["refused"] or counts["later"] else 0)


@command(notice, "letters")
@to_option(required=True)
def letters_command(frame: Frame, target: Path) -> None:
    """Print the letters that are due and mark them as sent."""
    services = frame.services
    access.require_installation(services.database, services.clock, services.ids, services.person, "administer")
    check_place(target)
    notices.plan(services)
    # without a mail server everything goes on paper
    waiting = notices.waiting(services, *(("letter", "email") if services.mailer is None else ("letter",)))
    if not waiting:
        raise InvalidValueError("there is nothing to print")
    paper = paper_of(frame, waiting[0].language)
    today = services.clock.now().astimezone(paper.zone).date()
    with services.database.read() as connection:
        letters = [_letter(connection, sending, today, paper.office) for sending in waiting]
    subjects = [(row.loan or row.request or row.round, row.client) for sending in waiting for row in sending.rows]
    note_printed(services, services.person, "letter", subjects)
    document = {**write(target, letters_pdf(letters, paper)), "letters": len(letters)}
    notices.mark_sent(services, waiting)
    frame.answer(document, _("{letters} letters written to {to}").format(**document))


@command(notice, "list")
@click.option("--unsent", is_flag=True, help="Only what was not sent.")
def list_command(frame: Frame, unsent: bool) -> None:
    """List notices that were written down, the newest last."""
    services = frame.services
    with services.database.read() as connection:
        mine = clients_of(connection, services.person, "trace", services.clock.now().date())
        query = select(table, persons.c.name).join(persons, persons.c.id == table.c.person)
        query = query.where(table.c.client.in_(mine)).order_by(table.c.id)
        if unsent:
            query = query.where(table.c.sent_at.is_(None))
        rows = [
            {"loan": row.loan, "request": row.request, "person": row.name, "kind": row.kind, "level": row.level,
             "channel": row.channel, "template": row.template, "scheduled_for": row.scheduled_for,
             "sent_at": row.sent_at, "result": row.result, "attempts": row.attempts}
            for row in connection.execute(query)
        ]  # fmt: skip
    frame.answer({"notices": rows}, lambda: "\n".join(
        f"{row['sent_at'] or '-':<24} {row['kind']} {row['level']}  {row['person']}  {row['result'] or ''}"
        for row in rows
    ))  # fmt: skip


def _letter(connection: Connection, sending: notices.Sending, today: date, office: str) -> Letter:
    subject, paragraphs, papers = notices.words_of(connection, sending)
    listed = tuple(
        (PaperFile(one.code, " ".join(part for part in (one.title, one.note and f"({one.note})") if part), one.case_no),
         one.due)
        for one in papers
    )  # fmt: skip
    lines = tuple((sending.address or "").splitlines())
    return Letter((sending.person, *lines), (office,), today, subject, tuple(paragraphs), listed)
