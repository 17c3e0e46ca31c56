"""What confidence is worth: curves that keep the order of words, laid on words as they leave the reader, not before."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from records.options import Limits, ReadingOptions
from records.text import Box, Word
from tasks import page_reader
from tasks.second_look import AGREED, SecondLook
from tasks.word_confidence import SLIPS, SLIPS_THRICE, TEXT, Curve, calibrated

OPTIONS = ReadingOptions(("eng",), second=False)


def word(sure: float) -> Word:
    return Word("word", Box(0, 0, 40, 20), sure, 1, 1)


@pytest.mark.parametrize("curve", [SLIPS, SLIPS_THRICE, TEXT])
def test_a_curve_rises_over_all_that_an_engine_may_say(curve: Curve) -> None:
    assert (curve[0][0], curve[-1][0]) == (0.0, 100.0)
    assert all(low[0] < high[0] and low[1] < high[1] for low, high in pairwise(curve))
    found = [w.confidence for w in calibrated([word(said) for said in np.linspace(0, 100, 400)], curve)]
    assert all(low < high for low, high in pairwise(found))
    assert 0 <= found[0] < found[-1] <= 100


def test_words_with_a_confidence_of_their_own_keep_it() -> None:
    found = calibrated([word(75.0), word(75.0)], TEXT, {1})
    assert [round(w.confidence) for w in found] == [60, 75]


def lines(*texts: str) -> Image.Image:
    image = Image.new("L", (1500, 1700), 255)
    for number, text in enumerate(texts):
        ImageDraw.Draw(image).text((120, 120 + 110 * number), text, 0, ImageFont.load_default(44))
    return image


@pytest.fixture
def page(tmp_path: Path) -> Path:
    words = "The keeper of the archive wrote to the clerk about seven boxes of letters"
    noisy = np.asarray(lines(*(words.split(" of ")[n % 3] + f" in {1900 + 7 * n} from Oslo" for n in range(9))))
    grain = np.random.default_rng(5).normal(0, 60, noisy.shape)
    Image.fromarray(np.clip(noisy * 0.5 + 80 + grain, 0, 255).astype(np.uint8)).save(tmp_path / "p.png", dpi=(200, 200))
    return tmp_path / "p.png"


def test_words_leave_the_reader_with_what_they_are_worth(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    blank = page_reader.is_blank

    def spy(ink: float, words: tuple[Word, ...]) -> bool:
        seen.extend(word.confidence for word in words)
        return blank(ink, words)

    monkeypatch.setattr(page_reader, "is_blank", spy)
    found = page_reader.read(page, "image/png", 1, "eng", OPTIONS, Limits())
    assert found.words
    expected = [w.confidence for w in calibrated([word(said) for said in seen], TEXT)]
    assert [w.confidence for w in found.words] == pytest.approx(expected)
    assert any(abs(said - w.confidence) > 1 for said, w in zip(seen, found.words, strict=True)), (
        "choices see the engine's"
    )


def test_words_that_two_engines_read_alike_keep_the_confidence_of_that(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(words: tuple[Word, ...], _pixels: object, _look: object) -> SecondLook:
        return SecondLook((words[0]._replace(confidence=AGREED), *words[1:]), 1, 0)

    class Second:
        look = None

    monkeypatch.setattr(page_reader, "look_again", look)
    monkeypatch.setattr(page_reader, "wants_look", lambda _word: True)
    monkeypatch.setattr(page_reader, "FORM", 100.0)
    monkeypatch.setattr(page_reader, "SPARSE", 0.0)
    monkeypatch.setattr(page_reader, "open_line_engine", Second)
    once = page_reader.read(page, "image/png", 1, "eng", OPTIONS, Limits())
    twice = page_reader.read(page, "image/png", 1, "eng", ReadingOptions(("eng",)), Limits())
    assert twice.words[0].confidence == AGREED
    assert twice.words[1:] == once.words[1:]
