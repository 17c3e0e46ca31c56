from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.arithmetic import Equation, check_lines, check_sum, check_tax, derive, parse_equation
from records.validation import (
    check_birth_date,
    check_date,
    check_date_order,
    check_expiry_date,
    check_iban,
    check_iban_known,
    check_tax_id,
    is_spanish_tax_id,
    repair_tax_id,
    shape_tax_id,
    suggest_tax_ids,
)

TODAY = date(2026, 3, 1)
TOTALS = parse_equation("net + tax? - |withholding|? = total")


@pytest.mark.parametrize("value", ["00000000T", "00000001R", "12345678Z", "99999999R"])
def test_placeholders_are_held_although_their_letter_is_right(value):  # acceptance case 1
    assert is_spanish_tax_id(value)
    assert check_tax_id(value).outcome == "hold"
    assert check_tax_id(value, typed=True).outcome == "hold"


def test_a_dropped_leading_zero_is_suggested():  # acceptance case 2
    check = check_tax_id("1234567L")
    assert check.outcome == "hold"
    assert "01234567L" in check.message


@pytest.mark.parametrize(
    ("value", "typed", "outcome"),
    [
        ("A58818501", True, "pass"),
        ("A5881850A", True, "warn"),
        ("A58818502", True, "reject"),
        ("A58818502", False, "hold"),
        ("ESA58818501", False, "pass"),
        ("P2807900B", False, "pass"),
        ("33333333P", False, "pass"),
        ("X2482300W", False, "pass"),
        ("DE136695976", False, "pass"),
        ("DE136695977", False, "hold"),
        ("29670869006", False, "unknown"),
    ],
)
def test_tax_ids(value, typed, outcome):  # acceptance case 3
    assert check_tax_id(value, typed=typed).outcome == outcome


def test_a_misread_tax_id_is_held_with_corrections_that_hold():  # acceptance case 3
    message = check_tax_id("A58818502").message
    near = suggest_tax_ids("A58818502")
    assert near and near[0] in message
    assert all(is_spanish_tax_id(value) for value in near)
    assert "A58818501" in suggest_tax_ids("A58818502", limit=50)


def test_suggestions_are_one_character_away():
    for value in suggest_tax_ids("B82387771", limit=50):
        assert sum(a != b for a, b in zip(value, "B82387771", strict=True)) == 1


@pytest.mark.parametrize(
    ("read", "meant"),
    [("B8238777O", "B82387770"), ("BB2387770", "B82387770"), ("B8Z387770", "B82387770"), ("82387770", None)],
)
def test_letters_in_the_place_of_digits_are_put_right_only_if_the_id_then_holds(read, meant):
    assert repair_tax_id(read) == meant


@pytest.mark.parametrize(
    ("read", "meant"),
    [("Q28180011", "Q2818001I"), ("B28180011", None), ("Q28180012", None), ("Q2818A011", None), ("Q2818001", None)],
)
def test_a_letter_that_must_stand_at_the_end_is_not_read_as_a_digit(read, meant):
    assert shape_tax_id(read) == meant


@pytest.mark.parametrize("typed", [True, False])
def test_wrong_national_check_digits_are_found_although_mod_97_is_right(typed):  # acceptance case 4
    check = check_iban("ES1512341234171234567890", typed=typed)
    assert check.outcome == ("reject" if typed else "hold")
    assert "national" in check.message


@pytest.mark.parametrize(
    ("value", "outcome"),
    [("ES9121000418450200051332", "pass"), ("ES9121000418450200051333", "hold"), ("ES912100", "hold"), ("", "hold")],
)
def test_ibans(value, outcome):
    assert check_iban(value).outcome == outcome


def test_an_account_read_from_a_document_is_never_known():
    assert check_iban_known().outcome == "unknown"


@pytest.mark.parametrize(
    ("check", "outcome"),
    [
        (check_date("2026-03-01", TODAY), "pass"),
        (check_date("2026-03-02", TODAY), "hold"),
        (check_date("1950-01-01", TODAY), "hold"),
        (check_birth_date("1980-05-05", TODAY), "pass"),
        (check_birth_date("2026-03-01", TODAY), "hold"),
        (check_birth_date("1900-05-05", TODAY), "hold"),
        (check_expiry_date("2030-01-01", TODAY), "pass"),
        (check_expiry_date("2020-01-01", TODAY), "warn"),
        (check_expiry_date("2099-01-01", TODAY), "hold"),
        (check_date_order("2026-01-01", "2026-01-31"), "pass"),
        (check_date_order("2026-01-02", "2026-01-01"), "hold"),
        (check_date_order("2026-01-01", "2028-01-01"), "hold"),
    ],
)
def test_dates(check, outcome):
    assert check.outcome == outcome


def test_tax_rounded_line_by_line_is_taken_and_the_difference_reported():  # acceptance case 12
    assert check_lines([Decimal("0.12")] * 5, Decimal("0.60")).outcome == "pass"
    check = check_tax(Decimal("0.60"), Decimal(21), Decimal("0.15"), lines=5)
    assert check.outcome == "info"
    assert "0.02" in check.message
    assert check_tax(Decimal("0.60"), Decimal(21), Decimal("0.15"), lines=1).outcome == "hold"


def test_a_total_that_is_off_is_held():  # acceptance case 13
    values = {"net": Decimal(100), "tax": Decimal(21), "total": Decimal(122)}
    assert check_sum(TOTALS, values).outcome == "hold"


def test_a_missing_amount_is_derived():  # acceptance case 14
    assert derive(TOTALS, {"net": Decimal(100), "tax": Decimal(21)}) == ("total", Decimal(121))
    assert derive(TOTALS, {"tax": Decimal(21), "total": Decimal(121)}) == ("net", Decimal(100))
    assert derive(TOTALS, {"tax": Decimal(21)}) is None
    assert check_sum(TOTALS, {"net": Decimal(100)}).outcome == "unknown"


def test_withholding_counts_the_same_with_either_sign():
    for sign in (1, -1):
        values = {"net": Decimal(100), "tax": Decimal(21), "withholding": sign * Decimal(15), "total": Decimal(106)}
        assert check_sum(TOTALS, values).outcome == "pass"


def test_half_a_cent_is_rounded_up():
    assert check_tax(Decimal("2.50"), Decimal(21), Decimal("0.53")).outcome == "pass"  # 0.525


@pytest.mark.parametrize("text", ["", "net", "net = ", "= total", "net tax = total", "net + = total", "|net = total"])
def test_what_is_no_equation_is_refused(text):
    with pytest.raises(ValueError, match="equation"):
        parse_equation(text)


@given(net=st.integers(1, 10**8), tax=st.integers(0, 10**7), off=st.integers(-(10**4), 10**4))
def test_a_sum_passes_exactly_when_it_adds_up(net, tax, off):
    values = {"net": Decimal(net) / 100, "tax": Decimal(tax) / 100, "total": Decimal(net + tax + off) / 100}
    outcome = check_sum(TOTALS, values).outcome
    assert outcome == ("pass" if off == 0 else "info" if abs(off) == 1 else "hold")
    assert isinstance(TOTALS, Equation)
