"""Faults injected into the bucket that is a home of sealed objects: connections, servers, other writers."""

import hashlib
import io
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3
from minio import Minio

from custody.stores.base import ObjectStore
from custody.stores.s3 import S3Store
from custody.stores.s3_answers import bucket_lock, make_bucket, parsed_time
from records.errors import (
    ConfigurationError,
    NoSpaceError,
    OriginalNotFoundError,
    StoreUnavailableError,
)

MIB = 1 << 20


def put(store: ObjectStore, sealed):
    return store.put(sealed.key, sealed.path, sealed.sha256, sealed.size)


def content(store: ObjectStore, key: str, version: str) -> bytes:
    return b"".join(store.read(key, version))


# --- connections and servers that fail


def pump(source: socket.socket, sink: socket.socket, limits: dict[str, int], direction: str) -> None:
    """Pass bytes on until the end, or until this direction has had its limit."""
    passed = 0
    with suppress(OSError):
        while data := source.recv(65536):
            passed += len(data)
            if passed > limits.get(direction, sys.maxsize):
                break
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(target: str) -> Iterator[tuple[str, dict[str, int]]]:
    """Pass bytes on to `target` and cut the connection when a direction ("up", "down") has had its limit."""
    limits: dict[str, int] = {}
    host, _, port = target.rpartition(":")
    listener = socket.create_server(("127.0.0.1", 0))
    open_sockets = [listener]
    threads = []

    def accept():
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((host, int(port)))
                open_sockets.extend((near, far))
                for ends in ((near, far, limits, "up"), (far, near, limits, "down")):
                    threads.append(threading.Thread(target=pump, args=ends, daemon=True))
                    threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}", limits
    finally:
        for end in open_sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # close() alone does not wake a thread that waits
        for thread in (accepting, *threads):
            thread.join(5)
        for end in open_sockets:
            end.close()


def client_of(settings, endpoint: str) -> Minio:
    http = urllib3.PoolManager(ca_certs=str(settings.ca), timeout=urllib3.Timeout(connect=5, read=10), retries=False)
    return Minio(endpoint, *settings.pair("writer"), region="us-east-1", http_client=http)


@pytest.mark.service
def test_a_connection_cut_while_reading_is_no_short_object(minio_settings, s3_client, locked_bucket, seal):
    sealed = seal(3 * MIB)
    version = put(S3Store(s3_client, locked_bucket), sealed)
    with relay(minio_settings.endpoint) as (endpoint, limits):
        store = S3Store(client_of(minio_settings, endpoint), locked_bucket)
        assert hashlib.sha256(content(store, sealed.key, version.version)).hexdigest() == sealed.sha256
        limits["down"] = MIB
        fresh = S3Store(client_of(minio_settings, endpoint), locked_bucket)
        with pytest.raises(StoreUnavailableError):
            content(fresh, sealed.key, version.version)


@pytest.mark.service
@pytest.mark.parametrize("size", [3 * MIB, 40 * MIB], ids=["one part", "three parts"])
def test_a_connection_cut_while_writing_leaves_nothing_under_the_key(
    minio_settings, s3_client, locked_bucket, seal, size
):
    sealed = seal(size)
    straight = S3Store(s3_client, locked_bucket)
    with relay(minio_settings.endpoint) as (endpoint, limits):
        limits["up"] = size * 2 // 3
        with pytest.raises(StoreUnavailableError):
            put(S3Store(client_of(minio_settings, endpoint), locked_bucket), sealed)
    assert list(straight.versions(sealed.key)) == []
    version = put(straight, sealed)
    assert [found.version for found in straight.versions(sealed.key)] == [version.version]


def test_a_server_that_is_down_is_unavailable_and_no_conclusion(seal):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=2), retries=False)
    store = S3Store(Minio(f"127.0.0.1:{port}", "a", "b", secure=False, region="us-east-1", http_client=http), "bucket")
    sealed = seal()
    attempts: list[Callable[[], object]] = [
        lambda: put(store, sealed),
        lambda: store.stat(sealed.key),
        lambda: content(store, sealed.key, "1"),
        lambda: list(store.versions("")),
        lambda: store.extend(sealed.key, "1", datetime(2050, 1, 1, tzinfo=UTC)),
        lambda: store.remove(sealed.key, "1"),
        lambda: store.locks,
        store.probe,
    ]
    for attempt in attempts:
        with pytest.raises(StoreUnavailableError):
            attempt()


EMPTY = b"<ListVersionsResult><Name>bucket</Name><IsTruncated>false</IsTruncated></ListVersionsResult>"


@contextmanager
def server_that_answers(
    status: int, body: bytes, content_type: str = "application/xml", listing: bytes = EMPTY
) -> Iterator[S3Store]:
    """A server that lists nothing and answers every PUT with `status` and `body`: a simulator of a sick one."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self._send(200, listing)

        def do_PUT(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self._send(status, body)

        def _send(self, code, data):
            self.send_response(code)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        http = urllib3.PoolManager(retries=False)
        endpoint = f"127.0.0.1:{server.server_port}"
        try:
            yield S3Store(Minio(endpoint, "a", "b", secure=False, region="us-east-1", http_client=http), "bucket")
        finally:
            http.clear()
            server.shutdown()
            thread.join(5)


def xml_error(code: str, message: str = "") -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (507, xml_error("XMinioStorageFull"), NoSpaceError),
        (507, xml_error("Unknown"), NoSpaceError),
        (500, xml_error("InternalError", "write /data: no space left on device"), NoSpaceError),
        (400, xml_error("XMinioAdminBucketQuotaExceeded"), NoSpaceError),
        (503, xml_error("SlowDown"), StoreUnavailableError),
        (500, xml_error("InternalError"), StoreUnavailableError),
        (403, xml_error("AccessDenied"), StoreUnavailableError),
        (404, xml_error("NoSuchBucket"), StoreUnavailableError),
        (502, b"", StoreUnavailableError),
        (502, b"<html>bad gateway</html>", StoreUnavailableError),
        (200, b"", ConfigurationError),
    ],
)
def test_what_a_sick_server_answers_is_translated(seal, status, body, expected):
    with server_that_answers(status, body) as store, pytest.raises(expected) as caught:
        put(store, seal())
    assert type(caught.value) is expected
    assert "/data" not in str(caught.value)


def test_a_listing_that_lacks_its_elements_is_unavailable(seal):
    with server_that_answers(200, b"", listing=b"<ListVersionsResult/>") as store, pytest.raises(StoreUnavailableError):
        list(store.versions(""))


def test_an_answer_that_is_not_of_s3_is_unavailable(seal):
    with (
        server_that_answers(503, b"captive portal", "text/html", b"<html>") as store,
        pytest.raises(StoreUnavailableError),
    ):
        put(store, seal())


# --- what others do in the bucket


@pytest.mark.service
def test_a_delete_marker_hides_nothing(s3_client, s3_root, locked_bucket, seal):
    store, sealed = S3Store(s3_client, locked_bucket), seal()
    version = put(store, sealed)
    s3_root.remove_object(locked_bucket, sealed.key)
    assert store.stat(sealed.key) == store.stat(sealed.key, version.version) == version
    assert put(store, sealed) == version
    found = s3_client.list_objects(locked_bucket, sealed.key, include_version=True)
    (marker,) = [version for version in found if version.is_delete_marker]
    with pytest.raises(OriginalNotFoundError):
        store.stat(sealed.key, marker.version_id)


@pytest.mark.service
def test_other_bytes_laid_over_the_original_do_not_become_it(s3_client, locked_bucket, seal):
    store, sealed = S3Store(s3_client, locked_bucket), seal()
    version = put(store, sealed)
    s3_client.put_object(locked_bucket, sealed.key, io.BytesIO(b"forged"), 6)
    assert store.stat(sealed.key).version != version.version
    assert put(store, sealed) == version
    assert content(store, sealed.key, version.version) == sealed.path.read_bytes()


@pytest.mark.service
def test_a_bucket_is_made_once_and_its_longer_default_is_kept(s3_client, s3_keeper, plain_bucket):
    bucket = f"longer-{time.time_ns()}"
    make_bucket(s3_keeper, bucket, 1)
    make_bucket(s3_keeper, bucket, 2)
    make_bucket(s3_client, bucket, 1)  # who only stores may open it
    lock = bucket_lock(s3_client, bucket)
    assert (lock.mode, lock.duration, lock.duration_unit) == ("COMPLIANCE", 2, "Days")
    with pytest.raises(ConfigurationError):
        make_bucket(s3_client, plain_bucket, 1)


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2026-11-23T03:11:03Z", 0),
        ("2026-11-23T03:11:03.5Z", 500_000),
        ("2026-11-23T03:11:03.472000000Z", 472_000),
        ("2026-11-23T04:11:03.000001+01:00", 1),
        ("2026-11-23T03:11:03", 0),
    ],
)
def test_the_end_of_a_lock_is_read_in_every_form_servers_write(text, microsecond):
    assert parsed_time(text) == datetime(2026, 11, 23, 3, 11, 3, microsecond, UTC)
    assert parsed_time(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", ["", "soon", "2026-11-23", "2026-11-23T03:11:03.1234567890Z"])
def test_the_end_of_a_lock_that_cannot_be_read_is_no_lock(text):
    with pytest.raises(StoreUnavailableError):
        parsed_time(text)
