"""kill -9 in the middle of a decision, and of an export: all of it is there afterwards, or nothing."""

import shutil
import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from running import Muniment, embedded

from tasks.delivering.delivering import ANNOUNCED, PARTLY, RENAMED
from tasks.review.deciding import DONE, MOVED, WRITTEN

SIGKILL = -9


@pytest.fixture(scope="module")
def taken_in(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an invoice in review."""
    home = tmp_path_factory.mktemp("taken") / "home"
    embedded(home)("ingest", corpus / "digital.pdf")
    return home


@pytest.fixture
def run(taken_in: Path, tmp_path: Path) -> Muniment:
    shutil.copytree(taken_in, tmp_path / "home")
    return embedded(tmp_path / "home")


def rows(tmp_path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(tmp_path / "home" / "catalogue.db")) as connection:
        return connection.execute(query).fetchall()


def decision(run: Muniment) -> list[str]:
    record = run("review", "list")["items"][0]["record"]
    steps = run("review", "show", record)["steps"]
    keeps = [part for step in steps for part in ("--keep", step["field"])]
    return ["review", "correct", record, *keeps, "--set", "number=F-77"]


SEEN = (
    "SELECT (SELECT group_concat(type) FROM (SELECT type FROM events ORDER BY seq)), (SELECT count(*) FROM fields), "
    "(SELECT group_concat(state) FROM records), (SELECT count(*) FROM reviews WHERE settled IS NOT NULL), "
    "(SELECT count(*) FROM outbox)"
)


@pytest.mark.parametrize("step", [WRITTEN, MOVED, DONE])
def test_a_decision_is_whole_or_has_never_been(run: Muniment, tmp_path: Path, step: int) -> None:
    line = [part for part in decision(run) if part]
    if "number" in line[3:-2]:
        place = line.index("number") - 1
        del line[place : place + 2]
    before = rows(tmp_path, SEEN)
    child = run.start(*line, "--json", CRASH_AT=str(step))
    child.communicate(timeout=300)
    assert child.returncode == SIGKILL
    assert (rows(tmp_path, SEEN) == before) == (step != DONE)
    if step == DONE:
        assert rows(tmp_path, "SELECT count(*) FROM reviews WHERE settled IS NULL") == [(0,)]
    else:
        run(*line)
    run("custody", "check")


@pytest.mark.parametrize("step", [WRITTEN, MOVED, DONE])
def test_a_keying_that_settles_is_whole_or_has_never_been(run: Muniment, tmp_path: Path, step: int) -> None:
    text = resources.files("records").joinpath("classes/invoice.toml").read_text(encoding="utf-8")
    (tmp_path / "classes").mkdir()
    text = text.replace('name = "total"\n', 'name = "total"\nkeying = "double"\n', 1)
    (tmp_path / "classes" / "invoice.toml").write_text(text, encoding="utf-8")
    run.environment["MUNIMENT_CLASS_FOLDER"] = str(tmp_path / "classes")
    record = run("review", "list")["items"][0]["record"]
    run("review", "recheck", record)
    token = run("person", "add", "Ana")["token"]
    run("person", "accredit", "Ana", "--role", "reviewer")
    run("--as", "Ana", "review", "key", "set", record, "--set", "total=12.00", MUNIMENT_TOKEN=token)
    seen = SEEN + ", (SELECT group_concat(turn || coalesce(settled, '')) FROM review_keyings)"
    before = rows(tmp_path, seen)
    line = ["review", "key", "set", record, "--set", "total=12.00"]
    child = run.start(*line, "--json", CRASH_AT=str(step))
    child.communicate(timeout=300)
    assert child.returncode == SIGKILL
    assert (rows(tmp_path, seen) == before) == (step != DONE)
    if step != DONE:
        assert run(*line)["settled"] == ["total"]
    assert rows(tmp_path, "SELECT count(*), count(settled) FROM review_keyings") == [(2, 2)]
    values = "SELECT value FROM fields WHERE name = 'total' AND current AND status = 'corrected'"
    assert rows(tmp_path, values) == [("12.00",)]
    run("custody", "check")


@pytest.mark.parametrize("step", [ANNOUNCED, PARTLY, RENAMED])
def test_an_export_goes_on_after_kill_9(run: Muniment, tmp_path: Path, step: int) -> None:
    line = ["export", "write", "--class", "invoice", "--unsettled", "--to", str(tmp_path / "out.csv")]
    child = run.start(*line, "--json", CRASH_AT=str(step))
    child.communicate(timeout=300)
    assert child.returncode == SIGKILL
    (begun,) = run("export", "list")["exports"]
    assert begun["state"] == "open" and (tmp_path / "out.csv").exists() == (step == RENAMED)
    done = run("export", "resume", begun["export"])
    assert (done["state"], done["rows"]) == ("finished", 1)
    assert (tmp_path / "out.csv").read_bytes().count(b"\r\n") == 2 and not list(tmp_path.glob(".muniment-*"))
    assert rows(tmp_path, "SELECT count(*) FROM events WHERE type = 'exported'") == [(2,)]
    run("custody", "check")
