"""The guards of the literal top-level packages, the layers, and the thresholds of STYLE.md."""

import ast
import subprocess
import sys
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ["cli", "web", "flows", "infra", "tasks", "custody", "search", "records"]
MODULES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))


@pytest.mark.parametrize("name", PACKAGES)
def test_generic_name_is_ours_alone(name: str) -> None:
    spec = find_spec(name)
    assert spec and spec.origin == str(ROOT / name / "__init__.py")
    assert set(packages_distributions().get(name, ["muniment"])) == {"muniment"}


def test_nothing_else_stands_at_the_top() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == set(PACKAGES)


def test_the_distribution_is_never_uploaded() -> None:
    assert "Private :: Do Not Upload" in (ROOT / "pyproject.toml").read_text()


def test_arrows_point_down() -> None:
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_and_says_what_it_answers_for(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400
    assert ast.get_docstring(ast.parse(text))


def test_no_module_is_named_for_nothing() -> None:
    names = {path.stem for path in MODULES} | {path.parent.name for path in MODULES}
    assert not names & {"utils", "helpers", "common", "core", "models", "manager", "misc"}


def test_a_plain_ingest_never_imports_prefect_nor_a_driver_it_does_not_use() -> None:
    code = (
        "import sys, cli.main, cli.ingest, cli.search, cli.record, tasks.pipeline; "
        "sys.exit(bool({'prefect', 'psycopg'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
