"""From a scan to the verdict on the real servers: published into the ledger's bucket, copied, verified, handed over."""

import shutil
import uuid
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
import urllib3
from minio import Minio
from minio.error import S3Error
from pretending import PRETENCES, pretender
from running import Muniment, servers, setting

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Muniment:
    """An installation on PostgreSQL and MinIO with two originals and a published ledger in a bucket of its own."""
    made = servers(tmp_path_factory.mktemp("verified") / "home", search="tantivy")
    made.environment["MUNIMENT_LEDGER_BUCKET"] = f"ledger{uuid.uuid4().hex[:10]}"
    assert made("ingest", corpus / "digital.pdf", corpus / "letter.tif", expect=None)["accessioned"] == 2
    return made


@pytest.fixture(scope="module")
def root() -> Minio:
    """The server's own administrator, who may do whatever the server lets anybody do."""
    http = urllib3.PoolManager(ca_certs=setting("MUNIMENT_S3_CA"), retries=False)
    return Minio(setting("MUNIMENT_S3_ENDPOINT").removeprefix("https://"), *root_pair(), http_client=http)


def root_pair() -> tuple[str, str]:
    folder = Path(setting("MUNIMENT_TEST_S3"))
    first, second = ((folder / f"root-{half}").read_text().strip() for half in ("access", "secret"))
    return first, second


@pytest.fixture
def published(run: Muniment) -> dict[str, Any]:
    done: dict[str, Any] = run("ledger", "publish")
    return done


def kinds(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(problem["kind"], problem["object"]) for problem in report["problems"]]


def test_nothing_published_is_could_not_check(run: Muniment) -> None:
    report = run("verify", "ledger", expect=2)
    assert report["verdict"] == "could not check" and "wait" in report["steps"][0]["detail"]


def test_the_ledger_holds_for_the_house_and_for_an_outsider(
    run: Muniment, root: Minio, published: dict[str, Any], tmp_path: Path
) -> None:
    bucket = run.environment["MUNIMENT_LEDGER_BUCKET"]
    stored = {found.object_name for found in root.list_objects(bucket, recursive=True)}
    assert {"checkpoint", f"checkpoints/{published['size']}"} <= stored
    own = run("verify", "ledger")
    assert own["verdict"] == "holds" and own["checked"]["entries"] == published["size"]
    where = run("ledger", "path")
    copy = Path(shutil.copytree(where["folder"], tmp_path / "copy"))
    outsider = ("--dir", copy, "--vkey", where["vkey"], "--state", tmp_path / "seen")
    nowhere = {"MUNIMENT_HOME": str(tmp_path / "nothing")}
    report = run("verify", "ledger", *outsider, **nowhere)
    assert report["verdict"] == "holds" and report["checked"]["entries"] == published["size"]
    assert (tmp_path / "seen").read_bytes() == (copy / "checkpoint").read_bytes()

    officer = ("--dir", copy, "--vkey", where["vkey"], "--state", tmp_path / "state", "--key", tmp_path / "key")
    cosigned = run("witness", *officer, **nowhere)
    assert cosigned["verdict"] == "holds" and (copy / cosigned["witnessed"]).read_text() == cosigned["checkpoint"]
    assert run("verify", "ledger", *outsider, **nowhere)["verdict"] == "holds"  # with the cosigned checkpoint in it
    assert not (tmp_path / "nothing").exists()

    bundle = next(path for path in copy.rglob("*") if path.is_file() and "entries" in path.parts)
    bundle.chmod(0o600)
    bundle.write_bytes(bundle.read_bytes().replace(b"accessioned", b"accessionex", 1))
    assert run("verify", "ledger", *outsider, expect=1, **nowhere)["verdict"] == "does not hold"
    refused = run("witness", *officer, expect=1, **nowhere)
    assert refused["checkpoint"] is None and refused["problems"]


@pytest.mark.usefixtures("published")
def test_originals_hold_with_their_locks_and_hidden_locks_are_named(run: Muniment) -> None:
    report = run("verify", "originals", "--all")
    assert report["verdict"] == "holds" and report["checked"]["originals"] == 2
    originals = sorted(row["original"] for row in run("record", "list")["records"])
    ca = setting("MUNIMENT_S3_CA")
    with pretender(setting("MUNIMENT_S3_ENDPOINT").removeprefix("https://"), ca, root_pair()) as between:
        changed = {
            "MUNIMENT_S3_ENDPOINT": f"http://{between.address}", "MUNIMENT_S3_CA": "",
            "MUNIMENT_S3_ACCESS_KEY": "anybody", "MUNIMENT_S3_SECRET_KEY": "anybody-at-all",
        }  # fmt: skip
        between.become(next(pretence for pretence in PRETENCES if pretence.name == "shows no locks"))
        report = run("verify", "originals", "--all", expect=1, **changed)
        assert sorted(kinds(report)) == [("lock", original) for original in originals]


@pytest.fixture
def swapped(run: Muniment, root: Minio) -> Iterator[tuple[str, str]]:
    """Lay another version over an original and enter it in the catalogue, as an administrator of both could."""
    bucket = run.environment["MUNIMENT_S3_BUCKET"]
    found = next(one for one in root.list_objects(bucket, prefix="o/", recursive=True))
    key = str(found.object_name)
    with pytest.raises(S3Error):  # the one that the ledger names stays, whoever asks
        root.remove_object(bucket, key, version_id=root.stat_object(bucket, key).version_id)
    held = str(root.stat_object(bucket, key).version_id)
    written = root.put_object(bucket, key, BytesIO(b"another document"), 16)
    yield key, str(written.version_id)
    with database(run) as connection:  # the tests after it hand over either original
        connection.execute("UPDATE originals SET object_version = %s WHERE object_key = %s", (held, key))


@pytest.mark.usefixtures("published")
def test_a_version_laid_over_an_original_is_untracked_and_a_changed_row_is_named(
    run: Muniment, swapped: tuple[str, str]
) -> None:
    key, version = swapped
    report = run("verify", "originals", "--all")  # the version that the ledger names is whole
    assert report["verdict"] == "holds" and report["untracked"] == [key]
    with database(run) as connection:
        connection.execute("UPDATE originals SET object_version = %s WHERE object_key = %s", (version, key))
    assert run("verify", "originals", "--all")["verdict"] == "holds"  # it asks the ledger and not the catalogue
    assert run("custody", "check", expect=1)["verdict"] == "does not hold"


@pytest.mark.usefixtures("published")
def test_a_record_is_handed_over_and_verified_without_the_house(run: Muniment, tmp_path: Path) -> None:
    record = run("record", "list")["records"][-1]["id"]
    run("record", "export", record, "--to", tmp_path / "package", "--reason", "audit")
    where = run("ledger", "path")
    given = ("--vkey", where["vkey"], "--dir", where["folder"])
    nowhere = {"MUNIMENT_HOME": str(tmp_path / "nothing")}
    assert run("verify", "package", tmp_path / "package", *given, **nowhere)["verdict"] == "holds"
    assert run("verify", "ledger")["verdict"] == "holds"  # with what the export added
    data = (tmp_path / "package/data").rglob("*")  # either of the two originals
    payload = next(path for path in sorted(data) if path.is_file() and path.suffix not in (".pdf", ".xml"))
    payload.chmod(0o600)
    payload.write_bytes(payload.read_bytes() + b"x")
    assert run("verify", "package", tmp_path / "package", *given, expect=1, **nowhere)["problems"]
    assert not (tmp_path / "nothing").exists()


def database(run: Muniment) -> "psycopg.Connection[Any]":
    password = Path(setting("MUNIMENT_DATABASE_PASSWORD_FILE")).read_text().strip()
    return psycopg.connect(run.environment["MUNIMENT_DATABASE_URL"].replace("+psycopg", ""), password=password)
