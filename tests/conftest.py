"""Fixtures that every suite shares: a temporary installation, real to the end, and the scans the project makes."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("one_accession", "running")
from running import Muniment  # noqa: E402  its assertions are to be told in full

ROOT = Path(__file__).resolve().parents[1]
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as infra.children does; tests load the second engine themselves


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=25, help="how often the crash test kills the real command")
    parser.addoption("--publishings", type=int, default=5, help="how often it kills the ledger's publisher")
    parser.addoption("--every-call", action="store_true", help="fail every call, not some: minutes become an hour")
    parser.addoption("--large", type=int, default=0, help="MiB of one file whose accession's memory is watched")
    parser.addoption("--slips", type=int, default=0, help="pages of the file whose reading's memory is watched (24)")
    parser.addoption("--seed", type=int, default=20261123, help="seed of the crash test's random moments")
    parser.addoption(
        "--data", default=os.environ.get("MUNIMENT_TEST_DATA"), help="folder of real scans with ground truth"
    )
    parser.addoption("--schemas", default=None, help="folder of XML schemas of others (alto-4-4.xsd, xlink.xsd)")


@pytest.fixture(scope="session")
def data(request: pytest.FixtureRequest) -> Path:
    """Real scans with ground truth, kept outside the project."""
    given = request.config.getoption("--data")
    if not given:
        pytest.skip("real scans are kept outside the project: name their folder by --data or MUNIMENT_TEST_DATA")
    return Path(given)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scans with known text that tests/corpus/make.py draws."""
    folder = tmp_path_factory.mktemp("corpus")
    subprocess.run([sys.executable, str(ROOT / "tests/corpus/make.py"), str(folder)], check=True, cwd=ROOT)
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh MUNIMENT_HOME with every other setting at its default."""
    for name in [name for name in os.environ if name.startswith("MUNIMENT_") or name == "CRASH_AT"]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("MUNIMENT_HOME", str(folder))
    return folder


@pytest.fixture
def services(home: Path) -> Iterator[Any]:
    """The services of a fresh embedded installation: SQLite, a directory, Tantivy, real children."""
    from infra.services import open_services

    opened = open_services()
    yield opened
    opened.close()


@pytest.fixture
def muniment(home: Path) -> Callable[..., dict[str, Any]]:
    """The real command on a fresh home."""
    return Muniment(home)
