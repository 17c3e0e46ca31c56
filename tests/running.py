"""Running the real command as a child, as a person or script would, on the embedded default or on the real servers."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, Literal

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[1]


class Muniment:
    """Runs the real command as a child and reads its JSON."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.environment = {**os.environ, "MUNIMENT_HOME": str(home), "LC_ALL": "C.UTF-8", **environment}

        self.prefix: tuple[str, ...] = ()

    def start(self, *arguments: str | Path, **environment: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [*self.prefix, sys.executable, "-m", "cli.main", *map(str, arguments)],
            cwd=ROOT,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __call__(self, *arguments: str | Path, expect: int | None = 0, **environment: str) -> Any:
        child = self.start(*arguments, "--json", **environment)
        out, err = child.communicate(timeout=600)
        if expect is not None:
            assert child.returncode == expect, (child.returncode, out.decode(), err.decode())
        document: dict[str, Any] = json.loads(out) if out else {}
        return document


def setting(name: str) -> str:
    """Return a variable that `script/services env` prints, or skip (fail in CI) saying how it comes to be set."""
    if not os.environ.get(name):
        say = f"{name} not set: run 'script/services up', then 'set -a; eval \"$(script/services env)\"; set +a'"
        if os.environ.get("CI"):
            pytest.fail(say)
        pytest.skip(say)
    return os.environ[name]


def embedded(home: Path) -> Muniment:
    """Return the command on a fresh home with every other setting at its default."""
    run = Muniment(home)
    for name in [name for name in run.environment if name.startswith("MUNIMENT_") and name != "MUNIMENT_HOME"]:
        del run.environment[name]
    return run


def servers(
    home: Path,
    search: Literal["opensearch", "tantivy"] = "opensearch",
    database: Literal["postgres", "sqlite"] = "postgres",
) -> Muniment:
    """Return the command on the real servers, in a database, buckets and index of its own."""
    name = f"whole{uuid.uuid4().hex[:10]}"
    setting("MUNIMENT_S3_ENDPOINT")
    run = Muniment(home, MUNIMENT_S3_BUCKET=name, MUNIMENT_STORE="s3", MUNIMENT_SEARCH=search)
    run.environment["MUNIMENT_LEDGER_BUCKET"] = f"ledger-{name}"  # one ledger for one installation
    if search == "opensearch":
        setting("MUNIMENT_OPENSEARCH_URL")
        run.environment["MUNIMENT_OPENSEARCH_ALIAS"] = name
    if database == "sqlite":
        del run.environment["MUNIMENT_DATABASE_URL"], run.environment["MUNIMENT_DATABASE_PASSWORD_FILE"]
    else:
        run.environment["MUNIMENT_DATABASE_URL"] = fresh_database(name)
    return run


def fresh_database(name: str) -> str:
    """Make a database on the test server and return its URL; its password is where it was."""
    url, password = setting("MUNIMENT_DATABASE_URL"), Path(setting("MUNIMENT_DATABASE_PASSWORD_FILE")).read_text()
    base, _, query = url.partition("?")
    server, _, _ = base.rpartition("/")
    with psycopg.connect(
        f"{base.replace('+psycopg', '')}?{query}", password=password.strip(), autocommit=True
    ) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}?{query}"
