"""sender: a Forward client by hand, for what the real ones don't do: late acks, resent chunks, broken bytes."""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import time
from typing import Any

import msgpack

AT = 1_795_168_800


def event_time(ns: int = 123_456_789, seconds: int = AT) -> msgpack.ExtType:
    """A time as senders pack it."""
    return msgpack.ExtType(0, struct.pack(">II", seconds, ns))


def entry(record: dict[str, Any], ns: int = 123_456_789) -> bytes:
    """One packed entry."""
    return bytes(msgpack.packb([event_time(ns), record]))


def message(tag: str, record: dict[str, Any], chunk: str | None = None) -> bytes:
    """The carrier Message."""
    return bytes(msgpack.packb([tag, event_time(), record, *([{"chunk": chunk}] if chunk else [])]))


def forward(tag: str, records: list[dict[str, Any]], chunk: str | None = None) -> bytes:
    """The carrier Forward."""
    entries = [[event_time(n), record] for n, record in enumerate(records)]
    return bytes(msgpack.packb([tag, entries, *([{"chunk": chunk}] if chunk else [])]))


def packed(tag: str, records: list[dict[str, Any]], chunk: str | None = None, compressed: bool = False) -> bytes:
    """The carrier PackedForward or CompressedPackedForward, the latter of several gzip members."""
    entries = [entry(record, n) for n, record in enumerate(records)]
    body = b"".join(gzip.compress(one) for one in entries) if compressed else b"".join(entries)
    option = {
        "size": len(records),
        **({"chunk": chunk} if chunk else {}),
        **({"compressed": "gzip"} if compressed else {}),
    }
    return bytes(msgpack.packb([tag, body, option]))


class Sender:
    """One connection."""

    def __init__(self, port: int = 0, path: str = "", tls: ssl.SSLContext | None = None) -> None:
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(path)
        else:
            self.socket = socket.create_connection(("127.0.0.1", port))
            if tls:
                self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self._stream = msgpack.Unpacker()

    def send(self, data: bytes) -> Sender:
        """All of it."""
        self.socket.sendall(data)
        return self

    def answer(self, seconds: float = 0.0) -> Any:
        """The next message of the server, None if there is none by then. Raises EOFError if it hung up."""
        end = time.monotonic() + seconds
        while True:
            for found in self._stream:
                return found
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return None
            except ConnectionError:
                raise EOFError from None
            if not data:
                raise EOFError
            self._stream.feed(data)

    def hung_up(self) -> bool:
        """Whether the server closes the connection, whatever it says before; waits for it."""
        self.socket.settimeout(10.0)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True

    def close(self) -> None:
        """Hang up."""
        self.socket.close()
