"""The reading step: a record's pages become words with boxes, and a readable copy, both sealed like the original.

One file of words a record, never a row per word; the page rows say how each was read (design, section 4). The claimed
work file is read while it is there; later the original is opened as the system's own act (`processed`).
Crash points: 21 words written, 22 derivatives stored, 23 committed.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from custody.derivatives import StoredDerivative, clear_leftovers, record_derivative, store_derivative
from custody.ledger import Draft, append
from custody.opening import fetch, processed, release
from custody.tables import events, originals, outbox
from records.catalogue import page_values, record_row, scan_row, sources_of
from records.errors import InputError
from records.ids import RecordId, instant
from records.tables import clients, pages, records
from records.text import Embedded, PageText, write_words
from tasks import intake
from tasks.embedded_invoice import find_embedded
from tasks.readable import make_readable
from tasks.reading import read_document
from tasks.services import SYSTEM, Services
from tasks.signatures import SignatureCheck, check_signatures
from tasks.sources import PDF
from tasks.words import words_path

_logger = logging.getLogger(__name__)
AGREEING = 3  # newest records of a batch that, being of one language, foretell the next one's


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    """What was read: counts only."""

    record: RecordId
    pages: int
    flagged: int


def read_record(record: RecordId, services: Services) -> ReadReceipt:
    """Read every page of a record; harmless to repeat.

    Raises:
        UnavailableError: store, database, engine or disk; call again later.
    """
    with services.database.read() as connection:
        row = record_row(connection, record)
        source = sources_of(connection, record)[0]
        original = connection.execute(select(originals).where(originals.c.id == source.original)).one()
        hint = _language_hint(connection, row.batch, services.reading.languages)
        client = connection.execute(select(clients.c.name).where(clients.c.id == row.client)).scalar_one()
    if row.state != "accessioned":
        clear_leftovers(services.vault, record)  # of a run that ended between its commit and this
        return ReadReceipt(record, 0, 0)
    options, words = services.reading_for(client), words_path(services, record)
    with _clear_original(services, row, original) as path:
        if original.media_type == PDF:
            _note_signatures(services, row, original.id, path)
        found = read_document(
            path, original.media_type, original.pages, options, services.limits, services.children, hint
        )
        rows: list[dict[str, Any]] = []
        part = services.scratch / f"{record}.words"
        embedded = _embedded(services, path, original.media_type)
        write_words(part, _noting(found, rows, record, row.client, source.original), embedded)
        part.replace(words)
        services.vault.reached(21)
        stored, conformance = _derive(services, record, source.original, original.media_type, path, words)
    services.vault.reached(22)
    _commit(services, row, rows, stored, conformance)
    services.vault.reached(23)
    flagged = sum(1 for page in rows if page["flags"])
    _logger.info("read record %s: %d pages, %d flagged", record, len(rows), flagged)
    return ReadReceipt(record, len(rows), flagged)


def _language_hint(connection: Connection, batch: str, allowed: Sequence[str]) -> str | None:
    """Return the language of the batch's newest records where they agree: what to try first, not binding."""
    newest = (
        connection.execute(
            select(records.c.language)
            .where(records.c.batch == batch, records.c.language.is_not(None))
            .order_by(records.c.id.desc())
            .limit(AGREEING)
        )
        .scalars()
        .all()
    )
    agreed = set(newest)
    return newest[0] if len(agreed) == 1 and newest[0] in allowed else None


def _embedded(services: Services, path: Path, media_type: str) -> Embedded | None:
    """Return the invoice a PDF carries as XML; one that costs its child is said to be unreadable."""
    if media_type != PDF:
        return None
    try:
        return services.children.run(services.limits.examine_seconds, find_embedded, path)
    except InputError as error:
        return Embedded("", (), f"the embedded files could not be read: {type(error).__name__}")


def _note_signatures(services: Services, row: Row[Any], original: str, path: Path) -> None:
    """Record how a PDF's signatures stand, once, before anything is made from it (docs/design/signatures.md)."""
    with services.database.read() as connection:
        if signatures_checked(connection, original) is not None:
            return
    now = services.clock.now()
    try:
        found = services.children.run(
            services.limits.examine_seconds, check_signatures, path, services.signature_roots, now
        )
    except InputError:
        found = SignatureCheck(("not-readable",))  # it cost its child
    if found is None:
        return
    with services.database.write() as connection:
        services.leases.fence(connection, row.scan)
        actor = intake.actor_of(scan_row(connection, row.scan))
        event = services.ids.new("evt")
        draft = Draft(
            event, "signatures_checked", original, actor, client=row.client, reason=found.verdict, obj=found.counts()
        )
        append(connection, draft, now)


def signatures_checked(connection: Connection, original: str) -> dict[str, Any] | None:
    """Return the event on an original's signatures, its `reason` the worst verdict; None where it has none."""
    known = select(events.c.leaf).where(events.c.subject == original, events.c.type == "signatures_checked").limit(1)
    leaf = connection.execute(known).scalar_one_or_none()
    return None if leaf is None else dict(json.loads(bytes(leaf)))


def _noting(
    found: Iterator[PageText], rows: list[dict[str, Any]], record: str, client: str, original: str
) -> Iterator[PageText]:
    for page in found:
        rows.append(page_values(record, client, original, page))
        yield page


@contextmanager
def _clear_original(services: Services, row: Row[Any], original: Row[Any]) -> Iterator[Path]:
    with services.database.read() as connection:
        work = intake.work_file(services, scan_row(connection, row.scan))
    if work.exists():
        yield work
        return
    path = services.scratch / f"{original.id}.clear"
    with services.database.write() as connection:
        entry = processed(services.vault, connection, SYSTEM, row.client, [original.id])
    key = release(services.vault, entry, original.id, SYSTEM, [original.id])
    try:
        fetch(
            services.vault, original.object_key, original.object_version, original.sealed_sha256,
            original.sealed_size, key, path,
        )  # fmt: skip
        yield path
    finally:
        path.unlink(missing_ok=True)


def _derive(
    services: Services, record: str, original: str, media_type: str, path: Path, words: Path
) -> tuple[list[StoredDerivative], str]:
    """Make and store the derivatives. A readable copy that cannot be made never blocks: the record is flagged."""
    stored = [store_derivative(services.vault, record, "words", original, words)]
    target = services.scratch / f"{record}.pdf"
    target.unlink(missing_ok=True)  # of an attempt that this process retries
    try:
        report = services.children.run(
            services.limits.derive_seconds,
            make_readable,
            path,
            media_type,
            words,
            target,
            services.limits,
            services.clock.now(),
        )
        stored.append(store_derivative(services.vault, record, "readable", original, target))
        conformance = report.conformance or report.reason or "none"
    except InputError as error:
        _logger.warning("no readable copy of %s: %s", record, type(error).__name__)
        conformance = "none"
    finally:
        target.unlink(missing_ok=True)
    return stored, conformance[:32]


def _commit(
    services: Services, row: Row[Any], rows: list[dict[str, Any]], stored: list[StoredDerivative], conformance: str
) -> None:
    languages = [page["language"] for page in rows if page["words"]]
    sources = {page["source"] for page in rows if page["words"]}
    now = services.clock.now()
    with services.database.write() as connection:
        services.leases.fence(connection, row.scan)
        services.leases.progress(connection, row.scan)
        connection.execute(delete(pages).where(pages.c.record == row.id))
        connection.execute(insert(pages), rows)
        for derivative in stored:
            record_derivative(connection, services.vault, derivative)
        scan = scan_row(connection, row.scan)
        draft = Draft(
            services.ids.new("evt"), "read", row.id, intake.actor_of(scan), client=row.client, before=row.state,
            after="read", obj={"pages": len(rows), "words": sum(page["words"] for page in rows)},
        )  # fmt: skip
        entry = append(connection, draft, now)
        connection.execute(
            update(records)
            .where(records.c.id == row.id)
            .values(
                state="read",
                version=entry.seq,
                language=max(set(languages), key=languages.count) if languages else None,
                text_source="mixed" if len(sources) > 1 else next(iter(sources), "ocr"),
                readable=conformance,
            )
        )
        put_in_outbox(connection, row.id, row.client, entry.seq, instant(now))
    clear_leftovers(services.vault, row.id)


def put_in_outbox(connection: Connection, record: str, client: str, seq: int, now: str) -> None:
    """Ask for the record's index entry to be brought up to date; committed with the event behind it."""
    connection.execute(insert(outbox).values(record=record, client=client, action="put", seq=seq, created=now))
