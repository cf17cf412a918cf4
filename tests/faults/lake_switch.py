"""lake_switch: a lake that is gone and back from one moment to the next, and waiting until it has everything."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

from tests.faults import truth
from tests.faults.process import Agent
from tests.faults.writer import Pod
from tests.node import World


class LakeSwitch:
    """The lake's folder is a link that one rename points elsewhere: also root can't write into a file's folder."""

    def __init__(self, world: World) -> None:
        self._world = world
        (world.folder / "volume").mkdir()
        (world.folder / "no-volume").touch()
        self.turn(on=True)

    def turn(self, on: bool) -> None:
        """The sink is there, or is not."""
        new = self._world.folder / "lake.new"
        new.symlink_to("volume" if on else "no-volume")
        os.replace(new, self._world.lake)


def await_all(agent: Agent, world: World, pods: Iterable[Pod]) -> None:
    """Until the lake holds everything; fails with what is wrong if that does not come about by itself."""
    written = {pod.name: pod.written for pod in pods}
    for _ in range(90):
        if truth.tokens(world.lake) >= sum(written.values()):
            break
        time.sleep(1)
    found = truth.faults(world.lake, written)
    assert not found, f"{found}; the agent said: {agent.talk[-3000:]}"
