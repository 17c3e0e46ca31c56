"""Several readings of a slip by one engine: what two have is taken, rubbish is left out, lines stay the first one's."""

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from records.options import Limits, ReadingOptions
from records.text import Box, PageText, Word
from tasks import page_reader
from tasks.several_readings import settled

FIRST_ENGINE = ReadingOptions(("eng",), second=False)


def word(text: str, left: int, top: int, sure: float, line: int = 1, block: int = 1) -> Word:
    return Word(text, Box(left, top, left + 12 * len(text), top + 24), sure, line, block)


def texts(*readings: tuple[Word, ...]) -> list[str]:
    return [found.text for found in settled(readings)]


def test_what_two_readings_have_is_taken_against_a_surer_third() -> None:
    assert texts((word("T0TAL", 10, 10, 74),), (word("TOTAL", 11, 10, 70),), (word("TOTAL", 9, 11, 55),)) == ["TOTAL"]


def test_where_all_differ_the_surest_is_taken_if_it_is_sure_at_all() -> None:
    assert texts((word("Ant", 10, 10, 50),), (word("Amt", 10, 10, 82),), (word("Art", 10, 10, 20),)) == ["Amt"]
    assert texts((word("Ant", 10, 10, 50),), (word("Rmt", 10, 10, 59),)) == []


@pytest.mark.parametrize(("sure", "kept"), [(74.0, []), (76.0, ["CASH"])])
def test_a_word_that_only_one_reading_has_must_be_surer(sure: float, kept: list[str]) -> None:
    assert texts((word("CASH", 10, 10, sure),), (), ()) == kept


def test_a_word_that_two_readings_have_is_kept_however_unsure_they_are() -> None:
    assert texts((word("MARKET", 10, 10, 21),), (word("market", 10, 10, 14),), ()) == ["MARKET"]


def test_a_word_in_two_pieces_stands_against_the_same_in_one() -> None:
    pieces = (word("8.", 10, 10, 93), word("20", 40, 10, 93))
    whole = Word("8.20", Box(10, 10, 64, 34), 96.0, 1, 1)
    assert texts(pieces, (whole,), (whole,)) == ["8.20"]


def test_lines_and_their_order_are_the_first_readings_with_what_it_missed() -> None:
    first = (word("Total", 10, 100, 95, 1), word("8.20", 200, 104, 95, 1), word("Thank", 10, 300, 95, 2, 2))
    second = (
        word("Total", 10, 100, 95, 7), word("RM", 120, 102, 92, 7), word("Cash", 10, 200, 90, 8),
        word("10.00", 200, 202, 90, 8),
    )  # fmt: skip
    found = settled((first, second))
    assert [(w.text, w.line, w.block) for w in found] == [
        ("Total", 1, 1), ("RM", 1, 1), ("8.20", 1, 1), ("Cash", 2, 1), ("10.00", 2, 1), ("Thank", 3, 2),
    ]  # fmt: skip


def test_a_crease_as_high_as_two_lines_does_not_mix_them() -> None:
    crease = Word("[", Box(10, 100, 60, 170), 30.0, 1, 1)
    upper = (word("NO", 12, 102, 95, 1), word("12345", 80, 102, 95, 1))
    lower = (word("GST", 12, 142, 95, 2), word("ID", 80, 142, 95, 2))
    assert texts((crease, *upper, *lower), (*upper, *lower)) == ["NO", "12345", "GST", "ID"]


def test_many_words_are_settled_in_time() -> None:
    page = tuple(word("word", 60 * (n % 20), 30 * (n // 20), 95, n // 20 + 1) for n in range(6000))
    assert len(settled((page, page, page))) == 6000


# ---- on a page


LINES = (
    "CORNER MARKET", "14 Station Road", "Date 17/05/2024", "Bread 2.35", "Milk 1.10", "Apples 4.80", "Coffee 7.25",
    "Paper towels 3.99", "Orange juice 2.75", "Total 22.24", "Cash 25.00", "Change 2.76", "Thank you",
)  # fmt: skip


def slip(seed: int = 2) -> npt.NDArray[np.uint8]:
    """A till slip as a worn thermal head prints it: a third of the dots is missing, every third row is not burnt."""
    image = Image.new("L", (520, 1000), 235)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(24)
    for number, line in enumerate(LINES):
        pen.text((60, 60 + 66 * number), line, 60, font)
    draw = np.random.default_rng(seed)
    pixels = np.where(draw.random((1000, 520)) < 0.35, 235, np.asarray(image)).astype(np.uint8)
    pixels[::3] = 235
    soft = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(1.2)), np.uint8)
    return np.clip(soft + draw.normal(0, 12, soft.shape), 0, 255).astype(np.uint8)


def read(path: Path) -> PageText:
    return page_reader.read(path, "image/png", 1, "eng", FIRST_ENGINE, Limits())


def right(page: PageText) -> int:
    return (Counter(" ".join(LINES).lower().split()) & Counter(page.text.lower().split())).total()


def test_slips_that_read_badly_are_read_thrice_where_there_is_no_second_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / f"{seed}.png" for seed in (2, 3)]
    for seed, file in enumerate(files, 2):
        Image.fromarray(slip(seed)).save(file, dpi=(200, 200))
    found = [read(file) for file in files]
    monkeypatch.setattr(page_reader, "is_slip", lambda _pixels: False)
    once = [read(file) for file in files]
    assert {dict(page.facts).get("readings") for page in found} == {3.0}
    assert {dict(page.facts).get("readings") for page in once} == {None}
    assert sum(map(right, found)) >= sum(map(right, once))
    assert sum(len(page.words) - right(page) for page in found) < sum(len(page.words) - right(page) for page in once)
    for page in found:
        assert page.language == "eng"
        assert all(0 <= w.box.x0 < w.box.x1 <= page.width and 0 <= w.box.y0 < w.box.y1 <= page.height
                   for w in page.words)  # fmt: skip


def test_a_page_that_is_no_slip_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = np.full((1000, 900), 235, np.uint8)
    wide[:, :520] = slip()
    Image.fromarray(wide).save(tmp_path / "form.png", dpi=(200, 200))
    found = read(tmp_path / "form.png")
    monkeypatch.setattr(page_reader, "other_readings", lambda *_: pytest.fail("a page that is no slip was read again"))
    assert read(tmp_path / "form.png") == found


def test_a_slip_of_which_no_word_is_confirmed_keeps_its_first_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(slip()).save(tmp_path / "slip.png", dpi=(200, 200))
    monkeypatch.setattr(page_reader, "settled", lambda _readings: ())
    found = read(tmp_path / "slip.png")
    assert found.words
    assert "readings" not in dict(found.facts)
