"""A disk that fills up under the lake, the state folder or the outbox, each alone: nothing lost, and it recovers."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults import truth
from tests.faults.lake_switch import LakeSwitch, await_all
from tests.faults.process import HURRIED, Agent, audits
from tests.faults.small_disk import small_disk
from tests.faults.writer import Pod
from tests.node import World

PIECE = 15_000  # records, about 1.8 MiB


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def write_on(pods: list[Pod], times: int, keep: int = 99) -> None:
    """The pods write, rotate and pack."""
    for _ in range(times):
        for pod in pods:
            pod.write(pod.records(PIECE))
            pod.rotate(keep, lambda _: True)
        time.sleep(0.7)  # the writers' own pace: longer than an object stays open


def assert_finished(world: World) -> None:
    assert truth.left_over(world.lake, world.settings().state) == []
    assert audits(world) == []


def await_refusal(agent: Agent, words: str) -> None:
    """Until the agent has said that there is no space, so that it is known to have met the fault."""
    for _ in range(300):
        if words in agent.talk:
            return
        time.sleep(0.1)
    raise AssertionError(f"the agent never met the full disk: {agent.talk[-3000:]}")


def test_a_lake_whose_disk_is_full_for_a_while_gets_each_line_once(world: World) -> None:
    pods = [Pod(world.root, name, 1) for name in ("a", "b")]
    with small_disk(world.lake, 24) as disk, closing(Agent(world, *HURRIED)) as agent:
        write_on(pods, 1)
        await_all(agent, world, pods)
        disk.fill(leave=200_000)  # an object is begun and can't be finished
        write_on(pods, 3)
        await_refusal(agent, "No space left")
        disk.free()
        await_all(agent, world, pods)
        assert agent.stop() == 0
        assert_finished(world)


def test_a_state_folder_whose_disk_is_full_and_an_agent_killed_meanwhile_cost_no_line(world: World) -> None:
    pods = [Pod(world.root, name, 2) for name in ("a", "b")]
    state = world.settings().state
    with small_disk(state, 8) as disk:
        with closing(Agent(world, *HURRIED)) as agent:
            write_on(pods, 1)
            await_all(agent, world, pods)
            disk.fill()
            write_on(pods, 2)
            await_refusal(agent, "No space left")
            agent.kill()
        with closing(Agent(world, *HURRIED)) as agent:  # it may work or say why not, but not fall over
            for _ in range(30):
                if (code := agent.ended()) is not None:
                    assert code == 1
                    break
                time.sleep(0.1)
            assert "Traceback" not in agent.talk
            disk.free()
            if code is None:
                await_all(agent, world, pods)
                assert agent.stop() == 0
        with closing(Agent(world, "--once")) as agent:
            assert agent.wait() == 0
            await_all(agent, world, pods)
        assert_finished(world)


def test_an_outbox_whose_disk_is_full_while_the_sink_is_down_costs_no_line(world: World) -> None:
    switch = LakeSwitch(world)
    pods = [Pod(world.root, name, 3) for name in ("a", "b")]
    outbox = world.settings().state / "sinks/local/outbox"
    with small_disk(outbox, 2), closing(Agent(world, *HURRIED, "--memory-bytes", "2MiB")) as agent:
        write_on(pods, 1)
        await_all(agent, world, pods)
        switch.turn(on=False)
        write_on(pods, 4, keep=2)  # memory fills, then the outbox, then what was deleted is held open
        await_refusal(agent, "outbox refused")
        switch.turn(on=True)
        await_all(agent, world, pods)
        assert agent.stop() == 0
        assert_finished(world)
