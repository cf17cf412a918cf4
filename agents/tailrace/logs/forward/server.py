"""server: connections to messages, and done chunks to acks on the connections that wait for them.

One thread with one asyncio loop. While the spool has no room no socket is read, so that senders wait, each with what
the kernel holds for it. A sender that breaks the protocol loses its connection; the others go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgpack

from tailrace.delivery.fluent.protocol import MOST, ProtocolError, ack, carried, check_ping, decoded, helo, unpacker
from tailrace.logs.forward.intake import Intake

_READ = 1 << 18
_HELD = 64 << 20  # bytes of unfinished messages of all connections
_CONNECTIONS = 1024
_SHAKE = 10.0  # seconds for a handshake
_UNSENT = 1 << 20  # bytes of acks that a sender may leave unread
_QUIET = 60.0  # seconds between two warnings about one sender


class ForwardError(RuntimeError):
    """The source can't listen. The message says why and what to do."""


@dataclass(frozen=True)
class Listen:
    """Where senders are waited for. address: host:port, "" for none. path: of a unix socket, "" for none.

    cert, key: PEM files for TLS on the address, "" for plain TCP. shared_key: "" if none is asked for; never on the
    unix socket, whose folder says who may connect.
    """

    address: str = ""
    path: str = ""
    cert: str = ""
    key: str = ""
    shared_key: str = ""


@dataclass(frozen=True)
class State:
    """How things were a moment ago. unfinished: ids of files that are not wholly committed. spool_bytes: of all files.

    waiting: chunks whose ack waits for a sink.
    """

    unfinished: tuple[str, ...] = ()
    spool_bytes: int = 0
    waiting: int = 0


class Server:
    """The sockets, their connections, and the thread that serves them. state: for other threads."""

    def __init__(self, listen: Listen, intake: Intake, warn: Callable[[str], None]) -> None:
        """Raises ForwardError for a wrong address or certificate."""
        self._listen, self._intake, self._warn = listen, intake, warn
        self._tls = _tls(listen)
        self._host, self._port = _address(listen.address) if listen.address else (None, 0)
        self.port = 0  # that it listens on
        self.state = State()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="forward", daemon=True)
        self._servers: list[asyncio.AbstractServer] = []
        self._open: dict[asyncio.StreamWriter, int] = {}  # connections, and how much of a message each has sent
        self._waiting: dict[str, list[tuple[asyncio.StreamWriter, str | bytes]]] = {}  # by a chunk's key
        self._warned: dict[str, float] = {}
        self._room = asyncio.Event()
        self._ended = False
        self._trouble = ""

    def start(self) -> None:
        """Listen. Raises ForwardError if that can't be."""
        self._loop.set_exception_handler(self._unexpected)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen_all(), self._loop).result()
        except (OSError, ValueError) as e:
            self.stop()
            where = " and ".join(filter(None, (self._listen.address, self._listen.path)))
            raise ForwardError(
                f"forward: can't listen on {where} ({e}): nothing is received; free it or name another"
            ) from None

    async def _listen_all(self) -> None:
        self._look()
        if self._listen.address:
            server = await asyncio.start_server(
                lambda r, w: self._serve(r, w, self._listen.shared_key), self._host, self._port, ssl=self._tls,
                ssl_handshake_timeout=_SHAKE if self._tls else None,
            )  # fmt: skip
            self.port = server.sockets[0].getsockname()[1]
            self._servers.append(server)
        if path := self._listen.path:  # what is left of an earlier process is replaced
            self._servers.append(await asyncio.start_unix_server(lambda r, w: self._serve(r, w, ""), path))
            os.chmod(path, 0o666)

    def committed(self, prefixes: Mapping[str, int]) -> None:
        """How far files are committed, by id. Returns at once."""
        self._loop.call_soon_threadsafe(self._settle, prefixes)

    def pause(self) -> None:
        """Take no more: what has come can still be acknowledged."""
        asyncio.run_coroutine_threadsafe(self._stop_listening(), self._loop).result()

    async def _stop_listening(self) -> None:
        self._ended = True
        self._room.clear()
        for server in self._servers:
            server.close()
        self._intake.flush()

    def stop(self) -> None:
        """Close every connection, and end the thread."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()
        if self._listen.path:
            with contextlib.suppress(OSError):
                os.unlink(self._listen.path)

    async def _stop(self) -> None:
        await self._stop_listening()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for writer in tuple(self._open):
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.drain(), 1.0)  # the last acks
            writer.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _settle(self, prefixes: Mapping[str, int]) -> None:
        try:
            done = self._intake.settle(prefixes)
        except OSError as e:
            self._warn(f"forward: receipts: {e}: nothing is lost, acks wait; make room in the state folder")
            return
        for key in done:
            for writer, chunk in self._waiting.pop(key, ()):
                self._ack(writer, chunk)
        self._look()

    def _ack(self, writer: asyncio.StreamWriter, chunk: str | bytes) -> None:
        if not writer.is_closing():
            writer.write(ack(chunk))
            self._intake.counters["acks"] += 1
            if writer.transport.get_write_buffer_size() > _UNSENT:
                writer.transport.abort()

    def _look(self) -> None:
        """Go on reading, or stop it, as the spool has room; and let the agent's thread see how things are."""
        spool = self._intake.spool
        self.state = State(spool.unfinished(), spool.used, self._intake.waiting)
        trouble = spool.trouble
        if trouble and not self._trouble:
            self._warn(
                f"forward: the spool's disk takes nothing ({trouble}): senders wait; make room in the state folder"
            )
        self._trouble = trouble
        if spool.room and not self._ended:
            self._room.set()
        else:
            self._room.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
        counters, peer = self._intake.counters, _peer(writer)
        counters["connections"] += 1
        self._open[writer] = 0
        try:
            if len(self._open) > _CONNECTIONS:
                raise ProtocolError(f"is one of more than {_CONNECTIONS}")
            if key:
                await self._shake(reader, writer, key)
            await self._talk(reader, writer)
        except _Denied as e:
            counters["denied"] += 1
            self._complain(peer, f"forward: {peer} {e}: nothing of it is taken; give it the key of forward_shared_key")
        except ProtocolError as e:
            counters["broken"] += 1
            self._complain(peer, f"forward: {peer} {e}: its connection is closed, what came before that is kept")
        except (TimeoutError, ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass  # it went, or we do
        except OSError as e:
            self._complain(peer, f"forward: state folder: {e}: {peer} has to send again; make room")
        finally:
            del self._open[writer]
            writer.close()

    async def _shake(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
        """Have the sender prove that it knows the key. Raises _Denied."""
        try:
            await asyncio.wait_for(self._ask(reader, writer, key), _SHAKE)
        except TimeoutError:
            raise _Denied("sent no PING") from None
        except ProtocolError as e:
            raise _Denied(str(e)) from None

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
        nonce = os.urandom(16)
        writer.write(helo(nonce))
        stream = unpacker(_READ)
        while data := await reader.read(4096):
            _feed(stream, data)
            for message in decoded(stream):
                good, pong = check_ping(message, key, nonce, socket.gethostname())
                writer.write(pong)
                await writer.drain()
                if not good:
                    raise _Denied("has another shared key")
                return
        raise ConnectionResetError

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream, intake = unpacker(), self._intake
        while True:
            await self._room.wait()
            data = await reader.read(_READ)
            if not data:
                return
            _feed(stream, data)
            self._open[writer] += len(data)
            try:
                for message in decoded(stream):
                    self._open[writer] = 0
                    if message is not None:  # a heartbeat
                        self._take(message, writer)
            finally:
                intake.flush()
            self._bound(writer)
            self._look()
            await asyncio.sleep(0)  # a reader that has data does not wait, and the others want their turn

    def _take(self, message: Any, writer: asyncio.StreamWriter) -> None:
        one = carried(message)
        if not one.is_logs:
            self._complain(_peer(writer), f"forward: {_peer(writer)} sends metrics or traces: they are dropped")
        key = self._intake.take(one)
        if key is None or one.chunk is None:
            return
        if self._intake.is_done(key):
            self._ack(writer, one.chunk)
            return
        waiting = self._waiting.setdefault(key, [])
        waiting[:] = [(w, chunk) for w, chunk in waiting if w is not writer and not w.is_closing()]
        waiting.append((writer, one.chunk))

    def _bound(self, writer: asyncio.StreamWriter) -> None:
        """Raises ProtocolError if unfinished messages take too much memory and this connection's is the largest."""
        if sum(self._open.values()) > _HELD and self._open[writer] == max(self._open.values()):
            raise ProtocolError(f"sent {self._open[writer]} bytes of one message, and all senders together too much")

    def _complain(self, peer: str, warning: str) -> None:
        """Warn, but not more than once a minute about one host."""
        now, host = time.monotonic(), peer.rpartition(":")[0]
        if now - self._warned.get(host, -_QUIET) >= _QUIET:
            if len(self._warned) > _CONNECTIONS:
                self._warned.clear()
            self._warned[host] = now
            self._warn(warning)

    def _unexpected(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, ssl.SSLError | ConnectionError | TimeoutError):
            self._intake.counters["denied"] += 1
            self._complain("tls:", f"forward: a sender did not complete TLS ({error}): nothing of it is taken")
        else:
            loop.default_exception_handler(context)


class _Denied(Exception):
    """A sender does not know the key."""


def _feed(stream: msgpack.Unpacker, data: bytes) -> None:
    try:
        stream.feed(data)
    except msgpack.BufferFull:
        raise ProtocolError(f"sent a message of more than {MOST} bytes; let it send smaller chunks") from None


def _peer(writer: asyncio.StreamWriter) -> str:
    peer = writer.get_extra_info("peername")
    return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "a sender on the unix socket:"


def _address(text: str) -> tuple[str | None, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise ForwardError(f"forward_listen is {text!r}: nothing is received; write host:port, or :24224 for all hosts")
    return host.strip("[]") or None, int(port)


def _tls(listen: Listen) -> ssl.SSLContext | None:
    if not listen.cert and not listen.key:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(listen.cert, listen.key or None)
    except (OSError, ssl.SSLError) as e:
        raise ForwardError(
            f"forward: the certificate {listen.cert!r} with the key {listen.key!r} can't be used ({e}): nothing is "
            "received; name PEM files of a pair"
        ) from None
    return context
