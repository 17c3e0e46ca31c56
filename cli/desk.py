"""`muniment desk`: barcodes line by line from a scanner, one answer for each; colour and a beep on a terminal.

A scan ends by CR, LF or Tab, whatever the scanner sends. With `--json` each answer is one line of JSON, and a line of
input may be `{"n": 7, "scan": "F0000001206"}`, whose number tells a scan that is sent again.
"""

import json
import os
import re
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from cli.frame import Frame, _, command, language_code
from cli.papers import check_place, paper_of, write
from cli.reasons import parse_reason
from infra.i18n import translations
from records.errors import InvalidValueError, MunimentError
from tasks.desk.acts import Answer
from tasks.desk.scanner import Session
from tasks.desk.things import Station
from tasks.desk_papers import slip_pdf
from tasks.desk_scans import CommandWords, split_scans
from tasks.printing.loans import slip_of
from tasks.printing.sight import note_printed, sight

commands = click.Group()
CHUNK = 4096  # bytes
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
COLOURS = {"done": "green", "info": "blue", "alert": "yellow", "confirm": "magenta", "blocked": "red"}
SIGNS = {"done": "✔", "info": "·", "alert": "!", "confirm": "?", "blocked": "✖"}
BELL = ("confirm", "blocked")  # two sounds would be better; a terminal has one


@command(commands, "desk")
@click.option("--at", help="The place where you are; the setting desk if it is not given.")
@click.option("--device", default="desk", show_default=True, help="Name of this scanner, kept with each act.")
@click.option("--session", help="Go on with this session; a new one if it is not given.")
@click.option("--client", default="default", show_default=True, help="Whose paper is taken in.")
@click.option("--purpose", default="request", show_default=True, help="Why paper is lent: CODE of docs/reasons.md.")
@click.option("--slips", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Folder for slips at END.")
def desk_command(
    frame: Frame, at: str | None, device: str, session: str | None, client: str, purpose: str, slips: Path | None
) -> None:
    """Answer scans line by line until the input ends: the records desk at a scanner."""
    services = frame.services
    named = session or services.ids.new("wrk").removeprefix("wrk_")
    for text in (device, named):
        if not NAME.fullmatch(text):
            raise InvalidValueError("--device and --session take 1 to 64 letters, digits, - and _")
    station = Station(device, named, at or services.loans.desk, client, parse_reason(purpose)[0])
    say = translations(language_code()).gettext
    working = Session(services, station, CommandWords(say))
    with _tab_ends_a_scan():
        for raw in split_scans(_read()):
            _tell(frame, working, *_answered(working, raw, frame.as_json))
            if working.finished is not None and slips is not None:
                _print_slip(frame, working.finished, slips)
            working.finished = None


def _read() -> Iterator[bytes]:
    """Yield what arrives, as soon as it arrives."""
    while chunk := os.read(sys.stdin.fileno(), CHUNK):
        yield chunk


@contextmanager
def _tab_ends_a_scan() -> Iterator[None]:
    """Let Tab end a line of a terminal too: some scanners send it instead of Enter."""
    if not sys.stdin.isatty():
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    changed = termios.tcgetattr(descriptor)
    changed[6][termios.VEOL] = b"\t"
    termios.tcsetattr(descriptor, termios.TCSANOW, changed)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


def _answered(session: Session, raw: str, as_json: bool) -> tuple[Answer | None, MunimentError | None]:
    number = None
    if as_json and raw.startswith("{"):
        try:
            line: Any = json.loads(raw)
            raw, number = str(line["scan"]), int(line["n"])
        except (ValueError, TypeError, KeyError):
            number = None
    try:
        return session.scan(raw, number), None
    except MunimentError as error:  # the next scan may succeed: the database is back, another number is given
        return None, error


def _tell(frame: Frame, session: Session, answer: Answer | None, error: MunimentError | None) -> None:
    if answer is None:
        said = {"answer": "blocked", "code": "error", "message": str(error), "next": error.next_step if error else None}
        shown: dict[str, Any] = {
            **said,
            **dict.fromkeys(("file", "loan", "due", "location")),
            "events": [],
            "notes": [],
        }
    else:
        shown = answer.document()
    shown |= {"n": session.number, "session": session.station.session, "mode": session.mode}
    if frame.as_json:
        frame.answer(shown, "")
        return
    basket = "blocked" if answer is None else answer.basket
    lines = [str(error), _(error.next_step) if error else None] if answer is None else _sentences(answer, _)
    bell = "\a" if basket in BELL and sys.stdout.isatty() else ""
    text = "\n  ".join(line for line in lines if line)
    click.echo(bell + click.style(f"{SIGNS[basket]} {text}", fg=COLOURS[basket], bold=basket in BELL))


def _sentences(answer: Answer, say: Callable[[str], str]) -> list[str | None]:
    return [answer.said.text(say), *(note.text(say) for note in answer.notes), answer.next_step(say)]


def _print_slip(frame: Frame, slip: str, folder: Path) -> None:
    services, paper = frame.services, paper_of(frame)
    target = folder / f"slip-{slip}.pdf"
    try:
        check_place(target)
        with services.database.read() as connection:
            seen = sight(connection, services.person, services.clock.now().date())
            found, subject, client = slip_of(seen, slip)
        note_printed(services, services.person, "slip", [(subject, client)])
        write(target, slip_pdf(found, paper))
    except MunimentError as error:  # the loans stand; the slip can be printed later
        frame.hint(_("The slip was not printed: {why}").format(why=str(error)))
