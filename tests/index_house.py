"""A search index of either home for the contract suite: made, opened again, killed, and cut off."""

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from opensearchpy import OpenSearch

from records.text import Box, PageText, Word
from search.contract import Access, Query, RecordDocument, SearchIndex
from search.opensearch_index import OpenSearchIndex
from search.tantivy_index import TantivyIndex

HOMES = ["tantivy", pytest.param("opensearch", marks=pytest.mark.service)]
ROOT = Path(__file__).parents[1]
ALL = Access(frozenset({"cli_1", "cli_2"}))


@dataclass
class Home:
    """One index and the ways to come to it: `again` opens it a second time, `deaf` never answers."""

    name: str
    arguments: list[str]  # for a child process: see CHILD
    client: OpenSearch | None = None
    alias: str = ""

    def again(self) -> SearchIndex:
        return open_index(self.name, self.arguments)

    def deaf(self, tmp_path: Path) -> SearchIndex:
        if self.name == "tantivy":
            (tmp_path / "file").write_text("a file where the folder should be")
            return TantivyIndex(tmp_path / "file", 0.1)
        return open_index(self.name, [f"https://127.0.0.1:{free_port()}", *self.arguments[1:]])

    def leftovers(self) -> list[str]:
        """What stands beside the current index: folders or indices."""
        if self.client is None:
            folder = Path(self.arguments[0])
            names = [path.name for path in folder.iterdir() if path.is_dir()]
        else:
            names = list(self.client.indices.get(index=f"{self.alias}-*"))
        return sorted(names)[:-1]


def open_index(name: str, arguments: list[str]) -> SearchIndex:
    if name == "tantivy":
        return TantivyIndex(Path(arguments[0]), 0.3)
    url, user, password, ca, alias = arguments
    client = OpenSearch(url, http_auth=(user, password), ca_certs=ca, verify_certs=True, timeout=60, max_retries=0)
    return OpenSearchIndex(client, alias)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def page(number: int, text: str) -> PageText:
    """Lay out text: lines by line feeds, words 100 pixels apart, 90 wide."""
    words = [
        Word(word, Box(100 * at, 50 * line, 100 * at + 90, 50 * line + 40), 90.0, line, 1)
        for line, row in enumerate(text.split("\n"), 1)
        for at, word in enumerate(row.split())
    ]
    return PageText(number, 2480, 3508, 300, 0, 0.0, "spa", "test", not words, "ocr", tuple(words))


def record(name: str, *texts: str, version: int = 1, **kept) -> RecordDocument:
    facts = {
        "client": "cli_1",
        "record_class": "invoice",
        "state": "read",
        "batch": "bat_1",
        "date": None,
        "fields": {},
    }
    pages = [page(number, text) for number, text in enumerate(texts, 1)]
    return RecordDocument(record=name, version=version, pages=pages, **{**facts, "date": None, "fields": {}, **kept})


def found(index: SearchIndex, text: str, access: Access = ALL, **filters) -> list[tuple[str, int]]:
    results = index.search(Query(text, access, limit=200, **filters))
    assert results.total == len(results.hits)
    return [(hit.record, hit.page) for hit in results.hits]


def pages_by_cursor(index: SearchIndex, query: Query, meanwhile=lambda: None) -> list[tuple[str, int]]:
    seen: list[tuple[str, int]] = []
    results = index.search(query)
    total = results.total
    while True:
        seen.extend((hit.record, hit.page) for hit in results.hits)
        if results.cursor is None:
            return seen
        assert len(results.hits) == query.limit
        meanwhile()
        results = index.search(replace(query, cursor=results.cursor))
        assert results.total >= total


CHILD = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests"]
from index_house import open_index, record
index = open_index(sys.argv[2], sys.argv[4:])
if sys.argv[3] == "rebuild":
    def documents():
        for number in range(1_000_000):
            if number == 700:
                print("half", flush=True)
            yield record(f"rec_new{number}", "nuevo " * 30)
    index.rebuild(documents())
else:
    print("half", flush=True)
    for version in range(3, 1_000_000):
        index.apply([record(f"rec_{n}", *[f"v{version}"] * (1 + version % 7), version=version) for n in range(20)])
"""


def kill_child(home: Home, what: str, seconds: float) -> None:
    arguments = [sys.executable, "-c", CHILD, str(ROOT), home.name, what, *home.arguments]
    child = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "half\n"
        time.sleep(seconds)
        assert child.poll() is None
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()


class Cut:
    """A wire to a server that is cut for good after so many bytes were sent to it."""

    def __init__(self, host: str, port: int, after: int) -> None:
        self._server = (host, port)
        self._left = after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._server)
            except OSError:
                return
            self._open += [near, far]
            for source, target, counted in ((near, far, True), (far, near, False)):
                thread = threading.Thread(target=self._carry, args=(source, target, counted), daemon=True)
                thread.start()
                self._threads.append(thread)

    def _carry(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        try:
            while data := source.recv(4096):
                if counted:
                    self._left -= len(data)
                    if self._left < 0:
                        self.close()
                        return
                target.sendall(data)
        except OSError:
            return

    def close(self) -> None:
        for end in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
