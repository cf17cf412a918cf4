"""A sink that is down while pods write on, and then back: each line once, and no more memory than before."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults import truth
from tests.faults.lake_switch import LakeSwitch, await_all
from tests.faults.process import HURRIED, Agent, audits
from tests.faults.writer import Pod
from tests.node import World

# Waiting objects are of 1 MiB, so that what pods write during the outage is many times what may wait in memory: as many
# as ten minutes at 10 MB/s are for the default settings.
SETTINGS = (*HURRIED, "--seal-bytes", "1MiB", "--row-group-bytes", "1MiB", "--memory-bytes", "4MiB")
PIECE = 50_000  # records, about 6 MiB


def outage(agent: Agent, pods: list[Pod], pieces: int, keep: int) -> float:
    """Each pod writes and rotates `pieces` times. Returns the most MiB that the agent had meanwhile."""
    most = 0.0
    for _ in range(pieces):
        for pod in pods:
            pod.write(pod.records(PIECE))
            pod.rotate(keep)
            time.sleep(0.3)  # the writer's own pace
            most = max(most, agent.resident())
    return most


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_sink_that_was_down_while_files_were_rotated_away_gets_each_line_once_in_flat_memory(world: World) -> None:
    switch = LakeSwitch(world)
    pods = [Pod(world.root, name, 1) for name in ("a", "b")]
    with closing(Agent(world, *SETTINGS)) as agent:
        for pod in pods:  # what the agent needs for reading at full speed, it has after this
            pod.write(pod.records(2 * PIECE))
        await_all(agent, world, pods)
        before = agent.resident()
        switch.turn(on=False)
        during = outage(agent, pods, pieces=8, keep=2)
        assert "refused" in agent.talk, "the sink was not down"
        objects = truth.objects(world.folder / "volume")
        switch.turn(on=True)
        await_all(agent, world, pods)
        assert truth.objects(world.lake) > objects
        assert max(during, agent.resident(most=True)) < before + 10, "MiB, of 96 that were written"
        assert agent.stop() == 0
    assert truth.left_over(world.lake, world.settings().state) == []
    assert audits(world) == []


def test_an_agent_that_was_killed_while_its_sink_was_down_delivers_each_line_once(world: World) -> None:
    switch = LakeSwitch(world)
    pods = [Pod(world.root, name, 2) for name in ("a", "b")]
    for pod in pods:
        pod.write(pod.records(PIECE // 2))
    with closing(Agent(world, *SETTINGS)) as agent:
        await_all(agent, world, pods)
        switch.turn(on=False)
        outage(agent, pods, pieces=2, keep=99)
        agent.kill()
    for pod in pods:
        pod.write(pod.records(PIECE // 4))
    with closing(Agent(world, *SETTINGS)) as agent:
        agent.await_start()
        time.sleep(1)  # it may meet the sink that is down, or not yet: both must end well
        switch.turn(on=True)
        await_all(agent, world, pods)
        assert agent.stop() == 0
    assert truth.left_over(world.lake, world.settings().state) == []
