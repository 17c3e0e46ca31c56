"""Watched folders that cannot be served, and the loop itself with its threads."""

import os
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from watch_house import Page, Watcher, powerless

from custody.people import add_client
from infra.program import program_folders, start_folders
from infra.services import Services
from records.errors import ConfigurationError
from records.tables import scans
from tasks import answers, watching
from tasks.crew import Work
from tasks.services import SYSTEM
from tasks.watching import Memory, WatchOptions

# Folders that cannot be served


def test_a_folder_that_nothing_can_be_renamed_out_of_is_said_and_stops_no_other(watcher: Watcher, page: Page) -> None:
    with watcher.services.database.write() as connection:
        add_client(connection, watcher.services.vault, "aguas", SYSTEM)
    watcher.look()
    other = watcher.services.places.inbox / "aguas"
    (other / "a.tif").write_bytes(page(1))
    (watcher.inbox / "b.tif").write_bytes(page(2))
    with powerless(watcher):
        other.chmod(0o500)
        watcher.restart()
        assert ["cannot be taken out" in text for text in watcher.memory.problems.values()] == [True]
        watcher.look()
        watcher.look(after=2.0)
        watcher.look(after=4.0)
        assert watcher.states()["a.tif"] == ("waiting", "no-permission")
        assert [Path(row.path).name for row in watcher.rows() if row.todo] == ["b.tif"]
        other.chmod(0o700)
        watcher.restart()
        assert watcher.memory.problems == {}
        watcher.look()
        assert watcher.look(after=4.0).ready == 1


def test_a_permission_that_goes_after_the_self_test_makes_a_file_wait(watcher: Watcher, page: Page) -> None:
    (watcher.inbox / "a.tif").write_bytes(page(1))
    watcher.look()
    assert watcher.look(after=4.0).ready == 1
    with powerless(watcher):
        watcher.inbox.chmod(0o500)
        receipts = watcher.work()
        watcher.inbox.chmod(0o700)
    assert [receipt.outcome for receipt in receipts] == ["waiting"]
    assert (watcher.row().state, watcher.row().reason) == ("waiting", "no-permission")


def test_an_inbox_on_another_file_system_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = Path("/dev/shm") / f"muniment-test-{os.getpid()}"
    if not elsewhere.parent.is_dir() or elsewhere.parent.stat().st_dev == home.parent.stat().st_dev:
        pytest.skip("needs a second file system, which this machine does not have at /dev/shm")
    from infra.services import open_services

    monkeypatch.setenv("MUNIMENT_INBOX", str(elsewhere))
    opened = open_services()
    try:
        memory = Memory()
        watching.prepare(opened, WatchOptions(), memory)
        assert "another file system" in "".join(memory.problems.values())
        (elsewhere / "default" / "a.tif").write_bytes(b"II*\0")
        watching.look(opened, WatchOptions(), memory)
        watching.look(opened, WatchOptions(), memory)
        with opened.database.read() as connection:
            assert connection.execute(select(scans.c.state, scans.c.reason)).all() == [("waiting", "no-permission")]
    finally:
        opened.close()
        shutil.rmtree(elsewhere)


def test_the_self_test_leaves_nothing_behind(watcher: Watcher) -> None:
    assert list(watcher.inbox.iterdir()) == []
    assert [path.name for path in watcher.services.places.work.iterdir()] == ["sealed", "words"]


def test_names_in_the_inbox_that_belong_to_no_client_are_said(watcher: Watcher) -> None:
    (watcher.services.places.inbox / "stray.tif").write_bytes(b"x")
    watcher.restart()
    assert watcher.memory.problems["inbox"].startswith("1 names")


@pytest.mark.parametrize("place", ["programs", "our own data", "where it was started"])
def test_an_inbox_that_overlaps_code_or_data_is_refused(watcher: Watcher, place: str) -> None:
    inside = watcher.inbox / "bin"
    inside.mkdir()
    options = {
        "programs": replace(watcher.options, apart=(inside,)),
        "our own data": watcher.options,
        "where it was started": replace(watcher.options, not_below=(inside,)),
    }[place]
    if place == "our own data":
        watcher.services.places = replace(watcher.services.places, keys=inside)
    with pytest.raises(ConfigurationError):
        watching.prepare(watcher.services, options, watcher.memory)


def test_this_program_and_its_interpreter_are_among_what_is_kept_apart() -> None:
    apart = program_folders()
    assert Path(os.__file__).parent in apart
    assert any(Path(pytest.__file__).is_relative_to(folder) for folder in apart)
    assert Path.cwd() in start_folders()


def test_a_settings_file_that_others_may_write_is_refused(watcher: Watcher) -> None:
    path = watcher.services.places.home / "muniment.toml"
    path.write_text("watch_seconds = 2.0\n")
    path.chmod(0o600)
    watcher.restart()
    path.chmod(0o666)
    with pytest.raises(ConfigurationError):
        watcher.restart()


# The loop itself, with its threads


def test_watch_takes_reads_and_tells_of_each_scan_once(services: Services, page: Page) -> None:
    inbox = services.places.inbox / "default"
    inbox.mkdir(parents=True)
    (inbox / "a.tif").write_bytes(page(1))
    (inbox / "b.tif").write_bytes(page(1))
    (inbox / "link").symlink_to("/etc/hostname")
    stop, told = threading.Event(), []

    def report(scan: str) -> None:
        with services.database.read() as connection:
            told.append(answers.scan_answer(connection, scan))
        if len(told) == 3:
            stop.set()

    timer = threading.Timer(60.0, stop.set)
    timer.start()
    watching.watch(services, WatchOptions(every=0.2, stable=0.3, quiet=0.5), stop, Work(report))
    timer.cancel()
    assert sorted(answer["outcome"] for answer in told) == ["accessioned", "duplicate", "refused"]
    assert {answer["state"] for answer in told} <= {"indexed", "in_review", "duplicate", "refused"}
    assert not list(services.places.work.glob("bat_*/scn_*"))


def test_watch_stops_in_the_middle_of_a_document_and_keeps_its_row(services: Services, page: Page) -> None:
    inbox = services.places.inbox / "default"
    inbox.mkdir(parents=True)
    (inbox / "a.tif").write_bytes(page(1))
    stop = threading.Event()

    def stuck(scan: str, given: Any) -> bool:
        try:
            stop.set()
            given.children.run(60.0, time.sleep, 60.0)  # pages that take long
        except Exception as error:  # noqa: BLE001 - as the pipeline's own boundary does
            assert type(error).__name__ in ("CancelledError", "RuntimeError")
        finally:
            given.leases.release(scan)
        return True

    watching.watch(services, WatchOptions(every=0.1, stable=0.1, grace=0.5), stop, Work(lambda _scan: None, stuck))
    with services.database.read() as connection:
        row = connection.execute(select(scans)).one()
    assert (row.state, row.todo, row.attempt, row.lease_owner) == ("waiting", True, 0, None)


def test_a_row_that_a_database_forgot_is_not_made_up_from_memory(watcher: Watcher, page: Page) -> None:
    """Memory decides nothing: a register put back to an earlier state is brought up to date from the folder."""
    (watcher.inbox / "a.tif").write_bytes(page(1))
    watcher.look()
    watcher.look(after=4.0)
    with watcher.services.database.write() as connection:
        connection.execute(update(scans).values(todo=False))
    assert watcher.look(after=2.0).ready == 1
