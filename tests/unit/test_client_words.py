"""A client's own words: taken from a file, given to the engine, recorded with each page, and nobody else's."""

import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from sqlalchemy import select

from infra.services import open_services
from records.client_words import LONGEST, MOST, parse_client_words
from records.errors import ConfigurationError
from records.options import ClientWords, Limits, ReadingOptions
from records.tables import pages, records
from tasks import page_reader
from tasks.ocr import BLOCK, open_engine

SYLLABLES = "ka rwi zol ben tux mor ilg vae nup qui sho lyr dem oxa fjo rri llu hag".split()  # noqa: SIM905  as text
ROWS, COLUMNS = 40, 6
DPI = 200


def names() -> list[str]:
    source = random.Random(3)
    return ["".join(source.choice(SYLLABLES) for _ in range(source.choice((3, 4)))).capitalize() for _ in range(240)]


@pytest.fixture(scope="module")
def sheet() -> Any:
    """A soft, grainy page of names that no dictionary has."""
    image = Image.new("L", (1700, 2000), 255)
    pen = ImageDraw.Draw(image)
    for number, name in enumerate(names()):
        at = (60 + number % COLUMNS * 270, 60 + number // COLUMNS * 46)
        pen.text(at, name, 0, ImageFont.load_default(26))
    soft = cv2.GaussianBlur(np.asarray(image), (0, 0), 1.6).astype(np.float32)
    noise = np.random.default_rng(1).normal(0, 4, soft.shape)
    return np.clip(soft * 0.6 + 70 + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def words(tmp_path: Path) -> ClientWords:
    file = tmp_path / "words.txt"
    file.write_text("".join(f"{name}\n" for name in names()))
    return ClientWords(file, len(names()), "ab" * 32)


@pytest.mark.parametrize("engine", ["tesserocr", "pytesseract"])
def test_names_that_the_engine_is_told_of_are_read_more_often(sheet: Any, words: ClientWords, engine: str) -> None:
    found = []
    for given in (None, words):
        read = {word.text for word in open_engine(engine, None, given).read(sheet, DPI, "spa", BLOCK)}
        found.append(sum(name in read for name in names()))
    print(f"{engine}: {found[0]} of {len(names())} names without, {found[1]} with")
    assert found[1] >= found[0] + 5


def test_a_page_records_the_words_it_was_read_with(sheet: Any, words: ClientWords, tmp_path: Path) -> None:
    file = tmp_path / "sheet.png"
    Image.fromarray(sheet).save(file, dpi=(DPI, DPI))
    facts = [
        dict(page_reader.read(file, "image/png", 1, "spa", ReadingOptions(words=given, second=False), Limits()).facts)
        for given in (None, words)
    ]
    assert "client_words" not in facts[0]
    assert (facts[1]["client_words"], facts[1]["client_words_version"]) == (240, 0xABABABABAB)


def test_a_file_of_words_is_one_word_a_line() -> None:
    text = "\ufeffMuñoz\r\n\r\n  Ordóñez  \nAX-4471/b\nMuñoz\n"
    assert parse_client_words(text.encode()) == ("AX-4471/b", "Muñoz", "Ordóñez")
    assert parse_client_words(b"") == ()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"Mu\xf1oz\n", "UTF-8"),
        ("Muñoz\nde la Fuente\n".encode(), "line 2"),
        (b"x" * (LONGEST + 1), "line 1"),
        (b"a\x07b\n", "line 1"),
        ("".join(f"w{number}\n" for number in range(MOST + 1)).encode(), "more than"),
    ],
    ids=["not UTF-8", "two words", "too long", "a control character", "too many"],
)
def test_what_is_no_list_of_words_is_refused_without_quoting_it(data: bytes, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as raised:
        parse_client_words(data)
    assert not any(word in str(raised.value) for word in ("Muñoz", "Fuente", "xxx"))


def test_the_doctor_names_a_file_that_cannot_be_taken(
    home: Path, tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "words"
    monkeypatch.setenv("MUNIMENT_WORDS_FOLDER", str(folder))

    def checks() -> dict[str, Any]:
        return {
            check["name"]: check for check in run("doctor", "--json").document["checks"] if "words" in check["name"]
        }

    assert not checks()["clients' words"]["ok"]
    folder.mkdir()
    (folder / "default.txt").write_text("Ordóñez\n")
    (folder / "otra.txt").write_text("Muñoz\nde la Fuente\n")
    found = checks()
    assert found["words of default"]["ok"] and found["words of default"]["found"] == "1 words"
    assert not found["words of otra"]["ok"] and "line 2" in found["words of otra"]["found"]
    assert str(folder / "otra.txt") in found["words of otra"]["fix"]


def test_each_client_has_its_own_words(
    home: Path, tmp_path: Path, corpus: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "words"
    folder.mkdir()
    (folder / "default.txt").write_text("Ordóñez\nKwenzolari\n")
    monkeypatch.setenv("MUNIMENT_WORDS_FOLDER", str(folder))
    run("client", "add", "otra")
    services = open_services()
    try:
        given = services.reading_for("default").words
        assert given is not None and given.count == 2
        assert services.reading_for("default").words == given
        assert services.reading_for("otra").words is None
        assert services.reading_for("../words/default").words is None
        (folder / "default.txt").write_text("Ordóñez\n")
        later = services.reading_for("default").words
        assert later is not None and later.count == 1 and later.version != given.version
        (record,) = run("ingest", "--json", corpus / "letter.tif").document["scans"][0]["records"]
        with services.database.read() as connection:
            page = connection.execute(select(pages.c.facts).where(pages.c.record == record).limit(1)).scalar_one()
            assert connection.execute(select(records.c.state).where(records.c.id == record)).scalar_one() != "received"
        assert (page["client_words"], page["client_words_version"]) == (1, later.version)
    finally:
        services.close()
    assert home.exists()
