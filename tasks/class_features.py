"""What of a document tells its class: its words, pairs of words, what stands at its head, and how it is laid out."""

import re
from collections.abc import Sequence
from itertools import pairwise

from tasks.layout import PageLayout

PAGES = 2  # looked at from the front
HEAD_SHARE = 0.3  # of the first page's height
MOST_ROWS = 120  # of a page
_WORD = re.compile(r"[a-z]{3,}")


def features_of(pages: Sequence[PageLayout]) -> frozenset[str]:
    """Return the features of a document; numbers and single letters are none."""
    found: set[str] = set()
    for number, page in enumerate(pages[:PAGES]):
        for row in page.rows[:MOST_ROWS]:
            words = _WORD.findall(row.folded)
            found.update(words)
            found.update(f"{first} {second}" for first, second in pairwise(words))
            if number == 0 and row.box.y0 < HEAD_SHARE * page.height:
                found.update(f"head {word}" for word in words)
    return frozenset(found | _layout(pages)) if found else frozenset()


def _layout(pages: Sequence[PageLayout]) -> set[str]:
    page = pages[0]
    rows = max(len(page.rows), 1)
    words = [word.word.text for row in page.rows for word in row.words]
    digits = sum(any(letter.isdigit() for letter in word) for word in words) / max(len(words), 1)
    cells = sum(len(row.cells) for row in page.rows) / rows
    shape = page.width / max(page.height, 1)
    return {
        f"#rows {min(rows // 12, 8)}", f"#words {min(int(len(words) / rows / 2), 6)}", f"#digits {int(digits * 8)}",
        f"#cells {min(int(cells * 2), 8)}", f"#shape {int(shape * 5)}",
    }  # fmt: skip
