"""Locks of originals: tried before anything is stored, lengthened after the commit, renewed while they are held."""

import dataclasses
import errno
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from locking import LockingStore, MovableClock
from PIL import Image
from sqlalchemy import select, update

from custody import ledger, lock_assurance, locks
from custody.derivatives import StoredDerivative, clear_leftovers, record_derivative, store_derivative
from custody.sealing import seal_file
from custody.stores.assured import AssuredStore
from custody.stores.base import Probe, StoredVersion
from custody.tables import events, originals
from infra.services import Services, open_services
from records.errors import CustodyError, NoSpaceError, StoreLockError, StoreUnavailableError
from records.ids import BatchId, ClientId, instant, parse_instant
from records.machine import machine_fault
from records.tables import clients, record_sources, records, scans
from tasks import accession, batches, custody_check, intake, sweeping
from tasks.pipeline import ingest_isolated
from tasks.services import SYSTEM

PRETENDS = Probe("does not hold", (("small is locked", True), ("refused: small deleted", False)))
DAY = timedelta(days=1)


class InThisProcess:
    """A child pool without children: what is parsed here was drawn a moment ago, and a process costs a second."""

    workers = 1

    def run(self, _seconds: float, function: Any, *args: Any) -> Any:
        return function(*args)

    def close(self) -> None:
        pass


@pytest.fixture
def opened(home: Path) -> Iterator[tuple[Services, LockingStore, MovableClock]]:
    """Services on a store with locks, at a time that stands still."""
    services = open_services()
    clock = MovableClock()
    clock.moment = services.clock.now()  # the events of the first use are of now
    store = LockingStore(home / "locking", clock.now)
    vault = dataclasses.replace(
        services.vault, seal=seal_file, clock=clock, store_mark="here",
        store=AssuredStore(store, lambda: lock_assurance.require_locks(services.vault), clock.now),
    )  # fmt: skip
    services.__dict__["vault"] = vault
    services.__dict__["children"] = InThisProcess()
    services.clock = clock
    services.leases._clock = clock
    yield services, store, clock
    services.close()


def offer(services: Services, path: Path) -> Any:
    with services.database.read() as connection:
        client = ClientId(connection.execute(select(clients.c.id)).scalar_one())
    batch = batches.find_or_open(services, client, None, None, SYSTEM)
    return intake.offer(services, intake.Offer(client, BatchId(batch), "ingest", None, SYSTEM), path)


def take_in(services: Services, path: Path, shade: int = 255) -> Any:
    """Take a scan into custody and no further."""
    Image.new("L", (200, 100), shade).save(path)
    scan = offer(services, path)
    assert services.leases.take(scan)
    try:
        receipt = accession.take(scan, services)
    finally:
        services.leases.release(scan)
    assert receipt.outcome == "accessioned"
    return row_of(services, scan)


def row_of(services: Services, scan: str) -> Any:
    with services.database.read() as connection:
        return connection.execute(select(originals).where(originals.c.scan == scan)).one()


def of_type(services: Services, kind: str) -> list[dict[str, Any]]:
    with services.database.read() as connection:
        return [e.event for e in ledger.entries(connection) if e.event["type"] == kind]


def lock_problems(services: Services) -> list[Any]:
    report = custody_check.check(services)
    step = next(step for step in report.steps if step["name"] == "originals are locked")
    found = [problem for problem in report.problems if problem.kind == "lock"]
    assert (step["outcome"] == "holds") is not found
    return found


# --- tried before anything is stored


def test_the_first_put_tries_the_server_and_the_outcome_is_relied_on_for_a_day(opened, tmp_path):
    services, store, clock = opened
    take_in(services, tmp_path / "1.png", 1)
    take_in(services, tmp_path / "2.png", 2)
    (event,) = of_type(services, "lock_probe")
    assert event["obj"] == {"bucket": "originals", "server": "here", "outcome": "holds", "tried": 1, "wrong": []}
    assert store.probes == 1
    clock.moment += DAY - timedelta(minutes=1)
    take_in(services, tmp_path / "3.png", 3)
    assert store.probes == 1
    clock.moment += timedelta(minutes=1)
    take_in(services, tmp_path / "4.png", 4)
    assert store.probes == len(of_type(services, "lock_probe")) == 2


def test_another_process_relies_on_the_outcome_that_is_written_down(opened):
    services, store, _ = opened
    lock_assurance.require_locks(services.vault)
    fresh = AssuredStore(store, lambda: lock_assurance.require_locks(services.vault), services.clock.now)
    assert fresh.locks
    lock_assurance.require_locks(services.vault)
    assert store.probes == 1


def test_another_server_or_bucket_is_tried_for_itself(opened):
    services, store, _ = opened
    lock_assurance.require_locks(services.vault)
    lock_assurance.require_locks(dataclasses.replace(services.vault, store_mark="elsewhere"))
    assert store.probes == 2
    lock_assurance.require_locks(services.vault)
    assert store.probes == 2


def test_nothing_is_stored_where_locks_are_not_kept_and_the_scan_waits(opened, tmp_path):
    services, store, _ = opened
    store.outcome = PRETENDS
    Image.new("L", (200, 100), 1).save(tmp_path / "a.png")
    scan = offer(services, tmp_path / "a.png")
    for _ in range(3):
        assert services.leases.take(scan)
        with pytest.raises(StoreLockError, match="refused: small deleted"):
            accession.take(scan, services)
        services.leases.release(scan)
    assert list(store.versions("")) == []
    assert store.probes == 1  # what was seen is remembered: no storm of trials
    with services.database.read() as connection:
        row = connection.execute(select(scans).where(scans.c.id == scan)).one()
    assert (row.state, row.reason) == ("received", "store-unavailable")
    store.outcome = Probe("holds")
    lock_assurance.try_anew(services.vault)  # as `up` and `doctor` do
    assert services.leases.take(scan)
    assert accession.take(scan, services).outcome == "accessioned"
    services.leases.release(scan)


def test_an_outcome_of_the_future_says_nothing(opened):
    services, store, clock = opened
    lock_assurance.require_locks(services.vault)
    clock.moment -= timedelta(hours=2)
    lock_assurance.require_locks(services.vault)
    assert store.probes == 2


def test_a_store_that_does_not_answer_is_neither_relied_on_nor_blamed(opened):
    services, store, _ = opened
    store.down = True
    with pytest.raises(StoreUnavailableError) as caught:
        lock_assurance.require_locks(services.vault)
    assert not isinstance(caught.value, StoreLockError)
    lock_assurance.refuse_pretenders(services.vault)
    lock_assurance.try_anew(services.vault)
    assert of_type(services, "lock_probe") == []
    store.down = False
    store.outcome = PRETENDS
    with pytest.raises(StoreLockError):
        lock_assurance.refuse_pretenders(services.vault)
    with pytest.raises(StoreLockError):
        lock_assurance.try_anew(services.vault)
    assert [event["obj"]["wrong"] for event in of_type(services, "lock_probe")] == [["refused: small deleted"]] * 2


# --- lengthened and renewed


def test_the_lock_is_lengthened_after_the_commit_and_the_event_says_until_when(opened, tmp_path):
    services, _, _ = opened
    row = take_in(services, tmp_path / "a.png")
    assert row.retention_set
    assert parse_instant(row.locked_until) == parse_instant(row.created) + timedelta(days=365)
    (event,) = of_type(services, "retention_set")
    assert (event["obj"]["until"], event["obj"]["version"], event["reason"]) == (row.locked_until, "1", None)
    assert list(event["obj"]) == sorted(event["obj"])
    assert lock_problems(services) == []


@pytest.mark.parametrize("retention", [365, 0], ids=["certain", "not certain"])
def test_a_lock_is_renewed_before_it_ends_for_as_long_as_the_original_is_held(opened, tmp_path, retention):
    services, store, clock = opened
    services.__dict__["vault"] = dataclasses.replace(services.vault, retention_days=retention)
    row = take_in(services, tmp_path / "a.png")
    first = retention or 30
    assert parse_instant(row.locked_until) == parse_instant(row.created) + timedelta(days=first)
    sweeping.tidy(services)
    assert len(of_type(services, "retention_set")) == 1
    clock.moment += timedelta(days=first - 11)
    sweeping.tidy(services)
    assert len(of_type(services, "retention_set")) == 1
    for _ in range(4):
        clock.moment += timedelta(days=20)
        assert min(store.ends.values()) > clock.moment - timedelta(days=20)
        sweeping.tidy(services)
        sweeping.tidy(services)
        assert lock_problems(services) == []
    made = of_type(services, "retention_set")
    assert [event["reason"] for event in made] == [None] + ["renewal"] * 4
    assert [event["obj"]["until"] for event in made] == sorted(event["obj"]["until"] for event in made)


def test_a_lock_that_ended_is_named_and_then_renewed(opened, tmp_path):
    services, _, clock = opened
    row = take_in(services, tmp_path / "a.png")
    clock.moment += timedelta(days=366)
    (problem,) = lock_problems(services)
    assert (problem.object, problem.expected) == (row.id, "a lock that has not ended")
    sweeping.tidy(services)
    assert lock_problems(services) == []


def test_renewal_goes_on_where_it_stopped_between_store_and_ledger(opened, tmp_path):
    services, store, clock = opened
    row = take_in(services, tmp_path / "a.png")
    clock.moment += timedelta(days=360)
    store.extend(row.object_key, "1", clock.now() + timedelta(days=30))  # and then the process died
    sweeping.tidy(services)
    assert len(of_type(services, "retention_set")) == 2
    assert lock_problems(services) == []


def test_of_two_that_renew_at_once_one_writes(opened, tmp_path):
    services, _, clock = opened
    row = take_in(services, tmp_path / "a.png")
    clock.moment += timedelta(days=360)
    locks._lengthen(services.vault, row, clock.now() + timedelta(days=30), SYSTEM, locks.RENEWAL)
    locks._lengthen(services.vault, row, clock.now() + timedelta(days=30), SYSTEM, locks.RENEWAL)
    assert len(of_type(services, "retention_set")) == 2


def test_one_lock_that_is_not_renewed_does_not_stop_the_others_and_is_an_incident(opened, tmp_path, monkeypatch):
    services, store, clock = opened
    rows = [take_in(services, tmp_path / f"{n}.png", n) for n in range(3)]
    clock.moment += timedelta(days=360)
    extend = store.extend

    def stubborn(key, version, until):
        if key == rows[1].object_key:
            raise CustodyError("the store took the call and did not lengthen the lock")
        return extend(key, version, until)

    monkeypatch.setattr(store, "extend", stubborn)
    sweeping.tidy(services)
    sweeping.tidy(services)
    renewed = [event["subject"] for event in of_type(services, "retention_set") if event["reason"] == "renewal"]
    assert sorted(renewed) == sorted([rows[0].id, rows[2].id])
    assert [event["subject"] for event in of_type(services, "incident")] == [rows[1].id]


def test_what_waited_longer_than_the_default_lock_is_locked_again_before_it_is_called_stored(opened, tmp_path):
    services, store, clock = opened
    Image.new("L", (200, 100), 1).save(tmp_path / "a.png")
    scan = offer(services, tmp_path / "a.png")
    assert services.leases.take(scan)

    class Died(BaseException):
        pass

    def die(step):
        if step == 3:
            raise Died

    alive = services.vault
    services.__dict__["vault"] = dataclasses.replace(alive, reached=die)
    with pytest.raises(Died):
        accession.take(scan, services)
    services.leases.release(scan)
    services.__dict__["vault"] = alive
    clock.moment += timedelta(days=400)  # longer than the default, and than the period asked for
    assert services.leases.take(scan)
    assert accession.take(scan, services).outcome == "accessioned"
    services.leases.release(scan)
    row = row_of(services, scan)
    assert min(store.ends.values()) > clock.moment + timedelta(days=20)
    assert parse_instant(row.locked_until) > clock.moment + timedelta(days=20)
    assert len(store.extended) == 2  # once before TX2, once as step 6
    assert lock_problems(services) == []


@pytest.mark.parametrize("damage", ["shortened", "none", "weak"])
def test_a_lock_that_is_not_as_recorded_is_named(opened, tmp_path, damage, monkeypatch):
    services, store, _ = opened
    row = take_in(services, tmp_path / "a.png")
    assert lock_problems(services) == []
    if damage == "shortened":
        store.ends[row.object_key] = parse_instant(row.locked_until) - timedelta(seconds=2)
    else:
        stat = store.stat
        mode = {"none": None, "weak": "GOVERNANCE"}[damage]
        monkeypatch.setattr(store, "stat", lambda key, version=None: dataclasses.replace(stat(key, version), mode=mode))
    (problem,) = lock_problems(services)
    assert problem.object == row.id
    assert problem.expected == f"COMPLIANCE until {row.locked_until}"


def test_an_original_without_its_retention_must_be_locked_all_the_same(opened, tmp_path):
    services, store, clock = opened
    row = take_in(services, tmp_path / "a.png")
    with services.database.write() as connection:
        connection.execute(update(originals).values(retention_set=False, locked_until=None))
    assert lock_problems(services) == []
    store.ends[row.object_key] = clock.now() - timedelta(seconds=1)
    assert [problem.object for problem in lock_problems(services)] == [row.id]


def test_the_locks_of_many_are_renewed_in_parts(opened, tmp_path, monkeypatch):
    services, _, clock = opened
    monkeypatch.setattr(locks, "_AT_ONCE", 2)
    rows = [take_in(services, tmp_path / f"{n}.png", n) for n in range(5)]
    clock.moment += timedelta(days=360)
    assert list(locks.due_for_renewal(services.vault)) == sorted(row.id for row in rows)
    with services.database.write() as connection:
        connection.execute(
            update(originals).where(originals.c.id == rows[0].id).values(locked_until=instant(clock.now() + 11 * DAY))
        )
    assert len(list(locks.due_for_renewal(services.vault))) == 4


def test_the_events_of_probes_are_found_by_type(opened):
    services, _, _ = opened
    lock_assurance.require_locks(services.vault)
    with services.database.read() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT * FROM events WHERE type = 'lock_probe' ORDER BY seq DESC"
        ).all()
        assert "ix_events_type_seq" in str(plan)
        assert connection.execute(select(events.c.client).where(events.c.type == "lock_probe")).scalar() is None


# --- what a lock holds though nobody needs it


def derive(services: Services, original: str, folder: Path, text: str) -> StoredDerivative:
    """Store words for the record of an original and put them in the catalogue."""
    with services.database.read() as connection:
        record = connection.execute(select(records.c.id).join(record_sources).where(
            record_sources.c.original == original)).scalar_one()  # fmt: skip
    (folder / "words").write_text(text)
    stored = store_derivative(services.vault, record, "words", original, folder / "words")
    with services.database.write() as connection:
        record_derivative(connection, services.vault, stored)
    return stored


def object_notes(services: Services) -> dict[str, list[str]]:
    report = custody_check.check(services)
    step = next(step for step in report.steps if step["name"] == "objects have rows")
    assert step["outcome"] == "holds", report.problems
    return {name: report.notes[name] for name in ("orphans", "leftovers", "extra")}


def test_a_replaced_derivative_is_removed_when_its_lock_has_ended(opened, tmp_path):
    services, store, clock = opened
    row = take_in(services, tmp_path / "a.png")
    first = derive(services, row.id, tmp_path, "first")
    second = derive(services, row.id, tmp_path, "second")
    assert object_notes(services) == {"orphans": [first.object_key], "leftovers": [], "extra": []}
    clear_leftovers(services.vault, first.record)
    clear_leftovers(services.vault, first.record)
    assert object_notes(services) == {"orphans": [], "leftovers": [first.object_key], "extra": []}
    sweeping.tidy(services)
    assert object_notes(services)["leftovers"] == [first.object_key]
    clock.moment += timedelta(days=8)
    store.ends[first.object_key] = clock.moment + timedelta(days=2)  # somebody lengthened it
    sweeping.tidy(services)
    assert object_notes(services)["leftovers"] == [first.object_key]
    clock.moment += timedelta(days=3)
    sweeping.tidy(services)
    assert object_notes(services) == {"orphans": [], "leftovers": [], "extra": []}
    keys = [found.key for found in store.versions("")]
    assert sorted(keys) == sorted([row.object_key, second.object_key])


def test_an_object_that_no_row_names_is_listed_and_never_removed(opened, tmp_path):
    services, store, clock = opened
    row = take_in(services, tmp_path / "a.png")
    stray = row.object_key.replace(row.id, "ori_" + "0" * 32)
    (tmp_path / "stray").write_bytes(b"stray")
    store.put(stray, tmp_path / "stray", hashlib.sha256(b"stray").hexdigest(), 5)
    for _ in range(3):
        clock.moment += timedelta(days=400)
        sweeping.sweep(services)
        assert object_notes(services)["orphans"] == [stray]


@pytest.mark.parametrize("same", [True, False], ids=["of the same bytes", "of other bytes"])
def test_one_more_version_is_listed_and_is_a_fault_only_if_it_differs(opened, tmp_path, same, monkeypatch):
    services, store, _ = opened
    row = take_in(services, tmp_path / "a.png")
    versions, read = store.versions, store.read
    more = StoredVersion(row.object_key, "2", row.sealed_size)
    monkeypatch.setattr(store, "versions", lambda prefix: [*versions(prefix), *([more] if prefix == "o/" else [])])
    monkeypatch.setattr(
        store, "read", lambda key, version: read(key, "1") if version == "1" or same else iter([b"x" * row.sealed_size])
    )
    report = custody_check.check(services)
    assert report.notes["extra"] == [row.object_key] and report.notes["orphans"] == []
    assert [problem.kind for problem in report.problems if problem.object == row.object_key] == (
        [] if same else ["overwritten"]
    )


# --- a disk that fails is no damaged scan


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.EIO, StoreUnavailableError), (errno.ENOSPC, NoSpaceError), (errno.EDQUOT, NoSpaceError),
        (errno.EMFILE, StoreUnavailableError), (errno.ENOENT, type(None)), (None, type(None)),
    ],
)  # fmt: skip
def test_what_the_machine_says_of_itself_is_not_said_of_the_file(number, expected):
    fault = machine_fault(OSError(number, "words", "/a/path") if number else OSError("image file is truncated"))
    assert type(fault) is expected
    assert "path" not in str(fault)


def test_a_disk_that_fails_in_any_step_makes_the_scan_wait(opened, tmp_path, monkeypatch):
    services, _, _ = opened
    Image.new("L", (200, 100), 1).save(tmp_path / "a.png")
    scan = offer(services, tmp_path / "a.png")

    def failing(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("custody.originals.sync_folder", failing)
    for _ in range(6):  # more often than a scan may be begun without progress
        receipt = ingest_isolated(scan, services)
        assert (receipt.outcome, receipt.reason) == ("waiting", "store-unavailable")
