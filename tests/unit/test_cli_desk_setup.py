"""Setting up the desk by commands: who collects for whom, and the days on which a site is closed."""

from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]


def test_a_delegate_collects_from_then_on_and_until_his_day(run: Run) -> None:
    run("place", "add", "S-01")
    for name in ("Ana", "Luis"):
        run("person", "add", name)
    run("person", "accredit", "Ana", "--role", "reader")
    code = run("file", "receive", "--json").document["barcode"]
    run("file", "locate", code, "--at", "S-01")
    lend = ("file", "lend", code, "--to", "Ana", "--purpose", "audit", "--collector", "Luis", "--json")
    assert run(*lend).document["code"] == "not-delegate"
    assert run("person", "delegate", "Luis", "--for", "Ana", "--until", "2020-01-01").code == 0
    assert run(*lend).document["code"] == "not-delegate"
    given = run("person", "delegate", "Luis", "--for", "Ana", "--json")
    assert given.document == {"person": "Luis", "for": "Ana", "client": "default", "until": None}
    assert run(*lend).document["answer"] == "done"
    assert run("person", "delegate", "Ana", "--for", "Ana").code == 15
    assert run("person", "delegate", "Nobody", "--for", "Ana").code != 0
    assert run("custody", "check", "--json").code == 0


def test_a_closed_day_moves_a_due_date_and_an_opening_brings_it_back(run: Run) -> None:
    run("place", "add", "S-01")
    run("person", "add", "Ana")
    run("person", "accredit", "Ana", "--role", "reader")

    def due(day: str) -> str:
        code = run("file", "receive", "--json").document["barcode"]
        run("file", "locate", code, "--at", "S-01")
        lent = run("file", "lend", code, "--to", "Ana", "--purpose", "audit", "--due", day, "--json")
        return str(lent.document["due"])

    assert due("2030-01-14") == "2030-01-14"
    changed = run("place", "calendar", "--closed", "2030-01-14/2030-01-15", "--yearly", "01-16", "--json")
    rules = [(rule["kind"], rule["value"]) for rule in changed.document["calendar"]["rules"]]
    assert rules[-2:] == [("yearly", "01-16"), ("dates", "2030-01-14/2030-01-15")]
    assert due("2030-01-14") == "2030-01-17"
    run("place", "calendar", "--open", "2030-01-15")
    assert due("2030-01-14") == "2030-01-15"
    run("place", "calendar", "--remove", "2030-01-14/2030-01-15")
    assert due("2030-01-14") == "2030-01-14"
    shown = run("place", "calendar", "--json").document["calendar"]["rules"]
    assert [rule["value"] for rule in shown] == ["sat", "sun", "01-16", "2030-01-15"]


def test_a_rule_that_cannot_be_or_closes_for_ever_changes_nothing(run: Run) -> None:
    run("place", "add", "S-01")
    for wrong in (["--weekly", "someday"], ["--yearly", "13-40"], ["--remove", "mon"], ["--yearly", "01-01/12-31"]):
        assert run("place", "calendar", *wrong, "--json").document["answer"] == "blocked"
    assert len(run("place", "calendar", "--json").document["calendar"]["rules"]) == 2
    assert run("place", "calendar", "none", "--json").code == 2
