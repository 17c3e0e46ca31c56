"""`muniment review`: what waits for a person, and deciding it. Showing an item is an event before it happens."""

import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import click

from cli import review_case, review_recheck
from cli.frame import Frame, _, command, finish
from cli.reasons import parse_reason
from cli.record import plain_record
from cli.review_key import keying
from cli.review_options import (
    asked_of,
    filters_of,
    for_minutes,
    named_field,
    narrowing,
    pair,
    require_review,
    resolve_record,
    step_answer,
    why,
    with_snippets,
)
from cli.review_sample import report_command, sample
from cli.review_walk import walk_record
from custody.access import hidden_from
from custody.ledger import Actor
from custody.opening import Act
from records.catalogue import record_row
from records.ids import RecordId
from records.review_codes import REVIEW_CODES
from tasks import answers
from tasks.review import deciding, queue, rejecting, seeing
from tasks.review.corrections import Change, Corrections
from tasks.review.queue import Filters, Lock
from tasks.review.seeing import CLASS, Step

commands = click.Group()
PARTLY = 3


@commands.group("review")
def review() -> None:
    """Decide what the checks could not."""


review.add_command(sample)
review.add_command(keying)
review_recheck.add_to(review)
review_case.add_to(review)
command(review, "report")(
    click.option("--client", help="Only this client's.")(
        click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="CSV file to write.")(
            report_command
        )
    )
)


@command(review, "list")
@narrowing
@click.option("--limit", type=click.IntRange(min=1), help="At most so many records.")
def list_command(
    frame: Frame, client: str | None, record_class: str | None, reason: str | None, limit: int | None
) -> None:
    """List what waits for a person: urgent records first, then the oldest."""
    services = frame.services
    mine, filters = filters_of(frame, client, record_class, reason)
    with services.database.read() as connection:
        found = queue.items(connection, mine, filters, queue.now_of(connection, services.clock), limit)
        named = [item["record"] for item in found]
        hidden = hidden_from(connection, services.person, "review", services.today(), named)
    found = [item for item in found if item["record"] not in hidden]
    frame.answer({"items": found}, lambda: _plain_items(found))


@command(review, "next")
@narrowing
@for_minutes
@with_snippets
@click.option("--walk/--no-walk", default=None, help="Ask field by field; on a terminal that is so unless said.")
def next_command(
    frame: Frame, client: str | None, record_class: str | None, reason: str | None, minutes: int,
    snippets: Path | None, walk: bool | None,
) -> None:  # fmt: skip
    """Take the record that is next, and walk through what must be decided about it."""
    services = frame.services
    mine, filters = filters_of(frame, client, record_class, reason)
    lock = queue.take_next(services, services.person, mine, filters, timedelta(minutes=minutes))
    if lock is None:
        frame.answer({"items": [], "record": None, "steps": [], "lock": None}, _("Nothing waits for a person."))
        return
    if sys.stdin.isatty() and not frame.as_json if walk is None else walk:
        _walk(frame, lock, snippets)
    else:
        _show(frame, lock.record, snippets, lock)


@command(review, "show")
@click.argument("id")
@with_snippets
def show_command(frame: Frame, id: str, snippets: Path | None) -> None:
    """Show a record with what must be decided about it; it is not taken."""
    _show(frame, resolve_record(frame, id), snippets)


@command(review, "release")
@click.argument("id")
@click.option("--pass", "passed", is_flag=True, help="Offer it to you again only after all others.")
@click.option("--force", is_flag=True, help="End another person's lock too; for archivists.")
def release_command(frame: Frame, id: str, passed: bool, force: bool) -> None:
    """Give a record back to the queue without deciding on it."""
    services = frame.services
    found = resolve_record(frame, id)
    require_review(frame, found)
    if force:
        require_review(frame, found, "supervise")
    released = queue.release(services, found, services.person, passed=passed, anybody=force)
    said = _("The record is free again.") if released else _("Nobody holds this record.")
    frame.answer({"record": found, "released": released}, said)


@command(review, "rank")
@click.argument("id")
@click.argument("rank", type=click.Choice(list(queue.RANKS)))
def rank_command(frame: Frame, id: str, rank: str) -> None:
    """Put a record before or behind the others of the queue."""
    services = frame.services
    found = resolve_record(frame, id)
    require_review(frame, found)
    with services.database.read() as connection:
        client = record_row(connection, found).client
    queue.set_rank(services, found, client, rank)
    frame.answer({"record": found, "priority": rank}, f"{found}  {rank}")


@command(review, "reject")
@click.argument("id")
@click.option(
    "--reason", default="quality", show_default=True, help="CODE or 'CODE: free text'; codes: docs/reasons.md."
)
@click.option("--back", is_flag=True, help="Take the rejection back.")
def reject_command(frame: Frame, id: str, reason: str, back: bool) -> None:
    """Reject a record whose pages do not serve: its sheets must be scanned again."""
    found = resolve_record(frame, id)
    act = Act("qc_failed", require_review(frame, found), *parse_reason(reason))
    (rejecting.take_back if back else rejecting.reject)(frame.services, found, act)
    _answer_record(frame, found)


@command(review, "correct")
@click.argument("id")
@click.option(
    "--set", "sets", multiple=True, metavar="NAME=VALUE",
    help="Say what a field is; NAME[2] names a row, an empty VALUE says there is none, class=K names the class.",
)  # fmt: skip
@click.option("--keep", "keeps", multiple=True, metavar="NAME", help="Confirm what a field, or the class, says.")
@click.option("--illegible", "illegibles", multiple=True, metavar="NAME", help="Say that nobody can read a field.")
@click.option("--agree", "agrees", multiple=True, metavar="NAME", help="Agree to what another person proposed.")
@click.option("--token", type=int, help="The token of your lock: the decision is refused if another took the record.")
@why
def correct_command(
    frame: Frame, id: str, sets: tuple[str, ...], keeps: tuple[str, ...], illegibles: tuple[str, ...],
    agrees: tuple[str, ...], token: int | None, reason: str,
) -> None:  # fmt: skip
    """Correct or confirm fields of a record; what is settled leaves the list."""
    changes = [pair(text) for text in sets] + [Change(*named_field(text), None) for text in keeps]
    changes += [Change(*named_field(text), None, illegible=True) for text in illegibles]
    changes += [Change(*named_field(text), None, agree=True) for text in agrees]
    asked = asked_of(changes, *parse_reason(reason))
    found = resolve_record(frame, id)
    _correct(frame, found, asked, require_review(frame, found), token)


def _correct(frame: Frame, found: str, asked: Corrections, actor: Actor, token: int | None) -> None:
    receipt = deciding.correct(frame.services, RecordId(found), asked, actor, token)
    _answer_record(frame, found)
    if receipt.proposed:
        frame.hint(_("A second person must agree to: {fields}").format(fields=", ".join(receipt.proposed)))
    if not receipt.indexed:
        frame.hint(_("The index was not brought up to date; 'muniment index status' tells how far it is."))
        finish(PARTLY)


def _answer_record(frame: Frame, found: str) -> None:
    with frame.services.database.read() as connection:
        document = answers.record_answer(connection, found)
    frame.answer(document, lambda: plain_record(document))


def _walk(frame: Frame, lock: Lock, folder: Path | None) -> None:
    """Ask about every field of a record that was taken, then decide on all of them at once."""
    actor, steps = _seen(frame, lock.record, folder or frame.services.scratch)

    def save(changes: list[Change]) -> None:
        _correct(frame, lock.record, asked_of(changes, "review", None), actor, lock.token)

    walk_record(frame, lock, actor, steps, save)


def _seen(frame: Frame, record: str, folder: Path | None) -> tuple[Actor, list[Step]]:
    """Record that the person looks at a record, then return who looks and what must be decided."""
    services = frame.services
    actor = require_review(frame, record)
    entry = deciding.look(services, record, actor)
    return actor, seeing.see(services, record, seeing.steps_of(services, record), entry, actor, folder)


def _show(frame: Frame, record: str, folder: Path | None, lock: Lock | None = None) -> None:
    services = frame.services
    actor, steps = _seen(frame, record, folder)
    with services.database.read() as connection:
        client: Mapping[str, str] = {record_row(connection, record).client: actor.role}
        now = queue.now_of(connection, services.clock)
        found = queue.items(connection, client, Filters(record=record), now)
        shown = answers.record_answer(connection, record)
    held = None if lock is None else {"since": lock.since, "until": lock.until, "token": lock.token}
    document = {"items": found, "record": shown, "steps": [step_answer(step) for step in steps], "lock": held}
    frame.answer(document, lambda: "\n".join([plain_record(shown), *_advice(shown), *_pieces(steps)]))


def _pieces(steps: list[Step]) -> list[str]:
    return [f"{step.name:<18} {step.snippet}" for step in steps if step.snippet is not None]


def _advice(shown: answers.Answer) -> list[str]:
    codes = dict.fromkeys(reason["code"] for reason in shown["review"])
    return ["", *(f"{code:<18} {_(REVIEW_CODES[code])}" for code in codes if code in REVIEW_CODES)] if codes else []


def _plain_items(found: list[answers.Answer]) -> str:
    if not found:
        return _("Nothing waits for a person.")
    lines = []
    for item in found:
        held = "" if item["locked_by"] is None else f"  {_('held by')} {item['locked_by']}"
        urgent = "" if item["priority"] == "normal" else f"  {_(item['priority'])}"
        when = f"{item['since'][:16]}Z"
        lines.append(f"{item['record']}  {item['class'] or '-':<12} {item['client']:<16} {when}{urgent}{held}")
        reasons: dict[str, list[str]] = {}
        for reason in item["reasons"]:
            reasons.setdefault(reason["code"], []).append(reason["field"] or CLASS)
        lines += [f"    {code:<18} {', '.join(dict.fromkeys(names))}" for code, names in reasons.items()]
    return "\n".join(lines)
