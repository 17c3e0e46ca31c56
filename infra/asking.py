"""Asking a service of somebody else's, by any adapter: what it said is used for a while, and nobody waits in a queue.

States what the reference of data verification asks of an adapter (section 6). An answer is used for its time; what was
left open is not asked again for a shorter one; a service that could not be reached is left alone, whatever it would be
asked, until its time is over, and then one caller tries it while the others still hear that it is out. No lock is held
while a service is waited for, and the oldest answers go when there are too many.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

import urllib3

from records.errors import ConfigurationError

K = TypeVar("K")
A = TypeVar("A")

_logger = logging.getLogger(__name__)


class Silence(Enum):
    """Why there is no answer: this question was left open, or the service could not be reached at all."""

    OPEN = "open"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, in seconds, an answer is used, an open question is not asked again, and an outage is believed."""

    answer_s: float
    open_s: float
    outage_s: float
    most: int = 10_000  # answers remembered


class Memory(Generic[K, A]):
    """What a service said lately; usable from many threads at once."""

    def __init__(self, ask: Callable[[K], A | Silence], patience: Patience) -> None:
        """`ask` may wait, and may raise: what it raises is the caller's, and nothing is remembered of it."""
        self._ask, self._patience = ask, patience
        self._kept: OrderedDict[K, tuple[float, A | None]] = OrderedDict()
        self._out_until: float | None = None  # None: it answered last
        self._lock = threading.Lock()

    def of(self, question: K) -> A | None:
        """Return the answer, None where there is none: the caller's check is `unknown` then, never a pass."""
        with self._lock:
            now = time.monotonic()
            kept = self._kept.get(question)
            if kept is not None and now < kept[0]:
                return kept[1]
            if self._out_until is not None:
                if now < self._out_until:
                    return None
                self._out_until = now + self._patience.outage_s  # this caller tries; the others need not wait with it
        answer = self._ask(question)
        with self._lock:
            return self._remember(question, answer)

    def _remember(self, question: K, answer: A | Silence) -> A | None:
        now = time.monotonic()
        if answer is Silence.DOWN:
            self._out_until = now + self._patience.outage_s
            return None
        self._out_until = None
        found = None if isinstance(answer, Silence) else answer
        lasts = self._patience.open_s if found is None else self._patience.answer_s
        self._kept.pop(question, None)
        self._kept[question] = now + lasts, found
        while len(self._kept) > self._patience.most:
            self._kept.popitem(last=False)
        return found


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: status and body."""

    status: int
    body: bytes


class HttpService:
    """A service at an address, by HTTP: bounded in time and bytes, following nothing, trying once."""

    def __init__(self, url: str, setting: str, *, connect_s: float, read_s: float, most_bytes: int) -> None:
        """Nothing is connected before it is asked.

        Args:
            url: its address, without what is asked.
            setting: the name of the setting that has it, for messages.
            connect_s: seconds for the connection.
            read_s: seconds without a byte, and seconds for the whole body.
            most_bytes: of an answer; a longer one is none.

        Raises:
            ConfigurationError: the address is none.
        """
        if not url.startswith(("https://", "http://")):
            raise ConfigurationError(f"{setting} begins with https:// or http://")
        self._url, self._setting, self._read_s, self._most = url.rstrip("/"), setting, read_s, most_bytes
        self._client = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=connect_s, read=read_s), retries=urllib3.Retry(total=0, redirect=0)
        )

    def get(self, path: str, fields: Mapping[str, str], accept: str) -> Reply | None:
        """Return the answer to GET, None where the service could not be reached or did not end in time."""
        return self._send("GET", path, {"Accept": accept}, dict(fields), None)

    def post(self, body: bytes, kind: str, accept: str) -> Reply | None:
        """Return the answer to POST of a body of this content type; None as for `get`."""
        return self._send("POST", "", {"Accept": accept, "Content-Type": kind}, None, body)

    def close(self) -> None:
        """Close every connection."""
        self._client.clear()

    def _send(
        self, method: str, path: str, headers: dict[str, str], fields: dict[str, str] | None, body: bytes | None
    ) -> Reply | None:
        try:
            response = self._client.request(
                method, self._url + path, body, fields, headers, redirect=False, preload_content=False
            )
            try:
                return Reply(response.status, self._body(response))
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            _logger.warning("the service of %s could not be asked: %s", self._setting, type(error).__name__)
            return None

    def _body(self, response: urllib3.BaseHTTPResponse) -> bytes:
        """Read the body as it comes, so that one that comes in drops ends with its time."""
        ends, size = time.monotonic() + self._read_s, 0
        parts: list[bytes] = []
        while size <= self._most:
            part = response.read1(64 * 1024, decode_content=False)
            if not part:
                return b"".join(parts)
            parts.append(part)
            size += len(part)
            if time.monotonic() > ends:
                raise urllib3.exceptions.TimeoutError("the body did not end in time")
        raise urllib3.exceptions.ResponseError("the body is too long")
