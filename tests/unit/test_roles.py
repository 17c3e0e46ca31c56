"""Roles: given and withdrawn on the record; no single one of them can do and hide (custody reference, section 6.2)."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from custody.access import PERMISSIONS, ROLES
from custody.roles import APART

Run = Callable[..., Any]


def events(home: Path, first: int = 0) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(home / "catalogue.db")) as connection:
        rows = connection.execute("SELECT leaf FROM events WHERE seq >= ? ORDER BY seq", (first,)).fetchall()
    return [json.loads(row[0]) for row in rows]


# acts that are decisive for one another: who does one should not be able to do the other
KEPT_APART = (
    ("propose_disposal", "approve_disposal"), ("approve_disposal", "run_disposal"),
    ("propose_disposal", "run_disposal"),
    ("administer", "open_original"), ("administer", "view"), ("administer", "release_key"), ("administer", "keep_keys"),
    ("administer", "propose_disposal"), ("administer", "approve_disposal"), ("administer", "run_disposal"),
    ("administer", "release_hold"), ("release_key", "approve_disposal"), ("ingest", "approve_disposal"),
)  # fmt: skip


@pytest.mark.parametrize(("one", "other"), KEPT_APART)
def test_no_role_may_do_both(one: str, other: str) -> None:
    assert not PERMISSIONS[one] & PERMISSIONS[other]


def test_every_role_of_the_permissions_is_a_role() -> None:
    assert set[str]().union(*PERMISSIONS.values()) <= set(ROLES) and set[str]().union(*APART) <= set(ROLES)


def test_the_compliance_officer_changes_nothing_but_a_hold_that_keeps() -> None:
    may = {action for action, roles in PERMISSIONS.items() if "compliance" in roles}
    assert may <= {"open_original", "see_keys", "see_disposal", "set_hold", "check", "publish", "trace", "request",
                   "borrow", "borrow_restricted"}  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_no_role_alone_can_do_and_hide(
    held: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    """One person with one role tries everything dear: each try is an event that names the person."""
    found = run("record", "list", "--json").document["records"]
    record, original = found[0]["id"], found[0]["original"]
    key = run("keys", "list", "--json").document["keys"][0]["id"]
    order = run("disposal", "propose", found[1]["id"], "--basis", "law", "--reason", "legal: x", "--json").document[
        "order"
    ]
    hold = run("hold", "set", record, "--reason", "legal", "--json").document["holds"][0]["hold"]
    added = run("person", "add", "Ana", *(["--role", "admin"] if role == "admin" else []), "--json").document
    run("person", "accredit", "Ana", "--role", role)
    monkeypatch.setenv("MUNIMENT_TOKEN", added["token"])
    tries = [
        ["record", "show", record], ["record", "text", record], ["record", "pdf", record, "--to", tmp_path / "a"],
        ["record", "export", record, "--to", tmp_path / "b"], ["review", "show", record],
        ["original", "open", original, "--reason", "audit", "--to", tmp_path / "c"],
        ["original", "envelope", original, "--reason", "audit", "--to", tmp_path / "d"],
        ["keys", "release", original, "--reason", "audit", "--to", tmp_path / "e"],
        ["keys", "rotate"], ["keys", "destroy", key, "--reason", "audit", "--now"],
        ["hold", "release", hold, "--reason", "audit"], ["hold", "set", found[0]["id"], "--reason", "audit"],
        ["disposal", "propose", record, "--basis", "law", "--reason", "legal: x"],
        ["disposal", "approve", order, "--reason", "audit"], ["disposal", "run", order],
        ["retention", "set", "none", "--period", "P1D", "--authority", "me"],
        ["person", "accredit", "Ana", "--role", "approver"], ["person", "grant", "Ana", "--role", "custodian"],
        ["client", "add", "Mine"],
    ]  # fmt: skip
    for line in tries:
        before = len(events(held))
        answer = run("--as", "Ana", *line, "--json")
        made = events(held, before)
        mine = [event for event in made if added["pseudonym"] in (event["actor"]["id"], event["on_behalf"])]
        refused = answer.code in (67, 69)  # nothing was done at all: a rule of the order or the key stands against it
        assert mine or (refused and not made), (line, answer.out)
        assert (answer.code == 27) == (made[-1]["type"] == "access_denied") if made else refused
    destroyed = [event["subject"] for event in events(held) if event["type"] in ("disposed", "key_destroyed")]
    assert destroyed == ([key] if role == "custodian" else [])  # an epoch that nothing needs any more, and no record
    assert run("custody", "check").code == 0


def test_an_administrator_may_hide_behind_others_but_not_that_he_made_them(held: Path, run: Run) -> None:
    """The residual: who gives roles can give them to puppets; the ledger names who gave them."""
    run("person", "add", "Puppet", "--role", "compliance")
    run("person", "accredit", "Puppet", "--role", "approver")
    me = next(p for p in run("person", "list", "--json").document if p["name"] != "Puppet")
    made = [event for event in events(held) if event["type"] in ("role_granted", "person_accredited")][-2:]
    assert [event["actor"]["id"] for event in made] == [me["pseudonym"]] * 2


# --- giving and withdrawing


def test_roles_are_given_and_withdrawn_on_the_record(held: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    person = run("person", "add", "Ana", "--json").document
    assert run("person", "grant", "Ana", "--role", "admin", "--json").document["roles"] == ["admin"]
    assert run("person", "grant", "Ana", "--role", "admin", "--json").code == 15
    run("person", "accredit", "Ana", "--role", "reader")
    monkeypatch.setenv("MUNIMENT_TOKEN", person["token"])
    record = run("record", "list", "--json").document["records"][0]["id"]
    assert run("--as", "Ana", "record", "show", record).code == 0
    row = run("person", "revoke", "Ana", "--role", "reader", "--client", "default", "--json").document
    assert row["accreditations"] == [] and run("--as", "Ana", "record", "show", record).code == 27
    assert run("person", "revoke", "Ana", "--role", "admin", "--json").document["roles"] == []
    assert run("--as", "Ana", "person", "add", "Bea", "--json").code == 27
    found = [(e["type"], e["reason"], e["subject"], bool(e["client"])) for e in events(held)
             if e["type"] in ("role_granted", "role_revoked") and e["subject"] == person["id"]]  # fmt: skip
    assert found == [
        ("role_granted", "admin", person["id"], False), ("role_revoked", "reader", person["id"], True),
        ("role_revoked", "admin", person["id"], False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line", [["Ana", "--role", "reader"], ["Ana", "--role", "reader", "--client", "default"]]
)  # fmt: skip
def test_what_is_not_held_is_not_withdrawn(held: Path, run: Run, line: list[str]) -> None:
    run("person", "add", "Ana")
    before = len(events(held))
    assert run("person", "revoke", *line, "--json").code == 15 and len(events(held)) == before


def test_the_last_administrator_stays(held: Path, run: Run) -> None:
    me = run("person", "list", "--json").document[0]["name"]
    assert run("person", "revoke", me, "--role", "admin", "--json").code == 15
    run("person", "add", "Ana", "--role", "admin")
    assert run("person", "revoke", me, "--role", "admin", "--json").code == 0
    assert run("person", "grant", me, "--role", "admin", "--json").code == 27


def test_the_doctor_says_who_could_change_hats(held: Path, run: Run) -> None:
    def checks() -> dict[str, Any]:
        return {check["name"]: check for check in run("doctor", "--json").document["checks"]}

    me = run("person", "list", "--json").document[0]
    found = checks()
    assert (
        not found["roles divided"]["ok"] and not found["four eyes"]["ok"] and me["name"] in found["four eyes"]["found"]
    )
    assert found["given by another"]["ok"]
    run("person", "add", "Ana", "--role", "admin")
    for role in ("approver", "custodian", "compliance"):
        run("person", "revoke", me["name"], "--role", role, "--client", "default")
    for role in ("custodian", "compliance", "approver"):
        run("person", "revoke", me["name"], "--role", role)
    assert checks()["four eyes"]["ok"] and checks()["roles divided"]["ok"]
    run("person", "accredit", "Ana", "--role", "proposer")
    assert checks()["four eyes"]["ok"]
    run("person", "accredit", "Ana", "--role", "approver")
    assert "Ana: admin, approver, proposer (default)" in checks()["four eyes"]["found"]
    run("person", "accredit", me["name"], "--role", "approver")
    assert not checks()["given by another"]["ok"]
