"""The Forward source with an agent behind it: what is sent is in the lake, and acknowledged when it is."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fluent import asyncsender, sender

from tailrace.logs.forward.source import Listen
from tests.logs.forward.sender import Sender, forward, message, packed
from tests.logs.forward.wired import Wired
from tests.node import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def wired(world: World) -> Iterator[Wired]:
    one = Wired(world)
    yield one
    one.stop()


def texts(n: int, of: str = "line") -> list[dict[str, Any]]:
    return [{"log": f"{of} {i}"} for i in range(n)]


def test_what_fluent_logger_sends_is_in_the_lake_with_its_time_and_tag(world: World, wired: Wired) -> None:
    real = sender.FluentSender("shop", host="127.0.0.1", port=wired.port, nanosecond_precision=True)
    assert real.emit_with_time("web", 1_795_168_800.25, {"message": "hello", "level": "error", "n": 3})
    assert real.emit_with_time("web", 1_795_168_801, {"message": "only a text"})
    real.close()
    wired.until(lambda: len(world.messages()) == 2)
    rows = world.ask(
        "SELECT epoch_us(ts), namespace, pod, container, stream, level, message FROM logs ORDER BY file_offset"
    )
    assert [r[:6] for r in rows] == [
        (1_795_168_800_250_000, "forward", "shop.web", "shop.web", "stdout", "error"),
        (1_795_168_801_000_000, "forward", "shop.web", "shop.web", "stdout", None),
    ]
    assert json.loads(rows[0][6]) == {"message": "hello", "level": "error", "n": 3}
    assert rows[1][6] == "only a text"
    world.assert_sound()


def test_the_asynchronous_fluent_logger_loses_nothing(world: World, wired: Wired) -> None:
    real = asyncsender.FluentSender("app", host="127.0.0.1", port=wired.port, queue_maxsize=5000)
    for i in range(3000):
        real.emit(None, {"message": f"line {i}"})
    real.close()
    wired.until(lambda: len(world.messages()) == 3000)
    assert world.messages() == [f"line {i}" for i in range(3000)]


CARRIERS: dict[str, Callable[[str, list[dict[str, Any]], str | None], bytes]] = {
    "Message": lambda tag, records, chunk: b"".join(message(tag, r, chunk and f"{chunk}{r['log']}") for r in records),
    "Forward": forward,
    "PackedForward": packed,
    "CompressedPackedForward": lambda tag, records, chunk: packed(tag, records, chunk, compressed=True),
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_every_carrier_is_read_and_acknowledged_once_a_sink_has_its_lines(
    carrier: str, world: World, wired: Wired
) -> None:
    client = Sender(wired.port).send(CARRIERS[carrier]("app", texts(5), "c1"))
    wanted = {"c1"} if carrier != "Message" else {f"c1line {i}" for i in range(5)}
    wired.until(lambda: wired.forward.waiting == len(wanted))
    assert client.answer() is None, "no ack before the commit"
    wired.until(lambda: len(world.messages()) == 5)
    acks = set()
    wired.until(lambda: acks.add((client.answer() or {}).get("ack")) or acks >= wanted)
    assert world.messages() == [f"line {i}" for i in range(5)]
    client.close()


def test_no_ack_is_sent_while_the_sink_takes_nothing(world: World) -> None:
    wired = Wired(world, seal_seconds=3600.0)
    client = Sender(wired.port).send(packed("app", texts(3), "c1"))
    wired.until(lambda: wired.forward.waiting == 1 and wired.agent.source.seen_bytes > 0)
    for _ in range(20):
        wired.tick()
    assert client.answer() is None
    assert world.messages() == []
    assert wired.stop() == 0, "the end delivers"
    assert client.answer(5.0) == {"ack": "c1"}, "and then the ack goes out"
    assert len(world.messages()) == 3


def test_a_chunk_that_comes_again_is_acknowledged_again_and_not_written_again(world: World, wired: Wired) -> None:
    chunk = packed("app", texts(3), "c1")
    first, second = Sender(wired.port).send(chunk), Sender(wired.port).send(chunk)
    wired.until(lambda: first.answer() == {"ack": "c1"})
    assert second.answer(5.0) == {"ack": "c1"}, "both wait for the same lines"
    assert first.send(chunk).answer(5.0) == {"ack": "c1"}, "it is remembered after its ack"
    Sender(wired.port).send(packed("app", texts(1, "other"), "c1"))
    wired.until(lambda: len(world.messages()) == 4)
    assert sorted(world.messages()) == ["line 0", "line 1", "line 2", "other 0"], "an id alone makes no chunk the same"
    assert wired.forward.counters["chunks_again"] == 2


def test_the_spool_is_empty_once_everything_is_delivered_and_idle(
    world: World, wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tailrace.logs.forward.spool.IDLE", 0.0)
    client = Sender(wired.port).send(packed("app", texts(3), "c1"))
    wired.until(lambda: client.answer() == {"ack": "c1"})
    wired.until(lambda: wired.forward.spool_bytes == 0)
    pods = wired.agent.settings.state / "forward/var/log/pods"
    assert list(pods.iterdir()) == []
    client.send(packed("app", texts(3), "c2"))
    wired.until(lambda: client.answer() == {"ack": "c2"})
    assert len(world.messages()) == 6, "the same lines under another id are other lines"
    world.assert_sound()


def test_past_its_budget_no_socket_is_read_until_a_sink_has_what_is_there(world: World) -> None:
    wired = Wired(world, budget=2_000_000, seal_seconds=3600.0)
    text, count = "x" * 10_000, 1500  # more than the kernel holds for a connection
    client = Sender(wired.port)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
    sending = threading.Thread(
        target=lambda: [client.send(packed("app", [{"log": f"{i} {text}"}])) for i in range(count)]
    )
    sending.start()
    wired.until(lambda: wired.forward.spool_bytes >= 2_000_000)
    sending.join(0.5)
    assert sending.is_alive(), "the sender waits"
    assert wired.forward.spool_bytes < 3_000_000, "no more came than what was read at once"
    wired.seal_at_once()
    wired.until(lambda: len(world.messages()) == count)
    sending.join()
    assert wired.stop() == 0
    world.assert_sound()


def test_records_of_an_excluded_namespace_are_dropped_and_acknowledged(world: World) -> None:
    wired = Wired(world, exclude=("kube-system",))
    records = [{"log": "a", "kubernetes": {"namespace_name": n, "pod_name": "p"}} for n in ("kube-system", "shop")]
    client = Sender(wired.port).send(packed("kube", records, "c1"))
    wired.until(lambda: client.answer() == {"ack": "c1"})
    assert world.ask("SELECT namespace, pod FROM logs") == [("shop", "p")]
    assert wired.forward.counters["excluded"] == 1
    wired.stop()


def test_a_unix_socket_takes_what_tcp_takes(world: World, tmp_path: Path) -> None:
    path = tmp_path / "f.sock"
    wired = Wired(world, Listen(path=str(path), shared_key="not asked for here"))
    real = sender.FluentSender("app", host=f"unix://{path}")
    assert real.emit(None, {"message": "by socket"})
    real.close()
    wired.until(lambda: world.messages() == ["by socket"])
    wired.stop()
    assert not path.exists()
