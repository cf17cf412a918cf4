"""kills: a world and a number of kills in, a finished lake and what was written out. The faults are drawn from a seed.

Pods write on through everything. An agent is started, and killed after a random time: one in five while it loads, the
others after it has taken its state folder. In a storm the lake vanishes now and then, and some agents are only asked to
stop. The writer deletes what it rotated about 20 s ago, read or not, as a kubelet does: on a slow machine an agent that
has not stored anything for `_STARVED` seconds may live until it has, for no agent can read a file that is gone. If
fewer than a third of the killed had stored something, more are killed, up to three times as many.
"""

from __future__ import annotations

import random
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from tests.faults import truth
from tests.faults.lake_switch import LakeSwitch
from tests.faults.process import HURRIED, Agent, Writing, audits
from tests.node import World

_STARVED = 4.0  # seconds


@dataclass(frozen=True)
class Run:
    """What a run did. faults: findings, none if nothing was lost or doubled. working: kills of an agent that had stored
    something."""

    kills: int
    working: int
    written: dict[str, int]
    faults: list[str]


class Switch(Protocol):
    """What makes the lake come and go."""

    def turn(self, on: bool) -> None:
        """It is there, or is not."""


def kill_at_random(
    world: World,
    kills: int,
    seed: int,
    storm: bool = False,
    rate: int = 20_000,
    keep: int = 12,
    flags: tuple[str, ...] = (),
    switch: Switch | None = None,
) -> Run:
    """Kill `kills` agents or more while pods write `rate` lines/s and rotate every MiB; then let one finish the job.

    keep: rotated files of a pod that are there; the older are gone. flags: of every agent, beside the usual ones.
    switch: makes the storm; if none is given the lake's folder vanishes.
    """
    rnd = random.Random(seed)
    switch = (switch or LakeSwitch(world)) if storm else None
    killed = working = 0
    with closing(Writing(world, "--seed", str(seed), "--rate", str(rate), "--keep", str(keep))) as writing:
        stored = time.monotonic()
        while killed < kills or (working < kills / 3 and killed < 3 * kills):
            before = truth.objects(world.lake)
            with closing(Agent(world, *HURRIED, *flags, *(("--memory-bytes", "2MiB") if storm else ()))) as agent:
                if rnd.random() < 0.2:
                    time.sleep(rnd.uniform(0.1, 0.6))
                else:
                    agent.await_start()
                    time.sleep(rnd.uniform(0.0, 1.2))
                starved = time.monotonic() - stored > _STARVED
                if switch is not None:
                    switch.turn(on=starved or rnd.random() < 0.8)
                    time.sleep(rnd.uniform(0.0, 0.6))
                if starved:
                    _await_stored(agent, world, before)
                if storm and rnd.random() < 0.15:
                    agent.ask(times=rnd.choice((1, 2)))
                    time.sleep(rnd.uniform(0.0, 0.3))
                else:
                    agent.kill()
                    killed += 1
            if truth.objects(world.lake) > before:
                working, stored = working + 1, time.monotonic()
        written = writing.stop()
    if switch is not None:
        switch.turn(on=True)
    with closing(Agent(world, "--once", *flags)) as last:
        code = last.wait()
    found = truth.faults(world.lake, written) + audits(world)
    if code:
        found.append(f"the last agent ended with {code}: {last.talk[-2000:]}")
    found += [f"left over: {path}" for path in truth.left_over(world.lake, world.settings().state)]
    return Run(killed, working, written, found)


def _await_stored(agent: Agent, world: World, before: int) -> None:
    """Until the lake has more than `before` objects and what the pods wrote till now is likely among them."""
    for _ in range(600):
        if truth.objects(world.lake) > before:
            break
        time.sleep(0.05)
    assert agent.ended() is None, f"the agent ended with {agent.ended()}: {agent.talk[-2000:]}"
    time.sleep(1.0)
