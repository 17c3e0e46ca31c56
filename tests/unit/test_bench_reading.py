"""The reading benchmark: scores are edit distances, wear is the same everywhere, truth is found in its three forms."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from cli.bench_plots import ALONE, BAR, GAP, LEFT, OURS, RIGHT, TOP, WIDE, draw_plots, errors
from cli.bench_reading import CLEAN, answer_of, chosen, measure, plain
from cli.bench_wear import WEAR, wear
from cli.reading_score import BANDS, Score, Sure, score, sureness, total
from cli.reading_truth import TruePage, find_pages, is_held_out
from infra.children import Children
from records.errors import InvalidValueError
from records.options import Limits, ReadingOptions
from records.text import Box, Word


def page() -> np.ndarray:
    pixels = np.full((400, 300), 255, np.uint8)
    pixels[100:110, 50:250] = 0
    return pixels


@pytest.mark.parametrize(
    ("truth", "read", "cer", "wer", "f1"),
    [
        ("one two", "one two", 0.0, 0.0, 100.0),
        ("one\n two ", "one two", 0.0, 0.0, 100.0),  # white space is folded
        ("abcd", "abxd", 25.0, 100.0, 0.0),
        ("One two", "one two", 100 / 7, 50.0, 100.0),  # case counts for signs, not for F1
        ("a b", "b a", 200 / 3, 100.0, 100.0),  # order counts for signs and words, not for F1
        ("a b c d", "", 100.0, 100.0, 0.0),
    ],
)
def test_scores_are_edit_distances_over_the_truth(truth: str, read: str, cer: float, wer: float, f1: float) -> None:
    found = score(truth, read)
    assert (found.cer, found.wer, found.f1) == pytest.approx((cer, wer, f1))


def test_scores_add_up() -> None:
    both = total([score("ab cd", "ab"), score("xy", "xz")])
    assert both == Score(signs=7, sign_errors=4, words=3, word_errors=2, read=2, common=1)


def test_sureness_counts_words_in_their_band() -> None:
    words = [Word(text, Box(0, 0, 1, 1), confidence, 1, 1) for text, confidence in (("a", 97), ("x", 96), ("c", 10))]
    found = sureness("a b C", words)
    assert found.given[BANDS.index(95)] == 2 and found.right[BANDS.index(95)] == 1
    assert (found.given[0], found.right[0]) == (1, 1)
    assert (found + Sure()).given == found.given


@pytest.mark.parametrize("kind", WEAR)
def test_wear_is_the_same_everywhere_and_does_something(kind: str) -> None:
    first, again, other = (wear(page(), 300, kind, seed) for seed in ("a", "a", "b"))
    assert np.array_equal(first.pixels, again.pixels) and first.pixels.dtype == np.uint8
    assert first.pixels.shape != page().shape or not np.array_equal(first.pixels, page())
    if kind not in ("150 dpi", "turned"):
        assert first.pixels.shape != other.pixels.shape or not np.array_equal(first.pixels, other.pixels)


def test_turned_and_rotated_pages_say_what_mends_them() -> None:
    turned = wear(page(), 300, "turned", "seed")
    back = np.rot90(turned.pixels, -turned.turned // 90)  # clockwise
    assert np.array_equal(back, page())
    rotated = wear(page(), 300, "rotated", "seed")
    high, wide = rotated.pixels.shape
    matrix = cv2.getRotationMatrix2D((wide / 2, high / 2), rotated.skew, 1.0)  # counter-clockwise
    straight = cv2.warpAffine(rotated.pixels, matrix, (wide, high), borderValue=(255,))
    assert np.count_nonzero((straight < 128).any(1)) < np.count_nonzero((rotated.pixels < 128).any(1))


def test_a_coloured_form_keeps_the_print_and_is_coloured() -> None:
    lines = np.full((1200, 900), 255, np.uint8)
    for top in range(60, 1150, 60):
        lines[top : top + 20, 100:800:3] = 0
    worn = wear(lines, 200, "coloured form", "seed")
    assert worn.colour is not None and np.ptp(worn.colour.astype(int), axis=2).max() > 60
    assert np.array_equal(worn.pixels, np.asarray(Image.fromarray(worn.colour).convert("L")))
    inked, bare = lines == 0, cv2.erode(lines, np.ones((3, 3), np.uint8)) == 255
    light, dark = worn.pixels[inked] > 250, worn.pixels[inked] < 5
    assert np.all(light | dark) and 0 < light.mean() < 0.2  # a heading's print is white, all other print black
    assert worn.pixels[bare].min() > 60


def test_truth_is_found_in_three_forms(tmp_path: Path) -> None:
    for name in ("plain/a.png", "book/b.png", "shop/img/c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(page()).save(tmp_path / name)
    (tmp_path / "plain/a.txt").write_text("hello ~wor~ld")
    (tmp_path / "book/b.xml").write_text(
        '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><TextLine><String CONTENT="una"/>'
        '<String CONTENT="pala¬"/></TextLine><TextLine><String CONTENT="bra"/></TextLine></alto>'
    )
    (tmp_path / "shop/box").mkdir()
    (tmp_path / "shop/box/c.csv").write_text('0,0,1,0,1,1,0,1,TOTAL, "9,90"\n')
    found = {p.file.name: (p.text, p.receipt) for p in find_pages(tmp_path)}
    assert found == {
        "a.png": ("hello world", False),
        "b.png": ("una pala-\nbra", False),
        "c.png": ('TOTAL, "9,90"', True),
    }


def test_a_folder_without_known_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError):
        find_pages(tmp_path)


def test_what_is_read_is_the_same_every_time(tmp_path: Path) -> None:
    pages = []
    for number in range(8):
        file = tmp_path / f"{number}.png"
        Image.fromarray(page() - number).save(file)
        pages.append(TruePage("set", file, "x"))
    work = chosen(pages, "held-out", None, 2)
    assert work == chosen(list(reversed(pages)), "held-out", None, 2)
    assert {p.file for p, kind in work if kind == CLEAN} == {p.file for p in pages if is_held_out(p)}
    assert {kind for _, kind in work} == {CLEAN, *WEAR}


def test_a_drawn_page_is_read_both_ways(corpus: Path, tmp_path: Path) -> None:
    import json

    truth = json.loads((corpus / "truth.json").read_text())
    name = next(n for n in truth if n.endswith(".tif") and len(truth[n].get("pages", [])) == 1)
    known = TruePage("drawn", corpus / name, " ".join(truth[name]["pages"][0]["text"].split()))
    with Children(1, Limits().child_bytes, tmp_path) as children:
        work = [(known, CLEAN), (known, "turned"), (known, "shadow")]
        found = list(measure(work, children, ReadingOptions(), Limits(), tmp_path, print))
    document = answer_of(found, tmp_path, "all", "engine")
    rows = {row["what"]: row for row in document["rows"]}
    assert rows["shadow"]["ours"]["f1"] > rows["shadow"]["alone"]["f1"]
    assert (document["turns"]["turned"], document["turns"]["righted"]) == (1, 1)
    assert "| turned | 1 |" in plain(document)
    clean = next(reading.ours for reading in found if reading.kind == CLEAN)
    assert rows["turned"]["clean"] == {"cer": round(clean.cer, 2), "wer": round(clean.wer, 2), "f1": round(clean.f1, 1)}
    assert rows["all clean text"]["clean"] is None
    assert document["readings"] is None  # pages of the half that is only measured are never named
    listed = answer_of(found, tmp_path, "learn", "engine")["readings"]
    assert [reading["kind"] for reading in listed] == [CLEAN, "turned", "shadow"]


def row(what: str, alone: float, ours: float) -> dict[str, Any]:
    return {"what": what, "alone": {"cer": alone}, "ours": {"cer": ours}}


def test_bars_are_as_long_as_the_errors_and_cut_off_where_they_are_many() -> None:
    image = np.asarray(errors([row("clean", 2.0, 5.0), row("turned", 70.0, 3.0)])).astype(int)
    step = 2 * BAR + GAP

    def length(number: int, line: int, colour: tuple[int, int, int]) -> int:
        at = TOP + step * number + BAR * line + 3
        return int((np.abs(image[at] - colour).sum(1) == 0).sum())

    assert length(0, 1, OURS) == pytest.approx(2.5 * length(0, 0, ALONE), rel=0.02)
    whole = WIDE - LEFT - RIGHT
    assert 0.9 * whole < length(1, 0, ALONE) < whole  # with the gap that says so


def test_plots_are_files_and_the_same_every_time(tmp_path: Path) -> None:
    bands = [{"from": low, "words": 10, "right": float(low)} for low in BANDS]
    document = {"rows": [row("clean", 2.0, 1.0)], "calibration": [{"pages": "clean text", "bands": bands}]}
    first = [file.read_bytes() for file in draw_plots(document, tmp_path / "a")]
    again = [file.read_bytes() for file in draw_plots(document, tmp_path / "b")]
    assert first == again
    assert sorted(file.name for file in (tmp_path / "a").iterdir()) == ["reading-confidence.png", "reading-errors.png"]
