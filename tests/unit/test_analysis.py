"""Which words are the same word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.analysis import exact, fold, fold_value, forms, indexed, meanings, stems, tokens

FOLDED = {
    "Hormigón": "hormigon",
    "AÑO": "ano",
    "Pingüino": "pinguino",
    "straße": "strasse",
    "\ufb01n": "fin",
    "e\u0301": "e",
    "１２": "12",
}


@pytest.mark.parametrize("word", FOLDED)
def test_folds_accents_and_case(word):
    assert fold(word) == FOLDED[word]


FORMS = {
    "a word": ("Total:", ("total",), ()),
    "no word": ("—", (), ()),
    "a code": ("F-2025-007", ("f", "2025", "007"), ("f2025007",)),
    "a tax number": ("B-12.345.678", ("b", "12", "345", "678"), ("b12345678",)),
    "a Spanish amount": ("1.234,50€", ("1", "234", "50"), ("1234.5",)),
    "an English amount": ("1,234.50", ("1", "234", "50"), ("1234.5",)),
    "an amount without thousands": ("1234,5", ("1234", "5"), ("1234.5",)),
    "thousands only": ("1.234", ("1", "234"), ("1234",)),
    "round": ("(1.234,00)", ("1", "234", "00"), ("1234",)),
    "a whole number": ("2025", ("2025",), ()),
    "a date": ("12.05.2025", ("12", "05", "2025"), ("12052025",)),
    "a percentage": ("21%", ("21",), ()),
    "underlined": ("_a_b_", ("a", "b"), ("ab",)),
}


@pytest.mark.parametrize("case", FORMS)
def test_parts_and_further_forms(case):
    word, main, extra = FORMS[case]
    assert forms(word) == (main, extra)


SAME = [
    ("facturas", "factura"),
    ("facturación", "facturaciones"),
    ("facturacion", "facturación"),
    ("hormigones", "hormigón"),
    ("compañías", "compania"),
    ("países", "pais"),
    ("entregada", "entregados"),
    ("running", "run"),
    ("invoices", "invoice"),
    ("companies", "company"),
]
OTHER = [("factura", "fractura"), ("hormigón", "hormiga"), ("agua", "aguja"), ("invoice", "voice"), ("de", "des")]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_endings_make_no_other_word(one, other):
    assert set(meanings(fold(one))) & set(meanings(fold(other)))


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_other_words_stay_apart(one, other):
    assert not set(meanings(fold(one))) & set(meanings(fold(other)))


def test_only_words_of_letters_have_stems():
    assert stems("factura") == ("s:factur", "e:factura")
    assert stems("de") == stems("f2025") == stems("123") == ()
    assert meanings("123") == (exact("123"),)


def test_values_are_compared_folded():
    assert fold_value("  Áridos \n del SUR ") == "aridos del sur"
    assert len(fold_value("x" * 1000)) == 500


def test_long_noise_is_cut_alike_everywhere():
    assert forms("x" * 300).main == ("x" * 100,)


@given(st.text(max_size=30))
def test_any_word_answers_to_what_is_indexed_of_it(word):
    main, counted = indexed(word)
    answers = set(tokens(word))
    assert {exact(form) for form in main} <= answers
    assert set(counted) <= answers
    assert all(token and not any(letter.isspace() for letter in token) for token in (*main, *counted))


@given(st.text(max_size=30))
def test_stems_and_further_forms_keep_the_first_letter_of_a_part(word):
    """What search.snippets relies on to look at few words of a page."""
    main = forms(word).main
    firsts = {form[0] for form in main}
    assert {token[1] if token.startswith("=") else token[2] for token in tokens(word)} <= firsts
