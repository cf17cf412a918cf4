"""proxy: a TCP server in, a port that leads to it out, on which connections fail as a test says.

    lose    the server gets the request and answers; the answer is thrown away, the connection reset
    cut     after `after` bytes of a request the connection is reset, on both sides
    stall   the answer is held back until the proxy is closed or the fault ends
    refuse  connections are reset before a byte was read
    slow    each answer is held back for `seconds`

An interim answer (HTTP 100) is no answer.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close sends RST


class Proxy:
    """A way to `port` of 127.0.0.1. struck: how many connections a fault has met."""

    def __init__(self, port: int) -> None:
        self.struck = 0
        self._target = port
        self._fault, self._times, self._skip, self._after, self._seconds = "", 0, 0, 0, 0.0
        self._lock = threading.Lock()
        self._mended = threading.Event()
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, fault: str, times: int | None = None, skip: int = 0, after: int = 0, seconds: float = 0.0) -> None:
        """What happens from now on; "" mends it. times: how often, None for ever. skip: how often not, before that."""
        assert fault in ("", "lose", "cut", "stall", "refuse", "slow"), fault
        with self._lock:
            self._mended.set()
            self._mended = threading.Event()
            self._fault, self._times, self._skip = fault, times or 1 << 30, skip
            self._after, self._seconds = after, seconds

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closed.set()
        self._mended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _meets(self, fault: str) -> bool:
        with self._lock:
            if self._fault != fault or self._times <= 0:
                return False
            if self._skip > 0:
                self._skip -= 1
                return False
            self._times -= 1
            self.struck += 1
        return True

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._meets("refuse"):
                _reset(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                _reset(client)
                continue
            for pump in (self._requests, self._answers):
                threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        passed = 0
        with suppress(OSError):
            while data := client.recv(1 << 16):
                passed += len(data)
                if self._fault == "cut" and passed > self._after and self._meets("cut"):
                    server.sendall(data[: max(0, len(data) - (passed - self._after))])
                    _reset(client, server)
                    return
                server.sendall(data)
        _end(server)

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                if not (data.startswith(b"HTTP/1.1 100 ") and data.endswith(b"\r\n\r\n") and len(data) < 200):
                    mended = self._mended
                    if self._meets("lose"):
                        _reset(client, server)
                        return
                    if self._meets("stall"):
                        mended.wait(600)
                        _reset(client, server)
                        return
                    if self._meets("slow"):
                        mended.wait(self._seconds)
                client.sendall(data)
        _end(client)


def _reset(*sockets: socket.socket) -> None:
    for s in sockets:
        with suppress(OSError):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            s.shutdown(socket.SHUT_RDWR)
        s.close()


def _end(s: socket.socket) -> None:
    with suppress(OSError):
        s.shutdown(socket.SHUT_WR)
