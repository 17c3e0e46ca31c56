"""Events to publish, and databases put back from a backup."""

from typing import Any

from custody import ledger
from custody.ledger import Actor, Draft

ACTOR = Actor("psn_1", "operator", "os")


def add(services: Any, count: int = 1) -> list[ledger.Entry]:
    subject = services.ids.new("rec")
    with services.database.write() as connection:
        drafts = [Draft(services.ids.new("evt"), "viewed", subject, ACTOR) for _ in range(count)]
        return ledger.append_many(connection, drafts, services.clock.now())


def leaves(services: Any) -> list[bytes]:
    with services.database.read() as connection:
        return [entry.leaf for entry in ledger.entries(connection)]
