"""Leases: one worker a scan, over at once when its process is gone, and a lost lease writes nothing."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from records.errors import LeaseLostError
from records.ids import instant
from records.leases import MOST_ATTEMPTS, LeaseBook
from records.tables import clients, scans
from tasks import batches, custody_check, intake


@pytest.fixture
def scan(services: Any, tmp_path: Path) -> Any:
    (tmp_path / "a.txt").write_text("x")
    actor = services.person.actor("operator")
    with services.database.read() as connection:
        client = connection.execute(select(clients.c.id)).scalar_one()
    batch = batches.open_batch(services, client, None, None, actor)
    return intake.offer(services, intake.Offer(client, batch, "ingest", None, actor), tmp_path / "a.txt")


BOOKS: list[LeaseBook] = []


@pytest.fixture(autouse=True)
def closed_books() -> Iterator[None]:
    yield
    while BOOKS:
        BOOKS.pop().close()


def book(services: Any, owner: str, alive: Any = lambda _owner: True, clock: Any = None) -> LeaseBook:
    BOOKS.append(LeaseBook(services.database, clock or services.clock, owner, alive, 60.0))
    return BOOKS[-1]


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


def more_scans(services: Any, scan: Any, count: int) -> list[str]:
    """Write more rows like that of `scan`, each offered a little later."""
    with services.database.write() as connection:
        row = connection.execute(select(scans).where(scans.c.id == scan)).one()._asdict()
        made = []
        for number in range(count):
            new = services.ids.new("scn")
            later = instant(services.clock.now() + timedelta(milliseconds=number + 1))
            connection.execute(insert(scans).values(**{**row, "id": new, "work": new, "offered": later}))
            made.append(new)
    return made


def test_many_rows_at_work_do_not_hide_one_that_is_due(services: Any, scan: Any) -> None:
    last = more_scans(services, scan, 80)[-1]
    with services.database.write() as connection:
        soon = instant(services.clock.now() + timedelta(seconds=60))
        connection.execute(update(scans).where(scans.c.id != last).values(lease_owner="busy", lease_until=soon))
    assert book(services, "a").take_next() == last


def test_rows_of_the_dead_come_after_free_ones(services: Any, scan: Any) -> None:
    free = more_scans(services, scan, 1)[0]
    assert book(services, "dead").take(scan)
    second = book(services, "b", alive=lambda owner: owner != "dead")
    assert second.take_next() == free
    assert second.take_next() == scan
    assert second.take_next() is None


def test_progress_counts_attempts_anew(services: Any, scan: Any) -> None:
    for number in range(2 * MOST_ATTEMPTS):  # a machine that is switched off again and again
        worker = book(services, f"w{number}", alive=lambda _owner: False)
        assert worker.take_next() == scan
        with services.database.write() as connection:
            worker.fence(connection, scan)
            worker.progress(connection, scan)
    for number in range(MOST_ATTEMPTS):
        assert book(services, f"x{number}", alive=lambda _owner: False).take_next() == scan
    assert book(services, "y", alive=lambda _owner: False).take_next() is None


def test_a_stuck_row_is_named_and_has_a_way_back(services: Any, scan: Any) -> None:
    def stuck() -> list[str]:
        return [found.object for found in custody_check.check(services).problems if found.kind == "stuck"]

    for _ in range(MOST_ATTEMPTS):
        assert book(services, "dead", alive=lambda _owner: False).take_next() == scan
    living, after = services.leases, book(services, "b", alive=lambda _owner: False)
    services.leases = book(services, "b")
    assert stuck() == []  # its last attempt is still under way
    services.leases = after
    assert stuck() == [scan]
    assert after.take_next() is None and after.take(scan)
    services.leases = living
    after.release(scan)
    with services.database.write() as connection:
        services.leases.progress(connection, scan)
    assert stuck() == []


def test_closing_waits_for_a_renewal_under_way(services: Any, scan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    began, over = threading.Event(), threading.Event()
    books = LeaseBook(services.database, services.clock, "a", lambda _owner: True, 0.03)

    def slowly() -> None:
        began.set()
        time.sleep(0.3)
        over.set()

    monkeypatch.setattr(books, "renew", slowly)
    assert books.take(scan) and began.wait(30)
    books.close()
    assert over.is_set()  # nothing uses the database any more, which is closed next
