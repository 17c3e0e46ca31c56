"""The engine-neutral questions of a search as Tantivy's queries, and the schema they are put to."""

import re
from collections.abc import Iterable, Sequence

from tantivy import FieldType, Index, Occur, Query, Schema, SchemaBuilder

from search.contract import Query as SearchQuery
from search.documents import field_token
from search.query import Term, Terms
from search.ranking import Atom, merits, needed

_KEY = re.compile(r"\w[\w.:/-]*")
_META = re.compile(r"([^\w=:])")


def build_schema() -> Schema:
    """Return the fields of the index; see search.documents. A change asks for a higher MAPPING_VERSION."""
    builder = SchemaBuilder()
    # marker: the one document a record has beside its pages (kind record, or removed after a removal)
    for name in ("kind", "record", "marker", "client", "class", "state", "batch", "fields"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("key", fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("words", tokenizer_name="whitespace", index_option="position")
    builder.add_text_field("terms", tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field("often", tokenizer_name="whitespace", index_option="basic")
    builder.add_unsigned_field("date", indexed=True, fast=True)
    builder.add_unsigned_field("version", fast=True)
    builder.add_unsigned_field("pages", fast=True)
    builder.add_bytes_field("stored", stored=True)
    return builder.build()


class TantivyQueries:
    """Makes queries for one open index."""

    def __init__(self, index: Index) -> None:
        """Args: the index whose schema and query parser are used."""
        self._index = index
        self._schema = index.schema

    def term(self, field: str, value: str) -> Query:
        """Return the query for documents whose `field` has exactly this token."""
        return Query.term_query(self._schema, field, value)

    def both(self, field: str, value: str, other: str, second: str) -> Query:
        """Return the query for documents that have `value` in `field` and `second` in `other`."""
        return Query.boolean_query([(Occur.Must, self.term(field, value)), (Occur.Must, self.term(other, second))])

    def key_range(self, sign: str, key: str) -> Query:
        """Return the query for keys below (`<`) or above (`>`) `key`.

        Raises:
            ValueError: `key` has other characters than ids and page numbers have.
        """
        # The client builds no range over text, its parser does; it takes these characters as they are, and no escapes.
        if _KEY.fullmatch(key) is None:
            raise ValueError("not a key")
        return self._index.parse_query(f"key:{sign}{key}")

    def required(self, query: SearchQuery, clients: Iterable[str], terms: Terms) -> Query:
        """Return the query for the pages that match: access and filters, all wanted terms, no unwanted one."""
        must: list[Query] = [self.any_of("client", sorted(clients))]
        if not terms.wanted:
            must.append(self.term("kind", "page"))
        if query.record_class is not None:
            must.append(self.term("class", query.record_class))
        must.extend(self.term("fields", field_token(name, value)) for name, value in query.fields.items())
        if query.date_from is not None or query.date_to is not None:
            first = query.date_from.toordinal() if query.date_from is not None else 0
            last = query.date_to.toordinal() if query.date_to is not None else 2**31
            must.append(Query.range_query(self._schema, "date", FieldType.Unsigned, first, last))
        must.extend(self.has(term) for term in terms.wanted)
        clauses = [(Occur.Must, part) for part in must]
        clauses.extend((Occur.MustNot, self.has(term)) for term in terms.unwanted)
        return Query.boolean_query(clauses)

    def any_of(self, field: str, values: Sequence[str]) -> Query:
        """Return the query for documents whose `field` has one of the values."""
        if len(values) == 1:
            return self.term(field, values[0])
        return Query.term_set_query(self._schema, field, list(values))

    def has(self, term: Term) -> Query:
        """Return the query for pages that have `term`."""
        return self._either(needed(term))

    def merits(self, wanted: tuple[Term, ...]) -> list[Query]:
        """Return one query for each merit a page may have."""
        return [self._either(merit) for merit in merits(wanted)]

    def near(self, form: str, distance: int) -> Query:
        """Return the query for pages with a word that differs from `form` in at most `distance` letters."""
        return Query.fuzzy_term_query(self._schema, "words", form, distance)

    def _either(self, atoms: Sequence[Atom]) -> Query:
        queries = [self._atom(atom) for atom in atoms]
        return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])

    def _atom(self, atom: Atom) -> Query:
        tokens: list[str | tuple[int, str]] = list(atom.tokens)
        if atom.kind == "beginning":
            patterns = [_META.sub(r"\\\1", token) for token in atom.tokens]
            if len(patterns) == 1:
                return Query.regex_query(self._schema, atom.field, patterns[0] + ".*")
            return Query.regex_phrase_query(self._schema, atom.field, [*patterns[:-1], patterns[-1] + ".*"])
        if len(tokens) == 1:
            return self.term(atom.field, atom.tokens[0])
        return Query.phrase_query(self._schema, atom.field, tokens)


def at_least(queries: Sequence[Query], count: int) -> Query:
    """Return the query for documents that match at least `count` of `queries`."""
    return Query.boolean_query([(Occur.Should, query) for query in queries], count)
