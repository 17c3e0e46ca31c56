"""The probe of locks against servers that pretend (tests/pretending.py), and what each identity of the store may do."""

import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import urllib3
from minio import Minio
from minio.commonconfig import COMPLIANCE
from minio.error import S3Error
from minio.retention import Retention
from minio.versioningconfig import SUSPENDED, VersioningConfig
from pretending import HONEST, PRETENCES, Pretence, Pretender, deaf_to, error, pretender

from custody.stores.s3 import S3Store
from custody.stores.s3_answers import make_bucket
from records.errors import (
    ConfigurationError,
    CustodyError,
    OriginalConflictError,
    StoreLockError,
    StoreUnavailableError,
)

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def server(minio_settings) -> Iterator[Pretender]:
    with pretender(minio_settings.endpoint, str(minio_settings.ca), minio_settings.pair("root")) as running:
        yield running


@pytest.fixture(scope="module")
def through(server) -> Iterator[Minio]:
    http = urllib3.PoolManager(retries=False)
    yield Minio(server.address, "any", "any-at-all", secure=False, region="us-east-1", http_client=http)
    http.clear()


def test_a_server_that_passes_everything_on_holds(server, through, locked_bucket):
    server.become(HONEST)
    probe = S3Store(through, locked_bucket).probe()
    assert probe.outcome == "holds", probe.details
    assert len({what for what, _ in probe.details}) == len(probe.details) == 25


@pytest.mark.parametrize("pretence", PRETENCES, ids=lambda pretence: pretence.name)
def test_a_server_that_pretends_is_seen_and_what_it_does_not_keep_is_named(server, through, locked_bucket, pretence):
    server.become(pretence)
    probe = S3Store(through, locked_bucket).probe()
    assert probe.outcome == "does not hold"
    assert pretence.shown <= {what for what, good in probe.details if not good}


@pytest.mark.parametrize(
    ("pretence", "expected"),
    [
        (Pretence("has no locks", asked=lambda r, _: error(404, "NoSuchObjectLockConfiguration")
                  if r.asks("GET", "object-lock") else None), "does not hold"),
        (Pretence("may not lengthen", asked=lambda r, _: error(403, "AccessDenied")
                  if r.asks("PUT", "retention") else None), StoreUnavailableError),
        (Pretence("is troubled", asked=lambda r, _: error(503, "SlowDown") if r.deletes_version else None),
         StoreUnavailableError),
        (Pretence("is troubled in bulk", asked=lambda r, _: error(500, "InternalError")
                  if r.asks("POST", "delete") else None), StoreUnavailableError),
    ],
    ids=lambda value: value.name if isinstance(value, Pretence) else "",
)  # fmt: skip
def test_what_cannot_be_tried_is_no_conclusion(server, through, locked_bucket, pretence, expected):
    server.become(pretence)
    store = S3Store(through, locked_bucket)
    if expected == "does not hold":
        assert store.probe().outcome == expected
        with pytest.raises(ConfigurationError):
            make_bucket(through, locked_bucket, 1)
    else:
        with pytest.raises(expected):
            store.probe()


def test_an_object_that_came_to_lie_unlocked_is_not_called_stored(server, through, locked_bucket, seal):
    server.become(next(pretence for pretence in PRETENCES if pretence.name == "shows no locks"))
    sealed = seal()
    with pytest.raises(StoreLockError):
        S3Store(through, locked_bucket).put(sealed.key, sealed.path, sealed.sha256, sealed.size)


def test_a_lock_that_is_not_lengthened_is_said(server, through, locked_bucket, seal):
    server.become(Pretence("deaf", asked=deaf_to("PUT", "retention")))
    store, sealed = S3Store(through, locked_bucket), seal()
    stored = store.put(sealed.key, sealed.path, sealed.sha256, sealed.size)
    with pytest.raises(CustodyError):
        store.extend(sealed.key, stored.version, datetime.now(UTC) + timedelta(days=3))


# --- least privilege


def refused(attempt) -> bool:
    try:
        attempt()
    except S3Error as found:
        return found.code == "AccessDenied"
    return False


@pytest.fixture
def held(s3_client, locked_bucket) -> tuple[str, str]:
    """An object that the writer stored: key and version."""
    key = f"o/held/{time.time_ns()}"
    return key, s3_client.put_object(locked_bucket, key, io.BytesIO(b"x"), 1).version_id


def test_who_stores_cannot_touch_a_lock_nor_remove(s3_client, locked_bucket, held):
    key, version = held
    soon, late = datetime.now(UTC) + timedelta(seconds=2), datetime.now(UTC) + timedelta(days=30)
    short = Retention(COMPLIANCE, soon)
    assert refused(lambda: s3_client.put_object(locked_bucket, "o/short", io.BytesIO(b"x"), 1, retention=short))
    assert refused(
        lambda: s3_client.set_object_retention(locked_bucket, key, Retention(COMPLIANCE, late), version_id=version)
    )
    assert refused(lambda: s3_client.enable_object_legal_hold(locked_bucket, key, version_id=version))
    assert refused(lambda: s3_client.remove_object(locked_bucket, key, version_id=version))
    assert refused(lambda: s3_client.remove_object(locked_bucket, key))
    assert refused(lambda: s3_client.delete_object_lock_config(locked_bucket))
    assert refused(lambda: s3_client.set_bucket_versioning(locked_bucket, VersioningConfig(SUSPENDED)))
    assert refused(lambda: s3_client.make_bucket(f"writer-{time.time_ns()}"))


def test_who_keeps_locks_cannot_store(s3_keeper, locked_bucket, held):
    key, _version = held
    assert refused(lambda: s3_keeper.put_object(locked_bucket, "o/other", io.BytesIO(b"x"), 1))
    assert refused(lambda: s3_keeper.put_object(locked_bucket, key, io.BytesIO(b"x"), 1))


def test_who_verifies_sees_locks_and_changes_nothing(minio_settings, s3_keeper, locked_bucket, held):
    key, version = held
    verifier = minio_settings.client("verifier")
    make_bucket(verifier, locked_bucket, 1)  # what is as it should be may be opened by whoever may look
    store = S3Store(verifier, locked_bucket)
    assert store.stat(key, version).mode == COMPLIANCE
    assert b"".join(store.read(key, version)) == b"x"
    assert [found.version for found in store.versions(key)] == [version]
    late = Retention(COMPLIANCE, datetime.now(UTC) + timedelta(days=30))
    assert refused(lambda: verifier.put_object(locked_bucket, "o/v", io.BytesIO(b"x"), 1))
    assert refused(lambda: verifier.set_object_retention(locked_bucket, key, late, version_id=version))
    assert refused(lambda: verifier.remove_object(locked_bucket, key, version_id=version))
    verifier._http.clear()


def test_what_is_locked_is_not_removed_by_the_keeper_either(s3_client, s3_keeper, locked_bucket, held):
    key, version = held
    store = S3Store(s3_client, locked_bucket, s3_keeper)
    with pytest.raises(OriginalConflictError):
        store.remove(key, version)
    assert store.stat(key, version).mode == COMPLIANCE
