"""The desk's benchmark: what it writes in bulk is what the acts would have written, and every act is really done."""

from pathlib import Path
from typing import Any

import pytest
from desk_house import House
from sqlalchemy import func, select

from cli.bench_archive import AT_FIRST, CYCLE, Filling
from cli.bench_desk import DeskBench, kept_home
from custody.desk_tables import physical_files
from custody.loan_tables import loans
from records.errors import InvalidValueError
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


def test_a_kept_archive_is_measured_again_without_being_written(muniment: Any, tmp_path: Path) -> None:
    given = ("bench", "--only-desk", "--desk", "1000", "--moves", "3000", "--keep", tmp_path / "kept")
    first, second = muniment(*given), muniment(*given)
    assert {row["what"] for row in first["rows"]} == {row["what"] for row in second["rows"]}
    assert first["rows"][0] == second["rows"][0]  # how it was written is that of the first time


def test_a_folder_that_holds_something_else_is_refused_and_half_an_archive_is_written_anew(tmp_path: Path) -> None:
    home = kept_home(tmp_path / "kept", 40, 400)
    home.mkdir()
    (home / "catalogue.db").touch()  # ended while it was written
    assert kept_home(tmp_path / "kept", 40, 400) == home and not home.exists()
    (tmp_path / "kept" / "archive.json").write_text('{"written": {"files": 40, "per_file": 10}}')
    assert kept_home(tmp_path / "kept", 40, 400) == home
    for folder, files in ((tmp_path / "kept", 50), (tmp_path, 40)):
        with pytest.raises(InvalidValueError):
            kept_home(folder, files, 400)


def test_the_command_prints_a_row_for_each(muniment: Any) -> None:
    document = muniment("bench", "--only-desk", "--desk", "40", "--moves", "400")
    rows = {row["what"]: row for row in document["rows"]}
    assert {"desk: lend, p95", "desk: find, p95", "report: on-loan", "report: occupancy"} <= set(rows)
    assert all(row["value"] > 0 for row in rows.values()) and document["memory"] == []
