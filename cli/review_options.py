"""What the commands of `muniment review` have in common: their options, how fields are named, and who may decide."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from cli.frame import Frame
from custody import access
from custody.access import clients_of
from custody.ledger import Actor
from records.catalogue import client_by_name, record_row, resolve
from records.errors import InvalidValueError
from records.review_codes import REVIEW_CODES
from records.tables import records
from tasks import answers
from tasks.review.corrections import Change, Corrections
from tasks.review.queue import Filters
from tasks.review.seeing import CLASS, Step

_NAME = re.compile(r"([a-z][a-z0-9_]*)(?:\[(\d{1,4})\])?")


def narrowing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that narrow the queue."""
    for option in (
        click.option("--reason", type=click.Choice(list(REVIEW_CODES)), help="Only records with this reason."),
        click.option("--class", "record_class", help="Only this class."),
        click.option("--client", help="Only this client's records."),
    ):
        function = option(function)
    return function


with_snippets = click.option(
    "--snippets", type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder for a piece of the page for each field to decide on, as PNG.",
)  # fmt: skip
for_minutes = click.option(
    "--minutes", type=click.IntRange(1, 480), default=20, show_default=True, help="How long the record is yours."
)
why = click.option(
    "--reason", default="review", show_default=True, help="CODE or 'CODE: free text'; codes: docs/reasons.md."
)


def asked_of(changes: list[Change], code: str, words: str | None) -> Corrections:
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


def pair(text: str) -> Change:
    """Return what `NAME=VALUE` asks for.

    Raises:
        InvalidValueError: it has no `=`, or names no field.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidValueError("--set takes NAME=VALUE")
    return Change(*named_field(name), value)


def named_field(text: str) -> tuple[str, int | None]:
    """Return the name of a field, and its row, counted from 0, if it is repeated.

    Raises:
        InvalidValueError: it names no field.
    """
    found = _NAME.fullmatch(text.strip())
    if found is None:
        raise InvalidValueError("a field is named NAME, or NAME[2] for a row of a repeated one, counted from 0")
    return found[1], None if found[2] is None else int(found[2])


def resolve_record(frame: Frame, id: str) -> str:
    """Return the id of the record that begins so.

    Raises:
        UnknownIdError, AmbiguousIdError: none does, or more than one.
    """
    with frame.services.database.read() as connection:
        return resolve(connection, records, id)


def require_review(frame: Frame, record: str, action: str = "review") -> Actor:
    """Return who acts, in the role that allows it.

    Raises:
        AccessDeniedError: none does.
    """
    services = frame.services
    with services.database.read() as connection:
        client = record_row(connection, record).client
    return access.require(services.database, services.clock, services.ids, services.person, client, action, record)


def filters_of(
    frame: Frame, client: str | None, record_class: str | None, reason: str | None
) -> tuple[Mapping[str, str], Filters]:
    """Return the clients whose records this person may decide on, with the role that allows it, and what is wanted."""
    services = frame.services
    with services.database.read() as connection:
        mine = clients_of(connection, services.person, "review", services.today())
        wanted = None if client is None else client_by_name(connection, client).id
    return mine, Filters(wanted, record_class, reason)


def step_answer(step: Step) -> answers.Answer:
    """Return the shape of a step of `review next` and `review show`."""
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
