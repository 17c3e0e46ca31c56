"""The keyboard walk of `muniment review next`: one field at a time, one key a decision, committed together at the end.

On a terminal a key acts at once; otherwise each line of input is one key, followed by what is typed.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import click

from cli.frame import Frame, _
from custody.ledger import Actor
from custody.opening import Act
from records.catalogue import record_row
from records.errors import InvalidValueError
from records.review_codes import REVIEW_CODES
from tasks.review import queue, rejecting
from tasks.review.corrections import Change
from tasks.review.queue import Lock
from tasks.review.seeing import Step
from tasks.review.walking import Walk

COMMIT, REJECT, PASS, QUIT = "commit", "reject", "pass", "quit"  # how a walk ends

# key -> what it does; the first is also Enter
KEYS: dict[str, str] = {
    "a": "accept the value", "y": "agree to what another person proposed",
    "1-5": "take that value", "c": "type the value", "i": "illegible", "n": "there is none",
    "s": "leave this field undecided", "u": "take back the last answer", "r": "reject the record: scan it again",
    "p": "pass the record over", "q": "stop and decide nothing", "?": "say these keys",
}  # fmt: skip


@dataclass(frozen=True)
class Key:
    """What was pressed: a key, and what was typed after it, None where that is to be asked for."""

    key: str
    rest: str | None


def walk_record(
    frame: Frame, lock: Lock, actor: Actor, steps: Sequence[Step], save: Callable[[list[Change]], None]
) -> None:
    """Ask about every step of a record that was taken, `save` all that was answered at once, and give it back."""
    services = frame.services
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
        save(list(walk.changes))
    queue.release(services, lock.record, services.person, passed=end in (COMMIT, PASS))


def walk_through(frame: Frame, walk: Walk) -> str:
    """Ask about every step; return how the walk ended: COMMIT, REJECT, PASS or QUIT (also at the end of input)."""
    keys = _pressed()
    while True:
        step = walk.step
        click.echo(_at_the_end(walk) if step is None else _described(walk, step))
        pressed = next(keys, None)
        if pressed is None or pressed.key == "q":
            return QUIT
        if pressed.key in ("r", "p"):
            return REJECT if pressed.key == "r" else PASS
        if step is None and pressed.key in ("a", ""):
            return COMMIT
        try:
            _act(walk, pressed, keys)
        except InvalidValueError as error:
            frame.hint(f"! {error}")


def _act(walk: Walk, pressed: Key, keys: Iterator[Key]) -> None:
    """Do what a key asks for.

    Raises:
        InvalidValueError: it is no key, or cannot be done here.
    """
    plain: dict[str, Callable[[], None]] = {
        "a": walk.accept, "": walk.accept, "i": walk.illegible, "n": walk.absent, "s": walk.skip, "u": walk.undo,
        "y": walk.agree,
    }  # fmt: skip
    if pressed.key in plain:
        plain[pressed.key]()
    elif pressed.key == "c":
        walk.correct(_typed() if pressed.rest is None else pressed.rest)
    elif pressed.key.isdecimal():
        walk.choose(int(pressed.key))
    else:
        click.echo("\n".join(f"  {key:<4} {_(meaning)}" for key, meaning in KEYS.items()))


def _pressed() -> Iterator[Key]:
    """Yield keys: one at a time from a terminal, else line by line."""
    if sys.stdin.isatty():
        while True:
            key = click.getchar()
            yield Key("" if key in "\r\n" else key.lower(), None)
    for line in sys.stdin:
        text = line.strip()
        yield Key(text[:1].lower(), text[1:].strip())


def _typed() -> str:
    return str(click.prompt(_("value"), prompt_suffix=" = "))


def _described(walk: Walk, step: Step) -> str:
    place = f"{len(walk.answered) + 1}/{len(walk.steps)}"
    name = step.name if step.index is None else f"{step.name}[{step.index}]"
    value = "-" if step.value is None else f"{step.value} {step.currency or ''}".strip()
    lines = ["", f"{place}  {name} = {value}   {step.confidence:.2f} {_(step.status)}"]
    lines += [f"      {code}: {_(REVIEW_CODES.get(code, code))} {message}".rstrip() for code, message in step.reasons]
    if step.page is not None and step.box is not None:
        lines.append(f"      {_('page')} {step.page} {list(step.box)}")
    if step.proposed is not None:
        lines.append(f"      {_('proposed by another person')}: {step.proposed or _('absent')}")
    if step.snippet is not None:
        lines.append(f"      {_('image')} {step.snippet}")
    lines += [f"   {number}  {rival.value}   {rival.score:.2f}" for number, rival in enumerate(step.rivals, 1)]
    return "\n".join(lines)


def _at_the_end(walk: Walk) -> str:
    lines = ["", _("Everything is answered. Enter commits, u takes the last answer back, q decides nothing.")]
    for step, answer in zip(walk.steps, walk.answered, strict=True):
        name = step.name if step.index is None else f"{step.name}[{step.index}]"
        said = _(answer.said) if answer.change is None or answer.said in ("absent", "illegible") else answer.said
        lines.append(f"  {name:<24} {said}")
    return "\n".join(lines)
