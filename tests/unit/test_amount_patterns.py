"""Unusual amounts are pointed out and block nothing; a debt of the party by own books is shown."""

from decimal import Decimal

import pytest

from records.amount_patterns import check_amount
from records.class_library import parse_class, shipped_library
from records.errors import RecordClassError
from records.fields import Check, Field
from records.parties import Party, parse_parties
from tasks.relations import Held, _judge_amount, _judge_party

LIMITS = (Decimal(1000), Decimal(3000))
USUAL = [Decimal(str(amount)) for amount in (100, 104, 98, 101, 99, 103, 97, 102)]
INVOICE = shipped_library().get("invoice")


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("2999.99", "just below 3000"), ("2850.00", "just below 3000"), ("2849.99", None), ("3000.01", None),
        ("-2999.99", "just below 3000"), ("1500.00", "round"), ("900.00", None), ("1500.10", None),
    ],
)  # fmt: skip
def test_section_3_just_below_a_limit_and_round(amount: str, said: str | None) -> None:
    found = check_amount(Decimal(amount), LIMITS, [])
    assert [check.outcome for check in found] == (["warn"] if said else [])
    assert said is None or said in found[0].message


@pytest.mark.parametrize(
    ("amount", "earlier", "far"),
    [
        ("100.50", USUAL, False), ("116.00", USUAL, True), ("114.00", USUAL, False), ("20.00", USUAL, True),
        ("999.00", USUAL[:7], False),  # too few to be a history
        ("101.00", [Decimal(100)] * 8, False),  # always the same: a tenth is let pass
        ("115.00", [Decimal(100)] * 8, True),
    ],
)  # fmt: skip
def test_section_3_far_from_what_the_party_usually_asks(amount: str, earlier: list[Decimal], far: bool) -> None:
    found = check_amount(Decimal(amount), (), earlier)
    assert [(check.check, check.outcome) for check in found] == ([("amount-pattern", "warn")] if far else [])


def held(number: int, total: str, status: str = "accepted", issuer: str = "B64717838") -> Held:
    return Held(f"rec_{number}", {"supplier_tax_id": (issuer, "accepted"), "total": (total, status)})


def judged(others: list[Held], total: str = "1000.50") -> list[str]:
    values = {"supplier_tax_id": "B64717838", "total": total}
    fields = [Field("total", total, "money", "accepted")]
    key = INVOICE.duplicate_key
    assert key is not None
    _judge_amount(fields, INVOICE, key, values, others)
    assert fields[0].status == "accepted"
    return [check.outcome for check in fields[0].checks]


def test_only_totals_of_the_same_party_that_stand_are_its_history() -> None:
    mine = [held(n, f"{100 + n}.00") for n in range(8)]
    assert judged(mine) == ["warn"]
    assert judged([*mine[:7], held(8, "100.00", "review")]) == []
    assert judged([*mine[:7], held(8, "100.00", issuer="A58818501")]) == []
    assert judged(mine, "101.50") == []


def test_a_class_file_says_its_limits() -> None:
    text = b'name = "k"\nversion = "1"\napproval_limits = [3000, 15000]\n[title]\nes = "K"\nen = "K"\n'
    assert parse_class(text, "k.toml").approval_limits == (Decimal(3000), Decimal(15000))
    with pytest.raises(RecordClassError, match="approval_limits"):
        parse_class(text.replace(b"[3000, 15000]", b'["3000"]'), "k.toml")


def test_section_3_a_debt_by_own_books_is_shown_and_blocks_nothing() -> None:
    (party,) = parse_parties("id,tax_id,name,unpaid\n1,B64717838,Papelería Sol,4210.00 since\t2025-11\n".encode())
    assert party.unpaid == "4210.00 since 2025-11"
    values = {"supplier_tax_id": "B64717838", "supplier": "Papelería Sol"}
    fields = [
        Field("supplier_tax_id", "B64717838", "tax_id", "accepted", checks=(Check("tax-id", "pass"),)),
        Field("supplier", "Papelería Sol", "text", "accepted"),
    ]
    key, review = INVOICE.duplicate_key, []
    assert key is not None
    _judge_party(fields, review, key, values, [party])
    assert review == [] and fields[1].status == "accepted"
    assert [(check.check, check.outcome) for check in fields[1].checks] == [("party", "pass"), ("unpaid", "info")]
    _judge_party(fields, review, key, values, [Party("1", "B64717838", "Papelería Sol")])
    assert [check.check for check in fields[1].checks].count("unpaid") == 1
