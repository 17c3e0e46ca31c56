"""A custody check while files are taken in, by this process or another, on SQLite and on PostgreSQL alike."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont
from running import Muniment
from sqlalchemy import Engine, select, update

from custody.tables import derivatives
from infra.services import open_services
from tasks import custody_check


def sheets(folder: Path, mark: str, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        page = Image.new("1", (900, 300), 1)
        ImageDraw.Draw(page).text((60, 100), f"{mark} sheet{number}", font=ImageFont.load_default(48), fill=0)
        page.save(folder / f"{number}.tif", dpi=(300, 300), compression="group4")
    return folder


@pytest.fixture
def muniment(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Muniment:
    """A home with one scan in it, on the engine's database."""
    for name in [name for name in os.environ if name.startswith("MUNIMENT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MUNIMENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MUNIMENT_WORKERS", "1")
    if engine.dialect.name == "postgresql":
        monkeypatch.setenv("MUNIMENT_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    made = Muniment(tmp_path / "home")
    made("ingest", sheets(tmp_path / "first", "first", 1))
    return made


@pytest.fixture
def services(muniment: Muniment) -> Iterator[Any]:
    opened = open_services()
    yield opened
    opened.close()


def checked(services: Any, progress: Callable[[], None] = lambda: None) -> Any:
    report = custody_check.check(services, progress)
    return report.verdict, [(found.kind, found.object, found.expected, found.found) for found in report.problems]


def once(act: Callable[[], Any]) -> Callable[[], None]:
    """Return what does `act` the first time it is called."""
    left = [act]
    return lambda: left.pop()() if left else None


def test_what_comes_in_during_a_check_is_no_fault(muniment: Muniment, services: Any, tmp_path: Path) -> None:
    second = sheets(tmp_path / "second", "second", 2)
    assert checked(services, once(lambda: muniment("ingest", second))) == ("holds", [])
    assert checked(services) == ("holds", [])


def test_a_derivative_that_is_replaced_during_a_check_is_no_fault(services: Any) -> None:
    store = services.places.store
    with services.database.read() as connection:
        row = connection.execute(select(derivatives).where(derivatives.c.kind == "words")).one()

    def replace() -> None:
        new = row.object_key.removesuffix(".age") + "0.age"
        shutil.copy(store / row.object_key, store / new)
        with services.database.write() as connection:
            connection.execute(update(derivatives).where(derivatives.c.kind == "words").values(object_key=new))
        (store / row.object_key).unlink()

    assert checked(services, once(replace)) == ("holds", [])
    (store / row.object_key.replace(".age", "0.age")).unlink()
    verdict, problems = checked(services)
    assert verdict == "does not hold" and [kind for kind, *_ in problems] == ["derivative"]


def test_an_index_that_goes_on_during_a_check_is_no_fault(
    muniment: Muniment, services: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = sheets(tmp_path / "second", "second", 1)
    real = services.index.contents
    take_in = once(lambda: muniment("ingest", second))

    def contents() -> Any:
        take_in()  # after the catalogue was asked, before the index is
        return real()

    monkeypatch.setattr(services.index, "contents", contents)
    assert checked(services) == ("holds", [])


def test_checks_again_and_again_while_another_process_takes_in(
    muniment: Muniment, services: Any, tmp_path: Path
) -> None:
    child = muniment.start("ingest", sheets(tmp_path / "many", "many", 12), "--json")
    verdicts = []
    while child.poll() is None:
        verdicts.append(checked(services))
        time.sleep(0.01)
    out, err = child.communicate()
    assert child.returncode == 0, (out, err)
    assert len(verdicts) > 3 and set(map(str, verdicts)) == {str(("holds", []))}
