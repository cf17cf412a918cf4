"""fluent: the messages of the Fluent Forward protocol: bytes off the wire to what they say, and back.

Source: Fluentd's "Forward Protocol Specification v1" and "v1.5". Four carriers take entries `[time, record]`: Message,
Forward, PackedForward and CompressedPackedForward. With the option `chunk` a sender asks for `{"ack": chunk}`. With a
shared key the server says HELO first, and sends nothing and takes nothing before a PING that proves the key.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgpack
import pyarrow as pa

MOST = 32 << 20  # bytes of one message; Fluentd's chunks have 8 MiB by default, Fluent Bit's 2
UNPACKED = 64 << 20  # bytes of one message's entries, once they are not compressed any more
ITEMS = 1 << 20  # of one array or map
_PIECE = 1 << 18
_NIL = b"\xc0"
_TIME = struct.Struct(">II")
_LAST_SECOND = 253_402_300_799  # of year 9999


class ProtocolError(ValueError):
    """What came is not the protocol, or past a limit. The message continues `the sender …`."""


@dataclass(frozen=True)
class EventTime:
    """A time with nanoseconds: the protocol's extension type 0. ns: since 1970."""

    ns: int


@dataclass(frozen=True)
class Carried:
    """A message with entries. entries: (time, record) each, decoded as they are asked for; asking may raise
    ProtocolError. chunk: what the sender wants to have acknowledged, or None. is_logs: not metrics or traces."""

    tag: str
    entries: Iterable[tuple[Any, Any]]
    chunk: str | bytes | None
    is_logs: bool


def unpacker(most: int = MOST) -> msgpack.Unpacker:
    """What decodes a stream. most: bytes of one object. Text that is not UTF-8 gets lone surrogates for its bytes."""
    return msgpack.Unpacker(
        max_buffer_size=most, raw=False, unicode_errors="surrogateescape", strict_map_key=False, use_list=True,
        ext_hook=_extension, max_array_len=ITEMS, max_map_len=ITEMS,
    )  # fmt: skip


def _extension(code: int, data: bytes) -> Any:
    if code == 0 and len(data) == _TIME.size:
        seconds, ns = _TIME.unpack(data)
        return EventTime(seconds * 1_000_000_000 + ns)
    return msgpack.ExtType(code, data)


def decoded(stream: msgpack.Unpacker) -> Iterator[Any]:
    """The whole objects that were fed. Raises ProtocolError."""
    try:
        yield from stream
    except (ValueError, TypeError, OverflowError, MemoryError, msgpack.UnpackException) as e:
        raise ProtocolError(f"sent what is no msgpack ({str(e) or type(e).__name__})") from None


def carried(message: Any) -> Carried:
    """What a decoded message carries. Raises ProtocolError."""
    if not isinstance(message, list) or not 2 <= len(message) <= 4 or not isinstance(message[0], str):
        raise ProtocolError("sent a message that is none of Forward's four carriers")
    body, rest = message[1], message[2:]
    entries: Iterable[tuple[Any, Any]]
    if isinstance(body, list) and not (len(body) == 2 and isinstance(body[0], EventTime | int)):
        entries, at = _pairs(body), 0
    elif isinstance(body, bytes | str):
        data, at = (body.encode(errors="surrogateescape") if isinstance(body, str) else body), 0
        entries = ()
    elif rest:
        entries, at = _pairs([message[1:3]]), 1
    else:
        raise ProtocolError("sent a message without a record")
    option = rest[at] if len(rest) > at else None
    if len(rest) > at + 1 or not isinstance(option, dict | None):
        raise ProtocolError("sent a message whose option is no map")
    option = option or {}
    if isinstance(body, bytes | str):
        entries = packed_entries(data, option.get("compressed") or "text")
    chunk = option.get("chunk")
    if chunk is not None and not (isinstance(chunk, str | bytes) and 0 < len(chunk) <= 1024):
        raise ProtocolError("sent a chunk's id that is no short text")
    return Carried(message[0], entries, chunk, not option.get("fluent_signal"))


def _pairs(entries: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    for entry in entries:
        if not isinstance(entry, list) or len(entry) != 2:
            raise ProtocolError("sent an entry that is no [time, record]")
        yield entry[0], entry[1]


def packed_entries(data: bytes, compressed: str) -> Iterator[tuple[Any, Any]]:
    """The entries of a packed carrier. compressed: text (not at all), gzip (members may follow each other), zstd."""
    stream = unpacker()
    fed = 0
    for piece in _pieces(data, compressed):
        fed += len(piece)
        if fed > UNPACKED:
            raise ProtocolError(f"sent a chunk of more than {UNPACKED} bytes; let it send smaller ones")
        try:
            stream.feed(piece)
        except msgpack.BufferFull:
            raise ProtocolError(f"sent an entry of more than {MOST} bytes") from None
        yield from _pairs(decoded(stream))
    stream.feed(_NIL)  # stands alone, unless an entry is open
    if list(decoded(stream)) != [None]:
        raise ProtocolError("sent a chunk that ends inside an entry")


def _pieces(data: bytes, compressed: str) -> Iterator[bytes]:
    if compressed not in ("text", "gzip", "zstd"):
        raise ProtocolError(f"compresses with {compressed!r:.40}; let it use gzip")
    if compressed == "text" or not data:
        yield from (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))
        return
    try:
        with pa.CompressedInputStream(pa.BufferReader(data), compressed) as f:
            while piece := f.read(_PIECE):
                yield piece
    except OSError as e:
        raise ProtocolError(f"sent a damaged {compressed} chunk ({e})") from None


def nanoseconds(time: Any) -> int:
    """An entry's time since 1970, from EventTime, seconds, or Fluent Bit's [time, metadata]. Raises ProtocolError."""
    if isinstance(time, list) and time:
        time = time[0]
    if isinstance(time, EventTime):
        return time.ns
    if isinstance(time, int | float) and 0 <= time <= _LAST_SECOND:
        return int(time) * 1_000_000_000 + (round(time % 1 * 1e6) * 1000 if isinstance(time, float) else 0)
    raise ProtocolError(f"sent an entry whose time is {time!r:.40}")


def forward(tag: str, size: int, chunk: str, rows: int, gzip: bool) -> tuple[bytes, bytes]:
    """What stands before and after `size` bytes of packed entries, to make them a message that asks for an ack."""
    option: dict[str, Any] = {"chunk": chunk, "size": rows}
    if gzip:
        option["compressed"] = "gzip"
    return b"\x93" + msgpack.packb(tag) + b"\xc6" + size.to_bytes(4, "big"), msgpack.packb(option)


def ack(chunk: str | bytes) -> bytes:
    """The answer to a chunk that is safe."""
    return bytes(msgpack.packb({"ack": chunk}, unicode_errors="surrogateescape"))


def acked(message: Any) -> str | None:
    """The chunk that a server acknowledges, None if the message is something else."""
    chunk = message.get("ack") if isinstance(message, dict) else None
    return chunk.decode(errors="replace") if isinstance(chunk, bytes) else chunk


def helo(nonce: bytes) -> bytes:
    """The server's first word to a client that has to know the key."""
    return bytes(msgpack.packb(["HELO", {"nonce": nonce, "auth": b"", "keepalive": True}]))


def ping(helo_message: Any, key: str, host: str, salt: bytes) -> bytes:
    """The answer to HELO. Raises ProtocolError if it is none, or asks for a user and a password."""
    if not _is(helo_message, "HELO", 2) or not isinstance(helo_message[1], dict):
        raise ProtocolError("did not say HELO")
    if helo_message[1].get("auth"):
        raise ProtocolError("asks for a user and a password beside the key, which is not supported")
    nonce = _bytes(helo_message[1].get("nonce", b""))
    digest = _digest(salt, host, nonce, key)
    return bytes(msgpack.packb(["PING", host, salt, digest, "", ""]))


def check_ping(message: Any, key: str, nonce: bytes, server: str) -> tuple[bool, bytes]:
    """Whether a PING proves the key, and the PONG to answer with. Raises ProtocolError if it is no PING."""
    if not _is(message, "PING", 6) or not isinstance(message[1], str):
        raise ProtocolError("sent something else than PING to a server that has a shared key")
    salt = _bytes(message[2])
    good = hmac.compare_digest(_digest(salt, message[1], nonce, key).encode(), _bytes(message[3]))
    answer = [True, "", server, _digest(salt, server, nonce, key)] if good else [False, "shared_key mismatch", "", ""]
    return good, bytes(msgpack.packb(["PONG", *answer]))


def check_pong(message: Any, key: str, salt: bytes, helo_message: Any) -> str:
    """What is wrong with a PONG: "" if the server took the key and proves that it has it, too."""
    if not _is(message, "PONG", 5):
        return "did not answer PING with PONG"
    if not message[1]:
        return f"refuses the key ({message[2]!r:.80})"
    nonce = _bytes(helo_message[1].get("nonce", b""))
    good = hmac.compare_digest(_digest(salt, str(message[3]), nonce, key).encode(), _bytes(message[4]))
    return "" if good else "does not know the key itself"


def _is(message: Any, word: str, size: int) -> bool:
    return isinstance(message, list) and len(message) >= size and message[0] == word


def _digest(salt: bytes, host: str, nonce: bytes, key: str) -> str:
    return hashlib.sha512(salt + host.encode(errors="surrogateescape") + nonce + key.encode()).hexdigest()


def _bytes(value: Any) -> bytes:
    """Clients send salts and digests as text or as binary."""
    if isinstance(value, str):
        return value.encode(errors="surrogateescape")
    if isinstance(value, bytes):
        return value
    raise ProtocolError("sent a handshake with parts that are no text")
