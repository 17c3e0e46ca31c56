"""What every search index must do; a new one is added to `HOMES` and nothing else."""

import contextlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from opensearchpy import OpenSearch

from records.errors import IndexUnavailableError, QueryError
from records.text import Box, PageText, Word
from search.analysis import MAPPING_VERSION
from search.contract import Access, IndexedRecord, Query, RecordDocument, Removal, SearchIndex
from search.documents import stored_page
from search.opensearch_index import OpenSearchIndex
from search.query import parse
from search.snippets import matching_words
from search.tantivy_index import TantivyIndex

HOMES = ["tantivy", pytest.param("opensearch", marks=pytest.mark.service)]
ROOT = Path(__file__).parents[2]
ALL = Access(frozenset({"cli_1", "cli_2"}))


@dataclass
class Home:
    """One index and the ways to come to it: `again` opens it a second time, `deaf` never answers."""

    name: str
    arguments: list[str]  # for a child process: see CHILD
    client: OpenSearch | None = None
    alias: str = ""

    def again(self) -> SearchIndex:
        return open_index(self.name, self.arguments)

    def deaf(self, tmp_path: Path) -> SearchIndex:
        if self.name == "tantivy":
            (tmp_path / "file").write_text("a file where the folder should be")
            return TantivyIndex(tmp_path / "file", 0.1)
        return open_index(self.name, [f"https://127.0.0.1:{free_port()}", *self.arguments[1:]])

    def leftovers(self) -> list[str]:
        """What stands beside the current index: folders or indices."""
        if self.client is None:
            folder = Path(self.arguments[0])
            names = [path.name for path in folder.iterdir() if path.is_dir()]
        else:
            names = list(self.client.indices.get(index=f"{self.alias}-*"))
        return sorted(names)[:-1]


def open_index(name: str, arguments: list[str]) -> SearchIndex:
    if name == "tantivy":
        return TantivyIndex(Path(arguments[0]), 0.3)
    url, user, password, ca, alias = arguments
    client = OpenSearch(url, http_auth=(user, password), ca_certs=ca, verify_certs=True, timeout=60, max_retries=0)
    return OpenSearchIndex(client, alias)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(params=HOMES)
def home(request, tmp_path):
    if request.param == "tantivy":
        yield Home("tantivy", [str(tmp_path / "index")])
        return
    settings = request.getfixturevalue("opensearch_settings")
    alias = f"contract{time.time_ns()}"
    arguments = [settings.url, settings.user, settings.password, str(settings.ca), alias]
    client = OpenSearch(
        settings.url,
        http_auth=(settings.user, settings.password),
        ca_certs=str(settings.ca),
        verify_certs=True,
        timeout=60,
    )
    yield Home("opensearch", arguments, client, alias)
    client.indices.delete(index=f"{alias}-*")
    client.close()


@pytest.fixture
def index(home):
    opened = home.again()
    yield opened
    opened.close()


def page(number: int, text: str) -> PageText:
    """Lay out text: lines by line feeds, words 100 pixels apart, 90 wide."""
    words = [
        Word(word, Box(100 * at, 50 * line, 100 * at + 90, 50 * line + 40), 90.0, line, 1)
        for line, row in enumerate(text.split("\n"), 1)
        for at, word in enumerate(row.split())
    ]
    return PageText(number, 2480, 3508, 300, 0, 0.0, "spa", "test", not words, "ocr", tuple(words))


def record(name: str, *texts: str, version: int = 1, **kept) -> RecordDocument:
    facts = {
        "client": "cli_1",
        "record_class": "invoice",
        "state": "read",
        "batch": "bat_1",
        "date": None,
        "fields": {},
    }
    pages = [page(number, text) for number, text in enumerate(texts, 1)]
    return RecordDocument(record=name, version=version, pages=pages, **{**facts, "date": None, "fields": {}, **kept})


def found(index: SearchIndex, text: str, access: Access = ALL, **filters) -> list[tuple[str, int]]:
    results = index.search(Query(text, access, limit=200, **filters))
    assert results.total == len(results.hits)
    return [(hit.record, hit.page) for hit in results.hits]


def test_nothing_indexed_finds_nothing(index):
    assert found(index, "factura") == []
    assert list(index.contents()) == []


def test_names_engine_and_mapping(home, index):
    assert index.engine.startswith(home.name + " ")
    assert index.engine.split()[1][0].isdigit()
    assert index.mapping_version == MAPPING_VERSION


def test_a_page_is_found_as_soon_as_apply_returns_by_every_reader(home, index):
    reader = home.again()
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


def test_a_newer_version_replaces_all_pages(index):
    index.apply([record("rec_1", "uno", "dos", "tres", version=1)])
    index.apply([record("rec_1", "cuatro", version=2)])
    assert found(index, "uno") == found(index, "tres") == []
    assert found(index, "cuatro") == [("rec_1", 1)]
    assert list(index.contents()) == [IndexedRecord("rec_1", 2, 1)]


def test_an_older_version_never_replaces_a_newer_one(index):
    index.apply([record("rec_1", "nuevo", version=7)])
    index.apply([record("rec_1", "viejo", "más viejo", version=6)])
    assert found(index, "viejo") == []
    assert list(index.contents()) == [IndexedRecord("rec_1", 7, 1)]
    index.apply([Removal("rec_1", 6)])
    assert found(index, "nuevo") == [("rec_1", 1)]


def test_an_older_version_does_not_bring_back_what_was_removed(index):
    index.apply([record("rec_1", "uno", "dos", version=1)])
    index.apply([Removal("rec_1", 5)])
    index.apply([record("rec_1", "uno", "dos", version=4), record("rec_1", "uno", version=5)])
    assert found(index, "uno") == []
    assert list(index.contents()) == []
    index.apply([record("rec_1", "uno", version=6)])
    assert found(index, "uno") == [("rec_1", 1)]


def test_a_record_never_seen_can_be_removed_before_it_comes(index):
    index.apply([Removal("rec_1", 5)])
    index.apply([record("rec_1", "uno", version=4)])
    assert found(index, "uno") == []


def test_the_same_change_twice_is_no_error(index):
    changes = [record("rec_1", "uno", version=1), Removal("rec_2", 2)]
    index.apply(changes)
    index.apply(changes)
    assert found(index, "uno") == [("rec_1", 1)]
    assert list(index.contents()) == [IndexedRecord("rec_1", 1, 1)]


def test_changes_of_one_batch_hold_in_their_order(index):
    index.apply(
        [
            record("rec_1", "uno", version=1),
            record("rec_1", "dos", "tres", version=2),
            record("rec_1", "cuatro", version=1),
            record("rec_2", "cinco", version=1),
            Removal("rec_2", 2),
        ]
    )
    assert found(index, "dos") == [("rec_1", 1)]
    assert found(index, "uno") == found(index, "cuatro") == found(index, "cinco") == []
    assert list(index.contents()) == [IndexedRecord("rec_1", 2, 2)]


def test_no_changes_are_no_error(index):
    index.apply([])
    assert list(index.contents()) == []


def test_contents_counts_pages_and_knows_records_without_any(index):
    index.apply([record("rec_1", "uno", ""), record("rec_2", version=9), record("rec_10", "diez")])
    held = {IndexedRecord("rec_1", 1, 2), IndexedRecord("rec_2", 9, 0), IndexedRecord("rec_10", 1, 1)}
    assert set(index.contents()) == held


def test_a_record_of_many_pages_is_replaced_whole(index):
    index.apply([record("rec_1", *(["viejo"] * 1201), version=1)])
    assert index.search(Query("viejo", ALL)).total == 1201
    index.apply([record("rec_1", *(["nuevo"] * 3), version=2)])
    assert index.search(Query("viejo", ALL)).total == 0
    assert found(index, "nuevo") == [("rec_1", 1), ("rec_1", 2), ("rec_1", 3)]


def pages_by_cursor(index: SearchIndex, query: Query, meanwhile=lambda: None) -> list[tuple[str, int]]:
    seen: list[tuple[str, int]] = []
    results = index.search(query)
    total = results.total
    while True:
        seen.extend((hit.record, hit.page) for hit in results.hits)
        if results.cursor is None:
            return seen
        assert len(results.hits) == query.limit
        meanwhile()
        results = index.search(replace(query, cursor=results.cursor))
        assert results.total >= total


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


def test_rebuild_replaces_everything_and_leaves_nothing_beside(home, index):
    reader = home.again()
    index.apply([record("rec_1", "viejo"), record("rec_2", "factura")])
    assert found(reader, "viejo") == [("rec_1", 1)]
    assert index.rebuild([record("rec_2", "factura", "anexo", version=3), record("rec_3")]) == 2
    assert found(reader, "viejo") == []
    assert found(reader, "factura") == [("rec_2", 1)]
    assert set(reader.contents()) == {IndexedRecord("rec_2", 3, 2), IndexedRecord("rec_3", 1, 0)}
    assert home.leftovers() == []
    reader.close()


def test_a_first_rebuild_needs_no_index(home, index):
    assert index.rebuild([record("rec_1", "uno")]) == 1
    assert found(index, "uno") == [("rec_1", 1)]
    assert home.leftovers() == []


def test_rebuild_keeps_in_mind_what_was_removed(index):
    index.apply([record("rec_1", "uno", version=1), Removal("rec_1", 5), Removal("rec_2", 5)])
    index.rebuild([record("rec_2", "dos", version=6)])
    index.apply([record("rec_1", "uno", version=4)])
    assert found(index, "uno") == []
    assert found(index, "dos") == [("rec_2", 1)]


def test_searches_go_on_during_a_rebuild(home, index):
    index.apply([record("rec_1", "viejo")])
    reader = home.again()
    answers = []

    def documents():
        for number in range(3):
            answers.append(found(reader, "viejo"))
            yield record(f"rec_{number + 2}", "nuevo")

    index.rebuild(documents())
    assert answers == [[("rec_1", 1)]] * 3
    assert len(found(reader, "nuevo")) == 3
    reader.close()


def test_changes_during_a_rebuild_are_refused_or_kept(home, index):
    index.apply([record("rec_1", "uno", version=1)])
    writer = home.again()
    refused = []

    def documents():
        yield record("rec_1", "uno", version=1)
        try:
            writer.apply([record("rec_1", "dos", version=2), record("rec_3", "tres"), Removal("rec_2", 9)])
        except IndexUnavailableError:
            refused.append(True)
        yield record("rec_1", "uno", "viejo", version=1)
        yield record("rec_2", "viejo", version=8)

    index.rebuild(documents())
    if refused:
        writer.apply([record("rec_1", "dos", version=2), record("rec_3", "tres"), Removal("rec_2", 9)])
    assert set(writer.contents()) == {IndexedRecord("rec_1", 2, 1), IndexedRecord("rec_3", 1, 1)}
    assert found(writer, "dos") == [("rec_1", 1)]
    assert found(writer, "viejo") == []
    writer.close()


def test_a_rebuild_that_breaks_off_leaves_the_old_index(home, index):
    index.apply([record("rec_1", "viejo")])

    def documents():
        yield record("rec_2", "nuevo")
        raise RuntimeError("the catalogue went away")

    with pytest.raises(RuntimeError):
        index.rebuild(documents())
    if home.name == "tantivy":
        assert home.leftovers() == []
    assert found(index, "viejo") == [("rec_1", 1)]
    assert found(index, "nuevo") == []
    index.apply([record("rec_3", "viejo")])
    assert found(home.again(), "viejo") == [("rec_3", 1), ("rec_1", 1)]
    assert index.rebuild([record("rec_2", "nuevo")]) == 1
    assert found(index, "viejo") == []
    assert home.leftovers() == []


CHILD = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests/contract"]
from test_search import open_index, record
index = open_index(sys.argv[2], sys.argv[4:])
if sys.argv[3] == "rebuild":
    def documents():
        for number in range(1_000_000):
            if number == 700:
                print("half", flush=True)
            yield record(f"rec_new{number}", "nuevo " * 30)
    index.rebuild(documents())
else:
    print("half", flush=True)
    for version in range(3, 1_000_000):
        index.apply([record(f"rec_{n}", *[f"v{version}"] * (1 + version % 7), version=version) for n in range(20)])
"""


def kill_child(home: Home, what: str, seconds: float) -> None:
    arguments = [sys.executable, "-c", CHILD, str(ROOT), home.name, what, *home.arguments]
    child = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "half\n"
        time.sleep(seconds)
        assert child.poll() is None
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()


def test_a_killed_rebuild_leaves_the_old_index(home, index):
    index.apply([record("rec_1", "viejo")])
    kill_child(home, "rebuild", 0)
    assert found(index, "viejo") == [("rec_1", 1)]
    assert found(index, "nuevo") == []
    index.apply([record("rec_2", "viejo")])
    assert index.rebuild([record("rec_2", "viejo", version=2)]) == 1
    assert set(index.contents()) == {IndexedRecord("rec_2", 2, 1)}
    assert home.leftovers() == []


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.7])
def test_after_a_killed_writer_the_same_changes_again_make_it_whole(home, index, seconds):
    index.apply([record(f"rec_{n}", *["viejo"] * 9, version=1) for n in range(20)])
    kill_child(home, "apply", seconds)
    assert len(list(index.contents())) == 20
    last = 10**9
    index.apply([record(f"rec_{n}", "final", "final", version=last) for n in range(20)])
    assert set(index.contents()) == {IndexedRecord(f"rec_{n}", last, 2) for n in range(20)}
    assert len(found(index, "final")) == 40
    assert found(index, "viejo") == []


def test_an_index_that_does_not_answer_says_so(home, tmp_path):
    index = home.deaf(tmp_path)
    for call in (
        lambda: index.apply([record("rec_1", "uno")]),
        lambda: index.search(Query("secreto", ALL)),
        lambda: list(index.contents()),
        lambda: index.rebuild([record("rec_1", "uno")]),
    ):
        with pytest.raises(IndexUnavailableError) as raised:
            call()
        assert "secreto" not in str(raised.value)
    index.close()


def test_contents_needs_flat_memory(home, index):
    index.apply([record(f"rec_{n:05d}") for n in range(6000)])
    next(index.contents())
    tracemalloc.start()
    try:
        assert sum(1 for _ in index.contents()) == 6000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20


def test_every_engine_agrees_with_a_look_at_each_page(home, index):
    """Random pages and queries: a page is found exactly if its own words match, by cursor in the same order."""
    chance = random.Random(20)
    words = [
        "factura",
        "facturas",
        "Facturación",
        "agua",
        "águas",
        "año",
        "F-2025-007",
        "2025",
        "1.234,50",
        "1234,5",
        "sumi-",
        "nistro",
        "suministro",
    ]
    texts = {}
    for number in range(40):
        for at in range(1, 4):
            parted = [chance.choice(words) + chance.choice([" ", " ", "\n"]) for _ in range(chance.randint(0, 9))]
            texts[f"rec_{number:02d}", at] = "".join(parted)
    index.apply([record(f"rec_{n:02d}", *(texts[f"rec_{n:02d}", at] for at in (1, 2, 3))) for n in range(40)])
    for _ in range(60):
        typed = " ".join(asked(chance, words) for _ in range(chance.randint(1, 3)))
        terms = parse(typed)
        if not terms.wanted:
            continue
        expected = {key for key, text in texts.items() if is_match(page(key[1], text), terms)}
        got = found(index, typed)
        assert set(got) == expected, typed
        assert pages_by_cursor(index, Query(typed, ALL, limit=chance.choice([1, 7, 50]))) == got


def asked(chance: random.Random, words: list[str]) -> str:
    word, other = chance.choice(words), chance.choice(words)
    return chance.choice(["", "", "-"]) + chance.choice([word, word, f'"{word} {other}"', f"{word[:4]}*", f'"{word}"'])


def is_match(text: PageText, terms) -> bool:
    stored = stored_page(text)
    return all(matching_words(stored, terms.wanted)) and not any(matching_words(stored, terms.unwanted))


def test_threads_share_one_index(index):
    index.apply([record(f"rec_{n}", f"factura {n}") for n in range(20)])
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda n: found(index, f"facturas {n % 20}"), range(80)))
    assert answers == [[(f"rec_{n % 20}", 1)] for n in range(80)]


def test_only_one_process_writes_the_embedded_index(tmp_path):
    index = TantivyIndex(tmp_path / "index", 0.2)
    index.apply([record("rec_1", "uno")])
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys\nwith open(sys.argv[1]) as lock:\n    fcntl.flock(lock, fcntl.LOCK_EX)\n"
            "    print('held', flush=True)\n    sys.stdin.read()",
            str(tmp_path / "index" / "LOCK"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for write in (lambda: index.apply([record("rec_2", "uno")]), lambda: index.rebuild([])):
            with pytest.raises(IndexUnavailableError, match="another process"):
                write()
        assert found(index, "uno") == [("rec_1", 1)]
        holder.kill()
    index.apply([record("rec_2", "uno")])
    assert len(found(index, "uno")) == 2


def test_an_embedded_index_of_another_version_asks_for_a_rebuild(tmp_path):
    index = TantivyIndex(tmp_path / "index", 1)
    index.apply([record("rec_1", "uno")])
    (tmp_path / "index" / "CURRENT").write_text('{"generation": "g000001", "mapping": 0}')
    for call in (lambda: index.search(Query("uno", ALL)), lambda: index.apply([record("rec_1", "uno")])):
        with pytest.raises(IndexUnavailableError, match="index rebuild"):
            call()
    index.rebuild([record("rec_1", "uno")])
    assert found(index, "uno") == [("rec_1", 1)]


def test_expunging_changes_no_answer(home, index):
    index.apply(
        [
            record("rec_1", "Factura uno", "dos", fields={"total": ["12.50"]}, date=date(2026, 1, 2), batch="bat_9"),
            record("rec_2", "Factura dos", client="cli_2", record_class="letter", state="in_review"),
            record("rec_3", "tercera"),
            record("rec_4"),
        ]
    )
    index.apply([Removal("rec_3", 2), record("rec_2", "Factura nueva", client="cli_2", version=3)])
    asked = [
        Query("factura", ALL), Query("", ALL, fields={"total": "12.5"}), Query("dos", ALL, record_class="invoice"),
        Query("nueva", ALL, client="cli_2"), Query("uno", ALL, date_from=date(2026, 1, 1)), Query("tercera", ALL),
    ]  # fmt: skip
    before = [index.search(query) for query in asked], by_record(index)
    index.expunge()
    for reader in (index, home.again()):
        assert ([reader.search(query) for query in asked], by_record(reader)) == before
    assert home.leftovers() == []
    index.apply([record("rec_3", "tercera", version=1), record("rec_5", "quinta")])  # what is older stays ignored
    assert found(index, "tercera") == [] and found(index, "quinta") == [("rec_5", 1)]


def test_expunging_leaves_nothing_of_what_was_removed(home, index):
    planted = record("rec_2", "zurullaplantada", fields={"name": ["plantadazurulla"]})
    index.apply([record("rec_1", "quedate"), planted, record("rec_3", "vecina")])
    index.apply([Removal("rec_2", 2), record("rec_1", "quedate", version=2)])
    assert found(index, "zurullaplantada") == []
    assert deleted_documents(home) > 0 if home.client else b"zurulla" in raw(home)  # hidden, and still there
    index.expunge()
    assert deleted_documents(home) == 0 if home.client else b"zurulla" not in raw(home)
    assert found(index, "quedate") == [("rec_1", 1)] and found(index, "vecina") == [("rec_3", 1)]


def test_expunging_nothing_is_no_error(home, index):
    index.expunge()
    assert found(index, "nada") == []


def by_record(index: SearchIndex) -> list[IndexedRecord]:
    return sorted(index.contents(), key=lambda held: held.record)


def raw(home: Home) -> bytes:
    return b"".join(path.read_bytes() for path in Path(home.arguments[0]).rglob("*") if path.is_file())


def deleted_documents(home: Home) -> int:
    home.client.indices.flush(index=home.alias)
    return int(home.client.indices.stats(index=home.alias)["_all"]["primaries"]["docs"]["deleted"])


def test_an_embedded_index_that_stored_less_is_not_expunged(tmp_path, monkeypatch):
    from search import tantivy_documents

    index = TantivyIndex(tmp_path / "index", 1)
    monkeypatch.setattr(tantivy_documents, "record_facts", lambda _: '{"client": "c", "class": "x", "fields": {}}')
    index.apply([record("rec_1", "uno")])
    with pytest.raises(IndexUnavailableError, match="index rebuild"):
        index.expunge()
    assert found(index, "uno") == [("rec_1", 1)]
    assert len([path for path in (tmp_path / "index").iterdir() if path.is_dir()]) == 1


@pytest.mark.parametrize("damage", ["CURRENT", "meta.json"])
def test_a_damaged_embedded_index_says_so_and_is_rebuilt(tmp_path, damage):
    folder = tmp_path / "index"
    TantivyIndex(folder, 1).apply([record("rec_1", "uno")])
    (folder / damage if damage == "CURRENT" else folder / "g000001" / damage).write_text("?")
    index = TantivyIndex(folder, 1)
    with pytest.raises(IndexUnavailableError):
        index.search(Query("uno", ALL))
    assert index.rebuild([record("rec_1", "uno")]) == 1
    assert found(index, "uno") == [("rec_1", 1)]
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 1


def test_the_embedded_index_is_private_to_its_owner(tmp_path):
    TantivyIndex(tmp_path / "index", 1).apply([record("rec_1", "uno")])
    assert (tmp_path / "index").stat().st_mode & 0o077 == 0


class Cut:
    """A wire to a server that is cut for good after so many bytes were sent to it."""

    def __init__(self, host: str, port: int, after: int) -> None:
        self._server = (host, port)
        self._left = after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._server)
            except OSError:
                return
            self._open += [near, far]
            for source, target, counted in ((near, far, True), (far, near, False)):
                thread = threading.Thread(target=self._carry, args=(source, target, counted), daemon=True)
                thread.start()
                self._threads.append(thread)

    def _carry(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        try:
            while data := source.recv(4096):
                if counted:
                    self._left -= len(data)
                    if self._left < 0:
                        self.close()
                        return
                target.sendall(data)
        except OSError:
            return

    def close(self) -> None:
        for end in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.mark.service
@pytest.mark.parametrize("after", [3_000, 20_000, 60_000, 120_000])
def test_a_connection_cut_half_way_is_made_good_by_the_same_change(request, after):
    settings = request.getfixturevalue("opensearch_settings")
    alias = f"contract{time.time_ns()}"
    rest = [settings.user, settings.password, str(settings.ca), alias]
    index = open_index("opensearch", [settings.url, *rest])
    index.apply([record("rec_1", *["viejo"] * 300, version=1)])
    host, _, port = settings.url.removeprefix("https://").partition(":")
    wire = Cut(host, int(port), after)
    cut = open_index("opensearch", [f"https://127.0.0.1:{wire.port}", *rest])
    change = record("rec_1", *["nuevo " * 40] * 200, version=2)
    with pytest.raises(IndexUnavailableError):
        cut.apply([change])
    wire.close()
    cut.close()
    index.apply([change])
    assert list(index.contents()) == [IndexedRecord("rec_1", 2, 200)]
    assert index.search(Query("viejo", ALL)).total == 0
    index.close()


@pytest.mark.service
def test_an_opensearch_index_of_another_version_asks_for_a_rebuild(request):
    settings = request.getfixturevalue("opensearch_settings")
    alias = f"contract{time.time_ns()}"
    arguments = [settings.url, settings.user, settings.password, str(settings.ca), alias]
    index = open_index("opensearch", arguments)
    index.apply([record("rec_1", "uno")])
    client = OpenSearch(
        settings.url,
        http_auth=(settings.user, settings.password),
        ca_certs=str(settings.ca),
        verify_certs=True,
    )
    client.indices.put_mapping(index=alias, body={"_meta": {"mapping": 0}})
    late = open_index("opensearch", arguments)
    for call in (lambda: late.search(Query("uno", ALL)), lambda: late.apply([record("rec_1", "uno")])):
        with pytest.raises(IndexUnavailableError, match="index rebuild"):
            call()
    late.rebuild([record("rec_1", "uno")])
    assert found(late, "uno") == [("rec_1", 1)]
    client.indices.delete(index=f"{alias}-*")
    for one in (client, index, late):
        one.close()
