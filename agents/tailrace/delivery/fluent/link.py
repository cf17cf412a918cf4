"""fluent_link: chunks to one of several Fluent Forward servers, over one connection, until each is acknowledged.

A chunk that was sent on this connection and is not acknowledged yet is waited for, not sent again: only when the
connection is lost, or the server takes too long, is it sent once more, to the next server.
"""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import msgpack

from tailrace.delivery.fluent.protocol import ProtocolError, acked, check_pong, decoded, forward, ping, unpacker
from tailrace.delivery.refusal import Reason, Refused

_CONNECT = 2.0  # seconds for a connection and its handshake
_CALL = 5.0  # seconds of one call, about
_ANSWER = 1 << 16  # bytes of one message of a server

Address = tuple[str, int]


@dataclass(frozen=True)
class Chunk:
    """A message to be. id: what the server acknowledges. body: packed entries, `rows` of them."""

    id: str
    tag: str
    body: memoryview
    rows: int
    gzip: bool


class Link:
    """The way to an aggregator. counters: connections, chunks, again, bytes and acks are counted there."""

    def __init__(
        self,
        hosts: tuple[Address, ...],
        key: str,
        tls: ssl.SSLContext | None,
        patience: float,
        counters: dict[str, float],
    ) -> None:
        """hosts: the first that answers is used, at least one. patience: seconds for which an ack is waited for."""
        self._hosts, self._key, self._tls, self._patience, self.counters = hosts, key, tls, patience, counters
        self._at = 0  # whose turn it is
        self._socket: socket.socket | None = None
        self._stream = unpacker(_ANSWER)
        self._sent: dict[str, float] = {}  # on this connection, not acknowledged: since when
        self._ever: set[str] = set()  # sent on any connection and not acknowledged

    @property
    def address(self) -> str:
        """The server whose turn it is."""
        host, port = self._hosts[self._at]
        return f"{host}:{port}"

    def send(self, chunks: list[Chunk], safe: Callable[[str], None]) -> None:
        """Send the chunks and wait for their acks; `safe` is told of each id. Raises Refused, at the latest after some
        seconds: call it again with those that are not safe, and their acks are waited for."""
        end = time.monotonic() + _CALL
        self._connect()
        wanted = {chunk.id for chunk in chunks}

        def take(block: float) -> None:
            for one in self._acks(block):
                if one in wanted:
                    wanted.discard(one)
                    safe(one)

        for chunk in chunks:
            if chunk.id not in self._sent:
                self._put(chunk)
            if time.monotonic() > end:
                break
            take(0.0)
        while wanted and (rest := end - time.monotonic()) > 0:
            take(rest)
        if wanted:
            self._impatient(len(wanted), len(chunks))

    def _impatient(self, wanting: int, of: int) -> None:
        oldest = min(self._sent.values(), default=time.monotonic())
        waited = time.monotonic() - oldest
        if waited < self._patience:
            raise Refused("timeout", f"{self.address} has not acknowledged {wanting} of {of} chunks yet", wait=0.5)
        self._lost(
            "timeout", f"sent no ack for {waited:.0f} s", "look at that server, or allow more with forward_ack_timeout"
        )

    def _put(self, chunk: Chunk) -> None:
        assert self._socket is not None
        before, after = forward(chunk.tag, len(chunk.body), chunk.id, chunk.rows, chunk.gzip)
        self.counters["chunks"] += 1
        self.counters["again"] += chunk.id in self._ever
        self._sent[chunk.id] = time.monotonic()
        self._ever.add(chunk.id)
        try:
            self._socket.settimeout(_CALL)
            for part in (before, chunk.body, after):
                self._socket.sendall(part)
        except OSError as e:
            self._explain()
            self._lost("timeout" if isinstance(e, TimeoutError) else "unreachable", f"took no more ({e})", "look at it")
        self.counters["bytes"] += len(before) + len(chunk.body) + len(after)

    def _explain(self) -> None:
        """A server that closed may have said why: HELO, if it wants a key. Raises Refused then."""
        with suppress(BlockingIOError):
            for _ in self._acks(0.0):
                pass

    def _acks(self, block: float) -> Iterator[str]:
        """What the server acknowledges now, or within `block` seconds. Raises Refused if it hung up."""
        for message in self._messages(block):
            chunk = acked(message)
            if chunk is None:
                if isinstance(message, list) and message[:1] == ["HELO"]:
                    self._lost("denied", "asks for a shared key", "set forward_hosts_key to its shared_key")
                continue
            self._sent.pop(chunk, None)
            self._ever.discard(chunk)
            self.counters["acks"] += 1
            yield chunk

    def _messages(self, block: float) -> list[Any]:
        assert self._socket is not None
        try:
            self._socket.settimeout(max(block, 0.0))
            data = self._socket.recv(_ANSWER)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return []
        except OSError as e:
            self._lost("unreachable", f"closed the connection ({e})", "look at its log")
        if not data:
            self._lost(
                "unreachable", f"closed the connection before {len(self._sent)} chunks were acknowledged",
                "look at its log; does it expect TLS (forward_hosts_tls) or a key (forward_hosts_key)?",
            )  # fmt: skip
        try:
            self._stream.feed(data)
            return list(decoded(self._stream))
        except (ProtocolError, msgpack.BufferFull) as e:
            self._lost("failed", f"{e}", "is it a Forward server?")

    def _lost(self, reason: Reason, what: str, mend: str) -> NoReturn:
        """Leave this server and turn to the next one. Raises Refused always."""
        address = self.address
        self.close()
        self._at = (self._at + 1) % len(self._hosts)
        raise Refused(reason, f"the Forward server {address} {what}", mend)

    def _connect(self) -> None:
        """Raises Refused with what the last of the servers said, if none can be had."""
        left = len(self._hosts)
        while self._socket is None:
            left -= 1
            try:
                self._open()
            except Refused:
                if not left:
                    raise

    def _open(self) -> None:
        host, port = self._hosts[self._at]
        self._stream = unpacker(_ANSWER)
        try:
            self._socket = socket.create_connection((host, port), _CONNECT)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._tls:
                self._socket = self._tls.wrap_socket(self._socket, server_hostname=host)
        except ssl.SSLCertVerificationError as e:
            self._lost("denied", f"has a certificate that is not trusted ({e.verify_message})", "set forward_hosts_ca")
        except ssl.SSLError as e:
            self._lost("denied", f"speaks no TLS ({e.reason})", "set forward_hosts_tls to off, or mend the server")
        except socket.gaierror as e:
            self._lost("unreachable", f"has a name that can't be resolved ({e.strerror})", "mend DNS or forward_hosts")
        except TimeoutError:
            self._lost("timeout", f"did not answer within {_CONNECT:.0f} s", "open the way to it (network policy)")
        except OSError as e:
            self._lost("unreachable", f"can't be reached ({e.strerror or e})", "start it, or mend forward_hosts")
        self.counters["connections"] += 1
        if self._key:
            self._handshake()

    def _handshake(self) -> None:
        assert self._socket is not None
        salt = os.urandom(16)
        try:
            greeting = self._one()
            self._socket.sendall(ping(greeting, self._key, socket.gethostname(), salt))
            wrong = check_pong(self._one(), self._key, salt, greeting)
        except TimeoutError:
            self._lost(
                "denied", f"said no HELO within {_CONNECT:.0f} s: it has no shared key",
                "give it a shared_key, or take forward_hosts_key away",
            )  # fmt: skip
        except (ProtocolError, OSError) as e:
            self._lost("denied", f"{e}", "look at its log, and at forward_hosts_key")
        if wrong:
            self._lost("denied", wrong, "set forward_hosts_key to its shared_key")

    def _one(self) -> Any:
        """The next message of a handshake. Raises TimeoutError, Refused."""
        end = time.monotonic() + _CONNECT
        while (rest := end - time.monotonic()) > 0:
            if messages := self._messages(rest):
                return messages[0]
        raise TimeoutError

    def probe(self) -> str:
        """Connect and shake hands, without sending anything; the server's address. Raises Refused."""
        self._connect()
        return self.address

    def close(self) -> None:
        """Hang up. What is not acknowledged is sent again some time."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._sent.clear()
