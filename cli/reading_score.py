"""How far what was read is from what stands on the page: signs, words, words without their order, and how sure.

CER and WER are edit distances over the length of the truth, white space folded, case and signs counted. F1 is of words
without their order, case ignored: it forgives columns read in another order. Confidence is judged word by word along
the best alignment of both texts.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from rapidfuzz.distance import Levenshtein

from records.text import Word

BANDS = (0, 30, 50, 60, 70, 80, 85, 90, 95)  # lower ends of the bands of confidence


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one reading; they add up over pages."""

    signs: int = 0
    sign_errors: int = 0
    words: int = 0
    word_errors: int = 0
    read: int = 0
    common: int = 0

    def __add__(self, other: "Score") -> "Score":
        """Return the counts of both."""
        return Score(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def cer(self) -> float:
        """Errors a hundred signs."""
        return 100 * self.sign_errors / max(1, self.signs)

    @property
    def wer(self) -> float:
        """Errors a hundred words."""
        return 100 * self.word_errors / max(1, self.words)

    @property
    def f1(self) -> float:
        """Harmonic mean of words found and words right, in hundredths."""
        return 200 * self.common / max(1, self.words + self.read)


def score(truth: str, read: str) -> Score:
    """Compare a text with its truth."""
    wanted, found = truth.split(), read.split()
    common = Counter(map(str.lower, wanted)) & Counter(map(str.lower, found))
    signs = " ".join(wanted)
    return Score(
        len(signs), Levenshtein.distance(signs, " ".join(found)), len(wanted), Levenshtein.distance(wanted, found),
        len(found), common.total(),
    )  # fmt: skip


def total(scores: Iterable[Score]) -> Score:
    """Add scores up."""
    return sum(scores, Score())


@dataclass(frozen=True, slots=True)
class Sure:
    """Per band of BANDS: how many words were given such a confidence, and how many of them are right."""

    given: tuple[int, ...] = (0,) * len(BANDS)
    right: tuple[int, ...] = (0,) * len(BANDS)

    def __add__(self, other: "Sure") -> "Sure":
        """Return the counts of both."""
        pairs = ((self.given, other.given), (self.right, other.right))
        given, right = (tuple(a + b for a, b in zip(x, y, strict=True)) for x, y in pairs)
        return Sure(given, right)


def sureness(truth: str, words: Sequence[Word]) -> Sure:
    """Count right words by the confidence they were given, along the best alignment; case ignored."""
    wanted, found = truth.lower().split(), [word.text.lower() for word in words]
    right = {at for op in Levenshtein.opcodes(wanted, found) if op.tag == "equal"
             for at in range(op.dest_start, op.dest_end)}  # fmt: skip
    counts = [[0, 0] for _ in BANDS]
    for at, word in enumerate(words):
        band = max(n for n, low in enumerate(BANDS) if word.confidence >= low or n == 0)
        counts[band][0] += 1
        counts[band][1] += at in right
    return Sure(tuple(c[0] for c in counts), tuple(c[1] for c in counts))
