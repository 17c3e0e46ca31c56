"""`muniment custody check` and `muniment fixity run`: what must hold, checked and said; exit 0, 1 or 2 only."""

import click
from sqlalchemy import func, select

from cli.frame import Frame, _, command
from cli.progress import counting
from cli.verdicts import answer_report
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
    answer_report(frame, report)


@command(fixity_group, "run")
def run_command(frame: Frame) -> None:
    """Read every sealed original whole and compare its digest; recorded as an event."""
    with counting(_("Checking originals"), _count(frame)) as step:
        report = fixity.run(frame.services, step)
    answer_report(frame, report)


def _count(frame: Frame) -> int:
    with frame.services.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(originals)).scalar_one())
