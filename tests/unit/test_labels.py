"""Labels: every printed barcode is read back by another program, at scanner resolutions, askew and noisy too."""

from itertools import cycle, islice
from pathlib import Path

import pytest
from printed import codes, pages, scanned, text, unembedded_fonts

from records.barcodes import Kind, grouped, make_code, read_code
from records.errors import ConfigurationError, InvalidValueError
from records.label_sheets import Sheet, read_sheet, shipped_sheets
from tasks.labels import Label, labels_pdf
from tasks.paper_codes import widest_module

LONG = "Peñarroya Muñoz, José Ángel – pensión de orfandad y recurso de alzada contra la resolución del 12 de marzo"


def some(count: int) -> list[Label]:
    kinds = islice(cycle(Kind), count)
    return [
        Label(make_code(kind, 98_765_432 - 7919 * n), "expediente físico", f"EXP-2026/{n:05d}", (LONG, "Caja B-102"))
        for n, kind in enumerate(kinds)
    ]


@pytest.mark.parametrize("dpi", [200, 300])
@pytest.mark.parametrize("name", shipped_sheets())
def test_every_label_of_every_sheet_is_read_back(name: str, dpi: int) -> None:
    sheet = shipped_sheets()[name]
    labels = some(sheet.labels)
    (page,) = pages(labels_pdf(labels, sheet), dpi)
    wanted = sorted(label.code for label in labels)
    for picture in (page, scanned(page)) if dpi == 200 else (page,):
        found = codes(picture)
        assert sorted(code for _, code in found) == wanted
        assert {symbology for symbology, _ in found} == {"Code 128"}
    assert [str(read_code(code)) for code in wanted] == wanted


@pytest.mark.parametrize(
    "code", ["CLIENTE/2019-00031-ÑANDÚ", "A-VERY-LONG-CODE-OF-A-CLIENT-THAT-IS-LONGER-THAN-ANY-LABEL"]
)
def test_a_code_of_a_client_that_is_no_code_128_here_becomes_qr(code: str) -> None:
    sheet = shipped_sheets()["a4-21"]
    for dpi in (200, 300):
        (page,) = pages(labels_pdf([Label(code, "caja", "B-1", (LONG,))], sheet), dpi)
        assert codes(scanned(page)) == [("QR Code", code)]


def test_a_short_code_of_a_client_stays_code_128() -> None:
    (page,) = pages(labels_pdf([Label("BX-0031", "caja")], shipped_sheets()["a4-65"]), 200)
    assert codes(page) == [("Code 128", "BX-0031")]


def test_bars_are_never_narrower_than_a_quarter_of_a_millimetre() -> None:
    code = make_code(Kind.FILE, 1)
    widths = {room: widest_module(code, room) for room in (30.0, 33.1, 60.0, 200.0)}
    assert widths == {30.0: None, 33.1: 0.25, 60.0: 0.375, 200.0: 0.5}


def test_the_first_page_begins_where_labels_are_left() -> None:
    sheet = shipped_sheets()["a4-21"]
    labels = some(4)
    found = pages(labels_pdf(labels, sheet, first=20), 200)
    assert [[code for _, code in codes(page)] for page in found] == [
        [labels[0].code, labels[1].code], [labels[2].code, labels[3].code],
    ]  # fmt: skip
    assert codes(found[0].crop((0, 0, found[0].width, int(found[0].height * 0.8)))) == []


def test_each_label_is_within_its_own_label() -> None:
    sheet = shipped_sheets()["a4-24"]
    scale = 200 / 25.4
    (page,) = pages(labels_pdf(some(sheet.labels), sheet), 200)
    for index in range(sheet.labels):
        left, top = sheet.place(index)
        box = [left, top, left + sheet.label_width, top + sheet.label_height]
        inner = [left + sheet.inset - 0.3, top + sheet.inset - 0.3, box[2] - sheet.inset + 0.3, box[3] - 1.0]
        label = page.crop([round(edge * scale) for edge in box])
        inside = page.crop([round(edge * scale) for edge in inner])
        assert sum(label.histogram()[:128]) == sum(inside.histogram()[:128])


def test_what_does_not_fit_is_left_out_and_the_code_stays() -> None:
    lines = tuple(f"line {n}" for n in range(40))
    pdf = labels_pdf([Label(make_code(Kind.BOX, 5), "box", LONG * 3, lines)], shipped_sheets()["a4-65"])
    assert grouped(make_code(Kind.BOX, 5)) in text(pdf) and "line 39" not in text(pdf)
    assert len(codes(pages(pdf, 200)[0])) == 1


def test_fonts_are_embedded_and_accents_can_be_copied() -> None:
    pdf = labels_pdf([Label(make_code(Kind.PERSON, 5), "persona", "Íñigo Güell Peñà", ("¿ª € ç – ł",))],
                     shipped_sheets()["a4-10"])  # fmt: skip
    assert unembedded_fonts(pdf) == []
    assert "Íñigo Güell Peñà" in text(pdf) and "¿ª € ç – ł" in text(pdf)


def test_the_same_labels_give_the_same_bytes() -> None:
    assert labels_pdf(some(30), shipped_sheets()["a4-21"]) == labels_pdf(some(30), shipped_sheets()["a4-21"])


def test_nothing_to_print_and_a_wrong_first_label_are_refused() -> None:
    sheet = shipped_sheets()["a4-21"]
    with pytest.raises(InvalidValueError, match="nothing to print"):
        labels_pdf([], sheet)
    for first in (0, 22):
        with pytest.raises(InvalidValueError, match="1 to 21"):
            labels_pdf(some(1), sheet, first)


GOOD = """
description = "mine"
page_width = 100
page_height = 50.0
columns = 2
rows = 1
label_width = 48.0
label_height = 40.0
left = 1.0
top = 5.0
pitch_x = 50.0
pitch_y = 40.0
inset = 1.0
"""


def test_a_sheet_of_ones_own_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    sheet = read_sheet(str(path))
    assert isinstance(sheet, Sheet) and (sheet.name, sheet.labels) == ("mine", 2)
    (page,) = pages(labels_pdf(some(2), sheet), 200)
    assert len(codes(page)) == 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("columns = 2", "columns = 3"), "not on the page"),
        (("columns = 2", "columns = 0"), "not positive"),
        (("columns = 2", "columns = 2.0"), "wrong type"),
        (("columns = 2", "columns = true"), "wrong type"),
        (("columns = 2", "colums = 2"), "missing or unknown: columns, colums"),
        (("pitch_x = 50.0", "pitch_x = 47.0"), "overlap"),
        (("pitch_x = 50.0", "pitch_x = nan"), "wrong type"),
        (("label_width = 48.0", "label_width = 2001.0"), "beyond"),
        (("inset = 1.0", "inset = 20.0"), "leaves nothing"),
        (("inset = 1.0", "inset = "), "no TOML"),
    ],
)
def test_a_wrong_sheet_is_refused(tmp_path: Path, change: tuple[str, str], why: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(ConfigurationError, match=why):
        read_sheet(str(path))


def test_an_unknown_sheet_is_refused_and_those_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="a4-21"):
        read_sheet("a4-22")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_sheet(str(tmp_path / "none.toml"))


def test_labels_too_small_for_a_code_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(
        GOOD.replace("label_height = 40.0", "label_height = 9.0").replace("pitch_y = 40.0", "pitch_y = 9.0")
    )
    with pytest.raises(InvalidValueError, match="too low"):
        labels_pdf(some(1), read_sheet(str(path)))
    path.write_text(GOOD.replace("label_width = 48.0", "label_width = 12.0"))
    with pytest.raises(InvalidValueError, match="too small"):
        labels_pdf(some(1), read_sheet(str(path)))
