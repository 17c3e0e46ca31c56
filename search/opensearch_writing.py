"""How changes are written to an OpenSearch index so that several writers, in any order, come to the same end.

1. The marker of each record is written with the change's version; the server refuses it where a newer one stands, and
   then nothing else of that change is written. The marker says how far pages of the record may reach.
2. Pages are written with the same version; those that the new version no longer has, up to that reach, are deleted.
3. The markers are read again: where a newer change came in between, pages it does not know are deleted.

A writer that is ended after any step leaves a state from which the same change, offered again, comes to the same end.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from opensearchpy import OpenSearch, helpers

from records.errors import IndexUnavailableError
from search.contract import Change, RecordDocument, Removal
from search.documents import field_tokens, pack, page_fields, page_key, record_facts, stored_page
from search.opensearch_queries import Json
from search.versions import Held, is_newer

_CHUNK_PAGES = 500  # pages prepared at once
_CHUNK_BYTES = 8 * 1024**2  # of one request
_RETRIES = 4  # when the server says it is too busy (429); pauses of 1, 2, 4, 8 s
_CONFLICT, _NOT_FOUND = 409, 404


AnyChange = TypeVar("AnyChange", bound=Change)


class AliasGoneError(Exception):
    """The alias written to names no index (any more)."""


@dataclass(frozen=True, slots=True)
class Marker:
    """The marker of a record as the server has it; pages may stand up to number `reach`."""

    version: int
    removed: bool
    pages: int
    reach: int


def write(client: OpenSearch, alias: str, changes: Iterable[Change]) -> None:
    """Write changes to the index behind `alias`; nothing can be found before a refresh.

    Raises:
        AliasGoneError: no index stands behind `alias`.
        IndexUnavailableError: the server refused a document for another reason than its version.
    """
    with ThreadPoolExecutor(1) as sender:
        # The next pages are made ready while the server works on the last ones; never two chunks at once there.
        sent: Future[None] | None = None
        for chunk in chunks(changes):
            ready = [(change, list(_pages(change))) for change in chunk]
            if sent is not None:
                sent.result()
            sent = sender.submit(_write_chunk, client, alias, ready)
        if sent is not None:
            sent.result()


def chunks(changes: Iterable[AnyChange]) -> Iterator[list[AnyChange]]:
    """Part changes into lists of some hundred pages; a record is never parted."""
    chunk: list[AnyChange] = []
    pages = 0
    for change in changes:
        chunk.append(change)
        pages += 1 + (len(change.pages) if isinstance(change, RecordDocument) else 0)
        if pages >= _CHUNK_PAGES:
            yield chunk
            chunk, pages = [], 0
    if chunk:
        yield chunk


def read_markers(client: OpenSearch, alias: str, records: Sequence[str]) -> dict[str, Marker]:
    """Return the markers of those records that have one, as written, refreshed or not."""
    fields = ["kind", "version", "pages", "reach"]
    rows = client.mget(body={"ids": list(records)}, index=alias, _source_includes=fields)["docs"]
    if any("error" in row for row in rows):
        raise AliasGoneError(alias)
    return {
        row["_id"]: Marker(source["version"], source["kind"] == "removed", source["pages"], source["reach"])
        for row in rows
        if row.get("found")
        for source in (row["_source"],)
    }


def _write_chunk(client: OpenSearch, alias: str, ready: Sequence[tuple[Change, list[Json]]]) -> None:
    before = read_markers(client, alias, list({change.record for change, _ in ready}))
    held = {record: Held(marker.version, marker.removed) for record, marker in before.items()}
    newest: dict[str, tuple[Change, list[Json]]] = {}
    for change, pages in ready:
        if is_newer(change, held.get(change.record)):
            held[change.record] = Held(change.version, isinstance(change, Removal))
            newest[change.record] = change, pages
    if not newest:
        return
    reach = {record: max(_last(change), _reach(before.get(record))) for record, (change, _) in newest.items()}
    refused = _send(client, alias, (_marker(change, reach[record]) for record, (change, _) in newest.items()))
    winners = [pair for record, pair in newest.items() if record not in refused]
    _send(client, alias, (page for _, pages in winners for page in pages))
    _send(client, alias, (gone for change, _ in winners for gone in _surplus(change, reach[change.record])))
    _clear_overtaken(client, alias, [change for change, _ in winners])


def _clear_overtaken(client: OpenSearch, alias: str, written: Sequence[Change]) -> None:
    if not written:
        return
    after = read_markers(client, alias, [change.record for change in written])
    gone = (
        _deletion(change.record, number, newer.version)
        for change in written
        if (newer := after.get(change.record)) is not None and newer.version > change.version
        for number in range(1 if newer.removed else newer.pages + 1, _last(change) + 1)
    )
    _send(client, alias, gone)


def _send(client: OpenSearch, alias: str, actions: Iterator[Json]) -> set[str]:
    """Send actions and return the ids that were refused because the server has a newer version."""
    refused: set[str] = set()
    answers = helpers.streaming_bulk(
        client,
        ({**action, "_index": alias, "version_type": "external_gte"} for action in actions),
        max_chunk_bytes=_CHUNK_BYTES,
        raise_on_error=False,
        max_retries=_RETRIES,
        initial_backoff=1,
        require_alias=True,
    )
    for _, item in answers:
        (kind, answer), *_ = item.items()
        status = answer["status"]
        if status == _CONFLICT:
            refused.add(answer["_id"])
        elif status == _NOT_FOUND and (kind != "delete" or "error" in answer):
            raise AliasGoneError(alias)
        elif status >= 300 and status != _NOT_FOUND:
            raise IndexUnavailableError(f"the search server refused a document: status {status}")
    return refused


def _marker(change: Change, reach: int) -> Json:
    source: Json = {"kind": "removed", "record": change.record, "version": change.version, "pages": 0, "reach": reach}
    if isinstance(change, RecordDocument):
        source |= {"kind": "record", "pages": len(change.pages), "facts": record_facts(change)}
    return {"_id": change.record, "version": change.version, "_source": source}


def _pages(change: Change) -> Iterator[Json]:
    if isinstance(change, Removal):
        return
    common: Json = {
        "kind": "page", "record": change.record, "client": change.client, "class": change.record_class,
        "state": change.state, "batch": change.batch, "version": change.version, "fields": field_tokens(change.fields),
    }  # fmt: skip
    if change.date is not None:
        common["date"] = change.date.isoformat()
    for page in change.pages:
        key = page_key(change.record, page.page)
        stored = stored_page(page)
        source = {**common, "key": key, **page_fields(stored)._asdict(), "stored": b64encode(pack(stored)).decode()}
        yield {"_id": key, "version": change.version, "_source": source}


def _surplus(change: Change, reach: int) -> Iterator[Json]:
    pages = set() if isinstance(change, Removal) else {page.page for page in change.pages}
    for number in range(1, reach + 1):
        if number not in pages:
            yield _deletion(change.record, number, change.version)


def _deletion(record: str, page: int, version: int) -> Json:
    return {"_op_type": "delete", "_id": page_key(record, page), "version": version}


def _last(change: Change) -> int:
    return 0 if isinstance(change, Removal) else max((page.page for page in change.pages), default=0)


def _reach(marker: Marker | None) -> int:
    return 0 if marker is None else marker.reach
