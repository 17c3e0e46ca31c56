"""Disposal: what is in the way: loans, work, holds."""

from collections.abc import Callable
from typing import Any

import pytest
from disposal_house import (
    AT,
    Planted,
    Run,
    approved,
    columns,
    dispose,
    due,
    events,
    propose,
    sql,
)

# --- what is in the way


def file_of(planted: Planted, state: str = "stored") -> None:
    """Bind the record to a paper in a box."""
    client = sql(planted.home, "SELECT client FROM records WHERE id = ?", planted.record)[0][0]
    site = "loc_" + "1" * 32
    for code, target in (("S1", site), ("F1", "fil_" + "1" * 32), ("B1", "box_" + "1" * 32)):
        sql(planted.home, "INSERT INTO barcodes (code, kind, target, given) VALUES (?, 'F', ?, ?)", code, target, AT)
    sql(
        planted.home,
        "INSERT INTO boxes (id, client, barcode, sealed, count_due, itemised, marks, state, since, version, created)"
        " VALUES (?, ?, 'B1', 0, 0, 1, '[]', 'stored', ?, 0, ?)",
        "box_" + "1" * 32, client, AT, AT,
    )  # fmt: skip
    sql(
        planted.home,
        "INSERT INTO physical_files (id, client, barcode, kind, pages_basis, access_class, searches, state, since,"
        " box, version, created) VALUES (?, ?, 'F1', 'FILE', 'UNKNOWN', 'normal', 0, ?, ?, ?, 0, ?)",
        "fil_" + "1" * 32, client, state, AT, "box_" + "1" * 32, AT,
    )  # fmt: skip
    sql(planted.home, "INSERT INTO file_records VALUES (?, ?, ?, ?)", planted.record, "fil_" + "1" * 32, client, AT)


def on_loan(planted: Planted) -> None:
    file_of(planted)
    columns(planted, "loans", id="lon_" + "1" * 32, file="fil_" + "1" * 32, state="open")


def box_on_loan(planted: Planted) -> None:
    file_of(planted)
    columns(planted, "loans", id="lon_" + "1" * 32, box="box_" + "1" * 32, state="open")


def requested(planted: Planted) -> None:
    file_of(planted)
    columns(planted, "requests", id="req_" + "1" * 32, file="fil_" + "1" * 32, state="queued", wants="paper")


def incident(planted: Planted) -> None:
    file_of(planted)
    columns(planted, "incidents", id="evt_" + "1" * 32, file="fil_" + "1" * 32, kind="PAGES_SHORT", detail="{}")


def in_transit(planted: Planted) -> None:
    file_of(planted, "in_transit")


def in_work(planted: Planted) -> None:
    sql(planted.home, "UPDATE scans SET todo = 1 WHERE id = ?", planted.scan)


BLOCKED: dict[str, Callable[[Planted], None]] = {
    "on-loan": on_loan, "requested": requested, "incident": incident, "paper-away": in_transit, "in-work": in_work,
}  # fmt: skip


@pytest.mark.parametrize("code", [*BLOCKED, "on-loan with its box"])
def test_what_is_in_the_way_refuses_at_every_step(planted: Planted, run: Run, ana: Run, code: str) -> None:
    block = box_on_loan if code.endswith("box") else BLOCKED[code]
    code = code.split()[0]
    order = approved(run, ana, planted.record)
    block(planted)
    assert [one["code"] for one in due(run, planted.record)["obstacles"]] == ["listed", "no-rule", code]
    ran = run("disposal", "run", order, "--json")  # between approval and execution
    assert ran.code == 67 and code in ran.document["error"]["message"] and planted.record in ran.out
    run("disposal", "refuse", order, "--reason", "dispute")
    assert propose(run, planted.record).code == 67
    assert events(planted.home, "key_destroyed") == [] and run("record", "text", planted.record).code == 0


@pytest.mark.parametrize("kind", ["record", "batch", "client", "file", "box", "box by its barcode"])
def test_a_hold_on_anything_it_is_part_of_wins_over_the_law(planted: Planted, run: Run, ana: Run, kind: str) -> None:
    file_of(planted)
    batch = sql(planted.home, "SELECT batch FROM records WHERE id = ?", planted.record)[0][0]
    subject = {
        "record": planted.record, "batch": batch, "client": "default", "file": "fil_" + "1" * 32,
        "box": "box_" + "1" * 32, "box by its barcode": "B1",
    }[kind]  # fmt: skip
    order = approved(run, ana, planted.record)
    made = run("hold", "set", subject, "--reason", "legal: case 12", "--json").document["holds"][0]
    ran = run("disposal", "run", order, "--json")
    assert ran.code == 67 and "hold" in ran.document["error"]["message"]
    assert [one["about"] for one in due(run, planted.record)["obstacles"] if one["code"] == "hold"] == [made["hold"]]
    assert ana("hold", "release", made["hold"], "--reason", "legal: closed").code == 0
    assert run("disposal", "run", order, "--json").document["disposed"] == 1
    steps = run("custody", "check", "--json").document["steps"]
    wrong = {step["name"] for step in steps if step["outcome"] == "does not hold"}
    assert wrong == {"paper is where the ledger says"}  # this paper was put there without its events


def test_holds_stack(planted: Planted, run: Run, ana: Run) -> None:
    holds = [run("hold", "set", planted.record, "--reason", "legal", "--json").document["holds"][0]["hold"]
             for _ in range(2)]  # fmt: skip
    assert ana("hold", "release", holds[0], "--reason", "legal").code == 0
    assert propose(run, planted.record).code == 67
    assert ana("hold", "release", holds[0], "--reason", "legal", "--json").code == 15
    assert [one["hold"] for one in run("hold", "list", "--json").document["holds"]] == [holds[1]]
    ana("hold", "release", holds[1], "--reason", "legal")
    assert run("hold", "list", "--json").document["holds"] == []
    assert len(run("hold", "list", "--released", "--json").document["holds"]) == 2
    dispose(run, ana, planted.record)
    assert run("hold", "set", planted.record, "--reason", "legal", "--json").code == 24  # there is nothing to hold


def test_a_hold_set_while_it_is_carried_out_saves_what_is_left(
    planted: Planted, run: Run, ana: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = sorted(r["id"] for r in run("record", "list", "--json").document["records"])
    order = approved(run, ana, *others)
    from tasks import disposal_run

    real, held = disposal_run.dispose, []

    def then_somebody_holds(vault: Any, connection: Any, record: Any, sentence: Any) -> None:
        real(vault, connection, record, sentence)
        held.append(record.id)
        if len(held) == 1:
            monkeypatch.setattr(disposal_run, "lock_record", lambda c, r: hold_first(c, r))

    lock = disposal_run.lock_record

    def hold_first(connection: Any, record: str) -> Any:
        from custody.holds import set_hold
        from custody.opening import Act
        from tasks.services import SYSTEM

        row = lock(connection, record)
        if record == others[1]:
            set_hold(vault_of(connection), connection, record, row.client, Act("hold_set", SYSTEM, "legal"))
        return row

    from infra.services import open_services

    opened = open_services()

    def vault_of(_connection: Any) -> Any:
        return opened.vault

    monkeypatch.setattr(disposal_run, "dispose", then_somebody_holds)
    answer = run("disposal", "run", order, "--json")
    opened.close()
    assert answer.code == 3 and (answer.document["disposed"], answer.document["dropped"]) == (len(others) - 1, 1)
    assert {line["record"]: line["state"] for line in answer.document["records"]} == {
        record: "dropped" if record == others[1] else "disposed" for record in others
    }
    assert run("record", "show", others[1]).code == 0
    assert events(planted.home, "disposal_refused")[-1]["reason"] == "hold"
    assert run("custody", "check").code == 0
