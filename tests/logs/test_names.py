"""Names and links that no kubelet made, and those that Docker makes: what is read, and what is told and left alone."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from tailrace.logs.source import Source
from tests.logs.live import Live
from tests.node import World, warnings, writer


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_named_pipe_does_not_stop_the_agent(world: World, caplog: pytest.LogCaptureFixture) -> None:
    w = writer(world.root)
    w.record("fine")
    os.mkfifo(w.folder / "1.log")
    assert world.run() == 0
    assert world.messages() == ["fine"]
    assert "not a regular file" in warnings(caplog)


def test_a_log_folder_that_is_not_there_yet_is_waited_for(world: World) -> None:
    world.root.mkdir()
    live = Live(world)
    live.tick(times=2)
    w = writer(world.root)
    w.record("a")
    live.tick(times=2)
    live.stop()
    assert world.messages() == ["a"]


def test_excluded_namespaces_are_not_read(world: World) -> None:
    writer(world.root, namespace="kube-system").record("x")
    writer(world.root, namespace="shop").record("y")
    assert world.run(exclude=("kube-*",)) == 0
    assert world.messages() == ["y"]


def test_a_source_never_hands_on_a_byte_twice_even_if_nothing_was_committed(world: World) -> None:
    w = writer(world.root)
    live = Live(world, seal_seconds=1000.0)
    for n in range(20):
        w.record(f"line {n}")
        live.tick()
    assert isinstance(live.agent.source, Source)
    live.stop()
    assert world.messages() == [f"line {n}" for n in range(20)]
    world.assert_sound()


def test_the_progress_of_a_file_that_is_gone_is_forgotten_and_that_of_others_is_not(world: World) -> None:
    w = writer(world.root)
    w.records(["one", "two"])
    live = Live(world)
    live.tick(times=2)
    packed = w.rotate("20261120-222358")
    w.records(["three"])
    with gzip.open(f"{packed}.gz", "wb") as f:
        f.write(packed.read_bytes())
    packed.unlink()
    live.tick(times=40)
    assert len(live.agent.progress.files) == 2, "the packed one still has its progress"
    Path(f"{packed}.gz").unlink()
    live.tick(times=40)
    assert len(live.agent.progress.files) == 1
    assert live.stop() == 0
    assert world.run() == 0
    assert sorted(world.messages()) == ["one", "three", "two"]
    world.assert_sound()
