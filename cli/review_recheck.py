"""`muniment review recheck`: every check again as it is now, after a rule, a class file or a list has changed."""

import click

from cli.frame import Frame, _, command, finish
from cli.reasons import parse_reason
from cli.review_options import filters_of, require_review, resolve_record, why
from custody.access import hidden_from
from custody.opening import Act
from records.errors import InvalidValueError, ReviewTakenError
from records.ids import RecordId
from tasks import answers
from tasks.ingest import bring_up_to_date
from tasks.record_describing import describe_again
from tasks.review.unchecked import unchecked

PARTLY = 3


def add_to(group: click.Group) -> None:
    """Add the command to `muniment review`."""
    command(group, "recheck")(recheck_command)


@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--unknown", is_flag=True, help="Records with a check that could not run on a value nobody decided.")
@click.option("--client", help="Only this client's records.")
@click.option("--class", "record_class", help="Only this class.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many records.")
@click.option("--list", "only_list", is_flag=True, help="List them, check nothing.")
@why
def recheck_command(
    frame: Frame, ids: tuple[str, ...], unknown: bool, client: str | None, record_class: str | None,
    limit: int | None, only_list: bool, reason: str,
) -> None:  # fmt: skip
    """Describe records anew and run every check as it is now; what people decided stays, older outcomes are kept."""
    if unknown == bool(ids):
        raise InvalidValueError("name records, or ask for --unknown")
    services, code = frame.services, parse_reason(reason)[0]
    named = [resolve_record(frame, id) for id in ids] or _unchecked(frame, client, record_class, limit)
    done: list[answers.Answer] = []
    for record in named if not only_list else ():
        act = Act("described", require_review(frame, record), code)
        try:
            receipt = describe_again(RecordId(record), services, act)
            done.append({"record": record, "state": receipt.state, "review": receipt.review, "taken": False})
        except ReviewTakenError:
            if ids:
                raise
            done.append({"record": record, "state": None, "review": None, "taken": True})
    indexed = bring_up_to_date(services) if done else True
    left = named if only_list else _unchecked(frame, client, record_class, limit) if unknown else []
    document = {"records": done, "unknown": left}
    frame.answer(document, lambda: _plain(done, left))
    if not indexed or any(one["taken"] for one in done):
        frame.hint(_("Not all of it was done: a record is in another person's hands, or the index is behind."))
        finish(PARTLY)


def _unchecked(frame: Frame, client: str | None, record_class: str | None, limit: int | None) -> list[str]:
    services = frame.services
    mine, wanted = filters_of(frame, client, record_class, None)
    clients = set(mine) & ({wanted.client} if wanted.client is not None else set(mine))
    with services.database.read() as connection:
        found = unchecked(connection, clients, record_class, limit)
        hidden = hidden_from(connection, services.person, "review", services.today(), found)
    return [record for record in found if record not in hidden]


def _plain(done: list[answers.Answer], left: list[str]) -> str:
    lines = [f"{one['record']}  {_(one['state']) if one['state'] else _('held by')}" for one in done]
    lines += [f"{record}  {_('a check could not run')}" for record in left]
    return "\n".join(lines) or _("Every check has run.")
