"""Write on printed pages by hand, and count which are flagged: `python -m cli.handwritten DIR [--part P]`.

On every page of a reading benchmark's sets something is written (cli.drawn_handwriting). What is flagged without
anything written is counted beside it: sets have real handwriting too, which docs/accuracy.md names.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from cli.bench_labelled import open_words
from cli.drawn_handwriting import KINDS, NOTHING, Work, strokes_of
from cli.reading_truth import TruePage, find_pages, is_held_out
from infra.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table: of the pages of each set, how many are flagged with each kind of writing, and with nothing."""
    parser = argparse.ArgumentParser(prog="python -m cli.handwritten", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--part", choices=("learn", "held-out"), default="held-out")
    parser.add_argument("--most", type=int, default=None, help="pages of a set")
    asked = parser.parse_args(arguments)
    wanted = [page for page in find_pages(asked.folder) if is_held_out(page) == (asked.part == "held-out")]
    sets: dict[str, list[TruePage]] = defaultdict(list)
    for page in sorted(wanted, key=lambda page: page.digest):
        sets[page.set_name].append(page)
    settings, _origins = load_settings()
    kinds = (NOTHING, *KINDS)
    sys.stdout.write(f"| pages | n | {' | '.join(kinds)} |\n|{'---|' * (len(kinds) + 2)}\n")
    with open_words(settings) as words:
        for name, pages in sorted(sets.items()):
            cells = []
            for kind in kinds:
                found = []
                for page in pages[: asked.most]:
                    work = Work(page, kind, words.folder / f"{page.digest}.png")
                    found.append(words.children.run(words.limits.page_seconds, strokes_of, work, words.options,
                                                    words.limits))  # fmt: skip
                    if found[-1] and kind == NOTHING and asked.part == "learn":
                        sys.stderr.write(f"{page.file.name}: {found[-1]}\n")
                cells.append(str(sum(map(bool, found))))
            sys.stdout.write(f"| {name} | {len(pages[: asked.most])} | {' | '.join(cells)} |\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
