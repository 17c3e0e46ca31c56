"""A house for tests of the records desk: two clients, people, a site with shelves; acts said in few words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from custody import people
from custody.access import Person
from custody.desk_tables import physical_files
from custody.findings import Report
from custody.ledger import Actor
from custody.whereabouts import compare
from records.desk_answers import Said
from records.tables import persons
from tasks.desk import places, receiving, shelving
from tasks.desk.acts import Answer, Asked, perform

ADMIN = Actor("psn_admin", "admin", "os")


@dataclass
class House:
    """Services, and people by name; `me` acts unless another is named."""

    services: Any
    people: dict[str, Person] = field(default_factory=dict)

    def person(self, name: str, *roles: str, client: str = "default", until: str | None = None) -> Person:
        """Add a person with roles for a client, or give more roles."""
        with self.services.database.write() as connection:
            row = connection.execute(select(persons).where(persons.c.name == name)).one_or_none()
            if row is None:
                people.add_person(connection, self.services.vault, name, [], ADMIN)
                row = connection.execute(select(persons).where(persons.c.name == name)).one()
            for role in roles:
                people.accredit(
                    connection, self.services.vault, row.id, self.client(client, connection), role, until, ADMIN
                )
        self.people[name] = Person(row.id, row.name, row.pseudonym, frozenset(), "os")
        return self.people[name]

    def client(self, name: str, connection: Any = None) -> str:
        """Return the id of a client, added where it is not there."""
        from records.catalogue import client_by_name
        from records.errors import UnknownIdError

        if connection is None:
            with self.services.database.write() as opened:
                return self.client(name, opened)
        try:
            return str(client_by_name(connection, name).id)
        except UnknownIdError:
            return people.add_client(connection, self.services.vault, name, ADMIN)

    def asked(self, by: str | None = None, *answers: str, **said: Any) -> Asked:
        """Return who acts and what is said with the act."""
        person = self.services.person if by is None else self.people[by]
        return Asked(person, frozenset(answers), **said)

    def place(self, code: str, parent: str | None = None, kind: str = "SHELF", **more: Any) -> str:
        """Add a place; return its path."""

        def add(desk: Any) -> Answer:
            from tasks.desk import lookup

            above = None if parent is None else lookup.place(desk, parent)
            row = places.add_place(desk, places.NewPlace(code, kind, above, **more))
            return Answer(Said("place-added", {"place": row.path, "barcode": row.barcode}), location=row.path)

        answer = perform(self.services, self.asked(), f"place {code}", add)
        assert answer.location is not None
        return answer.location

    def file(self, at: str | None = None, client: str = "default", **described: Any) -> str:
        """Take a file over, put it at a place if one is named; return its barcode."""
        described.setdefault("title", "A file")
        taken = receiving.Receiving(client, described=receiving.Described(**described))
        answer = receiving.receive(self.services, self.asked(), taken)
        assert answer.basket == "done", answer.document()
        code: str = answer.more["barcode"]
        if at is not None:
            put = shelving.locate(self.services, self.asked(), code, at)
            assert put.basket == "done", put.document()
        return code

    def row(self, code: str) -> Any:
        """Return the row of a file."""
        with self.services.database.read() as connection:
            return connection.execute(select(physical_files).where(physical_files.c.barcode == code)).one()

    def problems(self) -> list[Any]:
        """Compare the cache with the ledger, and the ledger with its rules."""
        from custody.ledger_check import replay

        report = Report()
        with self.services.database.read() as connection:
            with report.step("whereabouts") as step:
                compare(connection, step)
            with report.step("ledger") as step:
                replay(connection, step)
        return report.problems


class StillClock:
    """A clock that a test sets."""

    def __init__(self, now: datetime) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")


def codes(answers: Sequence[Answer]) -> list[str]:
    """Return the codes of answers."""
    return [answer.said.code for answer in answers]
