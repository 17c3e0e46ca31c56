"""What a page must have to be found, and what makes one page better than another; both engines translate it.

A page's merits are counted: for each word asked for, that it stands there as typed and not only in another ending, and
that it stands there often; for two or more words, that they follow each other. Pages with more merits come first, among
equals those of the newest record. The count depends on the page and the query only, never on what else is in the index:
so a cursor goes on at the right page whatever was added meanwhile, and both engines give the same order.
"""

from dataclasses import dataclass
from typing import Literal

from search.analysis import exact, meanings
from search.query import Term

_MOST_RANKED = 6  # words whose merits are counted; a query of more words finds few pages


@dataclass(frozen=True, slots=True)
class Atom:
    """One question to an index: has `field` the token, the tokens in sequence, or one that begins so?

    For a `beginning` of more than one token, the last is the beginning of a token and the others precede it.
    """

    field: Literal["words", "terms", "often"]
    tokens: tuple[str, ...]
    kind: Literal["sequence", "beginning"] = "sequence"


def needed(term: Term) -> tuple[Atom, ...]:
    """Return the questions of which a page must answer one with yes to have `term`."""
    first = term.forms[0]
    if term.kind == "beginning":
        whole = Atom("words", term.forms, "beginning")
        return (whole, Atom("terms", (exact(first),), "beginning")) if len(term.forms) == 1 else (whole,)
    if len(term.forms) > 1:
        return (Atom("words", term.forms), *(atom for other in term.others for atom in _as_typed(other)))
    if term.kind == "phrase" or meanings(first) == (exact(first),):
        return _as_typed(first)
    return tuple(Atom("terms", (token,)) for token in meanings(first))


def merits(wanted: tuple[Term, ...]) -> tuple[tuple[Atom, ...], ...]:
    """Return the merits of a page: each is held if one of its questions is answered with yes."""
    found: list[tuple[Atom, ...]] = []
    words = [term for term in wanted if term.kind == "word" and len(term.forms) == 1][:_MOST_RANKED]
    for term in words:
        form = term.forms[0]
        if meanings(form) != (exact(form),):
            found.append(_as_typed(form))
        found.append(tuple(Atom("often", (token,)) for token in meanings(form)))
    if len(words) > 1:
        found.append((Atom("words", tuple(term.forms[0] for term in words)),))
    return tuple(found)


def score(held: int, possible: int) -> float:
    """Return the share of merits held, above 0 and at most 1."""
    return round((1 + held) / (1 + possible), 4)


def _as_typed(form: str) -> tuple[Atom, ...]:
    # The second field has the forms that are not in reading order: halves of broken words, codes without separators.
    return Atom("words", (form,)), Atom("terms", (exact(form),))
