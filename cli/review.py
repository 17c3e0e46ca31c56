"""`muniment review`: what waits for a person, and deciding it. Showing an item is an event before it happens."""

import re
from collections.abc import Mapping

import click

from cli.frame import Frame, _, command, finish
from cli.reasons import parse_reason
from cli.record import plain_record
from custody import access
from custody.access import clients_of
from custody.ledger import Actor
from records.catalogue import client_by_name, record_row, resolve
from records.errors import InvalidValueError
from records.ids import RecordId
from records.review_codes import REVIEW_CODES
from records.tables import records
from tasks import answers
from tasks import review as tasks_review
from tasks.review import CLASS, Change, Corrections, Filters

commands = click.Group()
PARTLY = 3
_NAME = re.compile(r"([a-z][a-z0-9_]*)(?:\[(\d{1,4})\])?")


@commands.group("review")
def review() -> None:
    """Decide what the checks could not."""


@command(review, "list")
@click.option("--client", help="Only this client's records.")
@click.option("--class", "record_class", help="Only this class.")
@click.option("--reason", type=click.Choice(list(REVIEW_CODES)), help="Only records with this reason.")
def list_command(frame: Frame, client: str | None, record_class: str | None, reason: str | None) -> None:
    """List what waits for a person, the oldest first."""
    found = _items(frame, client, record_class, reason)
    frame.answer({"items": found}, lambda: _plain_items(found))


@command(review, "next")
@click.option("--client", help="Only this client's records.")
@click.option("--class", "record_class", help="Only this class.")
@click.option("--reason", type=click.Choice(list(REVIEW_CODES)), help="Only records with this reason.")
def next_command(frame: Frame, client: str | None, record_class: str | None, reason: str | None) -> None:
    """Show the record that has waited longest."""
    found = _items(frame, client, record_class, reason)
    if not found:
        frame.answer({"items": [], "record": None}, _("Nothing waits for a person."))
        return
    _show(frame, found[0]["record"])


@command(review, "show")
@click.argument("id")
def show_command(frame: Frame, id: str) -> None:
    """Show a record with what must be decided about it."""
    with frame.services.database.read() as connection:
        found = resolve(connection, records, id)
    _show(frame, found)


@command(review, "correct")
@click.argument("id")
@click.option(
    "--set", "sets", multiple=True, metavar="NAME=VALUE",
    help="Say what a field is; NAME[2] names a row, an empty VALUE says there is none, class=K names the class.",
)  # fmt: skip
@click.option("--keep", "keeps", multiple=True, metavar="NAME", help="Confirm what a field, or the class, says.")
@click.option(
    "--reason", default="review", show_default=True, help="CODE or 'CODE: free text'; codes: docs/reasons.md."
)
def correct_command(frame: Frame, id: str, sets: tuple[str, ...], keeps: tuple[str, ...], reason: str) -> None:
    """Correct or confirm fields of a record; what is settled leaves the list."""
    services = frame.services
    asked = _asked(sets, keeps, *parse_reason(reason))
    with services.database.read() as connection:
        found = resolve(connection, records, id)
    actor = _require(frame, found)
    receipt = tasks_review.correct(services, RecordId(found), asked, actor)
    with services.database.read() as connection:
        document = answers.record_answer(connection, found)
    frame.answer(document, lambda: plain_record(document))
    if not receipt.indexed:
        frame.hint(_("The index was not brought up to date; 'muniment index status' tells how far it is."))
        finish(PARTLY)


def _asked(sets: tuple[str, ...], keeps: tuple[str, ...], code: str, words: str | None) -> Corrections:
    """Return the decision as the command line says it.

    Raises:
        InvalidValueError: a field is named in another form than NAME or NAME[2], or twice.
    """
    changes = [_pair(text) for text in sets] + [Change(*_name(text), None) for text in keeps]
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


def _require(frame: Frame, record: str) -> Actor:
    services = frame.services
    with services.database.read() as connection:
        client = record_row(connection, record).client
    return access.require(services.database, services.clock, services.ids, services.person, client, "review", record)


def _items(frame: Frame, client: str | None, record_class: str | None, reason: str | None) -> list[answers.Answer]:
    services = frame.services
    with services.database.read() as connection:
        mine = clients_of(connection, services.person, "review", services.today())
        wanted = None if client is None else client_by_name(connection, client).id
        return tasks_review.items(connection, mine, Filters(wanted, record_class, reason))


def _show(frame: Frame, record: str) -> None:
    services = frame.services
    actor = _require(frame, record)
    tasks_review.look(services, record, actor)
    with services.database.read() as connection:
        client: Mapping[str, str] = {record_row(connection, record).client: actor.role}
        found = tasks_review.items(connection, client, Filters(record=record))
        shown = answers.record_answer(connection, record)
    frame.answer({"items": found, "record": shown}, lambda: "\n".join([plain_record(shown), *_advice(shown)]))


def _advice(shown: answers.Answer) -> list[str]:
    codes = dict.fromkeys(reason["code"] for reason in shown["review"])
    return ["", *(f"{code:<18} {_(REVIEW_CODES[code])}" for code in codes if code in REVIEW_CODES)] if codes else []


def _plain_items(found: list[answers.Answer]) -> str:
    if not found:
        return _("Nothing waits for a person.")
    lines = []
    for item in found:
        lines.append(f"{item['record']}  {item['class'] or '-':<12} {item['client']:<16} {item['since'][:16]}Z")
        reasons: dict[str, list[str]] = {}
        for reason in item["reasons"]:
            reasons.setdefault(reason["code"], []).append(reason["field"] or CLASS)
        lines += [f"    {code:<18} {', '.join(dict.fromkeys(names))}" for code, names in reasons.items()]
    return "\n".join(lines)
