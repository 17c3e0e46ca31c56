"""Capture what a form asks and what was filled in: a label of the page's own, and the words beside, under or over it.

For pages of which no class knows the fields (a class with `pairs`, docs/record-classes.md). A label ends in a colon,
bears a number of the form, or is made of words that forms ask by, which the class file names. What stands beside it
is its answer, else what stands under it in its column, else what stands over a caption. What was typed into the boxes
of a PDF's form is known as such: then nothing else answers. Nothing of this is taken without a person: a form's own
words are no proof of what it means.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from records.class_library import FieldSpec, RecordClass
from records.fields import Field, ReviewReason
from records.normalise import clean_text, fold
from records.text import Box, union
from tasks.layout import PageLayout, Placed, Row

FEWEST_PAIRS = 4  # on a record; less is no form
MOST_PAIRS = 300
BESIDE, UNDER, OVER = 0.8, 0.7, 0.55  # confidence of an answer by its place; not calibrated
MOST_ASKED, MOST_ANSWERED = 24, 40  # words of a label without a colon or number, and of an answer
ENOUGH = 0.6  # share of a label's longer words that forms ask by
FAR_BESIDE, FAR_UNDER, FAR_OVER = 25.0, 5.5, 3.0  # heights of letters between a label and its answer
FAR_ACROSS = 16.0  # and to the right of a label under which the answer stands
INDENT, MOST_INDENT = 1.6, 6.0  # heights by which an answer may begin left of its label; and if no other label is there
WRAPPED = 0.9  # heights between two lines of one label
STACKED = 1.3  # heights between two lines of one answer
MOST_PIECES = 2000  # on a page; one with more is no form
MOST_ASKED_COLON = 45  # words of a label with a colon
NEAR_PIECES = 12  # among which the line above one that goes on is looked for
ROWS_OVER, ROWS_UNDER = 14, 6  # rows looked at over an answer, and under it
MOST_STACKED = 3  # lines of one answer
TYPED_ROWS = 3  # rows from which one line of a text layer is what was typed into boxes
RETURN_SHARE = 0.25  # of the page's height that the text goes back up where they begin
SIGNS = "$€£#+-"  # that an answer may begin with
COMB = 4  # single characters side by side that are one answer, written a box each

_ITEM = re.compile(r"\(?(?:\d{1,2}[a-z]?|[A-Za-z](?=[.)]))[.)]?(?=\s|$)")
_INLINE = re.compile(r"(?P<label>[^:]{2,60}?)\s?:\s+(?P<value>[^\s:].*)")
_HINT = re.compile(r"\([^()]{2,60}\)?|\[[^\[\]]{2,60}\]?")
_ASKS = re.compile(r"[:?▶►]\s*$")
_BLANK = re.compile(r"[\s._…–—-]{3,}$")


@dataclass(frozen=True, slots=True)
class Piece:
    """Words that stand together; `box` on the upright page, `rows` the numbers of the first and last row."""

    words: tuple[Placed, ...]
    text: str
    box: Box
    rows: tuple[int, int]
    height: float
    typed: bool = False
    asks: bool = False

    @property
    def colon(self) -> bool:
        """Tell whether it ends as labels do."""
        return _ASKS.search(self.text) is not None


@dataclass(frozen=True, slots=True)
class Pair:
    """A label and its answer, with how sure their places make us."""

    label: Piece
    answer: Piece
    confidence: float


def find_pairs(layouts: Sequence[PageLayout], record_class: RecordClass) -> tuple[list[Field], list[ReviewReason]]:
    """Return the pairs of a record as repeated fields, and that a person must look at them; nothing but on a form."""
    names = record_class.pairs
    label, value = (record_class.spec(names.label), record_class.spec(names.value)) if names else (None, None)
    if label is None or value is None:
        return [], []
    filled = [layout for layout in layouts if _typed_lines(layout)] or layouts
    found = [(layout, pair) for layout in filled for pair in pairs_of(layout, label.anchors)][:MOST_PAIRS]
    if len(found) < FEWEST_PAIRS:
        return [], []
    fields = []
    for index, (layout, pair) in enumerate(found):
        fields += [
            _field(label, pair.label, pair.confidence, layout, index),
            _field(value, pair.answer, pair.confidence, layout, index),
        ]
    return fields, [ReviewReason("unconfirmed", value.name, f"{len(found)} answers by the page's own labels")]


def _field(spec: FieldSpec, piece: Piece, confidence: float, layout: PageLayout, index: int) -> Field:
    sure = min(placed.word.confidence for placed in piece.words) / 100
    return Field(
        spec.name, clean_text(_BLANK.sub("", piece.text).strip(" :▶►")), spec.type, "review", index, piece.text,
        page=layout.page.page, box=union(placed.word.box for placed in piece.words),
        confidence=round(confidence * sure, 3), method="pair", engine=layout.page.engine,
    )  # fmt: skip


def pairs_of(page: PageLayout, asked: Mapping[str, float]) -> list[Pair]:
    """Return the pairs of one page from top to bottom; `asked` maps folded phrases that forms ask by to weights."""
    pieces = [_marked(piece, asked) for piece in _wrapped(list(_pieces(page, asked)))]
    if len(pieces) > MOST_PIECES:
        return []
    typed = any(piece.typed for piece in pieces)
    parted = [None if typed else _inline(piece) for piece in pieces]
    inline = [Pair(*parts, BESIDE) for parts in parted if parts is not None]
    # what says its answer itself asks nothing more
    pieces = [
        piece if parts is None else replace(piece, asks=False) for piece, parts in zip(pieces, parted, strict=True)
    ]
    free = [piece for piece, parts in zip(pieces, parted, strict=True) if parts is None]
    answers = [piece for piece in free if _can_answer(piece, typed=typed)]
    ending, beginning = _by_row(pieces, last=True), _by_row(pieces, last=False)
    taken: dict[int, Pair] = {}
    for answer in answers:
        pair = _beside(answer, ending) or _under(answer, ending, taken)
        if pair is not None:
            taken[id(answer)] = pair
    near = _nearest(list(taken.values()))
    used = {id(pair.label) for pair in near}
    left = [answer for answer in answers if id(answer) not in {id(pair.answer) for pair in near}]
    over = [pair for answer in left if (pair := _over(answer, beginning, used)) is not None]
    return sorted([*inline, *near, *over], key=lambda pair: (pair.answer.rows[0], pair.answer.box.x0))


def _by_row(pieces: Sequence[Piece], *, last: bool) -> dict[int, list[Piece]]:
    """Return the pieces by their last row, or their first."""
    found: dict[int, list[Piece]] = {}
    for piece in pieces:
        found.setdefault(piece.rows[last], []).append(piece)
    return found


def _nearest(pairs: Sequence[Pair]) -> list[Pair]:
    """Keep of a label's answers those of one place: beside it or under it, whichever is nearer; and only so many."""
    found = []
    for label in {id(pair.label): pair.label for pair in pairs}.values():
        mine = [pair for pair in pairs if pair.label is label]
        beside = [pair for pair in mine if pair.confidence == BESIDE]
        under = [pair for pair in mine if pair.confidence == UNDER]
        if beside and under and not label.colon:
            across = (beside[0].answer.box.x0 - label.box.x1) / label.height
            down = (under[0].answer.box.y0 - label.box.y1) / label.height
            beside = beside if across <= down else []
        found += beside[:1] or _stacked(under)[:MOST_STACKED]
    return found


def _stacked(under: Sequence[Pair]) -> list[Pair]:
    """Return the answers under a label as far as they stand close under each other."""
    kept = list(under[:1])
    for pair in under[1:]:
        if pair.answer.box.y0 - kept[-1].answer.box.y1 > STACKED * pair.answer.height:
            break
        kept.append(pair)
    return kept


def _typed_lines(page: PageLayout) -> frozenset[int]:
    """Return the lines of a text layer that hold what was typed into a form's boxes.

    Flattening puts them after all that is printed (tasks.pdf_pages): they begin where the text returns from the foot
    to the head, and one of them leaps over many rows.
    """
    rows: dict[int, list[Row]] = {}
    for row in page.rows if page.page.source == "born-digital" else ():
        for line in {placed.word.line for placed in row.words}:
            rows.setdefault(line, []).append(row)
    lines = sorted(rows)
    first = next((n for n, line in enumerate(lines) if len(rows[line]) >= TYPED_ROWS), None)
    if first is None:
        return frozenset()
    heads = (n for n in range(first, 0, -1) if _rises(rows[lines[n - 1]], rows[lines[n]], page))
    return frozenset(lines[next(heads, first) :])


def _rises(before: Sequence[Row], after: Sequence[Row], page: PageLayout) -> bool:
    return after[0].box.y0 < before[-1].box.y1 - RETURN_SHARE * page.height


def _pieces(page: PageLayout, asked: Mapping[str, float]) -> Iterator[Piece]:
    """Yield the pieces of a page: cells, parted again where another of the engine's lines begins."""
    typed = _typed_lines(page)
    for row in page.rows:
        pieces = [_piece(row, words, typed) for cell in row.cells for words in _runs(row.between(cell.start, cell.end))]
        yield from _combed(_numbered([piece for piece in pieces if any(map(str.isalnum, piece.text))], asked))


def _runs(words: Sequence[Placed]) -> Iterator[tuple[Placed, ...]]:
    start = 0
    for position in range(1, len(words)):
        if words[position].word.line != words[position - 1].word.line:
            yield tuple(words[start:position])
            start = position
    yield tuple(words[start:])


def _piece(row: Row, words: tuple[Placed, ...], typed: frozenset[int]) -> Piece:
    text, box = row.text[words[0].start : words[-1].end], union(placed.box for placed in words)
    return Piece(words, text, box, (row.number, row.number), row.height, words[0].word.line in typed)


def _join(first: Piece, second: Piece) -> Piece:
    return replace(
        first, words=(*first.words, *second.words), text=f"{first.text} {second.text}",
        box=union((first.box, second.box)), rows=(first.rows[0], second.rows[1]),
    )  # fmt: skip


def _numbered(pieces: Sequence[Piece], asked: Mapping[str, float]) -> list[Piece]:
    """Join the number of an item to the label that follows it."""
    found: list[Piece] = []
    for piece in pieces:
        before = found[-1] if found else None
        number = before is not None and not before.typed and not piece.typed and _ITEM.fullmatch(before.text)
        if number and before is not None and _weights(piece.text, asked) and not re.search(r"\d", piece.text):
            found[-1] = _join(before, piece)
        else:
            found.append(piece)
    return found


def _combed(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Join characters that were written a box each."""
    run: list[Piece] = []
    for piece in pieces:
        if all(len(placed.word.text) == 1 for placed in piece.words):
            run.append(piece)
            continue
        yield from _comb(run)
        run = []
        yield piece
    yield from _comb(run)


def _comb(run: Sequence[Piece]) -> Iterator[Piece]:
    if sum(len(piece.words) for piece in run) < COMB:
        yield from run
        return
    whole = run[0]
    for piece in run[1:]:
        whole = _join(whole, piece)
    yield whole


def _wrapped(pieces: Sequence[Piece]) -> list[Piece]:
    """Join the lines of a label or paragraph: one that begins in lower case close under another goes on with it."""
    found: list[Piece] = []
    for piece in pieces:
        near = range(len(found) - 1, max(len(found) - 1 - NEAR_PIECES, -1), -1)
        place = next((number for number in near if _goes_on(found[number], piece)), None)
        if place is None:
            found.append(piece)
        else:
            found[place] = _join(found[place], piece)
    return found


def _goes_on(above: Piece, piece: Piece) -> bool:
    begins = re.match(r"[^\W\d_]", piece.text)
    if (
        piece.typed
        or above.typed
        or not begins
        or not begins[0].islower()
        or piece.rows[0] - above.rows[1] not in (1, 2)
    ):
        return False
    gap = piece.box.y0 - above.box.y1
    return gap < WRAPPED * piece.height and -piece.height < piece.box.x0 - above.box.x0 < 4 * piece.height


def _weights(text: str, asked: Mapping[str, float]) -> list[float]:
    """Return the weights of the words (and pairs of words) that forms ask by, for each longer word of a text."""
    words = re.findall(r"[^\W\d_]+", fold(text))
    found = []
    for position, word in enumerate(words):
        two = " ".join(words[position : position + 2])
        weight = max(asked.get(two, 0.0), asked.get(word, 0.0), asked.get(word.removesuffix("s"), 0.0))
        if weight:
            found.append(weight if position == 0 else min(weight, asked.get(word, weight)))
    return found


def _marked(piece: Piece, asked: Mapping[str, float]) -> Piece:
    return replace(piece, asks=not piece.typed and _is_label(piece, asked))


def _is_label(piece: Piece, asked: Mapping[str, float]) -> bool:
    if piece.colon:
        return len(piece.words) <= MOST_ASKED_COLON
    item = _ITEM.match(piece.text)
    hint = _HINT.search(piece.text)
    bare = _HINT.sub(" ", piece.text[item.end() :] if item else piece.text)
    words = re.findall(r"[^\W\d_]{2,}", fold(bare))
    weights = _weights(bare, asked)
    if not words or not weights:
        return False
    first = max(
        asked.get(words[0], 0.0), asked.get(words[0].removesuffix("s"), 0.0), asked.get(" ".join(words[:2]), 0.0)
    )
    if re.search(r"\d", bare) and not (item and first):
        return False
    if len(words) > MOST_ASKED and not (item and _weights(" ".join(words[:4]), asked)):
        return False
    longer = sum(len(word) > 3 for word in words)
    strong = sum(weight >= 1 for weight in weights)
    return bool(first) or (bool(strong) and bool(item or hint)) or strong >= ENOUGH * max(longer, 1)


def _inline(piece: Piece) -> tuple[Piece, Piece] | None:
    """Part `Date: 8/20/2020` at its colon."""
    match = _INLINE.fullmatch(piece.text)
    if match is None or piece.rows[0] != piece.rows[1] or len(match["label"].split()) > 6:
        return None
    start = piece.words[0].start
    label = tuple(placed for placed in piece.words if placed.start - start < match.end("label"))
    answer = tuple(placed for placed in piece.words if placed.start - start >= match.start("value"))
    if not label or not answer or not any(map(str.isalnum, match["value"])):
        return None
    return tuple(  # type: ignore[return-value]  # two of them
        replace(piece, words=words, text=match[name], box=union(placed.box for placed in words))
        for name, words in (("label", label), ("value", answer))
    )


def _can_answer(piece: Piece, *, typed: bool) -> bool:
    """Tell whether a piece may be an answer; where any were typed only those, else no label and no running text."""
    if typed:
        return piece.typed
    begins = piece.text[0]
    running = begins.islower() or not (begins.isalnum() or begins in SIGNS)
    return not piece.asks and not running and len(piece.words) <= MOST_ANSWERED


def _edge(label: Piece, answer: Piece) -> int:
    """Return where a label ends at the height of an answer: of one that goes over two lines the lower may be short."""
    level = [placed.box.x1 for placed in label.words if placed.box.y0 < answer.box.y1 and answer.box.y0 < placed.box.y1]
    return max(level, default=label.box.x1)


def _beside(answer: Piece, ending: Mapping[int, Sequence[Piece]]) -> Pair | None:
    """Pair an answer with the label that is the next piece to its left."""
    left = [(_edge(one, answer), one) for one in ending.get(answer.rows[0], ()) if one is not answer]
    edge, label = max(
        (pair for pair in left if pair[0] <= answer.box.x0 + answer.height), key=lambda pair: pair[0], default=(0, None)
    )
    if label is None or not label.asks or answer.box.x0 - edge > FAR_BESIDE * answer.height:
        return None
    return Pair(label, answer, BESIDE)


def _under(answer: Piece, ending: Mapping[int, Sequence[Piece]], taken: Mapping[int, Pair]) -> Pair | None:
    """Pair an answer with the label over it: the piece in whose column it stands, with nothing between."""
    for number in range(answer.rows[0] - 1, answer.rows[0] - 1 - ROWS_OVER, -1):
        row = [one for one in ending.get(number, ()) if one.box.y1 <= answer.box.y0 + answer.height / 2]
        if row and answer.box.y0 - min(one.box.y1 for one in row) > FAR_UNDER * answer.height:
            return None
        owner = _owner(answer, row)
        if owner is None:
            continue
        if owner.asks:
            return Pair(owner, answer, UNDER)
        if owner.box.x1 > answer.box.x0:
            above = taken.get(id(owner))
            stacked = answer.box.y0 - owner.box.y1 < STACKED * answer.height
            return Pair(above.label, answer, UNDER) if above is not None and stacked else None
    return None


def _owner(answer: Piece, row: Sequence[Piece]) -> Piece | None:
    """Return the piece of a row in whose column an answer stands: the last that begins left of it, else one over it."""
    left = [one for one in row if one.box.x0 <= answer.box.x0 + INDENT * answer.height]
    owner = max(left, key=lambda one: one.box.x0, default=None)
    if owner is not None and answer.box.x0 - owner.box.x1 <= FAR_ACROSS * answer.height:
        return owner
    right = [one for one in row if 0 <= one.box.x0 - answer.box.x0 <= MOST_INDENT * answer.height]
    return min((one for one in right if one.box.x0 < answer.box.x1), key=lambda one: one.box.x0, default=None)


def _over(answer: Piece, beginning: Mapping[int, Sequence[Piece]], used: set[int]) -> Pair | None:
    """Pair an answer with the caption under it, if that has no other answer."""
    rows = range(answer.rows[0] + 1, answer.rows[0] + 1 + ROWS_UNDER)
    for one in (piece for number in rows for piece in beginning.get(number, ())):
        gap = one.box.y0 - answer.box.y1
        if one.asks and id(one) not in used and -1 <= gap <= FAR_OVER * one.height:
            shared = min(one.box.x1, answer.box.x1) - max(one.box.x0, answer.box.x0)
            if shared > 0.5 * (answer.box.x1 - answer.box.x0):
                return Pair(one, answer, OVER)
    return None
