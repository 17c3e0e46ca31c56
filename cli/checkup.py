"""What this machine must have: interpreter, packages, models, engine, programs. Each check says how to mend it.

A check of level `needed` must hold for the doctor to say ok; `advice` is reported until it is followed. `fix` is a
command to type. Checks of the installation itself: cli/checkup_home.py.
"""

import importlib.metadata
import importlib.util
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from packaging.requirements import Requirement

from infra.settings import Settings
from records.client_words import parse_client_words
from records.errors import ConfigurationError, EngineUnavailableError
from tasks.line_engine import is_installed
from tasks.ocr import available_languages, find_tessdata

Level = Literal["needed", "advice"]
PYTHON = (3, 11)
PINNED = ("prefect", "fastapi")  # a newer one of either starts and then fails: said by name
MODELS = {"spa": "tesseract-ocr-spa", "eng": "tesseract-ocr-eng"}  # language -> Debian package, where it is no rule


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, what is wanted, and the command that mends it."""

    name: str
    ok: bool
    found: str
    wanted: str
    fix: str | None = None
    level: Level = "needed"


def apt(*packages: str) -> str:
    """Return the command that installs Debian packages."""
    before = "" if os.geteuid() == 0 else "sudo "
    return f"{before}apt-get install -y --no-install-recommends {' '.join(packages)}"


def machine_checks(settings: Settings) -> list[Check]:
    """Return every check of the machine, in the order in which things are needed."""
    checks: Sequence[Callable[[Settings], list[Check]]] = (
        _python, _packages, _models, _engine, _client_words, _programs,
    )  # fmt: skip
    return [check for part in checks for check in part(settings)]


def _python(_settings: Settings) -> list[Check]:
    found = ".".join(str(part) for part in sys.version_info[:3])
    return [Check("python", sys.version_info >= PYTHON, found, ">= 3.11", apt("python3", "python3-venv"))]


def _packages(_settings: Settings) -> list[Check]:
    """Compare what is installed with what the project asks for; nothing is imported."""
    wrong, checks = [], []
    for requirement in _requirements():
        version = _version(requirement.name)
        ok = version is not None and requirement.specifier.contains(version, prereleases=True)
        fix = f"{sys.executable} -m pip install '{requirement.name}{requirement.specifier}'"
        if requirement.name in PINNED:
            checks.append(Check(requirement.name, ok, version or "not installed", str(requirement.specifier), fix))
        elif not ok:
            wrong.append(f"{requirement.name} {version or 'not installed'}")
    found = ", ".join(wrong) or "as the project asks for"
    fix = f"{sys.executable} -m pip install --editable ."
    return [Check("packages", not wrong, found, "as the project asks for", fix), *checks]


def _requirements() -> list[Requirement]:
    try:
        texts = importlib.metadata.requires("muniment") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = [Requirement(text) for text in texts]
    return [one for one in found if one.marker is None or one.marker.evaluate({"extra": ""})]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _models(settings: Settings) -> list[Check]:
    """Every language that is set must have its model, and the model must be readable."""
    try:
        folder = find_tessdata(settings.tessdata)
        there = available_languages(settings.tessdata)
    except EngineUnavailableError:
        folder, there = None, ()
    checks = []
    for language in settings.languages.split("+"):
        path = None if folder is None else folder / f"{language}.traineddata"
        ok = path is not None and language in there and os.access(path, os.R_OK)
        package = MODELS.get(language, f"tesseract-ocr-{language.replace('_', '-').lower()}")
        found = str(path) if ok else "not there or not readable"
        checks.append(Check(f"model {language}", ok, found, "a readable Tesseract model", apt(package)))
    return checks


def _engine(settings: Settings) -> list[Check]:
    """Say which home of the engine is used; in process is the faster one."""
    in_process = _version("tesserocr") is not None and importlib.util.find_spec("tesserocr") is not None
    command = shutil.which("tesseract")
    by_command = command is not None and _version("pytesseract") is not None
    wanted = settings.ocr_engine
    if wanted in ("auto", "tesserocr") and in_process:
        found, ok = f"tesserocr {_version('tesserocr')}, in process", True
    elif wanted in ("auto", "pytesseract") and by_command:
        found, ok = f"pytesseract {_version('pytesseract')}, {command}", True
    else:
        found, ok = "none", False
    fix = apt("tesseract-ocr") if wanted != "tesserocr" else f"{sys.executable} -m pip install tesserocr"
    second = is_installed()
    extra = f"{sys.executable} -m pip install --editable '.[lines]'"
    return [
        Check("engine", ok, found, "Tesseract" if wanted == "auto" else wanted, fix),
        Check(
            "second engine",
            second or settings.second_engine == "none",
            f"rapidocr {_version('rapidocr')}" if second else "none",
            "rapidocr, for receipts",
            extra,
            "advice",
        ),
    ]


def _client_words(settings: Settings) -> list[Check]:
    """Every file of a client's words must be one that can be taken: else that client's scans wait unread."""
    folder, wanted = settings.words_folder, "UTF-8 text, a word a line"
    if folder is None:
        return []
    if not folder.is_dir():
        return [Check("clients' words", False, "no such folder", wanted, f"mkdir -p {shlex.quote(str(folder))}")]
    checks = []
    for file in sorted(folder.glob("*.txt")):
        try:
            found, ok = f"{len(parse_client_words(file.read_bytes()))} words", True
        except (ConfigurationError, OSError) as error:
            found, ok = str(error) if isinstance(error, ConfigurationError) else "not readable", False
        checks.append(Check(f"words of {file.stem}", ok, found, wanted, f"${{EDITOR:-vi}} {shlex.quote(str(file))}"))
    return checks


def _programs(settings: Settings) -> list[Check]:
    poppler, age = shutil.which("pdftoppm"), shutil.which("age")
    level: Level = "needed" if settings.renderer == "poppler" else "advice"
    return [
        Check("poppler", poppler is not None, poppler or "none", "pdftoppm", apt("poppler-utils"), level),
        Check("age", age is not None, age or "none", "age, to open sealed files by hand", apt("age"), "advice"),
        Check(
            "signatures",
            importlib.util.find_spec("pyhanko") is not None,
            f"pyhanko {_version('pyhanko') or 'none'}",
            "pyhanko, for signed PDFs",
            f"{sys.executable} -m pip install --editable '.[signatures]'",
            "advice",
        ),
    ]
