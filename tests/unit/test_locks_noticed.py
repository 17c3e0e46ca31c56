"""Locks of the store: what is not as recorded is named, and what fails makes a scan wait."""

import dataclasses
import errno
import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from lock_house import DAY, lock_problems, offer, take_in
from PIL import Image
from sqlalchemy import select, update

from custody import lock_assurance, locks
from custody.derivatives import StoredDerivative, clear_leftovers, record_derivative, store_derivative
from custody.stores.base import StoredVersion
from custody.tables import events, originals
from infra.services import Services
from records.errors import NoSpaceError, StoreUnavailableError
from records.ids import instant, parse_instant
from records.machine import machine_fault
from records.tables import record_sources, records
from tasks import custody_check, sweeping
from tasks.pipeline import ingest_isolated


@pytest.mark.parametrize("damage", ["shortened", "none", "weak"])
def test_a_lock_that_is_not_as_recorded_is_named(lockable, tmp_path, damage, monkeypatch):
    services, store, _ = lockable
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


def test_an_original_without_its_retention_must_be_locked_all_the_same(lockable, tmp_path):
    services, store, clock = lockable
    row = take_in(services, tmp_path / "a.png")
    with services.database.write() as connection:
        connection.execute(update(originals).values(retention_set=False, locked_until=None))
    assert lock_problems(services) == []
    store.ends[row.object_key] = clock.now() - timedelta(seconds=1)
    assert [problem.object for problem in lock_problems(services)] == [row.id]


def test_the_locks_of_many_are_renewed_in_parts(lockable, tmp_path, monkeypatch):
    services, _, clock = lockable
    monkeypatch.setattr(locks, "_AT_ONCE", 2)
    rows = [take_in(services, tmp_path / f"{n}.png", n) for n in range(5)]
    clock.moment += timedelta(days=360)
    assert list(locks.due_for_renewal(services.vault)) == sorted(row.id for row in rows)
    with services.database.write() as connection:
        connection.execute(
            update(originals).where(originals.c.id == rows[0].id).values(locked_until=instant(clock.now() + 11 * DAY))
        )
    assert len(list(locks.due_for_renewal(services.vault))) == 4


def test_the_events_of_probes_are_found_by_type(lockable):
    services, _, _ = lockable
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


def test_a_replaced_derivative_is_removed_when_its_lock_has_ended(lockable, tmp_path):
    services, store, clock = lockable
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


def test_an_object_that_no_row_names_is_listed_and_never_removed(lockable, tmp_path):
    services, store, clock = lockable
    row = take_in(services, tmp_path / "a.png")
    stray = row.object_key.replace(row.id, "ori_" + "0" * 32)
    (tmp_path / "stray").write_bytes(b"stray")
    store.put(stray, tmp_path / "stray", hashlib.sha256(b"stray").hexdigest(), 5)
    for _ in range(3):
        clock.moment += timedelta(days=400)
        sweeping.sweep(services)
        assert object_notes(services)["orphans"] == [stray]


@pytest.mark.parametrize("same", [True, False], ids=["of the same bytes", "of other bytes"])
def test_one_more_version_is_listed_and_is_a_fault_only_if_it_differs(lockable, tmp_path, same, monkeypatch):
    services, store, _ = lockable
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


def test_a_disk_that_fails_in_any_step_makes_the_scan_wait(lockable, tmp_path, monkeypatch):
    services, _, _ = lockable
    Image.new("L", (200, 100), 1).save(tmp_path / "a.png")
    scan = offer(services, tmp_path / "a.png")

    def failing(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("custody.originals.sync_folder", failing)
    for _ in range(6):  # more often than a scan may be begun without progress
        receipt = ingest_isolated(scan, services)
        assert (receipt.outcome, receipt.reason) == ("waiting", "store-unavailable")
