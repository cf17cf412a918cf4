"""faulty: a running agent's sink that refuses, dies or loses its answers as the test says."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from tailrace.delivery.objects import Sealed
from tests.logs.live import Live
from tests.node import World


class Killed(BaseException):
    """The process dies here: what raises it comes back to nobody but the test."""


class FaultySink:
    """Stands before the agent's own sink. `calls`: the objects it was offered, each time; `at`: the agent's clock then.

    before, after: called around the real store, and may raise. `down` raises what a sink that is not there does.
    """

    def __init__(self, live: Live) -> None:
        self._live, self._store, self._has = live, live.agent.routes[0].sink.store, live.agent.routes[0].sink.has
        self.calls: list[Sealed] = []
        self.at: list[float] = []
        self.before: Callable[[Sealed], None] = _nothing
        self.after: Callable[[Sealed], None] = _nothing
        live.agent.routes[0].sink.store = self.store  # type: ignore[method-assign]
        live.agent.routes[0].sink.has = self.has  # type: ignore[method-assign]

    def store(self, sealed: Sealed) -> None:
        """As the sink's, with what is to go wrong."""
        self._note(sealed)
        self.before(sealed)
        self._store(sealed)
        self.after(sealed)

    def has(self, sealed: Sealed) -> bool:
        """A sink that can't store can't tell either."""
        self._note(sealed)
        self.before(sealed)
        return self._has(sealed)

    def _note(self, sealed: Sealed) -> None:
        self.calls.append(sealed)
        self.at.append(self._live.now)

    def turn(self, up: bool) -> None:
        """It takes everything, or nothing."""
        self.before = _nothing if up else down


def _nothing(_: Sealed) -> None:
    pass


def down(_: Sealed) -> None:
    """The sink is not there."""
    raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")


def die(_: Sealed) -> None:
    """The process dies."""
    raise Killed


def dies(live: Live, seconds: float = 1.0, times: int = 1) -> None:
    """Let time pass until the process dies, which must happen."""
    try:
        live.tick(seconds, times)
    except Killed:
        live.kill()
        return
    raise AssertionError("nothing killed the agent")


def objects(world: World) -> dict[str, Path]:
    """The objects of logs in the lake, by key."""
    return {path.stem: path for path in world.lake.glob("logs/*/*/*.parquet")}


def intents(world: World) -> set[str]:
    """The keys of the intents."""
    return {path.stem for path in (world.folder / "state/sinks/local/intents").glob("*.intent")}


def outbox(world: World) -> list[Path]:
    """The objects in the outbox, oldest first."""
    return sorted((world.folder / "state/sinks/local/outbox").glob("*.object"))
