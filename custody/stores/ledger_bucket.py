"""The published ledger in an S3 bucket with Object Lock and no default lock (custody, section 3.1, rule 6).

Full tiles, full bundles and kept checkpoints are locked one by one, and the lock and the bytes are read back. Partial
ones are not locked and are removed by their version ids once they are full. `checkpoint` is replaced by newer versions,
of which the last few stay. Contract: custody/stores/ledger_files.py.
"""

import base64
import hashlib
import io
from collections.abc import Iterator
from datetime import datetime, timedelta

from minio import Minio
from minio.commonconfig import COMPLIANCE
from minio.retention import Retention

from custody.stores.base import StoredVersion
from custody.stores.ledger_files import FILE_LIMIT
from custody.stores.object_key import checked_key, checked_prefix
from custody.stores.s3_answers import bucket_lock, head, keeps_versions, make_bucket, translated
from records.errors import (
    ConfigurationError,
    CustodyError,
    LedgerError,
    OriginalNotFoundError,
    StoreUnavailableError,
)

REPLACED_KEPT = 10  # versions of `checkpoint` that stay: what was current a moment ago can still be looked at
_ROUNDING = timedelta(seconds=1)  # servers keep a lock's end in whole seconds


class LedgerBucket:
    """LedgerFiles in a bucket."""

    def __init__(self, client: Minio, bucket: str) -> None:
        """Args: client, with credentials, time limits and certificate authority set; bucket, not made here."""
        self._client = client
        self._bucket = bucket
        self._seen = False

    @property
    def name(self) -> str:
        """The bucket's name."""
        return self._bucket

    @property
    def locks(self) -> bool:
        """A bucket that is not locked is refused by `make`."""
        return True

    def is_made(self) -> bool:
        """Tell whether the bucket is there, with versions and Object Lock; asked once, as neither goes off again.

        Raises:
            ConfigurationError: it is there without them.
        """
        if self._seen:
            return True
        with translated():
            there = self._client.bucket_exists(self._bucket)
        if there and (
            bucket_lock(self._client, self._bucket) is None or not keeps_versions(self._client, self._bucket)
        ):
            raise ConfigurationError("the ledger's bucket is there without Object Lock: name a new one")
        self._seen = there
        return there

    def make(self) -> None:
        """Make the bucket, with Object Lock and no default."""
        make_bucket(self._client, self._bucket, None)
        self._seen = True

    def read(self, path: str) -> bytes | None:
        """Return the bytes of the newest version; see LedgerFiles.read. A bucket that was never made holds nothing."""
        checked_key(path)
        try:
            with translated():
                answer = self._client.get_object(self._bucket, path)
        except OriginalNotFoundError:
            return None
        except StoreUnavailableError:
            if self.is_made():
                raise
            return None
        try:
            with translated():
                data: bytes = answer.read(FILE_LIMIT + 1)
        finally:
            answer.close()
            answer.release_conn()
        if len(data) > FILE_LIMIT:
            raise StoreUnavailableError("what stands under a ledger file's name is no file of the ledger")
        return data

    def put(self, path: str, data: bytes) -> None:
        """Upload a file once, without a lock; see LedgerFiles.put."""
        if not self._stands(path, data):
            self._upload(path, data, None)

    def keep(self, path: str, data: bytes, until: datetime) -> None:
        """Upload a file once, locked; one that stands there with a shorter lock gets the longer one.

        Raises:
            CustodyError: the server took the call and did not lock.
        """
        if self._stands(path, data):
            version = self._versions(path)[0]
            found = head(self._client, self._bucket, path, version)
            if not _is_locked(found, until):
                with translated():
                    self._client.set_object_retention(
                        self._bucket, path, Retention(COMPLIANCE, until), version_id=version
                    )
                found = head(self._client, self._bucket, path, version)
        else:
            found = self._upload(path, data, until)
        if not _is_locked(found, until):
            raise CustodyError("the store took a ledger file and did not lock it")

    def replace(self, path: str, data: bytes) -> None:
        """Upload a newer version, and remove all but the last few; see LedgerFiles.replace."""
        if self.read(path) != data:
            self._upload(path, data, None)
        for version in self._versions(path)[REPLACED_KEPT:]:
            self._remove(path, version)

    def remove(self, path: str) -> None:
        """Remove every version of a file; see LedgerFiles.remove."""
        for version in self._versions(path):
            self._remove(path, version)

    def paths(self, below: str) -> Iterator[str]:
        """Yield the names of files; see LedgerFiles.paths."""
        with translated():
            for found in self._client.list_objects(self._bucket, prefix=checked_prefix(below), recursive=True):
                if found.object_name:
                    yield found.object_name

    def _stands(self, path: str, data: bytes) -> bool:
        standing = self.read(path)
        if standing is not None and standing != data:
            raise LedgerError(f"other bytes stand in the published ledger under {path}")
        return standing is not None

    def _upload(self, path: str, data: bytes, until: datetime | None) -> StoredVersion:
        """Upload one version and read it back: its bytes here, its lock in what is returned."""
        headers: dict[str, str | list[str] | tuple[str]] = {
            "x-amz-sdk-checksum-algorithm": "SHA256",  # over plain http a lock is only taken with a checksum
            "x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(data).digest()).decode("ascii"),
        }
        with translated():
            written = self._client.put_object(
                self._bucket, path, io.BytesIO(data), len(data), metadata=headers,
                retention=Retention(COMPLIANCE, until) if until else None,
            )  # fmt: skip
        if not written.version_id or written.version_id == "null":
            raise ConfigurationError("the bucket keeps no versions: the ledger must not go there")
        if self.read(path) != data:
            raise StoreUnavailableError("the store holds other bytes than it was sent")
        return head(self._client, self._bucket, path, written.version_id)

    def _versions(self, path: str) -> list[str]:
        """Return the version ids of one file, the newest first; markers of removal are versions too."""
        with translated():
            found = self._client.list_objects(
                self._bucket, prefix=checked_key(path), recursive=True, include_version=True
            )
            return [one.version_id for one in found if one.object_name == path and one.version_id]

    def _remove(self, path: str, version: str) -> None:
        # asserted: without a version id S3 would hide the file and call it done
        if not version:
            raise StoreUnavailableError("the store names no version")
        with translated():
            self._client.remove_object(self._bucket, path, version_id=version)


def _is_locked(found: StoredVersion, until: datetime) -> bool:
    return found.mode == COMPLIANCE and found.retain_until is not None and found.retain_until >= until - _ROUNDING
