"""What every home of the published ledger must do; a new home is added to `HOMES` and nothing else."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from custody.stores.ledger_bucket import REPLACED_KEPT, LedgerBucket
from custody.stores.ledger_directory import LedgerDirectory
from custody.stores.ledger_files import FILE_LIMIT, LedgerFiles
from custody.stores.s3_answers import head
from records.errors import ConfigurationError, InvalidValueError, LedgerError, StoreUnavailableError

HOMES = ["directory", pytest.param("bucket", marks=pytest.mark.service)]
SOON = timedelta(minutes=10)


def until() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + SOON


@pytest.fixture(params=HOMES)
def unmade(request, tmp_path) -> LedgerFiles:
    if request.param == "directory":
        return LedgerDirectory(tmp_path / "ledger")
    return LedgerBucket(request.getfixturevalue("s3_keeper"), f"ledger-{time.time_ns()}")


@pytest.fixture
def files(unmade) -> Iterator[LedgerFiles]:
    unmade.make()
    yield unmade
    if isinstance(unmade, LedgerBucket):  # what is not locked need not stay
        for path in list(unmade.paths("")):
            unmade.remove(path) if path.endswith((".p/1", ".p/2", "checkpoint")) else None


def again(files: LedgerFiles) -> LedgerFiles:
    """The same home as another process sees it."""
    if isinstance(files, LedgerBucket):
        return LedgerBucket(files._client, files.name)
    return LedgerDirectory(files._root)


def test_a_home_is_made_once_and_known_by_others(unmade):
    assert not unmade.is_made() and unmade.read("checkpoint") is None
    unmade.make()
    unmade.make()
    assert unmade.is_made() and again(unmade).is_made()
    assert list(unmade.paths("")) == [] and unmade.read("checkpoint") is None


def test_what_is_put_or_kept_is_read_back(files):
    files.put("tile/0/000.p/1", b"partial")
    files.keep("tile/0/x001/000", b"full", until())
    files.keep("checkpoints/0", b"", until())
    other = again(files)
    assert other.read("tile/0/000.p/1") == b"partial" and other.read("tile/0/x001/000") == b"full"
    assert other.read("checkpoints/0") == b"" and other.read("tile/0/000") is None and other.read("tile") is None
    assert sorted(other.paths("")) == ["checkpoints/0", "tile/0/000.p/1", "tile/0/x001/000"]
    assert list(other.paths("checkpoints/")) == ["checkpoints/0"] and list(other.paths("none/")) == []


def test_writing_the_same_again_changes_nothing(files):
    for _ in range(2):
        files.put("tile/0/000.p/1", b"partial")
        files.keep("tile/0/000", b"full", until())
    if isinstance(files, LedgerBucket):
        assert len(files._versions("tile/0/000.p/1")) == len(files._versions("tile/0/000")) == 1


def test_other_bytes_under_a_name_are_a_conflict_and_change_nothing(files):
    files.put("tile/0/000.p/1", b"partial")
    files.keep("tile/0/000", b"full", until())
    for write in (lambda: files.put("tile/0/000.p/1", b"other"), lambda: files.keep("tile/0/000", b"", until())):
        with pytest.raises(LedgerError, match="tile/0/000"):
            write()
    assert (files.read("tile/0/000.p/1"), files.read("tile/0/000")) == (b"partial", b"full")


def test_the_checkpoint_is_replaced_whole(files):
    for number in range(REPLACED_KEPT + 3):
        files.replace("checkpoint", b"%d" % number)
        assert again(files).read("checkpoint") == b"%d" % number
    files.replace("checkpoint", b"%d" % number)
    if isinstance(files, LedgerBucket):
        assert len(files._versions("checkpoint")) == REPLACED_KEPT


def test_a_partial_is_removed_and_what_is_absent_is_no_error(files):
    for width in (1, 2):
        files.put(f"tile/0/000.p/{width}", b"partial")
    files.remove("tile/0/000.p/1")
    assert list(files.paths("tile/0/000.p/")) == ["tile/0/000.p/2"] and files.read("tile/0/000.p/1") is None
    for _ in range(2):
        files.remove("tile/0/000.p/2")
    assert list(files.paths("")) == []
    files.put("tile/0/000.p/1", b"another")  # after a removal the name is free again
    assert files.read("tile/0/000.p/1") == b"another"


@pytest.mark.parametrize("path", ["", "/checkpoint", "../checkpoint", "tile//000", "tile/../x", ".incoming/pending"])
def test_a_name_that_leads_elsewhere_is_refused(files, path):
    for call in (
        lambda: files.read(path), lambda: files.put(path, b""), lambda: files.keep(path, b"", until()),
        lambda: files.replace(path, b""), lambda: files.remove(path),
    ):  # fmt: skip
        with pytest.raises(InvalidValueError):
            call()


def test_a_file_that_is_too_long_to_be_one_is_not_read(files):
    with pytest.raises(StoreUnavailableError):
        files.replace("checkpoint", bytes(FILE_LIMIT + 1))  # a bucket reads back what it wrote
        files.read("checkpoint")
    with pytest.raises(StoreUnavailableError):
        files.read("checkpoint")


@pytest.mark.service
def test_a_bucket_locks_what_is_kept_and_nothing_else(s3_keeper):
    files = LedgerBucket(s3_keeper, f"ledger-{time.time_ns()}")
    files.make()
    end = until()
    files.keep("tile/0/000", b"full", end)
    files.put("tile/0/001.p/1", b"partial")
    files.replace("checkpoint", b"now")
    locks = {path: head(s3_keeper, files.name, path, files._versions(path)[0]) for path in files.paths("")}
    assert locks["tile/0/000"].mode == "COMPLIANCE" and locks["tile/0/000"].retain_until == end
    assert locks["checkpoint"].mode is None and locks["tile/0/001.p/1"].mode is None
    with pytest.raises(StoreUnavailableError):
        files.remove("tile/0/000")
    assert files.read("tile/0/000") == b"full"
    files.keep("tile/0/000", b"full", end + SOON)  # a longer lock is given to what stands there
    assert head(s3_keeper, files.name, "tile/0/000", files._versions("tile/0/000")[0]).retain_until == end + SOON
    assert len(files._versions("tile/0/000")) == 1


@pytest.mark.service
def test_a_lock_that_was_left_out_is_set_later(s3_keeper):
    files = LedgerBucket(s3_keeper, f"ledger-{time.time_ns()}")
    files.make()
    files.put("checkpoints/7", b"checkpoint")
    files.keep("checkpoints/7", b"checkpoint", until())
    version = files._versions("checkpoints/7")[0]
    assert head(s3_keeper, files.name, "checkpoints/7", version).mode == "COMPLIANCE"


@pytest.mark.service
def test_a_bucket_without_object_lock_is_refused(s3_keeper, plain_bucket):
    for call in (LedgerBucket(s3_keeper, plain_bucket).is_made, LedgerBucket(s3_keeper, plain_bucket).make):
        with pytest.raises(ConfigurationError, match="Object Lock"):
            call()


@pytest.fixture
def directory(tmp_path: Path) -> LedgerDirectory:
    made = LedgerDirectory(tmp_path / "ledger")
    made.make()
    return made


def test_an_empty_mount_point_is_no_ledger(tmp_path):
    (tmp_path / "ledger").mkdir()
    assert not LedgerDirectory(tmp_path / "ledger").is_made()


def test_what_a_dead_writer_left_is_in_nobodys_way(directory, tmp_path):
    (tmp_path / "ledger/.incoming/pending").write_bytes(b"half")
    directory.put("tile/0/000.p/1", b"whole")
    assert directory.read("tile/0/000.p/1") == b"whole" and list(directory.paths("")) == ["tile/0/000.p/1"]
    assert list((tmp_path / "ledger/.incoming").iterdir()) == []


def test_a_link_is_no_file_of_the_ledger(directory, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"secret")
    (tmp_path / "ledger/checkpoint").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailableError):
        directory.read("checkpoint")
    directory.replace("checkpoint", b"ours")
    assert directory.read("checkpoint") == b"ours" and (tmp_path / "elsewhere").read_bytes() == b"secret"


def test_what_is_kept_is_closed_to_writing(directory, tmp_path):
    directory.keep("checkpoints/1", b"kept", until())
    assert (tmp_path / "ledger/checkpoints/1").stat().st_mode & 0o777 == 0o400


def test_a_folder_that_cannot_be_written_is_unavailable(directory, tmp_path):
    (tmp_path / "ledger/.incoming").rmdir()
    (tmp_path / "ledger/.incoming").write_bytes(b"in the way")
    for write in (lambda: directory.put("tile/0/000.p/1", b"x"), lambda: directory.replace("checkpoint", b"x")):
        with pytest.raises(StoreUnavailableError):
            write()
    assert list(directory.paths("")) == []
