"""Handwriting on a page: flagged where a pen has written, nowhere else, and its words are not presented as sure."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from cli.drawn_handwriting import write_on
from records.options import Limits, ReadingOptions
from records.text import HANDWRITING, Box, PageText, Word
from tasks import handwriting, page_reader
from tasks.handwriting import SCRAWL_MOST, find_handwriting

OPTIONS = ReadingOptions(second=False)
Grey = npt.NDArray[np.uint8]


def read(pixels: Grey, folder: Path) -> PageText:
    Image.fromarray(pixels).save(folder / "page.png", dpi=(300, 300))
    return page_reader.read(folder / "page.png", "image/png", 1, "eng", OPTIONS, Limits())


def strokes(page: PageText) -> float:
    return dict(page.facts).get(HANDWRITING, 0.0)


@pytest.fixture(scope="module")
def letter(corpus: Path) -> Grey:
    with Image.open(corpus / "letter.tif") as image:
        return np.asarray(image.convert("L"))


def test_a_printed_page_is_not_flagged(corpus: Path) -> None:
    for name, media_type in (("letter.tif", "image/tiff"), ("factura.tif", "image/tiff"), ("recibo.jpg", "image/jpeg")):
        page = page_reader.read(corpus / name, media_type, 1, "spa", OPTIONS, Limits())
        assert page.words
        assert HANDWRITING not in dict(page.facts), name


@pytest.mark.parametrize("kind", ["signature", "note"])
def test_what_a_pen_has_written_is_flagged_and_the_print_still_read(letter: Grey, tmp_path: Path, kind: str) -> None:
    before, after = read(letter, tmp_path), read(write_on(letter, 300, kind, "a seed"), tmp_path)
    assert strokes(before) == 0
    assert strokes(after) >= 1
    there = {word.text for word in after.words}
    assert sum(word.text in there for word in before.words) > 0.9 * len(before.words)


def test_a_page_that_is_only_written_by_hand_is_flagged_and_not_blank(tmp_path: Path) -> None:
    page = np.full((1600, 1200), 255, np.uint8)
    for seed in range(4):
        page = write_on(page, 300, "note", f"line {seed}")
    found = read(page, tmp_path)
    assert strokes(found) >= 4
    assert not found.blank
    assert all(word.confidence < 50 for word in found.words), "nothing of it is presented as sure"


def test_an_empty_page_with_dust_is_still_blank(tmp_path: Path) -> None:
    page = np.full((1600, 1200), 255, np.uint8)
    for x, y in ((200, 300), (700, 900), (900, 1200)):
        cv2.circle(page, (x, y), 4, (0,), -1)
    assert read(page, tmp_path).blank


def page_with(*lines: npt.NDArray[np.int32]) -> Grey:
    page = np.full((1700, 1200), 255, np.uint8)
    for line in lines:
        cv2.polylines(page, [line], False, (0,), 3)
    return page


def wave(left: int, top: int, high: float, letters: int) -> npt.NDArray[np.int32]:
    at = np.linspace(0, letters * 2 * np.pi, letters * 30)
    points = np.stack([left + 6 * at + 18 * np.sin(at), top + high / 2 * np.cos(at)], 1)
    return np.asarray(points, np.int32)


SURE = tuple(Word("print", Box(100 + 90 * n, 1500, 180 + 90 * n, 1524), 96.0, 1, 1) for n in range(4))


def test_a_word_that_the_engine_made_of_a_scrawl_is_not_sure() -> None:
    scrawl = wave(300, 600, 60, 6)
    invented = Word("ellem", Box(280, 560, 560, 640), 66.0, 1, 1)
    found = find_handwriting(page_with(scrawl), (invented, *SURE), 300)
    assert found.strokes == 1
    assert found.words == (invented._replace(confidence=SCRAWL_MOST), *SURE)


def test_print_within_a_ring_stays_as_sure_as_it_is() -> None:
    angle = np.linspace(0, 2 * np.pi, 80)
    ring = np.asarray(np.stack([600 + 150 * np.cos(angle), 700 + 60 * np.sin(angle)], 1), np.int32)
    page = page_with(ring)
    page[690:712, 540:660:10] = 0
    page[690:692, 540:660] = 0
    total = Word("13.50", Box(538, 688, 662, 714), 64.0, 1, 1)
    found = find_handwriting(page, (total, *SURE), 300)
    assert found.strokes >= 1
    assert found.words[0] == total


@pytest.mark.parametrize("kind", ["rule", "box", "picture", "letters"])
def test_rules_boxes_pictures_and_large_print_are_no_handwriting(kind: str) -> None:
    page = page_with()
    if kind == "rule":
        cv2.line(page, (100, 700), (1100, 702), (0,), 4)
        cv2.line(page, (500, 300), (502, 900), (0,), 4)
    elif kind == "box":
        cv2.rectangle(page, (200, 400), (900, 800), (0,), 4)
    elif kind == "picture":
        page[300:900, 300:900] = np.random.default_rng(4).integers(0, 255, (600, 600), np.uint8)
    else:
        page[400:520, 300:330] = 0
        page[490:520, 300:400] = 0
    assert find_handwriting(page, SURE, 300).strokes == 0


@pytest.mark.parametrize("shape", [(20, 300), (300, 20), (70, 32000), (32000, 70), (1, 1)])
def test_a_page_too_small_to_measure_has_none(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 255, shape, np.uint8)
    assert find_handwriting(noise, (), 300).strokes == 0


def test_a_drawing_costs_no_more_than_a_written_page(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    monkeypatch.setattr(handwriting, "_is_stroke", lambda part, _height: looked.append(part.shape) or False)
    page = page_with()
    for left in range(90, 1110, 50):
        for top in range(90, 1610, 50):
            cv2.circle(page, (left, top), 21, (0,), 2)
    assert find_handwriting(page, (), 240).strokes == 0
    assert len(looked) == handwriting.MOST_LOOKED < 21 * 31
