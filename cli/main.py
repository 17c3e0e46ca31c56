"""The `muniment` command: groups of commands, loaded when they are called, and the outermost boundary of errors."""

import gc
import importlib
import sys
from typing import Any, NoReturn

import click

from cli.frame import Frame, _, report_error, start_logging
from records.errors import InvalidValueError, MunimentError

NEW_OBJECTS = 50_000  # made before the youngest are looked through for garbage; 700 is made for less memory than ours

# command -> module that holds it as `command` (or the group `group`); loading only what is called keeps starts short
COMMANDS = {
    "ingest": "cli.ingest",
    "watch": "cli.watch",
    "up": "cli.up",
    "status": "cli.status",
    "search": "cli.search",
    "record": "cli.record",
    "original": "cli.original",
    "review": "cli.review",
    "export": "cli.export",
    "class": "cli.record_class",
    "batch": "cli.batch",
    "client": "cli.client",
    "person": "cli.person",
    "place": "cli.place",
    "box": "cli.box",
    "file": "cli.file",
    "request": "cli.request",
    "loan": "cli.loan",
    "transfer": "cli.transfer",
    "desk": "cli.desk",
    "notice": "cli.notice",
    "print": "cli.printing",
    "report": "cli.report",
    "index": "cli.index",
    "config": "cli.config",
    "doctor": "cli.doctor",
    "custody": "cli.custody",
    "fixity": "cli.custody",
    "ledger": "cli.ledger",
    "verify": "cli.verify",
    "witness": "cli.witness",
    "keys": "cli.keys",
    "retention": "cli.retention",
    "hold": "cli.hold",
    "disposal": "cli.disposal",
    "bench": "cli.bench",
    "calibrate": "cli.calibrate",
}

VERDICTS = ("verify", "fixity", "custody", "witness")  # they answer holds, does not hold, or could not check
UNDECIDED = 2


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """Return the names in their documented order."""
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Import the module of a command."""
        if name not in COMMANDS:
            return None
        found = importlib.import_module(COMMANDS[name]).commands.get_command(None, name)
        return _translated(found) if isinstance(found, click.Command) else None


def _translated(command: click.Command) -> click.Command:
    """Put the help of a command, its options and all below it into the language of who reads it."""
    command.help = _said(command)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            parameter.help = _said(parameter)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _translated(below)
    return command


def _said(what: click.Command | click.Option) -> str | None:
    """Return the help of a command or option in the reader's language, from what the code says, however often asked."""
    plain: str | None = what.__dict__.setdefault("plain_help", what.help)
    return _(plain) if plain else None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--as", "person", metavar="PERSON", help="Act as this person, with the token in MUNIMENT_TOKEN.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="muniment")
@click.pass_context
def muniment(context: click.Context, as_json: bool, person: str | None, debug: bool) -> None:
    """Take paper into provable custody: seal, read, describe, find, and prove."""
    context.obj.as_json |= as_json  # it may stand after the command, whose options are not parsed yet
    context.obj.person, context.obj.debug = person, debug


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code (docs/errors.md). Nothing but --debug shows a traceback."""
    as_json, arguments = _take_json(sys.argv[1:] if arguments is None else arguments)
    frame = Frame(as_json)
    start_logging()
    _translated(muniment)
    try:
        result: Any = muniment.main(arguments, prog_name="muniment", standalone_mode=False, obj=frame)
    except MunimentError as error:
        if frame.debug:
            raise
        return report_error(error, frame.as_json)
    except click.ClickException as error:
        return _report_usage(error, frame.as_json)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BrokenPipeError:
        return 2
    except Exception as error:  # the outermost boundary: only the type, since texts of others may hold names
        if frame.debug:
            raise
        return report_error(MunimentError(f"unexpected {type(error).__name__}; --debug shows where"), frame.as_json)
    finally:
        frame.close()
    return result if isinstance(result, int) else 0


def run() -> NoReturn:
    """Run the command that this process was started for, and end the process.

    Looking for garbage among what was imported, first while it is and once more when the interpreter ends, was a
    quarter of a short command's time (docs/benchmarks.md); none of it ever is garbage.
    """
    gc.set_threshold(NEW_OBJECTS)
    code = main()
    gc.freeze()
    sys.exit(code)


def _report_usage(error: click.ClickException, as_json: bool) -> int:
    """Print what is wrong with the command line as one of our errors; those that verify know only 0, 1 and 2."""
    ours = InvalidValueError(error.format_message())
    if as_json:
        report_error(ours, as_json=True)
    else:
        error.show()
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path.split() if context is not None else []
    return UNDECIDED if any(name in VERDICTS for name in path[1:2]) else ours.exit_code


def _take_json(arguments: list[str]) -> tuple[bool, list[str]]:
    """Take `--json` out of the arguments, wherever it stands before a `--`: so answers what cannot be parsed."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [argument for argument in arguments[:end] if argument != "--json"]
    return len(kept) < end, kept + arguments[end:]


if __name__ == "__main__":
    run()
