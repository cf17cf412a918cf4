"""A process killed between a chunk's receipt and its commit: its sender sends again, and the lake has it once."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.logs.forward.sender import Sender, packed
from tests.node import World
from tests.servers.parts import free_port


class Process:
    """The agent of wired.py, in a process of its own."""

    def __init__(self, world: World, port: int, seal_seconds: float) -> None:
        words = [sys.executable, "-m", "tests.logs.forward.wired", str(world.folder), str(port), str(seal_seconds)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self._process.stdout
        assert self._process.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()


Start = Callable[[World, int, float], Process]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts agents, and ends what a test leaves running."""
    started: list[Process] = []

    def one(world: World, port: int, seal_seconds: float) -> Process:
        started.append(Process(world, port, seal_seconds))
        return started[-1]

    yield one
    for process in started:
        process.kill()


def chunks(count: int, lines: int) -> dict[str, bytes]:
    """Chunks by their ids, each of two containers' lines."""
    return {
        f"c{n}": packed(
            f"app{n % 3}",
            [{"log": f"{n} {i}", "container_name": f"/box{i % 2}", "source": "stdout"} for i in range(lines)],
            f"c{n}",
        )
        for n in range(count)
    }


def test_a_chunk_whose_ack_was_lost_with_the_process_is_in_the_lake_once(tmp_path: Path, start: Start) -> None:
    world, port = World(tmp_path), free_port()
    agent = start(world, port, 3600.0)
    wanted = chunks(5, 40)
    client = Sender(port)
    for chunk in wanted.values():
        client.send(chunk)
    assert client.answer(1.0) is None
    agent.kill()
    agent = start(world, port, 0.05)
    client = Sender(port)
    for chunk in wanted.values():
        client.send(chunk)
    acks = {client.answer(30.0)["ack"] for _ in wanted}
    agent.kill()
    assert acks == set(wanted)
    assert sorted(world.messages()) == sorted(f"{n} {i}" for n in range(5) for i in range(40))
    world.assert_sound()


@pytest.mark.parametrize("seed", range(4))
def test_kills_at_random_moments_lose_nothing_and_double_nothing(tmp_path: Path, start: Start, seed: int) -> None:
    rng, world, port = random.Random(seed), World(tmp_path), free_port()
    wanted = chunks(60, 25)
    left = dict(wanted)
    for attempt in range(6):
        agent = start(world, port, 0.1)
        client = Sender(port)
        try:
            for chunk in left.values():
                client.send(chunk)
            end = len(left) if attempt == 5 else rng.randrange(len(left) + 1)
            for _ in range(end):
                left.pop((client.answer(30.0) or {})["ack"], None)
        finally:
            agent.kill()
        if not left:
            break
    assert left == {}
    assert sorted(world.messages()) == sorted(f"{n} {i}" for n in range(60) for i in range(25))
    world.assert_sound()
