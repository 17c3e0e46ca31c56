"""The typed text of a search, understood once for both engines.

Grammar (the command line's `search --help` says the same):

- `word`: pages that have the word, without regard to case and accents, in any Spanish or English ending;
- `"a phrase"`: these words as written, one after the other (also in `“ ”` and `« »`);
- `word*`: words that begin so; at least two letters or digits before the star;
- `-word`, `-"a phrase"`, `-word*`: pages without it.

All must hold. Error texts say where, never what was typed.
"""

import re
from dataclasses import dataclass
from typing import Literal

from records.errors import QueryError
from search.analysis import fold, forms

_LONGEST_TEXT = 1_000  # characters
_MOST_TERMS = 32
_SHORTEST_BEGINNING = 2  # letters or digits before a star; less would ask for half of all pages
_CLOSING = {'"': '"', "“": "”", "«": "»", "„": "“"}
_WORD_END = re.compile(r'[\s"“”«»„]|$')

Kind = Literal["word", "phrase", "beginning"]


@dataclass(frozen=True, slots=True)
class Term:
    """One thing asked for: `forms` follow each other on the page, or one of `others` stands for them.

    The last form of a `beginning` is how a word begins. `start` and `end` tell where it stands in the typed text.
    """

    kind: Kind
    forms: tuple[str, ...]
    others: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Terms:
    """All that was asked for: `wanted` must be on the page, `unwanted` must not."""

    wanted: tuple[Term, ...]
    unwanted: tuple[Term, ...]


def parse(text: str) -> Terms:
    """Understand the typed text of a search.

    Raises:
        QueryError: a quotation mark is not closed, a star stands in the wrong place, or the text is too long.
    """
    if len(text) > _LONGEST_TEXT:
        raise QueryError(f"the query has more than {_LONGEST_TEXT} characters")
    wanted: list[Term] = []
    unwanted: list[Term] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        negative = text[at] == "-" and at + 1 < len(text) and not text[at + 1].isspace()
        term, at = _read_term(text, at + negative)
        if term is not None:
            (unwanted if negative else wanted).append(term)
    if len(wanted) + len(unwanted) > _MOST_TERMS:
        raise QueryError(f"the query has more than {_MOST_TERMS} words and phrases")
    return Terms(tuple(wanted), tuple(unwanted))


def _read_term(text: str, at: int) -> tuple[Term | None, int]:
    closing = _CLOSING.get(text[at])
    if closing is not None:
        end = text.find(closing, at + 1)
        if end < 0:
            raise QueryError(f"the quotation mark at character {at + 1} is not closed")
        return _phrase(text[at + 1 : end], at, end + 1), end + 1
    if text[at] in "”»":
        raise QueryError(f"the quotation mark at character {at + 1} closes nothing")
    ending = _WORD_END.search(text, at)
    end = ending.start() if ending is not None else len(text)
    return _word(text[at:end], at, end), end


def _phrase(inside: str, start: int, end: int) -> Term | None:
    if "*" in inside:
        raise QueryError(f"a star inside the quotation marks at character {start + 1} has no meaning")
    found = tuple(form for word in inside.split() for form in forms(word).main)
    return Term("phrase", found, (), start, end) if found else None


def _word(word: str, start: int, end: int) -> Term | None:
    if "*" in word:
        return _beginning(word, start, end)
    main, extra = forms(word)
    return Term("word", main, extra, start, end) if main else None


def _beginning(word: str, start: int, end: int) -> Term:
    begun = word.rstrip("*")
    main = forms(begun).main
    if "*" in begun or not main or not fold(begun)[-1:].isalnum():
        raise QueryError(f"the star at character {start + 1 + word.index('*')} must follow the beginning of a word")
    if len(main[-1]) < _SHORTEST_BEGINNING and len(main) == 1:
        raise QueryError(f"the star at character {end} must follow at least {_SHORTEST_BEGINNING} letters or digits")
    return Term("beginning", main, (), start, end)
