"""Reading is an event before it happens: type, role, reason; a denial is an event too; nothing is shown without one."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

# what reads, with ID and FILE to be filled in -> the event that comes first, and the action that a denial names
READS: dict[str, tuple[list[str], str, str]] = {
    "a record's fields": (["record", "show", "ID"], "viewed", "view"),
    "a record's text": (["record", "text", "ID"], "viewed", "view"),
    "a record's words": (["record", "words", "ID", "--page", "1"], "viewed", "view"),
    "a search hit": (["record", "text", "ID", "--hit"], "search_hit_opened", "view"),
    "the readable copy": (["record", "pdf", "ID", "--to", "FILE"], "exported", "view"),
    "words as ALTO": (["record", "alto", "ID", "--to", "FILE"], "exported", "view"),
    "words as hOCR": (["record", "hocr", "ID", "--to", "FILE"], "exported", "view"),
    "a record in review": (["review", "show", "ID"], "viewed", "review"),
    "an original": (["original", "open", "ID", "--reason", "audit", "--to", "FILE"], "exported", "open_original"),
    "an envelope": (
        ["original", "envelope", "ID", "--reason", "audit", "--to", "FILE"], "envelope_released", "release_envelope",
    ),
    "a document's key": (["keys", "release", "ID", "--reason", "audit", "--to", "FILE"], "key_released", "release_key"),
}  # fmt: skip
WITH_REASON = [name for name, (line, _, _) in READS.items() if line[0] == "record"]


def events(home: Path, first: int = 0) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(home / "catalogue.db")) as connection:
        rows = connection.execute("SELECT leaf FROM events WHERE seq >= ? ORDER BY seq", (first,)).fetchall()
    return [json.loads(row[0]) for row in rows]


def record_of(run: Run) -> str:
    return str(run("record", "list", "--state", "in_review", "--json").document["records"][0]["id"])


def line_of(name: str, record: str, tmp_path: Path) -> list[str]:
    filled = {"ID": record, "FILE": str(tmp_path / "out")}
    return [filled.get(word, word) for word in READS[name][0]]


@pytest.mark.parametrize("name", READS)
def test_the_event_comes_first_and_stands_although_the_reading_fails(
    held: Path, run: Run, tmp_path: Path, name: str
) -> None:
    line = line_of(name, record_of(run), tmp_path)
    before = len(events(held))
    assert run(*line).code == 0
    (event,) = events(held, before)
    assert event["type"] == READS[name][1] and event["actor"]["role"] not in ("none", "system")
    assert event["client"] and event["actor"]["id"].startswith("psn_")
    (tmp_path / "out").unlink(missing_ok=True)
    shutil.rmtree(held / "store" / "o")
    shutil.rmtree(held / "store" / "d")
    shutil.rmtree(held / "keys")
    code = run(*line).code
    assert [one["type"] for one in events(held, before)] == [READS[name][1]] * 2
    assert code != 0 or name in ("a record's fields", "a record in review")  # these lie in the catalogue
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", READS)
def test_who_may_not_sees_nothing_and_the_denial_names_the_act(
    held: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    record = record_of(run)
    monkeypatch.setenv("MUNIMENT_TOKEN", run("person", "add", "Ana", "--json").document["token"])
    for role in ("reader", "custodian", "reviewer", "archivist"):  # of yesterday: allows nothing
        run("person", "accredit", "Ana", "--role", role, "--until", "2020-01-01")
    before = len(events(held))
    answer = run("--as", "Ana", *line_of(name, record, tmp_path), "--json")
    assert answer.code == 27 and answer.document.keys() == {"error"} and not (tmp_path / "out").exists()
    (event,) = events(held, before)
    assert (event["type"], event["reason"], event["actor"]["role"]) == ("access_denied", READS[name][2], "none")
    assert event["subject"].startswith(("rec_", "ori_"))


@pytest.mark.parametrize("name", WITH_REASON)
def test_a_reason_goes_into_the_event_and_its_words_stay_in_the_database(
    held: Path, run: Run, tmp_path: Path, name: str
) -> None:
    line = line_of(name, record_of(run), tmp_path)
    assert run(*line, "--reason", "dispute: invoice of Ana Ruiz").code == 0
    event = events(held)[-1]
    assert event["reason"] == "dispute" and event["detail"] and "Ruiz" not in json.dumps(event)
    assert run(*line, "--reason", "curiosity", "--json").code == 15
    assert len(events(held)) == event["seq"] + 1  # a reason that there is not reads nothing


def test_a_person_reads_in_the_role_that_allows_it(
    held: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = record_of(run)
    monkeypatch.setenv("MUNIMENT_TOKEN", run("person", "add", "Ana", "--json").document["token"])
    for role in ("custodian", "reader", "admin"):
        run("person", "accredit", "Ana", "--role", role)
    for name, role in (("a record's text", "reader"), ("an envelope", "custodian"), ("an original", "reader")):
        assert run("--as", "Ana", *line_of(name, record, tmp_path)).code == 0
        assert events(held)[-1]["actor"]["role"] == role


def test_an_accreditation_says_until_when_and_how_far(held: Path, run: Run) -> None:
    run("person", "add", "Ana")
    run("person", "accredit", "Ana", "--role", "reader", "--until", "2027-06-30", "--clearance", "restricted")
    event = events(held)[-1]
    assert event["type"] == "person_accredited" and event["reason"] == "reader"
    assert event["obj"] == {"until": "2027-06-30", "clearance": "restricted"}


def test_searching_another_clients_papers_is_a_denial(held: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("client", "add", "Other")
    answer = run("search", "anything", "--client", "Other", "--json")
    assert answer.code == 27 and events(held)[-1]["type"] == "access_denied"
    assert events(held)[-1]["reason"] == "search"


@pytest.mark.parametrize(("access_class", "clearance", "may"), [
    ("normal", "normal", True), ("restricted", "normal", False), ("restricted", "restricted", True),
    ("secret", "restricted", False), ("secret", "secret", True),
])  # fmt: skip
def test_the_access_class_of_the_paper_holds_for_its_image(
    held: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, access_class: str, clearance: str, may: bool
) -> None:
    found = run("search", '"factura"', "--json").document["hits"][0]["record"]
    bind(held, found, access_class)
    monkeypatch.setenv("MUNIMENT_TOKEN", run("person", "add", "Ana", "--json").document["token"])
    run("person", "accredit", "Ana", "--role", "reader", "--clearance", clearance)
    for line in (["record", "text", found], ["original", "open", found, "--reason", "audit", "--to", tmp_path / "o"]):
        assert run("--as", "Ana", *line).code == (0 if may else 27)
        assert (events(held)[-1]["type"] == "access_denied") is not may
    hits = run("--as", "Ana", "search", '"factura"', "--json").document
    assert [hit["record"] for hit in hits["hits"]] == ([found] if may else [])
    assert hits["total"] == (1 if may else 0)
    assert run("record", "text", found).code == 0  # who made the installation reaches everything


def bind(home: Path, record: str, access_class: str) -> None:
    """Bind a record to a paper of this access class."""
    at = "2026-11-23T00:00:00.000Z"
    with closing(sqlite3.connect(home / "catalogue.db")) as connection, connection:
        client = connection.execute("SELECT client FROM records WHERE id = ?", (record,)).fetchone()[0]
        connection.execute("INSERT INTO barcodes (code, kind, target, given) VALUES ('F1', 'F', 'fil_1', ?)", (at,))
        connection.execute(
            "INSERT INTO physical_files (id, client, barcode, kind, pages_basis, access_class, searches, state, since,"
            " version, created) VALUES ('fil_1', ?, 'F1', 'FILE', 'UNKNOWN', ?, 0, 'stored', ?, 0, ?)",
            (client, access_class, at, at),
        )
        connection.execute("INSERT INTO file_records VALUES (?, 'fil_1', ?, ?)", (record, client, at))


# --- the system reads too


def test_the_system_opens_words_under_one_event_a_batch(held: Path, run: Run) -> None:
    before = len(events(held))
    assert run("index", "rebuild").code == 0
    found = [event for event in events(held, before) if event["type"] != "indexed"]
    assert [event["type"] for event in found] == ["processed"] and found[0]["actor"]["role"] == "system"
    assert found[0]["obj"]["count"] == 2 and found[0]["reason"] == "processing"


def test_every_key_that_was_unwrapped_has_its_event(held: Path, run: Run, tmp_path: Path) -> None:
    record = record_of(run)
    for name in READS:
        run(*line_of(name, record, tmp_path))
    run("index", "rebuild")
    with closing(sqlite3.connect(held / "catalogue.db")) as connection:
        used = connection.execute("SELECT event, original FROM key_releases").fetchall()
    known = {event["id"]: event for event in events(held)}
    assert (
        len(used) == len(set(used)) == 9 + 2
    )  # nine reads that unwrap (a review's words too), and the batch of the index: two documents
    assert {known[event]["type"] for event, _ in used} == {
        "viewed", "exported", "search_hit_opened", "key_released", "processed"
    }  # fmt: skip
