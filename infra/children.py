"""Run parsers of untrusted bytes in child processes that can be limited and killed one by one.

Implements `tasks.bounded.ChildPool` (design, section 2, rule 8; intake, section 4.13) over `pebble.ProcessPool`:

* Nothing is started before the first call; each child is a fresh interpreter (spawn) which imports what it is sent and
  nothing else: not the program's main module, so that no child pays for Prefect or the command line.
* A child leads its own process group. Time over: the whole group is killed, so the programs it started die as well.
* The kernel sends the group a signal when the parent is gone, even by kill -9 and even while native code runs.
* Address space, core dumps and threads are limited; standard streams go nowhere; temporary files lie in a folder of
  the child's own, removed with it.
"""

import contextlib
import errno
import os
import pickle
import resource
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import parent_process
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeGuard, TypeVar

from records.errors import ChildFaultError, ChildLimitError, ConfigurationError, MunimentError, NoSpaceError

if TYPE_CHECKING:
    from pebble import (
        ProcessExpired,
        ProcessPool,
    )  # loaded with the first call only: it costs as much as the rest of a short command

P = ParamSpec("P")
R = TypeVar("R")

_ONE_THREAD = ("OMP_THREAD_LIMIT", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# onnxruntime reports its use to its maker unless told not to before it is loaded; each name is that of some versions
_REPORT_NOTHING = ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED", "DO_NOT_TRACK")
_main_module = threading.Lock()


class Children:
    """A pool of limited children; satisfies `tasks.bounded.ChildPool`. Usable from many threads at once."""

    def __init__(self, workers: int | None, child_bytes: int, folder: Path | None = None) -> None:
        """Describe the pool; no process is started yet.

        Args:
            workers: children at once; None takes one a core that this process may use.
            child_bytes: address space of one child, in bytes.
            folder: existing private folder for the children's temporary files; None takes the system's.
        """
        self._workers = workers if workers else _cores()
        self._child_bytes = child_bytes
        self._folder = folder
        self._lock = threading.RLock()
        self._pool: ProcessPool | None = None
        self._waiting: set[Future[Any]] = set()
        self._temporary: Path | None = None
        self._closed = False

    @property
    def workers(self) -> int:
        """How many children run at once."""
        return self._workers

    def submit(self, seconds: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Run a module-level `function` in a child, for `seconds` of wall clock at most, and return its future.

        The future raises ChildLimitError ('time', 'memory', 'crash'), the function's own MunimentError, or a
        ChildFaultError with type and place of any other error (its text may quote the document, so it stays behind).
        """
        answer: Future[R] = Future()
        self._waiting.add(answer)
        answer.add_done_callback(self._waiting.discard)
        self._schedule(answer, seconds, pickle.dumps((function, args, kwargs)), again=True)
        return answer

    def run(self, seconds: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `function` in a child and wait for its result; errors as for `submit`."""
        return self.submit(seconds, function, *args, **kwargs).result()

    def close(self) -> None:
        """End all children, running or not, and remove their files; calls that still wait are cancelled."""
        with self._lock:
            pool, self._pool, self._closed = self._pool, None, True
            temporary, self._temporary = self._temporary, None
        for answer in tuple(self._waiting):
            answer.cancel()
        if pool is not None:
            _retire(pool)
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)

    def __enter__(self) -> Self:
        """Return the pool itself; it is closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        self.close()

    def _schedule(self, answer: "Future[R]", seconds: float, call: bytes, again: bool) -> None:
        with self._lock:
            pool = self._open()
            try:
                inner = pool.schedule(_serve, (call,), timeout=seconds)
            except RuntimeError:  # the pool broke since the last call
                self._drop(pool)
                pool = self._open()
                inner = pool.schedule(_serve, (call,), timeout=seconds)
        retry = partial(self._schedule, answer, seconds, call, False) if again else None
        inner.add_done_callback(partial(self._settle, answer, pool, retry))
        answer.add_done_callback(partial(_cancel_with, inner))

    def _settle(
        self, answer: "Future[R]", pool: "ProcessPool", retry: Callable[[], None] | None, inner: "Future[R]"
    ) -> None:
        """Hand a child's answer on; a pool that lost an idle child is replaced and the call made once more."""
        if inner.cancelled():  # by way of the answer
            return
        error = inner.exception()
        if isinstance(error, BrokenProcessPool) and not self._closed:
            self._drop(pool)
            if retry is not None and not answer.cancelled():
                retry()
                return
        if _is_expiry(error):
            _kill_group(error.pid)
        if _is_expiry(error) or isinstance(error, TimeoutError):
            self._sweep()
        if not answer.set_running_or_notify_cancel():
            return
        if error is None:
            answer.set_result(inner.result())
        else:
            answer.set_exception(_translated(error))

    def _open(self) -> "ProcessPool":
        if self._closed:
            raise ConfigurationError("the pool of children is closed")
        if self._pool is None:
            from pebble import ProcessPool

            if self._temporary is None:
                self._temporary = Path(tempfile.mkdtemp(prefix="children-", dir=self._folder))
            self._pool = ProcessPool(
                self._workers,
                initializer=_enter,
                initargs=(self._child_bytes, str(self._temporary)),
                context=_BareSpawn(),
            )
        return self._pool

    def _drop(self, pool: "ProcessPool") -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        # Not here: this may be one of the pool's own threads, which cannot wait for itself.
        threading.Thread(target=_retire, args=(pool,), daemon=True).start()

    def _sweep(self) -> None:
        """Remove the temporary folders of children that are gone."""
        temporary = self._temporary
        if temporary is None:
            return
        with contextlib.suppress(OSError):
            for folder in temporary.iterdir():
                if not _is_alive(int(folder.name)):
                    shutil.rmtree(folder, ignore_errors=True)


class _Child(SpawnProcess):
    """A child that imports no main module and takes its process group with it when it is ended."""

    def start(self) -> None:
        """Start without the main module: children get functions by name, and main may be slow or large."""
        with _without_main():
            super().start()

    def terminate(self) -> None:
        """Kill the child and every program it started, at once: native code would not hear a polite signal."""
        if self.pid is None or not _kill_group(self.pid):
            super().kill()


class _BareSpawn(SpawnContext):
    """The spawn context with our kind of child."""

    Process = _Child


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    with _main_module:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def _enter(child_bytes: int, temporary: str) -> None:
    """Limit this process before it loads anything; the first thing a child does."""
    os.setpgid(0, 0)
    _die_with_parent()
    for name in _ONE_THREAD:  # one page a core beats threads within a page, and each thread costs address space
        os.environ[name] = "1"
    for name in _REPORT_NOTHING:
        os.environ[name] = "1"
    resource.setrlimit(resource.RLIMIT_AS, (child_bytes, child_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    folder = Path(temporary) / str(os.getpid())
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    # Native libraries print what they find in documents: neither our answers nor logs may carry it.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _die_with_parent() -> None:
    """Have the kernel signal this process group when the parent's end of the life line closes.

    PR_SET_PDEATHSIG would follow the parent's *thread* that started the child, and does not reach grandchildren.
    """
    parent = parent_process()
    if sys.platform != "linux" or parent is None:
        return
    import fcntl  # not on every platform

    line = int(parent.sentinel)
    signal.signal(signal.SIGIO, signal.SIG_DFL)  # ends the process
    fcntl.fcntl(line, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(line, fcntl.F_SETFL, fcntl.fcntl(line, fcntl.F_GETFL) | os.O_ASYNC)
    if not parent.is_alive():  # it went while the line was laid
        os.killpg(os.getpgrp(), signal.SIGKILL)


def _serve(call: bytes) -> Any:
    """Make one call in the child; only errors that surely survive the way back are sent."""
    try:
        function, args, kwargs = pickle.loads(call)  # noqa: S301 - written by our own parent, a moment ago
        return function(*args, **kwargs)
    except MunimentError:
        raise
    except MemoryError:
        raise ChildLimitError("memory") from None
    except Exception as error:  # noqa: BLE001 - the outermost boundary of the child; see `submit`
        frames = traceback.extract_tb(error.__traceback__)
        place = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[:-4:-1])
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpaceError(f"in a child at {place}") from None
        raise ChildFaultError(f"{type(error).__module__}.{type(error).__qualname__} at {place}") from None


def _is_expiry(error: BaseException | None) -> "TypeGuard[ProcessExpired]":
    """Tell whether a child died by itself; only a pool that is loaded can have said so."""
    from pebble import ProcessExpired

    return isinstance(error, ProcessExpired)


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, TimeoutError):
        return ChildLimitError("time")
    if _is_expiry(error):
        # Nobody of ours kills with signal 9 without having said so: the kernel ran out of memory.
        return ChildLimitError("memory" if error.exitcode == -signal.SIGKILL else "crash")
    return ChildLimitError("crash") if isinstance(error, BrokenProcessPool) else error


def _cancel_with(inner: "Future[R]", answer: "Future[R]") -> None:
    if answer.cancelled():
        inner.cancel()


def _retire(pool: "ProcessPool") -> None:
    pool.stop()  # type: ignore[no-untyped-call]  # pebble types only part of itself
    pool.join()


def _kill_group(pid: int) -> bool:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
