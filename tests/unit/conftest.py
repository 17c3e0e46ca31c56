"""Running commands in this process, on a temporary home, and a home in which scans are held already."""

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from watch_house import Clock, Watcher

from infra.services import Services


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
