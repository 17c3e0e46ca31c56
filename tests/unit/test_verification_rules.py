"""Acceptance cases of data verification that are rules alone: each test names its case."""

from datetime import date
from decimal import Decimal

import pytest

from records.case_files import compare_case
from records.duplicates import InvoiceKey, compare, is_copy, is_credit, number_groups
from records.fields import Field
from records.mrz import birth_date, check_digit, find_zone, read_zone, same_name
from records.parties import Party, match_party
from records.sampling import at_most, clean_needed, draw_sample, interval, judge_sample
from records.text import Box
from records.validation import check_iban, check_tax_id

TODAY = date(2026, 3, 1)
PASSPORT = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
CARD = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")


@pytest.mark.parametrize("value", ["00000000T", "00000001R", "12345678Z", "99999999R"])
def test_case_1_placeholders_are_held_though_their_letter_is_right(value):
    assert check_tax_id(value).outcome == "hold"
    assert check_tax_id(value, typed=True).outcome == "hold"


def test_case_2_a_dropped_zero_is_suggested():
    check = check_tax_id("1234567L")
    assert check.outcome == "hold"
    assert "01234567L" in check.message


@pytest.mark.parametrize(
    ("value", "typed", "outcome"),
    [
        ("A58818501", False, "pass"),
        ("A5881850A", False, "warn"),
        ("A58818502", True, "reject"),
        ("A58818502", False, "hold"),
    ],
)
def test_case_3_control_characters(value, typed, outcome):
    check = check_tax_id(value, typed=typed)
    assert check.outcome == outcome
    if outcome in ("hold", "reject"):
        assert "A58818501" in check.message  # one character away


@pytest.mark.parametrize(("typed", "outcome"), [(True, "reject"), (False, "hold")])
def test_case_4_national_check_digits_of_an_account(typed, outcome):
    check = check_iban("ES1512341234171234567890", typed=typed)
    assert (check.outcome, "national" in check.message) == (outcome, True)


def test_zones_of_the_standard_are_read():
    passport, card = read_zone(PASSPORT, TODAY), read_zone(CARD, TODAY)
    for zone, number in ((passport, "L898902C3"), (card, "D23145890")):
        assert (zone.surname, zone.given_names, zone.number) == ("ERIKSSON", "ANNA MARIA", number)
        assert (zone.birth_date, zone.expiry_date, zone.sex) == (date(1974, 8, 12), date(2012, 4, 15), "F")
        assert (zone.nationality, zone.failed) == ("UTO", ())


def test_a_zone_is_found_among_other_lines_and_with_spaces():
    lines = ["REINO DE ESPAÑA", "anything", *(f" {line[:10]} {line[10:]}" for line in CARD)]
    assert find_zone(lines, TODAY).form == "TD1"
    assert find_zone(["nothing", "here"], TODAY) is None


@pytest.mark.parametrize("place", [0, 5, 13, 21, 30])
def test_a_changed_digit_of_a_zone_is_named(place):
    second = PASSPORT[1]
    other = str((int(second[place]) + 1) % 10) if second[place].isdigit() else chr(ord(second[place]) + 1)
    zone = read_zone((PASSPORT[0], second[:place] + other + second[place + 1 :]), TODAY)
    assert zone.failed


def test_case_9_a_changed_name_passes_the_digits_and_not_the_comparison():
    zone = read_zone((PASSPORT[0].replace("ERIKSSON", "ERIXSSON"), PASSPORT[1]), TODAY)
    assert zone.failed == ()
    assert not same_name(zone.surname, "Eriksson")
    assert same_name("ERIKSSON", "Eriksson")


def test_case_10_0_read_as_a_keeps_the_check_digit():
    assert check_digit("L8989A2C3") == check_digit("L898902C3")  # so only a comparison with the print shows it


@pytest.mark.parametrize(
    ("text", "day"), [("300101", date(1930, 1, 1)), ("250101", date(2025, 1, 1)), ("740812", date(1974, 8, 12))]
)
def test_case_11_the_century_of_birth_has_one_answer(text, day):
    assert birth_date(text, TODAY) == day


def key(number="F-0012/26", issuer="B82387770", day=date(2026, 2, 1), total="100.00", **other):
    return InvoiceKey(issuer, number, day, Decimal(total), **other)


def test_case_15_one_digit_makes_another_number_and_the_same_amount_a_candidate():
    assert compare(key("2026/1041"), key("2026/1047")).likeness == "candidate"
    assert compare(key("2026/1041"), key("2026/1047", total="101.00")).likeness == "different"


def test_case_16_key_fields_make_two_scans_one():
    assert compare(key(), key()).likeness == "duplicate"


def test_case_17_prefixes_and_zeros_do_not_part_but_groups_do():
    assert compare(key("F-0012/26"), key("12/26")).likeness == "duplicate"
    assert compare(key("12/26"), key("1/226")).likeness != "duplicate"
    assert number_groups("FRA-O12/26") == number_groups("12/26")
    assert number_groups("A-12") != number_groups("B-12")


def test_case_18_the_same_number_in_another_year_is_another_invoice():
    assert compare(key("17", day=date(2025, 2, 1)), key("17")).likeness == "different"


def test_case_19_a_credit_note_is_linked():
    assert compare(key(credit=True), key()).likeness == "linked"
    assert is_credit("FACTURA RECTIFICATIVA", Decimal(5))
    assert is_credit("Factura", Decimal("-5"))
    assert not is_credit("Factura", Decimal(5))


def test_case_20_a_copy_is_linked():
    assert compare(key(copy=True), key()).likeness == "linked"
    assert is_copy("*** DUPLICADO ***")


def test_a_number_that_agrees_with_other_amounts_is_for_a_person():
    assert compare(key(total="100.00"), key(total="190.00")).likeness == "candidate"
    assert compare(key(issuer="A58818501"), key()).likeness == "different"
    assert compare(key(issuer=None, iban="ES91"), key(issuer="A58818501", iban="ES91")).likeness == "candidate"


REGISTRY = (
    Party("p1", "50812345Z", "Mario García López"),
    Party("p2", "B82387770", "Construcciones García S.L."),
    Party("p3", "A58818501", "Construcciones García Hermanos S.L."),
    Party("p4", None, "Bar Pepe", attributes=frozenset({"912345678", "28001 calle mayor 1"})),
)


def test_case_21_an_alike_name_is_only_possible():
    found = match_party("María García López", None, REGISTRY)
    assert (found.outcome, found.party, found.proposed[0].id) == ("possible", None, "p1")


def test_case_22_a_longer_name_is_no_match():
    found = match_party("CONSTRUCCIONES GARCIA HERMANOS SL", None, REGISTRY)
    assert found.outcome != "match"


def test_case_23_identifier_of_one_and_name_of_another_is_a_conflict():
    found = match_party("Construcciones García Hermanos SL", "B82387770", REGISTRY)
    assert (found.outcome, found.party.id, found.proposed[0].id) == ("conflict", "p2", "p3")


def test_an_identifier_with_its_name_matches_and_a_known_name_with_another_identifier_is_a_conflict():
    assert match_party("Construcciones Garcia, SL", "ES-B82387770", REGISTRY).party.id == "p2"
    assert match_party("Construcciones García SL", "B60000012", REGISTRY).outcome == "conflict"
    assert match_party("Cafés Nuevos SL", "B60000012", REGISTRY).outcome == "none"


def test_two_other_marks_stand_in_for_an_identifier():
    marks = frozenset({"912345678", "28001 calle mayor 1"})
    assert match_party("BAR PEPE", None, REGISTRY, marks).party.id == "p4"
    assert match_party("BAR PEPE", None, REGISTRY, frozenset({"912345678"})).outcome == "possible"


def stated(name, value, method="anchor"):
    return Field(name, value, "text", "accepted", page=1, box=Box(1, 2, 3, 4), method=method)


def test_case_24_a_name_that_differs_between_documents_blocks_the_case_with_both_places():
    outcome = compare_case(
        {
            "rec_a": ("identity", [stated("surname", "GARCIA LOPEZ", "mrz"), stated("given_names", "MARIA", "mrz")]),
            "rec_b": ("contract", [stated("customer", "Mario García López")]),
        },
        required=("identity", "contract", "payslip"),
    )
    (found,) = outcome.contradictions
    assert (found.fact, found.blocks, outcome.state) == ("name", True, "blocked")
    assert [(one.record, one.field.box) for one in found.statements] == [
        ("rec_a", Box(1, 2, 3, 4)), ("rec_b", Box(1, 2, 3, 4)),
    ]  # fmt: skip
    assert outcome.missing == ("payslip",)


def test_the_same_facts_written_in_other_ways_agree():
    outcome = compare_case(
        {
            "rec_a": ("contract", [stated("customer", "María García López"), stated("iban", "ES91 2100 0418")]),
            "rec_b": ("invoice", [stated("customer", "GARCIA LOPEZ, MARIA"), stated("iban", "ES9121000418")]),
        }
    )
    assert outcome.state == "consistent"


def test_case_27_a_sample_follows_from_seed_and_lot():
    ids = [f"rec_{number}" for number in range(500)]
    assert draw_sample(ids, 50, "a") == draw_sample(reversed(ids), 50, "a")
    assert draw_sample(ids, 50, "a") != draw_sample(ids, 50, "b")


@pytest.mark.parametrize(("share", "passed"), [(0.005, 0.997), (0.01, 0.96), (0.02, 0.76), (0.03, 0.48), (0.05, 0.13)])
def test_case_28_the_chance_that_a_lot_passes_is_the_binomial_one(share, passed):
    assert at_most(3, 125, share) == pytest.approx(passed, abs=0.01)


def test_how_many_must_be_clean():
    assert [clean_needed(share) for share in (0.01, 0.005, 0.001)] == [299, 598, 2995]


@pytest.mark.parametrize(
    ("wrong", "count", "low", "high"), [(0, 598, 0.0, 0.00615), (3, 125, 0.00497, 0.0685), (125, 125, 0.971, 1.0)]
)
def test_intervals_are_exact(wrong, count, low, high):
    assert interval(wrong, count) == pytest.approx((low, high), abs=0.001)


def test_case_29_one_critical_defect_rejects_the_lot():
    assert judge_sample([(False, True)] * 99 + [(True, True)]).rejected
    assert not judge_sample([(False, True)] * 99 + [(True, False)]).rejected
