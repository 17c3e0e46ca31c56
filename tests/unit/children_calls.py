"""What the tests of the children send into them: calls that hang, crash, eat memory, or start programs."""

import ctypes
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

from records.errors import RefusedScanError


def double(number):
    return 2 * number


def pid():
    return os.getpid()


def sleep(seconds):
    time.sleep(seconds)


def hang_in_native_code():
    re.match(r"(a+)+$", "a" * 60 + "b")


def crash():
    ctypes.string_at(0)


def eat(count):
    return len(bytearray(count))


def refuse():
    raise RefusedScanError("empty", "the file has no bytes")


def fail_with_text():
    raise ValueError("the name of a person")


def start_program(note, seconds):
    """Start a program of the child's own, note its number, and wait for it."""
    program = subprocess.Popen(["sleep", str(seconds)])
    Path(note).write_text(f"{os.getpid()} {program.pid}")
    program.wait()


def surroundings():
    return {
        "threads": os.environ["OMP_THREAD_LIMIT"],
        "temporary": os.environ["TMPDIR"],
        "address_space": resource.getrlimit(resource.RLIMIT_AS)[0],
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
        "group": os.getpgrp() == os.getpid(),
        "main": getattr(sys.modules["__main__"], "__file__", None),
        "modules": sorted(name for name in ("numpy", "cv2", "pytest", "prefect") if name in sys.modules),
    }


def leave_a_file():
    path = Path(os.environ["TMPDIR"]) / "left"
    path.write_text("x")
    return str(path)


def loaded() -> frozenset[str]:
    """Return the names of the packages this child has loaded."""
    return frozenset(name.partition(".")[0] for name in sys.modules)


def look_at_a_slip():
    """Have the second engine read an empty slip; return the names of files that this process opened for writing."""
    import numpy as np

    from tasks.line_engine import open_line_engine

    engine = open_line_engine()
    engine.read(np.full((400, 200), 255, np.uint8))
    time.sleep(2)  # what reports does so from a thread of its own
    return sorted(str(path) for root in (os.environ["HOME"], os.environ["TMPDIR"]) for path in Path(root).rglob("*"))
