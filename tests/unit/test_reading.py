"""Pages and documents as read: text, boxes in the stored raster, turns, languages, and pages that fail."""

import json
import shutil
from collections import Counter
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from infra.children import Children
from records.errors import ChildLimitError, EngineUnavailableError
from records.options import Limits, ReadingOptions
from records.text import Box, Geometry, Word
from tasks import languages, page_reader, sources
from tasks.examine import look
from tasks.ocr import PAGE, open_engine
from tasks.page_reader import is_blank, to_raster
from tasks.preprocess import Cleaned
from tasks.reading import AHEAD, flagged_page, read_document, read_page, warm
from tasks.sources import JP2, JPEG, PDF, PNG, TIFF, WEBP, load_page
from tests.unit import children_calls

LIMITS, OPTIONS = Limits(), ReadingOptions()
TYPES = {"tif": TIFF, "jpg": JPEG, "png": PNG, "webp": WEBP, "jp2": JP2, "pdf": PDF}


def truth(corpus):
    return json.loads((corpus / "truth.json").read_text(encoding="utf-8"))


def right_words(page, text):
    """Share of the true words that were read."""
    found = [word.text for word in page.words]
    expected = text.split()
    return sum(word in found for word in expected) / len(expected)


@pytest.fixture(scope="module")
def children(tmp_path_factory):
    with Children(2, LIMITS.child_bytes, tmp_path_factory.mktemp("children")) as pool:
        yield pool


@pytest.fixture(scope="module")
def read(corpus, children):
    """Every sample scan as read, by name; each page once."""
    found = {}
    for name, entry in truth(corpus).items():
        media_type = TYPES[name.rsplit(".", 1)[1]]
        pages = read_document(corpus / name, media_type, len(entry["pages"]), OPTIONS, LIMITS, children)
        found[name] = list(pages)
    return found


NAMES = [
    "factura.tif", "invoice.png", "letter.tif", "carta.jpg", "recibo.jpg", "receipt.webp", "contrato.jp2",
    "expediente.tif", "scanned.pdf", "digital.pdf", "mixed.pdf", "sideways.tif", "upside-down.png", "skewed.jpg",
    "exif.jpg",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_scan_reads_as_what_was_drawn(corpus, read, name):
    entry = truth(corpus)[name]
    assert [page.page for page in read[name]] == list(range(1, len(entry["pages"]) + 1))
    for page, expected in zip(read[name], entry["pages"], strict=True):
        assert page.flags == ()
        assert page.turned == expected["turned"]
        assert page.skew == pytest.approx(expected["skew"], abs=0.15)
        if not expected["text"].strip():
            assert page.blank
            assert page.words == ()
            continue
        assert not page.blank
        assert page.language == expected["language"]
        assert right_words(page, expected["text"]) > 0.93
        assert page.source == ("born-digital" if page.engine == "pdf-text" else "ocr")


def test_all_samples_are_tried(corpus):
    assert sorted(NAMES) == sorted(truth(corpus))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "digital.pdf"])
def test_boxes_stand_on_their_ink_in_the_stored_raster(corpus, read, name):
    for page in read[name]:
        if page.source == "born-digital" or page.blank:
            continue
        raster = load_page(corpus / name, TYPES[name.rsplit(".", 1)[1]], page.page, OPTIONS, LIMITS)
        assert (page.height, page.width) == raster.pixels.shape
        assert page.dpi == raster.dpi
        ink = raster.pixels < 128
        inside = np.zeros_like(ink)
        for word in page.words:
            assert ink[word.box.y0 : word.box.y1, word.box.x0 : word.box.x1].any()
            inside[max(0, word.box.y0 - 3) : word.box.y1 + 4, max(0, word.box.x0 - 3) : word.box.x1 + 4] = True
        assert (ink & ~inside).sum() < 0.05 * ink.sum()


def test_the_first_words_of_a_turned_page_lie_where_they_were_scanned(read):
    page = read["upside-down.png"][0]
    first = page.words[0]
    assert first.text == "Talleres"
    assert first.box.x0 > page.width / 2  # upside down: what one reads first lies at the lower right
    assert first.box.y0 > page.height * 0.9


def test_facts_of_the_preparation_are_kept(read):
    facts = dict(read["skewed.jpg"][0].facts)
    assert facts["measured_skew"] == pytest.approx(3.0, abs=0.1)
    assert {"ink", "updown", "axis", "isolated"} <= set(facts)


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
@pytest.mark.parametrize("skew", [0.0, 2.0, -3.0])
@pytest.mark.parametrize("kept", [Box(0, 0, 1000, 700), Box(40, 24, 900, 680)])
def test_a_box_comes_back_to_the_raster_through_trim_turn_and_skew(turned, skew, kept):
    """A word at a known place of the raster, as an engine would see it, is mapped back to that place."""
    geometry = Geometry(1000, 700, turned, skew)
    part = Geometry(kept.x1 - kept.x0, kept.y1 - kept.y0, turned, skew)
    x, y = part.to_upright(300.5 - kept.x0, 200.5 - kept.y0)
    seen = Word("mark", Box(round(x) - 20, round(y) - 10, round(x) + 20, round(y) + 10), 90.0, 1, 1)
    (word,) = to_raster((seen,), part.upright_size[::-1], kept, geometry)
    assert (word.box.x0 + word.box.x1) / 2 == pytest.approx(300.5, abs=2)
    assert (word.box.y0 + word.box.y1) / 2 == pytest.approx(200.5, abs=2)
    assert 38 <= max(word.box.x1 - word.box.x0, word.box.y1 - word.box.y0) <= 44


# ---- language


@pytest.mark.parametrize(
    ("text", "read_as", "expected"),
    [
        ("The parties of the contract and their heirs have agreed to it", "spa", "eng"),
        ("Las partes de este contrato y los que las sucedan lo aceptan por escrito", "eng", "spa"),
        ("Las partes de este contrato y los que las sucedan lo aceptan por escrito", "spa", "spa"),
        ("Total 123,45 EUR", "eng", "eng"),  # too few words to say
        ("", "spa", "spa"),
        ("de la the of y and en to", "spa", "spa"),  # neither leads
        ("INVOICE 4711 Date 02/03 Qty 2 Cash 10.00 Change 0.40", "spa", "eng"),  # a receipt has no sentences
        ("FACTURA 4711 Fecha 02/03 Cantidad 2 IVA 21% Efectivo", "eng", "spa"),
    ],
)
def test_the_language_that_clearly_leads_is_taken(text, read_as, expected):
    assert languages.leading(text, ("spa", "eng"), read_as) == expected


def test_a_known_language_spares_the_second_reading(corpus):
    known = read_page(corpus / "letter.tif", TIFF, 1, "eng", OPTIONS, LIMITS)
    found = read_page(corpus / "letter.tif", TIFF, 1, None, OPTIONS, LIMITS)
    assert known.language == found.language == "eng"
    assert known.words == found.words


@pytest.mark.parametrize(("name", "media_type", "language"), [("letter.tif", TIFF, "eng"), ("carta.jpg", JPEG, "spa")])
def test_a_wrong_hint_is_not_binding(corpus, name, media_type, language):
    wrong = {"eng": "spa", "spa": "eng"}[language]
    hinted = read_page(corpus / name, media_type, 1, wrong, OPTIONS, LIMITS)
    assert hinted.language == language
    assert hinted.words == read_page(corpus / name, media_type, 1, language, OPTIONS, LIMITS).words


@pytest.mark.parametrize(("name", "media_type"), [("letter.tif", TIFF), ("carta.jpg", JPEG)])
@pytest.mark.parametrize("first", [("spa", "eng"), ("eng", "spa")])
def test_a_page_is_read_once_whatever_language_the_settings_name_first(corpus, monkeypatch, name, media_type, first):
    """Without a hint a sample settles the language; the page itself is read once."""
    layouts = []
    engine = type(open_engine())
    plain = engine.read

    def noted(self, pixels, dpi, language, layout=PAGE):
        layouts.append((layout, language))
        return plain(self, pixels, dpi, language, layout)

    monkeypatch.setattr(engine, "read", noted)
    found = read_page(corpus / name, media_type, 1, None, replace(OPTIONS, languages=first), LIMITS)
    assert [language for layout, language in layouts if layout == PAGE] == [found.language]


def test_a_page_without_evidence_has_no_language_given_to_it(tmp_path):
    page = Image.new("L", (900, 500), 255)
    ImageDraw.Draw(page).text((100, 200), "QX-4711   1.250,00", font=ImageFont.load_default(60), fill=0)
    page.save(tmp_path / "few.png", dpi=(300, 300))
    unknown = read_page(tmp_path / "few.png", PNG, 1, None, OPTIONS, LIMITS)
    assert unknown.words
    assert unknown.language == "spa+eng"
    assert read_page(tmp_path / "few.png", PNG, 1, "eng", OPTIONS, LIMITS).language == "eng"  # as its batch


def noisy_page(path):
    """A sparse page of small print, with noise."""
    page = Image.new("L", (1700, 2338), 245)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(26)
    lines = [f"Item {number}: paper for the printer, {number} boxes at 12.50 each" for number in range(1, 9)]
    for row, line in enumerate(lines):
        pen.text((110, 120 + 44 * row), line, font=font, fill=30)
    grey = np.asarray(page.filter(ImageFilter.GaussianBlur(0.8)), dtype=float)
    noise = np.random.default_rng(3).normal(0, 14, grey.shape)
    Image.fromarray(np.clip(grey + noise, 0, 255).astype(np.uint8)).save(path, quality=60, dpi=(200, 200))
    return " ".join(lines)


def test_a_sparse_noisy_page_is_read(tmp_path):
    text = noisy_page(tmp_path / "noisy.jpg")
    assert right_words(read_page(tmp_path / "noisy.jpg", JPEG, 1, None, OPTIONS, LIMITS), text) > 0.9


def test_a_page_that_preparing_has_harmed_is_read_as_it_came(corpus, monkeypatch):
    """Whatever the preparation does to a page, what the recogniser reads in the page as stored is not lost."""
    random = np.random.default_rng(3)

    def harm(pixels, _sample):
        return Cleaned(random.integers(0, 256, (700, 600), np.uint8), Box(0, 0, 600, 700), {})

    whole = read_page(corpus / "letter.tif", TIFF, 1, "eng", OPTIONS, LIMITS)
    monkeypatch.setattr(page_reader, "clean", harm)
    found = read_page(corpus / "letter.tif", TIFF, 1, "eng", OPTIONS, LIMITS)
    assert found.words == whole.words
    assert dict(found.facts)["plain"] == 1.0
    assert (found.turned, found.skew) == (0, 0.0)


def test_the_first_page_with_words_settles_the_documents_language(tmp_path):
    """A pool that runs calls at once shows what the parent hands out."""
    asked = []

    class Pool:
        workers = 1

        def submit(self, _seconds, _function, path, media_type, number, language, *_rest):
            asked.append((number, language))
            page = replace(
                flagged_page(number, ""), flags=(), language="eng", engine="e",
                words=tuple(Word(text, Box(0, 0, 1, 1), 90.0, 1, 1) for text in ("the", "of", "and", "to", "in", "is")),
            )  # fmt: skip
            answer = Future()
            answer.set_result(page)
            return answer

    pages = list(read_document(tmp_path, TIFF, 6, OPTIONS, LIMITS, Pool()))
    assert [page.page for page in pages] == [1, 2, 3, 4, 5, 6]
    assert asked == [(1, None), (2, None), (3, "eng"), (4, "eng"), (5, "eng"), (6, "eng")]
    asked.clear()
    list(read_document(tmp_path, TIFF, 3, OPTIONS, LIMITS, Pool(), "spa"))
    assert asked == [(1, "spa"), (2, "spa"), (3, "eng")]  # what was read goes before what was foretold


# ---- blank pages


@pytest.mark.parametrize(
    ("ink", "words", "blank"),
    [
        (0.0, (), True),
        (0.001, (), True),
        (0.001, (("..", 90.0), ("~", 80.0)), True),  # dust
        (0.001, (("a4", 30.0),), True),
        (0.001, (("Fin", 92.0),), False),  # one word on a page is a word
        (0.05, (), False),  # a picture or handwriting
    ],
)
def test_dust_is_no_text_and_one_word_is(ink, words, blank):
    read = tuple(Word(text, Box(0, 0, 9, 9), confidence, 1, 1) for text, confidence in words)
    assert is_blank(ink, read) is blank


def test_a_page_with_one_word_is_not_blank(tmp_path, corpus):
    page = Image.open(corpus / "factura.tif").convert("L")
    almost = Image.new("L", page.size, 255)
    almost.paste(page.crop((180, 180, 900, 300)), (180, 180))
    almost.save(tmp_path / "one.png", dpi=(300, 300))
    found = read_page(tmp_path / "one.png", PNG, 1, None, OPTIONS, LIMITS)
    assert not found.blank
    assert [word.text for word in found.words] == ["FACTURA"]


def test_a_picture_without_words_is_flagged(tmp_path):
    random = np.random.default_rng(3)
    blobs = np.asarray(
        Image.fromarray(random.integers(0, 2, (12, 9), np.uint8) * 255).resize((900, 1200), Image.Resampling.NEAREST)
    )
    Image.fromarray(blobs).save(tmp_path / "picture.png", dpi=(300, 300))
    found = read_page(tmp_path / "picture.png", PNG, 1, None, OPTIONS, LIMITS)
    assert not found.blank
    assert found.flags == ("no-text",) or found.confidence < 60


def test_a_very_large_page_is_read_at_half_its_size_with_boxes_in_its_own_pixels(corpus, monkeypatch):
    whole = read_page(corpus / "letter.tif", TIFF, 1, "eng", OPTIONS, LIMITS)
    monkeypatch.setattr(sources, "READ_PIXELS", whole.width * whole.height - 1)
    half = read_page(corpus / "letter.tif", TIFF, 1, "eng", OPTIONS, LIMITS)
    assert dict(half.facts)["reduced"] == 2
    assert (half.width, half.height, half.dpi) == (whole.width, whole.height, whole.dpi)
    once = {text for text, count in Counter(word.text for word in whole.words).items() if count == 1 and len(text) > 4}
    places = {word.text: word.box for word in whole.words if word.text in once}
    found = [(word.box, places[word.text]) for word in half.words if word.text in places]
    assert len(found) > 0.8 * len(places) > 5
    assert all(abs(a - b) <= 8 for box, place in found for a, b in zip(box, place, strict=True))


# ---- pages that fail


@pytest.mark.parametrize("limit", ["time", "memory", "crash"])
def test_a_page_that_ends_its_child_is_kept_and_flagged(tmp_path, limit):
    class Pool:
        workers = 1

        def submit(self, _seconds, _function, path, media_type, number, *_rest):
            answer = Future()
            if number == 2:
                answer.set_exception(ChildLimitError(limit))
            else:
                answer.set_result(replace(flagged_page(number, ""), flags=()))
            return answer

    pages = list(read_document(tmp_path, TIFF, 3, OPTIONS, LIMITS, Pool()))
    assert [(page.page, page.flags) for page in pages] == [(1, ()), (2, (limit,)), (3, ())]


def test_a_real_page_over_its_time_costs_only_itself(corpus, tmp_path):
    with Children(1, LIMITS.child_bytes, tmp_path) as children:
        limits = replace(LIMITS, page_seconds=0.25)
        pages = list(read_document(corpus / "expediente.tif", TIFF, 3, OPTIONS, limits, children))
    assert [page.page for page in pages] == [1, 2, 3]
    assert pages[0].flags == ("time",)
    assert (pages[0].width, pages[0].words) == (0, ())


def test_a_page_that_does_not_decode_is_flagged(corpus, tmp_path, children):
    path = tmp_path / "scan.tif"
    shutil.copy(corpus / "letter.tif", path)
    with Image.open(path) as image:
        offset = image.tag_v2[273][0]
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 4000)
    (page,) = read_document(path, TIFF, 1, OPTIONS, LIMITS, children)
    assert page.flags == ("damaged",)


def test_a_page_over_the_limit_is_flagged(corpus, children):
    limits = replace(LIMITS, page_pixels=1_000_000)
    (page,) = read_document(corpus / "letter.tif", TIFF, 1, OPTIONS, limits, children)
    assert page.flags == ("too-large",)


def test_no_engine_is_not_a_page_without_text(corpus, children, tmp_path):
    options = replace(OPTIONS, tessdata=str(tmp_path))
    with pytest.raises(EngineUnavailableError):
        list(read_document(corpus / "letter.tif", TIFF, 1, options, LIMITS, children))


def test_pages_are_read_only_a_little_ahead(tmp_path):
    handed_out = []

    class Pool:
        workers = 3

        def submit(self, _seconds, _function, path, media_type, number, *_rest):
            handed_out.append(number)
            answer = Future()
            answer.set_result(flagged_page(number, "x"))
            return answer

    pages = read_document(tmp_path, TIFF, 1000, OPTIONS, LIMITS, Pool())
    next(pages)
    assert len(handed_out) == AHEAD * 3
    pages.close()
    assert len(handed_out) == AHEAD * 3


def test_a_child_loads_no_more_than_a_page_needs(corpus, tmp_path):
    with Children(1, LIMITS.child_bytes, tmp_path) as pool:
        pool.run(60, look, corpus / "letter.tif", LIMITS)
        page = pool.run(60, read_page, corpus / "letter.tif", TIFF, 1, "eng", OPTIONS, LIMITS)
        loaded = pool.run(10, children_calls.loaded)
    assert page.words
    assert "cv2" in loaded
    assert loaded.isdisjoint({"sqlalchemy", "rapidocr", "onnxruntime", "click", "prefect"})


def test_children_load_the_engine_before_the_first_page(tmp_path):
    with Children(1, LIMITS.child_bytes, tmp_path) as pool:
        warm(pool, OPTIONS)
        loaded = pool.run(60, children_calls.loaded)
    assert "cv2" in loaded
    assert page_reader.open_engine(OPTIONS.engine).name.split()[0] in loaded


def test_an_engine_that_is_missing_is_told_by_the_page_and_not_before(corpus, tmp_path):
    options = replace(OPTIONS, tessdata=str(tmp_path / "none"))
    with Children(1, LIMITS.child_bytes, tmp_path) as pool:
        warm(pool, options)
        with pytest.raises(EngineUnavailableError):
            list(read_document(corpus / "letter.tif", TIFF, 1, options, LIMITS, pool))
