"""Slips, out-cards, lists and letters: what they say in both languages, their barcode, their pages."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from printed import codes, pages, scanned, text, unembedded_fonts

from infra.i18n import translations
from records.barcodes import Kind, grouped, make_code
from records.errors import InvalidValueError
from tasks.desk_papers import (
    PUT_BACK_LIST,
    OutCard,
    PaperFile,
    Pick,
    Slip,
    TransferList,
    in_shelf_order,
    out_cards_pdf,
    pick_list_pdf,
    slip_pdf,
    transfer_pdf,
)
from tasks.letters import Letter, letters_pdf
from tasks.paper_fonts import REGULAR, markup, runs, shortened, width_of
from tasks.papers import Paper

NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)  # half past eleven in Madrid
DUE = date(2026, 11, 30)
SLIP, TRANSFER = make_code(Kind.SLIP, 12), make_code(Kind.TRANSFER, 3)


def paper(language: str = "es") -> Paper:
    return Paper(language, translations(language).gettext, NOW, ZoneInfo("Europe/Madrid"), "Archivo de Alcalá")


def file(number: int = 1, **more: object) -> PaperFile:
    plain = PaperFile(
        make_code(Kind.FILE, number), f"Expediente de Íñigo Peñarroya {number}", f"EXP/{number}", "B-7", "A/1"
    )
    return replace(plain, **more)  # type: ignore[arg-type]  # fields by name


def slip(count: int = 2) -> Slip:
    lines = tuple((file(n, pages=200 + n, condition="good"), DUE) for n in range(1, count + 1))
    return Slip(SLIP, "Ana Ñúñez", "Șerban Țăranu", "juicio", "Dra. Pons", "Luis", NOW, "Seguros Ñandú", lines)


def test_a_slip_is_printed_twice_with_its_own_code_and_the_weekday() -> None:
    pdf = slip_pdf(slip(), paper())
    for dpi in (200, 300):
        assert [codes(scanned(page)) for page in pages(pdf, dpi)] == [[("Code 128", SLIP)]] * 2
    said = text(pdf)
    for words in ("Papeleta de préstamo", "Ana Ñúñez", "lunes, 30 de noviembre de 2026", "24/11/2026 23:30", "bueno",
                  "ejemplar para el prestatario", "ejemplar para el mostrador", "202",
                  grouped(file(2).code)):  # fmt: skip
        assert words in said
    assert said.count("recibido por") == 1
    assert "página 1 de 2" in said and "página 2 de 2" in said
    assert unembedded_fonts(pdf) == []


def test_a_slip_in_english() -> None:
    said = text(slip_pdf(slip(), paper("en")))
    assert "Loan slip" in said and "Monday, November 30, 2026" in said and "page 1 of 2" in said


def test_a_long_slip_runs_over_pages_that_know_their_number() -> None:
    pdf = slip_pdf(slip(300), paper())
    count = len(pages(pdf, 20))
    said = text(pdf)
    assert count > 10 and f"página {count} de {count}" in said
    assert all(said.count(f"EXP/{n} Exp") == 2 for n in (1, 150, 300))


def test_files_of_one_slip_may_be_due_on_different_days() -> None:
    two = replace(slip(), lines=((file(1), DUE), (file(2), date(2026, 12, 9))))
    said = text(slip_pdf(two, paper()))
    assert said.count("lunes, 30 de noviembre") == 2 and said.count("miércoles, 9 de diciembre") == 2


def test_no_list_bears_the_code_of_a_file_since_a_scan_says_it_is_here() -> None:
    picks = [Pick(file(n), "A/1", n, "Juzgado 3", DUE) for n in range(1, 9)]
    lists = [
        pick_list_pdf(picks, paper()),
        out_cards_pdf([OutCard(file(), "Ana", NOW, DUE)], paper()),
        letters_pdf([Letter(("Ana",), ("Archivo",), DUE, "Asunto", ("Texto.",), ((file(), DUE),))], paper()),
    ]
    for pdf in lists:
        assert [codes(page) for page in pages(pdf, 300)] == [[]] * len(pages(pdf, 20))
        assert grouped(file().code) in text(pdf)


def test_an_out_card_says_where_the_file_belongs_and_bears_the_slip() -> None:
    pdf = out_cards_pdf(
        [OutCard(file(1, pages=212), "Ana Ñúñez", NOW, DUE, SLIP), OutCard(file(2), "X", NOW, None)], paper()
    )
    first, second = pages(pdf, 200)
    assert codes(scanned(first)) == [("Code 128", SLIP)] and codes(second) == []
    said = text(pdf)
    for words in ("A/1 · B-7", "Ana Ñúñez", "lunes, 30 de noviembre de 2026", "212", "EXP/2"):
        assert words in said


def test_a_pick_list_is_in_the_order_of_the_shelves() -> None:
    picks = [
        Pick(file(1, place="A/10"), "A/00010", 1, "X", None),
        Pick(file(2, place="A/2"), "A/00002", 9, "X", None),
        Pick(file(3, place="A/2"), "A/00002", 2, "X", date(2026, 12, 1)),
        Pick(file(4, place="A/2"), "A/00002", 2, "X", date(2026, 11, 25)),
        Pick(file(5, place="A/2", box="B-10"), "A/00002", None, "X", None),
        Pick(file(6, place="A/2"), "A/00002", None, "X", None),
    ]
    assert [pick.file.case_no for pick in in_shelf_order(picks)] == [
        "EXP/5",
        "EXP/4",
        "EXP/3",
        "EXP/2",
        "EXP/6",
        "EXP/1",
    ]
    said = text(pick_list_pdf(picks, paper(), PUT_BACK_LIST))
    places = [said.index(f"EXP/{n}") for n in (5, 4, 3, 2, 6, 1)]
    assert places == sorted(places) and "Lista de recolocación" in said and "estanterías: 6" in said


def test_a_transfer_list_has_a_line_for_each_and_its_code() -> None:
    lines = ((file(1, pages=10), "OK"), (file(2), "MISSING"), (file(3), ""))
    pdf = transfer_pdf(TransferList(TRANSFER, "SITE", "Madrid", "Alcalá", lines), paper())
    (page,) = pages(pdf, 200)
    assert codes(scanned(page)) == [("Code 128", TRANSFER)]
    for words in ("entre sedes", "Madrid", "Alcalá", "falta", "EXP/3"):
        assert words in text(pdf)


def test_letters_begin_on_pages_of_their_own() -> None:
    one = Letter(
        ("Ana Ñúñez", "C/ Mayor, 1"), ("Archivo",), DUE, "Devolución", ("Primero.", "Segundo."), ((file(), None),)
    )
    pdf = letters_pdf([one, replace(one, addressee=("Luis",))], paper())
    assert len(pages(pdf, 20)) == 2
    for words in ("Ana Ñúñez", "Luis", "Devolución", "Segundo.", "lunes, 30 de noviembre de 2026"):
        assert words in text(pdf)


@pytest.mark.parametrize("empty", [
    lambda: slip_pdf(replace(slip(), lines=()), paper()),
    lambda: out_cards_pdf([], paper()),
    lambda: pick_list_pdf([], paper()),
    lambda: transfer_pdf(TransferList(TRANSFER, "SITE", "", "", ()), paper()),
    lambda: letters_pdf([], paper()),
])  # fmt: skip
def test_an_empty_paper_is_refused(empty: object) -> None:
    with pytest.raises(InvalidValueError, match="nothing to print"):
        empty()  # type: ignore[operator]  # a function


HOSTILE = '<b>bold</b> & <font size="90">x</font> <img src="/etc/passwd"/> \x00\x1b[2J {x} %s </para>'


def test_what_a_title_holds_is_shown_and_never_obeyed() -> None:
    bad = file(1, title=HOSTILE, case_no=HOSTILE, place=HOSTILE)
    for pdf in (
        pick_list_pdf([Pick(bad, HOSTILE, 1, HOSTILE, DUE)], paper()),
        slip_pdf(replace(slip(), borrower=HOSTILE, lines=((bad, DUE),)), paper()),
        out_cards_pdf([OutCard(bad, HOSTILE, NOW, DUE, SLIP)], paper()),
    ):
        shown = "".join(text(pdf).split())
        assert '<b>bold</b>&<fontsize="90">x</font><imgsrc="/etc/passwd"/>' in shown


def test_a_title_longer_than_a_page_does_not_stop_a_paper() -> None:
    long = file(1, title="expediente muy largo " * 400, case_no="EXP/1\n" * 99, place="P" * 900)
    for pdf in (
        pick_list_pdf([Pick(long, "A", 1, "X" * 5000, None), Pick(file(2), "B", 1, "X", None)], paper()),
        slip_pdf(replace(slip(), purpose="x " * 5000, lines=((long, DUE), (file(2), DUE))), paper()),
        out_cards_pdf([OutCard(long, "Ana " * 900, NOW, DUE), OutCard(file(2), "Ana", NOW, DUE)], paper()),
        letters_pdf([Letter(("A" * 900,), ("B",), DUE, "S" * 900, ("palabra " * 3000, "EXP/2"))], paper()),
    ):
        assert "EXP/2" in text(pdf)


def test_letters_no_font_has_lose_their_accent_or_become_a_question_mark() -> None:
    assert list(runs("Peñà")) == [(REGULAR, "Peñà")]
    parts = list(runs("Łódź 漢"))
    assert "".join(part for _, part in parts) == "Łódź ?"
    assert markup("a<b\nc") == "a&lt;b<br/>c"
    assert "".join(part for _, part in runs("a\tb\x00c")) == "a b c"


def test_shortening_ends_in_an_ellipsis_and_fits() -> None:
    for width in (5.0, 20.0, 80.0, 1000.0):
        short = shortened("Peñarroya Muñoz, José Ángel", REGULAR, 9, width)
        assert width_of(short, REGULAR, 9) <= max(width, width_of("…", REGULAR, 9))
        assert short.endswith("…") is (width < 1000.0)


def test_the_same_paper_gives_the_same_bytes() -> None:
    assert slip_pdf(slip(40), paper()) == slip_pdf(slip(40), paper())
