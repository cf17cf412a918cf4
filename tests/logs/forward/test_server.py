"""server: handshakes, broken senders and slow ones."""

from __future__ import annotations

import gzip
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest
from fluent import sender
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrace.delivery.fluent.protocol import check_pong, ping
from tailrace.logs.forward.source import ForwardError, ForwardSource, Listen
from tests.logs.forward.sender import Sender, entry, event_time, message, packed
from tests.servers.certificate import certificate


class Heard:
    """A source without an agent: the test says what is committed."""

    def __init__(self, folder: Path, listen: Listen) -> None:
        self.committed: dict[str, int] = {}
        self.warnings: list[str] = []
        self.root = folder / "forward"
        self.source = ForwardSource(
            listen, self.root, 1 << 30, lambda name: self.committed.get(name, 0), lambda _: False, self.warnings.append
        )
        self.source.start()
        self.port = self.source.port

    def commit_all(self) -> None:
        """Every byte of the spool is committed."""
        for name in self.source._server.state.unfinished:
            self.committed[name] = 1 << 40
        self.source.poll()

    def await_records(self, count: int) -> None:
        """Until so many have come."""
        for _ in range(1000):
            if self.source.counters["records"] >= count:
                return
            time.sleep(0.01)
        raise AssertionError(f"{self.source.counters}, {self.warnings}")

    def messages(self) -> list[str]:
        """What the spool's files hold, without the runtime's prefix."""
        files = sorted(self.root.glob("var/log/pods/*/*/*"))
        return [line.split(b" ", 3)[3].decode() for f in files for line in f.read_bytes().splitlines()]

    def ack(self, client: Sender, seconds: float = 10.0) -> object:
        """The next ack, with everything committed meanwhile."""
        for _ in range(int(seconds / 0.05)):
            self.commit_all()
            if (found := client.answer(0.05)) is not None:
                return found
        return None


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    one = Heard(tmp_path, Listen("127.0.0.1:0"))
    yield one
    one.source.stop()


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    """A certificate for 127.0.0.1 and its key."""
    cert, key = certificate(tmp_path)
    return str(cert), str(key)


def shake(client: Sender, key: str) -> str:
    """The client's side of the handshake; what is wrong, "" if nothing."""
    helo = client.answer(5.0)
    client.send(ping(helo, key, "me", b"salt"))
    return check_pong(client.answer(5.0), key, b"salt", helo)


def test_over_tls_with_the_shared_key_a_chunk_is_taken_and_acknowledged(tmp_path: Path, pair: tuple[str, str]) -> None:
    heard = Heard(tmp_path, Listen("127.0.0.1:0", cert=pair[0], key=pair[1], shared_key="s3cret"))
    client = Sender(heard.port, tls=ssl.create_default_context(cafile=pair[0]))
    assert shake(client, "s3cret") == ""
    client.send(packed("app", [{"log": "x"}], "c1"))
    assert heard.ack(client) == {"ack": "c1"}
    heard.source.stop()


def test_a_wrong_key_is_refused_and_nothing_of_it_taken(tmp_path: Path) -> None:
    heard = Heard(tmp_path, Listen("127.0.0.1:0", shared_key="s3cret"))
    client = Sender(heard.port)
    assert "refuses the key" in shake(client, "other")
    with pytest.raises(EOFError):
        client.answer(5.0)
    eager = Sender(heard.port).send(message("app", {"log": "x"}))
    assert eager.answer(5.0)[0] == "HELO"
    with pytest.raises(EOFError):
        eager.answer(5.0)
    assert heard.messages() == []
    assert heard.source.counters["denied"] == 2
    assert "forward_shared_key" in heard.warnings[0]
    heard.source.stop()


def test_plain_bytes_on_a_tls_port_cost_that_sender_its_connection_only(tmp_path: Path, pair: tuple[str, str]) -> None:
    heard = Heard(tmp_path, Listen("127.0.0.1:0", cert=pair[0], key=pair[1]))
    plain = Sender(heard.port).send(message("app", {"log": "x"}) * 10)
    assert plain.hung_up(), "after TLS's own alert, perhaps"
    client = Sender(heard.port, tls=ssl.create_default_context(cafile=pair[0]))
    client.send(packed("app", [{"log": "y"}], "c1"))
    assert heard.ack(client) == {"ack": "c1"}
    heard.source.stop()


BROKEN = {
    "no message": msgpack.packb({"a": 1}),
    "no msgpack": b"\xc1" * 10,
    "a record that is no map": msgpack.packb(["t", 1, "text"]),
    "an entry that is no pair": msgpack.packb(["t", [[1, {}, 2]]]),
    "an option that is no map": msgpack.packb(["t", 1, {}, 5]),
    "a chunk that is no text": msgpack.packb(["t", 1, {}, {"chunk": 5}]),
    "damaged gzip": msgpack.packb(["t", gzip.compress(entry({"log": "x"}))[:-9], {"compressed": "gzip"}]),
    "no such compression": msgpack.packb(["t", b"x", {"compressed": "lzma"}]),
    "a chunk that ends inside an entry": msgpack.packb(["t", entry({"log": "x"})[:-1]]),
    "an endless array": b"\xdd\xff\xff\xff\xff",
    "a list as a key": b"\x93\xa1t\x01\x81\x91\x01\x01",
    "nests without end": b"\x91" * 5000,
    "a gzip bomb": msgpack.packb(["t", gzip.compress(entry({"log": "x" * (70 << 20)}), 1), {"compressed": "gzip"}]),
    "many empty lines": msgpack.packb(["t", event_time(), {"log": "\n" * (8 << 20)}]),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_sender_that_breaks_the_protocol_is_hung_up_on_and_the_others_go_on(heard: Heard, what: str) -> None:
    good, bad = Sender(heard.port), Sender(heard.port).send(message("app", {"log": "before"}))
    bad.send(BROKEN[what])
    with pytest.raises(EOFError):
        bad.answer(20.0)
    good.send(packed("app", [{"log": "after"}], "c1"))
    assert heard.ack(good) == {"ack": "c1"}
    assert heard.source.counters["broken"] == 1
    assert "connection is closed" in heard.warnings[0]
    assert sorted(heard.messages()) == ["after", "before"]


@given(garbage=st.binary(min_size=1, max_size=300))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_harm_the_server(heard: Heard, garbage: bytes) -> None:
    bad = Sender(heard.port).send(garbage)
    bad.close()
    good = Sender(heard.port).send(packed("app", [{"log": "x"}], garbage.hex()[:200]))
    assert heard.ack(good) == {"ack": garbage.hex()[:200]}
    good.close()


def test_a_slow_sender_keeps_nobody_waiting(heard: Heard) -> None:
    slow, quick = Sender(heard.port), Sender(heard.port)
    data = packed("app", [{"log": "slow"}], "s1")
    for at in range(len(data) - 1):
        slow.send(data[at : at + 1])
        if at % 20 == 0:
            quick.send(packed("app", [{"log": f"quick {at}"}], f"q{at}"))
            assert heard.ack(quick) == {"ack": f"q{at}"}
    slow.send(data[-1:])
    assert heard.ack(slow) == {"ack": "s1"}


def test_heartbeats_are_heard_and_metrics_are_dropped_aloud(heard: Heard) -> None:
    client = Sender(heard.port).send(
        b"\xc0\xc0" + msgpack.packb(["t", b"\x92\x01\x80", {"chunk": "m", "fluent_signal": 1}])
    )
    assert heard.ack(client) == {"ack": "m"}
    assert heard.messages() == []
    assert heard.source.counters["not_logs"] == 1
    assert "metrics or traces" in heard.warnings[0]


def test_fluent_logger_comes_back_after_the_server_was_away(tmp_path: Path) -> None:
    heard = Heard(tmp_path, Listen("127.0.0.1:0"))
    port = heard.port
    real = sender.FluentSender("app", host="127.0.0.1", port=port)
    assert real.emit(None, {"message": "one"})
    heard.await_records(1)
    heard.source.stop()
    assert not real.emit(None, {"message": "two"})
    again = Heard(tmp_path, Listen(f"127.0.0.1:{port}"))
    assert real.emit(None, {"message": "three"})
    real.close()
    again.await_records(2)
    for _ in range(1000):  # they are counted before they are written
        if len(again.messages()) == 3:
            break
        time.sleep(0.01)
    assert sorted(again.messages()) == ["one", "three", "two"]
    again.source.stop()


@pytest.mark.parametrize("listen", [Listen("nonsense"), Listen(":99999"), Listen("127.0.0.1:0", cert="/nowhere.pem")])
def test_what_can_not_be_listened_on_is_said(tmp_path: Path, listen: Listen) -> None:
    with pytest.raises(ForwardError, match="nothing is received"):
        Heard(tmp_path, listen)


def test_an_address_in_use_is_said(tmp_path: Path, heard: Heard) -> None:
    with pytest.raises(ForwardError, match="in use"):
        Heard(tmp_path / "other", Listen(f"127.0.0.1:{heard.port}"))
