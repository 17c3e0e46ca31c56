"""Which words of a page a query means, what is shown of them, and what an index keeps of a page."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.text import Box, PageText, Word
from search.documents import pack, page_fields, page_key, split_key, stored_page, unpack
from search.query import parse
from search.snippets import SNIPPET, boxes_of, matching_words, snippet


def page(text: str) -> PageText:
    words = [
        Word(word, Box(at, line, at + 1, line + 1), 90.0, line, 1)
        for line, row in enumerate(text.split("\n"))
        for at, word in enumerate(row.split(" "))
        if word
    ]
    return PageText(1, 100, 100, 300, 0, 0.0, "spa", "test", False, "ocr", tuple(words))


def marked(text: str, typed: str) -> str:
    stored = stored_page(page(text))
    return snippet(stored, matching_words(stored, parse(typed).wanted))


MARKED = {
    "each word asked for": (
        "la factura y las facturas",
        "factura",
        "la <mark>factura</mark> y las <mark>facturas</mark>",
    ),
    "a phrase only where it stands": (
        "a pagar total a pagar",
        '"total a"',
        "a pagar <mark>total</mark> <mark>a</mark> pagar",
    ),
    "the whole word for its part": ("n.º F-2025-007", "2025", "n.º <mark>F-2025-007</mark>"),
    "a code over several words": ("F - 2025 x", "F-2025", "<mark>F</mark> <mark>-</mark> <mark>2025</mark> x"),
    "both halves": ("el sumi-\nnistro", "suministro", "el <mark>sumi-</mark> <mark>nistro</mark>"),
    "both halves for one": ("el sumi-\nnistro", "nistro", "el <mark>sumi-</mark> <mark>nistro</mark>"),
    "three parts": ("in-\nter-\nno", "interno", "<mark>in-</mark> <mark>ter-</mark> <mark>no</mark>"),
    "beginnings": ("agua aguas luz", "agu*", "<mark>agua</mark> <mark>aguas</mark> luz"),
    "text as text": ("<b> & 'c'", "c", "&lt;b&gt; &amp; <mark>&#x27;c&#x27;</mark>"),
    "nothing": ("uno dos", "tres", "uno dos"),
}


@pytest.mark.parametrize("case", MARKED)
def test_marks(case):
    text, typed, expected = MARKED[case]
    assert marked(text, typed) == expected


def test_shows_the_place_with_most_terms_and_cuts_elsewhere():
    text = " ".join(["agua"] * 5 + ["nada"] * 200 + ["factura", "de", "agua"] + ["fin"] * 200)
    shown = marked(text, "factura agua")
    assert "<mark>factura</mark> de <mark>agua</mark> fin" in shown
    assert shown.startswith("…nada ")
    assert shown.endswith(" fin…")
    assert len(re.sub("</?mark>|…", "", shown)) <= SNIPPET


def test_an_empty_page_has_an_empty_snippet():
    assert marked("", "agua") == ""


def test_a_word_longer_than_a_snippet_is_cut():
    assert marked("x" * 1000, "agua") == "x" * SNIPPET


def test_words_are_only_broken_at_the_end_of_a_line_and_before_small_letters():
    for text in ("sumi- nistro", "2025-\nxyz", "Madrid-\nBarcelona", "a -\nb"):
        assert list(stored_page(page(text)).broken) == []
    assert list(stored_page(page("uno sumi\u00ad\nnistro")).broken) == [1]


def test_boxes_come_in_reading_order_once():
    stored = stored_page(page("agua luz agua"))
    matches = matching_words(stored, parse('agua "luz agua"').wanted)
    assert boxes_of(stored, matches) == (Box(0, 0, 1, 1), Box(1, 0, 2, 1), Box(2, 0, 3, 1))


def test_what_stands_often_is_marked_so():
    fields = page_fields(stored_page(page("agua aguas agua luz luz 21 21% 21€")))
    assert set(fields.often.split()) == {"s:agu", "e:agua", "=21"}
    assert fields.words == "agua aguas agua luz luz 21 21 21"


WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=12), max_size=12)


@given(WORDS)
def test_a_stored_page_reads_back(words):
    stored = stored_page(page(" ".join(words)))
    again = unpack(pack(stored))
    assert (list(again.words), list(again.sides), list(again.broken)) == (
        list(stored.words),
        list(stored.sides),
        list(stored.broken),
    )


@given(WORDS, st.data())
def test_every_word_of_a_page_finds_itself(words, data):
    stored = stored_page(page(" ".join(words)))
    for number, word in enumerate(stored.words):
        if word[0] == "-" or set(word) & set('"*“”«»„'):
            continue
        for term in parse(word).wanted:
            assert number in matching_words(stored, [term])[0]


@given(WORDS)
def test_a_snippet_is_the_pages_text_and_marks(words):
    text = " ".join(words)
    shown = html.unescape(re.sub("</?mark>", "", marked(text, 'a e "i o" ab*')))
    assert shown.strip("…") in " ".join(stored_page(page(text)).words) + "…"


def test_keys_sort_newest_record_first_and_pages_ascending():
    keys = [page_key(record, number) for record in ("rec_1", "rec_2") for number in (1, 2, 10)]
    assert [split_key(key) for key in sorted(keys, reverse=True)] == [
        ("rec_2", 1),
        ("rec_2", 2),
        ("rec_2", 10),
        ("rec_1", 1),
        ("rec_1", 2),
        ("rec_1", 10),
    ]


@pytest.mark.parametrize("key", ["", "rec_1", "rec_1/1", "rec 1/999998", "*/999998", "rec_1/999998\n"])
def test_what_is_no_key_is_refused(key):
    with pytest.raises(ValueError, match="not the key"):
        split_key(key)
