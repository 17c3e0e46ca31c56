"""An S3 server that only pretends: it passes calls on to the real one, and lies about locks in one way of a list.

Each Pretence is a server of the kind that custody reference, section 3.3, reports: it takes what the client asks, says
that it is done, and does otherwise. What it must make look done although the real server behind it refuses, it
remembers (`gone`: versions it says it deleted; `locks`: locks it says it changed).
"""

import datetime as dt
import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import urllib3
from minio.credentials import Credentials
from minio.signer import sign_v4_s3

PASSED_ON = ("content-type", "content-md5", "range")  # and every x-amz- header
LOCK = "x-amz-object-lock-"
OK, NO_CONTENT, FORBIDDEN, NOT_FOUND = 200, 204, 403, 404


@dataclass
class Request:
    """One call: `key` is empty for a call about the bucket."""

    method: str
    bucket: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def version(self) -> str:
        return self.query.get("versionId", "")

    def asks(self, method: str, what: str) -> bool:
        """Is it this method with this subresource?"""
        return self.method == method and what in self.query

    @property
    def deletes_version(self) -> bool:
        return self.method == "DELETE" and bool(self.key and self.version) and "uploadId" not in self.query

    @property
    def puts_object(self) -> bool:
        return self.method == "PUT" and bool(self.key) and set(self.query) <= {"x-id"}


@dataclass
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def error(status: int, code: str) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>as it is here</Message></Error>".encode()
    return Answer(status, {"content-type": "application/xml"}, body)


@dataclass
class Memory:
    """What a pretending server remembers of what it said."""

    gone: set[tuple[str, str]] = field(default_factory=set)
    locks: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    versioning: str = ""
    multipart: set[str] = field(default_factory=set)


Rule = Callable[[Request, Memory], Answer | None]
Change = Callable[[Request, Memory, Answer], None]


@dataclass(frozen=True)
class Pretence:
    """`asked` may change a call or answer it by itself; `answered` may change what the real server said.

    `shown` are trials of the probe that must be named as not held.
    """

    name: str
    shown: frozenset[str] = frozenset()
    asked: Rule = lambda _request, _memory: None
    answered: Change = lambda _request, _memory, _answer: None


def _tag(body: bytes, name: str) -> str:
    found = re.search(rf"<{name}>(.*?)</{name}>", body.decode())
    return found[1] if found else ""


def drop_asked_locks(request: Request, _memory: Memory) -> None:
    for name in [name for name in request.headers if name.startswith(LOCK)]:
        del request.headers[name]


def drop_holds(request: Request, _memory: Memory) -> None:
    request.headers.pop(LOCK + "legal-hold", None)


def deaf_to(method: str, what: str, status: int = OK) -> Rule:
    def rule(request: Request, _memory: Memory) -> Answer | None:
        return Answer(status) if request.asks(method, what) else None

    return rule


def deletes(status: int, code: str = "") -> Rule:
    """Delete a version whatever its lock, and answer by `status`."""

    def rule(request: Request, memory: Memory) -> Answer | None:
        if not request.deletes_version:
            return None
        memory.gone.add((request.key, request.version))
        return error(status, code) if code else Answer(status)

    return rule


def says_deleted(request: Request, _memory: Memory) -> Answer | None:
    return Answer(NO_CONTENT) if request.deletes_version else None


def deletes_in_bulk(request: Request, memory: Memory) -> Answer | None:
    if not request.asks("POST", "delete"):
        return None
    body = request.body.decode()
    for entry in re.findall(r"<Object>(.*?)</Object>", body):
        memory.gone.add((_tag(entry.encode(), "Key"), _tag(entry.encode(), "VersionId")))
    return Answer(OK, {"content-type": "application/xml"}, b"<DeleteResult></DeleteResult>")


def takes_any_lock(mode: str, status: int = OK, code: str = "") -> Rule:
    """Let a lock of this mode take the place of a longer or stronger one."""

    def rule(request: Request, memory: Memory) -> Answer | None:
        if not request.asks("PUT", "retention") or _tag(request.body, "Mode") != mode:
            return None
        memory.locks[request.key, request.version] = (mode, _tag(request.body, "RetainUntilDate"))
        return error(status, code) if code else Answer(status)

    return rule


def suspends(request: Request, memory: Memory) -> Answer | None:
    if request.asks("PUT", "versioning"):
        memory.versioning = _tag(request.body, "Status")
        return Answer(OK)
    if request.asks("GET", "versioning") and memory.versioning:
        body = f"<VersioningConfiguration><Status>{memory.versioning}</Status></VersioningConfiguration>".encode()
        return Answer(OK, {"content-type": "application/xml"}, body)
    return None


def hides_locks(request: Request, _memory: Memory, answer: Answer) -> None:
    if request.method == "HEAD" and request.key:
        for name in [name for name in answer.headers if name.startswith(LOCK)]:
            del answer.headers[name]


def forgets_multipart(request: Request, memory: Memory, answer: Answer) -> None:
    """Leave what was uploaded in parts unlocked, as several servers did."""
    if request.asks("POST", "uploadId"):
        memory.multipart.add(request.key)
    if request.key in memory.multipart:
        hides_locks(request, memory, answer)


def deletes_multipart(request: Request, memory: Memory) -> Answer | None:
    return deletes(NO_CONTENT)(request, memory) if request.key in memory.multipart else None


def overwrites(request: Request, memory: Memory, answer: Answer) -> None:
    """Keep one version of a key only."""
    if request.puts_object and answer.status == OK:
        for key, version in list(memory.locks):
            if key == request.key and version != answer.headers["x-amz-version-id"]:
                memory.gone.add((key, version))
        memory.locks[request.key, answer.headers["x-amz-version-id"]] = ("", "")


def markers_delete(request: Request, memory: Memory, answer: Answer) -> None:
    """Delete every version of a key when it is deleted without one."""
    if request.puts_object and answer.status == OK:
        memory.locks[request.key, answer.headers["x-amz-version-id"]] = ("", "")
    if request.method == "DELETE" and request.key and not request.version and "uploadId" not in request.query:
        memory.gone |= {(key, version) for key, version in memory.locks if key == request.key}


def returns_other_bytes(request: Request, _memory: Memory, answer: Answer) -> None:
    if request.method == "GET" and request.key and answer.status == OK and answer.body:
        answer.body = bytes([answer.body[0] ^ 1]) + answer.body[1:]


def has_no_default(request: Request, _memory: Memory, answer: Answer) -> None:
    if request.asks("GET", "object-lock"):
        head = b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
        answer.body = head + b"</ObjectLockConfiguration>"


def refuses_deletion(request: Request, _memory: Memory) -> Answer | None:
    """Refuse by rights what should be refused by locks."""
    if request.deletes_version:
        return error(FORBIDDEN, "AccessDenied")
    if request.asks("POST", "delete"):
        entries = re.findall(r"<Object>(.*?)</Object>", request.body.decode())
        errors = "".join(f"<Error>{entry}<Code>AccessDenied</Code></Error>" for entry in entries)
        return Answer(OK, {"content-type": "application/xml"}, f"<DeleteResult>{errors}</DeleteResult>".encode())
    return None


def refuses_versioning(request: Request, _memory: Memory) -> Answer | None:
    return error(FORBIDDEN, "AccessDenied") if request.asks("PUT", "versioning") else None


PRETENCES = [
    Pretence("ignores a lock asked for with a put", frozenset({"small is locked"}), drop_asked_locks),
    Pretence("ignores every retention call", frozenset({"allowed: multipart lock lengthened"}),
             deaf_to("PUT", "retention")),
    Pretence("says it deleted a locked version", frozenset({"refused: multipart deleted", "refused: small deleted"}),
             says_deleted),
    Pretence("deletes a locked version", frozenset({"refused: multipart under the default deleted",
             "refused: small deleted", "refused: held deleted"}), deletes(NO_CONTENT)),
    Pretence("refuses to delete a locked version and deletes it", frozenset({"refused: small deleted"}),
             deletes(FORBIDDEN, "AccessDenied")),
    Pretence("deletes locked versions in bulk", frozenset({"refused: multipart deleted in bulk",
             "refused: small deleted in bulk", "refused: held deleted in bulk"}), deletes_in_bulk),
    Pretence("lets a lock be shortened", frozenset({"refused: multipart lock shortened",
             "refused: small lock shortened"}), takes_any_lock("COMPLIANCE")),
    Pretence("lets a lock be weakened", frozenset({"refused: multipart lock weakened",
             "refused: small lock weakened"}), takes_any_lock("GOVERNANCE")),
    Pretence("refuses to weaken a lock and weakens it", frozenset({"refused: small lock weakened"}),
             takes_any_lock("GOVERNANCE", FORBIDDEN, "InvalidRequest")),
    Pretence("lets versioning be suspended", frozenset({"refused: versioning suspended", "versioning is still on"}),
             suspends),
    Pretence("says it suspended versioning", frozenset({"refused: versioning suspended"}),
             deaf_to("PUT", "versioning")),
    Pretence("ignores legal holds", frozenset({"held is held"}), drop_holds),
    Pretence("shows no locks", frozenset({"multipart is locked by the default", "small is locked"}),
             answered=hides_locks),
    Pretence("locks nothing that came in parts", frozenset({"multipart is locked by the default",
             "refused: multipart under the default deleted"}), deletes_multipart, forgets_multipart),
    Pretence("overwrites in place", frozenset({"small is not overwritten"}), answered=overwrites),
    Pretence("takes a delete marker for a deletion", frozenset({"small is there behind a delete marker"}),
             answered=markers_delete),
    Pretence("returns other bytes", frozenset({"small reads as it was written"}), answered=returns_other_bytes),
    Pretence("has no default lock", frozenset({"bucket default is compliance"}), answered=has_no_default),
    Pretence("refuses deletion by rights, not by locks", frozenset({"allowed: released deleted in bulk"}),
             refuses_deletion),
    Pretence("refuses versioning by rights", frozenset({"allowed: versioning switched on"}), refuses_versioning),
]  # fmt: skip
HONEST = Pretence("passes everything on")


class Pretender:
    """A running server; `pretence` may be changed at any time, what it remembers of the old one is forgotten."""

    def __init__(self, endpoint: str, ca: str, root: tuple[str, str]) -> None:
        """Args: endpoint, HOST:PORT of the real server; root, its administrator, since calls are signed anew."""
        self._endpoint = endpoint
        self._credentials = Credentials(*root)
        self._http = urllib3.PoolManager(ca_certs=ca, retries=False, maxsize=8)
        self._lock = threading.Lock()
        self.address = ""
        self.become(HONEST)

    def become(self, pretence: Pretence) -> None:
        self.pretence, self.memory = pretence, Memory()

    def answer(self, request: Request) -> Answer:
        with self._lock:
            own = self.pretence.asked(request, self.memory)
        answer = own or self._overlaid(request) or self._passed_on(request)
        with self._lock:
            if own is None:
                self.pretence.answered(request, self.memory, answer)
        return answer

    def _overlaid(self, request: Request) -> Answer | None:
        """Keep to what was said before: what is gone is gone."""
        looks = request.method in ("GET", "HEAD") and request.version
        return error(NOT_FOUND, "NoSuchVersion") if looks and self._key(request) in self.memory.gone else None

    def _key(self, request: Request) -> tuple[str, str]:
        return request.key, request.version

    def _passed_on(self, request: Request) -> Answer:
        path = f"/{request.bucket}/{request.key}" if request.key else f"/{request.bucket}"
        url = urlsplit(f"https://{self._endpoint}{path}?{urlencode(request.query)}")
        sha256 = hashlib.sha256(request.body).hexdigest()
        headers = {
            name: value
            for name, value in request.headers.items()
            if name in PASSED_ON or (name.startswith("x-amz-") and name not in ("x-amz-date", "x-amz-security-token"))
        }
        now = dt.datetime.now(dt.UTC)
        headers |= {
            "host": self._endpoint,
            "x-amz-content-sha256": sha256,
            "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ"),
        }
        signed = sign_v4_s3(
            method=request.method, url=url, region="us-east-1", headers=headers, credentials=self._credentials,
            content_sha256=sha256, date=now,
        )  # fmt: skip
        found = self._http.request(request.method, url.geturl(), headers=signed, body=request.body)
        kept = {n.lower(): v for n, v in found.headers.items() if n.lower() not in ("connection", "transfer-encoding")}
        answer = Answer(found.status, kept, found.data)
        said = self.memory.locks.get(self._key(request))
        if request.method == "HEAD" and said and said[0]:
            answer.headers[LOCK + "mode"], answer.headers[LOCK + "retain-until-date"] = said
        return answer


@contextmanager
def pretender(endpoint: str, ca: str, root: tuple[str, str]) -> Iterator[Pretender]:
    """Run one on a port of its own; `address` is where, by plain HTTP."""
    running = Pretender(endpoint, ca, root)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            target = urlsplit(self.path)
            bucket, _, key = target.path.removeprefix("/").partition("/")
            size = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = dict(parse_qsl(target.query, keep_blank_values=True))
            answer = running.answer(Request(self.command, bucket, key, query, headers, self.rfile.read(size)))
            self.send_response(answer.status)
            length = answer.headers.pop("content-length", "0") if self.command == "HEAD" else str(len(answer.body))
            for name, value in answer.headers.items():
                if name != "content-length":
                    self.send_header(name, value)
            self.send_header("Content-Length", length)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        running.address = f"127.0.0.1:{server.server_port}"
        try:
            yield running
        finally:
            server.shutdown()
            thread.join(5)
            running._http.clear()
