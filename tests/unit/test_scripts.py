"""The scripts are plain POSIX sh, say how they are used, and do not take what is not theirs."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _is_shell(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(40)
    return start.startswith((b"#!/bin/sh\n", b"# shellcheck shell=sh\n"))


PLACES = ("script", "infra/services", "infra/container", ".ci")
FILES = sorted(path for place in PLACES for path in (ROOT / place).iterdir() if path.is_file())
SCRIPTS = [path for path in FILES if _is_shell(path)]
NAMES = [str(path.relative_to(ROOT)) for path in SCRIPTS]


def test_the_scripts_are_found():
    assert {"script/setup", "script/test", "script/services", "script/packages", ".ci/run"} <= set(NAMES)
    assert [path for path in FILES if path.parent.name in ("script", ".ci") and path not in SCRIPTS] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_the_shell_takes_it(script):
    shell = shutil.which("dash") or "sh"
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_shellcheck_finds_nothing():
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed: apt-get install shellcheck")
    command = ["shellcheck", "-x", "-e", "SC2317", *NAMES]  # SC2317: what a trap calls is not unreachable
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_what_is_called_can_be_run_and_what_is_read_is_not(script):
    is_called = script.read_bytes().startswith(b"#!")
    assert os.access(script, os.X_OK) is is_called


def _sh(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables}
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT, env=environment)


def test_services_says_how_it_is_used():
    done = _sh("script/services")
    assert done.returncode == 2
    for word in ("up", "env", "status", "down", "MUNIMENT_SERVICES_ROOT"):
        assert word in done.stderr


def test_services_knows_its_parts(tmp_path):
    done = _sh("script/services up postgress", MUNIMENT_SERVICES_ROOT=str(tmp_path))
    assert done.returncode == 1
    assert "postgress" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_services_not_started_are_not_up_and_have_no_settings(tmp_path):
    done = _sh("script/services status", MUNIMENT_SERVICES_ROOT=str(tmp_path))
    assert (done.returncode, done.stdout.count("not up")) == (1, 4)
    done = _sh("script/services env", MUNIMENT_SERVICES_ROOT=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "")


def test_services_down_ends_its_own_process_and_nobody_elses(tmp_path):
    (tmp_path / "kept.txt").write_text("not of the servers")
    (tmp_path / "minio").mkdir()
    (tmp_path / "opensearch").mkdir()
    own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        born = (Path("/proc") / str(own.pid) / "stat").read_text().rpartition(") ")[2].split()[19]
        (tmp_path / "minio" / "pid").write_text(f"{own.pid} {born}\n")
        # an id that came to somebody else after ours had ended
        (tmp_path / "opensearch" / "pid").write_text(f"{other.pid} 1\n")
        begun = time.monotonic()
        done = _sh("script/services down", MUNIMENT_SERVICES_ROOT=str(tmp_path))
        assert (done.returncode, done.stdout) == (0, "minio: stopped\n")
        assert time.monotonic() - begun < 20
        assert own.wait(5) == -15
        assert other.poll() is None
        assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
    finally:
        for process in (own, other):
            process.kill()
            process.wait()


def test_settings_are_printed_so_that_a_shell_reads_them_back():
    done = _sh(
        ". infra/services/common.sh; say_setting A 'plain/value:1?x=y'; say_setting B \"it's & a \\$b\"",
    )
    assert done.stdout.splitlines()[0] == "A=plain/value:1?x=y"
    back = _sh(f'{done.stdout}\nprintf "%s|%s" "$A" "$B"')
    assert back.stdout == "plain/value:1?x=y|it's & a $b"


def test_packages_names_what_is_missing_where_it_cannot_install(tmp_path):
    for name in ("sh", "id", "dpkg-query", "apt-get"):
        (tmp_path / name).symlink_to(shutil.which(name) or "/bin/false")
    fake_id = tmp_path / "id"
    fake_id.unlink()
    fake_id.write_text("#!/bin/sh\necho 1000\n")
    fake_id.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "script/packages", "no-such-package"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
    )
    assert done.returncode == 3
    assert "apt-get install --no-install-recommends no-such-package" in done.stderr


def test_test_refuses_a_folder_that_is_not_there():
    done = _sh("script/test nowhere")
    assert done.returncode == 2
    assert "tests/nowhere" in done.stderr


def test_make_lists_its_targets_and_each_calls_something_that_is_there():
    if not shutil.which("make"):
        pytest.skip("make is not installed: apt-get install make")
    done = _sh("make")
    assert done.returncode == 0
    for target in ("help", "check", "test", "services", "services-env", "up", "bench", "crash", "demo"):
        assert f"  {target} " in done.stdout
        dry = _sh(f"make -n {target}")
        assert dry.returncode == 0, dry.stderr
