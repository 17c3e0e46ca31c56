"""The embedded index: Tantivy in a folder, nothing to install and nothing to run.

Every page is a document; beside its pages each record has one more, its marker, with the version, the number of pages
and what a hit says of the record. A removed record keeps its marker (kind `removed`), so that an older change that
arrives late is known to be older. One commit holds all of a batch: a record is replaced whole or not at all.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import tantivy
from tantivy import DocAddress, Index, IndexWriter, Occur, Searcher
from tantivy import Query as EngineQuery

from records.errors import IndexUnavailableError
from search.analysis import MAPPING_VERSION
from search.answers import (
    NOTHING,
    SAMPLED,
    Found,
    Question,
    answer,
    errors_allowed,
    respellable,
    suggest,
    understand,
)
from search.contract import Change, IndexedRecord, Query, RecordDocument, Removal, Results
from search.documents import (
    StoredPage,
    split_key,
    unpack,
)
from search.generations import Generation, Generations
from search.query import Term
from search.tantivy_documents import add, copied
from search.tantivy_queries import TantivyQueries, at_least, build_schema
from search.versions import Held, is_newer

_logger = logging.getLogger(__name__)

_HEAP = 64_000_000  # bytes a writer gathers before it writes a segment
_CHUNK = 5_000  # markers read at once
_REOPENED = 3  # times an index that was replaced while it was opened is opened again


@dataclass(frozen=True, slots=True)
class _Open:
    generation: Generation
    index: Index
    queries: TantivyQueries


class TantivyIndex:
    """Finds pages in a folder of this machine; any number of processes may read, one at a time writes."""

    def __init__(self, folder: Path, lock_timeout: float = 30.0) -> None:
        """Nothing is opened or made yet.

        Args:
            folder: home of the index (search.generations); made at the first change, private to its owner.
            lock_timeout: seconds to wait for another process that writes.
        """
        self._generations = Generations(folder, lock_timeout)
        self._opened: _Open | None = None

    @property
    def engine(self) -> str:
        """Name of the engine with its version."""
        return f"tantivy {version('tantivy')}"

    @property
    def mapping_version(self) -> int:
        """Version of the fields and analysis; a change asks for a rebuild."""
        return MAPPING_VERSION

    def apply(self, changes: Sequence[Change]) -> None:
        """Apply changes in order, in one commit; when this returns they are on disk and can be found."""
        if not changes:
            return
        with self._generations.writing(), _translated():
            opened = self._open_for_writing()
            opened.index.reload()
            searcher = opened.index.searcher()
            held: dict[str, Held | None] = {}
            with _writer(opened.index) as writer:
                for change in changes:
                    if change.record not in held:
                        held[change.record] = _held(searcher, opened.queries, change.record)
                    if is_newer(change, held[change.record]):
                        writer.delete_documents_by_term("record", change.record)
                        add(writer, change)
                        held[change.record] = Held(change.version, isinstance(change, Removal))
                writer.commit()

    def search(self, query: Query) -> Results:
        """Return the pages that match, best first."""
        question = understand(query)
        if not question.clients:
            return NOTHING
        with _translated():
            opened = self._open_for_reading()
            return NOTHING if opened is None else _search(opened, question)

    def contents(self) -> Iterator[IndexedRecord]:
        """Yield what is held of each record, some thousands at a time in memory."""
        with _translated():
            opened = self._open_for_reading()
            searcher = None if opened is None else opened.index.searcher()
        if opened is not None and searcher is not None:
            yield from _markers(searcher, opened.queries, "record")

    def rebuild(self, documents: Iterable[RecordDocument]) -> int:
        """Make a new generation of `documents`, then swap; others can search meanwhile, not write."""
        with self._generations.writing():
            try:
                return self._fill_next(documents)
            finally:
                self._generations.remove_others()

    def expunge(self) -> None:
        """Make a generation of what is living and swap: its files never held what is gone; others can search."""
        with self._generations.writing():
            old = self._generations.current()
            if old is None:
                return
            try:
                self._copy_living()
            finally:
                self._generations.remove_others()

    def close(self) -> None:
        """Give back the open files."""
        self._opened = None

    def _fill_next(self, documents: Iterable[RecordDocument]) -> int:
        with _translated():
            generation = self._generations.begin()
            index = Index(build_schema(), str(self._generations.path(generation)))
        pages = 0
        with _writer(index) as writer:
            for document in documents:  # errors of the caller's own are his: they are not translated
                with _translated():
                    add(writer, document)
                pages += len(document.pages)
            with _translated():
                writer.commit()
                self._keep_removals(index, writer)
                writer.commit()
        with _translated():
            self._generations.switch(generation)
        return pages

    def _copy_living(self) -> None:
        with _translated():
            opened = self._open_for_writing()
            searcher = opened.index.searcher()
            generation = self._generations.begin()
            index = Index(build_schema(), str(self._generations.path(generation)))
        with _writer(index) as writer, _translated():
            copied(searcher, opened.queries, _markers(searcher, opened.queries, "record"), writer)
            writer.commit()
            self._keep_removals(index, writer)
            writer.commit()
        with _translated():
            self._generations.switch(generation)

    def _keep_removals(self, index: Index, writer: IndexWriter) -> None:
        """Carry over which records were removed at which version, so that older changes stay ignored."""
        index.reload()
        fresh, queries = index.searcher(), TantivyQueries(index)
        for removed in self._removals():
            removal = Removal(removed.record, removed.version)
            if is_newer(removal, _held(fresh, queries, removed.record)):
                writer.delete_documents_by_term("record", removed.record)
                add(writer, removal)

    def _removals(self) -> Iterator[IndexedRecord]:
        old = self._generations.current_or_none()
        if old is None or old.mapping != MAPPING_VERSION:
            return
        try:
            before = _open(self._generations.path(old), old)
            yield from _markers(before.index.searcher(), before.queries, "removed")
        except (OSError, ValueError, IndexUnavailableError):
            # A rebuild is the way out of a damaged index: it must not need it whole.
            _logger.warning("the old index %s was not readable; older changes of removed records may return", old.name)

    def _open_for_writing(self) -> _Open:
        if self._generations.current() is None:
            generation = self._generations.begin()
            Index(build_schema(), str(self._generations.path(generation)))
            self._generations.switch(generation)
        opened = self._open_for_reading()
        if opened is None:
            raise IndexUnavailableError("the index was taken away while it was opened")
        return opened

    def _open_for_reading(self) -> _Open | None:
        """Return the current generation as it is on disk now, None where nothing was indexed yet."""
        for attempt in range(_REOPENED):
            current = self._generations.current()
            if current is None:
                return None
            if current.mapping != MAPPING_VERSION:
                raise IndexUnavailableError("the index is of another version: run 'muniment index rebuild'")
            opened = self._opened  # other threads may set it meanwhile
            try:
                if opened is None or opened.generation != current:
                    opened = _open(self._generations.path(current), current)
                opened.index.reload()
            except (OSError, ValueError):
                # A rebuild may have replaced this generation between the look at the pointer and the opening.
                self._opened = None
                if attempt + 1 == _REOPENED or self._generations.current() == current:
                    raise
                continue
            self._opened = opened
            return opened
        return None


def _open(path: Path, generation: Generation) -> _Open:
    index = Index.open(str(path))
    # By default Tantivy starts a thread that watches the folder; here every search looks for itself (30 µs).
    index.config_reader("manual")
    index.reload()
    return _Open(generation, index, TantivyQueries(index))


def _held(searcher: Searcher, queries: TantivyQueries, record: str) -> Held | None:
    hits = searcher.search(queries.term("marker", record), 1, count=False).hits
    if not hits:
        return None
    address = hits[0][1]
    number = searcher.fast_field_values("version", [address])[0]
    removed = searcher.search(queries.both("marker", record, "kind", "removed"), 1).hits
    return Held(int(number or 0), bool(removed))


def _search(opened: _Open, question: Question) -> Results:
    searcher, queries = opened.index.searcher(), opened.queries
    required = EngineQuery.const_score_query(queries.required(question.query, question.clients, question.terms), 0.0)
    merits = [EngineQuery.const_score_query(merit, 1.0) for merit in queries.merits(question.terms.wanted)]
    ranked = EngineQuery.boolean_query([(Occur.Must, required), *((Occur.Should, merit) for merit in merits)])
    best = searcher.search(ranked, 1, count=True)
    if not best.hits:
        return answer(question, 0, [], _suggestions(searcher, queries, question))
    most = round(float(best.hits[0][0]))
    found = _in_order(searcher, queries, question, required, merits, most)
    facts: dict[str, str] = {}
    pages: list[Found] = []
    for held, key, address in found:
        record, _ = split_key(key)
        if record not in facts:
            facts[record] = _stored(
                searcher, searcher.search(queries.term("marker", record), 1, False).hits[0][1]
            ).decode()
        pages.append(Found(held, key, unpack(_stored(searcher, address)), facts[record]))
    total = int(best.count)  # type: ignore[attr-defined]  # missing in the client's stubs
    return answer(question, total, pages, ())


def _in_order(
    searcher: Searcher,
    queries: TantivyQueries,
    question: Question,
    required: EngineQuery,
    merits: Sequence[EngineQuery],
    most: int,
) -> list[tuple[int, str, DocAddress]]:
    """Return up to limit + 1 pages after the question's place: by merits held, then by key, both descending.

    Tantivy orders by score or by a field, not by both: so each number of merits is asked for by itself, from the most.
    """
    place = question.place
    found: list[tuple[int, str, DocAddress]] = []
    for held in range(most if place is None else min(most, place.held), -1, -1):
        clauses = [(Occur.Must, required)]
        if held:
            clauses.append((Occur.Must, at_least(merits, held)))
        if held < min(most, len(merits)):
            clauses.append((Occur.MustNot, at_least(merits, held + 1)))
        if place is not None and held == place.held:
            clauses.append((Occur.Must, queries.key_range("<", place.key)))
        missing = question.query.limit + 1 - len(found)
        level = searcher.search(EngineQuery.boolean_query(clauses), missing, count=False, order_by_field="key")
        found.extend((held, str(key), address) for key, address in level.hits)
        if len(found) > question.query.limit:
            break
    return found


def _suggestions(searcher: Searcher, queries: TantivyQueries, question: Question) -> list[str]:
    seen = queries.any_of("client", question.clients)
    near: dict[Term, list[StoredPage]] = {}
    for term in respellable(question.terms):
        known = EngineQuery.boolean_query([(Occur.Must, seen), (Occur.Must, queries.has(term))])
        if not searcher.search(known, 1, count=False).hits:
            form = term.forms[0]
            like = queries.near(form, errors_allowed(form))
            hits = searcher.search(EngineQuery.boolean_query([(Occur.Must, seen), (Occur.Must, like)]), SAMPLED).hits
            near[term] = [unpack(_stored(searcher, address)) for _, address in hits]
    return suggest(question.query.text, near)


def _stored(searcher: Searcher, address: DocAddress) -> bytes:
    return bytes(searcher.doc(address)["stored"][0])


def _markers(searcher: Searcher, queries: TantivyQueries, kind: str) -> Iterator[IndexedRecord]:
    after = ""
    while True:
        with _translated():
            clauses = [(Occur.Must, queries.term("kind", kind))]
            if after:
                clauses.append((Occur.Must, queries.key_range(">", after)))
            hits = searcher.search(
                EngineQuery.boolean_query(clauses), _CHUNK, count=False, order_by_field="key", order=tantivy.Order.Asc
            ).hits
            addresses = [address for _, address in hits]
            versions = searcher.fast_field_values("version", addresses)
            pages = searcher.fast_field_values("pages", addresses)
        for (key, _), number, count in zip(hits, versions, pages, strict=True):
            yield IndexedRecord(str(key), int(number or 0), int(count or 0))
        if len(hits) < _CHUNK:
            return
        after = str(hits[-1][0])


@contextmanager
def _writer(index: Index) -> Iterator[IndexWriter]:
    """Open the writer; what was not committed in the block is dropped, and the writer's lock is free afterwards."""
    with _translated():
        writer = index.writer(_HEAP, 1)
    try:
        yield writer
    finally:
        with _translated():
            # Merges that a commit began are lost if nobody waits; then segments would pile up.
            writer.wait_merging_threads()


@contextmanager
def _translated() -> Iterator[None]:
    """Raise what Tantivy raises as ours. The engine's own text may quote a query and is not handed on."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise IndexUnavailableError(f"the embedded index could not be used: {type(error).__name__}") from error
