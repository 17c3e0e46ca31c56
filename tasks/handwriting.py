"""Find what is written by hand on a page: flagged, never invented.

The engines know print. What a pen wrote they read as nothing, or as words of which they are unsure: it is looked for in
the ink that no sure word accounts for. A pen's stroke is thin, of one width, connected over more than a letter, higher
than print and no straight rule. So are signatures, notes, figures and the ring around a total; logos in a script are
taken for such too, letters printed by hand one by one mostly not. Measured: docs/accuracy.md, handwriting.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from records.text import Box, Word
from tasks.preprocess import MARK, SMALL
from tasks.skew import ink_mask

Grey = npt.NDArray[np.uint8]
Part = npt.NDArray[np.uint8]

MASK_HEIGHT = 1700  # pixels of the mask's longer side, about: a pen's stroke has three
SURE = 85.0  # confidence from which a word accounts for its ink
MEASURED = 80.0  # confidence of the words by whose height the others are measured
FEW = 3  # such words below which print is taken to be as high as 8 point is
PRINT_INCHES = 1 / 12  # height of a capital letter of 8 point
RULE = 3.0  # letter heights from which a straight run is a rule
UNREAD = 0.02  # share of the ink, read by no sure word, below which nothing is looked for
# of a written stroke, in heights of print
LEAST_HIGH, LEAST_ACROSS, MOST_WIDE, MOST_HIGH = 1.5, 3.0, 40.0, 15.0
LOW, LONG, WINDING = 0.9, 3.5, 1.6  # one no higher than print: its height, its width, its length of the diagonal
BESIDE = 0.5  # other ink in its box that no word accounts for, of its own: in pictures there is much
NARROWEST = 0.6  # the shorter side
FILLED = 0.35  # share of its box that it fills at most
THICK, THICKEST = 0.32, 0.5  # its width: of the median, and of nearly all of it
UNEQUAL = 0.42  # deviation of its width, of the mean
SHORTEST, LONGEST = 1.04, 5.0  # its length, of its box's diagonal: a scribble, not a straight line nor a thicket
MOST_LOOKED = 400  # pieces of ink that are measured: a written page has fewer, a hatched drawing thousands
SCRAWL = 0.5  # share of a word's ink that is written, from which the word is the engine's invention
SCRAWL_MOST = 30.0  # confidence that such a word has at most


@dataclass(frozen=True, slots=True)
class Written:
    """What is written by hand on a page: how many strokes, and the page's words, the invented ones unsure."""

    strokes: int
    words: tuple[Word, ...]


def find_handwriting(pixels: Grey, words: Sequence[Word], dpi: int) -> Written:
    """Return how much is written on an upright page, and its words without false sureness of it.

    Args:
        pixels: (H, W) uint8, 0 = ink.
        words: as read, boxes in pixels of `pixels`.
        dpi: resolution of `pixels`.
    """
    nothing = Written(0, tuple(words))
    if min(pixels.shape) < SMALL:
        return nothing
    factor = max(1, round(max(pixels.shape) / MASK_HEIGHT))
    ink = (ink_mask(pixels, factor) > 0).view(np.uint8)
    if min(ink.shape) < SMALL:  # a page in the shape of a thread
        return nothing
    frame = (round(pixels.shape[0] / factor) - ink.shape[0]) // 2
    places = [_in_mask(word.box, factor, frame) for word in words]
    unread = ink.copy()
    for word, place in zip(words, places, strict=True):
        if word.confidence >= SURE:
            unread[place] = 0
    if cv2.countNonZero(unread) <= UNREAD * cv2.countNonZero(ink):
        return nothing
    strokes, by_hand = _strokes(unread, _height(words, dpi) / factor)
    if not strokes:
        return nothing
    return Written(strokes, tuple(_unsure(word, ink[at], by_hand[at]) for word, at in zip(words, places, strict=True)))


def _in_mask(box: Box, factor: int, frame: int) -> tuple[slice, slice]:
    """Return a box, a pixel wider all round, as slices of the mask."""
    x0, y0, x1, y1 = (side // factor - frame for side in box)
    return slice(max(0, y0 - 1), max(0, y1 + 2)), slice(max(0, x0 - 1), max(0, x1 + 2))


def _height(words: Sequence[Word], dpi: int) -> float:
    """Return the height of the page's print, in pixels."""
    heights = [word.box.y1 - word.box.y0 for word in words if word.confidence >= MEASURED and len(word.text) > 2]
    return statistics.median(heights) if len(heights) >= FEW else dpi * PRINT_INCHES


def _strokes(ink: Part, height: float) -> tuple[int, Part]:
    """Count the strokes of a pen in a mask, and return the mask of them alone.

    They are looked for at half the size, which costs a quarter, and measured in the mask itself.
    """
    half = cv2.resize(ink * np.uint8(MARK), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    small = _without_rules((half >= MARK // 2).view(np.uint8), height / 2)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(small, connectivity=8)
    wide, high = (2.0 * boxes[1:, column] for column in (2, 3))  # the first is the paper
    candidates = boxes[1:][
        (high >= LOW * height) & (high <= MOST_HIGH * height) & (wide <= MOST_WIDE * height)
        & (np.hypot(wide, high) >= LEAST_ACROSS * height) & (np.minimum(wide, high) >= NARROWEST * height)
    ]  # fmt: skip
    count, by_hand = 0, np.zeros_like(ink)
    for x, y, width, tall in (2 * candidates[:MOST_LOOKED, :4]).tolist():
        place = (slice(max(0, y - 2), y + tall + 2), slice(max(0, x - 2), x + width + 2))
        found = _without_rules(ink[place], height)
        _, labels, sizes, _ = cv2.connectedComponentsWithStats(found, connectivity=8)
        if len(sizes) < 2:  # nothing but paper
            continue
        number = 1 + int(np.argmax(sizes[1:, 4]))
        left, top, across, down, own = (int(value) for value in sizes[number])
        part = (labels[top : top + down, left : left + across] == number).view(np.uint8)
        if cv2.countNonZero(found) - own <= BESIDE * own and _is_stroke(part, height):
            count += 1
            by_hand[place] |= (labels == number).view(np.uint8)
    return count, by_hand


def _without_rules(ink: Part, height: float) -> Part:
    long = max(3, round(RULE * height))
    for shape in ((1, long), (long, 1)):
        rules = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones(shape, np.uint8))
        if cv2.countNonZero(rules):
            ink = np.asarray(cv2.subtract(ink, cv2.dilate(rules, np.ones((3, 3), np.uint8))), np.uint8)
    return ink


def _is_stroke(part: Part, height: float) -> bool:
    """Tell whether connected ink is a line of one width that winds, as a pen draws it."""
    padded = cv2.copyMakeBorder(part, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0,))
    depth = np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 3), np.float32)
    widths = 2 * depth[(depth > 0) & (depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8)))]
    usual = float(np.median(widths))
    high, wide = part.shape
    ink = cv2.countNonZero(part)
    winding = ink / max(1.0, usual) / float(np.hypot(high, wide))
    shortest = SHORTEST if high >= LEAST_HIGH * height else WINDING if wide >= LONG * height else LONGEST
    return bool(
        ink < FILLED * high * wide
        and usual < THICK * height
        and float(np.percentile(widths, 95)) < THICKEST * height
        and float(widths.std()) < UNEQUAL * float(widths.mean())
        and shortest < winding < LONGEST
    )


def _unsure(word: Word, ink: Part, by_hand: Part) -> Word:
    if int(by_hand.sum()) < SCRAWL * max(1, int(ink.sum())):
        return word
    return word._replace(confidence=min(word.confidence, SCRAWL_MOST))
