"""Barcodes: every one-character error and every swap of neighbours is noticed, whatever the scanner adds is not."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.barcodes import (
    CODE_LENGTH,
    KIND_NAMES,
    LAST_NUMBER,
    Barcode,
    Kind,
    grouped,
    looks_like_code,
    make_code,
    read_code,
)  # fmt: skip
from records.errors import BarcodeError

KINDS = st.sampled_from(list(Kind))
NUMBERS = st.integers(1, LAST_NUMBER)
CHARACTERS = string.digits + string.ascii_uppercase
CODES = st.builds(make_code, KINDS, NUMBERS)


def reason(text: str) -> str:
    with pytest.raises(BarcodeError) as caught:
        read_code(text)
    return caught.value.reason


# computed by hand: kind and digits as a number with F = 15, times 100, and 98 minus the remainder modulo 97
@pytest.mark.parametrize(
    ("kind", "number", "code"),
    [
        (Kind.FILE, 12, f"F00000012{98 - 150000001200 % 97:02d}"),
        (Kind.BOX, 99_999_999, f"B99999999{98 - 119999999900 % 97:02d}"),
        (Kind.PERSON, 1, f"P00000001{98 - 250000000100 % 97:02d}"),
    ],
)
def test_check_digits_are_those_of_iso_7064(kind: Kind, number: int, code: str) -> None:
    assert make_code(kind, number) == code and str(Barcode(kind, number)) == code


@given(KINDS, NUMBERS)
def test_a_code_is_read_back(kind: Kind, number: int) -> None:
    code = make_code(kind, number)
    assert len(code) == CODE_LENGTH
    assert read_code(code) == Barcode(kind, number) == read_code(grouped(code)) == read_code(code.lower())


@given(CODES, st.data())
def test_every_wrong_character_is_noticed(code: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(code) - 1))
    for character in CHARACTERS:
        if character != code[place]:
            assert reason(code[:place] + character + code[place + 1 :])


@given(CODES, st.data())
def test_every_missing_or_added_character_is_noticed(code: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(code)))
    for character in CHARACTERS:
        assert reason(code[:place] + character + code[place:])
    if place < len(code):
        assert reason(code[:place] + code[place + 1 :])


@given(CODES, st.integers(0, CODE_LENGTH - 2))
def test_every_swap_of_neighbours_is_noticed(code: str, place: int) -> None:
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    if swapped != code:
        assert reason(swapped)


@given(st.lists(CODES, min_size=2, max_size=4))
def test_codes_run_together_are_refused(codes: list[str]) -> None:
    assert reason("".join(codes)) == "run-on"
    assert reason("\t".join(codes)) == "run-on"


@pytest.mark.parametrize(
    "written",
    ["{}\r\n", "{}\t", "  {}  ", "\x02{}\x03", "]C0{}", "\ufeff{}", "{}\x00", "{}\u2028"],
    ids=["line end", "tab", "spaces", "framed", "AIM prefix", "byte order mark", "zero", "line separator"],
)
def test_what_a_scanner_adds_does_not_matter(written: str) -> None:
    code = make_code(Kind.FILE, 4711)
    assert read_code(written.format(code)) == Barcode(Kind.FILE, 4711)


@pytest.mark.parametrize(
    ("digits", "letter"),
    [
        ("à&é\"'(-è_ç", "f"), ("à&é\"'(§è!ç", "f"), ("é+ěščřžýáí", "f"), ("0123456789", "φ"), ("0123456789", "А"),
        ("0123456789", "f"),
    ],
    ids=["French", "Belgian", "Czech", "Greek", "Russian", "Spanish"],
)  # fmt: skip
def test_other_keyboard_layouts_are_understood(digits: str, letter: str) -> None:
    code = make_code(Kind.FILE, 12345678)
    typed = letter + "".join(digits[int(digit)] for digit in code[1:])
    assert read_code(typed) == Barcode(Kind.FILE, 12345678)
    wrong = typed[:-1] + digits[(int(code[-1]) + 1) % 10]
    assert reason(wrong)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not-a-barcode"),
        ("lend", "not-a-barcode"),
        ("212", "not-a-barcode"),
        ("X0000001234", "not-a-barcode"),
        ("F00000000" + "98", "check-digits"),
        ("F0000001234", "check-digits"),
        ("F000000123", "wrong-length"),
        ("0000001234", "wrong-length"),
        ("F 00000012 34", "not-a-barcode"),
        ("F" * 5000, "not-a-barcode"),
        ("F００００００１２３４", "not-a-barcode"),
        ("\udcff\udc00", "not-a-barcode"),
    ],
)
def test_each_wrong_input_has_its_reason(text: str, why: str) -> None:
    assert reason(text) == why
    assert looks_like_code(text) is (why != "not-a-barcode")


def test_number_zero_with_right_check_digits_is_no_code() -> None:
    assert reason(f"F00000000{98 - 150000000000 % 97:02d}") == "check-digits"


@pytest.mark.parametrize("number", [0, -1, LAST_NUMBER + 1])
def test_a_number_out_of_range_gets_no_code(number: int) -> None:
    with pytest.raises(BarcodeError, match="out-of-range"):
        make_code(Kind.FILE, number)


def test_what_was_scanned_is_not_in_the_error() -> None:
    with pytest.raises(BarcodeError) as caught:
        read_code("Teresa Muñoz")
    assert "Teresa" not in str(caught.value) + repr(caught.value.args)


@given(st.text(max_size=300))
def test_whatever_is_typed_is_a_code_or_an_error(text: str) -> None:
    try:
        assert make_code(read_code(text).kind, read_code(text).number)
    except BarcodeError as error:
        assert error.reason in {"not-a-barcode", "run-on", "wrong-length", "check-digits"}


def test_every_kind_has_its_own_letter_and_name() -> None:
    assert set(KIND_NAMES) == set(Kind) and len(set(KIND_NAMES.values())) == len(Kind)
    assert not {kind.value for kind in Kind} & set("AQZWMY")  # these stand elsewhere on French or German keyboards
