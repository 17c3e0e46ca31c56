"""The real command without its start-up: a fork of a process that has imported it and done nothing else.

Killing it is killing the command. Only the cost of importing is saved, which for the thousands of commands of the crash
tests is most of the time. Its children are started as ever.
"""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from running import ROOT, Muniment

PRELOADED = ["warm_imports", "warm"]
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(PRELOADED)


class WarmChild:
    """What `subprocess.Popen` offers of a running command, as far as tests use it."""

    def __init__(self, arguments: list[str], environment: dict[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="muniment-warm-")
        self._streams = [str(Path(self._folder.name) / name) for name in ("out", "err")]
        _start_server()
        self._process = _context.Process(target=_become, args=(arguments, environment, self._streams))
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("muniment", timeout or 0)
        return self._process.exitcode

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Wait for its end and return what it printed; once."""
        self.wait(timeout)
        out, err = (Path(stream).read_bytes() if Path(stream).exists() else b"" for stream in self._streams)
        self._folder.cleanup()
        return out, err


class Warm(Muniment):
    """Runs the command as `Muniment` does."""

    def start(self, *arguments: str | Path, **environment: str) -> Any:
        return WarmChild([*map(str, arguments)], {**self.environment, **environment})


def warm(run: Muniment) -> Warm:
    """Return the same command on the same home, warm."""
    found = Warm.__new__(Warm)
    found.__dict__.update(run.__dict__)
    return found


def _start_server() -> None:
    """Start the process that is forked, where its preloading finds the modules: it does not look at sys.path."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests"), *filter(None, [before])])
    try:
        forkserver.ensure_running()
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)


def _become(arguments: list[str], environment: dict[str, str], streams: list[str]) -> None:
    """In the fork: put on the command's environment and streams, and run it."""
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate((os.devnull, *streams)):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        descriptor = os.open(path, flags, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, closefd=False) for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    from cli.main import main

    code = main(arguments)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
