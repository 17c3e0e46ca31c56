"""Rows for a catalogue of either database."""

from sqlalchemy import insert

from custody import ledger
from custody.ledger import Actor, Draft
from infra.clock import SystemClock, UuidIds
from infra.database import EngineDatabase
from records.tables import batches, clients, scans

ACTOR = Actor("psn_1", "operator", "os")


CLOCK, IDS = SystemClock(), UuidIds()


CLIENT, RECORD, BATCH, EVENT, ORIGINAL = (f"{kind}_{1:032x}" for kind in ("cli", "rec", "bat", "evt", "ori"))


def add(catalogue: EngineDatabase, event_id: str | None = None) -> ledger.Entry:
    draft = Draft(event_id or IDS.new("evt"), "viewed", RECORD, ACTOR)
    with catalogue.write() as connection:
        return ledger.append(connection, draft, CLOCK.now())


def a_client(catalogue: EngineDatabase) -> None:
    with catalogue.write() as connection:
        connection.execute(insert(clients).values(id=CLIENT, name="one", created="2026-11-23T00:00:00.000Z"))


def a_scan(catalogue: EngineDatabase) -> str:
    scan = IDS.new("scn")
    a_client(catalogue)
    with catalogue.write() as connection:
        connection.execute(
            insert(batches).values(id=BATCH, client=CLIENT, state="open", opened="2026-11-23T00:00:00.000Z")
        )
        connection.execute(
            insert(scans).values(
                id=scan,
                client=CLIENT,
                batch=BATCH,
                via="ingest",
                path="a",
                source=b"a",
                work=scan,
                state="waiting",
                actor={},
                offered="2026-11-23T00:00:00.000Z",
                since="2026-11-23T00:00:00.000Z",
                todo=True,
                attempt=0,
                lease_token=0,
            )
        )
    return scan
