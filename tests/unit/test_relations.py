"""A record against what the client holds: duplicates, accounts first seen, changed or shared, known parties."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from records.catalogue import replace_fields
from records.class_library import shipped_library
from records.errors import ConfigurationError
from records.fields import Check, Description, Field
from records.parties import Party, parse_parties
from tasks.relations import relate

INVOICE = shipped_library().get("invoice")
OURS, THEIRS = "ES9121000418450200051332", "ES7921000813610123456789"
BASE = {
    "supplier": "Talleres Ruiz SL", "supplier_tax_id": "B82387770", "number": "F-0012/26", "date": "2026-02-01",
    "total": "121.00", "iban": OURS,
}  # fmt: skip
KINDS = {"date": "date", "total": "money", "iban": "iban", "supplier_tax_id": "tax_id"}


def field(name, value, status="accepted"):
    checks = {
        "iban": (Check("iban", "pass"), Check("iban-known", "unknown")),
        "supplier_tax_id": (Check("tax-id", "pass"),),
    }
    return Field(name, value, KINDS.get(name, "text"), status, confidence=0.99, checks=checks.get(name, ()))


def description(**changed):
    values = {**BASE, **changed}
    found = tuple(field(name, value, "review" if name == "iban" else "accepted") for name, value in values.items())
    return Description("invoice", "2", 1.0, (), found, ())


@pytest.fixture
def compared(services):
    """Hold some invoices of the client, then say what a further one is to them."""
    with services.database.read() as connection:
        client = connection.exec_driver_sql("SELECT id FROM clients").scalar_one()
    held = []

    def hold(status="accepted", client_id=client, **changed):
        record = f"rec_{len(held):032x}"
        held.append(record)
        now = datetime(2026, 3, 1, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        with services.database.write() as connection:
            if services.database.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            connection.exec_driver_sql(
                "INSERT OR IGNORE INTO batches (id, client, state, opened) VALUES ('bat_1', ?, 'open', ?)",
                (client_id, now),
            )
            connection.exec_driver_sql(
                "INSERT OR IGNORE INTO scans (id, client, batch, via, path, source, work, state, actor, offered, "
                "since, todo, attempt, lease_token) VALUES ('scn_1', ?, 'bat_1', 'ingest', '', x'', 'w', "
                "'accessioned', '{}', ?, ?, 0, 0, 0)",
                (client_id, now, now),
            )  # fmt: skip
            connection.exec_driver_sql(
                "INSERT INTO records (id, client, batch, scan, state, created, version) "
                "VALUES (?, ?, 'bat_1', 'scn_1', 'described', ?, 0)", (record, client_id, now),
            )  # fmt: skip
            found = [replace(one, status=status) for one in description(**changed).fields]
            replace_fields(connection, record, client_id, found, "evt_1")
        return record

    def relation(registry=(), marks=(False, False), **changed):
        with services.database.read() as connection:
            found = relate(connection, "rec_new", client, INVOICE, description(**changed), registry, marks)
        return {one.name: one for one in found.fields}, {(r.field, r.code) for r in found.review}

    return hold, relation


def test_case_16_and_17_the_same_invoice_is_held_as_a_duplicate(compared):
    hold, relation = compared
    record = hold()
    found, reasons = relation(number="12/26", iban=THEIRS)
    assert ("number", "duplicate") in reasons
    assert found["number"].status == "review"
    assert any(record in check.message for check in found["number"].checks)
    assert ("number", "duplicate") not in relation(number="1/226")[1]


def test_case_15_another_number_with_the_same_amount_is_a_candidate(compared):
    hold, relation = compared
    hold(number="2026/1041")
    assert ("number", "duplicate-candidate") in relation(number="2026/1047")[1]
    assert relation(number="2026/1047", total="99.00", date="2025-02-01")[1] <= {("iban", "iban-unconfirmed")}


def test_case_19_and_20_credit_notes_and_copies_are_linked_not_held(compared):
    hold, relation = compared
    hold()
    for marks in ((True, False), (False, True)):
        found, reasons = relation(marks=marks)
        assert not {code for field, code in reasons if field == "number"}
        assert found["number"].status == "accepted"
        assert any(check.check == "duplicate" and check.outcome == "info" for check in found["number"].checks)


def test_case_5_a_changed_account_is_held_and_its_first_use_again(compared):
    hold, relation = compared
    hold("confirmed", number="1", date="2026-01-01", total="5.00")
    assert relation()[0]["iban"].status == "accepted"  # confirmed for this party, never another
    found, reasons = relation(iban=THEIRS)
    assert (found["iban"].status, ("iban", "iban-changed") in reasons) == ("review", True)
    hold("confirmed", number="2", date="2026-01-02", total="6.00", iban=THEIRS)
    assert ("iban", "iban-changed") in relation(iban=THEIRS)[1]  # approved once: the first use is held again
    hold("confirmed", number="3", date="2026-01-03", total="7.00", iban=THEIRS)
    assert relation(iban=THEIRS)[0]["iban"].status == "accepted"


def test_an_account_never_confirmed_or_of_another_party_is_held(compared):
    hold, relation = compared
    assert relation()[0]["iban"].status == "review"
    hold("confirmed", supplier_tax_id="A58818501")
    assert ("iban", "iban-shared") in relation()[1]


def test_known_parties_decide_by_identifier(compared):
    _, relation = compared
    known = (Party("p1", "B82387770", "Talleres Ruiz S.L.", (), (OURS,)), Party("p2", "A58818501", "Cafés Sol SA"))
    found, reasons = relation(known)
    assert reasons == set()
    assert found["iban"].status == "accepted"
    assert ("supplier", "party-conflict") in relation(known, supplier="Cafés Sol SA")[1]
    assert ("supplier", "party-unknown") in relation(known, supplier="Otra", supplier_tax_id="B60000012")[1]
    assert ("iban", "iban-changed") in relation(known, iban=THEIRS)[1]


def test_a_list_of_parties_is_read_or_refused():
    text = "id,tax_id,name,aliases,accounts\np1,ES-B82387770,Talleres Ruiz,T. Ruiz;Ruiz,ES91 2100 0418 4502 0005 1332\n"
    (found,) = parse_parties(text.encode())
    assert (found.tax_id, found.aliases, found.accounts) == ("B82387770", ("T. Ruiz", "Ruiz"), (OURS,))
    for wrong in (b"\xff\xfe\x00", b"id,name\n,x\n"):
        with pytest.raises(ConfigurationError):
            parse_parties(wrong)
