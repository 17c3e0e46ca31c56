"""What the answers of an S3 server mean to us: errors, the lock of a version, the lock of a bucket.

The rest of custody never meets an exception of `minio` or `urllib3`. Texts carry the server's code, never a key.
Reference: custody, sections 3.1 and 3.4.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from xml.etree.ElementTree import ParseError

from minio import Minio
from minio.commonconfig import COMPLIANCE, ENABLED
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from minio.objectlockconfig import DAYS, YEARS, ObjectLockConfig
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError

from custody.stores.base import StoredVersion
from records.errors import ConfigurationError, MunimentError, NoSpaceError, OriginalNotFoundError, StoreUnavailableError

ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchObject", "XMinioInvalidObjectName"})
FULL = frozenset({"XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded", "InsufficientStorage"})
REFUSED = frozenset({"AccessDenied", "InvalidRequest", "ObjectLocked", "MethodNotAllowed", "InvalidBucketState"})
NO_LOCK_CONFIGURATION = frozenset({"ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration"})
_INSUFFICIENT_STORAGE = 507  # RFC 4918, section 11.5
_NOT_ALLOWED = 405

# seconds may carry up to nine digits of fraction (Ceph), which minio-py and fromisoformat do not take
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?")


@contextmanager
def translated() -> Iterator[None]:
    """Turn whatever the client raises into an error of our tree."""
    try:
        yield
    except (MinioException, HTTPError, ParseError, ValueError) as error:  # ValueError: XML that lacks an element
        raise meaning(error) from error


def meaning(error: Exception) -> MunimentError:
    """Return what a client's exception means; what is not known to be permanent may be tried again."""
    if isinstance(error, S3Error):
        code, status = error.code or "S3Error", error.response.status
        if code in ABSENT:
            return OriginalNotFoundError("nothing stands under this key, or not this version")
        if code in FULL or status == _INSUFFICIENT_STORAGE or _says_full(error.message or ""):
            return NoSpaceError(code)
        return StoreUnavailableError(f"the store was reached and answered {code}")
    if isinstance(error, ServerError) and error.status_code == _INSUFFICIENT_STORAGE:
        return NoSpaceError("507")
    if isinstance(error, InvalidResponseError):
        return StoreUnavailableError("the answer is not one of S3")
    return StoreUnavailableError(_heard(error))


def _heard(error: Exception) -> str:
    """Say which host and port was reached or not; neither key nor path, which stand in the client's own text."""
    if not isinstance(error, MaxRetryError):
        return f"the answer broke off ({type(error).__name__})"
    cause = type(error.reason).__name__
    where = f"{error.pool.host}:{error.pool.port}"
    if isinstance(error.reason, NewConnectionError | ConnectTimeoutError):
        return f"{where} cannot be reached ({cause})"
    return f"{where} was reached and did not answer ({cause})"


def head(client: Minio, bucket: str, key: str, version: str) -> StoredVersion:
    """Ask the server for one version and its lock, by HEAD: the lock's own call breaks on nine-digit fractions.

    Raises:
        OriginalNotFoundError: no such version (a delete marker is none).
        StoreUnavailableError: the server did not answer, or not in a form we know.
    """
    try:
        with translated():
            found = client.stat_object(bucket, key, version_id=_asserted(version))
    except StoreUnavailableError as error:
        cause = error.__cause__
        # HEAD has no body, so only the status tells: 405 is a delete marker, 400 a malformed version id
        if isinstance(cause, S3Error) and cause.response.status in (400, _NOT_ALLOWED):
            raise OriginalNotFoundError("nothing stands under this key, or not this version") from error
        raise
    headers: Mapping[str, str] = found.metadata or {}
    until = headers.get("x-amz-object-lock-retain-until-date")
    return StoredVersion(
        key=key,
        version=version,
        size=found.size or 0,
        mode=headers.get("x-amz-object-lock-mode", "").upper() or None,
        retain_until=parsed_time(until) if until else None,
        legal_hold=headers.get("x-amz-object-lock-legal-hold", "").upper() == "ON",
    )


def parsed_time(text: str) -> datetime:
    """Return the aware UTC time a server wrote, whatever digits its seconds have.

    Raises:
        StoreUnavailableError: it is no time; a lock that cannot be read is no lock.
    """
    match = _TIME.fullmatch(text)
    if not match:
        raise StoreUnavailableError("the end of a lock cannot be read")
    seconds, fraction, zone = match.groups()
    return datetime.fromisoformat(f"{seconds}.{(fraction or '0')[:6]:0<6}{zone or 'Z'}").astimezone(UTC)


def bucket_lock(client: Minio, bucket: str) -> ObjectLockConfig | None:
    """Return the lock configuration of a bucket, None where Object Lock is off."""
    with translated():
        try:
            return client.get_object_lock_config(bucket)
        except S3Error as error:
            if error.code in NO_LOCK_CONFIGURATION:
                return None
            raise


def keeps_versions(client: Minio, bucket: str) -> bool:
    """Say whether versioning is on."""
    with translated():
        return client.get_bucket_versioning(bucket).status == ENABLED


def make_bucket(client: Minio, bucket: str, default_days: int | None) -> None:
    """Make a bucket with versions and Object Lock, or see that it has them; doing it twice changes nothing.

    A bucket that is there as it should be is only looked at: whoever may read may open it.

    Args:
        client: of an identity that may make buckets where there is none; the one that stores needs less.
        bucket: its name.
        default_days: COMPLIANCE days each new version is locked for; None for no default (the ledger's bucket). A
            longer default that is there already is kept.

    Raises:
        ConfigurationError: the bucket is there without Object Lock, which cannot be relied on to be added later.
        StoreUnavailableError: the server did not answer.
    """
    with translated():
        try:
            if not client.bucket_exists(bucket):
                client.make_bucket(bucket, object_lock=True)
        except S3Error as error:
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):  # made by another just now
                raise
    found = bucket_lock(client, bucket)
    if found is None or not keeps_versions(client, bucket):
        raise ConfigurationError("the bucket is there without Object Lock: name a new one")
    if default_days is not None and (found.mode != COMPLIANCE or default_in_days(found) < default_days):
        with translated():
            client.set_object_lock_config(bucket, ObjectLockConfig(COMPLIANCE, default_days, DAYS))


def abort_uploads(client: Minio, bucket: str, before: datetime) -> int:
    """Abort every multipart upload of a bucket that was begun before an instant; return how many."""
    count = 0
    while True:
        with translated():
            # the client has no public call for either, and forgets where a long list goes on: hence the loop
            listed = client._list_multipart_uploads(bucket)  # noqa: SLF001
            stale = [u for u in listed.uploads if u.upload_id and u.initiated_time and u.initiated_time < before]
            for upload in stale:
                try:
                    client._abort_multipart_upload(bucket, upload.object_name, upload.upload_id or "")  # noqa: SLF001
                except S3Error as error:
                    if error.code != "NoSuchUpload":  # it ended, or another sweeper was first
                        raise
        count += len(stale)
        if not stale or not listed.is_truncated:
            return count


def default_in_days(lock: ObjectLockConfig) -> int:
    """Return the days a bucket locks a new version for, 0 where it has no default."""
    days_in_unit = {DAYS: 1, YEARS: 365}.get(lock.duration_unit or "", 0)
    return (lock.duration or 0) * days_in_unit


def _says_full(message: str) -> bool:
    """Say whether an internal error's text tells of a full disk, as MinIO's and the system's own words do."""
    return any(words in message.lower() for words in ("no space left", "drive path full", "disk full"))


def _asserted(version: str) -> str:
    """Return `version`; without one, S3 speaks of another thing (the newest) and removes nothing."""
    if not version:
        raise OriginalNotFoundError("no version was named")
    return version
