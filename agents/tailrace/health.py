"""health: a registry and the loop's signs of life in, an HTTP server with /metrics, /healthz and /readyz out.

    /healthz   503 only if the loop is stuck: a restart may help. A sink that is down is no reason to be killed
    /readyz    503 before the first scan, and while a sink refuses objects: nothing is lost, but someone should look

Both answer in a sentence. Nothing here waits for the loop, and the loop waits for nothing here.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, MetricsHandler

PATIENCE = 60.0  # seconds without a sign of life after which the loop counts as stuck
_POLL = 10.0  # seconds between two looks whether to stop; an idle server costs nothing else
_SLOW = 10.0  # seconds that a client may take to send its request

log = logging.getLogger("tailrace")


class ListenError(RuntimeError):
    """The address can't be listened on. The message says why and what to do."""


class Health:
    """What the probes answer. The loop writes, the server's threads read."""

    def __init__(self, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic) -> None:
        """patience: seconds without `beat` after which the loop counts as stuck."""
        self._patience, self._clock = patience, clock
        self._beaten = clock()
        self._scanned = False
        self._failing: dict[str, tuple[float, str]] = {}

    def beat(self) -> None:
        """The loop is alive. Also to be called within whatever may take long: after each block, around each store."""
        self._beaten = self._clock()

    def scanned(self) -> None:
        """A scan has found the node's files."""
        self._scanned = True

    def sink_refused(self, sink: str, reason: str) -> None:
        """The sink does not take objects; since when is kept from the first time."""
        since, _ = self._failing.get(sink, (self._clock(), ""))
        self._failing = {**self._failing, sink: (since, reason)}

    def sink_stored(self, sink: str) -> None:
        """The sink takes objects."""
        if sink in self._failing:
            self._failing = {name: why for name, why in self._failing.items() if name != sink}

    def alive(self) -> tuple[bool, str]:
        """Whether the loop is alive, and a sentence."""
        quiet = self._clock() - self._beaten
        if quiet <= self._patience:
            return True, f"ok: the loop was alive {quiet:.0f} s ago"
        return False, (
            f"stuck: the loop gave no sign of life for {quiet:.0f} s, {self._patience:.0f} s are allowed; "
            "nothing is lost, a restart reads on from the checkpoint"
        )

    def ready(self) -> tuple[bool, str]:
        """Whether lines are read and delivered, and a sentence for each reason why not."""
        if not self._scanned:
            return False, "not ready: no scan of the pods' log folders has ended yet"
        if failing := self._failing:
            return False, "\n".join(self._sentence(sink, *failing[sink]) for sink in sorted(failing))
        return True, "ok: files are read and the sink takes objects"

    def _sentence(self, sink: str, since: float, reason: str) -> str:
        seconds = self._clock() - since
        moment = datetime.fromtimestamp(time.time() - seconds, UTC)
        return (
            f"not ready: sink {sink} refuses objects since {moment:%Y-%m-%dT%H:%M:%SZ} ({seconds:.0f} s): {reason}; "
            "nothing is lost so far, it is tried again; mend the sink"
        )


class Probed(Protocol):
    """What answers the probes: whether all is well, and a sentence."""

    def alive(self) -> tuple[bool, str]: ...

    def ready(self) -> tuple[bool, str]: ...


class Server:
    """The HTTP server, in threads that end with the process."""

    def __init__(
        self, listen: str, registry: CollectorRegistry | None, health: Probed, handler: type[Handler] | None = None
    ) -> None:
        """listen: `host:port`, `[v6]:port`, `:port` for every interface; port 0: a free one; empty: no server.

        handler: answers in the place of `Handler`, if /metrics is more than a registry.
        Raises ListenError if that is none of these, or if the address can't be had.
        """
        self.port = 0
        self._server: ThreadingHTTPServer | None = None
        if not listen:
            return
        host, port = address(listen)
        answering = type("Answering", (handler or Handler,), {"registry": registry, "health": health})
        try:
            self._server = (_ServerV6 if ":" in host else _Server)((host, port), answering)
        except OSError as e:
            raise ListenError(
                f"listen {listen!r}: {e.strerror or e}: nothing was read; end what listens there, name another "
                "host:port with --listen, or switch /metrics off with an empty one"
            ) from None
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL,), name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening. Waits for no client."""
        if self._server is not None:
            self._server.socket.shutdown(socket.SHUT_RDWR)  # wakes the thread, so that nobody waits for _POLL to pass
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None


def address(listen: str) -> tuple[str, int]:
    """Host (may be empty) and port of `host:port`. Raises ListenError if it is not that."""
    host, colon, port = listen.rpartition(":")
    bare = host.startswith("[") and host.endswith("]")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535 or (":" in host and not bare):
        raise ListenError(f"listen {listen!r} is not host:port: nothing was read; an example is 127.0.0.1:9109")
    return host[1:-1] if bare else host, int(port)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        """Bind without asking the name service for the host's name, which http.server does and nobody needs."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # [::] is for IPv4 too
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A client that goes away in the middle is its own affair; a fault of ours is worth a line."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            log.warning("/metrics could not be answered: %r: reading goes on; report this", error)


class _ServerV6(_Server):
    address_family = socket.AF_INET6


class Handler(MetricsHandler):
    """Answers one request. prometheus_client's part chooses the text format, or OpenMetrics if the client asks."""

    health: Probed
    timeout = _SLOW

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/metrics":
            self.metrics()
        elif path == "/healthz":
            self._answer(*self.health.alive())
        elif path == "/readyz":
            self._answer(*self.health.ready())
        else:
            self._say(404, "not here: try /metrics, /healthz or /readyz")

    def metrics(self) -> None:
        """Answer /metrics."""
        super().do_GET()

    def _answer(self, good: bool, text: str) -> None:
        self._say(200 if good else 503, text)

    def _say(self, status: int, text: str) -> None:
        body = (text + "\n").encode(errors="replace")
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
