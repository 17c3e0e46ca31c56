"""`muniment review`: what waits for a person, and deciding it. Showing an item is an event before it happens."""

import re
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from cli.frame import Frame, _, command, finish
from cli.reasons import parse_reason
from cli.record import plain_record
from cli.review_sample import report_command, sample
from cli.review_walk import COMMIT, PASS, REJECT, walk_through
from custody import access
from custody.access import clients_of, hidden_from
from custody.ledger import Actor
from custody.opening import Act
from records.catalogue import client_by_name, record_row, resolve
from records.errors import InvalidValueError
from records.ids import RecordId
from records.review_codes import REVIEW_CODES
from records.tables import records
from tasks import answers
from tasks.review import deciding, queue, rejecting, seeing
from tasks.review.corrections import Change, Corrections
from tasks.review.queue import Filters, Lock
from tasks.review.seeing import CLASS, Step
from tasks.review.walking import Walk

commands = click.Group()
PARTLY = 3
_NAME = re.compile(r"([a-z][a-z0-9_]*)(?:\[(\d{1,4})\])?")


@commands.group("review")
def review() -> None:
    """Decide what the checks could not."""


review.add_command(sample)
command(review, "report")(
    click.option("--client", help="Only this client's.")(
        click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="CSV file to write.")(
            report_command
        )
    )
)


def narrowing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that narrow the queue."""
    for option in (
        click.option("--reason", type=click.Choice(list(REVIEW_CODES)), help="Only records with this reason."),
        click.option("--class", "record_class", help="Only this class."),
        click.option("--client", help="Only this client's records."),
    ):
        function = option(function)
    return function


snippets = click.option(
    "--snippets", type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder for a piece of the page for each field to decide on, as PNG.",
)  # fmt: skip
for_minutes = click.option(
    "--minutes", type=click.IntRange(1, 480), default=20, show_default=True, help="How long the record is yours."
)
why = click.option(
    "--reason", default="review", show_default=True, help="CODE or 'CODE: free text'; codes: docs/reasons.md."
)


@command(review, "list")
@narrowing
@click.option("--limit", type=click.IntRange(min=1), help="At most so many records.")
def list_command(
    frame: Frame, client: str | None, record_class: str | None, reason: str | None, limit: int | None
) -> None:
    """List what waits for a person: urgent records first, then the oldest."""
    services = frame.services
    mine, filters = _filters(frame, client, record_class, reason)
    with services.database.read() as connection:
        found = queue.items(connection, mine, filters, queue.now_of(connection, services.clock), limit)
        named = [item["record"] for item in found]
        hidden = hidden_from(connection, services.person, "review", services.today(), named)
    found = [item for item in found if item["record"] not in hidden]
    frame.answer({"items": found}, lambda: _plain_items(found))


@command(review, "next")
@narrowing
@for_minutes
@snippets
@click.option("--walk/--no-walk", default=None, help="Ask field by field; on a terminal that is so unless said.")
def next_command(
    frame: Frame, client: str | None, record_class: str | None, reason: str | None, minutes: int,
    snippets: Path | None, walk: bool | None,
) -> None:  # fmt: skip
    """Take the record that is next, and walk through what must be decided about it."""
    services = frame.services
    mine, filters = _filters(frame, client, record_class, reason)
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
@snippets
def show_command(frame: Frame, id: str, snippets: Path | None) -> None:
    """Show a record with what must be decided about it; it is not taken."""
    _show(frame, _resolve(frame, id), snippets)


@command(review, "release")
@click.argument("id")
@click.option("--pass", "passed", is_flag=True, help="Offer it to you again only after all others.")
@click.option("--force", is_flag=True, help="End another person's lock too; for archivists.")
def release_command(frame: Frame, id: str, passed: bool, force: bool) -> None:
    """Give a record back to the queue without deciding on it."""
    services = frame.services
    found = _resolve(frame, id)
    _require(frame, found)
    if force:
        _require(frame, found, "supervise")
    released = queue.release(services, found, services.person, passed=passed, anybody=force)
    said = _("The record is free again.") if released else _("Nobody holds this record.")
    frame.answer({"record": found, "released": released}, said)


@command(review, "rank")
@click.argument("id")
@click.argument("rank", type=click.Choice(list(queue.RANKS)))
def rank_command(frame: Frame, id: str, rank: str) -> None:
    """Put a record before or behind the others of the queue."""
    services = frame.services
    found = _resolve(frame, id)
    _require(frame, found)
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
    found = _resolve(frame, id)
    act = Act("qc_failed", _require(frame, found), *parse_reason(reason))
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
    changes = [_pair(text) for text in sets] + [Change(*_name(text), None) for text in keeps]
    changes += [Change(*_name(text), None, illegible=True) for text in illegibles]
    changes += [Change(*_name(text), None, agree=True) for text in agrees]
    asked = _asked(changes, *parse_reason(reason))
    found = _resolve(frame, id)
    _correct(frame, found, asked, _require(frame, found), token)


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


def _asked(changes: list[Change], code: str, words: str | None) -> Corrections:
    """Return the decision as the command line says it.

    Raises:
        InvalidValueError: a field is named twice.
    """
    places = [(change.name, change.index) for change in changes]
    for place in places:
        if places.count(place) > 1:
            raise InvalidValueError(f"{place[0]} is named twice")
    named = next((change for change in changes if change.name == CLASS), None)
    fields = tuple(change for change in changes if change.name != CLASS)
    record_class = None if named is None or named.typed is None else named.typed.strip()
    return Corrections(fields, record_class, named is not None and named.typed is None, code, words)


def _pair(text: str) -> Change:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidValueError("--set takes NAME=VALUE")
    return Change(*_name(name), value)


def _name(text: str) -> tuple[str, int | None]:
    found = _NAME.fullmatch(text.strip())
    if found is None:
        raise InvalidValueError("a field is named NAME, or NAME[2] for a row of a repeated one, counted from 0")
    return found[1], None if found[2] is None else int(found[2])


def _resolve(frame: Frame, id: str) -> str:
    with frame.services.database.read() as connection:
        return resolve(connection, records, id)


def _require(frame: Frame, record: str, action: str = "review") -> Actor:
    services = frame.services
    with services.database.read() as connection:
        client = record_row(connection, record).client
    return access.require(services.database, services.clock, services.ids, services.person, client, action, record)


def _filters(
    frame: Frame, client: str | None, record_class: str | None, reason: str | None
) -> tuple[Mapping[str, str], Filters]:
    services = frame.services
    with services.database.read() as connection:
        mine = clients_of(connection, services.person, "review", services.today())
        wanted = None if client is None else client_by_name(connection, client).id
    return mine, Filters(wanted, record_class, reason)


def _walk(frame: Frame, lock: Lock, folder: Path | None) -> None:
    """Ask about every field of a record that was taken, then decide on all of them at once."""
    services = frame.services
    actor, steps = _seen(frame, lock.record, folder or services.scratch)
    with services.database.read() as connection:
        name = record_row(connection, lock.record).record_class
    click.echo(f"{lock.record}  {name or '-'}")
    walk = Walk(steps, services.library.get(name or "generic"))
    end = walk_through(frame, walk)
    if end == REJECT:
        rejecting.reject(services, lock.record, Act("qc_failed", actor, "quality"), lock.token)
        frame.hint(_("The record is rejected: its sheets must be scanned again."))
        return
    if end == COMMIT and walk.changes:
        _correct(frame, lock.record, _asked(list(walk.changes), "review", None), actor, lock.token)
    queue.release(services, lock.record, services.person, passed=end in (COMMIT, PASS))


def _seen(frame: Frame, record: str, folder: Path | None) -> tuple[Actor, list[Step]]:
    """Record that the person looks at a record, then return who looks and what must be decided."""
    services = frame.services
    actor = _require(frame, record)
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
    document = {"items": found, "record": shown, "steps": [_step_answer(step) for step in steps], "lock": held}
    frame.answer(document, lambda: "\n".join([plain_record(shown), *_advice(shown), *_pieces(steps)]))


def _step_answer(step: Step) -> answers.Answer:
    return {
        "field": step.name, "index": step.index, "value": step.value, "currency": step.currency,
        "confidence": round(step.confidence, 4), "status": step.status, "page": step.page,
        "box": None if step.box is None else list(step.box),
        "reasons": [{"code": code, "message": message} for code, message in step.reasons],
        "candidates": [
            {"value": rival.value, "currency": rival.currency, "score": rival.score, "page": rival.page,
             "box": None if rival.box is None else list(rival.box)}
            for rival in step.rivals
        ],
        "proposed": step.proposed,
        "snippet": None if step.snippet is None else str(step.snippet),
    }  # fmt: skip


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
