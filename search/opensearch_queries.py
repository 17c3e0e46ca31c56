"""The engine-neutral questions of a search in OpenSearch's query language, and the fields they are put to.

Tokens are made before they come here (search.analysis): the server parts them at spaces and does nothing else, so that
an answer does not depend on which engine gives it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from search.analysis import MAPPING_VERSION
from search.contract import Query
from search.documents import field_token
from search.query import Term, Terms
from search.ranking import Atom, merits, needed

Json = dict[str, Any]

_MOST_BEGINNINGS = 1_000  # words of the index that the last, begun word of `F-2025*` may be


def index_body(alias: str) -> Json:
    """Return settings, strict mapping and first alias of a new index; a change asks for a higher MAPPING_VERSION."""
    keyword: Json = {"type": "keyword"}
    tokens: Json = {"type": "text", "analyzer": "whitespace", "norms": False, "index_options": "docs"}
    unsearched: Json = {"type": "object", "enabled": False}
    names = ("kind", "record", "key", "client", "class", "state", "batch", "fields")
    return {
        # Changes show when apply() says so: a record is not seen half replaced.
        "settings": {"number_of_shards": 1, "auto_expand_replicas": "0-1", "refresh_interval": "-1"},
        "mappings": {
            "dynamic": "strict",
            "_meta": {"mapping": MAPPING_VERSION},
            "_source": {"excludes": ["words", "terms", "often", "fields"]},
            "properties": {
                **{name: keyword for name in names},
                "words": {**tokens, "index_options": "positions"},
                "terms": tokens,
                "often": tokens,
                "date": {"type": "date", "format": "strict_date"},
                "version": {"type": "long"},
                "pages": {"type": "integer"},
                "reach": {"type": "integer", "index": False},
                "facts": unsearched,
                "stored": {"type": "binary"},
            },
        },
        "aliases": {alias: {}},
    }


def required(query: Query, clients: Sequence[str], terms: Terms) -> Json:
    """Return the query for the pages that match: access and filters, all wanted terms, no unwanted one."""
    must: list[Json] = [{"terms": {"client": list(clients)}}, {"term": {"kind": "page"}}]
    if query.record_class is not None:
        must.append({"term": {"class": query.record_class}})
    must.extend({"term": {"fields": field_token(name, value)}} for name, value in query.fields.items())
    if query.date_from is not None or query.date_to is not None:
        limits = {"gte": query.date_from, "lte": query.date_to}
        must.append({"range": {"date": {sign: day.isoformat() for sign, day in limits.items() if day is not None}}})
    must.extend(has(term) for term in terms.wanted)
    return {"filter": must, "must_not": [has(term) for term in terms.unwanted]}


def ranked(query: Query, clients: Sequence[str], terms: Terms) -> Json:
    """Return the query whose score is the number of merits a page holds."""
    should = [{"constant_score": {"filter": _either(merit), "boost": 1}} for merit in merits(terms.wanted)]
    return {"bool": {**required(query, clients, terms), "should": should, "minimum_should_match": 0}}


def has(term: Term) -> Json:
    """Return the query for pages that have `term`."""
    return _either(needed(term))


def near(form: str, distance: int, clients: Iterable[str]) -> Json:
    """Return the query for pages of `clients` with a word that differs from `form` in at most `distance` letters."""
    fuzzy = {"fuzzy": {"words": {"value": form, "fuzziness": distance, "transpositions": True}}}
    return {"bool": {"filter": [{"terms": {"client": list(clients)}}, fuzzy]}}


def _either(atoms: Sequence[Atom]) -> Json:
    queries = [_atom(atom) for atom in atoms]
    return queries[0] if len(queries) == 1 else {"bool": {"should": queries, "minimum_should_match": 1}}


def _atom(atom: Atom) -> Json:
    text = " ".join(atom.tokens)
    if len(atom.tokens) == 1:
        kind = "prefix" if atom.kind == "beginning" else "term"
        return {kind: {atom.field: {"value": text}}}
    if atom.kind == "beginning":
        return {"match_phrase_prefix": {atom.field: {"query": text, "max_expansions": _MOST_BEGINNINGS}}}
    return {"match_phrase": {atom.field: {"query": text}}}
