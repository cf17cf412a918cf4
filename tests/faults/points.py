"""points: small nodes and runs that die at one call, or for which one call fails, in; what is wrong after them out."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from tests.faults import truth
from tests.faults.strace import CHANGES, WRITES, Call, run_traced
from tests.faults.writer import Pod
from tests.node import World

HOURS = (1_795_168_800.0, 1_795_172_400.0)
_MOST = 40  # of one call that a run makes; a draw beyond what it makes is a run to which nothing happens
_CALLS = ("mkdir", "fsync", "link", "rename", "unlink", "write", "pwrite64", "openat", "ftruncate")


@dataclass
class Node:
    """Two pods; one has rotated and packed files, and lines of two hours."""

    world: World
    pods: tuple[Pod, Pod]

    def finish(self) -> list[str]:
        """What is wrong after one more, plain run.

        The pods have written on by then, so that whoever reads from the last commit to the end makes other objects.
        """
        for pod in self.pods:
            pod.write(pod.records(30))
        self.pods[1].rotate(5)
        self.pods[1].write(self.pods[1].records(30))
        code = self.world.run()
        found = truth.faults(self.world.lake, {pod.name: pod.written for pod in self.pods})
        found += [f"left over: {path}" for path in truth.left_over(self.world.lake, self.world.settings().state)]
        return [*found, f"exit {code}"] if code else found


def small_node(folder: Path) -> Node:
    """A fresh node in `folder`."""
    world = World(folder)
    now = list(HOURS)
    old = Pod(world.root, "old", 1, clock=lambda: now[0])
    for _ in range(2):
        old.write(old.records(60))
        old.rotate(5, lambda _: True)
        now[0] += 60
    now[0] = HOURS[1]
    old.write(old.records(60))
    young = Pod(world.root, "young", 1, clock=lambda: now[1])
    young.write(young.records(100))
    return Node(world, (old, young))


def undisturbed(folder: Path) -> list[Call]:
    """What a run calls that nothing happens to, with `folder` cut off its paths. Such a run must be without fault."""
    node = small_node(folder)
    code, calls = run_traced(node.world, CHANGES)
    assert (code, node.finish()) == (0, [])
    return [replace(c, paths=tuple(p.removeprefix(str(folder)) for p in c.paths)) for c in calls]


def numbered(calls: list[Call]) -> list[tuple[str, str, int]]:
    """(kind, name, number among the calls of that name). Of a kind are those that differ in a number or a key only."""
    made: Counter[str] = Counter()
    found = []
    for call in calls:
        made[call.name] += 1
        found.append((re.sub("[0-9a-f]{16,}|[0-9]+", "N", " ".join(call.paths)), call.name, made[call.name]))
    return found


def die_at(folder: Path, name: str, number: int) -> list[str]:
    """What is wrong after a run that was killed before the call `name` number `number`, and a plain one."""
    node = small_node(folder / f"{name}-{number}")
    code, _ = run_traced(node.world, CHANGES, inject=f"{name}:signal=SIGKILL:when={number}")
    found = node.finish() + ([] if code == -9 else [f"it was not killed, but ended with {code}"])
    return [f"killed before {name} {number}: {fault}" for fault in found]


def die_or_fail_somewhere(folder: Path, runs: int, seed: int) -> list[str]:
    """Draw a call, its number and what becomes of it, `runs` over; returns what was wrong in the end.

    Twice on each node, so that recovery has its turn.
    """
    rnd = random.Random(seed)
    found = []
    for run in range(runs // 2):
        node = small_node(folder / str(run))
        drawn = []
        for _ in range(2):
            name = rnd.choice(_CALLS)
            what = rnd.choice(("signal=SIGKILL", "signal=SIGKILL", "error=EIO", "error=ENOSPC"))
            drawn.append(f"{name}:{what}:when={rnd.randrange(1, _MOST)}")
            run_traced(node.world, (*CHANGES, *WRITES), inject=drawn[-1])
            node.pods[0].write(node.pods[0].records(20))
        found += [f"{node.world.folder} after {drawn}: {fault}" for fault in node.finish()]
    return found
