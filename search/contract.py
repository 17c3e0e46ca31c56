"""What a search index must do; Tantivy and OpenSearch pass tests/contract/test_search.py alike.

The index is never a source of truth: it is fed from the outbox and can be rebuilt from the catalogue and the words
derivatives (design, section 2, rule 4). Its text is in clear, as the threat model says.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from records.text import Box, PageText


@dataclass(frozen=True, slots=True)
class RecordDocument:
    """Everything the index keeps of one record; it replaces all that was there for the record.

    `version` is the `seq` of the custody event behind the change: an older version never replaces a newer one.
    `date` is the record's own date (its `date` field), else None. `fields` maps names to normalised values.
    """

    record: str
    client: str
    record_class: str
    state: str
    batch: str
    version: int
    date: date | None
    fields: Mapping[str, Sequence[str]]
    pages: Sequence[PageText]


@dataclass(frozen=True, slots=True)
class Removal:
    """Take a record out of the index, unless a newer version is there."""

    record: str
    version: int


Change = RecordDocument | Removal


@dataclass(frozen=True, slots=True)
class Access:
    """Whom the answers are for: the clients (ids) a person may see. The filter is part of every query, always."""

    clients: frozenset[str]


@dataclass(frozen=True, slots=True)
class Query:
    """A search. `text` is words, `"a phrase"`, `-not`, `word*`; all words must be on the page (search.query).

    Filters are exact, `fields` without regard to case and accents; with a filter `text` may be empty. `limit` is 1 to
    200. `cursor` is that of an answer to the same query, and may come from outside.
    """

    text: str
    access: Access
    client: str | None = None
    record_class: str | None = None
    date_from: date | None = None
    date_to: date | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    limit: int = 20
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One page that matches: `boxes` are the matching words on it, in pixels of its raster.

    `score` is above 0 and at most 1 (search.ranking). `snippet` is HTML: text escaped, matching words in `<mark>`
    (search.snippets). `fields` are those of the record.
    """

    record: str
    page: int
    score: float
    snippet: str
    boxes: tuple[Box, ...]
    client: str
    record_class: str
    fields: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Results:
    """A page of answers; `total` counts pages that match, `cursor` continues, None at the end.

    `suggestions`, when nothing matches, are whole query texts with words that this person's pages have.
    """

    total: int
    hits: tuple[Hit, ...]
    suggestions: tuple[str, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class IndexedRecord:
    """What the index holds of one record: compared with the catalogue by `index status`."""

    record: str
    version: int
    pages: int


class SearchIndex(Protocol):
    """Finds pages. Every method may raise IndexUnavailableError; nothing else foreign leaks."""

    @property
    def engine(self) -> str:
        """Name of the engine with its version."""
        ...

    @property
    def mapping_version(self) -> int:
        """Version of the fields and analysis; a change asks for a rebuild."""
        ...

    def apply(self, changes: Sequence[Change]) -> None:
        """Apply changes in order; when this returns they are durable and can be found.

        Idempotent: the same change twice is no error, an older version is ignored.
        """
        ...

    def search(self, query: Query) -> Results:
        """Return the pages that match, best first.

        Raises:
            QueryError: the text or the cursor cannot be understood.
        """
        ...

    def contents(self) -> Iterator[IndexedRecord]:
        """Yield what is held of each record, in no order."""
        ...

    def rebuild(self, documents: Iterable[RecordDocument]) -> int:
        """Make a new index of `documents` beside the old, then swap; searches work meanwhile. Return the pages."""
        ...

    def expunge(self) -> None:
        """Rewrite what is on disk so that nothing of removed or replaced documents is left there; searches go on.

        A removal alone only hides a document: its words stay in the engine's files until they are merged away.

        Raises:
            IndexUnavailableError: it cannot be done now, or the index was made by an earlier version: rebuild it.
        """
        ...

    def close(self) -> None:
        """Give back what is held open."""
        ...
