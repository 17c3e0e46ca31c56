"""Columns of running text: tell them from cells, and keep one reading's lines apart as another reading has them.

The second engine joins what stands at one height, hence reads across columns; the first one sees the layout of a page
even where it misreads the print. Boxes are pixels of the upright page.
"""

from collections.abc import Sequence

import numpy as np

from records.text import Word, union

RUNNING = 4  # words from which a line is running text: cells of forms and invoices have fewer
SIDE_BY_SIDE = 0.5  # share of words in such lines beside each other: columns of text have 0.9, receipts and forms none


def in_columns(words: Sequence[Word]) -> bool:
    """Tell whether most words stand in lines of running text side by side."""
    lines: dict[int, list[Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    long = [line for line in lines.values() if len(line) >= RUNNING]
    if not long:
        return False
    left, top, right, bottom = np.array([union(word.box for word in line) for line in long]).T
    apart = (left[:, None] > right) | (right[:, None] < left)
    level = np.abs((top + bottom)[:, None] - (top + bottom)) < (bottom - top)[:, None]  # middles, both sides doubled
    beside = np.array([len(line) for line in long])[(apart & level).any(1)].sum()
    return bool(beside > SIDE_BY_SIDE * len(words))


def along(words: Sequence[Word], guide: Sequence[Word]) -> tuple[Word, ...]:
    """Return `words` in the lines and blocks of the words of `guide` (at least one) that stand nearest to them."""
    left, top, right, bottom = np.array([word.box for word in guide], np.float64).T
    placed = []
    for word in words:
        aside = np.maximum(0, np.maximum(left - word.box.x1, word.box.x0 - right))
        # a line above or below is farther than a gap within the line
        away = np.abs((top + bottom) - (word.box.y0 + word.box.y1)) / np.maximum(bottom - top, 1)
        nearest = guide[int(np.argmin(aside + 4 * away * (word.box.y1 - word.box.y0)))]
        placed.append(word._replace(line=nearest.line, block=nearest.block))
    return tuple(sorted(placed, key=lambda word: (word.line, word.box.x0)))
