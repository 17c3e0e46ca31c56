"""The date of a letter, contract or certificate stands in its dateline, whatever other dates its text names."""

from datetime import date

import pytest

from records.class_library import shipped_library
from records.validation import MAX_TERM_DAYS
from tasks.describe import describe
from tests.corpus.drawn_pages import page

TODAY = date(2026, 11, 20)
LETTER = """
Aseguradora Cantábrica, S.A.
C/ Ensenada 2, 39009 Santander

{dateline}

Asunto: Acuse de recibo

Estimado Sr. Ruiz:

Hemos recibido su escrito de fecha 7 de abril de 2026 sobre la póliza
4411228, en vigor desde el 3 de enero de 2020.

Atentamente,
Elena Saiz
"""
CONTRACT = """
CONTRATO DE ARRENDAMIENTO

En Santiago de Compostela, a 1 de febrero de 2026

REUNIDOS
De una parte, FRANCISCO OTERO LEMA, con DNI 50987123X, nacido el 4 de mayo de 1970.
De otra parte, PANADERÍA COMPOSTELA S.L., con CIF B15987605.

ESTIPULACIONES
PRIMERA. Fecha de finalización: {end}.
"""


def fields(text, name, language="spa"):
    found = describe([page(text, source="born-digital", language=language)], shipped_library(), TODAY, name)
    return {field.name: field for field in found.fields if field.index is None}


@pytest.mark.parametrize(
    "dateline",
    ["Santander, 14 de abril de 2026", "Santander, a 14 de abril de 2026.", "En Santander, a 14 de abril de 2026",
     "L'Hospitalet de Llobregat, 14 de abril de 2026", "A Coruña, a 14/04/2026",
     "San Sebastián (Gipuzkoa), 14-04-2026"],
)  # fmt: skip
def test_a_letter_is_of_the_day_of_its_dateline(dateline):
    found = fields(LETTER.format(dateline=dateline), "letter")["date"]
    assert (found.value, found.status) == ("2026-04-14", "accepted")


def test_a_letter_without_one_is_not_taken_to_be_of_a_day_it_speaks_of():
    assert fields(LETTER.format(dateline=""), "letter")["date"].status == "review"


def test_a_contract_is_of_the_day_it_was_signed_and_may_last_for_years():
    found = fields(CONTRACT.format(end="31 de enero de 2031"), "contract")
    assert (found["date"].value, found["date"].status) == ("2026-02-01", "accepted")
    assert found["end_date"].value == "2031-01-31"
    assert {check.outcome for check in found["end_date"].checks} <= {"pass", "info"}


@pytest.mark.parametrize("end", ["31 de enero de 2020", f"1 de marzo de {2027 + MAX_TERM_DAYS // 365}"])
def test_one_that_ends_before_it_begins_or_in_a_hundred_years_is_held(end):
    assert fields(CONTRACT.format(end=end), "contract")["end_date"].status == "review"


def test_a_certificate_is_of_the_day_it_is_given():
    text = """
BANCO EJEMPLO, S.A.
CERTIFICADO DE TITULARIDAD
La cuenta con IBAN ES91 2100 0418 4502 0005 1332
figura abierta a nombre de EDITORIAL MEDITERRÀNIA, S.L.U., con CIF B65987653,
desde el 12 de marzo de 2015.
Y para que conste, se expide el presente certificado en Barcelona, a 3 de junio de 2026.
"""
    found = fields(text, "bank_certificate")["date"]
    assert (found.value, found.status) == ("2026-06-03", "accepted")


def test_a_date_after_words_of_a_sentence_is_no_dateline():
    text = LETTER.format(dateline="").replace("Hemos recibido", "El Pago, 3 de mayo de 2026, vence. Hemos recibido")
    assert fields(text, "letter")["date"].status == "review"
