"""The desk's benchmark: what it writes in bulk is what the acts would have written, and every act is really done."""

from typing import Any

import pytest
from desk_house import House
from sqlalchemy import func, select

from cli.bench_archive import AT_FIRST, CYCLE, Filling
from cli.bench_desk import DeskBench
from custody.desk_tables import physical_files
from custody.loan_tables import loans
from tasks.desk.acts import Answer


@pytest.mark.parametrize("per_file", [AT_FIRST, AT_FIRST + CYCLE + 1])
def test_the_ledger_and_the_cache_of_an_archive_agree(services: Any, per_file: int) -> None:
    archive = Filling(services, 130, per_file).fill()
    assert House(services).problems() == []
    assert len(archive.stored) > 100
    with services.database.read() as connection:
        states = dict(connection.execute(
            select(physical_files.c.state, func.count()).group_by(physical_files.c.state)
        ).all())  # fmt: skip
        out = connection.execute(select(func.count()).where(loans.c.state == "open")).scalar_one()
    assert sum(states.values()) == 130
    assert out == states.get("on_loan", 0) == (0 if per_file == AT_FIRST else 7)


def test_every_act_and_report_is_done_and_measured(services: Any) -> None:
    archive = Filling(services, 130, 10).fill()
    bench = DeskBench(services, archive)
    reports, acts = bench.reports(), bench.acts()
    assert {name for name, one in reports.items() if not one["rows"]} == set()
    assert all(0 < one["p50"] <= one["p95"] for one in acts.values())
    assert House(services).problems() == []


def test_a_refused_act_is_no_figure(services: Any) -> None:
    bench = DeskBench(services, Filling(services, 40, 10).fill())
    with pytest.raises(RuntimeError, match="check: "):
        bench._times("check", lambda code, name: _refused(), bench.codes)


def _refused() -> Answer:
    from records.desk_answers import Said

    return Answer(Said("unchecked", {"barcode": "F"}))


def test_the_command_prints_a_row_for_each(muniment: Any) -> None:
    document = muniment("bench", "--only-desk", "--desk", "40", "--moves", "400")
    rows = {row["what"]: row for row in document["rows"]}
    assert {"desk: lend, p95", "desk: find, p95", "report: on-loan", "report: occupancy"} <= set(rows)
    assert all(row["value"] > 0 for row in rows.values()) and document["memory"] == []
