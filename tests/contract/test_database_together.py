"""What the catalogue's database must do for many who work at once, on SQLite and on PostgreSQL alike."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from catalogue_house import ACTOR, BATCH, CLIENT, CLOCK, IDS, a_client, a_scan, add
from sqlalchemy import func, insert, select, update
from together import at_once

from custody import ledger
from custody.tables import events
from infra.database import EngineDatabase, bring_up_to_date, postgres_engine, sqlite_engine
from records.errors import (
    DatabaseUnavailableError,
    InvalidValueError,
    LeaseLostError,
    NoSpaceError,
)
from records.leases import LeaseBook
from records.tables import batches, scans
from tasks import batches as batch_steps


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
