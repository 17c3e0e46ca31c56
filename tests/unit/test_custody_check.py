"""Checking custody of paper: the desk's cache against the ledger's events, through the real command."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from custody.desk_tables import boxes, physical_files

STEP = "paper is where the ledger says"


@pytest.mark.parametrize(
    "changed",
    [(physical_files, {"place": None}), (physical_files, {"state": "checked"}), (physical_files, {"version": 1}),
     (boxes, {"state": "missing"})],
)  # fmt: skip
def test_a_cache_that_left_the_ledger_is_named(run: Callable[..., Any], services: Any, changed: Any) -> None:
    run("place", "add", "S-01")
    run("box", "add", "--at", "S-01")
    code = run("file", "receive", "--json").document["barcode"]
    file = run("file", "locate", code, "--at", "S-01", "--json").document["file"]
    whole = run("custody", "check", "--json")
    assert whole.code == 0 and STEP in str(whole.document["steps"])
    table, values = changed
    with services.database.write() as connection:
        connection.execute(update(table).values(**values))
    found = run("custody", "check", "--json")
    assert found.code == 1
    (problem,) = [one for one in found.document["problems"] if one["kind"] == "whereabouts"]
    assert table is boxes or problem["object"] == file
