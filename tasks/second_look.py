"""A second look at the words that index fields hang on: dates, numbers, identifiers, names read with doubt.

On a sparse page (a form, an invoice) each such word is cut out of the page and read once more by the line engine, which
errs in other places than the first. Where both say the same, the word is surer than either said; where a date was cut
off or a sign taken for a letter, the second reading puts it right; where they differ, the word is less sure than the
first engine said, so that nothing hangs on it without a person. Measured: docs/accuracy.md and docs/design/reading.md.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from records.normalise import fold
from records.text import Box, Word

Grey = npt.NDArray[np.uint8]
Look = Callable[[Grey], tuple[str, float]]  # an image of one word or line -> its text, how sure 0..1

MOST_WORDS = 24  # words of a page that are looked at again: 26 ms of CPU each
FEWEST_DIGITS = 4  # from which a word may be a date, a number or an identifier
DOUBTFUL = 90.0  # confidence below which a word with a digit, or a name, is looked at again
SECOND_SURE = 0.95  # of the second reading, from which its letters are taken for the first one's
AGREED = 97.0  # confidence of a word that both read alike: right in 96.3 of 100 on receipts, more on forms
DIFFERENT = 75.0  # the most that a word may have which they read differently
MENDED = 85.0  # of a word that the second put right
MOST_EDITS = 2  # letters in which the readings may differ for one to be put right by the other
MARGIN = 0.25  # of a word's height, cut out around it; twice that to the right, where a last letter may be missing

_AMOUNT = re.compile(r"[-+(]?[\d.,' ]*[.,]\d{2}\)?%?")  # amounts confirm each other
_CUT_DATE = re.compile(r"(?:\d{1,2}[/.-]){2}\d{1,3}")
_WHOLE_DATE = re.compile(r"(?:\d{1,2}[/.-]){2}\d{4}")
_NUMBER_SIGN = re.compile(r"N[º°][A-Z0-9]")  # its raised letter is read as almost anything by the first engine
_NAME = re.compile(r"[^\W\d_]{4,}")


@dataclass(frozen=True, slots=True)
class SecondLook:
    """The words after it, how many were looked at, and how many came out otherwise."""

    words: tuple[Word, ...]
    looked: int
    changed: int


def look_again(words: Sequence[Word], pixels: Grey, look: Look) -> SecondLook:
    """Read doubtful words once more.

    Args:
        words: of an upright page, boxes in pixels of `pixels`.
        pixels: (H, W) uint8, 0 = ink.
        look: the second engine, on an image of one word.
    """
    wanted = sorted((n for n, word in enumerate(words) if wants_look(word)), key=lambda n: _urgency(words[n]))
    found = list(words)
    for number in wanted[:MOST_WORDS]:
        text, sure = look(cut_out(pixels, words[number].box))
        found[number] = settle(words[number], text, sure)
    changed = sum(new.text != old.text for new, old in zip(found, words, strict=True))
    return SecondLook(tuple(found), min(len(wanted), MOST_WORDS), changed)


def wants_look(word: Word) -> bool:
    """Tell whether something may hang on a word: digits that are no amount, or a name that was read with doubt."""
    digits = sum(character.isdigit() for character in word.text)
    if digits >= FEWEST_DIGITS:
        return not _AMOUNT.fullmatch(word.text)
    doubtful = word.confidence < DOUBTFUL
    return doubtful and _NAME.fullmatch(word.text) is not None and word.text[0].isupper()


def _urgency(word: Word) -> tuple[bool, float]:
    return not any(character.isdigit() for character in word.text), word.confidence


def cut_out(pixels: Grey, box: Box) -> Grey:
    """Return the image of a word with a margin."""
    margin = max(2, round(MARGIN * (box.y1 - box.y0)))
    return pixels[max(0, box.y0 - margin) : box.y1 + margin, max(0, box.x0 - margin) : box.x1 + 2 * margin]


def settle(word: Word, text: str, sure: float) -> Word:
    """Return a word as two readings of it make it.

    Args:
        word: as the first engine read it.
        text: as the second did, perhaps with what stands beside it.
        sure: 0..1, how sure the second is.
    """
    mine, theirs = word.text, text.strip()
    if not theirs:
        return word
    if _CUT_DATE.fullmatch(mine) and _WHOLE_DATE.fullmatch(theirs) and theirs.startswith(mine[:-1]):
        return word._replace(text=theirs, confidence=MENDED) if sure >= SECOND_SURE else word
    if _NUMBER_SIGN.match(theirs) and len(mine) == len(theirs) and _same(mine[2:], theirs[2:]):
        return word._replace(text=theirs, confidence=max(word.confidence, AGREED)) if sure >= SECOND_SURE else word
    if _same(mine, theirs):
        return word._replace(confidence=max(word.confidence, AGREED)) if sure >= SECOND_SURE else word
    put_right = _put_right(mine, theirs) if sure >= SECOND_SURE else None
    if put_right is not None:
        return word._replace(text=put_right, confidence=min(word.confidence, MENDED))
    return word._replace(confidence=min(word.confidence, DIFFERENT))


def _same(mine: str, theirs: str) -> bool:
    """Tell whether two readings are one: but for accents, marks at the ends, and a currency that stands beside it."""
    return _bare(mine) == _bare(theirs)


def _bare(text: str) -> str:
    return re.sub(r"\s*(?:€|eur)$", "", fold(text)).strip(" .,:;'|()[]")


def _put_right(mine: str, theirs: str) -> str | None:
    """Return the first reading with the second's letters where they differ; None where they differ too much.

    Accents are the first one's: the second hardly knows them.
    """
    if len(mine) != len(theirs) or " " in theirs:
        return None
    pairs = list(zip(mine, theirs, strict=True))
    differ = [n for n, (a, b) in enumerate(pairs) if fold(a) != fold(b) or a.isupper() != b.isupper()]
    if not 0 < len(differ) <= MOST_EDITS or len(differ) > len(mine) / 3:
        return None
    return "".join(b if n in differ else a for n, (a, b) in enumerate(pairs))


def agreed(words: Sequence[Word], others: Sequence[Word]) -> tuple[Word, ...]:
    """Return words surer where another reading of the page has the same in the same place.

    A word whose letters the other reading has where this one has digits (TO1AL, TOTAL) is taken as the other says.
    """
    return tuple(_with_other(word, [other for other in others if _same_place(word.box, other.box)]) for word in words)


def _with_other(word: Word, beside: Sequence[Word]) -> Word:
    for other in beside:
        if _same(word.text, other.text):
            return word._replace(confidence=max(word.confidence, AGREED))
        if len(other.text) == len(word.text) and other.text.isalpha() and _digits_for_letters(word.text, other.text):
            return word._replace(text=other.text)
    return word


def _digits_for_letters(text: str, letters: str) -> bool:
    differ = [(a, b) for a, b in zip(text, letters, strict=True) if fold(a) != fold(b)]
    return 0 < len(differ) <= MOST_EDITS and len(text) > 2 * len(differ) and all(a.isdigit() for a, _ in differ)


def _same_place(one: Box, other: Box) -> bool:
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    widest = max(one.x1 - one.x0, other.x1 - other.x0)
    return wide > 0.7 * widest and high > 0.4 * min(one.y1 - one.y0, other.y1 - other.y0)
