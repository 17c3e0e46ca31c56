"""Forged histories of paper: the verifier names them without a database, and the writer refuses them."""

from typing import Any

import pytest
from ledger_making import an_event, an_id, leaf_of, placed

from custody import ledger
from custody.findings import Report
from custody.ledger import Actor, Draft
from custody.replay import Replay
from records.errors import LifecycleError

FILE, OTHER = an_id("fil", 1), an_id("fil", 2)
SHELF = an_id("loc", 1)


def received(file: str = FILE) -> dict[str, Any]:
    return an_event("received", file, None, "received", place=SHELF)


def lent(file: str = FILE, before: str = "received", to: str = "psn_ana", **more: Any) -> dict[str, Any]:
    return an_event("lent", file, before, "on_loan", holder=to, due="2026-12-14", **more)


def returned(event: int, file: str = FILE, by: str = "psn_ana", **more: Any) -> dict[str, Any]:
    return an_event(
        "returned", file, "on_loan", "returned", place=SHELF, refs=[an_id("evt", event)], on_behalf=by, **more
    )


def about(kind: str, event: int, by: str = "psn_ana", to: str = "psn_ana") -> dict[str, Any]:
    return an_event(kind, FILE, "on_loan", "on_loan", holder=to, refs=[an_id("evt", event)], on_behalf=by)


MISSING = [received(), an_event("missing", FILE, "received", "missing")]
FOUND = an_event("found", FILE, "missing", "found_pending", place=SHELF, actor="psn_1")

FORGED: dict[str, tuple[list[dict[str, Any]], list[tuple[str, int]]]] = {
    "returned and never lent": ([received(), returned(9)], [("state", 1), ("guard", 1)]),
    "lent while it is lent": ([received(), lent(), lent(to="psn_luis")], [("state", 2)]),
    "lent while it is lent, as a move of its own": (
        [received(), lent(), lent(before="on_loan", to="psn_luis")], [("move", 2)],
    ),
    "lent under a hold": ([received(), an_event("hold_set", FILE), lent()], [("guard", 2)]),
    "a restricted file lent to oneself": ([received(), lent(to="psn_1", obj={"class": "secret"})], [("guard", 1)]),
    "returned by another borrower": ([received(), lent(), returned(2, by="psn_luis")], [("guard", 2)]),
    "returned from another file's loan": (
        [received(), lent(), received(OTHER), lent(OTHER), returned(4)], [("guard", 4)],
    ),
    "renewed under another's name": ([received(), lent(), about("renewed", 2, by="psn_luis")], [("guard", 2)]),
    "recalled without its loan": ([received(), lent(), about("recalled", 9)], [("guard", 2)]),
    "handed on by who does not have it": (
        [received(), lent(), about("recharged", 2, by="psn_eva", to="psn_luis")], [("guard", 2)],
    ),
    "returned by who handed it on": (
        [received(), lent(), about("recharged", 2, to="psn_luis"), returned(2)], [("guard", 3), ("guard", 3)],
    ),
    "returned before it was lent": (
        [received(), lent(), returned(2, occurred="2026-11-22T01:39:36.000Z")], [("guard", 2)],
    ),
    "back on its shelf uncounted": (
        [received(), lent(), returned(2), an_event("refiled", FILE, "returned", "stored", place=SHELF)],
        [("move", 3)],
    ),
    "counted as whole with a page short": (
        [received(), lent(), returned(2),
         an_event("checked", FILE, "returned", "checked", place=SHELF, obj={"pages": 211, "out": 212})],
        [("guard", 3)],
    ),
    "approved by who found it": (
        [*MISSING, FOUND, an_event("found_approved", FILE, "found_pending", "checked", place=SHELF)], [("guard", 3)],
    ),
}  # fmt: skip


def problems(events: list[dict[str, Any]]) -> list[tuple[str, int | None]]:
    report = Report()
    with report.step("replay") as step:
        run = Replay(step)
        for event in placed(events):
            leaf = leaf_of(event)
            run.take(leaf, bytes.fromhex(ledger.leaf_hash(leaf)))
        run.finish()
    return [(problem.kind, problem.seq) for problem in report.problems]


@pytest.mark.parametrize("name", FORGED)
def test_the_verifier_names_a_forged_history(name: str) -> None:
    events, expected = FORGED[name]
    assert problems(events) == expected


HONEST = {
    "lent, renewed, handed on, returned, counted": [
        received(), lent(), about("renewed", 2), about("recharged", 2, to="psn_luis"), returned(4, by="psn_luis"),
        an_event("checked", FILE, "returned", "checked", place=SHELF, obj={"pages": 214, "out": 212, "added": 2}),
    ],
    "lent again after it came back": [
        received(), lent(), returned(2), an_event("checked", FILE, "returned", "checked", place=SHELF),
        lent(before="checked", to="psn_luis"),
    ],
    "approved by another person": [
        *MISSING, FOUND, an_event("found_approved", FILE, "found_pending", "checked", place=SHELF, actor="psn_2"),
    ],
    "a restricted file lent by a second person": [received(), lent(to="psn_ana", obj={"class": "secret"})],
    "lent after the hold was released": [
        received(), an_event("hold_set", FILE), an_event("hold_released", FILE, refs=[an_id("evt", 2)]), lent(),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_history_holds(name: str) -> None:
    assert problems(HONEST[name]) == []


def write(services: Any, event: dict[str, Any]) -> None:
    actor = Actor(event["actor"]["id"], event["actor"]["role"], "os")
    more = {name: event[name] for name in ("obj", "occurred", "on_behalf", "place", "holder", "due")}
    draft = Draft(
        event["id"], event["type"], event["subject"], actor, client=event["client"], before=event["from"],
        after=event["to"], refs=tuple(event["refs"]), **more,
    )  # fmt: skip
    with services.database.write() as connection:
        ledger.append(connection, draft, services.clock.now())


def test_the_writer_refuses_every_forged_history(services: Any) -> None:
    for number, name in enumerate(FORGED):
        events, found = FORGED[name]
        own = [_renamed(event, number) for event in placed(events)]
        for event in own[:-1]:
            write(services, event)
        assert found[-1][1] == len(own) - 1
        with pytest.raises(LifecycleError):
            write(services, own[-1])


def _renamed(value: Any, number: int) -> Any:
    """Give a history ids of its own, so that several stand in one ledger."""
    if isinstance(value, dict):
        return {name: _renamed(item, number) for name, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, number) for item in value]
    if isinstance(value, str) and value.startswith(("fil_", "evt_")):
        return f"{value[:4]}{number + 1:08x}{value[12:]}"
    return value
