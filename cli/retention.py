"""`muniment retention`: how long records are kept, as rules for a client, a class, both, or all."""

import click
from sqlalchemy import select

from cli.frame import Frame, _, command
from custody import access, retention
from custody.disposal_tables import retention_rules
from records.catalogue import client_by_name
from records.errors import InvalidValueError
from records.retention import STARTS, Rule
from tasks import answers, disposal_answers

commands = click.Group()


@commands.group("retention")
def retention_group() -> None:
    """Say how long records are kept."""


@command(retention_group, "set")
@click.argument("name")
@click.option("--client", help="Only this client's records; else every client's.")
@click.option("--class", "record_class", help="Only this class; else every class.")
@click.option("--period", help="How long: P6Y, P18M, P90D.")
@click.option("--for-ever", is_flag=True, help="Keep for ever.")
@click.option("--from", "start", type=click.Choice(STARTS), default=STARTS[0], show_default=True,
              help="From the day of accession, or from the record's own date where that is sure.")  # fmt: skip
@click.option("--year-end", is_flag=True, help="Count from the last day of that year.")
@click.option("--authority", required=True, help="The law or contract that asks for it, for people.")
def set_command(
    frame: Frame, name: str, client: str | None, record_class: str | None, period: str | None, for_ever: bool,
    start: str, year_end: bool, authority: str,
) -> None:  # fmt: skip
    """Put a rule in force, in the place of the one of its name."""
    if (period is None) != for_ever:
        raise InvalidValueError("give --period or --for-ever")
    services = frame.services
    if record_class is not None and record_class not in services.library.classes:
        raise InvalidValueError(f"class: one of {', '.join(sorted(services.library.classes))}")
    actor = access.require_installation(services.database, services.clock, services.ids, services.person, "administer")
    with services.database.write() as connection:
        owner = None if client is None else client_by_name(connection, client).id
        begins = STARTS[1] if start == STARTS[1] else STARTS[0]
        rule = Rule(name, owner, record_class, period, begins, year_end, authority)
        retention.set_rule(services.vault, connection, rule, actor)
        row = connection.execute(select(retention_rules).where(retention_rules.c.name == name)).one()
        document = disposal_answers.rule_answer(connection, row)
    frame.answer(document, lambda: _plain(document))


@command(retention_group, "list")
def list_command(frame: Frame) -> None:
    """List the rules; the most specific one counts for a record."""
    with frame.services.database.read() as connection:
        rows = disposal_answers.rule_answers(connection)
    frame.answer({"rules": rows}, "\n".join(map(_plain, rows)) or _("There are no rules."))


def _plain(row: answers.Answer) -> str:
    begins = _(row["from"]) + (f", {_('end of the year')}" if row["year_end"] else "")
    return (
        f"{row['rule']:<24} {row['client'] or '*':<16} {row['class'] or '*':<16} {row['period'] or _('for ever'):<8} "
        f"{begins}\n    {row['authority']}"
    )
