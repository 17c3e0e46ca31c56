"""The pages for operators name what the code has: settings, errors, reasons, commands and their options."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_origin

import click
import pytest

from cli.frame import error_code
from cli.main import COMMANDS, muniment
from cli.reasons import CODES
from infra.settings import SECRETS, Settings
from records.errors import MunimentError
from records.reasons import REFUSALS, WAITING
from records.review_codes import REVIEW_CODES

DOCS = Path(__file__).resolve().parents[2] / "docs"


def table(page: str) -> list[list[str]]:
    """Return the rows of every table of a page, cell by cell."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]


def commands(command: click.Command = muniment, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = command.get_command(click.Context(command), name)
            assert below is not None, f"{name} is listed and cannot be loaded"
            yield from commands(below, (*path, name))
    else:
        yield " ".join(path), command


def test_every_setting_is_documented_with_its_default() -> None:
    documented = {row[0].strip("`"): row for row in table("configuration.md")}
    assert list(documented) == list(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        _, variable, default, text = documented[name]
        assert variable == f"`MUNIMENT_{name.upper()}`"
        if not field.is_required():
            assert default == ("none" if field.default is None else f"`{field.default}`")
        assert text.startswith(str(field.description)), name
        assert ("Secret." in text) == (name in SECRETS)
        if get_origin(field.annotation) is not None:
            for choice in (one for one in get_args(field.annotation) if isinstance(one, str)):
                assert f"`{choice}`" in text


def test_every_error_is_documented_with_code_and_advice() -> None:
    def tree(cls: type[MunimentError]) -> Iterator[type[MunimentError]]:
        yield cls
        for below in cls.__subclasses__():
            yield from tree(below)

    documented = {row[0].strip("`"): row[1:] for row in table("errors.md")}
    coded = {error_code(cls): cls for cls in tree(MunimentError)}
    assert documented.keys() == coded.keys()
    for code, cls in coded.items():
        number, retryable, meaning, advice = documented[code]
        assert (number, retryable, advice) == (str(cls.exit_code), "yes" if cls.retryable else "no", cls.next_step)
        assert meaning


@pytest.mark.parametrize("codes", [CODES, REFUSALS, WAITING, REVIEW_CODES], ids=["given", "refused", "waits", "review"])
def test_every_reason_is_documented(codes: dict[str, str]) -> None:
    rows = {row[0].strip("`"): row[1] for row in table("reasons.md")}
    assert {code: rows.get(code) for code in codes} == codes


def test_no_reason_is_documented_that_there_is_not() -> None:
    rows = [row[0].strip("`") for row in table("reasons.md")]
    assert sorted(rows) == sorted([*CODES, *REFUSALS, *WAITING, *REVIEW_CODES])


def test_every_command_and_option_is_documented_with_an_example() -> None:
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    sections = {}
    for part in re.split(r"^### ", page, flags=re.M)[1:]:
        title, _, body = part.partition("\n")
        sections[title.strip("` ").removeprefix("muniment ")] = body
    found = dict(commands())
    assert sections.keys() == found.keys()
    for name, command in found.items():
        assert f"    muniment {name}" in sections[name], f"no example of {name}"
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.name != "as_json":
                assert any(option in sections[name] for option in parameter.opts), f"{name}: {parameter.opts[0]}"
    for option in muniment.params:
        assert option.opts[0] in page


def test_every_listed_command_has_its_module() -> None:
    assert set(COMMANDS) == {name.split()[0] for name, _ in commands()}
