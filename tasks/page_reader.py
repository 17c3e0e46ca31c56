"""Read one page from its pixels: clean, set upright, recognise, and map the words back to the raster as stored.

Runs in a limited child (tasks.reading calls it). Steps, guards and what they are worth: docs/design/reading.md.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from records.options import Limits, ReadingOptions
from records.text import HANDWRITING, Box, Geometry, PageText, Word
from tasks import languages
from tasks.columns import along, in_columns
from tasks.handwriting import find_handwriting
from tasks.line_engine import LineEngine, open_line_engine, with_accents
from tasks.ocr import BLOCK, open_engine
from tasks.orientation import Upright, reads_better_over, set_upright
from tasks.preprocess import SMALL, as_stored, clean, inkiest
from tasks.second_look import agreed, look_again, wants_look
from tasks.several_readings import other_readings, settled
from tasks.skew import turn
from tasks.sources import PDF, PageRaster, load_page
from tasks.text_layer import ENGINE, text_layer
from tasks.word_confidence import SLIPS, SLIPS_THRICE, TEXT, Curve, calibrated

Grey = npt.NDArray[np.uint8]

LOW_CONFIDENCE = 65.0  # weighted mean below which a page is asked whether it stands on its head
POOR = 50.0  # weighted mean below which the page is read as it came, if anything was done to it
BETTER = 3.0  # points of confidence by which that must win: one reading against another is right in 89 %
SPARSE = (
    5.2  # words a line below which a page is no running text: receipts have 2 to 4.5, books and letters 5.5 and more
)
FORM = 8.0  # words a line below which single words are worth a second look: forms and tables, not running text
DOUBT = 90.0  # weighted mean below which such a page is read by the second engine too
SLIP = 0.65  # of its height: a sparse page narrower than this is a receipt, on which the second engine is simply better
SAMPLE_INCHES = 0.8  # of a page's height in which its language is looked for
LETTERS = 20  # letters with which a sample counts in full
BLANK_INK = 0.00002  # share of ink in the reduced mask below which a page is blank without being read
DUST_INK = 0.004  # share of ink below which a page without sure words is blank
SURE_WORD = 60.0  # confidence of a word that alone proves a page is not blank


def read(
    path: Path, media_type: str, number: int, hint: str | None, options: ReadingOptions, limits: Limits
) -> PageText:
    """Read page `number` (from 1), trying the language `hint` first; see `tasks.reading.read_page`.

    Raises:
        RefusedScanError: the page cannot be decoded or is over a limit.
        EngineUnavailableError: there is no engine or no model.
    """
    if media_type == PDF:
        born_digital = _text_page(path, number, hint or languages.joined(options.languages), options)
        if born_digital is not None:
            return born_digital
    raster = load_page(path, media_type, number, options, limits)
    page = _Reader(options, hint).read(number, raster.pixels, raster.dpi, raster.stored_turn)
    return page if raster.reduced == 1 else enlarged(page, raster)


def warm(options: ReadingOptions) -> None:
    """Load engine and model of the language tried first.

    Raises:
        EngineUnavailableError: there is no engine or no model.
    """
    engine = open_engine(options.engine, options.tessdata)
    engine.read(np.full((SMALL, SMALL), 255, np.uint8), options.render_dpi, options.languages[0])


def _text_page(path: Path, number: int, language: str, options: ReadingOptions) -> PageText | None:
    found = text_layer(path, number, options.render_dpi)
    if found is None:
        return None
    page = PageText(
        number, found.width, found.height, found.dpi, found.turn, 0.0, language, ENGINE, False, "born-digital",
        found.words,
    )  # fmt: skip
    return replace(page, language=languages.leading(page.text, options.languages, language))


@dataclass(frozen=True, slots=True)
class _Read:
    """Words of an upright image, how sure they are, and the engine that read them.

    `curve` says what that is worth; the words in the places of `settled` have been given what they are worth.
    """

    words: tuple[Word, ...]
    language: str
    engine: str
    curve: Curve | None = TEXT
    settled: frozenset[int] = frozenset()

    @property
    def worth(self) -> tuple[Word, ...]:
        return self.words if self.curve is None else calibrated(self.words, self.curve, self.settled)

    @property
    def letters(self) -> int:
        return sum(len(word.text) for word in self.words)

    @property
    def confidence(self) -> float:
        return sum(word.confidence * len(word.text) for word in self.words) / max(1, self.letters)

    @property
    def words_a_line(self) -> float:
        return len(self.words) / max(1, len({word.line for word in self.words}))

    @property
    def weight(self) -> float:
        """Confidence, counted less where there are few letters."""
        return self.confidence * min(1.0, self.letters / LETTERS)

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


class _Reader:
    """Reads one raster: clean, set upright, recognise once, and again only where there is reason."""

    def __init__(self, options: ReadingOptions, hint: str | None) -> None:
        self._languages = options.languages
        self._engine = open_engine(options.engine, options.tessdata, options.words)
        self._words = options.words
        self._may_ask_second = options.second
        self._hint = hint
        self._language = hint or options.languages[0]
        self._dpi = 0

    def read(self, number: int, pixels: Grey, dpi: int, stored_turn: int) -> PageText:
        self._dpi = dpi
        cleaned = clean(pixels, self._sample)
        page = set_upright(turn(cleaned.pixels, stored_turn), self._sample)
        facts = {**cleaned.facts, "ink": page.ink}
        if self._words is not None:
            facts |= {"client_words": float(self._words.count), "client_words_version": float(self._words.version)}
        read = _Read((), self._language, self._engine.name)
        if page.ink >= BLANK_INK:
            page, read = self._recognise(page)
            plain = turn(pixels, stored_turn)
            if read.confidence < POOR and not np.array_equal(page.pixels, plain):
                again = self._named(self._once(plain, read.language))
                if again.weight > read.weight + BETTER:  # what was done to the page has harmed it
                    read, page = again, replace(page, pixels=plain, turned=0, skew=0.0)
                    cleaned, facts = as_stored(pixels), {**facts, "plain": 1.0}
        read, seen = self._read_again(page, read)
        facts |= seen
        written = find_handwriting(page.pixels, read.words, dpi)
        if written.strokes:
            read, facts = replace(read, words=written.words), {**facts, HANDWRITING: float(written.strokes)}
        blank = not written.strokes and is_blank(page.ink, read.words)
        height, width = pixels.shape
        geometry = Geometry(width, height, (stored_turn + page.turned) % 360, round(page.skew, 3))
        words = () if blank else to_raster(read.worth, page.pixels.shape, cleaned.kept, geometry)
        return PageText(
            number, width, height, dpi, geometry.turned, geometry.skew, read.language, read.engine, blank, "ocr",
            words, () if words or blank else ("no-text",),
            tuple((name, round(value, 5)) for name, value in {**facts, **page.facts}.items()),
        )  # fmt: skip

    def _recognise(self, page: Upright) -> tuple[Upright, _Read]:
        if self._hint is None and len(self._languages) > 1:
            self._language = self._tried_language(page)
        read = self._once(page.pixels, self._language)
        # upright or unsure by its lines, but badly read: capitals and figures look alike both ways up
        if not page.asked and read.confidence < LOW_CONFIDENCE and reads_better_over(page, self._sample)[0]:
            page = page.upside_down()
            read = self._once(page.pixels, self._language)
        read = self._named(read)
        better = languages.leading(read.text, self._languages, read.language)
        if better != read.language:
            again = self._once(page.pixels, better)
            read = again if again.words else read
        return page, read

    def _named(self, read: _Read) -> _Read:
        """Return a page read in all languages at once under the name of the one that leads in it."""
        if "+" not in read.language:
            return read
        return replace(read, language=languages.leading(read.text, self._languages, read.language))

    def _tried_language(self, page: Upright) -> str:
        """Return the language that leads in a sample of the page; all joined where none does.

        A sample of five lines or so costs a tenth of a reading, the wrong language a whole one.
        """
        strip = inkiest(page.pixels, page.rows)[: round(SAMPLE_INCHES * self._dpi)]
        text = " ".join(word.text for word in self._engine.read(strip, self._dpi, self._language, BLOCK))
        return languages.leading(text, self._languages, languages.joined(self._languages))

    def _read_again(self, page: Upright, read: _Read) -> tuple[_Read, dict[str, float]]:
        """Read a receipt or another sparse page that reads badly once more, and of forms single words; say what was."""
        if page.ink >= BLANK_INK and read.confidence < DOUBT and read.words_a_line < SPARSE:
            # the engine not before it is asked for: loading it costs as much as half a page
            second = open_line_engine() if self._may_ask_second else None
            if second is None and is_slip(page.pixels):
                return self._read_thrice(page, read)
            by_second = self._read_by_second(page, read, second) if second is not None else None
            if by_second is not None:
                return by_second, {}
        return self._look_again(page, read)

    def _read_thrice(self, page: Upright, read: _Read) -> tuple[_Read, dict[str, float]]:
        """Read a slip twice more by the first engine, where there is no other, and settle word by word."""
        words = settled((read.words, *other_readings(self._engine, page.pixels, self._dpi, read.language)))
        if not words:  # nothing that two readings share: what the first one says is kept, as unsure as it is
            return read, {}
        return self._named(replace(read, words=words, curve=SLIPS_THRICE)), {"readings": 3.0}

    def _read_by_second(self, page: Upright, read: _Read, second: LineEngine) -> _Read | None:
        """Return the second engine's reading, if it is better."""
        slip = is_slip(page.pixels)
        columns = not slip and in_columns(read.words)
        if columns and read.confidence >= LOW_CONFIDENCE:  # what the first engine can make out of them it reads better
            return None
        words = with_accents(second.read(page.pixels), read.words)
        again = _Read(agreed(calibrated(words, SLIPS), read.words), read.language, second.name, None)
        if columns:
            again = replace(again, words=along(again.words, read.words))
        better = slip or again.weight > read.weight + BETTER
        return self._named(again) if better and again.letters >= read.letters / 2 else None

    def _look_again(self, page: Upright, read: _Read) -> tuple[_Read, dict[str, float]]:
        """Have the second engine look at single words of a form, if any is worth it; say how many it looked at."""
        wanted = self._may_ask_second and read.words_a_line < FORM and any(map(wants_look, read.words))
        second = open_line_engine() if wanted else None
        if second is None:
            return read, {}
        found = look_again(read.words, page.pixels, second.look)
        own = frozenset(
            place
            for place, (new, old) in enumerate(zip(found.words, read.words, strict=True))
            if new.confidence != old.confidence
        )
        read = replace(read, words=found.words, settled=own)
        return read, {"seen_twice": float(found.looked), "put_right": float(found.changed)}

    def _once(self, pixels: Grey, language: str) -> _Read:
        return _Read(self._engine.read(pixels, self._dpi, language), language, self._engine.name)

    def _sample(self, strip: Grey) -> float:
        """Confidence of a strip read as one block, counted less where it has few letters."""
        words = self._engine.read(strip, self._dpi, self._language, BLOCK)
        return _Read(words, self._language, self._engine.name).weight


def enlarged(page: PageText, raster: PageRaster) -> PageText:
    """Return a page that was read at a part of its size with its boxes in the raster's pixels."""
    (width, height), by = raster.size, raster.reduced
    words = tuple(
        word._replace(box=_inside(Box(*(by * side for side in word.box)), width, height)) for word in page.words
    )
    facts = (*page.facts, ("reduced", float(by)))
    return replace(page, width=width, height=height, dpi=page.dpi * by, words=words, facts=facts)


def is_slip(pixels: Grey) -> bool:
    """Tell whether an upright page has the shape of a receipt, a ticket, a till roll."""
    height, width = pixels.shape
    return bool(width < SLIP * height)


def is_blank(ink: float, words: tuple[Word, ...]) -> bool:
    """Tell whether a page is blank: hardly any ink, and no word that is surely one.

    Args:
        ink: share of ink on the reduced page, 0..1.
        words: what was read in it.
    """
    if ink < BLANK_INK:
        return True
    sure = any(word.confidence >= SURE_WORD and sum(map(str.isalnum, word.text)) >= 2 for word in words)
    return ink < DUST_INK and not sure


def to_raster(words: tuple[Word, ...], read_shape: tuple[int, ...], kept: Box, geometry: Geometry) -> tuple[Word, ...]:
    """Map words from the image that was read to the raster.

    The image read is the part `kept` of the raster, turned and straightened as `geometry` says, so it is the upright
    page but for a shift, which the centre of `kept` gives.
    """
    height, width = read_shape
    x, y = geometry.to_upright((kept.x0 + kept.x1) / 2, (kept.y0 + kept.y1) / 2)
    right, down = round(x - width / 2), round(y - height / 2)
    moved = (
        (word, Box(word.box.x0 + right, word.box.y0 + down, word.box.x1 + right, word.box.y1 + down)) for word in words
    )
    if not geometry.turned and not geometry.skew:  # most pages: the upright page is the raster, 20 times as fast
        return tuple(word._replace(box=_inside(box, geometry.width, geometry.height)) for word, box in moved)
    return tuple(word._replace(box=geometry.box_to_raster(box)) for word, box in moved)


def _inside(box: Box, width: int, height: int) -> Box:
    x0, y0 = min(max(0, box.x0), width - 1), min(max(0, box.y0), height - 1)
    return Box(x0, y0, min(max(box.x1, x0 + 1), width), min(max(box.y1, y0 + 1), height))
