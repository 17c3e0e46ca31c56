"""OCRmyPDF as a benchmark's peer: found on the machine, or installed into a virtual environment of its own.

What is missing is said with the way to install it; a peer that cannot run is a row of the table all the same.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cli.bench_runs import Run, timed

REQUIREMENT = "ocrmypdf>=16"  # the extra `bench` of pyproject.toml says the same
NOT_PDFA = 10  # exit code: a sound PDF was made, but no PDF/A
INSTALL_SECONDS = 900.0
SHOWN = 160  # characters of what a peer said last


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to run OCRmyPDF: its name in the table, options, and the programs it needs with their Debian packages."""

    what: str
    options: tuple[str, ...]
    programs: dict[str, str]


PEERS = (
    Peer("OCRmyPDF default", (), {"tesseract": "tesseract-ocr"}),
    Peer(
        "OCRmyPDF --deskew --rotate-pages --clean",
        ("--deskew", "--rotate-pages", "--clean"),
        {"tesseract": "tesseract-ocr", "unpaper": "unpaper"},
    ),
)


@dataclass(frozen=True, slots=True)
class Absent:
    """Why a peer cannot run, and how to mend it."""

    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """OCRmyPDF's command and version."""

    command: str
    version: str


def find_ocrmypdf(environment: dict[str, str], cache: Path, say: Callable[[str], None]) -> Found | Absent:
    """Return OCRmyPDF from PATH, else from its own environment below `cache`, which is made where it is absent.

    Args:
        environment: variables of the search and of pip.
        cache: the user's cache folder of Muniment.
        say: tells the person that something is being installed.
    """
    command = shutil.which("ocrmypdf", path=environment.get("PATH"))
    if command is None:
        made = cache / "bench" / "ocrmypdf"
        command = str(made / "bin" / "ocrmypdf")
        if not Path(command).exists():
            say(f"installing {REQUIREMENT} into {made} (once)")
            if not _install(made, environment):
                return Absent(
                    f"OCRmyPDF is not installed and pip could not install it; "
                    f"run: pip install '{REQUIREMENT}', or: apt-get install ocrmypdf"
                )
    asked = _ask([command, "--version"], environment)
    return Found(command, asked.stdout.strip()) if asked.returncode == 0 else Absent("ocrmypdf --version fails")


def run_peer(
    peer: Peer, found: Found, pages: Path, language: str, cores: int, environment: dict[str, str]
) -> Run | Absent:
    """Let a peer read one PDF; `cores` of its jobs at once, its output beside the input.

    With Ghostscript it is asked for PDF/A; without, for what it makes of itself (PDF/A where it can).
    """
    path = environment.get("PATH")
    missing = {name: package for name, package in peer.programs.items() if shutil.which(name, path=path) is None}
    if missing:
        return Absent(f"missing: {', '.join(missing)}; run: apt-get install {' '.join(missing.values())}")
    kind = ["--output-type", "pdfa"] if "--clean" in peer.options and shutil.which("gs", path=path) else []
    target = pages.with_name("peer.pdf")
    command = [found.command, "-q", "-l", language, "-j", str(cores), *kind, *peer.options, str(pages), str(target)]
    run = timed(command, environment, pages.parent)
    target.unlink(missing_ok=True)
    if run.code not in (0, NOT_PDFA):
        last = run.said.strip().splitlines()[-1:]
        return Absent(f"ended with code {run.code}: {' '.join(last)[:SHOWN]}")
    return run


def _install(folder: Path, environment: dict[str, str]) -> bool:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    made = _ask([sys.executable, "-m", "venv", str(folder)], environment)
    if made.returncode == 0:
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q", "install", REQUIREMENT]
        made = _ask(pip, environment)
    if made.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
    return made.returncode == 0


def _ask(command: list[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, errors="replace", timeout=INSTALL_SECONDS, check=False
    )
