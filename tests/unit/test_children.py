"""The pool of limited children: each limit, on a real child."""

import contextlib
import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from infra.children import Children
from records.errors import ChildFaultError, ChildLimitError, ConfigurationError, RefusedScanError
from tasks.line_engine import is_installed
from tests.unit import children_calls as calls

GIB = 1024**3
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def children(tmp_path):
    with Children(2, GIB, tmp_path) as pool:
        yield pool


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone(pid: int, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not is_running(pid):
            return True
        time.sleep(0.02)
    return False


def wait_for(path: Path) -> list[int]:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if path.exists() and len(numbers := path.read_text().split()) == 2:
            return [int(number) for number in numbers]
        time.sleep(0.02)
    raise AssertionError("the child did not start its program")


def test_nothing_starts_before_the_first_call(tmp_path):
    with Children(2, GIB, tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_a_call_answers_from_another_process(children):
    assert children.run(10, calls.double, 21) == 42
    assert children.run(10, calls.pid) != os.getpid()


def test_a_domain_error_comes_back_as_itself(children):
    with pytest.raises(RefusedScanError) as caught:
        children.run(10, calls.refuse)
    assert (caught.value.code, caught.value.detail) == ("empty", "the file has no bytes")


def test_the_text_of_a_foreign_error_stays_in_the_child(children):
    with pytest.raises(ChildFaultError, match="ValueError") as caught:
        children.run(10, calls.fail_with_text)
    assert "person" not in str(caught.value)
    assert "children_calls.py" in str(caught.value)


@pytest.mark.parametrize("call", [(calls.sleep, 60), (calls.hang_in_native_code,)], ids=["asleep", "native code"])
def test_time_over_ends_the_child_at_once(children, call):
    children.run(10, calls.pid)
    start = time.monotonic()
    with pytest.raises(ChildLimitError) as caught:
        children.run(0.5, *call)
    assert caught.value.limit == "time"
    assert time.monotonic() - start < 2.5


def test_time_over_costs_only_its_own_call(children):
    slow = children.submit(0.5, calls.sleep, 60)
    others = [children.submit(10, calls.double, number) for number in range(20)]
    assert [other.result() for other in others] == [2 * number for number in range(20)]
    with pytest.raises(ChildLimitError):
        slow.result()
    assert children.run(10, calls.double, 1) == 2


def test_programs_that_a_child_started_die_with_it(children, tmp_path):
    note = tmp_path / "note"
    with pytest.raises(ChildLimitError):
        children.run(1.0, calls.start_program, note, 600)
    child, program = wait_for(note)
    assert gone(child)
    assert gone(program)


def test_too_much_memory_is_told_from_a_crash(children):
    with pytest.raises(ChildLimitError) as caught:
        children.run(10, calls.eat, 4 * GIB)
    assert caught.value.limit == "memory"
    with pytest.raises(ChildLimitError) as caught:
        children.run(10, calls.crash)
    assert caught.value.limit == "crash"
    assert children.run(10, calls.eat, 1000) == 1000


def test_a_child_is_limited_before_it_loads_anything(children, tmp_path):
    found = children.run(10, calls.surroundings)
    assert found["threads"] == "1"
    assert found["address_space"] == GIB
    assert found["core"] == 0
    assert found["group"]
    assert found["main"] is None
    assert found["modules"] == []
    assert Path(found["temporary"]).is_relative_to(tmp_path)


@pytest.mark.skipif(not is_installed(), reason="the extra 'lines' (rapidocr, onnxruntime) is not installed")
def test_libraries_report_their_use_to_nobody_and_leave_nothing(tmp_path, monkeypatch):
    for name in ("CI", "XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with contextlib.closing(Children(1, 4 * GIB, tmp_path)) as children:
        assert children.run(60, calls.look_at_a_slip) == []


def test_temporary_files_go_with_the_pool(tmp_path):
    with Children(1, GIB, tmp_path) as pool:
        left = Path(pool.run(10, calls.leave_a_file))
        assert left.exists()
        assert left.parent.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []


def test_temporary_files_of_a_killed_child_go_with_it(children):
    left = Path(children.run(10, calls.leave_a_file))
    for _ in range(2):  # both children
        with pytest.raises(ChildLimitError):
            children.run(10, calls.crash)
    assert not left.exists()


def test_many_threads_may_call_at_once(children):
    answers = {}

    def ask(number):
        answers[number] = children.run(20, calls.double, number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: 2 * number for number in range(16)}


def test_an_idle_child_that_is_killed_costs_nothing(tmp_path):
    with Children(1, GIB, tmp_path) as pool:
        os.kill(pool.run(10, calls.pid), 9)
        assert pool.run(10, calls.double, 4) == 8


def test_closing_ends_what_runs(tmp_path):
    pool = Children(1, GIB, tmp_path)
    child = pool.run(10, calls.pid)
    running, waiting = pool.submit(60, calls.sleep, 60), pool.submit(60, calls.sleep, 60)
    start = time.monotonic()
    pool.close()
    assert time.monotonic() - start < 5
    assert running.cancelled()
    assert waiting.cancelled()
    assert gone(child)
    with pytest.raises(ConfigurationError):
        pool.run(10, calls.pid)


def test_children_die_with_a_parent_that_is_killed(tmp_path):
    note = tmp_path / "note"
    script = tmp_path / "parent.py"
    script.write_text(
        "import threading\n"
        "from pathlib import Path\n"
        "from infra.children import Children\n"
        "from tests.unit import children_calls as calls\n"
        "if __name__ == '__main__':\n"
        f"    pool = Children(1, {GIB}, Path({str(tmp_path)!r}))\n"
        # the thread that starts the child ends before the parent is killed: the child must not follow it
        "    first = threading.Thread(target=pool.run, args=(10, calls.pid))\n"
        "    first.start(); first.join()\n"
        f"    pool.run(600, calls.start_program, {str(note)!r}, 600)\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        child, program = wait_for(note)
        assert is_running(child)
        assert is_running(program)
    finally:
        parent.kill()
        parent.wait()
    assert gone(child)
    assert gone(program)


def test_errors_of_limits_survive_pickling():
    assert pickle.loads(pickle.dumps(ChildLimitError("time"))).limit == "time"
