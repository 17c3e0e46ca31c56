"""Memory does not grow with the file (design, section 2, rule 12): sealing, storing in parts, reading back.

PSS of the command and of each child is sampled, as `muniment bench` does it. A factor of eight in size may cost no more
than the noise between two runs. With --large MEBIBYTES one file of that size goes through and its figures are printed.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from running import ROOT, Muniment, embedded, servers

from cli.bench_memory import Peak, measure_here, peak_of

MIB = 1 << 20
SMALL, LARGE = 48, 384  # MiB
NOISE = 24 * MIB
MOST = 250 * MIB  # of any one process, storing in parts of 16 MiB
HOMES = ["embedded", pytest.param("servers", marks=pytest.mark.service)]


def installation(where: str, home: Path) -> Muniment:
    run = servers(home, search="tantivy") if where == "servers" else embedded(home)
    run("status")  # made beforehand: what first use costs is not measured
    return run


def take_in(run: Muniment, mebibytes: int, folder: Path) -> tuple[Peak, dict[str, Any]]:
    measure = measure_here()
    if measure is None:
        pytest.skip("no process table here: memory cannot be watched")
    command = [sys.executable, str(ROOT / "tests/one_large_file.py"), str(mebibytes)]
    environment = {**run.environment, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    peak = peak_of(command, environment, ROOT, folder / "answer", measure)
    assert peak.code == 0, peak.answer
    return peak, json.loads(peak.answer)


@pytest.mark.parametrize("where", HOMES)
def test_a_file_of_eight_times_the_size_costs_no_more_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    run = installation(where, tmp_path / "home")
    small, _ = take_in(run, SMALL, tmp_path)
    large, said = take_in(run, LARGE, tmp_path)
    with capsys.disabled():
        grown = {"small_mib": small.tree_bytes // MIB, "large_mib": large.tree_bytes // MIB}
        print(json.dumps({"where": where, **said, **grown, "largest_process_mib": large.largest_bytes // MIB}))
    assert large.largest_bytes < MOST
    assert large.largest_bytes < small.largest_bytes + NOISE
    assert large.tree_bytes < small.tree_bytes + 2 * NOISE


@pytest.mark.parametrize("where", HOMES)
def test_one_file_of_the_size_asked_for(
    tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    mebibytes = pytestconfig.getoption("--large")
    if not mebibytes:
        pytest.skip("takes minutes and three times the file's size on disk: ask for it by --large MEBIBYTES")
    peak, said = take_in(installation(where, tmp_path / "home"), mebibytes, tmp_path)
    with capsys.disabled():
        found = {"largest_process_mib": peak.largest_bytes // MIB, "all_mib": peak.tree_bytes // MIB}
        print(json.dumps({"where": where, **said, **found}))
    assert peak.largest_bytes < MOST
