"""The signer of the ledger as a process of its own: what the child runs, and what its parent sees of it.

The child has the signer's folder and nothing else: no database, no store, no setting, no secret of its parent. Requests
come on its standard input, one JSON line each; `sign` is followed by the entries, each behind a big-endian 32-bit
length, and by END. Each is answered by one JSON line on standard output. It ends when its input does, hence with its
parent. Here it runs as the same operating-system user; the threat model says what that means.
"""

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from custody.ledger_signer import LedgerSigner, SignerOptions
from custody.notes import COSIGNATURE_ML_DSA_44, ED25519, NoteKey, parse_vkey
from custody.signer_memory import Memory, parse_memory
from infra.settings import run_environment
from records import errors
from records.errors import MunimentError, UnavailableError

END = 0xFFFFFFFF  # instead of a length, after the last entry
KINDS = (ED25519, COSIGNATURE_ML_DSA_44)
STOP_SECONDS = 5.0
_HANDED_ON = ("PATH", "LANG", "LC_ALL", "HOME", "TMPDIR")  # of the environment
_START = "import json,sys; sys.path[:]=json.loads(sys.argv[1]); from infra.signer_process import serve; serve()"


class SignerProcess:
    """Implements custody.publishing.Signing by a child that is started when it is first asked, and again if it ends."""

    def __init__(self, folder: Path, options: SignerOptions, crash_at: int | None = None) -> None:
        """Args: folder of the signer; its options; crash_at, for tests, where the child ends itself."""
        self._arguments = json.dumps([str(folder), options.origin, options.ml_dsa, crash_at])
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def public_keys(self) -> list[NoteKey]:
        """See LedgerSigner.public_keys."""
        return [parse_vkey(vkey, KINDS) for vkey in self._asked("public_keys")]

    def memory(self) -> Memory:
        """See LedgerSigner.memory."""
        return parse_memory(self._asked("memory"))

    def sign(self, size: int, entries: Iterator[bytes]) -> bytes:
        """See LedgerSigner.sign; entries go through in flat memory."""
        return str(self._asked("sign", size, entries=entries)).encode()

    def prepare(self) -> NoteKey:
        """See LedgerSigner.prepare."""
        return parse_vkey(self._asked("prepare"))

    def use_prepared(self) -> None:
        """See LedgerSigner.use_prepared."""
        self._asked("use_prepared")

    def retire(self) -> NoteKey:
        """See LedgerSigner.retire."""
        return parse_vkey(self._asked("retire"))

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def _asked(self, act: str, *arguments: int, entries: Iterator[bytes] | None = None) -> Any:
        """Send one request and return what was answered.

        Raises:
            MunimentError: the one that the signer raised.
            UnavailableError: the child ended before it answered.
        """
        with self._lock:
            try:
                answer = self._exchange([act, *arguments], entries)
            except (OSError, ValueError) as error:
                self._end()
                raise UnavailableError("the ledger's signer ended before it answered") from error
            except BaseException:  # the entries could not be read: the child waits for more of them
                self._end()
                raise
        if "error" in answer:
            kind: type[MunimentError] = getattr(errors, answer["error"])
            raise kind(*answer["arguments"])
        return answer["value"]

    def _exchange(self, request: list[Any], entries: Iterator[bytes] | None) -> dict[str, Any]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._child = self._launch()
        to_child, from_child = self._child.stdin, self._child.stdout
        if to_child is None or from_child is None:
            raise OSError("no pipes")
        to_child.write(json.dumps(request).encode() + b"\n")
        if entries is not None:
            for entry in entries:
                to_child.write(struct.pack(">I", len(entry)) + entry)
            to_child.write(struct.pack(">I", END))
        to_child.flush()
        answer: dict[str, Any] = json.loads(from_child.readline())
        return answer

    def _launch(self) -> "subprocess.Popen[bytes]":
        environment = run_environment()
        return subprocess.Popen(
            [sys.executable, "-I", "-c", _START, json.dumps(sys.path), self._arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            env={name: environment[name] for name in _HANDED_ON if name in environment},
        )  # fmt: skip

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(OSError):
            if child.stdin is not None:
                child.stdin.close()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdout is not None:
            child.stdout.close()


def serve() -> None:
    """Answer requests until there are no more; what the child runs."""
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder, origin, ml_dsa, crash_at = json.loads(sys.argv[2])

    def reached(step: int) -> None:
        if step == crash_at:
            os.kill(os.getpid(), signal.SIGKILL)

    signer = LedgerSigner(Path(folder), SignerOptions(origin, ml_dsa), _posix_seconds, reached)
    acts: dict[str, Callable[..., Any]] = {
        "public_keys": lambda: [key.vkey for key in signer.public_keys()],
        "memory": lambda: signer.memory().text,
        "prepare": lambda: signer.prepare().vkey,
        "use_prepared": signer.use_prepared,
        "retire": lambda: signer.retire().vkey,
    }
    for line in iter(sys.stdin.buffer.readline, b""):
        act, *arguments = json.loads(line)
        entries = _Entries(sys.stdin.buffer)
        try:
            answer = {"value": signer.sign(arguments[0], entries).decode() if act == "sign" else acts[act]()}
        except MunimentError as error:
            answer = {"error": type(error).__name__, "arguments": error.args}
        if act == "sign":
            entries.discard()
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


def _posix_seconds() -> int:
    return int(time.time())  # noqa: TID251  the signer's own clock


class _Entries:
    """The entries that follow one request; what the signer did not want is read all the same."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        while not self._ended:
            length = struct.unpack(">I", _exactly(self._source, 4))[0]
            if length == END:
                self._ended = True
            else:
                yield _exactly(self._source, length)

    def discard(self) -> None:
        for _entry in self:
            pass


def _exactly(source: IO[bytes], count: int) -> bytes:
    data = source.read(count)
    if len(data) != count:
        sys.exit(1)  # the parent has gone
    return data
