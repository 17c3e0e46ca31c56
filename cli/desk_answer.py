"""What the commands of the records desk share: the options of every act, and how an ANSWER is shown."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import click

from cli.frame import Frame, _, command, finish
from cli.reasons import CODES, parse_reason
from records.desk_answers import Said
from records.errors import InvalidValueError
from tasks.desk.acts import Answer, Asked, Desk, look

F = TypeVar("F", bound=Callable[..., Any])


def act_options(function: F) -> F:
    """Add the options that every act takes: --at, --answer, --reason, --occurred, --event."""
    for option in (
        click.option("--at", metavar="PLACE", help="The place where you are or put it; none: this workstation's desk."),
        click.option("--answer", "answers", multiple=True, metavar="CODE", help="Answer to a question that was asked."),
        click.option("--reason", help="CODE or 'CODE: free text'; codes: docs/reasons.md."),
        click.option("--occurred", metavar="TIME", help="When it happened, if that was earlier: 2026-11-23T16:30."),
        click.option("--event", metavar="ID", help="Id for its first event; the same id again moves nothing."),
    ):
        function = option(function)
    return function


def asked(
    frame: Frame,
    at: str | None = None,
    answers: tuple[str, ...] = (),
    reason: str | None = None,
    occurred: str | None = None,
    event: str | None = None,
) -> Asked:
    """Return who acts and what was said with the act."""
    code, words = (None, None) if reason is None else parse_reason(reason)
    moment = None if occurred is None else _moment(occurred)
    person = frame.services.person
    return Asked(person, frozenset(answers), at, moment, event, reason=code, words=words)


def show(frame: Frame, answer: Answer) -> None:
    """Print an ANSWER and end with its exit code: 0 done, alert, info; 2 blocked; 3 confirm."""
    frame.answer(answer.document(), lambda: plain(answer))
    if answer.exit_code:
        finish(answer.exit_code)


def act_command(group: click.Group, name: str, metavar: str, act: Callable[..., Answer], says: str) -> None:
    """Register a command that does one act with one paper or list, by its barcode or id; `says` is its help."""

    @command(group, name, help=says)
    @click.argument("barcode", metavar=metavar)
    @act_options
    def run(frame: Frame, barcode: str, **said: Any) -> None:
        show(frame, act(frame.services, asked(frame, **said), barcode))


def show_rows(
    frame: Frame,
    key: str,
    found: Callable[[Desk], list[dict[str, Any]]],
    as_text: Callable[[list[dict[str, Any]]], str],
) -> None:
    """Print a list that is only looked up, as `{key: rows}`, or the answer that says why not."""

    def listed(desk: Desk) -> Answer:
        rows = found(desk)
        return Answer(Said("listed", {"count": len(rows)}), more={key: rows})

    answer = look(frame.services, asked(frame), listed)
    if answer.exit_code:
        show(frame, answer)
    rows = answer.more[key]
    frame.answer({key: rows}, lambda: as_text(rows))


def plain(answer: Answer) -> str:
    """Return an ANSWER as people read it: the sentence, what else there is to say, what to do next."""
    lines = [answer.said.text(_)]
    lines += [f"  {'!' if note.basket == 'alert' else '-'} {note.text(_)}" for note in answer.notes]
    following = answer.next_step(_)
    return "\n".join([*lines, f"  > {following}"] if following else lines)


def purpose(text: str) -> tuple[str, str | None]:
    """Return code and words of a purpose: a code of docs/reasons.md, or what people say, which is `other`.

    Raises:
        InvalidValueError: it is empty.
    """
    text = text.strip()
    if not text:
        raise InvalidValueError("say what the paper is needed for")
    if text.partition(":")[0].strip().lower() in CODES:
        return parse_reason(text)
    return "other", text


def day(text: str | None, option: str) -> date | None:
    """Read a day, YYYY-MM-DD.

    Raises:
        InvalidValueError: it has another form.
    """
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise InvalidValueError(f"{option} takes a day, YYYY-MM-DD") from error


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidValueError("--occurred takes a time, YYYY-MM-DDTHH:MM, local unless it says its zone") from error
    return moment.astimezone(UTC)
