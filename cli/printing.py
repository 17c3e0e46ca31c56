"""`muniment print`: labels, slips, out-cards, lists and cards of the records desk, as PDF."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from cli.frame import Frame, _, command
from cli.papers import check_place, language_option, paper_of, to_option, write
from records.barcodes import Kind
from records.desk_commands import MEANINGS, NUMBERS, command_code
from records.errors import InvalidValueError, UnknownIdError
from records.label_sheets import read_sheet, shipped_sheets
from tasks.desk.scanner import HERE_COMMANDS
from tasks.desk_papers import PUT_BACK_LIST, out_cards_pdf, pick_list_pdf, slip_pdf, transfer_pdf
from tasks.desk_scans import PREFIX
from tasks.labels import Label, labels_pdf
from tasks.printing.labels import blank_labels, give_person_code, label_of
from tasks.printing.lists import picks, put_backs, transfer_of
from tasks.printing.loans import out_card_of, slip_of
from tasks.printing.sight import note_printed, person_named, sight, site_named

commands = click.Group()
NEW_KINDS = {"file": Kind.FILE, "box": Kind.BOX}
MOST_BLANK = 1000  # labels of one call: a roll
Subjects = Sequence[tuple[str, str | None]]


@commands.group("print")
def print_group() -> None:
    """Print what the records desk needs, as PDF."""


def _sheet_options(function: Any) -> Any:
    sheet = click.option("--sheet", default="a4-21", show_default=True, help="Sheet of labels: a name, or a TOML file.")
    first = click.option("--first", type=int, default=1, show_default=True, help="First free label of the first page.")
    return sheet(first(function))


@command(print_group, "labels")
@click.argument("codes", nargs=-1, metavar="[CODE...]")
@click.option("--new", type=click.Choice(list(NEW_KINDS)), help="Blank labels with codes that are not given yet.")
@click.option(
    "--count", type=click.IntRange(1, MOST_BLANK), default=1, show_default=True, help="How many blank labels."
)
@_sheet_options
@language_option()
@to_option(required=True)
def labels_command(
    frame: Frame, codes: tuple[str, ...], new: str | None, count: int, sheet: str, first: int, language: str | None,
    target: Path,
) -> None:  # fmt: skip
    """Print labels of files, boxes, places (by path) and people (by name), or blank ones."""
    if bool(codes) == (new is not None):
        raise InvalidValueError("say which labels: CODE..., or --new for blank ones")
    layout, paper = read_sheet(sheet), paper_of(frame, language)
    check_place(target)
    labels, subjects = _labels(frame, codes, paper.say) if new is None else _blank(frame, new, count, paper.say)
    _hand_over(frame, "labels", labels_pdf(labels, layout, first), target, subjects, len(labels))


def _blank(frame: Frame, new: str, count: int, say: Callable[[str], str]) -> tuple[list[Label], Subjects]:
    _require_handling(frame)
    return blank_labels(frame.services, NEW_KINDS[new], count, say), []


def _labels(frame: Frame, codes: Sequence[str], say: Callable[[str], str]) -> tuple[list[Label], Subjects]:
    services = frame.services
    for code in codes:
        with services.database.read() as connection:
            person = person_named(connection, code)
        if person is not None:
            _require_handling(frame)
            give_person_code(services, person)
    with services.database.read() as connection:
        seen = sight(connection, services.person, services.clock.now().date())
        found = [label_of(seen, code, say) for code in codes]
    return [label for label, _subject in found], [subject for _label, subject in found]


@command(print_group, "sheets")
def sheets_command(frame: Frame) -> None:
    """List the sheets of labels that are known."""
    rows = [{"sheet": sheet.name, "labels": sheet.labels, "description": sheet.description}
            for sheet in shipped_sheets().values()]  # fmt: skip
    frame.answer({"sheets": rows}, lambda: "\n".join(f"{row['sheet']:<12} {row['description']}" for row in rows))


@command(print_group, "commands")
@_sheet_options
@language_option()
@to_option(required=True)
def commands_command(frame: Frame, sheet: str, first: int, language: str | None, target: Path) -> None:
    """Print the card of command barcodes that lies at the desk."""
    say, layout = paper_of(frame, language).say, read_sheet(sheet)
    labels = [
        Label(command_code(one), say(MEANINGS[one]), say(f"{PREFIX}{one}").removeprefix(PREFIX).upper())
        for one in NUMBERS.values()
        if one in HERE_COMMANDS
    ]
    _hand_over(frame, "commands", labels_pdf(labels, layout, first), target, [], len(labels))


@command(print_group, "slip")
@click.argument("slip", metavar="SLIP")
@language_option()
@to_option(required=True)
def slip_command(frame: Frame, slip: str, language: str | None, target: Path) -> None:
    """Print a loan slip twice, for the borrower and the desk (SLIP: code or id of a slip, or id of a loan)."""
    paper = paper_of(frame, language)
    check_place(target)
    with frame.services.database.read() as connection:
        seen = sight(connection, frame.services.person, frame.services.clock.now().date())
        found, subject, client = slip_of(seen, slip)
    _hand_over(frame, "slip", slip_pdf(found, paper), target, [(subject, client)], len(found.lines))


@command(print_group, "outcard")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@language_option()
@to_option(required=True)
def outcard_command(frame: Frame, files: tuple[str, ...], language: str | None, target: Path) -> None:
    """Print out-cards, which stand in the place of files that are out."""
    paper = paper_of(frame, language)
    check_place(target)
    with frame.services.database.read() as connection:
        seen = sight(connection, frame.services.person, frame.services.clock.now().date())
        found = [out_card_of(seen, file) for file in files]
    data = out_cards_pdf([card for card, _id, _client in found], paper)
    _hand_over(frame, "outcard", data, target, [(subject, client) for _card, subject, client in found], len(found))


@command(print_group, "picklist")
@click.option("--put-back", is_flag=True, help="What is to be put back, instead of what is to be fetched.")
@click.option("--site", help="Only this site: its code.")
@language_option()
@to_option(required=True)
def picklist_command(frame: Frame, put_back: bool, site: str | None, language: str | None, target: Path) -> None:
    """Print what is to be fetched for those who wait, in the order of the shelves."""
    paper = paper_of(frame, language)
    check_place(target)
    with frame.services.database.read() as connection:
        seen = sight(connection, frame.services.person, frame.services.clock.now().date())
        place = None if site is None else site_named(connection, site)
        found = (put_backs if put_back else picks)(seen, place)
    listed = [pick for pick, _id, _client in found]
    data = pick_list_pdf(listed, paper, PUT_BACK_LIST) if put_back else pick_list_pdf(listed, paper)
    _hand_over(frame, "picklist", data, target, [(subject, client) for _pick, subject, client in found], len(found))


@command(print_group, "transfer")
@click.argument("transfer", metavar="TRANSFER")
@language_option()
@to_option(required=True)
def transfer_command(frame: Frame, transfer: str, language: str | None, target: Path) -> None:
    """Print the list of a transfer, to be checked line by line (TRANSFER: its code or id)."""
    paper = paper_of(frame, language)
    check_place(target)
    with frame.services.database.read() as connection:
        seen = sight(connection, frame.services.person, frame.services.clock.now().date())
        found, subject, client = transfer_of(seen, transfer)
    _hand_over(frame, "transfer", transfer_pdf(found, paper), target, [(subject, client)], len(found.lines))


def _require_handling(frame: Frame) -> None:
    services = frame.services
    with services.database.read() as connection:
        if not sight(connection, services.person, services.clock.now().date()).mine:
            raise UnknownIdError("nothing that you may print has this code, path or name")


def _hand_over(frame: Frame, what: str, data: bytes, target: Path, subjects: Subjects, count: int) -> None:
    """Record what is printed, then write it: what was seen on paper is in the ledger."""
    services = frame.services
    seqs = note_printed(services, services.person, what, subjects)
    document = {**write(target, data), "printed": what, "count": count, "events": seqs}
    frame.answer(document, lambda: _("{count} printed into {to}").format(**document))
