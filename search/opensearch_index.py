"""The index at scale: OpenSearch behind an alias, on a client that is given.

Every page is a document, and beside its pages each record has a marker, as in the embedded index. Documents carry the
version of their change as external version, so that the server itself refuses older ones (search.opensearch_writing).

A rebuild fills `<alias>-<n>` behind a second alias `<alias>.next`, to which changes are then written as well, and moves
the first alias over in one step. Ended before, it leaves the old index as it was; the next one clears away.
"""

import re
import time
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy.exceptions import NotFoundError, OpenSearchException, RequestError, TransportError

from records.errors import IndexUnavailableError, QueryError
from search.analysis import MAPPING_VERSION
from search.answers import NOTHING, SAMPLED, Found, Question, answer, errors_allowed, respellable, suggest, understand
from search.contract import Change, IndexedRecord, Query, RecordDocument, Removal, Results
from search.documents import StoredPage, split_key, unpack
from search.opensearch_queries import Json, has, index_body, near, ranked
from search.opensearch_writing import AliasGoneError, chunks, write
from search.query import Term

_READ_AT_ONCE = 1_000  # records
_EXPUNGE_TRIES, _EXPUNGE_WAIT = 30, 4.0  # and seconds between them


class OpenSearchIndex:
    """Finds pages on an OpenSearch server; any number of processes on any machines may read and write."""

    def __init__(self, client: OpenSearch, alias: str) -> None:
        """Nothing is asked or made yet.

        Args:
            client: with its address, credentials, certificates, timeout and retries; closed by close().
            alias: name of the index to everybody, lower case; `<alias>-000001` and so on are made behind it.
        """
        self._client = client
        self._alias = alias
        self._next = f"{alias}.next"
        self._checked: str | None = None
        self._engine: str | None = None

    @property
    def engine(self) -> str:
        """Name of the engine with its version, as the server says."""
        if self._engine is None:
            with _translated():
                self._engine = f"opensearch {self._client.info()['version']['number']}"
        return self._engine

    @property
    def mapping_version(self) -> int:
        """Version of the fields and analysis; a change asks for a rebuild."""
        return MAPPING_VERSION

    def apply(self, changes: Sequence[Change]) -> None:
        """Apply changes in order; when this returns the server has them on disk and finds them."""
        if not changes:
            return
        with _translated():
            self._check()
            if self._checked is None:
                self._create(1, self._alias)
            if self._client.indices.exists_alias(name=self._next):
                # A rebuild that ended in between left the first alias on its index: that is written to next.
                with suppress(AliasGoneError):
                    write(self._client, self._next, changes)
            write(self._client, self._alias, changes)
            self._client.indices.refresh(index=self._alias)

    def search(self, query: Query) -> Results:
        """Return the pages that match, best first."""
        question = understand(query)
        if not question.clients:
            return NOTHING
        with _translated():
            if self._checked is None:
                self._check()
            return NOTHING if self._checked is None else self._search(question)

    def contents(self) -> Iterator[IndexedRecord]:
        """Yield what is held of each record, counted from its pages, a thousand records at a time in memory."""
        with _translated():
            if self._behind(self._alias) is None:
                return
        sources: Json = {"size": _READ_AT_ONCE, "sources": [{"record": {"terms": {"field": "record"}}}]}
        asked: Json = {
            "version": {"min": {"field": "version"}},
            "pages": {"filter": {"term": {"kind": "page"}}},
        }
        body: Json = {
            "size": 0,
            "query": {"bool": {"must_not": [{"term": {"kind": "removed"}}]}},
            "aggs": {"records": {"composite": sources, "aggs": asked}},
        }
        after: Json | None = {}
        while after is not None:
            with _translated():
                answered = self._client.search(body=body, index=self._alias, allow_partial_search_results=False)
            records = answered["aggregations"]["records"]
            for bucket in records["buckets"]:
                yield IndexedRecord(
                    bucket["key"]["record"], int(bucket["version"]["value"]), bucket["pages"]["doc_count"]
                )
            after = records.get("after_key")
            sources["after"] = after

    def rebuild(self, documents: Iterable[RecordDocument]) -> int:
        """Make a new index of `documents`, then move the alias; others search and write meanwhile."""
        with _translated():
            old = self._behind(self._alias)
            new = self._begin(old)
        pages = 0
        for chunk in chunks(documents):  # errors of the caller's own are his: they are not translated
            with _translated():
                write(self._client, self._next, chunk)
            pages += sum(len(document.pages) for document in chunk)
        with _translated():
            if old is not None and self._mapping(old) == MAPPING_VERSION:
                write(self._client, self._next, self._removals(old))
            self._client.indices.refresh(index=self._next)
            moves: list[Json] = [
                {"add": {"index": new, "alias": self._alias}},
                {"remove": {"index": new, "alias": self._next}},
            ]
            if old is not None:
                moves.append({"remove_index": {"index": old}})
            self._client.indices.update_aliases(body={"actions": moves})
        self._checked = None
        return pages

    def expunge(self) -> None:
        """Have the server merge away what is deleted, however little it is; searches and changes go on.

        The server keeps deletions for copies of the index that lag behind, and learns every half minute that none
        does: hence the tries.
        """
        with _translated():
            if self._behind(self._alias) is None:
                return
            every: Json = {"index.merge.policy.expunge_deletes_allowed": 0}  # by default below a tenth stays
            self._client.indices.put_settings(body=every, index=self._alias)
            for _ in range(_EXPUNGE_TRIES):
                self._client.indices.flush(index=self._alias, params={"force": "true"})
                self._client.indices.forcemerge(index=self._alias, params={"only_expunge_deletes": "true"})
                self._client.indices.flush(index=self._alias)
                if not self._deleted():
                    return
                time.sleep(_EXPUNGE_WAIT)
        raise IndexUnavailableError("the server still keeps what was deleted: it is tried again later")

    def _deleted(self) -> int:
        """Return how many documents are deleted and not merged away, on all copies of the index."""
        return int(self._client.indices.stats(index=self._alias, metric="docs")["_all"]["total"]["docs"]["deleted"])

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()

    def _search(self, question: Question) -> Results:
        body: Json = {
            "size": question.query.limit + 1,
            "track_total_hits": True,
            "query": ranked(question.query, question.clients, question.terms),
            "sort": [{"_score": "desc"}, {"key": "desc"}],
            "_source": ["stored"],
        }
        if question.place is not None:
            body["search_after"] = [question.place.held, question.place.key]
        answered = self._ask(body)
        hits = answered["hits"]["hits"]
        total = int(answered["hits"]["total"]["value"])
        if any(hit["_index"] != self._checked for hit in hits):
            self._check()
        if not total:
            return answer(question, 0, [], self._suggestions(question))
        facts = self._facts({split_key(hit["_id"])[0] for hit in hits})
        found = [
            Found(round(hit["sort"][0]), hit["sort"][1], _page(hit), facts[split_key(hit["_id"])[0]])
            for hit in hits
            if split_key(hit["_id"])[0] in facts
        ]
        return answer(question, total, found, ())

    def _facts(self, records: set[str]) -> dict[str, str]:
        if not records:
            return {}
        rows = self._client.mget(body={"ids": sorted(records)}, index=self._alias, _source_includes=["facts"])["docs"]
        # A record that was removed a moment ago has no facts any more and is not shown.
        return {row["_id"]: row["_source"]["facts"] for row in rows if "facts" in row.get("_source", {})}

    def _suggestions(self, question: Question) -> list[str]:
        near_pages: dict[Term, list[StoredPage]] = {}
        for term in respellable(question.terms):
            seen = {"bool": {"filter": [{"terms": {"client": list(question.clients)}}, has(term)]}}
            if not self._ask({"size": 1, "_source": False, "query": seen})["hits"]["hits"]:
                form = term.forms[0]
                like = near(form, errors_allowed(form), question.clients)
                hits = self._ask({"size": SAMPLED, "_source": ["stored"], "query": like})["hits"]["hits"]
                near_pages[term] = [_page(hit) for hit in hits]
        return suggest(question.query.text, near_pages)

    def _ask(self, body: Json) -> Any:
        try:
            return self._client.search(body=body, index=self._alias, allow_partial_search_results=False)
        except RequestError as error:
            raise QueryError(f"the search server refused the query: {error.error}") from error

    def _behind(self, alias: str) -> str | None:
        """Return the index behind an alias, None where there is none."""
        try:
            names = list(self._client.indices.get_alias(name=alias))
        except NotFoundError:
            return None
        if len(names) != 1:
            raise IndexUnavailableError("the index's alias names more than one index")
        return str(names[0])

    def _check(self) -> None:
        """Make sure that the index is of this version, and remember which index that is."""
        self._checked = None
        name = self._behind(self._alias)
        if name is not None:
            if self._mapping(name) != MAPPING_VERSION:
                raise IndexUnavailableError("the index is of another version: run 'muniment index rebuild'")
            self._checked = name

    def _mapping(self, name: str) -> object:
        answered: Mapping[str, Any] = self._client.indices.get_mapping(index=name)
        return answered[name]["mappings"].get("_meta", {}).get("mapping")

    def _create(self, number: int, alias: str) -> str:
        name = f"{self._alias}-{number:06d}"
        try:
            self._client.indices.create(index=name, body=index_body(alias))
        except RequestError as error:
            if error.error != "resource_already_exists_exception":
                raise
            # Somebody else made it a moment ago.
        return name

    def _begin(self, old: str | None) -> str:
        """Make the next index behind the second alias, after removing what an ended rebuild left."""
        pattern = re.compile(re.escape(self._alias) + r"-(\d{6})")
        numbers = [0]
        for name in self._client.indices.get(index=f"{self._alias}-*", allow_no_indices=True):
            match = pattern.fullmatch(name)
            if match is not None:
                numbers.append(int(match[1]))
                if name != old:
                    self._client.indices.delete(index=name)
        return self._create(max(numbers) + 1, self._next)

    def _removals(self, index: str) -> Iterator[Removal]:
        """Yield which records were removed at which version, so that older changes stay ignored."""
        self._client.indices.refresh(index=index)
        body: Json = {
            "size": _READ_AT_ONCE, "query": {"term": {"kind": "removed"}}, "sort": [{"record": "asc"}],
            "_source": ["record", "version"],
        }  # fmt: skip
        while True:
            hits = self._client.search(body=body, index=index, allow_partial_search_results=False)["hits"]["hits"]
            for hit in hits:
                yield Removal(hit["_source"]["record"], hit["_source"]["version"])
            if len(hits) < _READ_AT_ONCE:
                return
            body["search_after"] = hits[-1]["sort"]


def _page(hit: Mapping[str, Any]) -> StoredPage:
    return unpack(b64decode(hit["_source"]["stored"]))


@contextmanager
def _translated() -> Iterator[None]:
    """Raise what the client raises as ours. The server's own text may quote a query and is not handed on."""
    try:
        yield
    except TransportError as error:
        raise IndexUnavailableError(f"the search server did not do it: {_status(error)}") from error
    except (OpenSearchException, AliasGoneError) as error:
        raise IndexUnavailableError(f"the search server could not be used: {type(error).__name__}") from error


def _status(error: TransportError) -> str:
    return f"status {error.status_code}" if isinstance(error.status_code, int) else type(error).__name__
