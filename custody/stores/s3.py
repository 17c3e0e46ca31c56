"""Sealed objects in an S3 bucket with Object Lock, at scale: MinIO and its forks, Ceph, AWS.

What a server claims is read back (custody, section 3.1, rule 1): put() answers with what a fresh HEAD of the version
says. A new version is locked by the bucket's short default (rule 3), and lengthened by extend() once it is ledgered.
Clients come from outside, over HTTPS and with their time limits; `s3_answers.make_bucket` makes the bucket.

Two identities: who stores may not touch locks (an explicit short lock would beat the bucket's default), and the keeper,
who lengthens locks, removes what is free and tries the server, may not store originals. One client may be both.
"""

import hashlib
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, cast

from minio import Minio
from minio.commonconfig import COMPLIANCE
from minio.error import S3Error
from minio.retention import Retention

from custody.stores.base import Probe, StoredVersion
from custody.stores.lock_probe import probe_locks
from custody.stores.object_key import checked_key, checked_prefix
from custody.stores.s3_answers import abort_uploads, bucket_lock, head, translated
from records.errors import (
    ConfigurationError,
    CustodyError,
    FixityError,
    OriginalConflictError,
    OriginalNotFoundError,
    StoreLockError,
    StoreUnavailableError,
)

CHUNK = 1 << 20  # bytes
PART = 16 << 20  # bytes of one part of a multipart upload (custody, section 3.4: memory against speed)
MOST_PARTS = 10_000  # S3's own limit
_ROUNDING = timedelta(seconds=1)  # servers keep a lock's end in whole seconds


class S3Store:
    """ObjectStore in one bucket; safe to use from several threads as far as the client is."""

    def __init__(self, client: Minio, bucket: str, keeper: Minio | None = None) -> None:
        """Open a bucket that was made beforehand.

        Args:
            client: who stores and reads, with credentials, time limits and certificate authority set.
            bucket: its name.
            keeper: who lengthens locks, removes, and tries the server; None: `client`.
        """
        self._client = client
        self._keeper = keeper or client
        self._bucket = bucket
        self._locks: bool | None = None

    @property
    def name(self) -> str:
        """The bucket's name."""
        return self._bucket

    @property
    def locks(self) -> bool:
        """True where the bucket has Object Lock; asked of the server once, as it cannot be switched off again."""
        if self._locks is None:
            self._locks = bucket_lock(self._client, self._bucket) is not None
        return self._locks

    def put(self, key: str, source: Path, sha256: str, size: int) -> StoredVersion:
        """Upload `source` unless its bytes stand under `key` already; see ObjectStore.put.

        Raises:
            ConfigurationError: the bucket keeps no versions.
            StoreLockError: the bucket locks, and the new version is not locked.
        """
        standing = self._standing(checked_key(key), sha256, size)
        if standing is not None:
            return standing
        stored = self._upload(key, source, sha256, size)
        if self.locks and (stored.mode != COMPLIANCE or stored.retain_until is None):
            raise StoreLockError("the bucket's default lock was not put on a new version")
        return stored

    def read(self, key: str, version: str) -> Iterator[bytes]:
        """Yield the bytes of a version in chunks of at most 1 MiB; see ObjectStore.read.

        Raises:
            StoreUnavailableError: the connection ended before the last byte; what was yielded is not all.
        """
        found = head(self._client, self._bucket, checked_key(key), version)
        with translated():
            answer = self._client.get_object(self._bucket, key, version_id=found.version)
        try:
            with translated():
                yield from answer.stream(CHUNK)
        finally:
            answer.close()
            answer.release_conn()

    def stat(self, key: str, version: str | None = None) -> StoredVersion:
        """Return size and lock of a version; the newest may lie behind a delete marker; see ObjectStore.stat."""
        checked_key(key)
        if version is not None:
            return head(self._client, self._bucket, key, version)
        newest = next((found for found in self.versions(key) if found.key == key), None)
        if newest is None:
            raise OriginalNotFoundError("nothing stands under this key")
        return head(self._client, self._bucket, key, newest.version)

    def versions(self, prefix: str) -> Iterator[StoredVersion]:
        """Yield every version below `prefix`, of each key the newest first, without its lock; markers are none."""
        with translated():
            for found in self._client.list_objects(
                self._bucket, prefix=checked_prefix(prefix), recursive=True, include_version=True
            ):
                if not found.is_delete_marker and found.object_name:
                    yield StoredVersion(found.object_name, found.version_id or "null", found.size or 0)

    def extend(self, key: str, version: str, until: datetime) -> StoredVersion:
        """Lengthen a lock and return what a fresh HEAD says; see ObjectStore.extend.

        Raises:
            CustodyError: the server took the call and did not lengthen the lock.
        """
        before = self.stat(key, version)
        if not self.locks or (before.mode == COMPLIANCE and before.retain_until and before.retain_until >= until):
            return before
        with translated():
            self._keeper.set_object_retention(self._bucket, key, Retention(COMPLIANCE, until), version_id=version)
        after = head(self._client, self._bucket, key, version)
        if after.mode != COMPLIANCE or after.retain_until is None or after.retain_until < until - _ROUNDING:
            raise CustodyError("the store took the call and did not lengthen the lock")
        return after

    def remove(self, key: str, version: str) -> None:
        """Remove one version; see ObjectStore.remove."""
        try:
            self.stat(key, version)  # also asserts the version: without one S3 would hide the key and call it done
        except OriginalNotFoundError:
            return
        try:
            with translated():
                self._keeper.remove_object(self._bucket, key, version_id=version)
        except StoreUnavailableError as error:
            if isinstance(error.__cause__, S3Error) and self._is_locked(key, version):
                raise OriginalConflictError("the version is locked and stays") from error
            raise

    def sweep(self, before: datetime) -> int:
        """Abort multipart uploads that were begun before an instant: a killed client leaves its parts for ever."""
        return abort_uploads(self._client, self._bucket, before)

    def probe(self) -> Probe:
        """Try to break locks in a bucket made the same way (custody, section 3.1, rule 2)."""
        return probe_locks(self._keeper, self._bucket)

    def _is_locked(self, key: str, version: str) -> bool:
        """Say whether the server itself names a lock; a code of refusal alone is weak."""
        found = head(self._client, self._bucket, key, version)
        return found.mode is not None or found.legal_hold

    def _standing(self, key: str, sha256: str, size: int) -> StoredVersion | None:
        """Return the oldest version under `key` with these bytes, None where there is no version at all.

        Raises:
            OriginalConflictError: there are versions, none with these bytes.
        """
        found = [version for version in self.versions(key) if version.key == key]
        for version in reversed(found):
            if version.size == size and self._digest_of(version) == sha256:
                return head(self._client, self._bucket, key, version.version)
        if found:
            raise OriginalConflictError("other bytes stand under this key")
        return None

    def _digest_of(self, version: StoredVersion) -> str:
        """Fetch a version and return its digest; an ETag is none."""
        digest = hashlib.sha256()
        for chunk in self.read(version.key, version.version):
            digest.update(chunk)
        return digest.hexdigest()

    def _upload(self, key: str, source: Path, sha256: str, size: int) -> StoredVersion:
        """Send `source`, verified while it is read, and return what the server then says of the version."""
        part = PART
        while part * MOST_PARTS < size:
            part *= 2
        with _VerifiedSource(source, sha256, size) as data, translated():
            # one part at a time: an upload that fails would leave the client's idle threads behind
            written = self._client.put_object(
                self._bucket, key, cast(BinaryIO, data), size, part_size=part, num_parallel_uploads=1
            )
        if not written.version_id or written.version_id == "null":
            raise ConfigurationError("the bucket keeps no versions: originals must not go there")
        stored = head(self._client, self._bucket, key, written.version_id)
        if stored.size != size:
            raise StoreUnavailableError("the store holds another number of bytes than it was sent")
        return stored


class _VerifiedSource:
    """A sealed file read once: its last bytes are handed out only if digest and size are those expected."""

    def __init__(self, path: Path, sha256: str, size: int) -> None:
        self._expected, self._size = sha256, size
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise CustodyError("the sealed file cannot be read") from error
        self._digest, self._taken = hashlib.sha256(), 0

    def __enter__(self) -> "_VerifiedSource":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, amount: int = -1) -> bytes:
        """Return up to `amount` bytes; FixityError instead of the last ones of another file than expected."""
        data = self._file.read(amount)
        self._digest.update(data)
        self._taken += len(data)
        ended_short = not data and amount != 0 and self._taken < self._size
        complete = self._taken >= self._size
        longer = complete and os.fstat(self._file.fileno()).st_size > self._size
        if ended_short or longer or (complete and self._digest.hexdigest() != self._expected):
            raise FixityError(self._expected, self._digest.hexdigest())
        return data
