"""What counts as the same word: one analysis for pages and queries, whatever the engine.

Both indexes are fed with the forms made here and ask for the forms made here, so that the same query finds the same
pages on Tantivy and on OpenSearch, and the boxes of a hit are those of the words that made it one.

- A word is folded: accents off, lower case (`Hormigón` and `HORMIGON` are `hormigon`; `año` and `ano` are one word,
  too: scanners and typists lose tildes alike).
- A folded word is cut at everything that is neither letter nor digit; its parts follow each other: `F-2025-007` is
  `f`, `2025`, `007`, and is asked for as that sequence.
- Beside its parts a word has further forms: a code also without its separators (`f2025007`), a number also with a point
  and without the marks of thousands (`1.234,50` and `1234.50` are `1234.5`).
- A part of letters only has a Spanish and an English stem; two words match if folded form, Spanish stem or English
  stem agree. Stems are made of the folded form, so accents never decide.

The stemmers are Snowball's, as Tantivy brings them. Change anything here and MAPPING_VERSION must rise.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

MAPPING_VERSION = 1
"""Version of fields and analysis; both engines write it beside the index."""

_LONGEST = 100  # characters of a form; longer runs are noise of the reading, and engines cut at 255
_SHORTEST_STEMMED = 3  # letters; shorter words have no endings to lose
_CACHED = 65_536  # distinct words kept with their forms: some 30 MB
_ACCENTS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)  # Unicode's combining marks
_PART = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"[\W_]*(\d{1,3}(?:[.,']\d{3})+|\d+)(?:[.,](\d{1,2}))?[\W_]*")
_SPANISH = TextAnalyzerBuilder(Tokenizer.raw()).filter(Filter.stemmer("spanish")).build()
_ENGLISH = TextAnalyzerBuilder(Tokenizer.raw()).filter(Filter.stemmer("english")).build()


class Forms(NamedTuple):
    """The forms of one word: `main` follow each other on the page, `extra` stand for the word as a whole."""

    main: tuple[str, ...]
    extra: tuple[str, ...]


def fold(text: str) -> str:
    """Return `text` in lower case without accents: what is left to compare."""
    if text.isascii():
        return text.lower()
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFKC", bare).casefold()


def fold_value(value: str) -> str:
    """Return a field's value as filters compare it: folded, white space as single spaces, at most 500 characters."""
    return " ".join(fold(value).split())[:500]


def forms(word: str) -> Forms:
    """Return the forms of one word as it stands on a page or in a query; none where it has no letter or digit."""
    folded = fold(word)
    if folded.isalnum():
        return Forms((folded[:_LONGEST],), ())
    main = tuple(part[:_LONGEST] for part in _PART.findall(folded))
    if not main:
        return Forms((), ())
    extra = _canonical_number(folded) or "".join(main)[:_LONGEST]
    return Forms(main, () if main == (extra,) else (extra,))


def stems(form: str) -> tuple[str, ...]:
    """Return the Spanish and the English stem of a form, marked `s:` and `e:`; none unless it is letters only."""
    if len(form) < _SHORTEST_STEMMED or not form.isalpha():
        return ()
    return f"s:{_SPANISH.analyze(form)[0]}", f"e:{_ENGLISH.analyze(form)[0]}"


def meanings(form: str) -> tuple[str, ...]:
    """Return the tokens of which two words must share one to match: the stems, else the form itself, marked `=`."""
    return stems(form) or (exact(form),)


@lru_cache(maxsize=_CACHED)
def indexed(word: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what an index takes of a word: its main forms in sequence, and the tokens that need no sequence."""
    main, extra = forms(word)
    counted = [token for form in main for token in meanings(form)]
    counted.extend(token for form in extra for token in (exact(form), *stems(form)))
    return main, tuple(counted)


def exact(form: str) -> str:
    """Return the token of the form itself."""
    return f"={form}"


@lru_cache(maxsize=_CACHED)
def tokens(word: str) -> tuple[str, ...]:
    """Return every token that a word of a page answers to: its forms as they are, and their stems."""
    found: list[str] = []
    for form in (*forms(word).main, *forms(word).extra):
        found.append(exact(form))
        found.extend(stems(form))
    return tuple(dict.fromkeys(found))


def _canonical_number(folded: str) -> str | None:
    # A point or comma before one or two last digits parts decimals, one between groups of three parts thousands.
    match = _NUMBER.fullmatch(folded)
    if match is None:
        return None
    whole, decimals = re.sub(r"\D", "", match[1]), (match[2] or "").rstrip("0")
    return f"{whole}.{decimals}" if decimals else whole
