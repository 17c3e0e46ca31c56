"""Locks of the store: tried before anything is stored, lengthened, renewed."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from lock_house import DAY, lock_problems, offer, row_of, take_in
from PIL import Image
from sqlalchemy import select

from custody import ledger, lock_assurance, locks
from custody.stores.assured import AssuredStore
from custody.stores.base import Probe
from infra.services import Services
from records.errors import CustodyError, StoreLockError, StoreUnavailableError
from records.ids import parse_instant
from records.tables import scans
from tasks import accession, sweeping
from tasks.services import SYSTEM

PRETENDS = Probe("does not hold", (("small is locked", True), ("refused: small deleted", False)))


def of_type(services: Services, kind: str) -> list[dict[str, Any]]:
    with services.database.read() as connection:
        return [e.event for e in ledger.entries(connection) if e.event["type"] == kind]


# --- tried before anything is stored


def test_the_first_put_tries_the_server_and_the_outcome_is_relied_on_for_a_day(lockable, tmp_path):
    services, store, clock = lockable
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


def test_another_process_relies_on_the_outcome_that_is_written_down(lockable):
    services, store, _ = lockable
    lock_assurance.require_locks(services.vault)
    fresh = AssuredStore(store, lambda: lock_assurance.require_locks(services.vault), services.clock.now)
    assert fresh.locks
    lock_assurance.require_locks(services.vault)
    assert store.probes == 1


def test_another_server_or_bucket_is_tried_for_itself(lockable):
    services, store, _ = lockable
    lock_assurance.require_locks(services.vault)
    lock_assurance.require_locks(dataclasses.replace(services.vault, store_mark="elsewhere"))
    assert store.probes == 2
    lock_assurance.require_locks(services.vault)
    assert store.probes == 2


def test_nothing_is_stored_where_locks_are_not_kept_and_the_scan_waits(lockable, tmp_path):
    services, store, _ = lockable
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


def test_an_outcome_of_the_future_says_nothing(lockable):
    services, store, clock = lockable
    lock_assurance.require_locks(services.vault)
    clock.moment -= timedelta(hours=2)
    lock_assurance.require_locks(services.vault)
    assert store.probes == 2


def test_a_store_that_does_not_answer_is_neither_relied_on_nor_blamed(lockable):
    services, store, _ = lockable
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


def test_the_lock_is_lengthened_after_the_commit_and_the_event_says_until_when(lockable, tmp_path):
    services, _, _ = lockable
    row = take_in(services, tmp_path / "a.png")
    assert row.retention_set
    assert parse_instant(row.locked_until) == parse_instant(row.created) + timedelta(days=365)
    (event,) = of_type(services, "retention_set")
    assert (event["obj"]["until"], event["obj"]["version"], event["reason"]) == (row.locked_until, "1", None)
    assert list(event["obj"]) == sorted(event["obj"])
    assert lock_problems(services) == []


@pytest.mark.parametrize("retention", [365, 0], ids=["certain", "not certain"])
def test_a_lock_is_renewed_before_it_ends_for_as_long_as_the_original_is_held(lockable, tmp_path, retention):
    services, store, clock = lockable
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


def test_a_lock_that_ended_is_named_and_then_renewed(lockable, tmp_path):
    services, _, clock = lockable
    row = take_in(services, tmp_path / "a.png")
    clock.moment += timedelta(days=366)
    (problem,) = lock_problems(services)
    assert (problem.object, problem.expected) == (row.id, "a lock that has not ended")
    sweeping.tidy(services)
    assert lock_problems(services) == []


def test_renewal_goes_on_where_it_stopped_between_store_and_ledger(lockable, tmp_path):
    services, store, clock = lockable
    row = take_in(services, tmp_path / "a.png")
    clock.moment += timedelta(days=360)
    store.extend(row.object_key, "1", clock.now() + timedelta(days=30))  # and then the process died
    sweeping.tidy(services)
    assert len(of_type(services, "retention_set")) == 2
    assert lock_problems(services) == []


def test_of_two_that_renew_at_once_one_writes(lockable, tmp_path):
    services, _, clock = lockable
    row = take_in(services, tmp_path / "a.png")
    clock.moment += timedelta(days=360)
    locks._lengthen(services.vault, row, clock.now() + timedelta(days=30), SYSTEM, locks.RENEWAL)
    locks._lengthen(services.vault, row, clock.now() + timedelta(days=30), SYSTEM, locks.RENEWAL)
    assert len(of_type(services, "retention_set")) == 2


def test_one_lock_that_is_not_renewed_does_not_stop_the_others_and_is_an_incident(lockable, tmp_path, monkeypatch):
    services, store, clock = lockable
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


def test_what_waited_longer_than_the_default_lock_is_locked_again_before_it_is_called_stored(lockable, tmp_path):
    services, store, clock = lockable
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
