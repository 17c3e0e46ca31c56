"""Running the real command as a child, as a person or script would."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


class Muniment:
    """Runs the real command as a child and reads its JSON."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.environment = {**os.environ, "MUNIMENT_HOME": str(home), "LC_ALL": "C.UTF-8", **environment}

        self.prefix: tuple[str, ...] = ()

    def start(self, *arguments: str | Path, **environment: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [*self.prefix, sys.executable, "-m", "cli.main", *map(str, arguments)],
            cwd=ROOT,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __call__(self, *arguments: str | Path, expect: int | None = 0, **environment: str) -> Any:
        child = self.start(*arguments, "--json", **environment)
        out, err = child.communicate(timeout=600)
        if expect is not None:
            assert child.returncode == expect, (child.returncode, out.decode(), err.decode())
        document: dict[str, Any] = json.loads(out) if out else {}
        return document
