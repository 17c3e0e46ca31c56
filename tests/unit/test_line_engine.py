"""The second engine: pieces of print become lines and words; a receipt's words come out with boxes on the print."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from records.options import Limits, ReadingOptions
from records.text import Box, Word
from tasks import columns, line_engine, page_reader
from tasks.line_engine import Piece, assemble, is_installed, open_line_engine
from tasks.word_confidence import SLIPS, calibrated

needs_engine = pytest.mark.skipif(
    not is_installed(), reason="the extra 'lines' (rapidocr, onnxruntime) is not installed"
)


def piece(text: str, left: int, top: int, right: int, bottom: int) -> Piece:
    return Piece(left, right, top, bottom, ((text, Box(left, top, right, bottom), 90.0),))


def lines(words: tuple[Word, ...]) -> list[list[str]]:
    found: dict[int, list[str]] = {}
    for word in words:
        found.setdefault(word.line, []).append(word.text)
    return list(found.values())


def test_pieces_at_one_height_are_one_line_from_the_left() -> None:
    found = assemble([piece("9.90", 400, 12, 460, 42), piece("Total", 10, 10, 90, 40), piece("EUR", 300, 14, 350, 44)])
    assert lines(found) == [["Total", "EUR", "9.90"]]


def test_pieces_one_above_the_other_are_two_lines() -> None:
    assert lines(assemble([piece("b", 10, 44, 90, 74), piece("a", 10, 10, 90, 40)])) == [["a"], ["b"]]


def test_a_slanting_line_follows_its_nearest_piece() -> None:
    row = [piece(str(n), 100 * n, 10 + 8 * n, 100 * n + 80, 40 + 8 * n) for n in range(8)]
    assert lines(assemble(row)) == [[str(n) for n in range(8)]]


def test_white_space_parts_blocks() -> None:
    found = assemble([piece("a", 0, 0, 50, 30), piece("b", 0, 35, 50, 65), piece("c", 0, 140, 50, 170)])
    assert [word.block for word in found] == [1, 1, 2]


def test_nothing_found_is_no_words() -> None:
    assert assemble([]) == ()


def test_confidence_is_what_it_has_turned_out_to_be_worth() -> None:
    said = [word._replace(confidence=value) for value in np.linspace(0, 100, 51)
            for word in (Word("a", Box(0, 0, 1, 1), 0.0, 1, 1),)]  # fmt: skip
    worth = [word.confidence for word in calibrated(tuple(said), SLIPS)]
    assert worth == sorted(worth) and worth[-1] <= 95.0 and all(w <= s.confidence or s.confidence < 20
                                                               for w, s in zip(worth, said, strict=True))  # fmt: skip


def test_words_share_a_line_whose_places_the_library_lost() -> None:
    box = np.array([[0, 0], [100, 0], [100, 20], [0, 20]], np.float64)
    found = line_engine._piece(box, "ab cde（1）", 0.5, [])
    assert [(text, at.x0, at.x1) for text, at, _ in found.words] == [("ab", 0, 22), ("cde(1)", 33, 100)]


@pytest.mark.parametrize(
    ("read", "other", "taken"),
    [
        ("MARN", "MARÍN", "MARÍN"), ("MARIN", "MARÍN", "MARÍN"), ("Espana", "España", "España"),
        ("MARTIN", "MARÍN", "MARTIN"), ("a", "á", "a"), ("1250", "Í250", "1250"), ("MARÍN", "MARIN", "MARÍN"),
    ],
)  # fmt: skip
def test_accents_come_from_the_reading_that_has_them(read: str, other: str, taken: str) -> None:
    here, there = Word(read, Box(10, 10, 110, 40), 90.0, 1, 1), Word(other, Box(14, 12, 112, 41), 70.0, 1, 1)
    elsewhere = there._replace(box=Box(10, 300, 110, 330))
    assert line_engine.with_accents((here,), (there,))[0].text == taken
    assert line_engine.with_accents((here,), (elsewhere,))[0].text == read


@needs_engine
def test_a_receipt_is_read_by_the_second_engine_with_boxes_on_its_print(corpus: Path) -> None:
    alone = page_reader.read(corpus / "recibo.jpg", "image/jpeg", 1, "spa", ReadingOptions(second=False), Limits())
    engine = open_line_engine()
    assert engine is not None
    pixels = page_reader.load_page(corpus / "recibo.jpg", "image/jpeg", 1, ReadingOptions(), Limits()).pixels
    words = engine.read(pixels)
    there = Counter(word.text.lower() for word in alone.words)
    same = there & Counter(word.text.lower() for word in words)
    assert sum(same.values()) > 0.8 * sum(there.values())
    by_text = {word.text.lower(): word.box for word in alone.words if there[word.text.lower()] == 1}
    for word in words:
        other = by_text.get(word.text.lower())
        if other is not None:
            assert abs(word.box.x0 - other.x0) < 40 and abs(word.box.y0 - other.y0) < 40


@needs_engine
def test_a_faint_slip_is_taken_from_the_second_engine(corpus: Path, tmp_path: Path) -> None:
    from PIL import Image, ImageFilter

    with Image.open(corpus / "recibo.jpg") as image:
        clear = np.asarray(image.convert("L"))
    # as a worn thermal head prints: of every four rows one is not burnt, and dots are missing
    dots = np.random.default_rng(7).random(clear.shape) < 0.25
    worn = np.where(dots, 255, clear).astype(np.uint8)
    worn[::4] = 255
    Image.fromarray(worn).filter(ImageFilter.GaussianBlur(1.2)).resize((270, 486)).save(tmp_path / "faint.png")
    page = page_reader.read(tmp_path / "faint.png", "image/png", 1, "spa", ReadingOptions(), Limits())
    first = page_reader.read(tmp_path / "faint.png", "image/png", 1, "spa", ReadingOptions(second=False), Limits())
    assert "readings" in dict(first.facts), "the drawn slip is too easy to need a second reading"
    assert page.engine.startswith("rapidocr")
    assert all(0 <= w.box.x0 < w.box.x1 <= page.width and 0 <= w.box.y0 < w.box.y1 <= page.height for w in page.words)


@needs_engine
@pytest.mark.parametrize("shape", [(40, 8000), (8000, 40), (1, 4000), (3, 3)])
def test_a_page_in_the_shape_of_a_thread_is_read_as_nothing(shape: tuple[int, int]) -> None:
    engine = open_line_engine()
    assert engine is not None and engine.read(np.full(shape, 200, np.uint8)) == ()


@needs_engine
@pytest.mark.parametrize(("blur", "engine"), [(2.7, "tesser"), (3.4, "rapidocr")])
def test_columns_of_text_are_not_read_across(tmp_path, blur, engine):
    """The second engine joins what stands at one height: it is asked only of bad columns, whose lines are kept."""
    from PIL import Image, ImageDraw, ImageFilter, ImageFont

    font = ImageFont.load_default(26)
    sheet = Image.new("L", (1500, 1100), 255)
    draw = ImageDraw.Draw(sheet)
    for column, word in enumerate(("north", "south", "east", "west")):
        for row in range(24):
            draw.text((40 + 365 * column, 40 + 42 * row), f"the end of {word} day", fill=60, font=font)
    sheet.filter(ImageFilter.GaussianBlur(blur)).save(tmp_path / "columns.png", dpi=(200, 200))
    page = page_reader.read(tmp_path / "columns.png", "image/png", 1, "eng", ReadingOptions(), Limits())
    assert page.engine.startswith(engine)
    lines = {}
    for word in page.words:
        lines.setdefault(word.line, []).append(word.text)
    assert len(lines) == 96
    order = [text for text in page.text.split() if text in ("north", "south", "east", "west")]
    assert order == sorted(order, key=("north", "south", "east", "west").index)
    assert len(order) >= 24


@pytest.mark.parametrize(("apart", "words", "side_by_side"), [(400, 5, True), (0, 5, False), (400, 3, False)])
def test_columns_are_lines_of_running_text_side_by_side(apart, words, side_by_side):
    made = [
        Word("word", Box(x + 40 * n, 50 * row, x + 40 * n + 30, 50 * row + 20), 90.0, 2 * row + side, side)
        for row in range(10)
        for side, x in enumerate((0, apart) if apart else (20 * row,), start=1)
        for n in range(words)
    ]
    assert columns.in_columns(made) is side_by_side


def test_no_words_are_no_columns():
    assert not columns.in_columns(())
