"""What every home of sealed objects must do; a new home is added to `HOMES` and nothing else."""

import hashlib
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from custody.stores.base import ObjectStore
from custody.stores.directory import DirectoryStore, make_directory
from custody.stores.lazy import LazyStore
from custody.stores.s3 import S3Store
from records.errors import FixityError, InvalidValueError, OriginalConflictError, OriginalNotFoundError

MIB = 1 << 20
HOMES = [
    "directory",
    "directory opened at first use",
    pytest.param("s3 with locks", marks=pytest.mark.service),
    pytest.param("s3 without locks", marks=pytest.mark.service),
]


@pytest.fixture(params=HOMES)
def store(request, tmp_path) -> ObjectStore:
    root = tmp_path / "store"
    if request.param == "directory":
        make_directory(root)
        return DirectoryStore(root)
    if request.param == "directory opened at first use":

        def opened() -> ObjectStore:
            make_directory(root)
            return DirectoryStore(root)

        return LazyStore(root.name, opened)
    bucket = request.getfixturevalue("locked_bucket" if request.param == "s3 with locks" else "plain_bucket")
    return S3Store(request.getfixturevalue("s3_client"), bucket, request.getfixturevalue("s3_keeper"))


def put(store: ObjectStore, sealed):
    return store.put(sealed.key, sealed.path, sealed.sha256, sealed.size)


def content(store: ObjectStore, key: str, version: str) -> bytes:
    return b"".join(store.read(key, version))


def test_reads_back_what_was_put(store, seal):
    sealed = seal()
    version = put(store, sealed)
    assert (version.key, version.size) == (sealed.key, sealed.size)
    assert content(store, sealed.key, version.version) == sealed.path.read_bytes()
    assert store.stat(sealed.key, version.version) == store.stat(sealed.key) == version


def test_reads_in_chunks_of_at_most_one_mebibyte(store, seal):
    sealed = seal(3 * MIB + 17)
    version = put(store, sealed)
    sizes = [len(chunk) for chunk in store.read(sealed.key, version.version)]
    assert sum(sizes) == sealed.size
    assert max(sizes) <= MIB


def test_putting_twice_gives_the_first_version_again(store, seal):
    sealed = seal()
    first = put(store, sealed)
    assert put(store, sealed) == first
    assert [found.version for found in store.versions(sealed.key)] == [first.version]


def test_other_bytes_under_a_key_are_a_conflict_and_change_nothing(store, seal):
    sealed = seal()
    version = put(store, sealed)
    for other in (seal(seed=b"b", key=sealed.key), seal(size=999, key=sealed.key)):
        with pytest.raises(OriginalConflictError):
            put(store, other)
    assert [found.version for found in store.versions(sealed.key)] == [version.version]
    assert content(store, sealed.key, version.version) == sealed.path.read_bytes()


@pytest.mark.parametrize("size", [1000, 17 * MIB], ids=["one part", "two parts"])
def test_a_source_with_another_digest_is_not_stored(store, seal, size):
    sealed = seal(size)
    with pytest.raises(FixityError):
        store.put(sealed.key, sealed.path, "0" * 64, size)
    assert list(store.versions(sealed.key)) == []
    with pytest.raises(OriginalNotFoundError):
        store.stat(sealed.key)


@pytest.mark.parametrize("by", [-1, 1], ids=["longer than said", "shorter than said"])
def test_a_source_of_another_size_is_not_stored(store, seal, by):
    sealed = seal()
    with pytest.raises(FixityError):
        store.put(sealed.key, sealed.path, sealed.sha256, sealed.size + by)
    assert list(store.versions(sealed.key)) == []


def test_absent_is_not_found(store, seal):
    sealed = seal()
    version = put(store, sealed)
    other = sealed.key.replace("ori_1", "ori_2")
    for key, named in ((other, None), (other, version.version), (sealed.key, "9")):
        with pytest.raises(OriginalNotFoundError):
            store.stat(key, named)
    for key, named in ((other, version.version), (sealed.key, "9"), (sealed.key, "")):
        with pytest.raises(OriginalNotFoundError):
            content(store, key, named)
        store.remove(key, named)
    assert content(store, sealed.key, version.version) == sealed.path.read_bytes()


def test_lists_the_versions_below_a_prefix(store, seal, client_id):
    keys = [f"o/{client_id}/{original}/x.age" for original in ("ori_1", "ori_10", "ori_2")]
    for key in keys:
        put(store, seal(key=key))
    assert [found.key for found in store.versions(f"o/{client_id}/")] == keys
    assert [found.key for found in store.versions(f"o/{client_id}/ori_1")] == keys[:2]
    assert [found.key for found in store.versions(f"o/{client_id}/ori_1/")] == keys[:1]
    assert {(found.version != "", found.size) for found in store.versions(f"o/{client_id}")} == {(True, 1000)}
    assert list(store.versions(f"o/{client_id}/ori_3/")) == []


def test_four_at_once_under_one_key_all_succeed(store, seal):
    sealed = seal(MIB)
    with ThreadPoolExecutor(4) as pool:
        done = [future.result() for future in [pool.submit(put, store, sealed) for _ in range(4)]]
    # a server without conditional writes may keep more than one version: each is the same bytes (custody, section 5)
    versions = {found.version for found in store.versions(sealed.key)}
    assert {version.version for version in done} <= versions
    for version in versions:
        assert hashlib.sha256(content(store, sealed.key, version)).hexdigest() == sealed.sha256
    assert put(store, sealed).version in versions


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "o/../../x", "o//x", "o/./x", "o/x\0y", "o/x\ny", "o/.hidden", "o/é", "o/a b", "o/x/", "o\\x"],
)
def test_a_key_that_could_lead_elsewhere_is_refused(store, seal, key):
    sealed = seal(key=key)
    for attempt in (
        lambda: store.put(key, sealed.path, sealed.sha256, sealed.size),
        lambda: store.stat(key),
        lambda: content(store, key, "1"),
        lambda: store.remove(key, "1"),
        lambda: store.extend(key, "1", datetime(2050, 1, 1, tzinfo=UTC)),
    ):
        with pytest.raises(InvalidValueError):
            attempt()


def test_removes_what_is_not_locked_and_nothing_else(store, seal):
    sealed = seal()
    version = put(store, sealed)
    if store.locks:
        with pytest.raises(OriginalConflictError):
            store.remove(sealed.key, version.version)
        assert store.stat(sealed.key, version.version) == version
    else:
        store.remove(sealed.key, version.version)
        assert list(store.versions(sealed.key)) == []
        with pytest.raises(OriginalNotFoundError):
            store.stat(sealed.key)
        store.remove(sealed.key, version.version)


def test_lengthens_a_lock_and_never_shortens_it(store, seal):
    version = put(store, seal())
    assert (version.mode, version.retain_until is not None) == (("COMPLIANCE", True) if store.locks else (None, False))
    until = datetime.now(UTC) + timedelta(days=3)
    longer = store.extend(version.key, version.version, until)
    if not store.locks:
        assert longer == version
        return
    assert longer.mode == "COMPLIANCE"
    assert abs(longer.retain_until - until) < timedelta(seconds=1)
    assert store.extend(version.key, version.version, until - timedelta(days=1)) == longer
    assert store.stat(version.key, version.version) == longer


def test_extend_of_an_absent_version_is_not_found(store, seal):
    with pytest.raises(OriginalNotFoundError):
        store.extend(seal().key, "1", datetime(2050, 1, 1, tzinfo=UTC))


def test_memory_does_not_grow_with_the_file(store, seal):
    sealed = seal(40 * MIB)
    tracemalloc.start()
    try:
        version = put(store, sealed)
        for _ in store.read(sealed.key, version.version):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 36 * MIB  # one part of 16 MiB, and its copy while it is filled


def test_sweeps_what_an_unfinished_put_left_and_nothing_that_is_stored(store, seal, request):
    sealed, later = seal(), datetime.now(UTC) + timedelta(hours=1)
    version = put(store, sealed)
    if isinstance(store, S3Store):
        client, key = request.getfixturevalue("s3_client"), sealed.key.replace("ori_1", "ori_2")
        client._create_multipart_upload(store.name, key, {})
        assert store.sweep(datetime.now(UTC) - timedelta(hours=1)) == 0  # too young: it may be under way
    else:
        (request.getfixturevalue("tmp_path") / "store/.incoming/dead-1-0").write_bytes(b"half a file")
    assert store.sweep(later) >= 1
    assert store.sweep(later) == 0
    assert content(store, sealed.key, version.version) == sealed.path.read_bytes()
    assert put(store, sealed) == version


def test_says_what_it_enforces(store):
    probe = store.probe()
    if isinstance(store, DirectoryStore | LazyStore):
        assert (probe.outcome, store.locks) == ("not applicable", False)
        return
    assert probe.outcome == ("holds" if store.locks else "does not hold"), probe.details
    assert len(probe.details) == (25 if store.locks else 3)
    assert all(good for _, good in probe.details) is store.locks


def test_is_named_without_its_place(store):
    assert store.name
    assert "/" not in store.name
