"""A TCP relay that counts exchanges and cuts one: what a network, a server or a firewall does at the worst moment.

An exchange begins when a client sends after it was answered, or for the first time: with one call after the other, as
database drivers and S3 clients make them, that is a call, or a step of TLS. Nothing is decoded.
"""

import socket
import threading
from contextlib import suppress
from typing import Literal

Cut = Literal["before", "after"]  # it never reached the server; it did, and the answer never came back


class Relay:
    """Listens on 127.0.0.1 and passes everything on to `target` (HOST:PORT); `cut_at` counts from `count = 0`."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.count = 0
        self.cut_at: int | None = None
        self.how: Cut = "before"
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, number: int | None, how: Cut = "before") -> None:
        """Count anew, and cut exchange `number`, once."""
        with self._lock:
            self.count, self.cut_at, self.how, self.cuts = 0, number, how, 0

    def close(self) -> None:
        for end in (self._listener, *(end for pair in self._pairs for end in pair)):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                self._pairs.append((near, far))
                _Connection(self, near, far).start()

    def _is_cut(self) -> bool:
        with self._lock:
            self.count += 1
            if self.count != self.cut_at:
                return False
            self.cuts += 1
            return True


class _Connection:
    def __init__(self, relay: Relay, near: socket.socket, far: socket.socket) -> None:
        self._relay, self._near, self._far = relay, near, far
        self._asking = False  # the client spoke last
        self._deaf = False  # what the server answers goes nowhere

    def start(self) -> None:
        threading.Thread(target=self._up, daemon=True).start()
        threading.Thread(target=self._down, daemon=True).start()

    def _up(self) -> None:
        with suppress(OSError):
            while data := self._near.recv(65536):
                if not self._asking:
                    self._asking = True
                    if self._relay._is_cut():
                        if self._relay.how == "before":
                            break
                        self._deaf = True
                self._far.sendall(data)
        self._end()

    def _down(self) -> None:
        with suppress(OSError):
            while data := self._far.recv(65536):
                if self._deaf:  # it has done what it was asked, and nobody hears of it
                    break
                self._asking = False
                self._near.sendall(data)
        self._end()

    def _end(self) -> None:
        for end in (self._near, self._far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
