"""What arrives at the desk: where one scan ends, and what it is: a barcode, a command, a number, or other characters.

Scanners end a scan by CR, LF or both, or by Tab; some send none. Two codes without an end between them are refused by
their form (records/barcodes.py). What is longer than any code is dropped up to the next end, and answered once.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from records.barcodes import INPUT_LIMIT, Barcode, Kind, looks_like_code, read_code, trim
from records.desk_commands import NUMBERS, Command
from records.errors import BarcodeError

ENDS = b"\r\n\t\x00"
LARGEST_NUMBER = 99_999  # pages of one file; longer digits are meant as something else
PREFIX = "command: "  # tells the word of a command from the same word elsewhere, where both are translated
TOO_LONG = "\ufffd"  # stands for a scan that was longer than anything that can be one


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan as it arrived, without its ends, and what it is: at most one of the other fields is set."""

    raw: str
    code: Barcode | None = None  # ours, and no command
    command: Command | None = None
    number: int | None = None
    wrong: str | None = None  # why it is no barcode although it is meant as one


def split_scans(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield each scan of a stream of bytes; undecodable bytes become U+FFFD, empty scans are left out."""
    rest, skipping = b"", False
    for chunk in chunks:
        rest += chunk
        start = 0
        for place, byte in enumerate(rest):
            if byte in ENDS:
                if not skipping and rest[start:place].strip():
                    yield _decoded(rest[start:place])
                start, skipping = place + 1, False
        rest = rest[start:]
        if len(rest) > 4 * INPUT_LIMIT:  # bytes: a character has four at most
            if not skipping:
                yield TOO_LONG
            rest, skipping = b"", True
    if rest.strip() and not skipping:
        yield _decoded(rest)


def _decoded(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return text if len(text) <= INPUT_LIMIT else TOO_LONG


def tell_apart(raw: str, words: "CommandWords") -> Scan:
    """Say what a scan is. What is none of ours may still be a client's own barcode, or a name that was typed."""
    text = trim(raw)
    command = words.find(text)
    if command is not None:
        return Scan(text, command=command)
    if text.isascii() and text.isdecimal() and int(text) <= LARGEST_NUMBER:
        return Scan(text, number=int(text))
    if not looks_like_code(raw):
        return Scan(text)
    try:
        code = read_code(raw)
    except BarcodeError as error:
        return Scan(text, wrong=error.reason)
    if code.kind is not Kind.COMMAND:
        return Scan(text, code=code)
    found = NUMBERS.get(code.number)
    return Scan(text, wrong="unknown-command") if found is None else Scan(text, command=found)


class CommandWords:
    """The words that may be typed for commands: English ones, and those of the language of the desk."""

    def __init__(self, say: Callable[[str], str]) -> None:
        """Args: say, the translation; a command's word is translated as `command: lend`."""
        own = {say(f"{PREFIX}{command.value}").removeprefix(PREFIX): command for command in Command}
        english = {command.value: command for command in Command}
        self._commands = {word.casefold(): command for word, command in {**own, **english}.items()}

    def find(self, text: str) -> Command | None:
        """Return the command that a word stands for."""
        return self._commands.get(text.strip().casefold())
