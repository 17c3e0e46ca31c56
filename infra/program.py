"""Where this program lies: folders that watched ones must keep apart from (intake, section 4.12)."""

import sys
import sysconfig
from pathlib import Path

from infra.settings import run_environment


def program_folders() -> tuple[Path, ...]:
    """Return the folders of the interpreter, its environment, its libraries and of programs that are found by name."""
    libraries = (sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib", "scripts"))
    programs = run_environment().get("PATH", "").split(":")
    named = (sys.prefix, sys.base_prefix, str(Path(sys.executable).parent), *libraries, *programs)
    return tuple(sorted({Path(name) for name in named if name and Path(name).is_absolute()}))


def start_folders() -> tuple[Path, ...]:
    """Return the working folder and the folders that modules are imported from."""
    return tuple(sorted({Path.cwd(), *(Path(name) for name in sys.path if name and Path(name).is_absolute())}))
