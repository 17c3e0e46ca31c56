"""The folder of an embedded index: generations side by side, one of them current, one writer over all processes.

    <folder>/LOCK             held by the one process that writes (flock: it ends with its holder, however that ends)
    <folder>/CURRENT          {"generation": "g000001", "mapping": 1}; replaced by rename
    <folder>/g000001/         Tantivy's files

A rebuild fills the next generation beside the current one, then replaces CURRENT, then removes the old folder. Ended
anywhere before the rename it leaves the old one valid; the next rebuild removes what was left.
"""

import errno
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from records.errors import IndexUnavailableError
from search.analysis import MAPPING_VERSION

_LOCK_WAIT = 0.05  # seconds between two tries for the lock


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation: the name of its folder and the version of fields and analysis it was made with."""

    name: str
    mapping: int


class Generations:
    """Knows which generation is current and who may write."""

    def __init__(self, folder: Path, lock_timeout: float) -> None:
        """Args: folder of the index; lock_timeout in seconds."""
        self._folder = folder
        self._tries = max(1, ceil(lock_timeout / _LOCK_WAIT))

    def path(self, generation: Generation) -> Path:
        """Return the folder of a generation."""
        return self._folder / generation.name

    def current(self) -> Generation | None:
        """Return the current generation, None where nothing was indexed yet.

        Raises:
            IndexUnavailableError: the pointer cannot be read.
        """
        try:
            row = json.loads((self._folder / "CURRENT").read_text(encoding="ascii"))
            return Generation(str(row["generation"]), int(row["mapping"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexUnavailableError("the index's pointer is damaged: run 'muniment index rebuild'") from error

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the one writer over all processes.

        Raises:
            IndexUnavailableError: another process held the lock for all of the time allowed.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._folder / "LOCK", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise IndexUnavailableError(f"the index's folder cannot be written: {_code(error)}") from error
        try:
            self._take(lock)
            yield
        finally:
            os.close(lock)

    def begin(self) -> Generation:
        """Make the empty folder of the next generation; the caller holds the lock."""
        # Never a name again that a reader may still have open, even where the pointer is damaged.
        number = max((int(path.name[1:]) for path in self._folders()), default=0) + 1
        self.remove_others()
        generation = Generation(f"g{number:06d}", MAPPING_VERSION)
        self.path(generation).mkdir(mode=0o700)
        return generation

    def switch(self, generation: Generation) -> None:
        """Make `generation` the current one, durably, and remove every other; the caller holds the lock."""
        row = json.dumps({"generation": generation.name, "mapping": generation.mapping})
        new = self._folder / "CURRENT.new"
        with new.open("w", encoding="ascii") as file:
            file.write(row + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._folder / "CURRENT")
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self.remove_others()

    def remove_others(self) -> None:
        """Remove generations that are not current: what a rebuild replaced, or left when it was ended."""
        current = self.current_or_none()
        for path in self._folders():
            if current is None or path.name != current.name:
                shutil.rmtree(path, ignore_errors=True)

    def current_or_none(self) -> Generation | None:
        """Return the current generation, None also where the pointer is damaged: a rebuild begins anew then."""
        try:
            return self.current()
        except IndexUnavailableError:
            return None

    def _folders(self) -> list[Path]:
        return list(self._folder.glob("g" + "[0-9]" * 6))

    def _take(self, lock: int) -> None:
        for attempt in range(self._tries):
            if attempt:
                time.sleep(_LOCK_WAIT)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            except OSError as error:
                raise IndexUnavailableError(f"the index cannot be locked: {_code(error)}") from error
            return
        raise IndexUnavailableError("another process is writing the index")


def _code(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
