"""What an engine's word for its own sureness has turned out to be worth, by kind of page and engine.

Curves of points (said, worth): of the words given a confidence, so many in a hundred were right, on the half of the
sets that rules are worked on; between points in a straight line. They rise throughout, so that the order of words
stays. They are laid on words as these leave the reader: all choices between readings are made by what engines say.
Learnt from and checked on: docs/accuracy.md, how sure words are.
"""

from collections.abc import Container, Sequence

import numpy as np

from records.text import Word

Curve = tuple[tuple[float, float], ...]

# RapidOCR on 31 receipts of the SROIE set, 3,400 words
SLIPS: Curve = (
    (0.0, 15.0),
    (70.0, 20.0),
    (85.0, 40.0),
    (92.0, 78.0),
    (96.5, 88.0),
    (98.5, 92.0),
    (99.5, 94.0),
    (100.0, 95.0),
)
# Tesseract on books, letters and reports of the learn half, clean and worn in fourteen ways: 45,300 words
TEXT: Curve = (
    (0.0, 19.0),
    (27.5, 21.0),
    (43.0, 23.5),
    (57.5, 40.0),
    (73.5, 58.0),
    (86.5, 71.5),
    (93.0, 89.5),
    (96.5, 97.1),
    (100.0, 97.5),
)
# three readings of a slip by Tesseract (tasks.several_readings), 18 receipts of the learn half: 1,924 words
SLIPS_THRICE: Curve = (
    (0.0, 34.0),
    (23.0, 35.0),
    (51.0, 40.0),
    (68.5, 42.0),
    (81.0, 52.0),
    (89.5, 70.0),
    (93.5, 88.5),
    (96.5, 91.5),
    (100.0, 92.0),
)


def calibrated(words: Sequence[Word], curve: Curve, but: Container[int] = ()) -> tuple[Word, ...]:
    """Return words with the confidence that their engine's own has turned out to be worth on such pages.

    Args:
        words: with what the engine says.
        curve: of the engine and the kind of page.
        but: places of words in `words` whose confidence is no engine's own: they keep it.
    """
    said, worth = zip(*curve, strict=True)
    return tuple(
        word if place in but else word._replace(confidence=float(np.interp(word.confidence, said, worth)))
        for place, word in enumerate(words)
    )
