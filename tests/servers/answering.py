"""answering: an HTTP server in this process whose answers a test, or a double, gives; and what it was asked.

A double is a subclass with an `answer`. What is in `faults` is used up first, one a request: an Answer is given
instead, LOST lets the request take effect and then breaks the connection.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclass(frozen=True)
class Asked:
    """A request. headers: names in lower case. body: not compressed. sent: its bytes as they came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    sent: int = 0


@dataclass(frozen=True)
class Answer:
    """What is answered."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


LOST = Answer(0)


class Answering:
    """A server on a free port of 127.0.0.1, or on `port`. certificate: (file, key file) for TLS."""

    def __init__(self, certificate: tuple[str, str] | None = None, port: int = 0) -> None:
        self.asked: list[Asked] = []
        self.faults: deque[Answer] = deque()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._scheme = "https"

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, asked: Asked) -> Answer:  # noqa: ARG002
        """What a request is answered."""
        return Answer()

    def __enter__(self) -> Answering:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answered(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            fault = self.faults.popleft() if self.faults else None
            if fault is None:
                return self.answer(asked)
            if fault is LOST:
                self.answer(asked)
            return fault

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are two writes

            def _any(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                sent = self.rfile.read(int(headers.get("content-length", 0)))
                body = gzip.decompress(sent) if headers.get("content-encoding") == "gzip" else sent
                answer = server._answered(Asked(self.command, self.path, headers, body, len(sent)))
                if answer is LOST:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _any

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        return Handler
