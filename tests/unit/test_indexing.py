"""The outbox and the index: one damaged object stops only its own record; a rebuild needs no working copies."""

import threading
from pathlib import Path
from typing import Any

from sqlalchemy import select

from custody.tables import derivatives
from tasks import indexing
from tasks.words import borrowed


def damaged(home: Path, services: Any, record: str) -> None:
    with services.database.read() as connection:
        row = connection.execute(
            select(derivatives).where(derivatives.c.record == record, derivatives.c.kind == "words")
        ).one()
    path = home / "store" / row.object_key
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])


def test_one_damaged_record_leaves_the_others(muniment: Any, services: Any, home: Path, corpus: Path) -> None:
    first = muniment("ingest", corpus / "letter.tif")["scans"][0]["records"][0]
    damaged(home, services, first)
    muniment("review", "correct", first, "--set", "subject=Otro asunto", "--reason", "review", expect=None)
    second = muniment("ingest", corpus / "factura.tif", expect=None)
    assert second["scans"][0]["state"] in ("indexed", "in_review")
    assert muniment("search", "factura papelería")["total"] == 1
    events = [event["type"] for event in muniment("record", "timeline", first)["events"]]
    for _ in range(2):
        indexing.drain(services)
    again = [event["type"] for event in muniment("record", "timeline", first)["events"]]
    assert again.count("incident") == events.count("incident") == 1  # said once, however often it is met
    report = muniment("custody", "check", expect=1)
    assert any(first in problem["object"] for problem in report["problems"])


def test_a_rebuild_goes_on_while_working_copies_are_swept(muniment: Any, services: Any, corpus: Path) -> None:
    record = muniment("ingest", corpus / "letter.tif")["scans"][0]["records"][0]
    stop = threading.Event()

    def sweep() -> None:
        while not stop.wait(0.005):
            for path in services.places.words.iterdir():
                path.unlink(missing_ok=True)

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for _ in range(5):
            assert indexing.rebuild(services) == 1
    finally:
        stop.set()
        sweeper.join()
    assert indexing.status(services).equal
    with borrowed(services, [record]) as words:
        assert words[record].exists()
    assert not words[record].exists() and not list(services.scratch.glob("*.words*"))
