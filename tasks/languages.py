"""Tell the language of a text from its commonest words (docs/design/reading.md, language: 16 of 16 pages right)."""

from collections.abc import Sequence

ENOUGH = 5  # hits without which nothing is said
CLEARLY = 3  # times as many hits as the other language's

_SPANISH = """
de la que el en y los del se las por un para con una su al lo como más pero sus le ya o este sí porque esta entre
cuando muy sin sobre también me hasta hay donde quien desde todo nos durante todos uno les ni contra otros ese eso
ante ellos fecha importe
"""
_ENGLISH = """
the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one
you were her all she there would their we him been has when who will more if out so said what up its about than into
them can only other
"""
STOP_WORDS = {"spa": frozenset(_SPANISH.split()), "eng": frozenset(_ENGLISH.split())}


def hits(text: str, languages: Sequence[str]) -> dict[str, int]:
    """Count each language's commonest words in a text; a language without a list counts 0."""
    words = [word.strip(".,;:()\"'¿?¡!").lower() for word in text.split()]
    return {name: sum(word in STOP_WORDS.get(name, ()) for word in words) for name in languages}


def leading(text: str, languages: Sequence[str], read_as: str) -> str:
    """Return the language that clearly leads in a text that was read as `read_as`, else `read_as`."""
    counts = hits(text, languages)
    if not counts:
        return read_as
    best = max(counts, key=lambda name: counts[name])
    if counts[best] >= ENOUGH and counts[best] >= CLEARLY * counts.get(read_as, 0):
        return best
    return read_as


def is_sure(text: str, language: str) -> bool:
    """Tell whether a text has enough of a language's words to settle the document's."""
    return hits(text, (language,))[language] >= ENOUGH
