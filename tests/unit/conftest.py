"""Running commands in this process, on a temporary home, and a home in which scans are held already."""

import dataclasses
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from desk_house import House
from disposal_house import (
    NAME,
    TEXT,
    VALUE,
    WORDS,
    Planted,
    Run,
)
from lock_house import InThisProcess
from locking import LockingStore, MovableClock
from notice_house import Inbox, lend_some, mail_server
from package_house import Publisher, make
from PIL import Image, ImageDraw, ImageFont
from scanner_house import Moved
from time_authority import TimeAuthority
from watch_house import Clock, Watcher

from custody import lock_assurance
from custody.sealing import seal_file
from custody.stores.assured import AssuredStore
from infra.i18n import translations
from infra.mail import SmtpMailer
from infra.services import Services, open_services
from tasks.desk.scanner import Session
from tasks.desk.things import Station
from tasks.desk_scans import CommandWords


@dataclass(frozen=True)
class Answer:
    """What a command gave back: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Run `muniment` in this process, in English."""
    from cli import frame
    from cli.main import main

    monkeypatch.setenv("MUNIMENT_LANGUAGE", "en")
    monkeypatch.setattr(frame, "_catalogue", [])

    def command(*arguments: str | Path) -> Answer:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        found = capsys.readouterr()
        return Answer(code, found.out, found.err)

    return command


@pytest.fixture(scope="session")
def held_home(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that holds an invoice, which waits for a person because of its account, and a letter."""
    from running import Muniment

    folder = tmp_path_factory.mktemp("held") / "home"
    muniment = Muniment(folder)
    ours = {name for name in muniment.environment if name.startswith("MUNIMENT_")} - {"MUNIMENT_HOME"}
    muniment.environment = {name: value for name, value in muniment.environment.items() if name not in ours}
    muniment("ingest", corpus / "digital.pdf", corpus / "letter.tif", "--batch", "Box 1", "--expected", "3", expect=3)
    return folder


@pytest.fixture
def held(home: Path, held_home: Path) -> Path:
    """A copy of `held_home`, as MUNIMENT_HOME."""
    shutil.copytree(held_home, home)
    return home


@pytest.fixture
def watcher(services: Services) -> Watcher:
    clock = Clock()
    services.clock = clock  # type: ignore[assignment]
    return Watcher(services, clock)


@pytest.fixture(scope="session")
def page() -> Callable[[int], bytes]:
    """Small whole TIFF files, one for each number, several strips each."""

    @cache
    def make(number: int) -> bytes:
        target = io.BytesIO()
        Image.effect_noise((300, 200), 40 + number).save(target, "TIFF", compression="tiff_lzw", dpi=(150, 150))
        return target.getvalue()

    return make


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TimeAuthority:
    return TimeAuthority(tmp_path_factory.mktemp("authority") / "tsa", key="P-256")


@pytest.fixture
def opened(held: Path) -> Iterator[Any]:
    from infra.services import open_services

    services = open_services()
    yield services
    services.close()


@pytest.fixture
def publisher(opened: Any, tmp_path: Path, authority: TimeAuthority) -> Publisher:
    return Publisher(opened, tmp_path, authority, renewals=1)


@pytest.fixture
def package(opened: Any, publisher: Publisher, tmp_path: Path) -> Path:
    return make(opened, publisher, tmp_path / "package")


@pytest.fixture(scope="session")
def planted_home(held_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], Path]:
    """A home with two records and a planted one; what `ingest` said of the planted scan; its file."""
    from running import Muniment

    folder = tmp_path_factory.mktemp("planted")
    shutil.copytree(held_home, folder / "home")
    muniment = Muniment(folder / "home")
    ours = {name for name in muniment.environment if name.startswith("MUNIMENT_")} - {"MUNIMENT_HOME"}
    muniment.environment = {name: value for name, value in muniment.environment.items() if name not in ours}
    file = folder / f"{NAME}.tif"
    page = Image.new("1", (1600, 400), 1)
    ImageDraw.Draw(page).text((60, 100), f"contrato {TEXT}", font=ImageFont.load_default(64), fill=0)
    page.save(file, dpi=(300, 300), compression="group4")
    (scan,) = muniment("ingest", file, "--class", "generic")["scans"]
    shutil.copy(file, folder / f"{NAME}-otra-vez.tif")
    assert muniment("ingest", folder / f"{NAME}-otra-vez.tif")["duplicate"] == 1
    record = scan["records"][0]
    muniment("review", "correct", record, "--set", f"reference={VALUE}", "--reason", f"review: {WORDS}")
    muniment("record", "show", record, "--reason", f"audit: {WORDS}")
    assert muniment("search", TEXT)["total"] == 1
    return folder / "home", scan, file


@pytest.fixture
def planted(home: Path, planted_home: tuple[Path, dict[str, Any], Path]) -> Planted:
    source, scan, file = planted_home
    shutil.copytree(source, home)
    return Planted(home, scan["records"][0], scan["original"], scan["scan"], scan["sha256"], file)


@pytest.fixture
def ana(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Ana acts; she is added at her first act, and accredited as approver."""

    def act(*arguments: Any) -> Any:
        added = run("person", "add", "Ana", "--json")
        if added.code == 0:
            run("person", "accredit", "Ana", "--role", "approver")
            monkeypatch.setenv("MUNIMENT_TOKEN", added.document["token"])
        return run("--as", "Ana", *arguments)

    return act


@pytest.fixture
def lockable(home: Path) -> Iterator[tuple[Services, LockingStore, MovableClock]]:
    """Services on a store with locks, at a time that stands still."""
    services = open_services()
    clock = MovableClock()
    clock.moment = services.clock.now()  # the events of the first use are of now
    store = LockingStore(home / "locking", clock.now)
    vault = dataclasses.replace(
        services.vault, seal=seal_file, clock=clock, store_mark="here",
        store=AssuredStore(store, lambda: lock_assurance.require_locks(services.vault), clock.now),
    )  # fmt: skip
    services.__dict__["vault"] = vault
    services.__dict__["children"] = InThisProcess()
    services.clock = clock
    services.leases._clock = clock
    yield services, store, clock
    services.close()


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, SmtpMailer]]:
    with mail_server() as server:
        yield server


@pytest.fixture
def lent(services: Any) -> Any:
    return lend_some(services)


@pytest.fixture
def two(held: Path, run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Run a command as Ana, a second reviewer."""
    token = run("person", "add", "Ana", "--json").document["token"]
    run("person", "accredit", "Ana", "--role", "reviewer")
    monkeypatch.setenv("MUNIMENT_TOKEN", token)
    return lambda *line: run("--as", "Ana", *line)


@pytest.fixture
def house(services: Any) -> House:
    made = House(services)
    made.place("A")
    made.place("B")
    made.person("Ana", "borrower")
    made.person("Luis", "borrower")
    return made


@pytest.fixture
def desk(house: House) -> Session:
    house.services.clock = Moved(house.services.clock)
    return Session(house.services, Station("test", "one"), CommandWords(translations("es").gettext))
