"""`muniment review key`: two people key a field blind, a third decides where they differ.

Nothing of what the machine read or another person keyed is shown to who keys; both values are shown to the third.
"""

import sys
from datetime import timedelta
from pathlib import Path

import click

from cli.frame import Frame, _, command, finish
from cli.reasons import parse_reason
from cli.review_options import (
    asked_of,
    filters_of,
    for_minutes,
    named_field,
    pair,
    require_review,
    resolve_record,
    step_answer,
    why,
    with_snippets,
)
from cli.review_walk import walk_record
from custody.access import hidden_from
from custody.ledger import Actor
from records.catalogue import record_row
from records.ids import RecordId
from records.review_codes import DOUBLE_KEY
from tasks import answers
from tasks.review import deciding, queue, seeing
from tasks.review import keying as tasks_keying
from tasks.review.corrections import Change, Corrections, KeyingReceipt
from tasks.review.queue import Filters, Lock
from tasks.review.seeing import Step

PARTLY = 3
keying = click.Group("key", help="Key fields that two people key, unseen by each other, and decide where they differ.")
as_third = click.option("--third", is_flag=True, help="Decide where two people keyed differently; neither was you.")
sets_values = click.option(
    "--set", "sets", multiple=True, metavar="NAME=VALUE", help="What stands there; an empty VALUE says: nothing."
)
says_illegible = click.option(
    "--illegible", "illegibles", multiple=True, metavar="NAME", help="Say that nobody can read a field."
)
under_lock = click.option("--token", type=int, help="The token of your lock: refused if another took the record.")


@command(keying, "list")
@click.option("--client", help="Only this client's records.")
@click.option("--class", "record_class", help="Only this class.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many records.")
def list_command(frame: Frame, client: str | None, record_class: str | None, limit: int | None) -> None:
    """List what waits to be keyed, how often it was, and where two differ; no value is shown."""
    services = frame.services
    mine, filters = filters_of(frame, client, record_class, DOUBLE_KEY)
    with services.database.read() as connection:
        items = queue.items(connection, mine, filters, queue.now_of(connection, services.clock), limit)
        hidden = hidden_from(connection, services.person, "review", services.today(), [i["record"] for i in items])
        found = [
            {key: item[key] for key in ("record", "client", "class", "since", "locked_by", "priority")}
            | {"fields": tasks_keying.progress_of(connection, item["record"], services.person.pseudonym)}
            for item in items if item["record"] not in hidden
        ]  # fmt: skip
    frame.answer({"items": found}, lambda: _plain_items(found))


@command(keying, "next")
@as_third
@click.option("--client", help="Only this client's records.")
@click.option("--class", "record_class", help="Only this class.")
@for_minutes
@with_snippets
@click.option("--walk/--no-walk", default=None, help="Ask field by field; on a terminal that is so unless said.")
def next_command(
    frame: Frame, third: bool, client: str | None, record_class: str | None, minutes: int, snippets: Path | None,
    walk: bool | None,
) -> None:  # fmt: skip
    """Take the record that is next to be keyed by you, or with --third to be decided by you."""
    services = frame.services
    mine, wanted = filters_of(frame, client, record_class, None)
    filters = Filters(wanted.client, record_class, work="third" if third else "key")
    lock = queue.take_next(services, services.person, mine, filters, timedelta(minutes=minutes))
    if lock is None:
        frame.answer({"record": None, "class": None, "steps": [], "lock": None}, _("Nothing waits to be keyed by you."))
    elif sys.stdin.isatty() and not frame.as_json if walk is None else walk:
        _walk(frame, lock, snippets, third=third)
    else:
        _show(frame, lock.record, snippets, lock, third=third)


@command(keying, "show")
@click.argument("id")
@as_third
@with_snippets
def show_command(frame: Frame, id: str, third: bool, snippets: Path | None) -> None:
    """Show which fields of a record you may key, or with --third decide; it is not taken."""
    _show(frame, resolve_record(frame, id), snippets, None, third=third)


@command(keying, "set")
@click.argument("id")
@sets_values
@says_illegible
@under_lock
@why
def set_command(
    frame: Frame, id: str, sets: tuple[str, ...], illegibles: tuple[str, ...], token: int | None, reason: str
) -> None:
    """Key fields as they stand on the page; the second person who keys the same settles them."""
    found = resolve_record(frame, id)
    asked = _asked(sets, illegibles, reason)
    _answer(frame, tasks_keying.key(frame.services, RecordId(found), asked, require_review(frame, found), token))


@command(keying, "settle")
@click.argument("id")
@sets_values
@says_illegible
@under_lock
@why
def settle_command(
    frame: Frame, id: str, sets: tuple[str, ...], illegibles: tuple[str, ...], token: int | None, reason: str
) -> None:
    """Decide fields that two other people keyed differently, by what stands on the page."""
    found = resolve_record(frame, id)
    asked = _asked(sets, illegibles, reason)
    _answer(frame, tasks_keying.settle(frame.services, RecordId(found), asked, require_review(frame, found), token))


def _asked(sets: tuple[str, ...], illegibles: tuple[str, ...], reason: str) -> Corrections:
    changes = [pair(text) for text in sets]
    changes += [Change(*named_field(text), None, illegible=True) for text in illegibles]
    return asked_of(changes, *parse_reason(reason))


def _walk(frame: Frame, lock: Lock, folder: Path | None, *, third: bool) -> None:
    """Ask about every field of a record that was taken, then save all that was keyed or decided at once."""
    services = frame.services
    actor, steps = _seen(frame, lock.record, folder or services.scratch, third=third)

    def save(changes: list[Change]) -> None:
        keep = tasks_keying.settle if third else tasks_keying.key
        asked = asked_of(changes, "review", None)
        _answer(frame, keep(services, RecordId(lock.record), asked, actor, lock.token))

    walk_record(frame, lock, actor, steps, save)


def _seen(frame: Frame, record: str, folder: Path | None, *, third: bool) -> tuple[Actor, list[Step]]:
    """Record that the person looks at a record, then return who looks and what is to be keyed or decided."""
    services, actor = frame.services, require_review(frame, record)
    if third:
        steps = tasks_keying.to_settle(services, record, actor)
    else:
        steps = tasks_keying.to_key(services, record, actor.id)
    entry = deciding.look(services, record, actor)
    return actor, seeing.see_blind(services, record, steps, entry, actor, folder)


def _show(frame: Frame, record: str, folder: Path | None, lock: Lock | None, *, third: bool) -> None:
    _actor, steps = _seen(frame, record, folder, third=third)
    with frame.services.database.read() as connection:
        name = record_row(connection, record).record_class
    held = None if lock is None else {"since": lock.since, "until": lock.until, "token": lock.token}
    document = {"record": record, "class": name, "steps": [step_answer(step) for step in steps], "lock": held}
    frame.answer(document, lambda: "\n".join([f"{record}  {name or '-'}", *map(_plain_step, steps)]))


def _answer(frame: Frame, receipt: KeyingReceipt) -> None:
    document: answers.Answer = {
        "record": receipt.record, "state": receipt.state, "keyed": list(receipt.keyed),
        "settled": list(receipt.settled), "differs": list(receipt.differ),
    }  # fmt: skip
    said = (
        (_("keyed: {fields}"), receipt.keyed), (_("settled: {fields}"), receipt.settled),
        (_("a third person decides: {fields}"), receipt.differ),
    )  # fmt: skip
    lines = [text.format(fields=", ".join(names)) for text, names in said if names]
    frame.answer(document, "\n".join([f"{receipt.record}  {_(receipt.state)}", *lines]))
    if not receipt.indexed:
        frame.hint(_("The index was not brought up to date; 'muniment index status' tells how far it is."))
        finish(PARTLY)


def _plain_step(step: Step) -> str:
    said = "  ".join(message for _code, message in step.reasons if message)
    return f"  {step.name:<18} {said}  {step.snippet or ''}".rstrip()


def _plain_items(found: list[answers.Answer]) -> str:
    lines = []
    for item in found:
        lines.append(f"{item['record']}  {item['class'] or '-':<12} {item['client']}")
        for one in item["fields"]:
            said = _("a third person decides") if one["differs"] else f"{one['keyed']}/2"
            lines.append(f"    {one['field']:<18} {said}")
    return "\n".join(lines) or _("Nothing waits to be keyed.")
