"""The agent as a process that is spoken to: what a client sends is in the lake, and every metric of it is there."""

from __future__ import annotations

import socket
import time
import urllib.request
from contextlib import closing
from pathlib import Path

from fluent.sender import FluentSender

from tests.faults.process import HURRIED, Agent
from tests.logs.forward.sender import Sender, packed
from tests.node import World, writer


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def await_messages(world: World, agent: Agent, wanted: set[str]) -> None:
    for _ in range(300):
        if set(world.messages()) >= wanted:
            return
        time.sleep(0.1)
    raise AssertionError(f"{world.messages()}: {agent.talk[-2000:]}")


def test_what_comes_by_forward_is_in_the_lake_beside_the_nodes_lines_and_is_acknowledged(tmp_path: Path) -> None:
    world, port, metrics = World(tmp_path), free_port(), free_port()
    writer(world.root).record("from a file")
    flags = (*HURRIED, "--forward-listen", f"127.0.0.1:{port}", "--listen", f"127.0.0.1:{metrics}")
    with closing(Agent(world, *flags)) as agent:
        agent.await_start()
        await_messages(world, agent, {"from a file"})
        client = FluentSender("shop.web", host="127.0.0.1", port=port)
        assert client.emit(None, {"log": "from a client"}), client.last_error
        client.close()
        with closing(Sender(port)) as sender:
            sender.send(packed("shop.api", [{"log": "from a forwarder"}], chunk="c1"))
            assert sender.answer(20.0) == {"ack": "c1"}
        await_messages(world, agent, {"from a client", "from a forwarder"})
        counted = {"tailrace_log_forward_in_records_total 2.0", "tailrace_log_forward_in_acks_total 1.0"}
        for _ in range(100):  # until the next report
            with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics") as answer:
                shown = set(answer.read().decode().splitlines())
            if shown >= counted:
                break
            time.sleep(0.1)
        assert shown >= counted
        assert agent.stop() == 0
    world.assert_sound()


def test_what_is_in_the_spool_is_read_also_when_forward_is_no_longer_spoken(tmp_path: Path) -> None:
    world = World(tmp_path)
    writer(world.root).record("from a file")
    spool = writer(world.settings().state / "forward", pod="tag", namespace="forward")
    spool.record("left behind")
    assert world.run() == 0
    assert sorted(world.messages()) == ["from a file", "left behind"]


def test_without_a_nodes_logs_as_on_fargate_the_spool_alone_is_a_whole_scan(tmp_path: Path) -> None:
    world = World(tmp_path)
    spool = writer(world.settings().state / "forward", pod="tag", namespace="forward")
    spool.record("alone")
    assert world.run() == 0
    assert world.messages() == ["alone"]
