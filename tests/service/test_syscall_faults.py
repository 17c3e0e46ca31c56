"""Every system call that writes fails, or is the process's last: nothing is lost or doubled (Tessera's way of testing).

One accession on a directory and SQLite runs under strace, which lets the n-th call of a kind fail with EIO, ENOSPC or
EINTR, or kills the process there, as if the power had gone. Then the sweeper finishes, the same file is offered again,
and every invariant must hold. `make crash` fails every call; without --every-call some of each kind are taken.
"""

import collections
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from one_accession import opened, recover, run_once
from PIL import Image, ImageDraw
from straced import FAULTS, Ended, chosen, injected, need_strace, run_under_strace

pytestmark = pytest.mark.crash

EVERY = 6  # of the calls of a kind, one in so many is taken where not all are asked for


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sheet") / "a.tif"
    page = Image.new("L", (600, 400), 255)
    ImageDraw.Draw(page).text((60, 100), "muniment", fill=0)
    page.save(path)
    return path


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, sheet: Path) -> Iterator[Path]:
    """A home that was made and holds nothing; another one has taken a scan in, so that all modules are loaded."""
    need_strace()
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("MUNIMENT_")]:
        del os.environ[name]
    folder = tmp_path_factory.mktemp("homes")
    opened(folder / "template").close()
    assert run_once(folder / "other", sheet, lambda: None) == 0
    yield folder / "template"
    os.environ.clear()
    os.environ.update(before)


def test_every_call_that_writes_may_fail_or_be_the_last(
    template: Path, sheet: Path, tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    everything, seed = pytestconfig.getoption("--every-call"), pytestconfig.getoption("--seed")
    home, trace = tmp_path / "home", tmp_path / "trace"

    def once(*arguments: str) -> Ended:
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(template, home)
        return run_under_strace(lambda ready: run_once(home, sheet, ready), trace, *arguments)

    undisturbed = once()
    assert undisturbed.code == 0
    assert undisturbed.calls["fsync"] >= 8 and undisturbed.calls["pwrite64"] >= 10, undisturbed.calls
    failures: list[tuple[object, str]] = []
    done: dict[str, collections.Counter[str]] = {fault: collections.Counter() for fault in FAULTS}
    for call, count in sorted(undisturbed.calls.items()):
        for number in chosen(count, everything, seed, EVERY):
            for fault in FAULTS:
                ended = once(*injected(call, fault, number))
                what = (call, number, fault, ended.code)
                assert ended.code in ((-signal.SIGKILL,) if fault == "KILL" else (0, 1, 2)), what
                services = opened(home, later=True)
                try:
                    recover(services, sheet)
                except Exception as error:  # noqa: BLE001  all are told together
                    failures.append((what, f"{type(error).__name__}: {error}"))
                finally:
                    services.close()
                done[fault][f"{call} {'went on' if ended.code == 0 else 'stopped'}"] += 1
    assert failures == []
    with capsys.disabled():
        calls = {call: len(chosen(count, everything, seed, EVERY)) for call, count in sorted(undisturbed.calls.items())}
        ran = sum(sum(counts.values()) for counts in done.values())
        went_on = {fault: sum(n for name, n in c.items() if "went on" in name) for fault, c in done.items()}
        print(json.dumps({"calls": dict(sorted(undisturbed.calls.items())), "failed": calls, "runs": ran,
                          "went_on": went_on}))  # fmt: skip
