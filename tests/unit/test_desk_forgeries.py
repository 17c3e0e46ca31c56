"""Forged histories of paper: the verifier names them without a database, and the writer refuses them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ledger_making import LOG, an_event, an_id, leaf_of, placed, publish

from custody import ledger
from custody.findings import Report
from custody.ledger import Actor, Draft
from custody.replay import Replay
from records.errors import LifecycleError

Run = Callable[..., Any]
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

PROPOSED = [received(), an_event("disposal_proposed", FILE, actor="psn_p")]
LISTED = [
    *PROPOSED,
    an_event("listed", FILE, "received", "disposal_listed", place=SHELF, actor="psn_p", auth_ref=an_id("evt", 2)),
]
APPROVED = [*LISTED, an_event("disposal_approved", FILE, actor="psn_a", refs=[an_id("evt", 2)])]


def destroyed(by: str, *, approval: int | None = 4, **more: Any) -> dict[str, Any]:
    named = None if approval is None else an_id("evt", approval)
    return an_event("disposed", FILE, "disposal_listed", "destroyed", actor=by, auth_ref=named, **more)


WANTED = [received(), an_event("withdrawal_proposed", FILE, actor="psn_p")]
RELEASED = [*WANTED, an_event("withdrawal_approved", FILE, actor="psn_a", refs=[an_id("evt", 2)])]


def gone(release: int | None = 3, to: str | None = "psn_ana", **more: Any) -> dict[str, Any]:
    named = None if release is None else an_id("evt", release)
    return an_event("withdrawn", FILE, "received", "withdrawn", auth_ref=named, on_behalf=to, **more)


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
    "listed for destruction by nobody's proposal": (
        [received(), an_event("listed", FILE, "received", "disposal_listed", place=SHELF)], [("guard", 1)],
    ),
    "destroyed without an approval": ([*LISTED, destroyed("psn_c", approval=None)], [("guard", 3)]),
    "destroyed by the approval of another paper": (
        [*LISTED, an_event("disposal_proposed", OTHER, actor="psn_p"),
         an_event("disposal_approved", OTHER, actor="psn_a", refs=[an_id("evt", 4)]), destroyed("psn_c", approval=5)],
        [("guard", 5)],
    ),
    "destroyed though it was never listed": (
        [*PROPOSED, an_event("disposal_approved", FILE, actor="psn_a", refs=[an_id("evt", 2)]),
         destroyed("psn_c", approval=3)], [("state", 3)],
    ),
    "approved by who proposed its destruction": (
        [*LISTED, an_event("disposal_approved", FILE, actor="psn_p", refs=[an_id("evt", 2)])], [("guard", 3)],
    ),
    "destroyed by who proposed it": ([*APPROVED, destroyed("psn_p")], [("guard", 4)]),
    "destroyed by who approved it": ([*APPROVED, destroyed("psn_a")], [("guard", 4)]),
    "destroyed under a hold of its box": (
        [*APPROVED, an_event("hold_set", an_id("box", 1)), destroyed("psn_c", obj={"within": [an_id("box", 1)]})],
        [("guard", 5)],
    ),
    "lent while it is listed for destruction": ([*LISTED, lent()], [("state", 3)]),
    "seen on its shelf after it was destroyed": (
        [*APPROVED, destroyed("psn_c"), an_event("sighted", FILE, "destroyed", "destroyed")], [("move", 5), ("end", 5)],
    ),
    "approved by who found it": (
        [*MISSING, FOUND, an_event("found_approved", FILE, "found_pending", "checked", place=SHELF)], [("guard", 3)],
    ),
    "given back for good by one person's word": ([*WANTED, gone(release=None)], [("guard", 2)]),
    "given back for good by naming what was proposed": ([*WANTED, gone(release=2)], [("guard", 2)]),
    "approved to leave by who listed it": (
        [*WANTED, an_event("withdrawal_approved", FILE, actor="psn_p", refs=[an_id("evt", 2)])], [("guard", 2)],
    ),
    "approved to leave and never listed": (
        [received(), an_event("withdrawal_approved", FILE, actor="psn_a", refs=[an_id("evt", 9)])], [("guard", 1)],
    ),
    "given back for good by the approval of another paper": (
        [*WANTED, received(OTHER), an_event("withdrawal_proposed", OTHER, actor="psn_p"),
         an_event("withdrawal_approved", OTHER, actor="psn_a", refs=[an_id("evt", 4)]), gone(release=5)],
        [("guard", 5)],
    ),
    "given back for good after its list was refused": (
        [*RELEASED, an_event("withdrawal_refused", FILE, refs=[an_id("evt", 2)]), gone()], [("guard", 4)],
    ),
    "given back for good to nobody": ([*RELEASED, gone(to=None)], [("guard", 3)]),
    "given back for good to oneself": ([*RELEASED, gone(to="psn_1")], [("guard", 3)]),
    "given back for good under a hold of its box": (
        [*RELEASED, an_event("hold_set", an_id("box", 1)), gone(obj={"within": [an_id("box", 1)]})], [("guard", 4)],
    ),
    "given back for good while its box is lent": (
        [*RELEASED, an_event("received", an_id("box", 1), None, "received", place=SHELF),
         an_event("lent", an_id("box", 1), "received", "on_loan", holder="psn_luis", due="2026-12-14"),
         gone(obj={"within": [an_id("box", 1)]})],
        [("guard", 5)],
    ),
    "given back for good while it is lent": (
        [*RELEASED, lent(), {**gone(), "from": "on_loan"}], [("move", 4), ("guard", 4)],
    ),
    "lent after it was given back for good": ([*RELEASED, gone(), lent()], [("state", 4)]),
    "lent after it was given back for good, as a move of its own": (
        [*RELEASED, gone(), lent(before="withdrawn")], [("move", 4)],
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


def verify(run: Run, folder: Path, events: list[dict[str, Any]]) -> Any:
    """Publish a history under a key of its own, and let the real command verify it as an outsider would."""
    leaves = [leaf_of(event) for event in placed(events)]
    publish(folder / "log", leaves, [len(leaves)])
    (folder / "log.vkey").write_text(LOG.key.vkey + "\n")
    return run("verify", "ledger", "--dir", folder / "log", "--vkey", folder / "log.vkey", "--json")


def test_the_command_refuses_every_forged_history_that_was_published(run: Run, tmp_path: Path) -> None:
    for number, (events, expected) in enumerate(FORGED.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        answer = verify(run, folder, events)
        assert (answer.code, answer.document["verdict"]) == (1, "does not hold")
        assert [(one["kind"], one["seq"]) for one in answer.document["problems"]] == expected


def test_the_command_says_of_every_honest_one_that_it_holds(run: Run, tmp_path: Path) -> None:
    for number, events in enumerate(HONEST.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert verify(run, folder, events).document["verdict"] == "holds"


HONEST = {
    "destroyed by a third person": [*APPROVED, destroyed("psn_c"), an_event("incident", FILE)],
    "taken off the list and lent": [
        *LISTED, an_event("disposal_refused", FILE, refs=[an_id("evt", 2)]),
        an_event("unlisted", FILE, "disposal_listed", "received", place=SHELF), lent(),
    ],
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
    "given back for good, received anew, lent": [
        *RELEASED, gone(), an_event("received", FILE, "withdrawn", "received", place=SHELF), lent(),
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
    more = {name: event[name] for name in ("obj", "occurred", "on_behalf", "place", "holder", "due", "auth_ref")}
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
    if isinstance(value, str) and value.startswith(("fil_", "evt_", "box_")):
        return f"{value[:4]}{number + 1:08x}{value[12:]}"
    return value
