"""Pages as read: text assembly, geometry between raster and upright page, and the words file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.text import Box, Geometry, PageText, Word, read_words, union, write_words


def page(*words: Word, number: int = 1) -> PageText:
    return PageText(
        number, 2550, 3300, 300, 90, -1.25, "spa", "tesseract 5", False, "ocr", words, ("time",), (("x", 1.5),)
    )


WORDS = (
    Word("Hormigón", Box(10, 20, 110, 50), 96.5, 1, 1),
    Word("armado", Box(120, 20, 200, 50), 88.0, 1, 1),
    Word("HA-25", Box(10, 60, 90, 90), 91.0, 2, 1),
    Word("Total", Box(10, 160, 90, 190), 99.0, 3, 2),
)


def test_text_parts_words_lines_and_blocks() -> None:
    assert page(*WORDS).text == "Hormigón armado\nHA-25\n\nTotal"


def test_confidence_is_weighted_by_letters() -> None:
    assert page(Word("aaa", Box(0, 0, 1, 1), 90, 1, 1), Word("b", Box(0, 0, 1, 1), 50, 1, 1)).confidence == 80
    assert page().confidence == 0


def test_words_files_round_trip_and_are_reproducible(tmp_path: Path) -> None:
    pages = [page(*WORDS), page(number=2)]
    assert write_words(tmp_path / "a", pages) == 2
    write_words(tmp_path / "b", pages)
    assert list(read_words(tmp_path / "a")) == pages
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_another_file_is_no_words_file(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "x").write_bytes(gzip.compress(b'{"format": "other"}\n'))
    with pytest.raises(ValueError, match="not a words file"):
        list(read_words(tmp_path / "x"))


@pytest.mark.parametrize(("turned", "expected"), [(0, (10, 20)), (90, (180, 10)), (180, (90, 180)), (270, (20, 90))])
def test_a_turn_maps_points_clockwise(turned: int, expected: tuple[int, int]) -> None:
    assert Geometry(100, 200, turned, 0.0).to_upright(10, 20) == pytest.approx(expected)


def test_a_positive_skew_turns_counter_clockwise_as_opencv_does() -> None:
    import cv2
    import numpy as np

    grey = np.full((400, 600), 255, np.uint8)
    grey[100:110, 450:460] = 0
    geometry = Geometry(600, 400, 0, 5.0)
    matrix = cv2.getRotationMatrix2D((300, 200), 5.0, 1)
    width, height = geometry.upright_size
    matrix[:, 2] += ((width - 600) / 2, (height - 400) / 2)
    ys, xs = np.nonzero(cv2.warpAffine(grey, matrix, (width, height), borderValue=(255,)) < 128)
    assert geometry.to_upright(455, 105) == pytest.approx((xs.mean() + 0.5, ys.mean() + 0.5), abs=0.6)


@given(
    st.sampled_from([0, 90, 180, 270]),
    st.floats(-20, 20),
    st.integers(100, 4000),
    st.integers(100, 4000),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_mapping_there_and_back_is_the_same_point(
    turned: int, skew: float, width: int, height: int, x: float, y: float
) -> None:
    geometry = Geometry(width, height, turned, skew)
    assert geometry.to_raster(*geometry.to_upright(x * width, y * height)) == pytest.approx(
        (x * width, y * height), abs=1e-6
    )


@given(st.sampled_from([0, 90, 180, 270]), st.floats(-10, 10), st.integers(0, 90), st.integers(0, 190))
def test_a_box_mapped_to_the_raster_stays_inside(turned: int, skew: float, x: int, y: int) -> None:
    box = Geometry(100, 200, turned, skew).box_to_raster(Box(x, y, x + 10, y + 10))
    assert 0 <= box.x0 < box.x1 <= 100 and 0 <= box.y0 < box.y1 <= 200


def test_union_holds_all() -> None:
    assert union([Box(5, 5, 6, 9), Box(1, 7, 3, 8)]) == Box(1, 5, 6, 9)
