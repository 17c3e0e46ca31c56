"""The real command before a server that only pretends to lock: nothing is stored, and what is not kept is named."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pretending import HONEST, PRETENCES, Pretender, pretender
from running import Muniment, servers, setting

pytestmark = pytest.mark.service
BY_NAME = {pretence.name: pretence for pretence in PRETENCES}


@pytest.fixture
def server() -> Iterator[Pretender]:
    (endpoint, ca, folder) = (setting(name) for name in ("MUNIMENT_S3_ENDPOINT", "MUNIMENT_S3_CA", "MUNIMENT_TEST_S3"))
    root = tuple((Path(folder) / f"root-{half}").read_text().strip() for half in ("access", "secret"))
    with pretender(endpoint.removeprefix("https://"), ca, root) as running:
        yield running


@pytest.fixture
def run(server: Pretender, tmp_path: Path) -> Muniment:
    found = servers(tmp_path / "home", search="tantivy", database="sqlite")
    found.environment |= {
        "MUNIMENT_S3_ENDPOINT": f"http://{server.address}",
        "MUNIMENT_S3_ACCESS_KEY": "anybody",
        "MUNIMENT_S3_SECRET_KEY": "anybody-at-all",
    }
    for name in ("MUNIMENT_S3_KEEPER_ACCESS_KEY", "MUNIMENT_S3_KEEPER_SECRET_KEY", "MUNIMENT_S3_CA"):
        found.environment.pop(name, None)
    return found


def locks(run: Muniment, expect: int) -> dict[str, Any]:
    """Return what `doctor` says of the store's locks."""
    checks = run("doctor", expect=expect)["checks"]
    return next(check for check in checks if check["name"] == "store's locks")


@pytest.mark.parametrize("name", list(BY_NAME)[::7])  # tests/contract/test_lock_probe.py tries all
def test_nothing_is_taken_in_and_the_error_names_what_is_not_kept(
    server: Pretender, run: Muniment, corpus: Path, name: str
) -> None:
    server.become(BY_NAME[name])
    refused = run("ingest", corpus / "letter.tif", expect=48)["error"]
    assert refused["code"] == "store-lock" and refused["retryable"] is True
    assert any(shown in refused["message"] for shown in BY_NAME[name].shown), refused
    status = run("status")
    assert status["scans"] == []  # nothing was claimed
    again = run("ingest", corpus / "letter.tif", expect=48)["error"]
    assert again["message"] == refused["message"]
    found = locks(run, expect=2)
    assert found["ok"] is False and found["found"].startswith("does not hold")
    assert all(shown in found["found"] for shown in BY_NAME[name].shown)

    server.become(HONEST)  # mended
    assert run("ingest", corpus / "letter.tif", expect=48)["error"]["message"].endswith(
        refused["message"].partition(": ")[2]
    )  # until somebody tries it anew
    assert locks(run, expect=0)["found"] == "holds"
    assert run("ingest", corpus / "letter.tif")["accessioned"] == 1
    assert run("custody", "check")["verdict"] == "holds"


def test_watch_and_up_do_not_begin(server: Pretender, run: Muniment) -> None:
    server.become(BY_NAME["deletes a locked version"])
    for command in ("watch", "up"):
        assert run(command, expect=48)["error"]["code"] == "store-lock"


def test_what_is_held_can_be_read_though_the_server_changed_its_mind(
    server: Pretender, run: Muniment, corpus: Path, tmp_path: Path
) -> None:
    server.become(HONEST)
    record = run("ingest", corpus / "letter.tif")["scans"][0]["records"][0]
    server.become(BY_NAME["lets a lock be shortened"])
    locks(run, expect=2)
    run("original", "open", record, "--reason", "test", "--to", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == (corpus / "letter.tif").read_bytes()
    assert run("ingest", corpus / "factura.tif", expect=48)["error"]["code"] == "store-lock"


def test_a_server_that_turns_while_it_is_relied_on_leaves_no_original_unlocked(
    server: Pretender, run: Muniment, corpus: Path
) -> None:
    server.become(HONEST)
    run("ingest", corpus / "letter.tif")
    server.become(BY_NAME["shows no locks"])
    taken = run("ingest", corpus / "factura.tif", expect=2)
    (scan,) = taken["scans"]
    assert (scan["outcome"], scan["reason"]["code"]) == ("waiting", "store-unavailable")
    report = run("custody", "check", expect=1)
    assert [problem["kind"] for problem in report["problems"]] == ["lock"]  # of the first, whose lock is hidden now
    server.become(HONEST)
    run("ingest", corpus / "factura.tif")
    assert run("custody", "check")["verdict"] == "holds"


def test_the_outcome_is_in_the_ledger_without_the_address(server: Pretender, run: Muniment, corpus: Path) -> None:
    server.become(HONEST)
    run("ingest", corpus / "letter.tif")
    database = sqlite3.connect(Path(run.environment["MUNIMENT_HOME"]) / "catalogue.db")
    leaves = [leaf for (leaf,) in database.execute("SELECT leaf FROM events")]
    database.close()
    (event,) = [event for event in map(json.loads, leaves) if event["type"] == "lock_probe"]
    assert event["client"] is None and event["obj"]["outcome"] == "holds"
    assert not any(b"127.0.0.1" in leaf for leaf in leaves)
