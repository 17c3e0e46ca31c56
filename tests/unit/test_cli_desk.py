"""The commands of the records desk: names, keys and exit codes of the contract."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
ANSWER = {"answer", "code", "message", "next", "file", "loan", "due", "location", "events"}


@pytest.fixture
def desk(run: Run) -> Run:
    run("person", "add", "Ana")
    run("person", "accredit", "Ana", "--role", "reader")
    run("place", "add", "S-01", "--capacity", "5")
    return run


def test_a_loan_from_the_shelf_and_back_in_commands(desk: Run) -> None:
    code = desk("file", "receive", "--title", "A file", "--pages", "10", "--json").document["barcode"]
    located = desk("file", "locate", code, "--at", "S-01", "--json")
    assert located.code == 0 and located.document.keys() >= ANSWER and located.document["location"] == "MAIN/S-01"
    lent = desk("file", "lend", code, "--to", "Ana", "--purpose", "audit", "--due", "2030-01-14", "--json").document
    assert (lent["answer"], lent["due"]) == ("done", "2030-01-14") and lent["loan"].startswith("lon_")
    rows = desk("loan", "list", "--borrower", "Ana", "--json").document["loans"]
    assert len(rows) == 1
    assert {"loan", "file", "borrower", "out", "due", "overdue_days", "state"} <= rows[0].keys()
    assert (rows[0]["loan"], rows[0]["borrower"], rows[0]["overdue_days"]) == (lent["loan"], "Ana", 0)
    assert desk("loan", "list", "--overdue", "--json").document == {"loans": []}
    second = desk("file", "lend", code, "--to", "root", "--purpose", "x", "--json")
    assert second.code == 2 and second.document["answer"] == "blocked" and second.document["next"]
    assert desk("file", "find", lent["file"], "--json").document["holder"] == "Ana"
    asked = desk("file", "check", code, "--json")
    assert asked.code == 2  # it is with Ana
    assert desk("file", "return", code, "--json").code == 0
    question = desk("file", "check", code, "--json")
    assert question.code == 3 and question.document["answer"] == "confirm"
    assert desk("file", "check", code, "--pages", "10", "--json").document["answer"] == "done"
    assert desk("file", "refile", code, "--json").document["location"] == "MAIN/S-01"
    history = desk("file", "history", code, "--json").document
    assert [row["type"] for row in history["history"]] == [
        "received", "refiled", "lent", "returned", "checked", "refiled",
    ]  # fmt: skip
    assert history["events"] == [row["seq"] for row in history["history"]]


@pytest.mark.parametrize(
    "arguments",
    [
        ["file", "find", "nothing"],
        ["file", "lend", "nothing", "--to", "Ana", "--purpose", "audit"],
        ["file", "find", "F0000000138"],
        ["request", "decide", "req_00", "--authorise"],
    ],
)
def test_what_is_not_there_is_blocked_with_what_to_do(desk: Run, arguments: list[str]) -> None:
    answer = desk(*arguments, "--json")
    assert answer.code == 2 and answer.document["answer"] == "blocked" and answer.document["next"]


def test_unknown_people_and_places_are_blocked(desk: Run) -> None:
    code = desk("file", "receive", "--json").document["barcode"]
    for arguments in (["locate", code, "--at", "nowhere"], ["lend", code, "--to", "Nobody", "--purpose", "audit"]):
        answer = desk("file", *arguments, "--json")
        assert answer.code == 2 and answer.document["code"].startswith("unknown-") and answer.document["next"]


def test_a_clients_own_barcode_is_taken_once(desk: Run) -> None:
    assert desk("file", "receive", "CAJA-7/12", "--json").document["barcode"] == "CAJA-7/12"
    assert desk("file", "receive", "CAJA-7/12", "--json").document["code"] == "received-again"
    assert desk("box", "add", "CAJA-7/12", "--json").document["answer"] == "blocked"
    wrong = desk(
        "file", "receive", "F0000000138", "--json"
    )  # looks like one of ours, and its check digits do not agree
    assert wrong.code == 2 and wrong.document["answer"] == "blocked"


def test_a_request_is_asked_decided_and_listed(desk: Run) -> None:
    code = desk("file", "receive", "--json").document["barcode"]
    made = desk("request", "add", code, "--by", "Ana", "--purpose", "legal: summons", "--json").document
    listed = desk("request", "list", "--json").document["requests"]
    assert [row["id"] for row in listed] == [made["request"]["id"]] and listed[0]["state"] == "submitted"
    granted = desk("request", "decide", made["request"]["id"], "--authorise", "--json").document
    assert granted["request"]["state"] == "queued" and granted["request"]["position"] == 1


def test_files_are_imported_all_or_none(desk: Run, tmp_path: Path) -> None:
    path = tmp_path / "files.csv"
    path.write_text("barcode,title,pages,place\nX-1,One,3,S-01\nX-1,Two,x,\n,Three,2,nowhere\n", encoding="utf-8")
    trial = desk("file", "import", path, "--dry-run", "--json")
    assert trial.code == 2 and trial.document["rows"] == 3 and trial.document["ok"] == 1
    assert [one["row"] for one in trial.document["problems"]] == [3, 4]
    assert desk("file", "import", path, "--json").document["ok"] == 1
    assert desk("file", "find", "X-1", "--json").code == 2  # none came in
    path.write_text("barcode;title;place\nX-1;One;S-01\nX-2;Two;\n", encoding="utf-8")
    assert desk("file", "import", path, "--dry-run", "--json").document == {"rows": 2, "ok": 2, "problems": []}
    assert desk("file", "find", "X-1", "--json").code == 2
    assert desk("file", "import", path, "--json").code == 0
    assert desk("file", "find", "X-1", "--json").document["location"] == "MAIN/S-01"
    assert desk("file", "find", "X-2", "--json").document["state"] == "announced"
    path.write_bytes(b"\xff\xfe\x00")
    assert desk("file", "import", path, "--json").code == 15


def test_places_and_boxes_are_listed(desk: Run) -> None:
    box = desk("box", "add", "--at", "S-01", "--json").document
    assert box["answer"] == "done"
    listed = desk("box", "list", "--json").document["boxes"]
    assert [(row["barcode"], row["location"]) for row in listed] == [(box["barcode"], "MAIN/S-01")]
    places = desk("place", "list", "--json").document["places"]
    assert {"MAIN", "MAIN/IN", "MAIN/DESK", "MAIN/S-01"} <= {row["path"] for row in places}
    assert next(row["held"] for row in places if row["path"] == "MAIN/S-01") == 1


def test_people_read_sentences_in_their_language(desk: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from cli import frame

    code = desk("file", "receive", "--json").document["barcode"]
    monkeypatch.setenv("MUNIMENT_LANGUAGE", "es")
    monkeypatch.setattr(frame, "_catalogue", [])
    assert "se recibió" in desk("file", "find", code).out or "recibido" in desk("file", "find", code).out
    assert desk("file", "lend", code, "--to", "Nadie", "--purpose", "audit").out.startswith("Nadie tiene el nombre")
