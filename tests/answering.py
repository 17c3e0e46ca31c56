"""A small HTTP server, a process of its own, that answers as it is told: for adapters of services of somebody else's.

Run as a program it serves; imported it starts one. What it answers lies in `answer.json` of its folder and is read at
each request; what it was asked is added to `asked.jsonl`.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class AnsweringServer:
    """One that runs: its address, and its folder."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    def answer(
        self, body: bytes = b"", status: int = 200, *, wait: float = 0.0, drip: float = 0.0, cut: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Say what is answered from now on: after so many seconds, with so many between bytes, cut short or whole."""
        told = {"status": status, "body": body.decode("latin-1"), "wait": wait, "drip": drip, "cut": cut}
        part = self.folder / "answer.part"
        part.write_text(json.dumps({**told, "headers": headers or {}}))
        part.replace(self.folder / "answer.json")

    @property
    def asked(self) -> list[dict[str, Any]]:
        """What it was asked: method, path, content type, body."""
        file = self.folder / "asked.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def stop(self) -> None:
        """End the process; its port refuses from now on."""
        self.process.kill()
        self.process.wait()


@contextmanager
def answering_server(folder: Path) -> Iterator[AnsweringServer]:
    """Start one in a process of its own."""
    process = subprocess.Popen([sys.executable, __file__, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    made = AnsweringServer(f"http://127.0.0.1:{int(process.stdout.readline())}", folder, process)
    made.answer()
    try:
        yield made
    finally:
        made.stop()
        process.stdout.close()


class _Answers(BaseHTTPRequestHandler):
    folder: Path

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = {"method": self.command, "path": self.path, "type": self.headers.get("Content-Type")}
        with (self.folder / "asked.jsonl").open("a") as file:
            file.write(json.dumps({**asked, "body": body.decode("latin-1")}) + "\n")
        told = json.loads((self.folder / "answer.json").read_text())
        time.sleep(told["wait"])
        said = told["body"].encode("latin-1")
        self.send_response(told["status"])
        for name, value in told["headers"].items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said) + told["cut"]))
        self.end_headers()
        try:
            for part in [said[n : n + 1] for n in range(len(said))] if told["drip"] else [said]:
                self.wfile.write(part)
                self.wfile.flush()
                time.sleep(told["drip"])
        except OSError:
            return  # who asked did not wait

    do_GET = do_POST = _answer

    def log_message(self, *_said: object) -> None:
        return


if __name__ == "__main__":
    _Answers.folder = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
