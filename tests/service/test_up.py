"""`muniment up` as people run it: a child process with its own server, fed through its folders, ended and killed."""

import json
import os
import queue
import signal
import struct
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

pytestmark = pytest.mark.flow
READY, OUTCOME, END = 120.0, 90.0, 30.0  # seconds


def draw(path: Path, *words: str) -> None:
    image = Image.new("L", (1400, 150 + 150 * len(words)), 255)
    pen = ImageDraw.Draw(image)
    for line, word in enumerate(words):
        pen.text((100, 80 + 150 * line), word, fill=0, font=ImageFont.load_default(80))
    image.save(path, "TIFF", dpi=(200, 200))


def bomb(path: Path) -> None:
    """Write a picture that says it is 100,000 pixels wide and high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def below(pid: int) -> set[int]:
    """Return the processes below one."""
    found: set[int] = set()
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, path.read_text().split()):
                found |= {child, *below(child)}
    return found


def until(true: Callable[[], Any], seconds: float = END) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := true()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)
    return answer


class Up:
    """One running `up` and the lines it prints."""

    def __init__(self, muniment: Any) -> None:
        self.muniment = muniment
        self.child: subprocess.Popen[bytes] = muniment.start(
            "up", "--json", "--no-web", MUNIMENT_WATCH_SECONDS="0.3", MUNIMENT_STABLE_SECONDS="1",
            MUNIMENT_ARRIVING_SECONDS="4", MUNIMENT_LOG_LEVEL="INFO",
        )  # fmt: skip
        self.lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.errors: list[bytes] = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()
        self.ready = self.line(READY)
        self.inbox = Path(self.ready["inbox"]) / "default"

    def _read(self) -> None:
        for line in self.child.stdout or ():
            self.lines.put(json.loads(line))

    def _read_errors(self) -> None:
        self.errors.extend(self.child.stderr or ())

    def line(self, seconds: float = OUTCOME) -> dict[str, Any]:
        try:
            return self.lines.get(timeout=seconds)
        except queue.Empty:
            pytest.fail(f"no line in {seconds} s; it said: {b''.join(self.errors).decode()}")

    def scans(self, count: int) -> dict[str, dict[str, Any]]:
        """Return the next lines by their file's name."""
        return {Path(line["path"]).name: line for line in (self.line() for _ in range(count))}

    def server(self) -> int:
        home = self.muniment.environment["MUNIMENT_HOME"]
        return int(Path(home, "run", "prefect.pid").read_text().split(":")[1])

    def end(self, number: int = signal.SIGTERM) -> int:
        self.child.send_signal(number)
        return self.child.wait(END)


@pytest.fixture
def start(muniment: Any) -> Iterator[Callable[[], Up]]:
    started: list[Up] = []

    def one() -> Up:
        started.append(Up(muniment))
        return started[-1]

    yield one
    for up in started:
        if up.child.poll() is None:
            up.child.kill()
            up.child.wait()
        for stream in (up.child.stdout, up.child.stderr):
            if stream is not None:
                stream.close()


def test_scans_dropped_are_found_and_the_rest_is_said_and_it_ends_in_order(
    start: Callable[[], Up], muniment: Any
) -> None:
    up = start()
    assert up.ready["ready"] is True
    assert up.ready["web"] is None
    assert up.ready["prefect"].startswith("http://127.0.0.1:")
    bomb(up.inbox / "0-bomb.png")
    (up.inbox / "1-cut.tif").write_bytes(b"II*\0" + struct.pack("<I", 5000) + bytes(100))
    draw(up.inbox / "good.tif", "Zarzaparrilla", "Melquiades")
    first = up.scans(3)
    assert {name: line["outcome"] for name, line in first.items()} == {
        "0-bomb.png": "refused", "1-cut.tif": "refused", "good.tif": "accessioned",
    }  # fmt: skip
    (record,) = first["good.tif"]["records"]
    found = muniment("search", "Zarzaparrilla")
    assert [hit["record"] for hit in found["hits"]] == [record]

    draw(up.inbox / "good.tif", "Zarzaparrilla", "Melquiades")
    again = up.scans(1)["good.tif"]
    assert (again["outcome"], again["duplicate_of"]) == ("duplicate", first["good.tif"]["scan"])

    second = muniment("up", expect=50)
    assert second["error"]["code"] == "configuration"

    family = below(up.child.pid)
    assert up.server() in family
    began = time.monotonic()
    assert up.end() == 0
    assert time.monotonic() - began < END
    assert until(lambda: all(gone(pid) for pid in family), 5.0)
    assert up.lines.empty()
    errors = b"".join(up.errors).decode()
    assert [word for word in ("Melquiades", "good.tif", "Traceback") if word in errors] == []


def test_a_killed_server_comes_back_and_nothing_is_lost_or_doubled(start: Callable[[], Up], muniment: Any) -> None:
    up = start()
    for number in range(8):
        draw(up.inbox / f"{number}.tif", "Zarzaparrilla", f"number {number}", "Ferrocarriles " * 2)
    up.line()
    killed = up.server()
    os.kill(killed, signal.SIGKILL)
    seen = {up.line()["scan"] for _ in range(7)}
    assert len(seen) == 7
    until(lambda: up.server() != killed)
    draw(up.inbox / "after.tif", "Melquiades")
    assert up.scans(1)["after.tif"]["outcome"] == "accessioned"
    assert muniment("status")["counts"]["waiting"] == 0
    assert muniment("search", "Zarzaparrilla")["total"] == 8
    assert up.end(signal.SIGINT) == 130


def test_what_is_killed_goes_on_at_the_next_start_and_its_children_die(start: Callable[[], Up], muniment: Any) -> None:
    up = start()
    for number in range(6):
        draw(up.inbox / f"{number}.tif", "Zarzaparrilla", f"number {number}", "Ferrocarriles " * 2)
    up.line()
    family = below(up.child.pid)
    assert len(family) >= 2  # the server and a reader of pages
    up.end(signal.SIGKILL)
    assert until(lambda: all(gone(pid) for pid in family), 10.0)

    started = start()
    until(lambda: muniment("status")["counts"]["waiting"] + muniment("status")["counts"]["received"] == 0, OUTCOME)
    until(lambda: muniment("search", "Zarzaparrilla")["total"] == 6, OUTCOME)
    assert muniment("custody", "check")["verdict"] == "holds"
    assert not list(started.inbox.iterdir())
    assert started.end() == 0
