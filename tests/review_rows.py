"""Rows for tests of the review desk without files: people, records in review, their fields and reasons."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert

from custody.access import Person
from custody.findings import Report
from custody.ledger import Actor, Draft, append
from custody.ledger_check import replay
from infra.clock import SystemClock, UuidIds
from infra.database import EngineDatabase, bring_up_to_date
from records.tables import accreditations, batches, clients, fields, persons, records, reviews, scans

NOW = "2026-11-23T00:00:00.000Z"
CLIENT = f"cli_{1:032x}"
LIFE = (("registered", None, "accessioned"), ("read", "accessioned", "read"), ("described", "read", "in_review"))


@dataclass
class ReviewRows:
    """An installation's rows; `people` by name may all review."""

    services: Any
    people: dict[str, Person]
    allowed: dict[str, str]

    def record(self, number: int, *reasons: tuple[str, str | None], client: str = CLIENT) -> str:
        """A record in review, older than those of a higher number."""
        found, scan = f"rec_{number:032x}", f"scn_{number:032x}"
        actor = {"id": "system", "role": "system", "auth": "system"}
        with self.services.database.write() as connection:
            connection.execute(
                insert(scans).values(
                    id=scan, client=client, batch=f"bat_{1:032x}", via="ingest", path="", source=b"", work=scan,
                    state="accessioned", actor=actor, offered=NOW, since=NOW, todo=False,
                )
            )  # fmt: skip
            connection.execute(
                insert(records).values(
                    id=found, client=client, batch=f"bat_{1:032x}", scan=scan, record_class="invoice",
                    class_version="1", state="in_review", created=NOW, version=0,
                )
            )  # fmt: skip
            since = f"2026-11-23T00:{number // 60 % 60:02d}:{number % 60:02d}.000Z"
            for code, field in reasons or (("low-confidence", "number"),):
                connection.execute(
                    insert(reviews).values(record=found, client=client, code=code, field=field, message="", since=since)
                )
        return found

    def field(self, record: str, name: str, value: str, status: str = "accepted", **more: Any) -> None:
        """A current value of a record."""
        values = {
            "record": record, "name": name, "position": -1, "revision": 0, "client": CLIENT, "current": True,
            "value": value, "type": "code", "confidence": 0.9, "status": status, "checks": [],
        } | more  # fmt: skip
        with self.services.database.write() as connection:
            connection.execute(insert(fields).values(**values))


def review_rows(engine: Engine, *names: str) -> ReviewRows:
    """Make the tables, one client and these people."""
    bring_up_to_date(engine)
    ids = UuidIds()
    services = SimpleNamespace(database=EngineDatabase(engine), clock=SystemClock(), ids=ids)
    people = {}
    with services.database.write() as connection:
        connection.execute(insert(clients).values(id=CLIENT, name="default", created=NOW))
        connection.execute(insert(batches).values(id=f"bat_{1:032x}", client=CLIENT, state="open", opened=NOW))
        for number, name in enumerate(names):
            one = people[name] = Person(ids.new("per"), name, f"psn_{number:024x}", frozenset(), "os")
            row = {"id": one.id, "name": name, "pseudonym": one.pseudonym, "roles": [], "created": NOW}
            connection.execute(insert(persons).values(row))
            role = {"person": one.id, "client": CLIENT, "role": "reviewer", "created": NOW}
            connection.execute(insert(accreditations).values(role))
    services.person = people[names[0]]
    return ReviewRows(services, people, {CLIENT: "reviewer"})


@contextmanager
def deciding_rows(
    engine: Engine, patched: pytest.MonkeyPatch, modules: Sequence[ModuleType], library: Any, *names: str
) -> Iterator[ReviewRows]:
    """Rows on which these people decide by `modules`, without keys or an index; the ledger replays at the end."""
    made = review_rows(engine, *names)
    services = made.services
    services.library = library
    services.vault = SimpleNamespace(reached=lambda _step: None, ids=services.ids, clock=services.clock)
    services.parties = lambda _client: ()
    for module in modules:
        patched.setattr(module, "bring_up_to_date", lambda _services: True)
    yield made
    with services.database.read() as connection:
        report = Report()
        with report.step("replay") as step:
            replay(connection, step)
    assert [problem.kind for problem in report.problems] == []


def reviewer(rows: ReviewRows, name: str) -> Actor:
    return rows.people[name].actor("reviewer")


def append_life(rows: ReviewRows, connection: Connection, record: str, actor: Actor) -> None:
    """Append the events that brought a record to review."""
    for kind, before, after in LIFE:
        event = rows.services.ids.new("evt")
        draft = Draft(event, kind, record, actor, client=CLIENT, before=before, after=after)
        append(connection, draft, rows.services.clock.now())
