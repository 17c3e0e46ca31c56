"""Transfers: listed, sent, received, every line checked, what is wrong settled by an archivist, then put away."""

from collections.abc import Callable
from typing import Any

import pytest
from desk_house import House
from sqlalchemy import select

from custody.loan_tables import incidents, transfer_lines
from tasks.desk import lending, transfers
from tasks.desk.acts import Answer
from tasks.desk.lending import Lending
from tasks.desk.transfers import NewTransfer

Run = Callable[..., Any]


@pytest.fixture
def house(services: Any) -> House:
    made = House(services)
    made.place("A")
    made.place("B")
    made.person("Ana", "borrower")
    made.person("Eva", "clerk")
    return made


def listed(house: House, *papers: str, kind: str = "CLIENT_IN") -> str:
    answer = transfers.add(house.services, house.asked(), NewTransfer("default", kind, papers))
    assert answer.said.code == "transfer-added", answer.document()
    return str(answer.more["transfer"]["barcode"])


def states(answer: Answer) -> dict[str, str]:
    return {line["barcode"]: line["state"] for line in answer.more["transfer"]["lines"]}


def test_every_line_has_its_outcome_and_nothing_is_placed_before_errors_are_settled(house: House) -> None:
    code = listed(house, "X-1", "X-2", "X-3")
    assert house.row("X-1").state == "announced"
    do, ask = house.services, house.asked
    assert transfers.check(do, ask(), code, "X-1").said.code == "transfer-state"  # it has not arrived
    transfers.send(do, ask(), code)
    transfers.receive(do, ask(), code)
    assert transfers.check(do, ask(), code, "X-1").said.code == "transfer-line-ok"
    assert transfers.check(do, ask(), code, "X-1").said.code == "transfer-checked-already"
    assert transfers.check(do, ask(), code, "X-2", damaged=True).basket == "alert"
    assert transfers.check(do, ask(), code, "Y-9").said.code == "transfer-line-extra"
    ended = transfers.finish(do, ask(), code)
    assert ended.said.code == "transfer-with-errors" and ended.more["transfer"]["state"] == "with_errors"
    assert states(ended) == {"X-1": "OK", "X-2": "ERROR", "X-3": "MISSING", "Y-9": "EXTRA"}
    assert [house.row(one).state for one in ("X-1", "X-2", "X-3", "Y-9")] == [
        "received", "quarantine", "announced", "received",
    ]  # fmt: skip
    assert transfers.place(do, ask(), code, "A").said.code == "transfer-state"
    assert transfers.correct(do, ask("Eva", reason="dispute"), code).said.code == "not-supervisor"
    assert transfers.correct(do, ask(), code).said.code == "settle-reason"
    assert transfers.correct(do, ask(reason="dispute"), code).more["transfer"]["state"] == "corrected"
    assert transfers.check(do, ask(), code, "X-3").said.code == "transfer-line-ok"  # it came after all
    assert transfers.finish(do, ask(), code).said.code == "transfer-checked"
    assert transfers.place(do, ask(), code).said.code == "transfer-unplaced"
    assert transfers.place(do, ask(), code, "A").more["transfer"]["state"] == "placed"
    assert [house.row(one).state for one in ("X-1", "X-2", "X-3", "Y-9")] == [
        "stored", "quarantine", "stored", "stored",
    ]  # fmt: skip
    with house.services.database.read() as connection:
        assert list(connection.execute(select(incidents.c.kind)).scalars()) == ["DAMAGED"]
        assert not any(connection.execute(select(transfer_lines.c.open)).scalars())
    assert house.problems() == []


def test_what_goes_to_another_site_is_on_its_way_and_is_not_lent_meanwhile(house: House) -> None:
    file, lent = house.file("A"), house.file("A")
    do, ask = house.services, house.asked
    lending.lend(do, ask(), Lending((lent,), "Ana", "audit"))
    refused = transfers.add(do, ask(), NewTransfer("default", "SITE", (file, lent)))
    assert refused.said.code == "transfer-not-listable"
    code = listed(house, file, kind="SITE")
    assert transfers.add(do, ask(), NewTransfer("default", "SITE", (file,))).said.code == "transfer-listed"
    assert transfers.receive(do, ask(), code).said.code == "transfer-state"  # it was not sent
    transfers.send(do, ask(), code)
    assert (house.row(file).state, house.row(file).place) == ("in_transit", None)
    transfers.receive(do, ask(), code)
    came = transfers.check(do, ask(), code, lent)
    assert came.said.code == "transfer-line-extra" and house.row(lent).state == "returned"
    assert transfers.check(do, ask(), code, "nobody").said.code == "unknown-barcode"
    transfers.check(do, ask(), code, file)
    assert house.row(file).state == "checked" and house.problems() == []


def test_what_was_lent_after_it_was_listed_is_not_sent(house: House) -> None:
    file = house.file("A")
    code = listed(house, file, kind="SITE")
    lending.lend(house.services, house.asked(), Lending((file,), "Ana", "audit"))
    assert transfers.send(house.services, house.asked(), code).said.code == "transfer-not-listable"
    assert transfers.reject(house.services, house.asked(reason="dispute"), code).basket == "done"
    assert house.problems() == []


def test_another_clients_transfer_is_as_if_it_were_not_there(house: House) -> None:
    house.person("Luis", "clerk", client="other")
    code = listed(house, "X-1")
    for act in (transfers.send, transfers.receive, transfers.finish):
        assert act(house.services, house.asked("Luis"), code).said.code == "unknown-transfer"
    house.person(house.services.person.name, "clerk", client="other")
    foreign = house.file(client="other")
    transfers.receive(house.services, house.asked(), code)
    assert transfers.check(house.services, house.asked(), code, foreign).basket == "blocked"


def test_the_commands_go_from_the_list_to_the_shelf(run: Run) -> None:
    run("place", "add", "S-01")
    made = run("transfer", "add", "X-1", "X-2", "--json").document
    code = made["transfer"]["barcode"]
    assert made["answer"] == "done" and [line["state"] for line in made["transfer"]["lines"]] == ["PENDING"] * 2
    for arguments in (["send", code], ["receive", code], ["check", code, "X-1"], ["check", code, "--end"]):
        assert run("transfer", *arguments, "--json").code == 0
    assert run("transfer", "place", code, "--at", "S-01", "--json").code == 2
    assert run("transfer", "correct", code, "--reason", "dispute", "--json").code == 0
    assert run("transfer", "check", code, "--end", "--json").document["transfer"]["state"] == "checked"
    assert run("transfer", "place", code, "--at", "S-01", "--json").document["transfer"]["state"] == "placed"
    assert run("file", "find", "X-1", "--json").document["location"] == "MAIN/S-01"
    assert run("transfer", "list", "--json").document == {"transfers": []}
    assert [row["barcode"] for row in run("transfer", "list", "--all", "--json").document["transfers"]] == [code]
    shown = run("transfer", "show", code, "--json").document["transfer"]
    assert [(line["barcode"], line["state"]) for line in shown["lines"]] == [("X-1", "OK"), ("X-2", "MISSING")]
    assert run("transfer", "check", code).code == 15 and run("custody", "check", "--json").code == 0
