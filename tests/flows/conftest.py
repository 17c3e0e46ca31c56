"""One Prefect test server for all flow tests: it takes about ten seconds to start."""

import gc
import os
import tempfile
from collections.abc import Iterator

import pytest

# read when Prefect is imported, which the test modules do
os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="muniment-prefect-")
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
os.environ["PREFECT_LOGGING_EXTRA_LOGGERS"] = "records,custody,search,tasks,infra"
os.environ["PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW"] = "ignore"  # our loggers speak outside of flows as well


@pytest.fixture(autouse=True, scope="session")
def prefect_backend() -> Iterator[None]:
    """A real server on a database of its own."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=60):
        yield


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Prefect's client leaves a closed connection to the collector at the end of a run: not to other suites' tests."""
    yield
    gc.collect()
