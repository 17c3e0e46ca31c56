"""A second look at single words: what both readings say is surer, what they differ in is not, a cut date is whole."""

from pathlib import Path

import numpy as np
import pytest

from records.options import Limits, ReadingOptions
from records.text import Box, Word
from tasks import page_reader
from tasks.line_engine import is_installed, open_line_engine
from tasks.second_look import AGREED, DIFFERENT, MENDED, MOST_WORDS, agreed, look_again, settle, wants_look

needs_engine = pytest.mark.skipif(not is_installed(), reason="the second engine (extra `lines`) is not installed")


def word(text: str, confidence: float = 80.0, left: int = 0, line: int = 1) -> Word:
    return Word(text, Box(left, 0, left + 10 * len(text), 20), confidence, line, 1)


@pytest.mark.parametrize(
    ("read", "said", "again", "sure", "text", "confidence"),
    [
        ("F-2026/17", 80.0, "F-2026/17", 0.99, "F-2026/17", AGREED),
        ("F-2026/17", 98.0, "F-2026/17", 0.99, "F-2026/17", 98.0),
        ("F-2026/17", 80.0, "F-2026/17", 0.60, "F-2026/17", 80.0),
        ("F-2026/17", 80.0, "F-2026/17 €", 0.99, "F-2026/17", AGREED),
        ("15/09/202", 93.0, "15/09/2025", 0.99, "15/09/2025", MENDED),
        ("15/09/202", 93.0, "15/09/2025", 0.60, "15/09/202", 93.0),
        ("15/09/202", 93.0, "16/09/2025", 0.99, "15/09/202", DIFFERENT),
        ("N2F-2026/17", 90.0, "NºF-2026/17", 0.99, "NºF-2026/17", AGREED),
        ("B8Z387770", 90.0, "B82387770", 0.99, "B82387770", MENDED),
        ("B82387770", 96.0, "B82337771", 0.60, "B82387770", DIFFERENT),
        ("B82387770", 96.0, "Proveedor", 0.99, "B82387770", DIFFERENT),
        ("Techlsol", 64.0, "TechIsol", 0.99, "TechIsol", 64.0),
        ("Marín", 80.0, "MARIN", 0.99, "Marín", AGREED),
        ("Ibérlca", 80.0, "Iberica", 0.99, "Ibérica", 80.0),
        ("F-2026/17", 80.0, "", 0.0, "F-2026/17", 80.0),
    ],
)
def test_two_readings_settle_a_word(read, said, again, sure, text, confidence):
    found = settle(word(read, said), again, sure)
    assert (found.text, found.confidence) == (text, confidence)
    assert found.box == word(read).box


@pytest.mark.parametrize(
    ("text", "confidence", "wanted"),
    [
        ("F-2026/17", 99.0, True),
        ("15/09/202", 93.0, True),
        ("B82387770", 99.0, True),
        ("1.234,50", 20.0, False),
        ("Costa", 80.0, True),
        ("Costa", 95.0, False),
        ("costa", 20.0, False),
        ("12", 20.0, False),
    ],
)
def test_what_fields_hang_on_is_looked_at(text, confidence, wanted):
    assert wants_look(word(text, confidence)) is wanted


def test_a_page_costs_no_more_than_so_many_looks_and_numbers_go_first():
    many = [word(f"Nombre{chr(97 + n % 26)}", 50.0, n * 200) for n in range(40)] + [word("F-2026/17", 99.0, 9000)]
    seen = []

    def look(image: np.ndarray) -> tuple[str, float]:
        seen.append(image.shape)
        return "F-2026/17", 0.99

    found = look_again(many, np.zeros((40, 12000), np.uint8), look)
    assert len(seen) == MOST_WORDS == found.looked
    assert found.words[-1].confidence == 99.0
    assert sum(one.confidence == DIFFERENT for one in found.words) == 0  # they were below it already
    assert found.changed == 0


def test_what_another_reading_of_the_page_says_in_the_same_place():
    words = (word("TO1AL"), word("SURE", 70.0, 200), word("ALONE", 70.0, 400))
    others = (word("TOTAL", 92.0), word("sure", 60.0, 201), word("alone", 60.0, 700))
    found = agreed(words, others)
    assert [one.text for one in found] == ["TOTAL", "SURE", "ALONE"]
    assert [one.confidence for one in found] == [80.0, AGREED, 70.0]


@needs_engine
def test_looking_at_a_word_does_not_change_how_pages_are_read(corpus: Path) -> None:
    engine = open_line_engine()
    assert engine is not None
    pixels = page_reader.load_page(corpus / "recibo.jpg", "image/jpeg", 1, ReadingOptions(), Limits()).pixels
    before = engine.read(pixels)
    digits = next(one for one in before if sum(map(str.isdigit, one.text)) >= 4)
    box = digits.box
    text, sure = engine.look(pixels[box.y0 - 4 : box.y1 + 4, box.x0 - 4 : box.x1 + 8])
    assert sum(map(str.isdigit, text)) >= 3 and 0 < sure <= 1
    assert engine.read(pixels) == before


@needs_engine
@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (1, 1), (400, 2), (30, 6000)])
def test_what_is_no_image_of_a_word_says_nothing(shape) -> None:
    engine = open_line_engine()
    assert engine is not None
    assert engine.look(np.full(shape, 200, np.uint8)) == ("", 0.0)
