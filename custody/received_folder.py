"""A ledger's folder as it was received: listed and read without trusting names, links, kinds or sizes of files.

Nothing is followed that leads out of the folder, nothing waits (a FIFO), nothing is read that is longer than it may be.
What is no plain file under a plain name is told apart from the names, for the verifier to report.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from records.errors import LedgerError, StoreUnavailableError

DEEPEST = 12  # folders below each other: more than the names of any ledger have
PENDING = ".incoming"  # where a home writes what is not in its place yet (custody/stores/ledger_directory.py)


@dataclass(frozen=True, slots=True)
class Odd:
    """Something in the folder that can be no file of a ledger: its name as far as it can be shown, and what it is."""

    name: str
    what: str


class ReceivedFolder:
    """The files below a folder, by the names they have in a ledger (`tile/0/000`)."""

    def __init__(self, root: Path) -> None:
        """Args: root of the folder.

        Raises:
            LedgerError: it is not there, or no folder.
        """
        if not root.is_dir():
            raise LedgerError("there is no such folder")
        self._root = root

    def listed(self) -> tuple[set[str], list[Odd]]:
        """Return the names of all plain files, and what is none.

        Raises:
            StoreUnavailableError: a folder could not be listed.
        """
        names: set[str] = set()
        odd: list[Odd] = []
        for found in self._walk(self._root, "", 0):
            if isinstance(found, Odd):
                odd.append(found)
            else:
                names.add(found)
        return names, odd

    def read(self, name: str, limit: int) -> bytes | None:
        """Return the bytes of a file, None where no plain file stands there.

        Raises:
            LedgerError: it is longer than `limit` bytes.
            StoreUnavailableError: it could not be read.
        """
        try:
            descriptor = os.open(self._root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StoreUnavailableError(f"{name} could not be opened ({type(error).__name__})") from error
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            try:
                data = file.read(limit + 1)
            except OSError as error:
                raise StoreUnavailableError(f"{name} could not be read ({type(error).__name__})") from error
        if len(data) > limit:
            raise LedgerError(f"{name} is longer than {limit} bytes")
        return data

    def _walk(self, folder: Path, above: str, depth: int) -> Iterator[str | Odd]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise StoreUnavailableError(f"{above or 'the folder'} could not be listed") from error
        for entry in entries:
            name = above + entry.name
            shown = os.fsencode(name).decode("utf-8", "backslashreplace")
            if shown != name or not name.isprintable():
                yield Odd(shown.encode("unicode_escape").decode(), "a name of a ledger's files")
            elif entry.is_symlink():
                yield Odd(name, "a link")
            elif entry.is_dir(follow_symlinks=False):
                if depth == DEEPEST:
                    yield Odd(name, "too deep a folder")
                elif name != PENDING:
                    yield from self._walk(folder / entry.name, f"{name}/", depth + 1)
            elif entry.is_file(follow_symlinks=False):
                yield name
            else:
                yield Odd(name, "no plain file")
