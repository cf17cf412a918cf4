"""runs: histories to what they break; and a history that breaks something to the shortest one that does."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator

from tests.logs.histories.life import Life
from tests.logs.histories.machine import Machine, Step, history
from tests.node import World


def broken(steps: Iterable[Step], also: Callable[[World], None] = lambda _: None, sinks: int = 1) -> str | None:
    """What is wrong after a history; None if each line that was written is in the lake (of each sink) once. also: looks
    at it, too."""
    with Life(sinks=sinks) as life:
        machine = Machine(life)
        try:
            for step in steps:
                machine.play(step)
            life.drain()
            life.assert_sound()
            also(life.world)
        except Exception:  # whatever it is, it is what we look for
            return traceback.format_exc(limit=-8)
    return None


def shortest(steps: list[Step], breaks: Callable[[list[Step]], bool]) -> list[Step]:
    """Leave out what can be left out, many steps at a time and then fewer."""
    size = len(steps) // 2
    while size:
        at = 0
        while at < len(steps):
            fewer = steps[:at] + steps[at + size :]
            if breaks(fewer):
                steps = fewer
            else:
                at += size
        size = size // 2 if size > 1 or at == 0 else 0
    return steps


def play(seeds: Iterable[int]) -> Iterator[tuple[int, str]]:
    """The seeds of histories that break something, with the shortest such history and what is wrong after it."""
    for seed in seeds:
        steps, sinks = history(seed), 2 if seed % 4 == 3 else 1
        if broken(steps, sinks=sinks) is None:
            continue
        steps = shortest(steps, lambda fewer, sinks=sinks: broken(fewer, sinks=sinks) is not None)  # type: ignore[misc]
        shown = "\n".join(f"    {step!r}," for step in steps)
        why = broken(steps, sinks=sinks)
        yield seed, f"history({seed}) breaks a promise, and so does this, {sinks} sinks:\n[\n{shown}\n]\n{why}"
