"""Renditions of a record for others: its words as ALTO or hOCR, written from the sealed words opened once.

The caller has decided access and committed the event that opens them (custody.opening).
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from sqlalchemy import Connection, select

from custody.handover import hand_over
from custody.ledger import SOFTWARE, Entry
from custody.opening import open_derivative
from custody.tables import events
from records.catalogue import sources_of
from records.text import PageText, read_words
from tasks.alto import Head, Source
from tasks.services import Services

Writer = Callable[[Head, Callable[[], Iterable[PageText]]], Iterator[bytes]]


def head_of(connection: Connection, record: str) -> Head:
    """Return what stands at the head of a record's renditions: its originals by id, and when it was read last."""
    read_at = connection.execute(
        select(events.c.ts)
        .where(events.c.subject == record, events.c.type == "read")
        .order_by(events.c.seq.desc())
        .limit(1)
    ).scalar()
    first, sources = 1, []
    for row in sources_of(connection, record):
        pages = row.last_page - row.first_page + 1
        sources.append(Source(row.original, first, first + pages - 1))
        first += pages
    return Head(record, tuple(sources), read_at, SOFTWARE["version"])


def write_rendition(services: Services, record: str, entry: Entry, writer: Writer, target: Path) -> tuple[str, int]:
    """Write a record's words as `writer` does to `target`, against the committed event; return SHA-256 and size.

    Raises:
        UnknownIdError: the record has no words yet.
        ReleaseRefusedError, FixityError, EnvelopeError: the sealed words do not open; nothing is written.
    """
    actor = services.person.actor(entry.event["actor"]["role"])
    with services.database.read() as connection:
        head = head_of(connection, record)
    clear = services.scratch / f"{entry.id}.words.gz"
    try:
        open_derivative(services.vault, record, "words", entry, actor, clear)
        return hand_over(writer(head, lambda: read_words(clear)), target)
    finally:
        clear.unlink(missing_ok=True)
