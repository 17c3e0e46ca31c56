"""Watched folders: claims, crashes, senders that do not let go, and what is not a regular file (intake, 2.3 and 3)."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from watch_house import Page, Watcher

from tasks import accession, intake

# Claim, crash, and senders that do not let go


def test_a_file_that_changes_between_check_and_claim_is_not_taken(watcher: Watcher, page: Page) -> None:
    path = watcher.inbox / "a.tif"
    path.write_bytes(page(1))
    watcher.look()
    assert watcher.look(after=4.0).ready == 1
    with path.open("ab") as file:
        file.write(b"more")
    assert [receipt.outcome for receipt in watcher.work()] == ["waiting"]
    assert path.exists()
    watcher.look(after=2.0)
    row = watcher.row()
    assert (row.state, row.reason, row.todo, row.size) == ("waiting", "arriving", False, len(page(1)) + 4)


def test_bytes_written_after_the_claim_are_noticed_and_not_accepted(watcher: Watcher, page: Page) -> None:
    path = watcher.inbox / "a.tif"
    path.write_bytes(page(1))
    watcher.look()
    watcher.look(after=4.0)
    with path.open("ab") as writer:  # the sender still has it open
        scan = watcher.services.leases.take_next()
        assert scan is not None
        intake.claim(scan, watcher.services)
        writer.write(b"late")
        writer.flush()
        receipt = accession.take(scan, watcher.services)
        watcher.services.leases.release(scan)
    assert (receipt.outcome, receipt.reason) == ("refused", "damaged")
    quarantined = watcher.services.places.quarantine / watcher.row().client / watcher.row().id
    assert quarantined.read_bytes() == page(1) + b"late"


def test_bytes_that_come_after_the_original_was_sealed_are_kept_for_a_person(watcher: Watcher, page: Page) -> None:
    path = watcher.inbox / "a.tif"
    path.write_bytes(page(1))
    watcher.look()
    watcher.look(after=4.0)
    with path.open("ab") as writer:
        scan = watcher.services.leases.take_next()
        assert scan is not None
        assert accession.take(scan, watcher.services).outcome == "accessioned"
        writer.write(b"late")
        writer.flush()
        intake.done(scan, watcher.services)
        watcher.services.leases.release(scan)
    row = watcher.row()
    assert (watcher.services.places.quarantine / row.client / row.id).read_bytes() == page(1) + b"late"


def test_a_crash_between_rename_and_row_loses_and_doubles_nothing(watcher: Watcher, page: Page) -> None:
    path = watcher.inbox / "a.tif"
    path.write_bytes(page(1))
    watcher.look()
    watcher.look(after=4.0)
    target = intake.work_file(watcher.services, watcher.row())
    target.parent.mkdir(parents=True)
    path.rename(target)  # killed here
    path.write_bytes(page(2))  # and the next file has the same name
    watcher.restart()
    watcher.look(after=2.0)
    watcher.look(after=4.0)
    assert [receipt.outcome for receipt in watcher.work()] == ["accessioned"]
    watcher.look(after=2.0)
    watcher.look(after=4.0)
    assert [receipt.outcome for receipt in watcher.work()] == ["accessioned"]
    assert [row.size for row in watcher.rows()] == [len(page(1)), len(page(2))]


# What is not a regular file with one name


def _link(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


def _hard_link(path: Path, outside: Path) -> None:
    path.hardlink_to(outside)


def _fifo(path: Path, _outside: Path) -> None:
    os.mkfifo(path)


def _folder_link(path: Path, outside: Path) -> None:
    path.symlink_to(outside.parent, target_is_directory=True)


@pytest.mark.parametrize("make", [_link, _hard_link, _fifo, _folder_link])
def test_what_is_not_a_regular_file_is_refused_once_and_left_alone(
    watcher: Watcher, page: Page, make: Callable[[Path, Path], None]
) -> None:
    outside = watcher.services.places.home / "outside" / "o.tif"
    outside.parent.mkdir()
    outside.write_bytes(page(1))
    path = watcher.inbox / "thing"
    make(path, outside)
    before = path.lstat()
    watcher.look()
    for _ in range(4):
        watcher.look(after=4.0)
    watcher.restart()
    watcher.look(after=4.0)
    assert watcher.work() == []
    assert (watcher.row().state, watcher.row().reason) == ("refused", "not-regular")
    assert path.lstat() == before or make is _link  # reading a link's target touches its time
    assert outside.read_bytes() == page(1)
    path.unlink()
    path.write_bytes(page(2))
    watcher.look()
    watcher.look(after=4.0)
    assert [receipt.outcome for receipt in watcher.work()] == ["accessioned"]
    assert len(watcher.rows()) == 2


def test_a_folder_swapped_for_a_link_between_check_and_claim_leads_nowhere(watcher: Watcher, page: Page) -> None:
    box = watcher.inbox / "box"
    box.mkdir()
    (box / "a.tif").write_bytes(page(1))
    watcher.look()
    assert watcher.look(after=8.0).ready == 1
    outside = watcher.services.places.home / "outside"
    box.rename(outside)  # the same file, with its size and time
    box.symlink_to(outside, target_is_directory=True)
    assert [receipt.outcome for receipt in watcher.work()] == ["refused"]
    assert (outside / "a.tif").exists()
