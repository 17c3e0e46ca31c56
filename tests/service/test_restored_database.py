"""What was put back from an older backup: the ledger refuses to go on, nothing is published, what is lost is named.

Custody reference, section 8: the signer remembers what it signed, so that the same positions are never signed twice.
The database is a file that is copied, or a PostgreSQL database through pg_dump and pg_restore; the store is a
directory, or a bucket whose newest versions are not there.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import urllib3
from dropping import drop_database
from minio import Minio
from PIL import Image
from pretending import pretender
from running import Muniment, embedded, servers, setting
from sqlalchemy.engine import make_url
from warm import warm

FORK = 62  # docs/errors.md
Restore = Callable[[], None]


def sheet(path: Path, shade: int) -> Path:
    Image.new("L", (400, 200), shade).save(path)
    return path


@pytest.fixture(params=["embedded", pytest.param("servers", marks=pytest.mark.service)])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Muniment:
    home = tmp_path / "home"
    made = warm(servers(home, search="tantivy") if request.param == "servers" else embedded(home))
    made.environment |= {"MUNIMENT_WORKERS": "1", "MUNIMENT_LANGUAGES": "eng"}
    return made


def backed_up(run: Muniment, folder: Path) -> Restore:
    """Back the database up; return what puts it back as an operator does."""
    if not run.environment.get("MUNIMENT_DATABASE_URL"):
        live, kept = Path(run.environment["MUNIMENT_HOME"], "catalogue.db"), folder / "backup.db"
        assert not live.with_name("catalogue.db-wal").exists()  # no command runs: the write-ahead log is in it
        shutil.copyfile(live, kept)

        def copy_back() -> None:
            shutil.copyfile(kept, live)

        return copy_back
    url = make_url(run.environment["MUNIMENT_DATABASE_URL"])
    password = Path(setting("MUNIMENT_DATABASE_PASSWORD_FILE")).read_text().strip()
    root = str(url.query.get("sslrootcert", ""))
    environment = {**os.environ, "PGPASSWORD": password, "PGSSLROOTCERT": root}
    where = ["--host", str(url.host), "--port", str(url.port), "--username", str(url.username)]
    name, dump = str(url.database), folder / "backup.dump"

    def tool(program: str, *arguments: str | Path) -> None:
        found = shutil.which(program) or str(next(Path("/usr/lib/postgresql").glob(f"*/bin/{program}")))
        subprocess.run([found, *where, *arguments], env=environment, check=True, capture_output=True, timeout=120)

    tool("pg_dump", "--format=custom", "--file", dump, name)

    def restore() -> None:
        server = str(url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False))
        with psycopg.connect(server, password=password, autocommit=True) as connection:
            drop_database(connection.execute, name)
            connection.execute(f"CREATE DATABASE {name}")
        tool("pg_restore", "--dbname", name, "--exit-on-error", dump)

    return restore


def published(run: Muniment) -> dict[str, str]:
    """Return every published file with its version, or its digest."""
    if run.environment.get("MUNIMENT_STORE") == "s3":
        listed = _root().list_objects(run.environment["MUNIMENT_LEDGER_BUCKET"], recursive=True, include_version=True)
        return {f"{one.object_name} {one.version_id}": str(one.etag) for one in listed}
    ledger = Path(run.environment["MUNIMENT_HOME"], "ledger")
    return {str(path): path.read_bytes().hex() for path in ledger.rglob("*") if path.is_file()}


def objects(run: Muniment) -> dict[str, str]:
    """Return key and version of every sealed object of an original's folder."""
    if run.environment.get("MUNIMENT_STORE") == "s3":
        listed = _root().list_objects(run.environment["MUNIMENT_S3_BUCKET"], prefix="o/", recursive=True)
        stat = _root().stat_object
        names = [str(one.object_name) for one in listed]
        return {name: str(stat(run.environment["MUNIMENT_S3_BUCKET"], name).version_id) for name in names}
    store = Path(run.environment["MUNIMENT_HOME"], "store")
    return {str(path.relative_to(store)): "" for path in (store / "o").rglob("*.age")}


def _pair() -> tuple[str, str]:
    folder = Path(setting("MUNIMENT_TEST_S3"))
    first, second = ((folder / f"root-{half}").read_text().strip() for half in ("access", "secret"))
    return first, second


def _root() -> Minio:
    http = urllib3.PoolManager(ca_certs=setting("MUNIMENT_S3_CA"), retries=False)
    return Minio(setting("MUNIMENT_S3_ENDPOINT").removeprefix("https://"), *_pair(), http_client=http)


def test_the_ledger_refuses_to_go_on_and_what_the_backup_does_not_know_is_listed(run: Muniment, tmp_path: Path) -> None:
    first = run("ingest", sheet(tmp_path / "a.tif", 250))["scans"][0]
    before = run("ledger", "publish")
    restore = backed_up(run, tmp_path)
    lost = run("ingest", sheet(tmp_path / "b.tif", 240))["scans"][0]["original"]
    assert run("ledger", "publish")["size"] > before["size"]
    as_published = published(run)

    restore()
    record = first["records"][0]
    for command in (
        ("ledger", "publish"), ("ledger", "publish", "--whole"), ("ingest", sheet(tmp_path / "c.tif", 230)),
        ("record", "export", record, "--to", tmp_path / "package", "--reason", "audit"),
        ("original", "open", record, "--to", tmp_path / "out", "--reason", "audit"),
        ("ledger", "rotate-key"), ("keys", "rotate"), ("person", "add", "Ana"),
    ):  # fmt: skip
        refused = run(*command, expect=FORK)["error"]  # nothing is written in the places of what was signed
        assert refused["code"] == "ledger-fork" and refused["retryable"] is False, (command, refused)
    served = run.start("up", "--no-web", "--json")
    out, err = served.communicate(timeout=120)  # it ends by itself
    assert served.returncode == FORK and b'"ledger-fork"' in out.splitlines()[-1], (out, err)
    assert published(run) == as_published  # nowhere, by nobody
    assert not (tmp_path / "out").exists() and not (tmp_path / "package").exists()
    assert [row["id"] for row in run("record", "list")["records"]] == [record]  # what is held can be looked at

    report = run("custody", "check", expect=None)
    orphans = [key for key in report["orphans"] if key.startswith("o/")]
    assert [key.split("/")[2] for key in orphans] == [lost]
    assert set(orphans) <= set(objects(run))  # listed, and left where it is


def test_an_older_store_is_named_and_the_rest_is_held(run: Muniment, tmp_path: Path) -> None:
    run("ingest", sheet(tmp_path / "a.tif", 250))
    known = objects(run)
    lost = run("ingest", sheet(tmp_path / "b.tif", 240))["scans"][0]["original"]
    run("ledger", "publish")
    newer = {key: version for key, version in objects(run).items() if key not in known}
    assert len(newer) == 1

    def named(**changed: str) -> None:
        report = run("verify", "originals", "--all", expect=1, **changed)
        assert [(p["kind"], p["object"]) for p in report["problems"]] == [("original", lost)], report
        assert run("custody", "check", expect=1, **changed)["verdict"] == "does not hold"
        assert run("verify", "ledger", **changed)["verdict"] == "holds"

    if run.environment.get("MUNIMENT_STORE") != "s3":
        for key in newer:
            (Path(run.environment["MUNIMENT_HOME"]) / "store" / key).unlink()
        named()
        return
    endpoint = setting("MUNIMENT_S3_ENDPOINT").removeprefix("https://")
    with pretender(endpoint, setting("MUNIMENT_S3_CA"), _pair()) as between:
        between.memory.gone |= set(newer.items())
        named(
            MUNIMENT_S3_ENDPOINT=f"http://{between.address}", MUNIMENT_S3_CA="",
            MUNIMENT_S3_ACCESS_KEY="anybody", MUNIMENT_S3_SECRET_KEY="anybody-at-all",
        )  # fmt: skip


@pytest.mark.service
def test_a_bucket_of_the_ledger_that_lost_its_newest_checkpoint_is_named_and_mended(tmp_path: Path) -> None:
    run = warm(servers(tmp_path / "home", search="tantivy"))
    run.environment |= {"MUNIMENT_WORKERS": "1", "MUNIMENT_LANGUAGES": "eng"}
    run("ingest", sheet(tmp_path / "a.tif", 250))
    first = run("ledger", "publish")
    run("ingest", sheet(tmp_path / "b.tif", 240))
    second = run("ledger", "publish")
    assert run("verify", "ledger")["verdict"] == "holds"
    bucket, root = run.environment["MUNIMENT_LEDGER_BUCKET"], _root()
    root.remove_object(bucket, "checkpoint", version_id=str(root.stat_object(bucket, "checkpoint").version_id))
    report = run("verify", "ledger", expect=1)
    assert {problem["object"] for problem in report["problems"]} & {f"checkpoints/{second['size']}", "checkpoint"}
    again = run("ledger", "publish")
    assert again["size"] >= second["size"] > first["size"]
    assert run("verify", "ledger")["verdict"] == "holds"
