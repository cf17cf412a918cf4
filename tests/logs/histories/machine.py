"""machine: the rules of a history: what containers, the kubelet, the sink, the disk and the kernel may do to an agent.

A history is plain data, so that one that breaks a promise can be printed, made shorter and played again. Every step can
be played at any time: one that is impossible just then does nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.logs.histories.life import BUDGETS, Life

Step = tuple[Any, ...]  # a rule's name and its arguments

_STREAMS = ("stdout", "stderr")
_KINDS = ("plain", "plain", "plain", "trace", "frame", "long", "empty")
_FULL = ("state", "state/sinks/local/intents", "state/sinks/local/outbox", "lake", "lake/ledger")


class Machine:
    """Plays steps. `life` is what they happen to."""

    def __init__(self, life: Life) -> None:
        self.life, self.node = life, life.node
        self._number = 0

    def play(self, step: Step) -> None:
        """One step."""
        RULES[step[0]](self, *step[1:])

    @property
    def running(self) -> bool:
        return self.life.agent is not None

    def _text(self, size: int = 0) -> str:
        self._number += 1
        return f"m{self._number:06d} " + "x" * size

    def _lines(self, kind: str, stream: str) -> bytes:
        if kind == "empty":
            return self.node.record("", stream)
        if kind == "frame":
            return self.node.record(f"\tat frame.of({self._text()})", stream)
        if kind == "trace":
            texts = [f"java.lang.Error: {self._text()}", *(f"\tat some.frame({self._text()})" for _ in range(2))]
            return b"".join(self.node.record(text, stream) for text in texts)
        return self.node.record(self._text(1500 if kind == "long" else 0), stream)

    # What containers do.

    def write(self, pod: str, *kinds: tuple[str, str]) -> None:
        self.node.write(self.node.live(pod), b"".join(self._lines(*kind) for kind in kinds))

    def write_partial(self, pod: str, stream: str, tags: str) -> None:
        self.node.write(self.node.live(pod), b"".join(self.node.record(self._text(), stream, tag) for tag in tags))

    def write_half(self, pod: str, stream: str, keep: int) -> None:
        self.node.write(self.node.live(pod), self.node.record(self._text(9), stream), keep)

    def write_late(self, pod: str, which: int, more: bool) -> None:
        """The runtime still has the renamed file open."""
        if files := [c for c in self.node.rotated(pod) if not c.copy and not c.settled]:
            self.node.write(files[which % len(files)], self._lines("plain", "stdout") if more else b"")

    # What happens to files.

    def rotate(self, pod: str, times: int, between: bool) -> None:
        for _ in range(times):
            self.node.rotate(pod)
            if between:
                self.write(pod, ("plain", "stdout"))

    def copytruncate(self, pod: str, keep: bool, late: bool, after: int) -> None:
        self.node.copytruncate(pod, keep, self._lines("plain", "stdout") if late else b"")
        if after:
            self.write(pod, *[("plain", "stdout")] * after)

    def pack(self, pod: str, which: int) -> None:
        if files := [c for c in self.node.rotated(pod) if not c.packed]:
            self.node.pack(files[which % len(files)])

    def delete_rotated(self, pod: str, which: int) -> None:
        if files := self.node.rotated(pod):
            self.node.delete(files[which % len(files)])

    def delete_live(self, pod: str, again: bool) -> None:
        self.node.delete(self.node.live(pod))
        if again:  # often under the same inode
            self.write(pod, ("plain", "stdout"))

    def remove_pod(self, pod: str) -> None:
        self.node.remove(pod)

    # What happens to the agent.

    def tick(self, seconds: float, times: int) -> None:
        for _ in range(times):
            if self.running:
                self.life.tick(seconds)

    def kill(self) -> None:
        if self.running:
            self.life.dead()

    def die_in_a_tick(self, syncs: int, seconds: float) -> None:
        if self.running:
            self.life.disk.fuse = syncs
            self.tick(seconds, 2)
            self.kill()

    def stop(self, syncs: int | None) -> None:
        if self.running:
            self.life.disk.fuse = syncs
            self.life.stop()

    def start(self, budget: int, multiline: str) -> None:
        if not self.running:
            self.life.start(**BUDGETS[budget], multiline=multiline)

    def once(self, budget: int) -> None:
        if not self.running:
            self.life.once(**BUDGETS[budget])

    def reload(self, budget: int, multiline: str) -> None:
        if self.running:
            self.life.reload(**BUDGETS[budget], multiline=multiline)

    # What happens to what it relies on.

    def sink_fails(self, how: str, times: int) -> None:
        setattr(self.life.sink, how, True if how == "down" else times)

    def sink_heals(self) -> None:
        self.life.sink.heal()

    def disk_fills(self, what: str) -> None:
        self.life.disk.full = (self.life.world.folder / what,)

    def disk_has_room(self) -> None:
        self.life.disk.full = ()

    def clock_jumps(self, wall: int, own: int) -> None:
        self.life.clock.wall += wall * 10**9
        self.life.clock.own += own


RULES: dict[str, Callable[..., None]] = {
    name: rule for name, rule in vars(Machine).items() if not name.startswith("_") and name not in ("play", "running")
}


def draw(name: str, r: random.Random) -> Step:
    """Arguments for a rule."""
    pod = r.choice("aab")
    few = r.choice((1, 1, 2, 3))
    seconds = r.choice((0.3, 1.0, 3.0, 12.0))
    budget, multiline = r.randrange(len(BUDGETS)), r.choice(("auto", "java"))
    drawn: dict[str, tuple[Any, ...]] = {
        "write": (pod, *((r.choice(_KINDS), r.choice(_STREAMS)) for _ in range(few))),
        "write_partial": (pod, r.choice(_STREAMS), r.choice(("P", "PP", "PF", "F"))),
        "write_half": (pod, r.choice(_STREAMS), r.randint(1, 26)),
        "write_late": (pod, r.randrange(4), r.random() < 0.5),
        "rotate": (pod, few, r.random() < 0.5),
        "copytruncate": (pod, r.random() < 0.5, r.random() < 0.3, r.randrange(5)),
        "pack": (pod, r.randrange(4)),
        "delete_rotated": (pod, r.randrange(4)),
        "delete_live": (pod, r.random() < 0.5),
        "remove_pod": (pod,),
        "tick": (seconds, few),
        "die_in_a_tick": (r.randrange(13), seconds),
        "stop": (r.choice((None, None, r.randrange(13))),),
        "start": (budget, multiline),
        "once": (budget,),
        "reload": (budget, multiline),
        "sink_fails": (r.choice(("down", "refuse", "lose")), few),
        "disk_fills": (r.choice(_FULL),),
        "clock_jumps": (r.choice((-7200, -10, 10, 7200)), r.choice((0, 0, 40))),
    }
    return (name, *drawn.get(name, ()))


_WEIGHTS = {"write": 6, "tick": 8, "start": 5, "write_partial": 3, "rotate": 3, "die_in_a_tick": 2, "remove_pod": 0.3}


def history(seed: int, steps: int = 25) -> list[Step]:
    """A random history. Each uses some of the rules only: one in which everything happens hides what little does."""
    r = random.Random(seed)
    names = [name for name in RULES if name in ("write", "tick", "start") or r.random() < 0.6]
    weights = [_WEIGHTS.get(name, 1) for name in names]
    begin = draw("start", r)
    return [begin, *(draw(name, r) for name in r.choices(names, weights, k=steps))]
