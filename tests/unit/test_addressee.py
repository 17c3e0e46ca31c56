"""An invoice is for the client it is filed under: another customer is held, what cannot be checked is no pass."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from records.class_library import RecordClass, shipped_library
from records.fields import Description, Field
from records.parties import Party, check_addressee
from tasks.addressee import addressed

Run = Callable[..., Any]
INVOICE = shipped_library().get("invoice")
MINE = Party("cli_1", "B11000019", "Hotel Miramar, S.L.")
OTHER = "A58818501"


@pytest.mark.parametrize(
    ("client", "name", "tax_id", "outcome"),
    [
        (MINE, "HOTEL MIRAMAR SL", "B11000019", "pass"),
        (MINE, None, "ESB11000019", "pass"),
        (replace(MINE, tax_id="ESB11000019", name=""), "Anything", "B11000019", "pass"),  # no legal name on file
        (MINE, "Hotel Miramar, S.L.", OTHER, "hold"),
        (MINE, "Hotel Miramar, S.L.", "B11000018", "hold"),  # one digit: another, or misread; a person looks
        (MINE, "Cafés Sol, S.A.", "B11000019", "hold"),  # the identifier says one, the name another (case 23)
        (MINE, "Cafés Sol, S.A.", None, "hold"),
        (MINE, "Hotel Miramar, S.L.", None, "unknown"),  # a name alone proves nothing (cases 21 and 22)
        (MINE, None, None, "unknown"),
        (replace(MINE, tax_id=None), "Hotel Miramar, S.L.", "B11000019", "unknown"),
        (replace(MINE, tax_id=None), "Cafés Sol, S.A.", OTHER, "unknown"),
    ],
)
def test_the_tax_id_decides_and_the_name_confirms(
    client: Party, name: str | None, tax_id: str | None, outcome: str
) -> None:
    assert check_addressee(client, name, tax_id).outcome == outcome


def client_of(services: Any, tax_id: str | None, legal_name: str | None = None) -> str:
    with services.database.write() as connection:
        client = str(connection.exec_driver_sql("SELECT id FROM clients").scalar_one())
        connection.exec_driver_sql("UPDATE clients SET tax_id = ?, legal_name = ?", (tax_id, legal_name))
    return client


def judged(services: Any, client: str, record_class: RecordClass = INVOICE, **values: str) -> Description:
    found = tuple(Field(name, value, "text", "accepted", confidence=0.99) for name, value in values.items())
    with services.database.read() as connection:
        return addressed(connection, client, record_class, Description("invoice", "2", 1.0, (), found, ()))


def test_an_invoice_for_somebody_else_waits_for_a_person(services: Any) -> None:
    client = client_of(services, "B11000019", "Hotel Miramar")
    found = judged(services, client, customer="Hotel Miramar", customer_tax_id=OTHER)
    assert [(field.name, field.status) for field in found.fields] == [
        ("customer", "accepted"), ("customer_tax_id", "review"),
    ]  # fmt: skip
    assert [(reason.code, reason.field) for reason in found.review] == [("addressee", "customer_tax_id")]
    by_name = judged(services, client, customer="Cafés Sol")
    assert [(field.name, field.status) for field in by_name.fields] == [("customer", "review")]
    assert judged(services, client, customer_tax_id="B11000019").review == ()


def test_what_cannot_be_checked_says_so_and_passes_only_where_the_class_lets_it(services: Any) -> None:
    client = client_of(services, None)
    found = judged(services, client, customer_tax_id=OTHER)
    assert [check.outcome for check in found.fields[0].checks] == ["unknown"]
    assert (found.fields[0].status, found.review) == ("accepted", ())
    strict = tuple(replace(spec, unknown_ok=()) for spec in INVOICE.fields)
    found = judged(services, client, replace(INVOICE, fields=strict), customer_tax_id=OTHER)
    assert found.fields[0].status == "review"
    assert [reason.code for reason in found.review] == ["addressee-unknown"]


def test_a_class_without_an_addressee_is_not_asked(services: Any) -> None:
    client = client_of(services, "B11000019")
    letter = shipped_library().get("letter")
    assert judged(services, client, letter, addressee="Cafés Sol").fields[0].checks == ()


# --- by command


def customer(run: Run, record: str) -> dict[str, Any]:
    fields = run("record", "show", record, "--json").document["fields"]
    return next(field for field in fields if field["name"] == "customer_tax_id")


def waiting(run: Run, record: str) -> set[str]:
    review = run("record", "show", record, "--json").document["review"]
    return {reason["code"] for reason in review if reason["field"] == "customer_tax_id"}


def test_who_the_client_is_stands_on_file_and_not_in_the_ledger(held: Path, run: Run) -> None:
    row = run("client", "set", "default", "--tax-id", "es-a58818501", "--legal-name", "Cafés Sol", "--json").document
    assert (row["tax_id"], row["legal_name"]) == (OTHER, "Cafés Sol")
    assert run("client", "set", "default", "--legal-name", "Otra", "--json").document["tax_id"] == OTHER
    made = run("client", "add", "Sol", "--tax-id", "B82387770", "--json").document
    assert (made["tax_id"], made["legal_name"]) == ("B82387770", None)
    with closing(sqlite3.connect(held / "catalogue.db")) as connection:
        leaves = [str(row[0]) for row in connection.execute("SELECT leaf FROM events WHERE type = 'config_changed'")]
    assert sum("client-identity" in leaf for leaf in leaves) == 3
    assert not any(OTHER in leaf or "Sol" in leaf for leaf in leaves)
    assert run("custody", "check").code == 0


@pytest.mark.parametrize(
    "line", [["--tax-id", "A58818502"], ["--tax-id", "12345678Z"], ["--tax-id", "-"], ["--legal-name", " "], []]
)
def test_what_names_no_client_is_refused(held: Path, run: Run, line: list[str]) -> None:
    assert run("client", "set", "default", *line).code == 15
    assert run("client", "list", "--json").document[0]["tax_id"] is None


def test_two_people_keep_an_invoice_for_somebody_else(held: Path, run: Run, two: Run) -> None:
    run("client", "set", "default", "--tax-id", "B82387770")
    record = str(run("record", "list", "--class", "invoice", "--json").document["records"][0]["id"])
    run("review", "correct", record, "--set", "class=invoice", "--set", f"customer_tax_id={OTHER}")
    assert "addressee" in waiting(run, record)
    assert run("review", "correct", record, "--agree", "customer_tax_id").code == 27
    assert two("review", "correct", record, "--agree", "customer_tax_id", "--json").code == 0
    found = customer(run, record)
    assert (found["value"], found["status"], waiting(run, record)) == (OTHER, "corrected", set())
    assert [check["outcome"] for check in found["checks"] if check["check"] == "addressee"] == ["hold"]
    assert run("custody", "check").code == 0


def test_one_person_corrects_a_customer_to_the_client(held: Path, run: Run) -> None:
    run("client", "set", "default", "--tax-id", "B82387770")
    record = str(run("record", "list", "--class", "invoice", "--json").document["records"][0]["id"])
    run("review", "correct", record, "--set", "class=invoice")
    run("review", "correct", record, "--set", "customer_tax_id=B82387770")
    found = customer(run, record)
    assert (found["value"], found["status"], waiting(run, record)) == ("B82387770", "corrected", set())
    assert [check["outcome"] for check in found["checks"] if check["check"] == "addressee"] == ["pass"]
