"""The real servers of the contract suites: their settings, from the variables `script/services env` prints.

Where one is not set its suites are skipped, with the command that brings the server; in CI that is a failure.
"""

import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3
from dropping import drop_database
from index_house import HOMES, Home
from minio import Minio
from minio.commonconfig import ENABLED
from minio.versioningconfig import VersioningConfig
from opensearchpy import OpenSearch
from sqlalchemy import Engine, create_engine, text

from custody.stores.s3_answers import make_bucket
from infra.database import EngineDatabase, bring_up_to_date, postgres_engine, sqlite_engine

MIB = 1 << 20


@dataclass(frozen=True)
class S3Settings:
    """How to reach the object store; `endpoint` is HOST:PORT, always over TLS."""

    endpoint: str
    access_key: str
    secret_key: str
    ca: Path
    bucket: str
    folder: Path  # keys of every identity, `<name>-access` and `<name>-secret`: root writer keeper verifier

    def pair(self, name: str) -> tuple[str, str]:
        """Return access and secret key of an identity."""
        return tuple((self.folder / f"{name}-{half}").read_text().strip() for half in ("access", "secret"))

    def client(self, name: str) -> Minio:
        """Return a client of an identity, without retries."""
        http = urllib3.PoolManager(ca_certs=str(self.ca), timeout=urllib3.Timeout(connect=5, read=30), retries=False)
        return Minio(self.endpoint, *self.pair(name), region="us-east-1", http_client=http)


@dataclass(frozen=True)
class OpenSearchSettings:
    """How to reach the search server; `url` has the scheme."""

    url: str
    user: str
    password: str
    ca: Path


def _needed(part: str, *names: str) -> list[str]:
    """Return the values of the variables, or skip (fail in CI) saying how they come to be set."""
    values = [os.environ.get(name, "") for name in names]
    if all(values):
        return values
    missing = ", ".join(name for name, value in zip(names, values, strict=True) if not value)
    say = f"{missing} not set: run 'script/services up {part}', then 'set -a; eval \"$(script/services env)\"; set +a'"
    if os.environ.get("CI"):
        pytest.fail(say)
    pytest.skip(say)


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A database of the test server, with its password in the URL's place for it."""
    url, password_file = _needed("postgres", "MUNIMENT_DATABASE_URL", "MUNIMENT_DATABASE_PASSWORD_FILE")
    password = Path(password_file).read_text().strip()
    scheme, rest = url.split("://", 1)
    user, host = rest.split("@", 1)
    return f"{scheme}://{user}:{password}@{host}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.service)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = sqlite_engine(tmp_path / "catalogue.db")
        yield made
        made.dispose()
        return
    url = request.getfixturevalue("postgres_url")
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    name = f"contract_{uuid.uuid4().hex[:12]}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    made = postgres_engine(str(server.url.set(database=name).render_as_string(hide_password=False)), None)
    yield made
    made.dispose()
    try:
        with server.connect() as connection:
            drop_database(connection.exec_driver_sql, name)
    finally:
        server.dispose()


@pytest.fixture(scope="session")
def minio_settings() -> S3Settings:
    """The object store with Object Lock."""
    endpoint, access, secret, ca, bucket, folder = _needed(
        "minio",
        "MUNIMENT_S3_ENDPOINT",
        "MUNIMENT_S3_ACCESS_KEY",
        "MUNIMENT_S3_SECRET_KEY",
        "MUNIMENT_S3_CA",
        "MUNIMENT_S3_BUCKET",
        "MUNIMENT_TEST_S3",
    )
    return S3Settings(endpoint.removeprefix("https://"), access, secret, Path(ca), bucket, Path(folder))


@pytest.fixture(scope="session")
def opensearch_settings() -> OpenSearchSettings:
    """The search server, security on."""
    url, user, password, ca = _needed(
        "opensearch",
        "MUNIMENT_OPENSEARCH_URL",
        "MUNIMENT_OPENSEARCH_USER",
        "MUNIMENT_OPENSEARCH_PASSWORD",
        "MUNIMENT_OPENSEARCH_CA",
    )
    return OpenSearchSettings(url, user, password, Path(ca))


@dataclass(frozen=True)
class Sealed:
    """A sealed file as a task hands it over."""

    path: Path
    sha256: str
    size: int
    key: str


@pytest.fixture(scope="session")
def s3_client(minio_settings) -> Iterator[Minio]:
    """Who stores and reads: the identity that Muniment works with."""
    yield from _closing(minio_settings, "writer")


@pytest.fixture(scope="session")
def s3_keeper(minio_settings) -> Iterator[Minio]:
    """Who makes buckets, lengthens locks and removes."""
    yield from _closing(minio_settings, "keeper")


@pytest.fixture(scope="session")
def s3_root(minio_settings) -> Iterator[Minio]:
    """The administrator: sets things up, and does what others do in the bucket."""
    yield from _closing(minio_settings, "root")


def _closing(settings: S3Settings, name: str) -> Iterator[Minio]:
    client = settings.client(name)
    yield client
    client._http.clear()


@pytest.fixture(scope="session")
def locked_bucket(s3_keeper) -> str:
    bucket = f"contract-{time.time_ns()}"
    make_bucket(s3_keeper, bucket, 1)
    return bucket


@pytest.fixture(scope="session")
def plain_bucket(s3_root) -> str:
    bucket = f"plain-{time.time_ns()}"
    s3_root.make_bucket(bucket)
    s3_root.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
    return bucket


@pytest.fixture
def client_id() -> str:
    """A new part of keys for each test, since what is locked stays."""
    return f"cli_{time.time_ns():032x}"


@pytest.fixture
def seal(tmp_path, client_id) -> Callable[..., Sealed]:
    """Make a file of pseudo-random bytes; the same seed makes the same bytes."""

    def make(size: int = 1000, seed: bytes = b"a", key: str | None = None) -> Sealed:
        block = hashlib.shake_256(seed).digest(min(size, MIB))
        digest = hashlib.sha256()
        path = tmp_path / f"{seed.hex()}-{size}.age"
        with path.open("wb") as file:
            for start in range(0, size, MIB):
                part = block[: size - start]
                file.write(part)
                digest.update(part)
        sha256 = digest.hexdigest()
        return Sealed(path, sha256, size, key or f"o/{client_id}/ori_1/{sha256}.age")

    return make


@pytest.fixture(params=HOMES)
def index_home(request, tmp_path):
    if request.param == "tantivy":
        yield Home("tantivy", [str(tmp_path / "index")])
        return
    settings = request.getfixturevalue("opensearch_settings")
    alias = f"contract{time.time_ns()}"
    arguments = [settings.url, settings.user, settings.password, str(settings.ca), alias]
    client = OpenSearch(
        settings.url,
        http_auth=(settings.user, settings.password),
        ca_certs=str(settings.ca),
        verify_certs=True,
        timeout=60,
    )
    yield Home("opensearch", arguments, client, alias)
    client.indices.delete(index=f"{alias}-*")
    client.close()


@pytest.fixture
def index(index_home):
    opened = index_home.again()
    yield opened
    opened.close()


@pytest.fixture
def catalogue(engine: Engine) -> EngineDatabase:
    bring_up_to_date(engine)
    return EngineDatabase(engine)
