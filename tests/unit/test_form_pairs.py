"""Forms that no class knows: their own labels and answers, with evidence, and never taken without a person."""

from dataclasses import replace
from datetime import date

import pytest

from records.class_library import shipped_library
from records.text import union
from tasks.describe import describe
from tasks.layout import lay_out
from tests.corpus.drawn_pages import page

LIBRARY = shipped_library()
TODAY = date(2026, 3, 1)

ENGLISH = """
Membership of the rowing club

1 Name of applicant                         2 Country of citizenship
Ada Holm                                    Norway

3 Home address (number, street, and apartment). Write
in capital letters
14 Quay Lane

Phone: 555 0142          Date of birth    4 May 1990

Employer identification number
1   2   3   4   5   6   7

                                            Ada Holm
                                            Signature of applicant
"""
SPANISH = """
SOLICITUD DE PLAZA

Apellidos                      Nombre                       DNI
Ruiz Costa                     Alba                         12345678Z

Fecha de nacimiento: 04/05/1990
Domicilio (calle y número)
Rambla Nova, bajo
"""


def pairs(text, **options):
    """Return what a drawn page's labels were answered, and its description."""
    found = describe([page(text, **options)], LIBRARY, TODAY, class_hint="generic")
    rows: dict[int, dict[str, str]] = {}
    for field in found.fields:
        if field.index is not None:
            rows.setdefault(field.index, {})[field.name] = field.value
    return {(row["question"], row["answer"]) for row in rows.values()}, found


@pytest.mark.parametrize("source", ["ocr", "born-digital"])
def test_labels_are_paired_with_what_stands_beside_under_or_over_them(source):
    found, _ = pairs(ENGLISH, language="eng", source=source)
    assert found == {
        ("1 Name of applicant", "Ada Holm"),
        ("2 Country of citizenship", "Norway"),
        ("3 Home address (number, street, and apartment). Write in capital letters", "14 Quay Lane"),
        ("Phone", "555 0142"),
        ("Date of birth", "4 May 1990"),
        ("Employer identification number", "1 2 3 4 5 6 7"),
        ("Signature of applicant", "Ada Holm"),
    }


def test_spanish_forms_ask_in_spanish():
    found, _ = pairs(SPANISH)
    assert found == {
        ("Apellidos", "Ruiz Costa"),
        ("Nombre", "Alba"),
        ("DNI", "12345678Z"),
        ("Fecha de nacimiento", "04/05/1990"),
        ("Domicilio (calle y número)", "Rambla Nova, bajo"),
    }


def test_pairs_have_evidence_and_are_never_taken_without_a_person():
    drawn = page(ENGLISH, language="eng")
    _, found = pairs(ENGLISH, language="eng")
    captured = [field for field in found.fields if field.index is not None]
    assert {(field.status, field.method, field.page, field.engine) for field in captured} == {
        ("review", "pair", 1, "drawn")
    }
    norway = next(field for field in captured if field.value == "Norway")
    assert norway.box == union(word.box for word in drawn.words if word.text == "Norway")
    (reason,) = [reason for reason in found.review if reason.field == "answer"]
    assert (reason.code, reason.message) == ("unconfirmed", "7 answers by the page's own labels")


def test_words_the_engine_was_unsure_of_make_an_answer_less_sure():
    sure, unsure = (pairs(ENGLISH, language="eng", confidence=value)[1] for value in (95.0, 50.0))
    assert max(f.confidence for f in unsure.fields if f.index is not None) < min(
        f.confidence for f in sure.fields if f.index is not None
    )


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Subject: Rowing in spring", "Rowing in spring"),
        ("the income is not subject to tax under a treaty", None),
        ("Asunto   Remo en primavera", "Remo en primavera"),
        ("no es un asunto de nuestra oficina", None),
    ],
)
def test_a_word_of_running_text_is_no_label_of_a_title(text, title):
    found = describe([page(f"Rowing club\n\n{text}\n")], LIBRARY, TODAY, class_hint="generic")
    assert next(field.value for field in found.fields if field.name == "title") == title


def test_what_says_its_answer_itself_asks_nothing_more():
    text = ENGLISH.replace("Phone: 555 0142", "Name of trainer: Bo Lind").replace(
        "14 Quay Lane", "14 Quay Lane\n\nClub house"
    )
    found, _ = pairs(text, language="eng")
    assert {answer for label, answer in found if label.startswith("Name of trainer")} == {"Bo Lind"}


def test_running_text_and_bullets_answer_nothing():
    text = ENGLISH.replace("14 Quay Lane", "> see the house rules")
    assert not [answer for _, answer in pairs(text, language="eng")[0] if "house" in answer]


@pytest.mark.parametrize(
    "text",
    [
        "Dear Ms Holm,\n\nthank you for your letter of 4 May. We have written to the owner of the house\n"
        "and asked him for the number of his account.\n\nPhone: 555 0142",
        "Name: Ada\nPhone: 555 0142\nDate: 4 May 1990",
    ],
)
def test_a_letter_with_a_few_labels_is_no_form(text):
    found, description = pairs(text, language="eng")
    assert found == set()
    assert "answer" not in {reason.field for reason in description.review}


def test_only_a_class_that_asks_for_pairs_has_them():
    found = describe([page(ENGLISH, language="eng")], LIBRARY, TODAY, class_hint="letter")
    assert not [field for field in found.fields if field.method == "pair"]


def typed():
    """Return a form filled in on a screen: the answers lie after all print, as one line of the text layer."""
    drawn = page(ENGLISH, language="eng", source="born-digital")
    last = max(word.line for word in drawn.words)
    answers = {"Norway", "14", "Quay", "Lane", "555", "0142"}
    ada = [word for word in drawn.words if word.text in ("Ada", "Holm")][:2]
    boxes = [word for word in drawn.words if word.text in answers or word in ada]
    print_ = [word for word in drawn.words if word not in boxes]
    return replace(drawn, words=(*print_, *(word._replace(line=last + 1, block=99) for word in boxes)))


def test_what_was_typed_into_boxes_is_told_from_print_and_nothing_else_answers():
    found = describe([typed()], LIBRARY, TODAY, class_hint="generic")
    answers = [field.value for field in found.fields if field.name == "answer"]
    assert answers == ["Ada Holm", "Norway", "14 Quay Lane", "555 0142"]


def test_a_line_that_leaps_over_rows_is_cut_where_it_leaps():
    rows = {row.text for row in lay_out(typed()).rows}
    assert {"Ada Holm   Norway", "14 Quay Lane"} <= rows
