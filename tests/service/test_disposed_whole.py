"""Keys rotated, a package handed over, a record disposed of, on PostgreSQL and MinIO: what opens still, what no more.

Custody reference, sections 2.3 and 2.5; docs/design/disposal.md, keys.md. The store's lock keeps the sealed bytes: they
are unreadable from the moment the envelopes are gone, and the certificate says until when they lie there.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pyrage
import pytest
from clear_text import ClearText
from PIL import Image, ImageDraw, ImageFont
from psycopg import sql
from running import Muniment, servers, setting
from warm import warm

pytestmark = pytest.mark.service
GONE, KEPT = "Zurullo quintaplana", "Ferrocarriles"


def draw(path: Path, text: str) -> Path:
    page = Image.new("1", (1600, 400), 1)
    ImageDraw.Draw(page).text((60, 100), text, font=ImageFont.load_default(64), fill=0)
    page.save(path, dpi=(300, 300), compression="group4")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Muniment:
    folder = tmp_path_factory.mktemp("disposed")
    made = warm(servers(folder / "home"))
    made.environment |= {"MUNIMENT_WORKERS": "1", "MUNIMENT_LANGUAGES": "eng"}
    files = [draw(folder / name, text) for name, text in (("a.tif", GONE), ("b.tif", KEPT))]
    assert made("ingest", *files, "--class", "generic")["accessioned"] == 2
    return made


def held(run: Muniment, name: str) -> dict[str, Any]:
    """Return the scan that was offered under this name."""
    return next(dict(scan) for scan in run("status")["scans"] if scan["path"].endswith(name))


@dataclass(frozen=True)
class Disposed:
    """A record that was disposed of, what was planted in it, and what was handed over of it before."""

    record: str
    original: str
    order: str
    looking: ClearText
    envelope: bytes


@pytest.fixture(scope="module")
def disposed(run: Muniment, tmp_path_factory: pytest.TempPathFactory) -> Disposed:
    scan, folder = held(run, "a.tif"), tmp_path_factory.mktemp("handed")
    record, original = scan["records"][0], scan["original"]
    looking = ClearText([GONE.split()[0], "a.tif", "dijo-abundio"], [bytes.fromhex(scan["sha256"])])
    run("review", "correct", record, "--set", f"reference={GONE}", "--reason", "review: dijo-abundio")
    run("original", "envelope", original, "--reason", "request", "--to", folder / "kept")
    assert run("search", GONE)["total"] == 1 and looking.within(dumped(run))
    order = run("disposal", "propose", record, "--basis", "law", "--reason", "legal: erasure")["order"]
    token = run("person", "add", "Ana")["token"]
    run("person", "accredit", "Ana", "--role", "approver")
    run("--as", "Ana", "disposal", "approve", order, "--reason", "audit", MUNIMENT_TOKEN=token)
    done = run("disposal", "run", order)
    assert (done["state"], done["disposed"], done["dropped"]) == ("finished", 1, 0)
    return Disposed(record, original, order, looking, (folder / "kept.envelope.age").read_bytes())


def test_a_package_made_after_rotations_holds_by_the_key_it_names(run: Muniment, tmp_path: Path) -> None:
    record = held(run, "b.tif")["records"][0]
    run("ledger", "publish")
    vkey = Path(run("ledger", "path")["vkey"])
    (tmp_path / "old.vkey").write_bytes(vkey.read_bytes())
    assert run("keys", "rotate")["rewrapped"] == 2
    run("ledger", "rotate-key")
    run("record", "export", record, "--to", tmp_path / "both", "--reason", "audit")
    run("ledger", "retire-key")
    run("record", "export", record, "--to", tmp_path / "new", "--reason", "audit")
    (tmp_path / "new.vkey").write_bytes(vkey.read_bytes().splitlines(True)[-1])
    assert (tmp_path / "new.vkey").read_bytes() != (tmp_path / "old.vkey").read_bytes()
    nowhere = {"MUNIMENT_HOME": str(tmp_path / "nothing")}
    for package, key, code in (("both", "old", 0), ("new", "new", 0), ("new", "old", 1)):
        given = ("--vkey", tmp_path / f"{key}.vkey")
        report = run("verify", "package", tmp_path / package, *given, expect=code, **nowhere)
        assert report["verdict"] == ("does not hold" if code else "holds"), (package, key, report)
        (original,) = (tmp_path / package / "data/originals").iterdir()
        assert hashlib.sha256(original.read_bytes()).hexdigest() == held(run, "b.tif")["sha256"]
    assert run("verify", "ledger")["verdict"] == "holds"
    assert run("custody", "check")["verdict"] == "holds"


def test_what_is_disposed_of_is_in_no_row_and_opens_no_more(run: Muniment, disposed: Disposed, tmp_path: Path) -> None:
    assert disposed.looking.within(dumped(run)) == set()
    assert run("search", GONE)["total"] == 0 and run("search", KEPT)["total"] == 1
    original, record = disposed.original, disposed.record
    for command in (("original", "open", original), ("original", "envelope", original), ("record", "export", record)):
        assert "error" in run(*command, "--reason", "audit", "--to", tmp_path / "out", expect=None)
        assert not (tmp_path / "out").exists()
    report = run("custody", "check")
    assert report["verdict"] == "holds" and report["orphans"] == []
    run("ledger", "publish")
    assert run("verify", "ledger")["verdict"] == "holds"
    assert run("verify", "originals", "--all")["verdict"] == "holds" and run("fixity", "run")["verdict"] == "holds"


def test_the_certificate_says_what_a_lock_still_keeps(run: Muniment, disposed: Disposed, tmp_path: Path) -> None:
    written = ("--certificate", tmp_path / "certificate.json")
    paper = run("disposal", "show", disposed.order, *written)["certificate"]
    assert json.loads((tmp_path / "certificate.json").read_text()) == paper
    (line,) = paper["records"][0]["originals"]
    assert line["original"] == disposed.original and line["key_destroyed"]["event"] > 0
    assert line["object_removed"] is None  # the lock is stronger than we are
    assert line["object_locked_until"] > datetime.now(UTC).isoformat()
    assert [copy["type"] for copy in paper["copies"]] == ["envelope_released"]
    assert disposed.looking.within(json.dumps(paper).encode()) == set()


def test_an_envelope_from_before_opens_for_nobody_when_the_epochs_are_destroyed(
    run: Muniment, disposed: Disposed, tmp_path: Path
) -> None:
    keys = Path(run.environment["MUNIMENT_HOME"], "keys")
    assert any(opens(disposed.envelope, path) for path in keys.glob("*.agekey"))
    run("keys", "rotate")
    for epoch in run("keys", "list")["keys"][:-1]:
        run("keys", "destroy", epoch["id"], "--reason", "audit", "--now")
    assert not any(opens(disposed.envelope, path) for path in keys.glob("*.agekey"))
    run("ingest", tmp_path / "nothing", expect=2)  # whatever sweeps
    effective = [event for event in run("ledger", "show")["events"] if event["type"] == "erasure_effective"]
    assert [event["subject"] for event in effective] == [disposed.original]
    kept = held(run, "b.tif")
    opened = run("original", "open", kept["original"], "--reason", "test", "--to", tmp_path / "b")
    assert opened["sha256"] == kept["sha256"]
    assert run("custody", "check")["verdict"] == "holds"


def opens(envelope: bytes, path: Path) -> bool:
    """Whether the key file of an epoch opens an envelope."""
    lines = [line for line in path.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-1")]
    try:
        return bool(pyrage.decrypt(envelope, [pyrage.x25519.Identity.from_str(line) for line in lines]))
    except pyrage.DecryptError:
        return False


def dumped(run: Muniment) -> bytes:
    """Return every row of every table as the server writes them out."""
    password = Path(setting("MUNIMENT_DATABASE_PASSWORD_FILE")).read_text().strip()
    url = run.environment["MUNIMENT_DATABASE_URL"].replace("+psycopg", "")
    everything = sql.SQL("SELECT * FROM {}")
    with psycopg.connect(url, password=password) as server:
        names = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = [row for (name,) in names for row in server.execute(everything.format(sql.Identifier(name)))]
    values = (value for row in rows for value in row if value is not None)
    return b"\n".join(bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in values)
