"""One timeline of a record: its image, its paper, and the boxes its paper stood in, for as long as it stood there."""

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def desk(held: Any, run: Run) -> Run:
    run("person", "add", "Ana")
    run("person", "accredit", "Ana", "--role", "reader")
    run("place", "add", "S-01")
    return run


def told(run: Run, record: str) -> list[tuple[str, str]]:
    """Return kind of subject and type of each event of paper."""
    events = run("record", "timeline", record, "--json").document["events"]
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)
    papers = [(event["subject"][:3], event["type"]) for event in events]
    return [one for one in papers if one[0] in ("fil", "box", "req")]


def test_a_record_shows_the_box_its_paper_was_lent_in(desk: Run) -> None:
    record = desk("record", "list", "--json").document["records"][0]["id"]
    code = desk("file", "receive", "--record", record, "--pages", "1", "--json").document["barcode"]
    first, second = (desk("box", "add", "--at", "S-01", "--json").document["barcode"] for _ in range(2))
    desk("file", "locate", code, "--at", first)
    before = len(told(desk, record))
    asked = desk("request", "add", first, "--by", "Ana", "--purpose", "audit", "--json").document["request"]["id"]
    desk("request", "decide", asked, "--authorise")
    assert desk("file", "lend", first, "--to", "Ana", "--purpose", "audit", "--json").code == 0
    assert desk("file", "return", first, "--answer", "box-contents", "--json").code == 0
    assert told(desk, record)[before:] == [
        ("req", "requested"), ("req", "authorised"), ("box", "lent"), ("req", "lent"), ("fil", "lent"),
        ("box", "returned"), ("fil", "returned"),
    ]  # fmt: skip
    desk("file", "check", code, "--pages", "1")
    desk("file", "locate", code, "--at", second)
    since = len(told(desk, record))
    desk("request", "add", first, "--by", "Ana", "--purpose", "audit")  # it is not in that box any more
    desk("file", "locate", second, "--at", "MAIN/DESK")
    assert told(desk, record)[since:] == [("box", "picked")]
