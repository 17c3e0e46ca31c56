"""Languages by setting: one that the settings name is told by its commonest words, and read with its own model."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from records.options import Limits, ReadingOptions
from tasks import languages
from tasks.ocr import available_languages
from tasks.reading import read_page
from tasks.sources import PNG

THREE = ("spa", "eng", "deu")
GERMAN = (  # no letter that the font which Pillow carries has not
    "Vielen Dank und bis zum Wiedersehen", "Summe der Rechnung mit der Steuer", "Datum und Kasse auf dem Beleg",
    "Gegeben ist in der Filiale zu sehen", "Menge und Preis des Kunden",
)  # fmt: skip


def test_no_common_word_is_one_of_two_languages() -> None:
    for one, other in combinations(languages.STOP_WORDS, 2):
        assert not languages.STOP_WORDS[one] & languages.STOP_WORDS[other]


def test_german_is_told_from_spanish_and_english_where_the_settings_name_it() -> None:
    text = " ".join(GERMAN)
    assert languages.leading(text, THREE, "spa+eng+deu") == "deu"
    assert languages.leading(text, ("spa", "eng"), "spa+eng") == "spa+eng"
    assert languages.leading("Las partes de este contrato y los que las sucedan", THREE, "spa+eng+deu") == "spa"
    assert languages.leading("The parties of the contract and their heirs", THREE, "spa+eng+deu") == "eng"


@pytest.mark.skipif("deu" not in available_languages(), reason="the German model is not installed (tesseract-ocr-deu)")
def test_a_german_page_is_read_as_german(tmp_path: Path) -> None:
    image = Image.new("L", (1400, 900), 255)
    for line, text in enumerate(GERMAN):
        ImageDraw.Draw(image).text((100, 100 + 110 * line), text, 0, ImageFont.load_default(48))
    image.save(tmp_path / "beleg.png", dpi=(300, 300))
    options = replace(ReadingOptions(), languages=THREE)
    found = read_page(tmp_path / "beleg.png", PNG, 1, None, options, Limits())
    assert found.language == "deu"
    assert found.text.replace("\n\n", "\n").splitlines() == list(GERMAN)
