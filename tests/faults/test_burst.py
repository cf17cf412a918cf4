"""The benchmark everyone fails: a million lines in about a second into one file, then rotation, as the kubelet does."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from tests.faults import truth
from tests.faults.process import Agent, audits
from tests.faults.writer import MIB, Pod
from tests.node import World

LINES = 1_000_000
ROTATED = 10 * MIB  # the kubelet's containerLogMaxSize; and of containerLogMaxFiles = 5 one is the live one
KEEP = 4


def test_a_million_lines_in_a_second_and_then_rotation_lose_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    pod = Pod(world.root, "burst", 1)
    flood = pod.records(LINES)
    slices = [pod.records(80_000) for _ in range(7)]
    # Default settings, for they are what a user has.
    with closing(Agent(world)) as agent:
        agent.await_start()
        for at in range(0, len(flood), 4 * MIB):
            pod.write(flood[at : at + 4 * MIB])
        # The kubelet looks every ten seconds; here it looks every second, so that the flood's file is packed after two
        # and deleted after five.
        for piece in slices:
            time.sleep(1)  # the writer's own pace; nothing is asserted of it
            pod.rotate(KEEP, lambda _: True)
            pod.write(piece)
            assert len(piece) >= ROTATED * 0.9
        assert not list(pod.folder.glob("0.log.*-00001*")), "the flood's file was to be deleted by now"
        assert agent.stop() == 0
    with closing(Agent(world, "--once")) as last:
        assert last.wait() == 0
    assert pod.written > LINES
    assert truth.faults(world.lake, {pod.name: pod.written}) == []
    assert audits(world) == []
