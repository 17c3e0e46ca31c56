"""The typed text of a search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.errors import QueryError
from search.answers import distance, understand
from search.contract import Access, Query
from search.cursor import Place, read_cursor, write_cursor
from search.query import Term, parse

READ = {
    "": ([], []),
    "  \t ": ([], []),
    "Factura": ([("word", ("factura",), ())], []),
    "F-2025": ([("word", ("f", "2025"), ("f2025",))], []),
    "a b": ([("word", ("a",), ()), ("word", ("b",), ())], []),
    '"Total a pagar"': ([("phrase", ("total", "a", "pagar"), ())], []),
    "“total, a”": ([("phrase", ("total", "a"), ())], []),
    "hormi*": ([("beginning", ("hormi",), ())], []),
    "F-20*": ([("beginning", ("f", "20"), ())], []),
    "agua -luz": ([("word", ("agua",), ())], [("word", ("luz",), ())]),
    'agua -"de luz" -ga*': (
        [("word", ("agua",), ())],
        [("phrase", ("de", "luz"), ()), ("beginning", ("ga",), ())],
    ),
    "agua - luz": ([("word", ("agua",), ()), ("word", ("luz",), ())], []),
    'agua"de luz"': ([("word", ("agua",), ()), ("phrase", ("de", "luz"), ())], []),
    '"" agua €': ([("word", ("agua",), ())], []),
    "5-3": ([("word", ("5", "3"), ("53",))], []),
}


def shape(terms: tuple[Term, ...]) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return [(term.kind, term.forms, term.others) for term in terms]


@pytest.mark.parametrize("typed", READ)
def test_understands(typed):
    terms = parse(typed)
    assert (shape(terms.wanted), shape(terms.unwanted)) == READ[typed]


def test_a_term_knows_where_it_was_typed():
    typed = 'una  "dos tres" -cua*'
    terms = parse(typed)
    assert [typed[term.start : term.end] for term in (*terms.wanted, *terms.unwanted)] == ["una", '"dos tres"', "cua*"]


REFUSED = {
    '"open': "character 1 is not closed",
    'agua "open': "character 6 is not closed",
    "agua”": "character 5 closes nothing",
    "*": "character 1",
    "ag*ua": "character 3",
    "agua a*": "character 7",
    "agua*x": "character 5",
    "agua-*": "character 6",
    '"ag*"': "inside the quotation marks at character 1",
    "x " * 33: "more than 32",
    "x" * 1001: "more than 1000",
}


@pytest.mark.parametrize("typed", REFUSED)
def test_says_where_it_cannot_be_understood_and_not_what(typed):
    with pytest.raises(QueryError) as raised:
        parse(typed)
    assert REFUSED[typed] in str(raised.value)
    assert "ag" not in str(raised.value)


@given(st.text(max_size=60))
def test_any_text_is_understood_or_refused(typed):
    try:
        terms = parse(typed)
    except QueryError:
        return
    for term in (*terms.wanted, *terms.unwanted):
        assert term.forms
        assert all(form.isalnum() for form in term.forms)
        assert typed[term.start : term.end].strip()


EVERYBODY = Access(frozenset({"cli_1"}))


def test_a_query_that_asks_for_nothing_is_refused():
    with pytest.raises(QueryError, match="nothing was asked for"):
        understand(Query("-agua", EVERYBODY))
    assert understand(Query("-agua", EVERYBODY, client="cli_1")).clients == ("cli_1",)


def test_bytes_that_are_no_text_are_refused():
    for query in (Query("a\udcff", EVERYBODY), Query("a", EVERYBODY, fields={"number": "\udcff"})):
        with pytest.raises(QueryError, match="not text"):
            understand(query)


def test_a_cursor_reads_back_and_does_not_tell_the_text():
    query = Query("secreto", EVERYBODY)
    cursor = write_cursor(query, Place(3, "rec_1/999998"))
    assert read_cursor(Query("secreto", EVERYBODY, cursor=cursor)) == Place(3, "rec_1/999998")
    assert read_cursor(query) is None
    assert "secreto" not in cursor


DISTANCES = [("factura", "factura", 0), ("fatcura", "factura", 1), ("factra", "factura", 1), ("fctra", "factura", 2)]


@pytest.mark.parametrize(("one", "other", "far"), DISTANCES)
def test_distance_counts_letters(one, other, far):
    assert distance(one, other, 2) == distance(other, one, 2) == far


@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_distance_is_exact_as_far_as_it_is_allowed(one, other):
    whole = distance(one, other, 99)
    assert [distance(one, other, allowed) for allowed in (1, 2, 3)] == [min(whole, n + 1) for n in (1, 2, 3)]
