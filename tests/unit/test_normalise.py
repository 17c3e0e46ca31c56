from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.normalise import (
    clean_text,
    find_dates,
    find_money,
    find_numbers,
    find_rates,
    find_times,
    fold,
    identifier,
    read_number,
)


@pytest.mark.parametrize(
    ("text", "order", "value"),
    [
        ("14 de marzo de 2025", None, "2025-03-14"),
        ("a 1 de Enero del 2025", None, "2025-01-01"),
        ("14/03/2025", None, "2025-03-14"),
        ("14-3-25", None, "2025-03-14"),
        ("14.03.2025", None, "2025-03-14"),
        ("2025-03-14", None, "2025-03-14"),
        ("March 14, 2025", None, "2025-03-14"),
        ("14 Mar 2025", None, "2025-03-14"),
        ("14th March 2025", None, "2025-03-14"),
        ("August 3 , 2014", None, "2014-08-03"),
        ("03/14/2025", None, "2025-03-14"),
        ("03/04/2025", "mdy", "2025-03-04"),
        ("03/04/2025", "dmy", "2025-04-03"),
        ("11,04,20 09:51", "dmy", "2020-04-11"),
        ("7. Mai 2014", None, "2014-05-07"),
        ("02 Juillet 2015", None, "2015-07-02"),
        ("31/12/85", "dmy", "1985-12-31"),
        ("12/05/202515:59", "dmy", "2025-05-12"),
    ],
)
def test_dates_are_read(text, order, value):
    (reading,) = find_dates(text, order)
    assert (reading.value, reading.ambiguous) == (value, False)
    assert text[reading.start : reading.end] == reading.raw


def test_a_date_that_can_be_read_both_ways_is_ambiguous_without_an_order():
    (reading,) = find_dates("03/04/2025")
    assert reading.ambiguous
    assert not find_dates("03/03/2025")[0].ambiguous


@pytest.mark.parametrize("text", ["748/01 02.03.2015:59", "02.03.2018:33 h"])
def test_a_short_year_with_a_time_stuck_to_it_is_for_a_person(text):
    (reading,) = find_dates(text, "dmy")
    assert (reading.value, reading.ambiguous) == ("2020-03-02", True)


@pytest.mark.parametrize("text", ["31/02/2025", "99/99/2025", "1.234,50", "12/2025", "B12/03/2025", "192.168.10.12"])
def test_what_is_no_date_is_not_read_as_one(text):
    assert find_dates(text, "dmy") == []


@pytest.mark.parametrize(
    ("text", "decimal", "value", "currency"),
    [
        ("1.234,50 €", None, "1234.50", "EUR"),
        ("€1,234.50", None, "1234.50", "EUR"),
        ("1 234,50", None, "1234.50", None),
        ("1.234.567,89", None, "1234567.89", None),
        ("RM4.00", None, "4.00", "MYR"),
        ("$ 262.90", None, "262.90", "USD"),
        ("-392,00 €", None, "-392.00", "EUR"),
        ("36,00-", None, "-36.00", None),
        ("(12,00)", None, "-12.00", None),
        ("1.234", ",", "1234.00", None),
        ("86. 00", None, "86.00", None),
        ("4. 871,50 €", None, "4871.50", "EUR"),
        ("247,54 EUR", None, "247.54", "EUR"),
        ("RN24.00", None, "24.00", None),
    ],
)
def test_money_is_read(text, decimal, value, currency):
    (reading,) = find_money(text, decimal)
    assert (reading.value, reading.currency, reading.ambiguous) == (value, currency, False)


@pytest.mark.parametrize(
    ("digits", "decimal", "value", "ambiguous"),
    [
        ("1.234", None, "1234", True),
        ("1,234", None, "1234", True),
        ("1.234", ",", "1234", False),
        ("1.234", ".", "1.234", True),
        ("1,5", None, "1.5", False),
        ("1.234.567", None, "1234567", False),
        ("12", None, "12", False),
    ],
)
def test_one_sign_before_three_digits_is_read_by_the_document(digits, decimal, value, ambiguous):
    assert read_number(digits, decimal) == (Decimal(value), ambiguous)


@pytest.mark.parametrize("text", ["21 %", "21%", "14/03/2025", "08:31:00", "F-2025/12"])
def test_what_is_no_amount_is_not_read_as_one(text):
    assert not any(reading.firm for reading in find_money(text))


def test_rates_times_and_quantities():
    assert [reading.value for reading in find_rates("IVA 21,00 % y 4%")] == ["21", "4"]
    assert [reading.value for reading in find_times("a las 9:05 y 7:36:12 PM")] == ["09:05", "19:36:12"]
    assert [reading.value for reading in find_numbers("12,5 kg", ",")] == ["12.5"]


def test_identifiers_and_names_lose_what_is_not_theirs():
    assert identifier(" b-82.387 770 ") == "B82387770"
    assert clean_text(" : Talleres  Ruiz, S.L. - ") == "Talleres Ruiz, S.L."


@given(st.text())
def test_folding_keeps_every_position(text):
    assert len(fold(text)) == len(text)


@given(st.integers(0, 10**9))
def test_spanish_and_english_writing_of_an_amount_agree(cents):
    english = f"{Decimal(cents) / 100:,.2f}"
    spanish = english.translate(str.maketrans(",.", ".,"))
    assert find_money(english)[0].value == find_money(spanish)[0].value == f"{Decimal(cents) / 100:.2f}"


@given(st.dates())
def test_a_written_date_is_read_back(day):
    if 1900 <= day.year <= 2199:
        assert find_dates(f"{day.day:02d}/{day.month:02d}/{day.year}", "dmy")[0].value == day.isoformat()


@given(st.text(max_size=60))
def test_no_text_makes_a_reader_fail(text):
    for reader in (find_dates, find_money, find_numbers, find_rates, find_times):
        for reading in reader(text):
            assert 0 <= reading.start < reading.end <= len(text)
