"""What every search index must do when it is killed, cut off, damaged, shared, or large."""

import random
import subprocess
import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from index_house import ALL, Cut, found, kill_child, open_index, page, pages_by_cursor, record
from opensearchpy import OpenSearch

from records.errors import IndexUnavailableError
from records.text import PageText
from search.contract import IndexedRecord, Query
from search.documents import stored_page
from search.query import parse
from search.snippets import matching_words
from search.tantivy_index import TantivyIndex


def test_a_killed_rebuild_leaves_the_old_index(index_home, index):
    index.apply([record("rec_1", "viejo")])
    kill_child(index_home, "rebuild", 0)
    assert found(index, "viejo") == [("rec_1", 1)]
    assert found(index, "nuevo") == []
    index.apply([record("rec_2", "viejo")])
    assert index.rebuild([record("rec_2", "viejo", version=2)]) == 1
    assert set(index.contents()) == {IndexedRecord("rec_2", 2, 1)}
    assert index_home.leftovers() == []


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.7])
def test_after_a_killed_writer_the_same_changes_again_make_it_whole(index_home, index, seconds):
    index.apply([record(f"rec_{n}", *["viejo"] * 9, version=1) for n in range(20)])
    kill_child(index_home, "apply", seconds)
    assert len(list(index.contents())) == 20
    last = 10**9
    index.apply([record(f"rec_{n}", "final", "final", version=last) for n in range(20)])
    assert set(index.contents()) == {IndexedRecord(f"rec_{n}", last, 2) for n in range(20)}
    assert len(found(index, "final")) == 40
    assert found(index, "viejo") == []


def test_an_index_that_does_not_answer_says_so(index_home, tmp_path):
    index = index_home.deaf(tmp_path)
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


def test_contents_needs_flat_memory(index_home, index):
    index.apply([record(f"rec_{n:05d}") for n in range(6000)])
    next(index.contents())
    tracemalloc.start()
    try:
        assert sum(1 for _ in index.contents()) == 6000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20


def test_every_engine_agrees_with_a_look_at_each_page(index_home, index):
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
