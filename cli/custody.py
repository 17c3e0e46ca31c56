"""`muniment custody check` and `muniment fixity run`: what must hold, checked and said; exit 0, 1 or 2 only."""

import click
from sqlalchemy import func, select

from cli.frame import Frame, _, command, finish
from cli.progress import counting
from custody.findings import Report
from custody.tables import originals
from tasks import custody_check, fixity

commands = click.Group()


@commands.group("custody")
def custody() -> None:
    """Check what must hold across store, database, index and ledger."""


@commands.group("fixity")
def fixity_group() -> None:
    """Compare sealed bytes with their recorded digests."""


@command(custody, "check")
def check_command(frame: Frame) -> None:
    """State every invariant and whether it holds; nothing is changed."""
    with counting(_("Checking originals"), _count(frame)) as step:
        report = custody_check.check(frame.services, step)
    _answer(frame, report)


@command(fixity_group, "run")
def run_command(frame: Frame) -> None:
    """Read every sealed original whole and compare its digest; recorded as an event."""
    with counting(_("Checking originals"), _count(frame)) as step:
        report = fixity.run(frame.services, step)
    _answer(frame, report)


def _count(frame: Frame) -> int:
    with frame.services.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(originals)).scalar_one())


def _answer(frame: Frame, report: Report) -> None:
    frame.answer(report.answer(), lambda: _plain(report))
    finish(report.exit_code)


def _plain(report: Report) -> str:
    lines = [
        f"{s['step']:>3}. {_(s['name']):<44} {_(s['outcome'])}  {s['detail'] or ''}".rstrip() for s in report.steps
    ]
    lines += [
        f"     {p.kind}: {p.object} {_('expected')} {p.expected}, {_('found')} {p.found}" for p in report.problems
    ]
    lines += [f"     {_(kind)}: {name}" for kind, names in report.notes.items() for name in names]
    return "\n".join([*lines, _("Verdict: {verdict}").format(verdict=_(report.verdict))])
