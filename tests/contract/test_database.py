"""What the catalogue's database must do, on SQLite and on PostgreSQL alike."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError, ProgrammingError

from custody import ledger
from custody.findings import Report
from custody.ledger import Actor, Draft
from custody.ledger_check import replay
from custody.tables import events, originals
from infra import database
from infra.clock import SystemClock, UuidIds
from infra.database import EngineDatabase, bring_up_to_date, postgres_engine, sqlite_engine
from records.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    InvalidValueError,
    LeaseLostError,
    NoSpaceError,
)
from records.leases import LeaseBook
from records.lifecycle import BATCH_STATES, ORIGINAL_STATES, RECORD_STATES, SCAN_STATES
from records.tables import METADATA, batches, clients, records, scans
from tasks import batches as batch_steps

ACTOR = Actor("psn_1", "operator", "os")
CLOCK, IDS = SystemClock(), UuidIds()
CLIENT, RECORD, BATCH, EVENT, ORIGINAL = (f"{kind}_{1:032x}" for kind in ("cli", "rec", "bat", "evt", "ori"))


@pytest.fixture
def catalogue(engine: Engine) -> EngineDatabase:
    bring_up_to_date(engine)
    return EngineDatabase(engine)


def add(catalogue: EngineDatabase, event_id: str | None = None) -> ledger.Entry:
    draft = Draft(event_id or IDS.new("evt"), "viewed", RECORD, ACTOR)
    with catalogue.write() as connection:
        return ledger.append(connection, draft, CLOCK.now())


def a_client(catalogue: EngineDatabase) -> None:
    with catalogue.write() as connection:
        connection.execute(insert(clients).values(id=CLIENT, name="one", created="2026-11-23T00:00:00.000Z"))


def at_once(*acts: Any) -> list[BaseException]:
    """Do things in a thread each; return what they raised."""
    raised: list[BaseException] = []

    def run(act: Any) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001  handed to the test
            raised.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


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


def test_of_many_workers_one_gets_the_lease(catalogue: EngineDatabase) -> None:
    scan = a_scan(catalogue)
    books = [LeaseBook(catalogue, CLOCK, f"w{n}", lambda _owner: True, 60.0) for n in range(6)]
    got: list[LeaseBook] = []
    threads = [threading.Thread(target=lambda b=b: got.append(b) if b.take_next() else None) for b in books]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    with catalogue.write() as connection:
        got[0].fence(connection, scan)
        for other in books:
            if other is not got[0]:
                with pytest.raises(LeaseLostError):
                    other.fence(connection, scan)
    for book in books:
        book.close()


def more_scans(catalogue: EngineDatabase, first: str, count: int) -> None:
    with catalogue.write() as connection:
        row = connection.execute(select(scans).where(scans.c.id == first)).one()._asdict()
        for _ in range(count):
            scan = IDS.new("scn")
            connection.execute(insert(scans).values(**{**row, "id": scan, "work": scan}))


def test_workers_that_ask_at_once_get_different_scans(catalogue: EngineDatabase) -> None:
    more_scans(catalogue, a_scan(catalogue), 39)

    class Slow(LeaseBook):
        """Holds the row it has found for a moment, as a busy server makes everybody do."""

        def _write(self, *arguments: Any) -> None:
            time.sleep(0.3)
            super()._write(*arguments)

    books = [Slow(catalogue, CLOCK, f"w{n}", lambda _owner: True, 60.0) for n in range(4)]
    got: list[str | None] = []
    assert at_once(*(lambda b=b: got.append(b.take_next()) for b in books)) == []
    assert None not in got and len(set(got)) == 4
    for book in books:
        book.close()


def test_a_read_is_one_view(catalogue: EngineDatabase) -> None:
    with catalogue.read() as connection:
        before = ledger.size(connection)
        add(catalogue)
        assert ledger.size(connection) == before
        assert connection.execute(select(func.count()).select_from(events)).scalar() == before
    with catalogue.read() as connection:
        assert ledger.size(connection) == before + 1


def batch_services(catalogue: EngineDatabase) -> Any:
    a_client(catalogue)
    return SimpleNamespace(database=catalogue, ids=IDS, clock=CLOCK)


def test_two_that_close_a_batch_close_it_once(catalogue: EngineDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    services = batch_services(catalogue)
    batch = batch_steps.open_batch(services, CLIENT, None, None, ACTOR)
    real = batch_steps.close_batch

    def slowly(*arguments: Any) -> None:
        time.sleep(0.3)  # the other one has looked by then
        real(*arguments)

    monkeypatch.setattr(batch_steps, "close_batch", slowly)
    assert at_once(*[lambda: batch_steps.close(services, batch, ACTOR)] * 2) == []
    with catalogue.read() as connection:
        found = connection.execute(select(events.c.type).where(events.c.subject == batch)).scalars().all()
    assert sorted(found) == ["batch_closed", "batch_opened"]


def test_two_that_name_a_new_batch_get_the_same(catalogue: EngineDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    services = batch_services(catalogue)
    real = IDS.new
    services.ids = SimpleNamespace(new=lambda kind: (time.sleep(0.2), real(kind))[1])  # both have looked by then
    got: list[str] = []
    ask = lambda: got.append(batch_steps.find_or_open(services, CLIENT, "Box", None, ACTOR))  # noqa: E731
    assert at_once(ask, ask, ask) == []
    assert len(got) == 3 and len(set(got)) == 1


def test_the_number_expected_may_be_said_later_and_not_changed(catalogue: EngineDatabase) -> None:
    services = batch_services(catalogue)
    batch = batch_steps.find_or_open(services, CLIENT, "Box", None, ACTOR)
    assert batch_steps.find_or_open(services, CLIENT, "Box", 2, ACTOR) == batch
    assert batch_steps.find_or_open(services, CLIENT, batch, None, ACTOR) == batch
    with catalogue.read() as connection:
        assert batch_steps.batch_row(connection, batch).expected == 2
    with pytest.raises(InvalidValueError, match="expects 2"):
        batch_steps.find_or_open(services, CLIENT, "Box", 3, ACTOR)


def test_a_batch_does_not_close_under_a_transaction_that_adds_to_it(catalogue: EngineDatabase) -> None:
    scan = a_scan(catalogue)
    services = SimpleNamespace(database=catalogue, ids=IDS, clock=CLOCK)
    with catalogue.write() as connection:
        connection.execute(update(scans).values(state="refused", todo=False))
        row = connection.execute(select(scans).where(scans.c.id == scan)).one()._asdict()
    asked = threading.Event()

    def offer() -> None:
        with catalogue.write() as connection:
            batch_steps.still_open(connection, BATCH)
            asked.set()
            time.sleep(0.3)
            late = {**row, "id": "scn_late", "work": "scn_late", "state": "waiting", "todo": True}
            connection.execute(insert(scans).values(**late))

    def close() -> None:
        asked.wait(10)
        batch_steps.close(services, BATCH, ACTOR)

    raised = at_once(offer, close)
    assert [type(error) for error in raised] == [InvalidValueError] and "still wait" in str(raised[0])
    with catalogue.write() as connection:
        connection.execute(update(batches).values(state="closed"))
    with pytest.raises(InvalidValueError, match="closed"), catalogue.write() as connection:
        batch_steps.still_open(connection, BATCH)


def test_a_database_that_is_away_is_said_so(tmp_path: Path) -> None:
    away = EngineDatabase(postgres_engine("postgresql+psycopg://u@127.0.0.1:9/none", None))
    with pytest.raises(DatabaseUnavailableError), away.read():
        pass


def test_sqlite_has_the_settings_of_the_contract(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "c.db")
    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}


def test_a_full_disk_is_no_space_and_not_an_outage(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "c.db")
    bring_up_to_date(engine)
    full = EngineDatabase(engine)
    with pytest.raises(NoSpaceError), full.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        connection.exec_driver_sql("CREATE TABLE big AS SELECT randomblob(4000000) AS x")
    engine.dispose()
