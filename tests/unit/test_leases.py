"""Leases: one worker a scan, over at once when its process is gone, and a lost lease writes nothing."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from infra.home import owner_alive, process_owner
from records.errors import LeaseLostError
from records.ids import instant
from records.leases import MOST_ATTEMPTS, LeaseBook
from records.tables import clients, scans
from tasks import batches, intake


@pytest.fixture
def scan(services: Any, tmp_path: Path) -> Any:
    (tmp_path / "a.txt").write_text("x")
    actor = services.person.actor("operator")
    with services.database.read() as connection:
        client = connection.execute(select(clients.c.id)).scalar_one()
    batch = batches.open_batch(services, client, None, None, actor)
    return intake.offer(services, intake.Offer(client, batch, "ingest", None, actor), tmp_path / "a.txt")


def book(services: Any, owner: str, alive: Any = lambda _owner: True, clock: Any = None) -> LeaseBook:
    return LeaseBook(services.database, clock or services.clock, owner, alive, 60.0)


def test_one_worker_at_a_time(services: Any, scan: Any) -> None:
    first, second = book(services, "a"), book(services, "b")
    assert first.take(scan) and not second.take(scan) and second.take_next() is None
    first.release(scan)
    assert second.take_next() == scan


def test_a_dead_process_holds_nothing(services: Any, scan: Any) -> None:
    assert book(services, "dead").take(scan)
    assert book(services, "b", alive=lambda owner: owner != "dead").take(scan)


def test_a_lease_ends_by_time_and_its_old_holder_is_fenced_off(services: Any, scan: Any) -> None:
    class Later:
        def now(self) -> Any:
            return services.clock.now() + timedelta(seconds=61)

    first = book(services, "a")
    assert first.take(scan)
    second = book(services, "b", clock=Later())
    assert second.take(scan)
    with services.database.write() as connection:
        second.fence(connection, scan)
        with pytest.raises(LeaseLostError):
            first.fence(connection, scan)
    first.release(scan)  # a no-op: the row is the other one's
    with services.database.write() as connection:
        second.fence(connection, scan)


def test_renewing_keeps_a_lease(services: Any, scan: Any) -> None:
    first = book(services, "a")
    assert first.take(scan)
    with services.database.write() as connection:
        connection.execute(update(scans).values(lease_until=instant(services.clock.now())))
    first.renew()
    assert not book(services, "b").take(scan)


def test_a_row_tried_too_often_is_left_to_a_person(services: Any, scan: Any) -> None:
    with services.database.write() as connection:
        connection.execute(update(scans).values(attempt=MOST_ATTEMPTS))
    assert book(services, "a").take_next() is None
    assert book(services, "a").take(scan)  # a person may


def test_a_row_is_not_taken_before_its_time(services: Any, scan: Any) -> None:
    with services.database.write() as connection:
        later = services.clock.now() + timedelta(seconds=30)
        connection.execute(update(scans).values(not_before=instant(later)))
    assert book(services, "a").take_next() is None


def test_this_process_is_alive_and_an_invented_one_is_not() -> None:
    boot, pid, started = process_owner().split(":")
    assert owner_alive(process_owner())
    assert not owner_alive(f"{boot}:{pid}:{int(started) + 1}")
    assert not owner_alive(f"{boot}:999999999:1")
    assert owner_alive("anotherboot:1:1")  # of another machine: only time ends its lease
