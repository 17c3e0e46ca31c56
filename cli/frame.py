"""What every command shares: `--json` before or after it, the answer on standard output, errors by the tree.

One JSON document on standard output and no other byte; progress, warnings and hints go to standard error (the command
line's contract, section 1). The outermost boundary: what is not in the error tree is shown by its type alone.
"""

import json
import locale
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, update_wrapper
from typing import Any, NoReturn, TypeVar

import click

from infra.i18n import translations
from infra.logging import configure
from infra.services import Services, open_services
from infra.settings import load_settings
from records.errors import ConfigurationError, MunimentError

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Frame:
    """What a command works with: how to answer, and the services, opened when first asked for."""

    as_json: bool = False
    person: str | None = None
    debug: bool = False
    _opened: list[Services] = field(default_factory=list)

    @cached_property
    def services(self) -> Services:
        """Open the services; say once on standard error what the first use made."""
        services = open_services(self.person)
        self._opened.append(services)
        if services.made:
            self.hint(
                _("A new installation was made in {home}. Move the escrow shares ({escrow}) and a copy of the keys "
                  "({keys}) elsewhere: 'muniment doctor' reminds you until it is done.").format(
                    home=services.places.home, escrow=services.places.escrow, keys=services.places.keys)
            )  # fmt: skip
        return services

    def answer(self, document: dict[str, Any] | list[Any], plain: Callable[[], str] | str) -> None:
        """Print the one answer: the JSON document, or the text for people."""
        if self.as_json:
            text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        else:
            text = plain if isinstance(plain, str) else plain()
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")
        sys.stdout.flush()

    def hint(self, text: str) -> None:
        """Print a line for people on standard error."""
        click.echo(text, err=True)

    def close(self) -> None:
        """Close what was opened."""
        for services in self._opened:
            services.close()


pass_frame = click.make_pass_decorator(Frame, ensure=True)


def _(text: str) -> str:
    """Translate what people read."""
    return str(_language().gettext(text))


def language_code() -> str:
    """Return the language of who reads, `en` or `es`."""
    return str(_language().info().get("language", "en"))


def _language() -> Any:
    if not _catalogue:
        with suppress(locale.Error):
            locale.setlocale(locale.LC_MESSAGES, "")
        try:
            language = load_settings()[0].language
        except ConfigurationError:
            language = "auto"
        _catalogue.append(translations(language))
    return _catalogue[0]


_catalogue: list[Any] = []


def command(group: click.Group, name: str, **settings: Any) -> Callable[[F], F]:
    """Register a command that takes `--json` after its name too and gets the Frame as its first argument."""

    def register(function: F) -> F:
        def run(frame: Frame, /, *args: Any, **kwargs: Any) -> Any:
            frame.as_json |= kwargs.pop("as_json")
            return function(frame, *args, **kwargs)

        wrapped = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(
            click.pass_obj(update_wrapper(run, function))
        )
        group.command(name, **settings)(wrapped)
        return function

    return register


def finish(code: int) -> NoReturn:
    """End the command with an exit code of docs/errors.md."""
    raise SystemExit(code)


def report_error(error: MunimentError, as_json: bool) -> int:
    """Print an error by its code, message and what to do next; return its exit code."""
    code = error_code(type(error))
    message = str(error) or code
    if as_json:
        shape = {
            "code": code, "message": message, "next": error.next_step, "step": None, "retryable": error.retryable,
        }  # fmt: skip
        sys.stdout.write(json.dumps({"error": shape}, ensure_ascii=False) + "\n")
    else:
        click.echo(f"muniment: {message}\n  {_(error.next_step)}", err=True)
    return error.exit_code


def error_code(kind: type[MunimentError]) -> str:
    """Return the class name in kebab case without Error."""
    name = kind.__name__.removesuffix("Error")
    return "".join(("-" if i and c.isupper() else "") + c.lower() for i, c in enumerate(name))


def start_logging() -> None:
    """Configure logging by the settings; a wrong setting is reported by the command itself."""
    try:
        configure(load_settings()[0].log_level)
    except ConfigurationError:
        configure("WARNING")
