"""Which words of a page were meant by a query, and a few lines of text around them.

A snippet is HTML: text escaped, each matching word in `<mark>`, `…` where the page's text was cut. Nothing else is
markup, so a terminal replaces the two tags and unescapes the rest.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import accumulate

from records.text import Box
from search.analysis import exact, fold, meanings, tokens
from search.documents import StoredPage
from search.query import Term

SNIPPET = 240  # characters of the page's text, at most
_BEFORE = 40  # characters shown before the first match
_MOST_STARTS = 100  # matches tried as the beginning of a snippet
_NOT_AFTER_LETTER = r"(?<![^\W_])"  # letter or digit
_NOT_BEFORE_LETTER = r"(?![^\W_])"
_LINE_END = re.compile("\n")

Singles = Mapping[str, Sequence[set[int]]]


class FoldedPage:
    """A page's text folded in one go, a unit a line, and the way back from a place in it to the page's words.

    Word by word the comparison costs more than the index itself; one look at this text leaves few words to compare.
    """

    def __init__(self, page: StoredPage) -> None:
        """Args: page as it is stored."""
        self._words = page.words
        self.units = page.units() if page.broken else None
        self.text = fold("\n".join(page.words if self.units is None else [text for text, _ in self.units]))
        self._ends = [match.start() for match in _LINE_END.finditer(self.text)]

    def at(self, start: int, end: int) -> list[tuple[str, range]]:
        """Return the units that stand from `start` to `end` (exclusive) in the text, as StoredPage.units has them."""
        first, last = bisect_left(self._ends, start), bisect_left(self._ends, end)
        if self.units is not None:
            return self.units[first : last + 1]
        return [(self._words[number], range(number, number + 1)) for number in range(first, last + 1)]


def matching_words(page: StoredPage, wanted: Sequence[Term]) -> list[set[int]]:
    """Return for each term the numbers of the page's words (from 0) that make it match."""
    found: list[set[int]] = [set() for _ in wanted]
    if not wanted:
        return found
    folded = FoldedPage(page)
    singles: dict[str, list[set[int]]] = {}
    begun: list[tuple[str, set[int]]] = []
    for term, words in zip(wanted, found, strict=True):
        for token in _answers(term):
            singles.setdefault(token, []).append(words)
        if len(term.forms) > 1:
            for match in _sequence(term).finditer(folded.text):
                words.update(number for _, numbers in folded.at(*match.span()) for number in numbers)
        elif term.kind == "beginning":
            begun.append((exact(term.forms[0]), words))
    for at in _candidates(folded.text, [*singles, *(token for token, _ in begun)]):
        ((unit, numbers),) = folded.at(at, at)
        _match_word(unit, numbers, singles, begun)
    for _, numbers in folded.units or ():
        # Halves of a broken word answer, too, and then show the whole word.
        for half in numbers if len(numbers) > 1 else ():
            _match_word(page.words[half], numbers, singles, begun)
    return found


def boxes_of(page: StoredPage, matches: Sequence[set[int]]) -> tuple[Box, ...]:
    """Return the boxes of all matching words in reading order, in pixels of the page's raster."""
    return tuple(page.box(number) for number in sorted(set().union(*matches)))


def snippet(page: StoredPage, matches: Sequence[set[int]]) -> str:
    """Return the text around the place that has most terms, then most matches; the page's beginning without any."""
    marked = set().union(*matches)
    ends = [at + number for number, at in enumerate(accumulate(map(len, page.words), initial=0))]
    first = _best_start(ends, matches, sorted(marked)[:_MOST_STARTS])
    last = first
    while last < len(page.words) and ends[last + 1] - ends[first] <= SNIPPET + 1:
        last += 1
    last = max(last, min(first + 1, len(page.words)))
    shown = [
        f"<mark>{escape(word[:SNIPPET])}</mark>" if number in marked else escape(word[:SNIPPET])
        for number, word in enumerate(page.words[first:last], first)
    ]
    return ("…" if first else "") + " ".join(shown) + ("…" if last < len(page.words) else "")


def _answers(term: Term) -> tuple[str, ...]:
    others = tuple(exact(other) for other in term.others)
    if len(term.forms) > 1 or term.kind == "beginning":
        return others
    return (*(meanings(term.forms[0]) if term.kind == "word" else (exact(term.forms[0]),)), *others)


def _sequence(term: Term) -> re.Pattern[str]:
    # In folded text the forms are what stands between characters that are neither letter nor digit (analysis).
    ending = "" if term.kind == "beginning" else _NOT_BEFORE_LETTER
    return re.compile(_NOT_AFTER_LETTER + r"[\W_]+".join(re.escape(form) for form in term.forms) + ending)


def _candidates(text: str, answers: Iterable[str]) -> Iterator[int]:
    # Stems and further forms keep the first letter of their word, whatever becomes of its end.
    first = "".join({token[1] if token.startswith("=") else token[2] for token in answers})
    return (match.start() for match in re.finditer(f"{_NOT_AFTER_LETTER}[{first}]", text)) if first else iter(())


def _match_word(word: str, numbers: range, singles: Singles, begun: Sequence[tuple[str, set[int]]]) -> None:
    for token in tokens(word):
        for words in singles.get(token, ()):
            words.update(numbers)
        for beginning, words in begun:
            if token.startswith(beginning):
                words.update(numbers)


def _best_start(ends: list[int], matches: Sequence[set[int]], starts: list[int]) -> int:
    best, best_worth = 0, (-1, -1)
    for start in starts:
        limit = ends[start] + SNIPPET - _BEFORE
        inside = [sum(1 for word in term if word >= start and ends[word + 1] <= limit) for term in matches]
        worth = (sum(1 for count in inside if count), sum(inside))
        if worth > best_worth:
            best, best_worth = start, worth
    first = best
    while first > 0 and ends[best] - ends[first - 1] <= _BEFORE:
        first -= 1
    return first
