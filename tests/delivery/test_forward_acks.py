"""forward: acks that come late, or not at all, from a server that the test plays."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest

from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks.forward import ForwardSink
from tests.delivery.test_forward import sealed, sink, stored


class Server:
    """Takes connections one after another. heard: the chunks that came, on each of them."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.heard: list[list[str]] = []
        self.came = threading.Semaphore(0)
        self._connection: socket.socket | None = None
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connection = connection
            self.heard.append([])
            stream = msgpack.Unpacker()
            while True:
                try:
                    data = connection.recv(1 << 16)
                except OSError:
                    break
                if not data:
                    break
                stream.feed(data)
                for message in stream:
                    self.heard[-1].append(message[2]["chunk"])
                    self.came.release()

    def say(self, answer: Any) -> None:
        """On the last connection."""
        assert self._connection
        self._connection.sendall(answer if isinstance(answer, bytes) else msgpack.packb(answer))

    def hang_up(self) -> None:
        """End the last connection."""
        assert self._connection
        self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no more."""
        self._listener.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("tailrace.delivery.fluent.link._CALL", 0.2)
    one = Server()
    yield one
    one.close()


def refused(one: ForwardSink, what: Any) -> Refused:
    with pytest.raises(Refused) as e:
        one.store(what)
    return e.value


def test_an_ack_that_comes_late_is_waited_for_and_the_chunk_is_not_sent_again(server: Server) -> None:
    one = sink(server.port)
    waits = sealed(one, "a")
    assert refused(one, waits).reason == "timeout"
    assert refused(one, waits).wait
    server.say({"ack": server.heard[0][0]})
    one.store(waits)
    assert len(server.heard[0]) == 1
    assert one.counters["again"] == 0


def test_a_chunk_without_an_ack_is_sent_again_under_the_same_id_once_the_connection_is_lost(server: Server) -> None:
    one = sink(server.port)
    waits = sealed(one, "a")
    refused(one, waits)
    server.hang_up()
    assert refused(one, waits).reason == "unreachable"
    assert server.came.acquire(timeout=10)
    refused(one, waits)
    assert server.came.acquire(timeout=10)
    server.say({"ack": server.heard[1][0]})
    one.store(waits)
    assert server.heard[0] == server.heard[1]
    assert one.counters["again"] == 1


def test_only_the_chunks_that_were_not_acknowledged_are_sent_again(server: Server) -> None:
    one = sink(server.port, ledger=True, tag="{pod}")
    waits = sealed(one, "a", lines=8000)
    assert refused(one, waits).reason == "timeout"
    first = server.heard[0]
    assert len(first) == 3
    server.say({"ack": first[1]})
    refused(one, waits)
    server.hang_up()
    refused(one, waits)
    refused(one, waits)
    assert server.heard[1] == [first[0], first[2]]


def test_after_the_time_of_ack_timeout_another_connection_is_tried(server: Server) -> None:
    one = sink(server.port, ack_timeout=0.3)
    waits = sealed(one, "a")
    assert "not acknowledged" in str(refused(one, waits))
    assert "forward_ack_timeout" in str(refused(one, waits))
    refused(one, waits)
    assert len(server.heard) == 2


@pytest.mark.parametrize(
    "answer", [b"\xc1\xc1\xc1", b"HTTP/1.1 400 Bad Request\r\n\r\n", {"ack": "another"}, [1], None]
)
def test_what_is_no_ack_is_not_taken_for_one(server: Server, answer: Any) -> None:
    one = sink(server.port)
    waits = sealed(one, "a")
    refused(one, waits)
    server.say(answer)
    refused(one, waits)
    assert one.counters["acks"] == 0 or answer == {"ack": "another"}


def test_a_tailrace_of_another_node_is_an_aggregator_too(tmp_path: Any) -> None:
    from tailrace.logs.forward.source import Listen
    from tests.logs.forward.wired import Wired
    from tests.node import World

    world = World(tmp_path)
    wired = Wired(world, Listen("127.0.0.1:0", shared_key="k"))
    one = sink(wired.port, hosts_key="k")
    storing = threading.Thread(target=stored, args=(one, sealed(one, "a", "b")))
    storing.start()
    wired.until(lambda: not storing.is_alive())
    assert one.counters["acks"] == 1
    assert world.ask("SELECT json_extract_string(message, '$.message') FROM logs ORDER BY ALL") == [
        (f"{name} {n}",) for name in "ab" for n in (0, 10, 20)
    ]
    one.close()
    wired.stop()
