"""Orders, contracts, deliveries: there, open, of this party, and enough of them left; and the lists that say so."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from records.class_library import shipped_library
from records.errors import ConfigurationError
from records.fields import Description, Field
from records.references import Reference, check_reference, parse_references
from tasks.reference_check import referred
from tests.corpus.plain_pdf import Page, write_pdf

Run = Callable[..., Any]
PRINT = """FACTURA

Papelería Ordóñez, S.L.
NIF: B64717838

Número de factura: 2026-0417
Fecha de factura: 12/03/2026
Nº de pedido: PO-2026/17

Cliente: Talleres Iniesta, S.A.
NIF del cliente: A58818501

Base imponible                                               1.234,50
IVA 21 %                                                       259,25
Total factura                                            1.493,75 EUR
"""
INVOICE = shipped_library().get("invoice")
TAX_ID = "B64717838"
LIST = (
    Reference("PO-2026/17", TAX_ID, True, Decimal("1300.00")), Reference("C-9", None, True, None),
    Reference("PO-1", TAX_ID, False, Decimal(9000)), Reference("PO-2", "A58818501", True, None),
    Reference("PO-3", TAX_ID, True, Decimal("1000.00")), Reference("PO-3", TAX_ID, True, Decimal("234.50")),
    Reference("PO-4", TAX_ID, True, Decimal("1234.49")),
)  # fmt: skip
CASES = {
    "there, open, enough": ("PO-2026/17", "pass"), "written otherwise": ("po 2026-17", "pass"),
    "anybody's, without end": ("C-9", "pass"), "two rows together": ("PO-3", "pass"),
    "not there": ("PO-2026/18", "hold"), "closed": ("PO-1", "hold"), "another party's": ("PO-2", "hold"),
    "a cent too much": ("PO-4", "hold"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_section_3_a_reference_exists_is_open_and_suffices(name: str) -> None:
    number, outcome = CASES[name]
    check = check_reference(number, f"ES{TAX_ID}", Decimal("1234.50"), LIST)
    assert check is not None and (check.check, check.outcome) == ("reference", outcome), check


def test_what_cannot_be_compared_is_unknown_and_never_a_pass() -> None:
    for check in (
        check_reference("C-9", TAX_ID, Decimal(1), None),  # the list could not be asked
        check_reference("PO-3", TAX_ID, None, LIST),  # no amount
    ):
        assert check is not None and check.outcome == "unknown"
    unread = check_reference("PO-2", None, Decimal(1), LIST)
    assert unread is not None and unread.outcome == "hold"
    assert check_reference("C-9", TAX_ID, Decimal(1), ()) is None  # no list: nothing is said


def described(number: str | None, listed: Any, **values: str) -> tuple[Field, list[str]]:
    amounts = {"net": "1234.50", "total": "1493.75", "supplier_tax_id": TAX_ID} | values
    fields = [Field(name, value, "text", "accepted") for name, value in amounts.items() if value]
    fields.append(Field("order_number", number, "code", "accepted" if number else "missing"))
    found = referred(listed, INVOICE, Description("invoice", "2", 1.0, (), tuple(fields), ()))
    return found.fields[-1], [reason.code for reason in found.review]


def test_the_amount_before_tax_is_compared_and_the_total_where_there_is_none() -> None:
    assert described("PO-2026/17", LIST)[0].status == "accepted"
    field, codes = described("PO-2026/17", LIST, net="")
    assert (field.status, codes) == ("review", ["reference"]) and "1493.75 is more" in field.checks[-1].message
    assert described("PO-2026/17", None)[1] == ["reference-unchecked"]
    assert described(None, LIST)[1] == [] and described("PO-9", ())[1] == []


@pytest.mark.parametrize(
    "text",
    ["number,open\nPO-1,perhaps\n", "number,remaining\nPO-1,1.234,5\nPO-2,x\n", "number\n--\n", "party\nB1\n",
     "number,remaining\nPO-1,NaN\n"],
)  # fmt: skip
def test_a_wrong_list_is_said_with_its_row(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"the list of references: row \d"):
        parse_references(text.encode())


def test_a_list_is_read_with_its_optional_columns() -> None:
    found = parse_references("number,party,open,remaining\nPO-1,ES-B64717838,Sí,10.50\nPO-2,,cerrado,\n".encode())
    assert found == (Reference("PO-1", TAX_ID, True, Decimal("10.50")), Reference("PO-2", None, False, None))
    with pytest.raises(ConfigurationError, match="UTF-8"):
        parse_references(b"number\n\xff\n")


@pytest.fixture
def record(home: Path, run: Run, tmp_path: Path) -> Callable[[], str]:
    """Takes in an invoice that names an order; returns its record."""

    def taken() -> str:
        lines = [b"(" + line.encode("cp1252") + b") Tj T*" for line in PRINT.splitlines()]
        content = b"\n".join([b"BT /F 11 Tf 18.24 TL 48 780 Td", *lines, b"ET"])
        write_pdf(tmp_path / "order.pdf", [Page(595.2, 841.92, 0, content)])
        run("ingest", tmp_path / "order.pdf", "--json")
        return str(run("record", "list", "--json").document["records"][0]["id"])

    return taken


def outcome(run: Run, record: str) -> str | None:
    shown = run("record", "show", record, "--json").document
    field = next(one for one in shown["fields"] if one["name"] == "order_number")
    assert field["value"] == "PO-2026/17"
    return next((check["outcome"] for check in field["checks"] if check["check"] == "reference"), None)


def test_a_clients_file_is_asked(
    home: Path, run: Run, tmp_path: Path, record: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_REFERENCE_FOLDER", str(tmp_path / "lists"))
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "other.csv").write_text("number\nPO-2026/17\n")
    found = record()
    assert outcome(run, found) is None  # another client's list says nothing
    (tmp_path / "lists" / "default.csv").write_text("number,remaining\nPO-2026/17,1234.49\n")
    run("review", "recheck", found)
    assert outcome(run, found) == "hold"
    codes = {one["code"] for one in run("record", "show", found, "--json").document["review"]}
    assert "reference" in codes


def test_a_database_is_asked_and_an_outage_is_unknown(
    home: Path, run: Run, tmp_path: Path, record: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "orders.db"
    monkeypatch.setenv("MUNIMENT_PARTY_DATABASE_URL", f"sqlite:///{place}")
    query = "SELECT number, party, open, remaining FROM orders WHERE client = :client"
    monkeypatch.setenv("MUNIMENT_REFERENCE_QUERY", query)
    found = record()
    assert outcome(run, found) == "unknown"
    assert found in run("review", "recheck", "--unknown", "--list", "--json").document["unknown"]
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.execute("CREATE TABLE orders (client, number, party, open, remaining)")
        connection.execute("CREATE TABLE known_parties (client, id, tax_id, name, aliases, accounts)")
        connection.execute("INSERT INTO orders VALUES ('default', 'PO-2026/17', ?, 1, 1234.5)", (TAX_ID,))
    run("review", "recheck", "--unknown")
    assert outcome(run, found) == "pass"
