"""`muniment report`: what is out, late, on its way, missing; how well requests are met; the trace of one file."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from cli.frame import Frame, _, command
from cli.papers import check_place, language_option, paper_of, to_option, words_for, write
from custody.access import clients_of
from custody.ledger import Draft, append
from records.catalogue import client_by_name
from records.errors import InvalidValueError, UnknownIdError
from tasks import answers
from tasks.papers import Paper
from tasks.printing.sight import Sight, file_named
from tasks.reports import circulation, service_level, whereabouts
from tasks.reports.court import trace_pdf
from tasks.reports.report import Report, Scope
from tasks.reports.trace import trace
from tasks.reports.writing import report_csv, report_pdf

commands = click.Group()
DAYS_BACK = 90
YEAR = 365
MOST_LENT_PERCENT = 1.0
SHOWN = 200  # rows on the screen; the whole is in --json and in files
Made = Callable[[Scope], Report]


@commands.group("report")
def report() -> None:
    """Report on the records desk: on the screen, as CSV or as PDF (--to FILE.csv or FILE.pdf)."""


def _options(function: Any) -> Any:
    client = click.option("--client", help="Only this client's papers.")
    return client(language_option()(to_option(required=False)(function)))


@command(report, "on-loan")
@click.option(
    "--by", type=click.Choice(circulation.GROUPS), default="borrower", show_default=True, help="Group by this."
)
@_options
def on_loan_command(frame: Frame, by: str, **options: Any) -> None:
    """List everything that is out, and to whom."""
    _report(frame, lambda scope: circulation.on_loan(scope, by), **options)


@command(report, "overdue")
@_options
def overdue_command(frame: Frame, **options: Any) -> None:
    """List what should be back, the latest first, by age."""
    _report(frame, circulation.overdue, **options)


@command(report, "due-soon")
@click.option("--days", type=click.IntRange(0, YEAR), default=7, show_default=True, help="Due within so many days.")
@_options
def due_soon_command(frame: Frame, days: int, **options: Any) -> None:
    """List what is due within some days."""
    _report(frame, lambda scope: circulation.due_soon(scope, days), **options)


@command(report, "most-lent")
@click.option("--since", metavar="DATE", help="Lent since this day; a year back if it is not given.")
@click.option("--percent", type=click.FloatRange(0, 100, min_open=True), default=MOST_LENT_PERCENT, show_default=True,
              help="Share of the files that were lent.")  # fmt: skip
@_options
def most_lent_command(frame: Frame, since: str | None, percent: float, **options: Any) -> None:
    """List the files that are lent so often that they should be digitised."""
    day = _day(frame, since, YEAR)
    _report(frame, lambda scope: circulation.most_lent(scope, day, percent / 100), **options)


@command(report, "in-transit")
@click.option(
    "--days", type=click.IntRange(0, YEAR), default=2, show_default=True, help="On the way for longer than this."
)
@_options
def in_transit_command(frame: Frame, days: int, **options: Any) -> None:
    """List what has been on its way for too long."""
    _report(frame, lambda scope: whereabouts.in_transit(scope, days), **options)


@command(report, "staging")
@click.option(
    "--hours", type=click.IntRange(0, 24 * YEAR), default=24, show_default=True, help="Back for longer than this."
)
@_options
def staging_command(frame: Frame, hours: int, **options: Any) -> None:
    """List what came back and is not put away."""
    _report(frame, lambda scope: whereabouts.staging(scope, hours), **options)


@command(report, "missing")
@_options
def missing_command(frame: Frame, **options: Any) -> None:
    """List what is missing, with the last places and people."""
    _report(frame, whereabouts.missing, **options)


@command(report, "phantom")
@_options
def phantom_command(frame: Frame, **options: Any) -> None:
    """List what is on loan and was seen here all the same."""
    _report(frame, whereabouts.phantom, **options)


@command(report, "retrieval")
@click.option("--since", metavar="DATE", help="Requests since this day; 90 days back if it is not given.")
@click.option(
    "--hours", type=click.IntRange(1, 24 * YEAR), default=24, show_default=True, help="Hours agreed for a request."
)
@_options
def retrieval_command(frame: Frame, since: str | None, hours: int, **options: Any) -> None:
    """Report how many requests were met, how fast, and how many in time."""
    terms = service_level.Terms(_day(frame, since, DAYS_BACK), hours)
    _report(frame, lambda scope: service_level.retrieval(scope, terms), **options)


@command(report, "occupancy")
@language_option()
@to_option(required=False)
def occupancy_command(frame: Frame, **options: Any) -> None:
    """List how full the shelves are, whoever's papers stand there."""
    _report(frame, whereabouts.occupancy, client=None, **options)


@command(report, "trace")
@click.argument("file", metavar="FILE")
@language_option()
@to_option(required=False)
def trace_command(frame: Frame, file: str, language: str | None, target: Path | None) -> None:
    """Show every movement of one file with its proof in the ledger; as PDF it is a paper for a court."""
    paper = paper_of(frame, language)
    services = frame.services
    with services.database.read() as connection:
        scope = _scope(frame, connection, None)
        found = file_named(Sight(connection, scope.clients), file)
        made = trace(scope, found)
    if target is not None:
        _check(target)
        _note(frame, made, {found.id: found.client})
    names = [(paper.say("physical file"), found.barcode), (paper.say("case number"), found.case_no or ""),
             (paper.say("title"), found.title or "")]  # fmt: skip
    _answer(frame, made, paper, target, lambda: trace_pdf(made, names, paper, _words(paper)))


def _report(frame: Frame, make: Made, client: str | None, language: str | None, target: Path | None) -> None:
    paper = paper_of(frame, language)
    with frame.services.database.read() as connection:
        scope = _scope(frame, connection, client)
        made = make(scope)
    if target is not None:
        _check(target)
        _note(frame, made, {one: one for one in scope.clients})
    _answer(frame, made, paper, target, lambda: report_pdf(made, paper, _words(paper)))


def _scope(frame: Frame, connection: Connection, client: str | None) -> Scope:
    """Return the clients whose paper the person may see, and now.

    Raises:
        UnknownIdError: no client of the person's has this name.
    """
    services = frame.services
    now = services.clock.now()
    mine = clients_of(connection, services.person, "trace", now.date())
    names = {one: answers.client_name(connection, one) for one in sorted(mine)}
    if client is not None:
        wanted = client_by_name(connection, client).id
        if wanted not in names:
            raise UnknownIdError("no client has this name or id")
        names = {wanted: names[wanted]}
    return Scope(connection, names, now)


def _note(frame: Frame, made: Report, subjects: dict[str, str]) -> None:
    """Record that a report leaves the catalogue, for each client it is about."""
    services = frame.services
    with services.database.write() as connection:
        mine = clients_of(connection, services.person, "trace", services.clock.now().date())
        for subject, client in subjects.items():
            actor = services.person.actor(mine[client])
            what = {"report": made.name, "rows": len(made.rows)}
            draft = Draft(services.ids.new("evt"), "exported", subject, actor, client=client, obj=what)
            append(connection, draft, services.clock.now())


def _check(target: Path) -> None:
    """Refuse a file that cannot be written, before the event that announces it."""
    if target.suffix.lower() not in (".csv", ".pdf"):
        raise InvalidValueError("--to takes a file that ends in .csv or .pdf")
    check_place(target)


def _answer(frame: Frame, made: Report, paper: Paper, target: Path | None, pdf: Callable[[], bytes]) -> None:
    if target is None:
        frame.answer(made.document(), lambda: _plain(made, paper))
        return
    data = pdf() if target.suffix.lower() == ".pdf" else report_csv(made)
    document = {**write(target, data), "report": made.name, "rows": len(made.rows), "totals": dict(made.totals)}
    frame.answer(document, lambda: _("{rows} rows written to {to}").format(**document))


def _plain(made: Report, paper: Paper) -> str:
    words = _words(paper)
    keys = [column.key for column in made.columns]
    heads = [paper.say(column.heading) for column in made.columns]
    shown = [[words(value, key) for value, key in zip(row, keys, strict=True)] for row in made.rows[:SHOWN]]
    widths = [max(len(row[n]) for row in [heads, *shown]) for n in range(len(heads))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [heads, *shown]
    ]
    if len(made.rows) > SHOWN:
        lines.append(_("... and {count} more: --to FILE.csv").format(count=len(made.rows) - SHOWN))
    lines += [f"{name}: {words(value, '')}" for name, value in made.totals_said(paper.say)]
    return "\n".join(lines)


def _words(paper: Paper) -> Callable[[Any, str], str]:
    shown = words_for(paper.zone, paper.say)

    def words(value: Any, key: str) -> str:
        if key == "event":
            return paper.say(answers.summary_of(value, "fil_"))
        if key == "subject":
            kind, _blank, code = str(value).partition(" ")
            return f"{paper.say('physical file' if kind == 'file' else kind)} {code}".strip()
        return shown(value, key)

    return words


def _day(frame: Frame, text: str | None, back: int) -> date:
    if text is None:
        return frame.services.clock.now().date() - timedelta(days=back)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidValueError("--since takes a day, YYYY-MM-DD") from error
