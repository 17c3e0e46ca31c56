"""What the catalogue's database must do, on SQLite and on PostgreSQL alike."""

import threading
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from catalogue_house import ACTOR, BATCH, CLIENT, CLOCK, EVENT, IDS, ORIGINAL, RECORD, a_client, a_scan, add
from sqlalchemy import Engine, event, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError, ProgrammingError

from custody import ledger
from custody.findings import Report
from custody.ledger import Draft
from custody.ledger_check import replay
from custody.tables import events, originals
from infra import database
from infra.database import EngineDatabase, bring_up_to_date
from records.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
)
from records.lifecycle import BATCH_STATES, ORIGINAL_STATES, RECORD_STATES, SCAN_STATES
from records.tables import METADATA, batches, clients, records, scans


def test_the_migrations_make_exactly_the_tables(catalogue: EngineDatabase) -> None:
    with catalogue.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(Path(database.__file__).parent / "migrations"))
    assert scripts.get_current_head() == database.HEAD


def test_bringing_up_to_date_twice_makes_nothing(engine: Engine) -> None:
    assert bring_up_to_date(engine) and not bring_up_to_date(engine)


def test_many_first_uses_at_once_make_one_schema(engine: Engine) -> None:
    faults: list[BaseException] = []

    def first_use() -> None:
        try:
            bring_up_to_date(engine)
        except BaseException as error:  # noqa: BLE001  what a thread raises is shown below
            faults.append(error)

    threads = [threading.Thread(target=first_use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_a_newer_database_is_refused(catalogue: EngineDatabase) -> None:
    with catalogue.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match="newer"):
        bring_up_to_date(catalogue.engine)


def test_a_block_that_fails_writes_nothing(catalogue: EngineDatabase) -> None:
    with pytest.raises(KeyError), catalogue.write() as connection:
        ledger.append(connection, Draft(IDS.new("evt"), "viewed", RECORD, ACTOR), CLOCK.now())
        raise KeyError
    with catalogue.read() as connection:
        assert ledger.size(connection) == 0


def test_writers_at_once_leave_no_gap(catalogue: EngineDatabase) -> None:
    threads = [threading.Thread(target=lambda: [add(catalogue) for _ in range(15)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = Report()
    with catalogue.read() as connection, report.step("ledger") as step:
        assert replay(connection, step).count == 60
    assert report.problems == []


def test_the_same_event_twice_is_one(catalogue: EngineDatabase) -> None:
    assert add(catalogue, EVENT) == add(catalogue, EVENT)
    with catalogue.read() as connection:
        assert ledger.size(connection) == 1


@pytest.mark.parametrize("act", ["UPDATE events SET type = 'exported'", "DELETE FROM events"])
def test_events_are_append_only(catalogue: EngineDatabase, act: str) -> None:
    add(catalogue)
    with pytest.raises((IntegrityError, ProgrammingError, DatabaseUnavailableError)) as caught:  # noqa: SIM117
        with catalogue.write() as connection:
            connection.execute(text(act))
    assert "append-only" in str(caught.value.__cause__ or caught.value)
    with catalogue.read() as connection:
        assert connection.execute(select(func.count()).select_from(events)).scalar() == 1


def test_foreign_keys_hold(catalogue: EngineDatabase) -> None:
    with pytest.raises(IntegrityError), catalogue.write() as connection:
        connection.execute(insert(batches).values(id="b", client="cli_none", state="open", opened="x"))


def test_states_outside_the_list_are_refused(catalogue: EngineDatabase) -> None:
    scan = a_scan(catalogue)
    with pytest.raises(IntegrityError), catalogue.write() as connection:
        connection.execute(update(scans).where(scans.c.id == scan).values(state="failed"))


@pytest.mark.parametrize(("table", "states"), [
    (records, RECORD_STATES), (originals, ORIGINAL_STATES), (scans, SCAN_STATES), (batches, BATCH_STATES),
])  # fmt: skip
def test_every_state_of_the_lifecycle_may_stand_in_its_row(
    catalogue: EngineDatabase, table: Any, states: tuple[str, ...]
) -> None:
    scan = a_scan(catalogue)
    at = "2026-11-23T00:00:00.000Z"
    with catalogue.write() as connection:
        connection.execute(insert(originals).values(id=ORIGINAL, object_key="k1", **an_original(scan)))
        connection.execute(
            insert(records).values(
                id=RECORD, client=CLIENT, batch=BATCH, scan=scan, state="read", created=at, version=0
            )
        )
    for state in states:
        with catalogue.write() as connection:
            connection.execute(update(table).values(state=state))
    with catalogue.write() as connection:
        connection.execute(update(originals).values(sha256=None))


def test_what_is_purged_is_nowhere_in_the_files(engine: Engine, catalogue: EngineDatabase) -> None:
    a_client(catalogue)
    planted = "Zurullo Plantado"
    with catalogue.write() as connection:
        connection.execute(update(clients).values(name=planted))
        connection.execute(insert(clients), [
            {"id": f"cli_{n:032x}", "name": f"{planted} {n}", "created": "2026-11-23T00:00:00.000Z"}
            for n in range(2, 500)
        ])  # fmt: skip
    if engine.dialect.name == "sqlite":
        assert planted.encode() in raw(engine)
    with catalogue.write() as connection:
        connection.execute(update(clients).values(name=clients.c.id))
        connection.execute(clients.delete().where(clients.c.id > f"cli_{3:032x}"))
    catalogue.purge()
    if engine.dialect.name == "sqlite":
        assert planted.encode() not in raw(engine) and f"cli_{2:032x}".encode() in raw(engine)
    with catalogue.read() as connection:
        assert connection.execute(select(func.count()).select_from(clients)).scalar_one() > 1


def test_a_database_that_is_read_meanwhile_is_purged_later(
    engine: Engine, catalogue: EngineDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("on PostgreSQL a reader holds up no vacuum")
    a_client(catalogue)

    @event.listens_for(engine, "connect")
    def impatient(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout=100")

    engine.dispose()
    with catalogue.read() as connection:
        connection.execute(select(clients)).all()
        add(catalogue)
        with pytest.raises(DatabaseUnavailableError, match="later"):
            catalogue.purge()
    catalogue.purge()


def raw(engine: Engine) -> bytes:
    path = Path(engine.url.database or "")
    return b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))


def an_original(scan: str) -> dict[str, Any]:
    return {
        "client": CLIENT, "scan": scan, "sha256": "a" * 64, "size": 1, "media_type": "x", "pages": 1,
        "state": "sealed", "recipient": "r", "bucket": "b", "sealed_size": 1, "sealed_sha256": "b" * 64,
        "retention_set": False, "commitment": "c" * 64, "created": "2026-11-23T00:00:00.000Z",
    }  # fmt: skip


def test_an_original_is_unique_within_its_client(catalogue: EngineDatabase) -> None:
    scan = a_scan(catalogue)
    row = an_original(scan)
    with catalogue.write() as connection:
        connection.execute(insert(originals).values(id=ORIGINAL, object_key="k1", **row))
    with pytest.raises(IntegrityError), catalogue.write() as connection:
        connection.execute(insert(originals).values(id="ori_2", object_key="k2", **row))
