"""The processes that `muniment up` answers for: one of its kind a home, and a Prefect server of its own.

The server listens on 127.0.0.1, keeps its runs in the home's own folder, asks for a string that is made anew at every
start, is started again when it dies, and dies with us (orchestration, sections 2 and 10).
"""

import contextlib
import fcntl
import http.client
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import certifi

from infra.home import owner_alive, owner_is_here, process_owner_of
from infra.settings import run_environment
from records.errors import ConfigurationError, UnavailableError
from records.places import Places

_logger = logging.getLogger(__name__)
START_SECONDS = 120.0  # first start with its migrations, on a loaded machine
DEAF_SECONDS = 60.0  # a server that runs but does not answer for so long is started anew
CHECK_SECONDS = 1.0
STOP_SECONDS = 3.0
HOST = "127.0.0.1"
LOGGERS = "records,custody,search,tasks,infra"


@contextmanager
def only_one(places: Places) -> Iterator[None]:
    """Hold the place of the one `up` of this home; the system gives it back when the process ends, however it does.

    Raises:
        ConfigurationError: another one runs.
    """
    file = os.open(places.run / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError("another 'muniment up' serves this home") from error
        yield
    finally:
        os.close(file)


class PrefectServer:
    """A Prefect server of our own, kept running by a thread. Only whoever holds `only_one` may have one."""

    def __init__(self, places: Places) -> None:
        """End what an earlier `up` left behind and prepare; nothing is started yet."""
        self._places = places
        self._pid_file = places.run / "prefect.pid"
        self._port = _free_port()
        self._auth = f"muniment:{secrets.token_urlsafe(24)}"
        self._stop = threading.Event()
        self._up = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, daemon=True, name="prefect-server")
        self._end_left_behind()
        _write_private(places.run / "prefect.auth", self._auth)
        _write_private(places.run / "prefect.pem", _one_certificate())

    @property
    def address(self) -> str:
        """Where operators find its pages."""
        return f"http://{HOST}:{self._port}"

    def start(self, stop: threading.Event) -> bool:
        """Start the server and wait until it answers; False where `stop` was set before.

        Raises:
            UnavailableError: it did not answer in time; run/prefect.log says more.
        """
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._up.wait(0.1):
            if stop.is_set():
                return False
            if time.monotonic() > deadline:
                raise UnavailableError("the Prefect server did not start; see run/prefect.log of the home")
        return True

    def is_up(self) -> bool:
        """Tell whether the server answered when it was last asked."""
        return self._up.is_set()

    def doubt(self) -> bool:
        """Ask the server now; True where it does not answer, and nothing is begun until it does."""
        if not self._answers():
            self._up.clear()
        return not self._up.is_set()

    def stop(self) -> None:
        """End the server in order, or by force after a few seconds."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS + 2 * CHECK_SECONDS)

    def environment(self) -> dict[str, str]:
        """Return Prefect's settings, for the server and for this process as its client."""
        return {
            "PREFECT_HOME": str(self._places.prefect), "PREFECT_API_URL": f"{self.address}/api",
            "PREFECT_API_AUTH_STRING": self._auth, "PREFECT_SERVER_API_AUTH_STRING": self._auth,
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false", "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            "PREFECT_API_SSL_CERT_FILE": str(self._places.run / "prefect.pem"),
            "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json", "PREFECT_LOGGING_EXTRA_LOGGERS": LOGGERS,
            "PREFECT_LOGGING_LEVEL": "WARNING", "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
            "PREFECT_LOGGING_COLORS": "false", "PREFECT_CLI_PROMPT": "false",
            "PREFECT_CLI_COLORS": "false", "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        }  # fmt: skip

    def become_client(self) -> None:
        """Make this process a client of the server: Prefect reads its settings from the environment at import."""
        _drop_foreign(os.environ)  # noqa: TID251
        os.environ.update(self.environment())  # noqa: TID251

    def _keep(self) -> None:
        """Start the server, and again when it dies; the kernel ends it when this thread's process goes."""
        while not self._stop.is_set():
            process = self._process = self._launch()
            _write_private(self._pid_file, process_owner_of(process.pid))
            self._attend(process)
            self._up.clear()
            _end(process)
            if not self._stop.wait(CHECK_SECONDS):
                _logger.warning("the Prefect server ended with %s and is started again", process.returncode)
        self._pid_file.unlink(missing_ok=True)

    def _launch(self) -> "subprocess.Popen[bytes]":
        environment = run_environment()
        _drop_foreign(environment)
        launch = Path(__file__).with_name("launch.py")
        command = (sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(self._port))
        log = os.open(self._places.run / "prefect.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            return subprocess.Popen(
                [sys.executable, "-I", str(launch), str(os.getpid()), *command],
                env={**environment, **self.environment()}, cwd=self._places.prefect, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(log)

    def _attend(self, process: "subprocess.Popen[bytes]") -> None:
        """Return when the server has died, is deaf, or shall end."""
        heard = time.monotonic() + START_SECONDS
        while process.poll() is None and not self._stop.wait(CHECK_SECONDS if self._up.is_set() else 0.2):
            if self._answers():
                self._up.set()
                heard = time.monotonic()
            elif time.monotonic() - heard > DEAF_SECONDS:
                return

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=5.0)
        try:
            connection.request("GET", "/api/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _end_left_behind(self) -> None:
        """End the server of an `up` that was killed, if the kernel has not: only what /proc confirms as ours."""
        try:
            owner = self._pid_file.read_text()
            pid = int(owner.split(":")[1])
            if (
                not owner_is_here(owner)
                or not owner_alive(owner)
                or "prefect" not in Path(f"/proc/{pid}/cmdline").read_text()
            ):
                return
            os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError, IndexError):
            return
        deadline = time.monotonic() + STOP_SECONDS
        while owner_alive(owner) and time.monotonic() < deadline:
            time.sleep(0.05)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _drop_foreign(environment: "os._Environ[str] | dict[str, str]") -> None:
    """Take settings of another Prefect out: this one has its own server."""
    for name in [name for name in environment if name.startswith("PREFECT_")]:
        del environment[name]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        return int(found.getsockname()[1])


def _one_certificate() -> str:
    """Return one certificate of the usual bundle: Prefect's client loads the file for every task, on plain http too."""
    whole = Path(certifi.where()).read_text("ascii", "ignore")
    end = "-----END CERTIFICATE-----"
    return whole[whole.index("-----BEGIN CERTIFICATE-----") : whole.index(end) + len(end)] + "\n"


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w") as target:
        target.write(text)
