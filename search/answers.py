"""The steps of answering that are the same for every index: understand the question, make hits, suggest words."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from records.errors import QueryError
from search.analysis import fold, forms
from search.contract import Hit, Query, Results
from search.cursor import Place, read_cursor, write_cursor
from search.documents import StoredPage, split_key
from search.query import Term, Terms, parse
from search.ranking import merits, score
from search.snippets import FoldedPage, boxes_of, matching_words, snippet

NOTHING = Results(0, (), (), None)
MOST_HITS = 200  # hits of one answer, as lists of the API
SUGGESTED = 5  # suggestions, at most
SAMPLED = 20  # pages looked at for near words
_TWO_ERRORS_FROM = 6  # letters; in shorter words two errors make another word


@dataclass(frozen=True, slots=True)
class Question:
    """A search understood: `clients` are those asked for that may be seen; none means no answer."""

    query: Query
    terms: Terms
    clients: tuple[str, ...]
    place: Place | None
    merits: int


@dataclass(frozen=True, slots=True)
class Found:
    """One page as an index gives it; `facts` is what record_facts made."""

    held: int
    key: str
    page: StoredPage
    facts: str


def understand(query: Query) -> Question:
    """Understand a search before any index is asked.

    Raises:
        QueryError: text, cursor, limit or dates cannot be understood, or nothing at all was asked for.
    """
    _check_text(query)
    terms = parse(query.text)
    if not 1 <= query.limit <= MOST_HITS:
        raise QueryError(f"the limit must be 1 to {MOST_HITS}")
    if query.date_from is not None and query.date_to is not None and query.date_from > query.date_to:
        raise QueryError("the first date is after the last")
    filters = (query.client, query.record_class, query.date_from, query.date_to)
    if not terms.wanted and not query.fields and all(value is None for value in filters):
        raise QueryError("nothing was asked for: give a word that must be on the page, or a filter")
    clients = query.access.clients if query.client is None else query.access.clients & {query.client}
    return Question(query, terms, tuple(sorted(clients)), read_cursor(query), len(merits(terms.wanted)))


def _check_text(query: Query) -> None:
    texts = (query.text, query.client or "", query.record_class or "", *query.fields, *query.fields.values())
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise QueryError("the query or a filter is not text: it has bytes that are no UTF-8") from error


def answer(question: Question, total: int, found: Sequence[Found], suggestions: Sequence[str]) -> Results:
    """Make the answer of up to limit + 1 pages found; the one too many tells that there are more."""
    limit = question.query.limit
    hits = tuple(_hit(question, page) for page in found[:limit])
    last = found[limit - 1] if len(found) > limit else None
    cursor = None if last is None else write_cursor(question.query, Place(last.held, last.key))
    return Results(total, hits, tuple(suggestions), cursor)


def errors_allowed(form: str) -> int:
    """Return in how many letters a word may differ to be suggested for `form`: 0, 1 or 2."""
    if len(form) < 3 or not any(letter.isalpha() for letter in form):
        return 0
    return 2 if len(form) >= _TWO_ERRORS_FROM else 1


def respellable(terms: Terms) -> list[Term]:
    """Return the wanted words for which another spelling may be suggested."""
    return [
        term for term in terms.wanted if term.kind == "word" and len(term.forms) == 1 and errors_allowed(term.forms[0])
    ]


def suggest(text: str, near: Mapping[Term, Iterable[StoredPage]]) -> list[str]:
    """Return the typed text with unknown words replaced by near ones, best first.

    `near` has pages with near words for each word that is on no page the person may see; all of these pages must be
    such as the person may see.
    """
    texts = [(text, 0)]
    for term in sorted(near, key=lambda term: term.start, reverse=True):
        spellings = _near_words(term.forms[0], near[term])
        if not spellings:
            return []
        texts = [
            (begun[: term.start] + spelling + begun[term.end :], rank + worse)
            for begun, rank in texts
            for worse, spelling in enumerate(spellings)
        ]
    return [suggested for suggested, _ in sorted(texts, key=lambda pair: pair[1])][:SUGGESTED] if near else []


def distance(first: str, second: str, allowed: int) -> int:
    """Return in how many letters two words differ, two swapped neighbours counting as one (optimal alignment).

    As soon as it must be more than `allowed`, the answer is `allowed` + 1.
    """
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        above, row, older = row, [i], before
        for j, other in enumerate(second, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > allowed and min(above) > allowed:
            return allowed + 1
        before = above
    return min(row[-1], allowed + 1)


def _near_words(form: str, pages: Iterable[StoredPage]) -> list[str]:
    allowed = errors_allowed(form)
    like = re.compile(rf"(?<![^\W_])[^\W_]{{{len(form) - allowed},{len(form) + allowed}}}(?![^\W_])")
    counts: Counter[str] = Counter()
    spelled: dict[str, str] = {}
    for page in pages:
        folded = FoldedPage(page)
        for match in like.finditer(folded.text):
            counts[match[0]] += 1
            if match[0] not in spelled:
                ((unit, _),) = folded.at(match.start(), match.start())
                spelled[match[0]] = unit
    apart = {other: distance(form, other, allowed) for other in counts if forms(spelled[other]).main == (other,)}
    best = sorted((far, -counts[other], other) for other, far in apart.items() if far <= allowed)
    return [_bare(spelled[other]) for _, _, other in best[:SUGGESTED]]


def _bare(text: str) -> str:
    # The word as people write it, with its accents: only what is neither letter nor digit comes off its ends.
    start = next(at for at, letter in enumerate(text) if fold(letter).isalnum())
    end = next(at for at in range(len(text), 0, -1) if fold(text[at - 1]).isalnum())
    return text[start:end].lower()


def _hit(question: Question, found: Found) -> Hit:
    matches = matching_words(found.page, question.terms.wanted)
    facts = json.loads(found.facts)
    record, number = split_key(found.key)
    return Hit(
        record=record,
        page=number,
        score=score(found.held, question.merits),
        snippet=snippet(found.page, matches),
        boxes=boxes_of(found.page, matches),
        client=facts["client"],
        record_class=facts["class"],
        fields={name: tuple(values) for name, values in facts["fields"].items()},
    )
