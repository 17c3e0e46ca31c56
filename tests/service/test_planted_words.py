"""Words planted on scans, in names and in what people say are found in the homes of clear text, and nowhere else.

Design, section 2, rule 7; docs/design/threat-model.md says where clear text lies. `muniment up` takes the scans in and
people work beside it, on the embedded default and on PostgreSQL and MinIO; then every other place is read byte by byte:
the ledger's rows and its published files, the store's objects with their names and tags, Prefect's database, what was
printed and logged, temporary folders while and after it ran. What is found where it belongs shows that looking finds.
"""

import base64
import gzip
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
import urllib3
from clear_text import ClearText
from minio import Minio
from PIL import Image, ImageDraw, ImageFont
from psycopg import sql
from running import ROOT, Muniment, embedded, servers, setting

pytestmark = pytest.mark.flow
SETTLED, END = 180.0, 30.0  # seconds
SHEETS = 3
ON_PAPER = ("Zarzaparrilla", "Melquiades", "Ferrocarriles", "B64717838", "ES9121000418450200051332", "1493.75")
FILE_NAME, SAID, HOLDER, TITLE = "secreto-expediente", "pregunta-confidencial", "Buendia Iguaran", "Macondo reservado"
CORRECTED = "Sucesores Confidenciales"
PLANTED = (*ON_PAPER, "ES91 2100 0418", FILE_NAME, SAID, HOLDER, TITLE, CORRECTED)
# The catalogue's homes of clear text (threat model): names of files, digests of clear bytes, what was read, what people
# are called and have said, how paper is labelled. Of an event only `event_details`; the ledger has a commitment to it.
CLEAR_TABLES = {"scans", "originals", "fields", "persons", "event_details", "physical_files"}
LEDGER_TABLES = {"events", "ledger_head", "key_releases", "key_envelopes", "outbox", "derivatives", "vault_keys"}
CLEAR_FOLDERS = ("catalogue.db", "index", "keys", "escrow")  # of the home


def draw(path: Path, number: int) -> Path:
    """Draw a sheet with the planted words, large enough to be read without a fault."""
    image = Image.new("L", (1700, 1150), 255)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(60)
    lines = ("FACTURA", "Zarzaparrilla Melquiades", f"Ferrocarriles sheet {number}", "NIF B64717838",
             "IBAN ES91 2100 0418 4502 0005 1332", "Total 1493.75 EUR")  # fmt: skip
    for line, text in enumerate(lines):
        pen.text((120, 100 + 160 * line), text, fill=0, font=font)
    image.save(path, "TIFF", dpi=(200, 200))
    return path


class Sampler(threading.Thread):
    """Reads temporary folders over and over while something runs: names of files, and contents outside the home."""

    def __init__(self, planted: ClearText, home: Path, outside: Path) -> None:
        super().__init__(daemon=True)
        self._planted, self._home, self._outside = planted, home, outside
        self._over = threading.Event()
        self.seen: set[str] = set()
        self.found: set[tuple[str, str]] = set()

    def run(self) -> None:
        while not self._over.wait(0.05):
            for folder in (self._home / "tmp", self._home / "work", self._home / "run", self._outside):
                for path in _files(folder):
                    self._look(path)

    def _look(self, path: Path) -> None:
        new = str(path) not in self.seen
        self.seen.add(str(path))
        found = self._planted.within(str(path).encode()) if new else set()
        if path.is_relative_to(self._outside):
            with suppress(OSError):
                found |= self._planted.within(path.read_bytes())
        self.found |= {(str(path), word) for word in found}

    def end(self) -> None:
        self._over.set()
        self.join()


def _files(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        for parent, _, names in os.walk(folder):
            yield from (Path(parent, name) for name in names)


class Served:
    """`muniment up` as a person starts it, its output in files; commands beside it, whose errors are kept."""

    def __init__(self, run: Muniment, folder: Path, outside: Path) -> None:
        self.run, self.folder = run, folder
        run.environment |= {"MUNIMENT_LOG_LEVEL": "DEBUG", "TMPDIR": str(outside), "MUNIMENT_WATCH_SECONDS": "0.3"}
        run.environment |= {"MUNIMENT_STABLE_SECONDS": "0.5", "MUNIMENT_LEDGER_SECONDS": "1"}
        run.environment |= {"MUNIMENT_ARRIVING_SECONDS": "2", "MUNIMENT_WORKERS": "1"}
        self.inbox = Path(run.environment["MUNIMENT_HOME"]) / "inbox/default"
        self.logs: list[bytes] = []

    def __enter__(self) -> "Served":
        self._out, self._err = ((self.folder / name).open("wb") for name in ("up.out", "up.err"))
        command = [sys.executable, "-m", "cli.main", "up", "--no-web"]
        self.child = subprocess.Popen(
            command, cwd=ROOT, env=self.run.environment, stdout=self._out, stderr=self._err, start_new_session=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait(END)
        self._out.close()
        self._err.close()

    def end(self) -> None:
        self.child.send_signal(signal.SIGTERM)
        assert self.child.wait(END) == 0, (self.folder / "up.err").read_text()

    def __call__(self, *arguments: str | Path) -> Any:
        """Run a command; what it says beside its answer is kept to be looked through."""
        child = self.run.start(*arguments, "--json")
        out, err = child.communicate(timeout=300)
        assert child.returncode == 0, (arguments, out, err)
        self.logs.append(err)
        return json.loads(out)

    def ready(self) -> None:
        """Wait until it watches its folders."""
        deadline = time.monotonic() + SETTLED
        while not (self.inbox.is_dir() and (self.folder / "up.out").stat().st_size):
            assert self.child.poll() is None and time.monotonic() < deadline, (self.folder / "up.err").read_text()
            time.sleep(0.1)

    def drop(self, sheet: Path) -> None:
        """Lay a scan into the watched folder, whole."""
        part = self.inbox / f".{sheet.name}.part"
        part.write_bytes(sheet.read_bytes())
        part.rename(self.inbox / sheet.name)

    def until(self, true: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Wait until this is true of the scans; return them."""
        deadline = time.monotonic() + SETTLED
        while not true(scans := self("status")["scans"]):
            assert self.child.poll() is None and time.monotonic() < deadline, (self.folder / "up.err").read_text()
            time.sleep(0.5)
        return scans

    def settled(self, count: int) -> list[dict[str, Any]]:
        """Wait until this many scans are read to the end, and one is refused; return the former."""

        def done(scans: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [scan for scan in scans if scan["state"] in ("indexed", "in_review", "described")]

        wanted = (count, 1)
        return done(self.until(lambda all_: (len(done(all_)), [s["outcome"] for s in all_].count("refused")) == wanted))


def work_beside(served: Served, folder: Path) -> tuple[str, Path]:
    """Do what people do, with planted words wherever they may say some; return a record and its opened original."""
    served.ready()
    sheets = [draw(folder / f"{FILE_NAME}-{number}.tif", number) for number in range(2)]
    for sheet in sheets:
        served.drop(sheet)
    (served.inbox / f"{FILE_NAME}-bad.tif").write_bytes(b"II*\0" + PLANTED[0].encode() + bytes(100))
    record = str(served.settled(2)[0]["records"][0])
    assert [served("search", word)["total"] for word in ON_PAPER[:3]] == [2, 2, 2]
    opened = folder / f"{FILE_NAME}-opened"
    served("original", "open", record, "--reason", f"audit: {SAID}", "--to", opened)
    served("record", "text", record)
    served("record", "pdf", record, "--to", folder / "copy.pdf")
    served("review", "correct", record, "--set", f"supplier={CORRECTED}", "--reason", "review")
    served("person", "add", HOLDER)
    served("person", "accredit", HOLDER, "--role", "reader")
    served("place", "add", "S-01", "--capacity", "50")
    code = served("file", "receive", "--title", TITLE, "--pages", "3", "--record", record)["barcode"]
    served("file", "locate", code, "--at", "S-01")
    served("request", "add", code, "--by", HOLDER, "--purpose", f"legal: {SAID}")
    served("record", "export", record, "--to", folder / "package", "--reason", f"audit: {SAID}")
    served("custody", "check")
    served("ledger", "publish")
    return record, opened


def take_the_store_away(served: Served, folder: Path) -> None:
    """Let a scan come while the store is gone: what is said of that has no words either; then it is taken in.

    A bucket cannot be taken away from under a server that others use.
    """
    store = Path(served.run.environment["MUNIMENT_HOME"]) / "store"
    if served.run.environment.get("MUNIMENT_STORE") == "s3":
        return
    store.rename(store.with_name("away"))
    served.drop(draw(folder / f"{FILE_NAME}-late.tif", SHEETS - 1))
    served.until(lambda scans: any(scan["reason"] and scan["outcome"] == "waiting" for scan in scans))
    store.with_name("away").rename(store)
    served.settled(SHEETS)


@pytest.fixture(params=["embedded", pytest.param("servers", marks=pytest.mark.service)])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Muniment:
    home = tmp_path / "home"
    return servers(home, search="tantivy") if request.param == "servers" else embedded(home)


def test_planted_words_are_found_in_their_homes_and_nowhere_else(run: Muniment, tmp_path: Path) -> None:
    home, outside, folder = tmp_path / "home", tmp_path / "outside", tmp_path / "work"
    outside.mkdir()
    folder.mkdir()
    digests = [hashlib.sha256(draw(folder / "digest.tif", n).read_bytes()).digest() for n in range(SHEETS)]
    planted = ClearText(PLANTED, digests)
    run("status")  # the home is made
    sampler = Sampler(planted, home, outside)
    with Served(run, folder, outside) as served:
        sampler.start()
        record, opened = work_beside(served, folder)
        take_the_store_away(served, folder)
        during = [found for path in _files(home / "prefect") for found in _named(path, planted)]
        served.end()
    sampler.end()
    printed = [(folder / name).read_bytes() for name in ("up.out", "up.err")]
    assert b"sealed original" in printed[1] and record.encode() in b"".join(printed)  # there is something to look at

    assert [planted.within(data) for data in (*printed, *served.logs)] == [set()] * (2 + len(served.logs))
    assert during == [] and len(sampler.seen) >= 5 and sampler.found == set()
    assert [path for name in ("work", "tmp") for path in _files(home / name)] == []
    assert [found for path in _files(outside) for found in _named(path, planted)] == []
    looked = look_through_home(home, planted)
    assert looked["prefect"] >= 1 and looked["run"] >= 1
    assert runs_in_prefect(home) >= 2

    tables = list(rows(run))
    clear = {name for name, data in tables if planted.within(data)}
    assert clear == CLEAR_TABLES
    assert {name for name, data in tables if data} >= LEDGER_TABLES - {"outbox"}

    names, counted = [], 0
    for name, data in stored(run):
        names.append(name)
        assert (name, planted.within(name.encode()), planted.within(data)) == (name, set(), set())
        counted += len(data)
    assert len([name for name in names if name.endswith(".age")]) >= 6 and counted > 10_000
    assert any("tile/entries/" in name for name in names) and any(name.endswith("checkpoint") for name in names)

    # and the same looking finds them where they belong
    assert hashlib.sha256(opened.read_bytes()).digest() in digests
    text = subprocess.run(["pdftotext", folder / "copy.pdf", "-"], capture_output=True, check=True).stdout
    assert planted.within(text) >= {"Zarzaparrilla", "Melquiades", "Ferrocarriles", "B64717838"}
    in_catalogue = {FILE_NAME, SAID, HOLDER, TITLE, CORRECTED, "B64717838"}
    assert planted.within(b"\n".join(data for _, data in tables)) >= in_catalogue


def _named(path: Path, planted: ClearText) -> list[tuple[str, str]]:
    """Return the planted words of one file, in its name or its bytes; it may be gone."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    return [(str(path), word) for word in planted.within(data) | planted.within(path.name.encode())]


def look_through_home(home: Path, planted: ClearText) -> dict[str, int]:
    """Look at every file of the home but where clear text or keys lie; return how many, by folder."""
    looked: dict[str, int] = {}
    for path in _files(home):
        inside = path.relative_to(home)
        assert planted.within(str(inside).encode()) == set(), inside
        # what was refused lies in quarantine as it came, until a person has dealt with it
        if not inside.parts[0].startswith((*CLEAR_FOLDERS, "quarantine")):
            assert planted.within(path.read_bytes()) == set(), inside
            looked[inside.parts[0]] = looked.get(inside.parts[0], 0) + 1
    return looked


def runs_in_prefect(home: Path) -> int:
    """Return how many flow runs Prefect's database tells of."""
    (path,) = (path for path in _files(home / "prefect") if path.name == "prefect.db")
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT count(*) FROM flow_run").fetchone()[0])


def rows(run: Muniment) -> Iterator[tuple[str, bytes]]:
    """Yield each table's name and all its values, as the database returns them."""
    if run.environment.get("MUNIMENT_DATABASE_URL"):
        password = Path(setting("MUNIMENT_DATABASE_PASSWORD_FILE")).read_text().strip()
        url = run.environment["MUNIMENT_DATABASE_URL"].replace("+psycopg", "")
        with psycopg.connect(url, password=password) as server:
            listed = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (name,) in listed:
                yield name, _flat(server.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))))
        return
    with closing(sqlite3.connect(Path(run.environment["MUNIMENT_HOME"]) / "catalogue.db")) as file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            yield name, _flat(file.execute(f'SELECT * FROM "{name}"'))


def _flat(found: Iterable[tuple[Any, ...]]) -> bytes:
    values = (value for row in found for value in row if value is not None)
    return b"\n".join(bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in values)


def stored(run: Muniment) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of everything in the store and of the published ledger: files, or versions of objects."""
    if run.environment.get("MUNIMENT_STORE") != "s3":
        home = Path(run.environment["MUNIMENT_HOME"])
        for path in (*_files(home / "store"), *_files(home / "ledger")):
            yield str(path.relative_to(home)), path.read_bytes()
        return
    root = _root()
    for bucket in (run.environment["MUNIMENT_S3_BUCKET"], run.environment["MUNIMENT_LEDGER_BUCKET"]):
        for one in root.list_objects(bucket, recursive=True, include_version=True):
            if one.is_delete_marker:
                yield str(one.object_name), b""
                continue
            answer = root.get_object(bucket, str(one.object_name), version_id=one.version_id)
            try:
                yield str(one.object_name), b"\n".join([answer.data, repr(dict(answer.headers)).encode()])
            finally:
                answer.close()
                answer.release_conn()


def _root() -> Minio:
    """Return a client of the server's administrator, who sees every bucket, version and tag."""
    folder = Path(setting("MUNIMENT_TEST_S3"))
    first, second = ((folder / f"root-{half}").read_text().strip() for half in ("access", "secret"))
    http = urllib3.PoolManager(ca_certs=setting("MUNIMENT_S3_CA"), retries=False)
    return Minio(setting("MUNIMENT_S3_ENDPOINT").removeprefix("https://"), first, second, http_client=http)


PACK: dict[str, Callable[[str], bytes]] = {
    "as it stands": str.encode,
    "capitals in UTF-16": lambda word: word.upper().encode("utf-16-le"),
    "Base64 behind one byte": lambda word: base64.b64encode(b"x" + word.encode() + b"yz"),
    "hexadecimal": lambda word: word.encode().hex().encode(),
    "gzip in the middle": lambda word: b"head" + gzip.compress(b"before " + word.encode()) + b"tail",
    "zlib within zlib": lambda word: zlib.compress(zlib.compress(word.encode())),
}


@pytest.mark.parametrize("pack", PACK)
@pytest.mark.parametrize("word", [*PLANTED, "Papelería Ordóñez"])
def test_looking_finds_a_word_however_it_is_packed(word: str, pack: str) -> None:
    looking = ClearText([word])
    assert looking.within(b"\x00random " + PACK[pack](word) + b" bytes") == {word}
    assert looking.within(PACK[pack]("something quite different")) == set()
