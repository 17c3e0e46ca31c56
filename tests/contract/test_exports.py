"""Deliveries of index data on SQLite and PostgreSQL: every settled record once, whatever stops them."""

import csv
import hashlib
import json
import stat
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from review_rows import CLIENT, ReviewRows, review_rows
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError

from custody.ledger import commitment
from custody.opening import root_of_ids
from custody.tables import events
from records.class_library import ClassLibrary, parse_class, shipped_library
from records.errors import InvalidValueError
from records.export_tables import export_lines, exports
from records.tables import records, reviews
from tasks.delivering import delivering
from tasks.delivering.delivering import Wanted


class Killed(BaseException):
    """What a kill -9 is to this process: nobody handles it."""


@pytest.fixture
def rows(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> ReviewRows:
    monkeypatch.setattr(delivering, "AT_ONCE", 2)
    made = review_rows(engine, "Ana")
    made.services.library = shipped_library()
    made.services.vault = SimpleNamespace(reached=lambda _step: None)
    return made


def settled(rows: ReviewRows, number: int, **values: str) -> str:
    record = rows.record(number)
    with rows.services.database.write() as connection:
        connection.execute(update(reviews).where(reviews.c.record == record).values(settled="now"))
        connection.execute(update(records).where(records.c.id == record).values(state="indexed"))
    for name, value in ({"number": f"F-{number}", "supplier": "Papelería Ordóñez"} | values).items():
        rows.field(record, name, value)
    rows.field(record, "total", f"{number}.50", type="money", currency="EUR")
    return record


def wanted(target: Path, **more: Any) -> Wanted:
    return replace(Wanted(CLIENT, "invoice", "csv", target), **more)


def deliver(rows: ReviewRows, asked: Wanted) -> Any:
    person = rows.people["Ana"]
    export = delivering.begin(rows.services, asked, person, person.actor("reviewer"))
    return delivering.carry_on(rows.services, export)


def read(path: Path, **form: Any) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, **form))


def leaves(rows: ReviewRows, subject: str) -> list[dict[str, Any]]:
    with rows.services.database.read() as connection:
        query = select(events.c.leaf).where(events.c.subject == subject).order_by(events.c.seq)
        return [json.loads(bytes(leaf)) for leaf in connection.execute(query).scalars()]


def test_settled_records_leave_with_their_events_and_a_commitment(rows: ReviewRows, tmp_path: Path) -> None:
    made = [settled(rows, number) for number in range(1, 6)]
    waiting = rows.record(9)
    done = deliver(rows, wanted(tmp_path / "out.csv"))
    data = (tmp_path / "out.csv").read_bytes()
    assert (done.state, done.records, done.rows, done.bytes) == ("finished", 5, 5, len(data))
    assert done.sha256 == hashlib.sha256(data).hexdigest() and data.count(b"\r\n") == 6
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o600
    found = read(tmp_path / "out.csv")
    assert [row["record"] for row in found] == made and waiting not in str(data)
    assert (found[0]["total"], found[0]["total_currency"], found[0]["due_date"]) == ("1.50", "EUR", "")
    assert [event["type"] for event in leaves(rows, made[0])] == ["exported"] and leaves(rows, waiting) == []
    (last,) = leaves(rows, CLIENT)
    assert last["obj"] == {"export": done.id, "count": 5, "root": root_of_ids(made)}
    assert last["commit"] == commitment(bytes(done.salt), hashlib.sha256(data).digest())
    assert not list(tmp_path.glob(".muniment-*"))


@pytest.mark.parametrize("step", [delivering.ANNOUNCED, delivering.PARTLY, delivering.RENAMED])
def test_an_export_that_was_killed_goes_on_and_no_row_is_twice_or_lost(
    rows: ReviewRows, tmp_path: Path, step: int
) -> None:
    made = [settled(rows, number) for number in range(1, 8)]

    def kill(reached: int) -> None:
        if reached == step:
            raise Killed

    rows.services.vault.reached = kill
    with pytest.raises(Killed):
        deliver(rows, wanted(tmp_path / "out.csv", delivery="sap"))
    assert (tmp_path / "out.csv").exists() == (step == delivering.RENAMED)
    for part in tmp_path.glob(".muniment-*.part"):
        part.write_bytes(part.read_bytes() + b"half a row that was never noted")
    rows.services.vault.reached = lambda _step: None
    with rows.services.database.read() as connection:
        export = connection.execute(select(exports.c.id)).scalar_one()
    with pytest.raises(InvalidValueError, match="no record is left"):  # they are its own, finished or not
        deliver(rows, wanted(tmp_path / "other.csv", delivery="sap"))
    done = delivering.carry_on(rows.services, export)
    again = delivering.carry_on(rows.services, export)
    data = (tmp_path / "out.csv").read_bytes()
    assert [row["record"] for row in read(tmp_path / "out.csv")] == made and done.rows == 7
    assert again.sha256 == done.sha256 == hashlib.sha256(data).hexdigest()
    assert len(leaves(rows, CLIENT)) == 1 and not list(tmp_path.glob(".muniment-*"))


def test_a_delivery_has_each_record_once_and_the_next_export_what_is_new(rows: ReviewRows, tmp_path: Path) -> None:
    settled(rows, 1)
    assert deliver(rows, wanted(tmp_path / "a.csv", delivery="sap")).records == 1
    new = settled(rows, 2)
    assert deliver(rows, wanted(tmp_path / "b.csv", delivery="sap")).records == 1
    assert [row["record"] for row in read(tmp_path / "b.csv")] == [new]
    assert deliver(rows, wanted(tmp_path / "c.csv", delivery="other")).records == 2
    with pytest.raises(IntegrityError), rows.services.database.write() as connection:
        row = connection.execute(select(export_lines)).mappings().first()
        connection.execute(export_lines.insert().values({**row, "number": 77}))


def test_two_exports_of_one_delivery_at_once_share_the_records(rows: ReviewRows, tmp_path: Path) -> None:
    made = [settled(rows, number) for number in range(1, 10)]
    ready, said = threading.Barrier(3), []

    def one(name: str) -> None:
        ready.wait()
        try:
            said.append(deliver(rows, wanted(tmp_path / name, delivery="sap")).records)
        except InvalidValueError:
            said.append(0)

    threads = [threading.Thread(target=one, args=(f"{number}.csv",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [row["record"] for path in sorted(tmp_path.glob("*.csv")) for row in read(path)]
    assert sorted(found) == made and sum(said) == len(made)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"), ("+1", "'+1"), ("-1", "-1"), ("-1.50", "-1.50"), ("-1+2", "'-1+2"),
        ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"), ("F-1", "F-1"), ('a "b", c', 'a "b", c'), ("a\nb", "a\nb"),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(rows: ReviewRows, tmp_path: Path, value: str, cell: str) -> None:
    settled(rows, 1, supplier=value)
    deliver(rows, wanted(tmp_path / "out.csv"))
    assert read(tmp_path / "out.csv")[0]["supplier"] == cell
    deliver(rows, wanted(tmp_path / "out.jsonl", form="jsonl"))
    assert json.loads((tmp_path / "out.jsonl").read_text())["fields"]["supplier"] == value


def test_line_items_are_rows_or_lists(rows: ReviewRows, tmp_path: Path) -> None:
    record = settled(rows, 1)
    for position, text in enumerate(("Papel", "Tinta")):
        rows.field(record, "line_description", text, position=position)
    deliver(rows, wanted(tmp_path / "out.csv", by_line=True))
    found = read(tmp_path / "out.csv")
    assert [(row["number"], row["line_description"]) for row in found] == [("F-1", "Papel"), ("F-1", "Tinta")]
    deliver(rows, wanted(tmp_path / "out.jsonl", form="jsonl"))
    document = json.loads((tmp_path / "out.jsonl").read_text())
    assert document["lines"] == [{"line_description": "Papel"}, {"line_description": "Tinta"}]
    assert document["fields"]["total_currency"] == "EUR"


OWN = """
name = "invoice"
version = "9"
title = { es = "Factura", en = "Invoice" }
[export]
columns = ["Nº = number", "Fecha = date", "Importe = total", "Divisa = total_currency", "Documento = record"]
delimiter = ";"
decimal = ","
dates = "DD/MM/YYYY"
[[field]]
name = "number"
type = "code"
[[field]]
name = "date"
type = "date"
[[field]]
name = "total"
type = "money"
"""


def test_a_class_writes_in_its_own_way(rows: ReviewRows, tmp_path: Path) -> None:
    record = settled(rows, 1, date="2026-11-25")
    with pytest.raises(InvalidValueError, match="no mapping"):
        deliver(rows, wanted(tmp_path / "out.csv", form="class"))
    rows.services.library = ClassLibrary({"invoice": parse_class(OWN.encode(), "own.toml")})
    deliver(rows, wanted(tmp_path / "out.csv", form="class"))
    expected = f"Nº;Fecha;Importe;Divisa;Documento\r\nF-1;25/11/2026;1,50;EUR;{record}\r\n"
    assert (tmp_path / "out.csv").read_bytes().decode() == expected


def test_what_waits_leaves_only_when_it_is_asked_for_and_says_so(rows: ReviewRows, tmp_path: Path) -> None:
    rows.record(1)
    with pytest.raises(InvalidValueError, match="no record is left"):
        deliver(rows, wanted(tmp_path / "out.csv"))
    deliver(rows, wanted(tmp_path / "out.csv", unsettled=True))
    assert [row["state"] for row in read(tmp_path / "out.csv")] == ["in_review"]
