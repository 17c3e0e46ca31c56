"""Find out whether a server enforces Object Lock, by trying to break it (custody, section 3.1, rule 2).

Several servers accept a lock and do not keep it (section 3.3). The probe works in a bucket of its own, made like the
real one on the same server, so that nothing real is touched. A code of refusal is weak evidence, since a malformed
call, or one that the identity may not make, is refused with the same one: after each refusal the version must be there
unchanged, and the same calls must do their work where no lock bars them (the trials named `allowed`). Times are the
server's own. Each run leaves a little more than 5 MiB locked for about a day.
"""

import base64
import hashlib
import io
from collections.abc import Callable
from datetime import datetime, timedelta

from minio import Minio
from minio.commonconfig import COMPLIANCE, ENABLED, GOVERNANCE
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.retention import Retention
from minio.versioningconfig import SUSPENDED, VersioningConfig

from custody.stores.base import Probe, StoredVersion
from custody.stores.s3_answers import (
    REFUSED,
    bucket_lock,
    default_in_days,
    head,
    keeps_versions,
    make_bucket,
    translated,
)
from records.errors import ConfigurationError, OriginalNotFoundError, StoreUnavailableError

PART = 5 << 20  # bytes; the smallest part S3 allows, so that two parts are a multipart object
SMALL_LOCK = timedelta(seconds=90)
DAY = timedelta(days=1)  # the default of the probe's bucket
ROUNDING = timedelta(seconds=2)  # servers keep a lock's end in whole seconds
LONG_LOCK = timedelta(hours=25)  # later than the one day of the default, else it would count as shortening
_LONGEST_NAME = 63  # of a bucket


def probe_locks(client: Minio, bucket: str) -> Probe:
    """Return what the server behind `client` was seen to enforce; `holds` only if every trial did.

    Raises:
        StoreUnavailableError: the trial itself could not be made, which says nothing about locks.
    """
    lock = bucket_lock(client, bucket)
    found: list[tuple[str, bool]] = [
        ("bucket keeps versions", keeps_versions(client, bucket)),
        ("bucket has object lock", lock is not None),
        ("bucket default is compliance", lock is not None and lock.mode == COMPLIANCE and default_in_days(lock) > 0),
    ]
    if lock is not None:
        found += _Trial(client, f"{bucket[: _LONGEST_NAME - len('-probe')]}-probe").run()
    return Probe("holds" if all(good for _, good in found) else "does not hold", tuple(found))


class _Trial:
    """One run in the probe's bucket; `self.details` grows with each thing tried."""

    def __init__(self, client: Minio, bucket: str) -> None:
        self._client, self._bucket = client, bucket
        self.details: list[tuple[str, bool]] = []

    def run(self) -> list[tuple[str, bool]]:
        """Lock a multipart object the way we lock, a small one explicitly, hold a third; try to undo each."""
        try:
            make_bucket(self._client, self._bucket, 1)
        except ConfigurationError:
            return [("a bucket with object lock can be made", False)]
        version, now = self._upload()
        parts: dict[str, Callable[[], None]] = {
            "multipart": lambda: self._multipart(version, now),
            "small": lambda: self._small(now),
            "held": lambda: self._held(now),
            "versioning": self._versioning,
        }
        for name, part in parts.items():
            try:
                part()
            except OriginalNotFoundError:  # an attempt before was not refused: there is nothing left to try
                self._note(f"{name} is there to the end", False)
        return self.details

    def _upload(self) -> tuple[str, datetime]:
        """Put an object in two parts; return its version and the server's time."""
        with translated():
            written = self._client.put_object(
                self._bucket, "multipart", io.BytesIO(bytes(PART + 1)), PART + 1, part_size=PART, num_parallel_uploads=1
            )
            version = _version_of(written.version_id)
            now = self._client.stat_object(self._bucket, "multipart", version_id=version).last_modified
        if now is None:
            raise StoreUnavailableError("the server names no time")
        return version, now

    def _multipart(self, version: str, now: datetime) -> None:
        """Try the multipart object under the bucket's default, then lengthened."""
        stored = head(self._client, self._bucket, "multipart", version)
        by_default = stored.retain_until is not None and stored.retain_until >= now + DAY - ROUNDING
        self._note("multipart is locked by the default", stored.mode == COMPLIANCE and by_default)
        self._refuses("multipart under the default deleted", stored, lambda: self._delete(stored))
        until = now + LONG_LOCK
        with translated():
            self._retain(stored, COMPLIANCE, until)
        longer = head(self._client, self._bucket, "multipart", version)
        self._note("allowed: multipart lock lengthened", longer.mode == COMPLIANCE and _ends(longer, until))
        self._attack("multipart", longer, now)

    def _small(self, now: datetime) -> None:
        """Try a small object with a lock of its own."""
        stored = self._put("small", Retention(COMPLIANCE, now + SMALL_LOCK), hold=False)
        self._note("small is locked", stored.mode == COMPLIANCE and _ends(stored, now + SMALL_LOCK))
        self._attack("small", stored, now)
        self._put("small", Retention(COMPLIANCE, now + SMALL_LOCK), hold=False)
        self._note("small is not overwritten", self._unchanged(stored))
        with translated():
            self._client.remove_object(self._bucket, "small")  # without a version, on purpose: makes a marker
        self._note("small is there behind a delete marker", self._unchanged(stored))
        with translated():
            answer = self._client.get_object(self._bucket, "small", version_id=stored.version)
            try:
                kept = answer.read() == b"small"
            finally:
                answer.close()
                answer.release_conn()
        self._note("small reads as it was written", kept)

    def _held(self, now: datetime) -> None:
        """Try an object whose only real bar is a legal hold: its retention may be bypassed, as is done at the end."""
        stored = self._put("held", Retention(GOVERNANCE, now + SMALL_LOCK), hold=True)
        self._note("held is held", stored.legal_hold)
        self._refuses("held deleted", stored, lambda: self._delete(stored))
        self._refuses("held deleted in bulk", stored, lambda: self._delete_many(stored))
        with translated():
            self._client.disable_object_legal_hold(self._bucket, "held", version_id=stored.version)
            self._delete_many(stored)
        self._note("allowed: released deleted in bulk", not self._is_there(stored))

    def _versioning(self) -> None:
        """Try to suspend what keeps the versions; switching on what is on must be allowed, or nothing is shown."""

        def switch(status: str) -> None:
            self._client.set_bucket_versioning(self._bucket, VersioningConfig(status))

        self._note("allowed: versioning switched on", self._outcome(lambda: switch(ENABLED)) is None)
        self._refuses("versioning suspended", None, lambda: switch(SUSPENDED))
        self._note("versioning is still on", keeps_versions(self._client, self._bucket))

    def _attack(self, name: str, stored: StoredVersion, now: datetime) -> None:
        """Try every way to be rid of a COMPLIANCE lock."""
        self._refuses(f"{name} deleted", stored, lambda: self._delete(stored))
        self._refuses(f"{name} deleted in bulk", stored, lambda: self._delete_many(stored))
        soon, late = now + SMALL_LOCK / 2, now + 2 * LONG_LOCK
        self._refuses(f"{name} lock shortened", stored, lambda: self._retain(stored, COMPLIANCE, soon))
        self._refuses(f"{name} lock weakened", stored, lambda: self._retain(stored, GOVERNANCE, late))

    def _refuses(self, what: str, stored: StoredVersion | None, attempt: Callable[[], str | None]) -> None:
        """Note whether an attempt is refused by the server and leaves the version as it was."""
        code = self._outcome(attempt)
        self._note(f"refused: {what}", code is not None and (stored is None or self._unchanged(stored)))

    def _outcome(self, attempt: Callable[[], str | None]) -> str | None:
        """Return the code an attempt is refused with, None where it is not."""
        with translated():
            try:
                code = attempt()
            except S3Error as error:
                code = error.code or "S3Error"
        if code is not None and code not in REFUSED:
            raise StoreUnavailableError(code)  # the server is troubled: nothing is known of locks
        return code

    def _unchanged(self, before: StoredVersion) -> bool:
        """Ask the server for the version again and compare size, lock and hold."""
        try:
            return head(self._client, self._bucket, before.key, before.version) == before
        except OriginalNotFoundError:
            return False

    def _is_there(self, stored: StoredVersion) -> bool:
        """Ask the server whether a version still exists."""
        try:
            head(self._client, self._bucket, stored.key, stored.version)
        except OriginalNotFoundError:
            return False
        return True

    def _note(self, what: str, good: bool) -> None:
        self.details.append((what, good))

    def _put(self, key: str, retention: Retention, hold: bool) -> StoredVersion:
        """Put a few bytes; the checksum beside lock headers is asked for by AWS."""
        data = key.encode()
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
        headers: dict[str, str | list[str] | tuple[str]] = {
            "x-amz-sdk-checksum-algorithm": "SHA256",
            "x-amz-checksum-sha256": checksum,
        }
        with translated():
            written = self._client.put_object(
                self._bucket,
                key,
                io.BytesIO(data),
                len(data),
                metadata=headers,
                retention=retention,
                legal_hold=hold,
            )
        return head(self._client, self._bucket, key, _version_of(written.version_id))

    def _delete(self, stored: StoredVersion) -> None:
        """Delete one version by its id."""
        self._client.remove_object(self._bucket, stored.key, version_id=stored.version)

    def _delete_many(self, stored: StoredVersion) -> str | None:
        """Delete in bulk, bypassing what may be bypassed; return the code the answer has for the version."""
        version = DeleteObject(stored.key, stored.version)
        errors = list(self._client.remove_objects(self._bucket, [version], bypass_governance_mode=True))
        return (errors[0].code or "S3Error") if errors else None

    def _retain(self, stored: StoredVersion, mode: str, until: datetime) -> None:
        """Set the retention of one version."""
        self._client.set_object_retention(self._bucket, stored.key, Retention(mode, until), version_id=stored.version)


def _ends(stored: StoredVersion, until: datetime) -> bool:
    """Say whether a lock ends when it should."""
    return stored.retain_until is not None and abs(stored.retain_until - until) < ROUNDING


def _version_of(version: str | None) -> str:
    """Return a version id the server gave; without one, nothing could be tried."""
    if not version:
        raise StoreUnavailableError("the probe's bucket gives no version ids")
    return version
