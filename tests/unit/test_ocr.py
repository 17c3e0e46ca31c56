"""One suite for both engines: the same page gives the same words, boxes and order."""

import itertools

import numpy as np
import pytest
from PIL import Image

from records.errors import EngineUnavailableError
from tasks.ocr import (
    BLOCK,
    PytesseractEngine,
    TesserocrEngine,
    available_languages,
    find_tessdata,
    open_engine,
)


@pytest.fixture(scope="module", params=["tesserocr", "pytesseract"])
def engine(request):
    return open_engine(request.param)


@pytest.fixture(scope="module")
def page(corpus):
    return np.asarray(Image.open(corpus / "factura.tif").convert("L"))


@pytest.fixture(scope="module")
def words(engine, page):
    return engine.read(page, 300, "spa")


def test_the_name_says_engine_and_version(engine):
    assert engine.name.split()[0] in ("tesserocr", "pytesseract")
    assert any(letter.isdigit() for letter in engine.name)


def test_words_are_read(words):
    found = {word.text for word in words}
    assert {"FACTURA", "B64717838", "2026-0417", "12/03/2026", "1.493,75", "Archivador"} <= found


def test_every_word_has_letters_a_box_in_the_page_and_a_confidence(words, page):
    height, width = page.shape
    for word in words:
        assert word.text == word.text.strip() != ""
        assert 0 <= word.box.x0 < word.box.x1 <= width
        assert 0 <= word.box.y0 < word.box.y1 <= height
        assert 0 <= word.confidence <= 100


def test_boxes_hold_their_words_ink(words, page):
    for word in words:
        part = page[word.box.y0 : word.box.y1, word.box.x0 : word.box.x1]
        assert (part < 128).mean() > 0.05


def test_lines_and_blocks_are_counted_from_one_in_reading_order(words):
    assert words[0].line == words[0].block == 1
    for before, word in itertools.pairwise(words):
        assert word.line in (before.line, before.line + 1)
        assert word.block in (before.block, before.block + 1)
    one_line = [word.text for word in words if word.line == next(w.line for w in words if w.text == "NIF:")]
    assert one_line[:2] == ["NIF:", "B64717838"]


def test_an_empty_page_has_no_words(engine):
    assert engine.read(np.full((800, 600), 255, np.uint8), 300, "spa") == ()


def test_a_strip_reads_as_one_block(engine, page):
    words = engine.read(page[180:300, :1400], 300, "spa", BLOCK)
    assert [word.text for word in words] == ["FACTURA"]


def test_a_part_of_an_array_reads_as_its_copy_does(engine, page):
    part = page[100:900, 100:1500]
    assert not part.flags.c_contiguous
    assert engine.read(part, 300, "spa") == engine.read(part.copy(), 300, "spa")


def test_a_language_that_is_not_installed_is_said(engine, page):
    with pytest.raises(EngineUnavailableError, match="xxx"):
        engine.read(page[:200], 300, "xxx")


def test_both_engines_agree(page):
    first, second = (open_engine(name).read(page, 300, "spa") for name in ("tesserocr", "pytesseract"))
    texts = [[word.text for word in words] for words in (first, second)]
    same = sum(one == other for one, other in zip(*texts, strict=False))
    assert same >= 0.95 * max(map(len, texts))


@pytest.mark.parametrize("kind", [TesserocrEngine, PytesseractEngine])
def test_no_models_no_engine(tmp_path, kind):
    with pytest.raises(EngineUnavailableError):
        kind(str(tmp_path))


def test_an_unknown_engine_is_said():
    with pytest.raises(EngineUnavailableError):
        open_engine("quill")


def test_an_engine_is_opened_once_a_process():
    assert open_engine("auto") is open_engine("auto")


def test_models_are_found_where_debian_has_them():
    assert (find_tessdata() / "eng.traineddata").is_file()
    assert {"eng", "spa"} <= set(available_languages())
    assert "osd" not in available_languages()
