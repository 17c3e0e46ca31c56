"""Clear words of records, for those who must read them again: the working copy, or the sealed one opened anew.

Whoever needs words takes them with `borrowed`: what it yields lies in this process's own folder, so that no sweeper or
other process takes it away meanwhile. Where the working copy is gone, the system opens the sealed words under one
`processed` event a client (the command line's contract, section 1).
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from custody.opening import open_derivative, processed
from custody.tables import derivatives
from records.catalogue import record_row
from records.text import PageText, read_words
from tasks.services import SYSTEM, Services


def words_path(services: Services, record: str) -> Path:
    """Return where the clear words of a record wait until the index has them."""
    return services.places.words / f"{record}.words.gz"


@contextmanager
def borrowed(services: Services, records: Sequence[str]) -> Iterator[dict[str, Path]]:
    """Yield a words file of this process's own for each record; they are gone afterwards.

    Raises:
        FixityError, EnvelopeError, OriginalNotFoundError: the sealed words of a record do not open.
        UnavailableError: store, database or disk.
    """
    held = {record: services.scratch / f"{record}.{os.urandom(4).hex()}.words" for record in records}
    try:
        _restore(services, {record: path for record, path in held.items() if not _linked(services, record, path)})
        yield held
    finally:
        for path in held.values():
            path.unlink(missing_ok=True)


def ends_of(path: Path, first: int, last: int) -> tuple[list[PageText], list[PageText]]:
    """Return the first and last pages of a words file, and of all pages those that were flagged, without their words.

    In memory that does not grow with the record: a long one is described by its ends.
    """
    front: list[PageText] = []
    back: deque[PageText] = deque(maxlen=last)
    flagged: list[PageText] = []
    for page in read_words(path):
        if len(front) < first:
            front.append(page)
        else:
            back.append(page)
        if page.flags:
            flagged.append(replace(page, words=()))
    return [*front, *back], flagged


def _linked(services: Services, record: str, path: Path) -> bool:
    try:
        os.link(words_path(services, record), path)
    except FileNotFoundError:
        return False
    return True


def _restore(services: Services, missing: dict[str, Path]) -> None:
    by_client: dict[str, list[str]] = {}
    with services.database.read() as connection:
        for record in missing:
            by_client.setdefault(record_row(connection, record).client, []).append(record)
    for client, ids in by_client.items():
        with services.database.write() as connection:
            found = connection.execute(
                select(derivatives.c.record, derivatives.c.original).where(
                    derivatives.c.record.in_(ids), derivatives.c.kind == "words"
                )
            ).all()
            batch = [row.original for row in found]
            entry = processed(services.vault, connection, SYSTEM, client, batch)
        for row in found:
            open_derivative(services.vault, row.record, "words", entry, SYSTEM, missing[row.record], batch)
