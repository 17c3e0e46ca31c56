"""People who are removed: never with a paper nor soon after the last one; nothing but the pseudonym is left."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from desk_house import ADMIN, House
from sqlalchemy import select, update

from custody.codes import find_code
from custody.contact_tables import contacts
from custody.ledger import Actor
from custody.loan_tables import loans
from custody.removal import remove_person
from custody.tables import events
from records.errors import InvalidValueError
from records.ids import instant
from records.tables import accreditations, persons
from tasks.desk import counting, lending, requests, returning
from tasks.desk.counting import Count
from tasks.desk.lending import Lending
from tasks.desk.requests import Asking
from tasks.printing.labels import give_person_code

Run = Callable[..., Any]


@pytest.fixture
def house(services: Any) -> House:
    made = House(services)
    made.place("A")
    made.person("Ana", "borrower", "reader")
    return made


def remove(house: House, name: str = "Ana", days: int = 0, actor: Actor = ADMIN) -> None:
    with house.services.database.write() as connection:
        remove_person(connection, house.services.vault, house.people[name].id, days, actor)


def lend(house: House, code: str) -> Any:
    return lending.lend(house.services, house.asked(), Lending((code,), "Ana", "audit"))


def row(house: House, name: str = "Ana") -> Any:
    with house.services.database.read() as connection:
        return connection.execute(select(persons).where(persons.c.id == house.people[name].id)).one()


def test_case_16_who_has_a_paper_is_not_removed(house: House) -> None:
    code = house.file("A", pages=2)
    lend(house, code)
    with pytest.raises(InvalidValueError, match="has papers"):
        remove(house)
    returning.give_back(house.services, house.asked(), code)
    with pytest.raises(InvalidValueError, match="has papers"):  # back, and not counted
        remove(house)
    counting.check(house.services, house.asked(), code, Count(pages=2))
    with pytest.raises(InvalidValueError, match="person_days"):
        remove(house, days=30)
    long_ago = instant(house.services.clock.now() - timedelta(days=31))
    with house.services.database.write() as connection:
        connection.execute(update(loans).values(closed_at=long_ago))
    remove(house, days=30)
    assert row(house).name == row(house).pseudonym and house.problems() == []


def test_who_waits_for_a_paper_is_not_removed(house: House) -> None:
    asked = requests.add(house.services, house.asked(), Asking(house.file("A"), "Ana", "legal"))
    with pytest.raises(InvalidValueError, match="asks for papers"):
        remove(house)
    requests.decide(house.services, house.asked(), asked.more["request"]["id"], "cancel")
    remove(house)


def test_of_who_is_removed_rights_name_token_barcode_and_addresses_go_and_no_event_has_the_name(house: House) -> None:
    code = give_person_code(house.services, house.people["Ana"].id)
    with house.services.database.write() as connection:
        connection.execute(contacts.insert().values(person=house.people["Ana"].id, email="a@b.org", language="es"))
    remove(house)
    gone = row(house)
    assert (gone.token_sha256, gone.os_user, list(gone.roles)) == (None, None, [])
    with house.services.database.read() as connection:
        assert connection.execute(select(contacts)).first() is None
        mine = accreditations.c.person == gone.id
        assert connection.execute(select(accreditations).where(mine)).first() is None
        coded = find_code(connection, code)
        said = [json.loads(leaf) for leaf in connection.execute(select(events.c.leaf)).scalars()]
    assert coded is None or coded.target == gone.id  # kept for ever, and given to nobody else
    assert give_person_code(house.services, gone.id) != code
    about = [event for event in said if event["subject"] == gone.id]
    assert [(event["type"], event["reason"]) for event in about][-3:] == [
        ("role_revoked", "borrower"), ("role_revoked", "reader"), ("config_changed", "person-removed"),
    ]  # fmt: skip
    assert not any("Ana" in json.dumps(event) for event in said)
    assert lend(house, house.file("A")).said.code == "unknown-person"


def test_nobody_removes_himself_and_the_last_administrator_stays(house: House) -> None:
    me = house.services.person
    house.people[me.name] = me
    with pytest.raises(InvalidValueError, match="himself"):
        remove(house, me.name, actor=replace(ADMIN, id=me.pseudonym))
    with pytest.raises(InvalidValueError, match="last administrator"):
        remove(house, me.name)
    assert row(house, me.name).name == me.name  # nothing was done by halves


def test_the_command_removes_and_says_what_is_left(run: Run) -> None:
    run("person", "add", "Ana")
    run("person", "accredit", "Ana", "--role", "reader")
    gone = run("person", "remove", "Ana", "--json")
    assert gone.code == 0 and gone.document["name"].startswith("psn_") and gone.document["accreditations"] == []
    assert run("person", "remove", "Ana", "--json").code == 13
    assert "Ana" not in run("person", "list", "--json").out
