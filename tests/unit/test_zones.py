"""Identity documents: the machine readable zone is read, checked, and compared with what is printed."""

from datetime import date

import pytest

from records.class_library import shipped_library
from records.mrz import check_digit
from tasks.describe import describe
from tests.corpus.drawn_pages import page

LIBRARY = shipped_library()
PASSPORT = """
PASSPORT                         UTOPIA
Surname
{surname}
Given names
Anna Maria
Passport no            {number}
Date of birth          12/08/1974
Date of expiry         15/04/2032
Sex                    F

P<UTO{zone_surname}<<ANNA<MARIA{filler}
{second}
"""


def second_line(number="L898902C3"):
    head = number + str(check_digit(number)) + "UTO"
    birth, expiry, optional = "740812", "320415", "ZE184226B<<<<<"
    birth, expiry, optional = (part + str(check_digit(part)) for part in (birth, expiry, optional))
    whole = f"{number}{check_digit(number)}{birth}{expiry}{optional}"
    return f"{head}{birth}F{expiry}{optional}{check_digit(whole)}"


def passport(surname="Eriksson", zone_surname="ERIKSSON", number="L898902C3", zone_number=None):
    filler = "<" * (44 - len(f"P<UTO{zone_surname}<<ANNA<MARIA"))
    return PASSPORT.format(
        surname=surname, zone_surname=zone_surname, number=number, filler=filler,
        second=second_line(zone_number or number),
    )  # fmt: skip


def fields(text):
    found = describe([page(text, language="eng")], LIBRARY, date(2026, 3, 1))
    assert found.record_class == "identity"
    return {field.name: field for field in found.fields}, {(r.field, r.code) for r in found.review}


def test_a_zone_that_agrees_with_the_print_gives_every_field():
    found, reasons = fields(passport())
    assert {name: field.value for name, field in found.items() if name != "issuer"} == {
        "document_type": "passport", "number": "L898902C3", "surname": "ERIKSSON", "given_names": "ANNA MARIA",
        "birth_date": "1974-08-12", "expiry_date": "2032-04-15", "nationality": "UTO", "sex": "F",
    }  # fmt: skip
    assert {found[name].method for name in ("number", "surname", "birth_date")} == {"mrz"}
    assert found["number"].status == found["surname"].status == "accepted"
    assert ("surname", "mrz") not in reasons


def test_case_9_a_name_that_differs_from_the_print_is_held():
    found, reasons = fields(passport(zone_surname="ERIXSSON"))
    assert found["surname"].status == "review"
    assert ("surname", "mrz") in reasons
    assert any("Eriksson" in check.message for check in found["surname"].checks)


def test_case_10_a_number_whose_digit_holds_but_differs_from_the_print_is_held():
    found, reasons = fields(passport(zone_number="L8989A2C3"))
    assert found["number"].value == "L8989A2C3"
    assert [check.outcome for check in found["number"].checks if check.check == "mrz"] == ["pass"]
    assert ("number", "mrz") in reasons


def test_check_digits_that_do_not_hold_are_held():
    found, reasons = fields(passport().replace("UTO740812", "UTO740813"))
    assert found["birth_date"].status == "review"
    assert ("birth_date", "mrz") in reasons


@pytest.mark.parametrize("name", ["surname", "number"])
def test_a_zone_alone_is_not_believed(name):
    text = "PASSPORT\nNationality\n" + "\n".join(passport().strip().splitlines()[-2:])
    found, _ = fields(text)
    assert found[name].value is not None
    assert found[name].status == "review"
