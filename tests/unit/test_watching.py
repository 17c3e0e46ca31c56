"""Watched folders on a real installation: where others lose files (intake, 2.3 and 3), and what we do."""

import os

import pytest
from watch_house import Page, Watcher

from custody.people import add_client
from tasks import arrivals, watching
from tasks.services import SYSTEM

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
