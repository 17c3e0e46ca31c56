"""Review from the command line: what waits, deciding it, and what the ledger, the index and the revisions then say."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def invoice(held: Path, run: Run) -> str:
    """The id of the invoice that waits for a person."""
    found = run("review", "list", "--reason", "iban-unconfirmed", "--json").document["items"]
    return str(found[0]["record"])


def rows(home: Path, query: str, *values: object) -> list[Any]:
    with sqlite3.connect(home / "catalogue.db") as connection:
        found = connection.execute(query, values).fetchall()
    connection.close()
    return found


def events(home: Path, record: str) -> list[str]:
    return [row[0] for row in rows(home, "SELECT type FROM events WHERE subject = ? ORDER BY seq", record)]


def fields_of(document: Any, name: str) -> list[Any]:
    return [field for field in document["fields"] if field["name"] == name]


def open_fields(document: Any) -> list[str]:
    return sorted({reason["field"] for reason in document["review"]})


def test_the_list_has_the_shape_of_the_contract(invoice: str, run: Run) -> None:
    item = next(i for i in run("review", "list", "--json").document["items"] if i["record"] == invoice)
    assert {"record", "reasons", "since", "locked_by"} <= item.keys() and item["locked_by"] is None
    assert {"code", "field", "message"} == item["reasons"][0].keys()
    assert run("review", "list", "--class", "receipt", "--json").document == {"items": []}
    assert run("review", "list", "--client", "nobody", "--json").code == 13


def test_listing_is_no_event_and_showing_is_one_before_it_shows(held: Path, invoice: str, run: Run) -> None:
    before = events(held, invoice)
    run("review", "list")
    assert events(held, invoice) == before
    shown = run("review", "show", invoice, "--json").document
    assert events(held, invoice) == [*before, "viewed"]
    assert shown["record"]["id"] == shown["items"][0]["record"] == invoice
    run("review", "next", "--class", "invoice")
    assert events(held, invoice) == [*before, "viewed", "viewed"]


def test_next_is_the_oldest_and_nothing_is_no_error(held: Path, run: Run) -> None:
    oldest = run("review", "list", "--json").document["items"][0]["record"]
    assert run("review", "next", "--json").document["items"][0]["record"] == oldest
    none = run("review", "next", "--class", "identity", "--json")
    assert none.code == 0 and none.document["items"] == [] and none.document["record"] is None


def test_settling_everything_releases_and_indexes_the_record(held: Path, invoice: str, run: Run) -> None:
    shown = run("review", "show", invoice, "--json").document["record"]
    keeps = [part for name in open_fields(shown) if name != "number" for part in ("--keep", name)]
    done = run("--json", "review", "correct", invoice, "--set", "number=F-77", *keeps, "--reason", "review: by phone")
    assert done.code == 0, done
    assert done.document["state"] == "indexed" and done.document["review"] == []
    types = events(held, invoice)[len(events(held, invoice)) - len(keeps) // 2 - 4 :]
    assert types[0] == "viewed" and types[1] == "field_corrected" and types[-2:] == ["review_released", "indexed"]
    assert run("search", "factura", "--field", "number=F-77", "--json").document["total"] == 1
    assert run("index", "status", "--json").document["equal"] is True
    assert invoice not in str(run("review", "list", "--json").document)
    settled = rows(held, "SELECT settled_by FROM reviews WHERE record = ?", invoice)
    assert all(by and by.startswith("psn_") for (by,) in settled)


def test_a_correction_keeps_the_evidence_and_the_earlier_revision(held: Path, invoice: str, run: Run) -> None:
    old = fields_of(run("record", "show", invoice, "--json").document, "number")[0]
    run("review", "correct", invoice, "--set", "number=F-77")
    new = fields_of(run("record", "show", invoice, "--json").document, "number")[0]
    assert (new["value"], new["status"], new["method"]) == ("F-77", "corrected", "person")
    assert [new[key] for key in ("page", "box", "raw")] == [old[key] for key in ("page", "box", "raw")]
    kept = rows(
        held,
        "SELECT value, current, actor IS NULL FROM fields WHERE record = ? AND name = 'number' ORDER BY revision",
        invoice,
    )
    assert kept == [(old["value"], 0, 1), ("F-77", 1, 0)]


def test_custody_holds_after_corrections_of_every_kind(held: Path, invoice: str, run: Run) -> None:
    run("review", "correct", invoice, "--set", "number=F-77", "--keep", "iban", "--set", "line_total[1]=490.01")
    run("review", "correct", invoice, "--set", "class=receipt")
    run("review", "correct", invoice, "--set", "class=invoice", "--set", "currency=USD", "--set", "withholding=")
    checked = run("custody", "check", "--json")
    assert checked.code == 0, checked.document["problems"]


def test_the_words_of_a_reason_stay_in_the_database(held: Path, invoice: str, run: Run) -> None:
    run("review", "correct", invoice, "--keep", "iban", "--reason", "dispute: Señora Prieto called")
    leaves = b"".join(row[0] for row in rows(held, "SELECT leaf FROM events"))
    assert b"Prieto" not in leaves and b'"reason":"dispute"' in leaves
    assert rows(held, "SELECT text FROM event_details") == [("Señora Prieto called",)]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("total=1.234", "two ways"),
        ("total=a lot", "an amount is written"),
        ("date=03/04/2026", "two ways"),
        ("date=31/02/2026", "YYYY-MM-DD"),
        ("supplier_tax_id=B64717839", "control character"),
        ("iban=ES9121000418450200051333", "check digits"),
        ("currency=XQQ", "ISO 4217"),
        ("nothing=1", "has no field"),
        ("total[1]=1.00", "not repeated"),
        ("line_total=1.00", "name its row"),
        ("class=nothing", "one of"),
        ("total", "NAME=VALUE"),
    ],
)
def test_what_cannot_be_meant_or_true_is_refused_and_changes_nothing(
    typed: str, said: str, held: Path, invoice: str, run: Run
) -> None:
    before = rows(held, "SELECT count(*) FROM events")
    answer = run("review", "correct", invoice, "--set", "number=F-77", "--set", typed, "--json")
    assert answer.code == 15 and said in answer.document["error"]["message"]
    assert rows(held, "SELECT count(*) FROM events") == before
    assert rows(held, "SELECT count(*) FROM fields WHERE status = 'corrected'") == [(0,)]


@pytest.mark.parametrize(
    ("typed", "value", "currency"),
    [
        ("total=1.234,50", "1234.50", "EUR"),
        ("total=1234.5", "1234.50", "EUR"),
        ("total=1,234.50 USD", "1234.50", "USD"),
        ("total=-12,00 €", "-12.00", "EUR"),
        ("date=13/04/2026", "2026-04-13", None),
        ("date=2026-4-3", "2026-04-03", None),
        ("tax_rate=10 %", "10", None),
        ("iban=es91 2100 0418 4502 0005 1332", "ES9121000418450200051332", None),
        ("supplier=  Papelería   Ordóñez, S.L. ", "Papelería Ordóñez, S.L.", None),
        ("supplier_tax_id=B-64717838", "B64717838", None),
    ],
)
def test_what_is_typed_is_normalised(typed: str, value: str, currency: str | None, invoice: str, run: Run) -> None:
    document = run("review", "correct", invoice, "--set", typed, "--json").document
    field = fields_of(document, typed.partition("=")[0])[0]
    assert (field["value"], field["currency"]) == (value, currency)


def test_a_sum_that_a_correction_breaks_is_said(invoice: str, run: Run) -> None:
    document = run("review", "correct", invoice, "--set", "total=1.00", "--json").document
    assert "hold" in [check["outcome"] for check in fields_of(document, "total")[0]["checks"]]


def test_a_row_of_a_repeated_field_is_addressed_by_its_number(invoice: str, run: Run) -> None:
    before = fields_of(run("record", "show", invoice, "--json").document, "line_total")
    document = run("review", "correct", invoice, "--set", "line_total[1]=490.01", "--json").document
    after = fields_of(document, "line_total")
    assert [field["index"] for field in after] == [field["index"] for field in before] == [0, 1, 2]
    assert [field["value"] for field in after] == [before[0]["value"], "490.01", before[2]["value"]]


def test_an_empty_value_says_that_there_is_none(invoice: str, run: Run) -> None:
    document = run("review", "correct", invoice, "--set", "due_date=", "--json").document
    assert [(f["value"], f["status"]) for f in fields_of(document, "due_date")] == [(None, "rejected")]


def test_a_class_that_a_person_names_describes_the_record_anew(held: Path, invoice: str, run: Run) -> None:
    document = run("review", "correct", invoice, "--set", "class=letter", "--json").document
    assert document["class"] == "letter" and document["class_confidence"] == 1.0
    assert {field["name"] for field in document["fields"]} <= {"date", "sender", "addressee", "subject", "reference"}
    assert "described" in events(held, invoice)[-3:]


def test_a_record_that_is_indexed_may_be_corrected_again(held: Path, invoice: str, run: Run) -> None:
    shown = run("review", "show", invoice, "--json").document["record"]
    run("review", "correct", invoice, *[part for name in open_fields(shown) for part in ("--keep", name)])
    again = run("review", "correct", invoice, "--set", "number=F-78", "--json")
    assert again.code == 0 and again.document["state"] == "indexed"
    assert events(held, invoice)[-4:] == ["viewed", "field_corrected", "described", "indexed"]
    assert run("search", "factura", "--field", "number=F-78", "--json").document["total"] == 1


def test_without_accreditation_nothing_is_shown_and_the_denial_is_an_event(
    held: Path, invoice: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = run("person", "add", "Ana", "--json").document["token"]
    run("person", "accredit", "Ana", "--role", "reader")
    monkeypatch.setenv("MUNIMENT_TOKEN", token)
    assert run("--as", "Ana", "review", "list", "--json").document == {"items": []}
    denied = run("--as", "Ana", "review", "correct", invoice, "--keep", "iban", "--json")
    assert denied.code == 27 and denied.document["error"]["code"] == "access-denied"
    assert events(held, invoice)[-1] == "access_denied"
    run("person", "accredit", "Ana", "--role", "reviewer")
    assert run("--as", "Ana", "review", "show", invoice, "--json").code == 0
