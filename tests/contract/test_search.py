"""What every search index must do: find, mark, filter, page on; a new one is added to `index_house.HOMES`."""

from dataclasses import replace
from datetime import date

import pytest
from index_house import ALL, found, pages_by_cursor, record

from records.errors import QueryError
from records.text import Box
from search.analysis import MAPPING_VERSION
from search.contract import Access, Query


def test_nothing_indexed_finds_nothing(index):
    assert found(index, "factura") == []
    assert list(index.contents()) == []


def test_names_engine_and_mapping(index_home, index):
    assert index.engine.startswith(index_home.name + " ")
    assert index.engine.split()[1][0].isdigit()
    assert index.mapping_version == MAPPING_VERSION


def test_a_page_is_found_as_soon_as_apply_returns_by_every_reader(index_home, index):
    reader = index_home.again()
    assert found(reader, "factura") == []
    index.apply([record("rec_1", "Factura de hormigón", "Anexo")])
    assert found(reader, "factura") == [("rec_1", 1)]
    index.apply([record("rec_2", "otra factura")])
    assert found(reader, "factura") == [("rec_2", 1), ("rec_1", 1)]
    reader.close()


FINDS = {
    "the word as it stands": ("hormigón", "Factura de hormigón"),
    "without its accent": ("hormigon", "Factura de HORMIGÓN:"),
    "with an accent the page lost": ("hormigón", "factura de hormigon"),
    "the singular by the plural": ("facturas", "una factura"),
    "the plural by the singular": ("factura", "(Facturas)"),
    "a plural that changes its accent": ("facturación", "las facturaciones"),
    "a Spanish verb in another form": ("entregado", "entregada"),
    "an English word in another form": ("running", "a run"),
    "an English plural": ("invoice", "two invoices"),
    "an n with tilde": ("año", "AÑOS anteriores"),
    "an n that lost its tilde": ("ano", "el año"),
    "a ligature": ("final", "\ufb01nal"),
    "a code as typed": ("F-2025-007", "núm. F-2025-007,"),
    "a code by its part": ("2025", "núm. F-2025-007"),
    "a code without separators": ("B12345678", "NIF B-12.345.678"),
    "a code with separators": ("B-12345678", "NIF B12345678"),
    "a code read with spaces": ("F-2025-007", "F - 2025 - 007"),
    "an amount as typed": ("1.234,50", "Total 1.234,50€"),
    "an amount without thousands": ("1234,50", "Total 1.234,50"),
    "an amount with a point": ("1234.5", "Total 1.234,50"),
    "a broken word": ("suministro", "el sumi-\nnistro de agua"),
    "the half of a broken word": ("práctico", "teórico-\npráctico"),
    "a broken compound": ("teórico-práctico", "teórico-\npráctico"),
    "a phrase": ('"total a pagar"', "TOTAL A PAGAR: 12"),
    "a phrase over lines": ('"total a pagar"', "total a\npagar"),
    "a phrase with a broken word": ('"el suministro de"', "el sumi-\nnistro de agua"),
    "a phrase of one word": ('"factura"', "Factura"),
    "a phrase in other quotation marks": ("«total a pagar»", "total a pagar"),
    "a beginning": ("hormi*", "hormigones"),
    "a beginning of a code": ("F-2025*", "F-2025-007"),
    "a beginning of a code without separators": ("F2025*", "F-2025-007"),
    "words in any order": ("agua factura", "factura de agua"),
    "a word and not another": ("factura -luz", "factura de agua"),
    "a word and not a phrase": ('agua -"agua de"', "factura de agua"),
    "a code of meta characters": ("a.b(c)+[d]", "a.b(c)+[d]"),
    "an operator's name as a word": ("no AND sí", "and no sí"),
}
MISSES = {
    "one of two words": ("factura luz", "factura de agua"),
    "an unwanted word in another form": ("factura -aguas", "factura de agua"),
    "an unwanted beginning": ("factura -ag*", "factura de agua"),
    "an unwanted code": ("factura -F-2025-007", "factura F-2025-007"),
    "a phrase in another order": ('"agua de"', "factura de agua"),
    "a phrase in another ending": ('"facturas"', "factura"),
    "a phrase with a gap": ('"factura agua"', "factura de agua"),
    "the middle of a word": ("migon", "hormigón"),
    "another code": ("F-2025-008", "F-2025-007"),
    "an amount with other decimals": ("1.234,51", "1.234,50"),
    "a whole number by an amount": ("2025", "20,25"),
    "dashes at the end of a line": ("2025007", "2025-\n007 kg"),
    "a pattern": ("fa.tura", "factura"),
}


@pytest.mark.parametrize("case", FINDS)
def test_finds_and_marks(index, case):
    typed, text = FINDS[case]
    index.apply([record("rec_1", text)])
    (hit,) = index.search(Query(typed, ALL)).hits
    assert hit.boxes
    assert "<mark>" in hit.snippet


@pytest.mark.parametrize("case", MISSES)
def test_does_not_find(index, case):
    typed, text = MISSES[case]
    index.apply([record("rec_1", text)])
    assert found(index, typed) == []


def test_a_hit_says_where_the_words_are_and_what_the_record_is(index):
    fields = {"number": ("F-1",), "line_total": ("1.00", "2.00")}
    index.apply([record("rec_1", "nada", "la factura\nde <agua> & facturas", client="cli_2", fields=fields)])
    (hit,) = index.search(Query("factura agua", ALL)).hits
    assert (hit.record, hit.page, hit.client, hit.record_class) == ("rec_1", 2, "cli_2", "invoice")
    assert hit.fields == fields
    assert hit.boxes == (Box(100, 50, 190, 90), Box(100, 100, 190, 140), Box(300, 100, 390, 140))
    marked = "la <mark>factura</mark> de <mark>&lt;agua&gt;</mark> &amp; <mark>facturas</mark>"
    assert hit.snippet == marked
    assert 0 < hit.score <= 1


def test_a_broken_word_has_the_boxes_of_both_halves(index):
    index.apply([record("rec_1", "el sumi-\nnistro de agua")])
    (hit,) = index.search(Query("suministros", ALL)).hits
    assert hit.boxes == (Box(100, 50, 190, 90), Box(0, 100, 90, 140))


def test_better_pages_come_first(index):
    index.apply(
        [
            record("rec_1", "factura factura factura de agua"),
            record("rec_2", "agua y su factura"),
            record("rec_3", "factura agua"),
            record("rec_4", "facturas de aguas"),
        ]
    )
    # as typed and adjacent or often; as typed; in another ending; among equals the newest record
    assert found(index, "factura agua") == [("rec_3", 1), ("rec_1", 1), ("rec_2", 1), ("rec_4", 1)]
    scores = [hit.score for hit in index.search(Query("factura agua", ALL)).hits]
    assert scores == sorted(scores, reverse=True)


def test_access_limits_every_answer(index):
    index.apply([record("rec_1", "factura"), record("rec_2", "factura", client="cli_2")])
    assert found(index, "factura", Access(frozenset({"cli_1"}))) == [("rec_1", 1)]
    assert found(index, "factura", Access(frozenset())) == []
    assert found(index, "factura", Access(frozenset({"cli_9"}))) == []
    assert found(index, "factura", client="cli_2") == [("rec_2", 1)]
    assert found(index, "factura", Access(frozenset({"cli_1"})), client="cli_2") == []
    assert found(index, "", Access(frozenset({"cli_1"})), record_class="invoice") == [("rec_1", 1)]


def test_suggestions_are_near_words_of_pages_that_may_be_seen(index):
    index.apply([record("rec_1", "Factura de hormigón"), record("rec_2", "fractura", client="cli_2")])
    assert set(index.search(Query("fatctura", ALL)).suggestions) == {"factura", "fractura"}
    mine = Access(frozenset({"cli_1"}))
    assert index.search(Query("fatctura", mine)).suggestions == ("factura",)
    assert index.search(Query("facutra ormigon", mine)).suggestions == ("factura hormigón",)
    assert index.search(Query("facutra", ALL, client="cli_1")).suggestions == ("factura",)
    assert index.search(Query("facutra", Access(frozenset({"cli_3"})))).suggestions == ()
    assert index.search(Query("factura", mine)).suggestions == ()
    assert index.search(Query("qwertyuiop", ALL)).suggestions == ()


def test_filters(index):
    index.apply(
        [
            record("rec_1", "pago", date=date(2025, 1, 31), fields={"supplier": ["Áridos  Sur"], "number": ["F-1"]}),
            record("rec_2", "pago", date=date(2025, 2, 1), record_class="receipt", fields={"number": ["F-1", "f-2"]}),
            record("rec_3", "pago"),
        ]
    )
    first, second, third = ("rec_1", 1), ("rec_2", 1), ("rec_3", 1)
    assert found(index, "pago") == [third, second, first]
    assert found(index, "pago", record_class="receipt") == [second]
    assert found(index, "pago", date_from=date(2025, 2, 1)) == [second]
    assert found(index, "pago", date_to=date(2025, 1, 31)) == [first]
    assert found(index, "pago", date_from=date(2025, 1, 31), date_to=date(2025, 2, 1)) == [second, first]
    assert found(index, "pago", fields={"supplier": "aridos SUR"}) == [first]
    assert found(index, "pago", fields={"supplier": "aridos"}) == []
    assert found(index, "pago", fields={"number": "F-2"}) == [second]
    assert found(index, "pago", fields={"number": "f-1", "supplier": "áridos sur"}) == [first]
    assert found(index, "", fields={"number": "f-1"}) == [second, first]
    assert found(index, "-pago", fields={"number": "f-1"}) == []


def test_a_cursor_goes_on_while_pages_arrive(index):
    index.apply([record(f"rec_{n:02d}", "factura " * (1 + n % 4), "facturas y agua") for n in range(10, 22)])
    whole = found(index, "factura")
    assert len(whole) == 24
    number = iter(range(1, 100))

    def arrive() -> None:
        n = next(number)
        index.apply([record(f"rec_{n + 50:02d}", "factura " * 9), record(f"rec_0{n}", "factura", "más facturas")])

    seen = pages_by_cursor(index, Query("factura", ALL, limit=5), arrive)
    assert len(seen) == len(set(seen))
    assert [hit for hit in seen if hit in set(whole)] == whole


def test_a_cursor_of_another_search_or_a_damaged_one_is_refused(index):
    index.apply([record(f"rec_{n}", "factura") for n in range(3)])
    query = Query("factura", ALL, limit=1)
    cursor = index.search(query).cursor
    assert cursor is not None
    for other in (
        replace(query, text="facturas"),
        replace(query, access=Access(frozenset({"cli_1"}))),
        replace(query, client="cli_1"),
        replace(query, fields={"number": "1"}),
    ):
        with pytest.raises(QueryError, match="another search"):
            index.search(replace(other, cursor=cursor))
    for damaged in ("", "x", cursor[:-3], cursor + "A", "W10", "é", "A" * 1000):
        with pytest.raises(QueryError, match="cursor"):
            index.search(replace(query, cursor=damaged))


@pytest.mark.parametrize("text", ['"open', "fac*tura", "*", "a*", "", "   ", "-factura", "€", "x" * 1001])
def test_what_cannot_be_understood_is_a_query_error(index, text):
    index.apply([record("rec_1", "factura")])
    with pytest.raises(QueryError) as raised:
        index.search(Query(text, ALL))
    assert "fac" not in str(raised.value)


def test_limits_and_dates_that_make_no_sense_are_query_errors(index):
    for query in (
        Query("x", ALL, limit=0),
        Query("x", ALL, limit=201),
        Query("x", ALL, date_from=date(2025, 2, 1), date_to=date(2025, 1, 1)),
    ):
        with pytest.raises(QueryError):
            index.search(query)
