"""Whatever people read has its Spanish: texts in the commands, help, and the words of the closed lists."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from cli import frame
from cli.main import _translated, muniment
from cli.reasons import CODES
from cli.review_walk import KEYS
from custody.access import ROLES
from custody.disposal_tables import BASES
from records.barcodes import KIND_NAMES
from records.desk import (
    CONDITIONS,
    FILE_STATES,
    LOAN_STATES,
    PAGES_BASES,
    PLACE_KINDS,
    TRANSFER_CHECKS,
    TRANSFER_KINDS,
    WANTS,
)
from records.desk_answers import ANSWERS, NEXT, WORDS
from records.desk_commands import MEANINGS, Command
from records.errors import MunimentError
from records.fields import Status
from records.lifecycle import (
    BATCH_STATES,
    EVENT_TYPES,
    RECORD_STATES,
    STATUS_STATES,
)
from records.reasons import REFUSALS, WAITING
from records.review_codes import REVIEW_CODES
from tasks.answers import PAPER_SUMMARIES, SUMMARIES
from tasks.desk_papers import FOR_GOOD, PICK_LIST, PUT_BACK_LIST
from tasks.desk_scans import PREFIX
from tasks.paper_certificate import NOT_FINISHED, TITLE_OF_IT
from tasks.paper_certificate import PROVED as DESTROYED
from tasks.paper_disposal import METHODS
from tasks.reports.court import PROVED
from tasks.reports.report import TOTALS

ROOT = Path(__file__).resolve().parents[2]
PO = ROOT / "infra/locale/es/LC_MESSAGES/muniment.po"


@pytest.fixture(scope="module")
def spanish() -> Catalog:
    with PO.open("rb") as file:
        return read_po(file, locale="es")


def missing(spanish: Catalog, texts: Iterator[str] | set[str]) -> list[str]:
    found = []
    for text in texts:
        message = spanish.get(text)
        if message is None or not message.string or message.fuzzy:
            found.append(text)
    return found


def calls(name: str, *folders: str, argument: int = 0) -> set[str]:
    """Return the constant arguments at one place of calls; also those within f-strings, which babel does not see."""
    found = set()
    for path in (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or len(node.args) <= argument:
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = node.args[argument]
            if called == name and isinstance(given, ast.Constant) and isinstance(given.value, str):
                found.add(given.value)
    return found


def helps(command: click.Command = muniment) -> Iterator[str]:
    if command.help:
        yield command.help
    yield from (p.help for p in command.params if isinstance(p, click.Option) and p.help)
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = command.get_command(click.Context(command), name)
            assert below is not None
            yield from helps(below)


def test_every_text_that_babel_finds_has_its_spanish(spanish: Catalog) -> None:
    texts = {str(found[2]) for found in extract_from_dir(ROOT / "cli", keywords={"_": None})}
    assert len(texts) > 40
    assert missing(spanish, texts) == []


def test_every_text_within_another_has_its_spanish(spanish: Catalog) -> None:
    assert missing(spanish, calls("_", "cli")) == []


def test_every_text_on_paper_has_its_spanish(spanish: Catalog) -> None:
    texts = calls("say", "tasks") | {FOR_GOOD, PICK_LIST, PUT_BACK_LIST, PROVED}
    assert len(texts) > 30
    words = {*CONDITIONS, *WANTS, *TRANSFER_KINDS, *TRANSFER_CHECKS, *METHODS, *BASES, *ROLES, TITLE_OF_IT, DESTROYED}
    assert missing(spanish, texts | words | {NOT_FINISHED}) == []


def test_every_report_has_its_spanish(spanish: Catalog) -> None:
    texts = calls("Column", "tasks/reports", argument=1) | calls("Report", "tasks/reports", argument=1)
    assert len(texts) > 40
    words = {total.replace("_", " ") for total in TOTALS} | {state.replace("_", " ") for state in FILE_STATES}
    words |= {kind.replace("_", " ") for kind in PLACE_KINDS} | {"file", "case number", *PAGES_BASES, *LOAN_STATES}
    assert missing(spanish, texts | {word.replace("_", " ") for word in words}) == []


def test_every_command_of_the_desk_has_its_spanish(spanish: Catalog) -> None:
    assert missing(spanish, {*MEANINGS.values(), *(f"{PREFIX}{one}" for one in Command)}) == []


def test_every_help_text_has_its_spanish(spanish: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_LANGUAGE", "en")
    monkeypatch.setattr(frame, "_catalogue", [])
    _translated(muniment)  # an earlier test may have asked in Spanish
    assert missing(spanish, helps()) == []


def test_every_word_of_the_closed_lists_has_its_spanish(spanish: Catalog) -> None:
    def tree(cls: type[MunimentError]) -> Iterator[type[MunimentError]]:
        yield cls
        for below in cls.__subclasses__():
            yield from tree(below)

    words = {*STATUS_STATES, *RECORD_STATES, *BATCH_STATES, *get_args(Status), *REVIEW_CODES.values(), *CODES.values()}
    words |= set(PAPER_SUMMARIES.values())
    words |= {SUMMARIES.get(event, event.replace("_", " ")) for event in EVENT_TYPES}
    words |= {cls.next_step for cls in tree(MunimentError)} | set(KIND_NAMES.values())
    words |= {text.partition(": ")[2] or text for text in (*REFUSALS.values(), *WAITING.values())}
    words |= {*KEYS.values(), "skipped", "absent", "illegible", "urgent", "low"}
    words |= {"environment", "file", "default", "secret file", "holds", "does not hold", "could not check"}
    assert missing(spanish, words) == []


def test_every_sentence_of_the_desk_has_its_spanish(spanish: Catalog) -> None:
    sentences = {text for code in ANSWERS.values() for text in (code.message, code.next) if text}
    assert missing(spanish, sentences | set(NEXT.values()) | WORDS) == []


def test_every_step_of_a_check_has_its_spanish(spanish: Catalog) -> None:
    assert missing(spanish, calls("step", "tasks", "custody")) == []


def test_every_translation_has_the_same_places(spanish: Catalog) -> None:
    for message in spanish:
        if message.id:
            here = {name for _, name, _, _ in string.Formatter().parse(str(message.id)) if name}
            there = {name for _, name, _, _ in string.Formatter().parse(str(message.string)) if name}
            assert here == there, message.id
