"""Watched folders on a real installation: where others lose files (intake, 2.3 and 3), and what we do."""

import io
import os
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select, update

from custody.people import add_client
from infra.program import program_folders, start_folders
from infra.services import Services
from records.errors import ConfigurationError
from records.tables import batches, scans
from tasks import accession, answers, arrivals, intake, watching
from tasks.crew import Work
from tasks.services import SYSTEM
from tasks.watching import Look, Memory, WatchOptions

NOBODY = 65534


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Watcher:
    """One watcher and one worker over an installation, moved by hand."""

    def __init__(self, services: Services, clock: Clock) -> None:
        self.services, self.clock = services, clock
        self.options = WatchOptions(every=60.0, stable=4.0, arriving=600.0, quiet=8.0)
        self.memory = Memory()
        self.inbox = services.places.inbox / "default"
        watching.prepare(services, self.options, self.memory)

    def restart(self) -> None:
        self.memory = Memory()
        watching.prepare(self.services, self.options, self.memory)

    def look(self, after: float = 0.0) -> Look:
        self.clock.sleep(after)
        return watching.look(self.services, self.options, self.memory)

    def work(self) -> list[accession.AccessionReceipt]:
        """Take every due scan into custody; reading has tests of its own."""
        receipts = []
        while (scan := self.services.leases.take_next()) is not None:
            try:
                receipts.append(accession.take(scan, self.services))
                if receipts[-1].outcome == "accessioned":
                    intake.done(scan, self.services)
            except accession.UnavailableError:
                receipts.append(accession.AccessionReceipt(scan, "waiting"))
            finally:
                self.services.leases.release(scan)
        return receipts

    def rows(self) -> list[Any]:
        with self.services.database.read() as connection:
            return list(connection.execute(select(scans).order_by(scans.c.id)))

    def row(self) -> Any:
        (row,) = self.rows()
        return row

    def states(self) -> dict[str, tuple[str, str | None]]:
        return {Path(row.path).name: (row.state, row.reason) for row in self.rows()}

    def batch_names(self) -> dict[str, str]:
        with self.services.database.read() as connection:
            return {row.name: row.state for row in connection.execute(select(batches))}


@pytest.fixture
def watcher(services: Services) -> Watcher:
    clock = Clock()
    services.clock = clock  # type: ignore[assignment]
    return Watcher(services, clock)


@pytest.fixture(scope="session")
def page() -> Callable[[int], bytes]:
    """Small whole TIFF files, one for each number, several strips each."""

    @cache
    def make(number: int) -> bytes:
        target = io.BytesIO()
        Image.effect_noise((300, 200), 40 + number).save(target, "TIFF", compression="tiff_lzw", dpi=(150, 150))
        return target.getvalue()

    return make


Page = Callable[[int], bytes]


# The table of intake 2.3, row by row


def test_a_file_still_growing_at_the_start_is_taken_only_when_it_is_whole(watcher: Watcher, page: Page) -> None:
    whole, path = page(1), watcher.inbox / "a.tif"
    for share in (0.2, 0.5, 0.8):
        path.write_bytes(whole[: int(len(whole) * share)])
        watcher.look(after=2.0)
        assert watcher.work() == []
        assert (watcher.row().state, watcher.row().reason) == ("waiting", "arriving")
    path.write_bytes(whole)
    watcher.look(after=2.0)
    assert watcher.look(after=4.0).ready == 1
    assert [receipt.outcome for receipt in watcher.work()] == ["accessioned"]
    assert watcher.row().size == len(whole)
    assert not path.exists()


def test_a_writer_that_pauses_longer_than_the_delay_is_waited_for(watcher: Watcher, page: Page) -> None:
    whole, path = page(1), watcher.inbox / "a.tif"
    path.write_bytes(whole[:1000])
    watcher.look()
    for _ in range(5):
        assert watcher.look(after=60.0).ready == 0
    path.write_bytes(whole)
    watcher.look(after=60.0)
    watcher.look(after=4.0)
    assert [receipt.outcome for receipt in watcher.work()] == ["accessioned"]
    assert len(watcher.rows()) == 1


@pytest.mark.parametrize("by_rename", [False, True], ids=["written over", "renamed over"])
def test_a_good_scan_put_in_place_of_a_cut_one_is_taken(watcher: Watcher, page: Page, by_rename: bool) -> None:
    path = watcher.inbox / "a.tif"
    path.write_bytes(page(1)[:2000])
    watcher.look()
    watcher.look(after=10.0)
    if by_rename:
        other = watcher.services.places.tmp / "good"
        other.write_bytes(page(1))
        other.rename(path)
    else:
        path.write_bytes(page(1))
    watcher.look(after=2.0)
    watcher.look(after=4.0)
    assert [receipt.outcome for receipt in watcher.work()] == ["accessioned"]
    assert len(watcher.rows()) == 1


def test_a_name_refused_before_is_a_new_arrival_when_it_comes_again(watcher: Watcher, page: Page) -> None:
    path = watcher.inbox / "a.tif"
    path.write_bytes(page(1)[:2000])
    watcher.look()
    assert watcher.look(after=600.0).ready == 1
    assert [receipt.reason for receipt in watcher.work()] == ["truncated"]
    quarantined = watcher.services.places.quarantine / watcher.row().client / watcher.row().id
    assert quarantined.read_bytes() == page(1)[:2000]
    path.write_bytes(page(1))
    watcher.look()
    watcher.look(after=4.0)
    assert [receipt.outcome for receipt in watcher.work()] == ["accessioned"]
    assert [row.state for row in watcher.rows()] == ["refused", "accessioned"]


def test_a_file_taken_away_is_said_and_taken_when_it_comes_again(watcher: Watcher, page: Page) -> None:
    path = watcher.inbox / "a.tif"
    path.write_bytes(page(1))
    watcher.look()
    path.unlink()
    watcher.look(after=2.0)
    assert len(watcher.look(after=2.0).refused) == 1
    assert (watcher.row().state, watcher.row().reason) == ("refused", "unreadable")
    watcher.look(after=2.0)
    path.write_bytes(page(1))
    watcher.look()
    watcher.look(after=4.0)
    assert [receipt.outcome for receipt in watcher.work()] == ["accessioned"]
    assert len(watcher.rows()) == 2


def test_what_is_not_taken_is_refused_with_its_reason_and_not_ignored(watcher: Watcher, page: Page) -> None:
    (watcher.inbox / "letter.docx").write_bytes(b"PK\x03\x04" + bytes(500))
    (watcher.inbox / "note.txt").write_text("a note, not a scan\n")
    (watcher.inbox / "good.dat").write_bytes(page(1))  # by its bytes, not by its name
    watcher.look()
    watcher.look(after=4.0)
    watcher.work()
    assert watcher.states() == {
        "letter.docx": ("refused", "unsupported"),
        "note.txt": ("refused", "not-an-image"),
        "good.dat": ("accessioned", None),
    }


def test_a_copy_with_a_time_long_past_is_taken_as_any_other(watcher: Watcher, page: Page) -> None:
    path = watcher.inbox / "old.tif"
    path.write_bytes(page(1))
    os.utime(path, (978_307_200, 978_307_200))  # 2001
    assert watcher.look().ready == 0  # its age counts from first sight
    assert watcher.look(after=4.0).ready == 1


# Intake bugs in the field (section 3)


def test_a_burst_of_200_is_all_accounted_for_by_listing_alone(watcher: Watcher, page: Page) -> None:
    for number in range(200):
        (watcher.inbox / f"{number:03}.tif").write_bytes(page(1) + b"%d" % number)
    assert watcher.look().new == 200
    assert watcher.look(after=2.0).new == 0
    assert len(watcher.rows()) == 200


def test_a_restart_with_3000_files_waiting_queues_none_of_them_again(watcher: Watcher) -> None:
    for number in range(3000):
        (watcher.inbox / f"{number}.tif").write_bytes(b"II*\0")
    assert watcher.look().new == 3000
    watcher.restart()
    after = watcher.look()
    assert (after.files, after.new, after.ready) == (3000, 0, 0)
    assert len(watcher.rows()) == 3000


def test_two_watchers_write_one_row_and_one_claim(watcher: Watcher, page: Page) -> None:
    (watcher.inbox / "a.tif").write_bytes(page(1))
    listing = watching.inbox_files.list_folder(watcher.inbox)
    watcher.look()
    client = arrivals.watched_clients(watcher.services)[0][0]
    arrivals.first_sight(watcher.services, client, listing.found)  # the other one has listed at the same time
    assert len(watcher.rows()) == 1
    other = Watcher(watcher.services, watcher.clock)
    other.look()
    assert watcher.look(after=4.0).ready + other.look().ready == 1
    assert [receipt.outcome for receipt in watcher.work()] == ["accessioned"]
    assert len(watcher.rows()) == 1


def test_a_big_scan_that_grows_for_long_is_never_given_up(watcher: Watcher, page: Page) -> None:
    whole, path = page(1), watcher.inbox / "a.tif"
    for size in range(100, len(whole), len(whole) // 20):
        path.write_bytes(whole[:size])
        assert watcher.look(after=120.0).ready == 0
    path.write_bytes(whole)
    watcher.look(after=120.0)
    watcher.look(after=4.0)
    assert [receipt.outcome for receipt in watcher.work()] == ["accessioned"]


def test_a_folder_dropped_whole_is_a_batch_when_it_is_quiet(watcher: Watcher, page: Page) -> None:
    box = watcher.inbox / "box 7" / "inner"
    box.mkdir(parents=True)
    (box / "1.tif").write_bytes(page(1))
    (watcher.inbox / "loose.tif").write_bytes(page(3))
    watcher.look()
    (box.parent / "2.tif").write_bytes(page(2))
    assert watcher.look(after=6.0).ready == 1  # the loose one; the folder has just changed
    assert watcher.look(after=4.0).ready == 0
    assert watcher.look(after=4.0).ready == 2
    day = arrivals.DAILY + watcher.clock.now().date().isoformat()
    assert watcher.batch_names() == {"box 7": "open", day: "open"}
    assert arrivals.close_finished(watcher.services, 8.0) == 0
    assert {receipt.outcome for receipt in watcher.work()} == {"accessioned"}
    assert arrivals.close_finished(watcher.services, 8.0) == 1
    assert watcher.batch_names()["box 7"] == "closed"
    watcher.clock.sleep(24 * 3600.0)
    arrivals.close_finished(watcher.services, 8.0)
    assert watcher.batch_names()[day] == "closed"


def test_a_bad_file_holds_up_no_other(watcher: Watcher, page: Page) -> None:
    (watcher.inbox / "cut.tif").write_bytes(page(1)[:3000])
    os.utime(watcher.inbox / "cut.tif", (1, 1))  # the oldest, so the first
    (watcher.inbox / "bad.pdf").write_bytes(b"%PDF-1.7\n" + b"1 0 obj << /Type /Catalog" * 300)
    (watcher.inbox / "good.tif").write_bytes(page(2))
    watcher.look()
    assert watcher.look(after=4.0).ready == 1
    assert [receipt.outcome for receipt in watcher.work()] == ["accessioned"]
    watcher.look(after=600.0)
    watcher.work()
    states = watcher.states()
    assert states["cut.tif"] == ("refused", "truncated")
    assert states["bad.pdf"][0] == "refused"
    assert len(list(watcher.services.places.quarantine.rglob("scn_*"))) == 2


def test_only_junk_is_dropped_without_a_row(watcher: Watcher) -> None:
    for name in (".DS_Store", "._a.tif", "Thumbs.db", "desktop.ini"):
        (watcher.inbox / name).write_bytes(b"x")
    (watcher.inbox / "@eaDir").mkdir()
    (watcher.inbox / "@eaDir" / "a.tif").write_bytes(b"x")
    assert (watcher.look().junk, len(watcher.rows())) == (5, 0)


def test_a_file_renamed_when_it_is_whole_keeps_its_row(watcher: Watcher, page: Page) -> None:
    part = watcher.inbox / "a.tif.part"
    part.write_bytes(page(1))
    watcher.look()
    assert watcher.look(after=60.0).ready == 0  # its name says that its sender is not done
    part.rename(watcher.inbox / "a.tif")
    watcher.look(after=2.0)
    assert watcher.look(after=4.0).ready == 1
    assert [receipt.outcome for receipt in watcher.work()] == ["accessioned"]
    assert watcher.row().path.endswith("/a.tif")


def test_the_same_bytes_again_end_as_a_duplicate(watcher: Watcher, page: Page) -> None:
    for _ in range(2):
        (watcher.inbox / "a.tif").write_bytes(page(1))
        os.utime(watcher.inbox / "a.tif", (5, 5))
        watcher.look()
        watcher.look(after=4.0)
        watcher.work()
    first, second = watcher.rows()
    assert (first.state, second.state, second.duplicate_of) == ("accessioned", "duplicate", first.id)


def test_each_client_has_its_own_folder_and_batch(watcher: Watcher, page: Page) -> None:
    with watcher.services.database.write() as connection:
        other = add_client(connection, watcher.services.vault, "aguas", SYSTEM)
    watcher.look()
    (watcher.services.places.inbox / "aguas" / "a.tif").write_bytes(page(1))
    (watcher.inbox / "a.tif").write_bytes(page(1))
    watcher.look()
    watcher.look(after=4.0)
    assert [receipt.outcome for receipt in watcher.work()] == [
        "accessioned",
        "accessioned",
    ]  # no duplicate over clients
    assert {row.client for row in watcher.rows()} >= {other}
    assert len({row.batch for row in watcher.rows()}) == 2


def test_a_name_that_is_no_text_is_shown_and_taken(watcher: Watcher, page: Page) -> None:
    name = os.fsencode(watcher.inbox) + b"/caf\xe9.tif"
    with open(name, "wb") as file:  # noqa: PTH123
        file.write(page(1))
    watcher.look()
    watcher.look(after=4.0)
    assert [receipt.outcome for receipt in watcher.work()] == ["accessioned"]
    assert watcher.row().path.endswith("caf\\xe9.tif")


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


# Folders that cannot be served


@contextmanager
def powerless(watcher: Watcher) -> Iterator[None]:
    """Do without root's power over permissions."""
    if os.geteuid() != 0:
        yield
        return
    watcher.services.children.run(60.0, os.getpid)  # nobody may not be allowed to start an interpreter
    home = watcher.services.places.home
    closed = [parent for parent in home.parents if parent.stat().st_mode & 0o011 != 0o011]
    modes = [(parent, stat.S_IMODE(parent.stat().st_mode)) for parent in closed]
    for parent, mode in modes:
        parent.chmod(mode | 0o011)
    for path in [home, *home.rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        for parent, mode in modes:
            parent.chmod(mode)


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
