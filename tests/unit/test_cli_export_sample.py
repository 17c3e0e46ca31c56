"""Exports, samples and rates from the command line: shapes, access, and what the ledger says of them."""

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def indexed(held: Path, run: Run) -> str:
    """The invoice, settled."""
    record = str(run("review", "list", "--class", "invoice", "--json").document["items"][0]["record"])
    steps = run("review", "show", record, "--json").document["steps"]
    keeps = [part for step in steps for part in ("--keep", step["field"])]
    assert run("review", "correct", record, *keeps, "--json").document["state"] == "indexed"
    return record


def test_an_export_is_written_once_and_can_be_asked_for_again(indexed: str, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    done = run("export", "write", "--class", "invoice", "--to", target, "--delivery", "sap", "--json")
    assert done.code == 0, done
    shape = done.document
    assert (shape["records"], shape["rows"], shape["state"], shape["delivery"]) == (1, 1, "finished", "sap")
    assert shape["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    with target.open(newline="") as file:
        (row,) = csv.DictReader(file)
    values = {f["name"]: f for f in run("record", "show", indexed, "--json").document["fields"] if f["index"] is None}
    assert (row["total"], row["total_currency"], row["date"]) == (
        values["total"]["value"], values["total"]["currency"], values["date"]["value"],
    )  # fmt: skip
    assert run("export", "resume", shape["export"], "--json").document == shape
    assert run("export", "list", "--client", "default", "--json").document == {"exports": [shape]}
    again = run("export", "write", "--class", "invoice", "--to", tmp_path / "b.csv", "--delivery", "sap", "--json")
    assert again.code == 15 and not (tmp_path / "b.csv").exists()
    kinds = [event["type"] for event in run("record", "timeline", indexed, "--json").document["events"]]
    assert "exported" in kinds
    lines = run("export", "write", "--class", "invoice", "--to", tmp_path / "c.jsonl", "--format", "jsonl", "--json")
    assert lines.code == 0 and json.loads((tmp_path / "c.jsonl").read_text())["record"] == indexed
    assert run("custody", "check").code == 0


def test_who_may_not_view_exports_nothing(
    indexed: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_TOKEN", run("person", "add", "Ana", "--json").document["token"])
    denied = run("--as", "Ana", "export", "write", "--class", "invoice", "--to", tmp_path / "out.csv", "--json")
    assert denied.code == 27 and list(tmp_path.glob("*.csv")) == []
    assert run("--as", "Ana", "export", "list", "--json").document == {"exports": []}
    assert run("--as", "Ana", "review", "sample", "draw", "--class", "invoice", "--json").code == 27
    assert run("--as", "Ana", "review", "report", "--json").document == {"rates": []}


def test_a_sample_is_drawn_seen_judged_and_closed(held: Path, run: Run, tmp_path: Path) -> None:
    drawn = run("review", "sample", "draw", "--class", "invoice", "--field", "total", "--json").document
    assert (drawn["size"], drawn["drawn"], drawn["judged"], drawn["high"]) == (1, 1, 0, 1.0)
    sample = drawn["sample"]
    shown = run("review", "sample", "next", sample, "--snippets", tmp_path, "--json").document["value"]
    assert shown["field"] == "total" and Path(shown["snippet"]).exists()
    timeline = run("record", "timeline", shown["record"], "--json").document["events"]
    assert timeline[-1]["type"] == "viewed"
    wrong = run("review", "sample", "judge", sample, "1", "--wrong", "--json").document
    assert wrong["findings"] == [
        {"number": 1, "record": shown["record"], "field": "total", "defect": "critical", "lot": sample}
    ]
    assert run("review", "sample", "close", sample, "--json").document["state"] == "rejected"
    (item,) = run("review", "list", "--reason", "lot-rejected", "--json").document["items"]
    assert item["record"] == shown["record"]
    assert run("review", "sample", "next", sample, "--json").document["value"] is None
    assert len(run("review", "sample", "show", sample, "--lot", "--json").document["lot"]) == 1
    assert len(run("review", "sample", "list", "--json").document["samples"]) == 1
    rates = run("review", "report", "--to", tmp_path / "rates.csv", "--json").document["rates"]
    assert {"what": "field", "name": "total", "count": 1, "wrong": 1}.items() <= rates[0].items()
    assert (tmp_path / "rates.csv").read_text("utf-8-sig").startswith("what,class,name,count,wrong,share,low,high")
    assert run("custody", "check").code == 0
