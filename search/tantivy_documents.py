"""What Tantivy is given of a record: one marker and a document for each page; and how living ones are copied.

Everything of a page's document follows from what is stored with it and with its record's marker, so that a new
generation can be made of an old one without the catalogue (`copied`).
"""

import json
from collections.abc import Iterable, Sequence
from datetime import date

from tantivy import DocAddress, Document, IndexWriter, Searcher

from records.errors import IndexUnavailableError
from search.contract import Change, IndexedRecord, RecordDocument, Removal
from search.documents import StoredPage, field_tokens, pack, page_fields, page_key, record_facts, stored_page, unpack
from search.tantivy_queries import TantivyQueries


def add(writer: IndexWriter, change: Change) -> None:
    """Add the documents of a change; what was there of the record is the caller's to delete."""
    if isinstance(change, Removal):
        writer.add_document(_marker(change.record, change.version, "removed"))
        return
    pages = ((page_key(change.record, page.page), stored_page(page)) for page in change.pages)
    _add_record(writer, change, len(change.pages), pages)


def copied(searcher: Searcher, queries: TantivyQueries, held: Iterable[IndexedRecord], writer: IndexWriter) -> int:
    """Add to `writer` what `searcher` holds of these records; return the number of pages.

    Raises:
        IndexUnavailableError: it was made by an earlier version, which stored less.
    """
    count = 0
    for record in held:
        marker = searcher.search(queries.term("marker", record.record), 1, False).hits[0][1]
        facts = json.loads(_stored(searcher, marker))
        if "state" not in facts:
            raise IndexUnavailableError("the index was made by an earlier version: run 'muniment index rebuild'")
        day = facts["date"]
        document = RecordDocument(
            record.record, facts["client"], facts["class"], facts["state"], facts["batch"], record.version,
            None if day is None else date.fromisoformat(day), facts["fields"], (),
        )  # fmt: skip
        found = searcher.search(
            queries.both("record", record.record, "kind", "page"), max(1, record.pages), order_by_field="key"
        ).hits
        pages = ((str(key), unpack(_stored(searcher, address))) for key, address in found)
        _add_record(writer, document, len(found), pages)
        count += len(found)
    return count


def _add_record(
    writer: IndexWriter, record: RecordDocument, count: int, pages: Iterable[tuple[str, StoredPage]]
) -> None:
    marker = _marker(record.record, record.version, "record")
    marker.add_unsigned("pages", count)
    marker.add_bytes("stored", record_facts(record).encode())
    writer.add_document(marker)
    values = field_tokens(record.fields)
    for key, page in pages:
        writer.add_document(_page_document(record, key, page, values))


def _marker(record: str, version: int, kind: str) -> Document:
    marker = Document()
    marker.add_text("record", record)
    marker.add_text("marker", record)
    marker.add_text("key", record)
    marker.add_unsigned("version", version)
    marker.add_text("kind", kind)
    return marker


def _page_document(record: RecordDocument, key: str, page: StoredPage, values: Sequence[str]) -> Document:
    document = Document()
    for name, value in (
        ("kind", "page"), ("record", record.record), ("key", key), ("client", record.client),
        ("class", record.record_class), ("state", record.state), ("batch", record.batch),
    ):  # fmt: skip
        document.add_text(name, value)
    for value in values:
        document.add_text("fields", value)
    if record.date is not None:
        document.add_unsigned("date", record.date.toordinal())
    for name, tokens in page_fields(page)._asdict().items():
        document.add_text(name, tokens)
    document.add_bytes("stored", pack(page))
    return document


def _stored(searcher: Searcher, address: DocAddress) -> bytes:
    return bytes(searcher.doc(address)["stored"][0])
