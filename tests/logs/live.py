"""live: a log agent that follows a world's files one tick at a time, by a clock that the test owns."""

from __future__ import annotations

import logging
from typing import Any

from tailrace.delivery.sinks.chosen import chosen
from tailrace.logs.agent import LogAgent
from tailrace.logs.checkpoint import StateFolder
from tailrace.logs.counts import Counts
from tailrace.logs.enrich import Pods
from tailrace.logs.run import lake_of, pipeline_of
from tests.node import World

log = logging.getLogger("tailrace")


class Live:
    """A running agent. Leave it with `stop` (as SIGTERM does) or with `kill` (nothing more is delivered or saved)."""

    def __init__(self, world: World, pods: Pods | None = None, **changes: Any) -> None:
        settings = world.settings(**{"scan": 1.0, "seal_seconds": 0.05, **changes})
        self.counts = Counts()
        named = chosen(settings)
        folder = StateFolder(settings.state, settings.node, log.warning, {one.name: lake_of(one) for one in named})
        pipeline = pipeline_of(settings, self.counts, pods)
        self.agent = LogAgent(settings, [one.open() for one in named], pipeline, folder, self.counts)
        self.now = 1_000.0

    def tick(self, seconds: float = 1.0, times: int = 1) -> None:
        """Let time pass, then let the agent look at its files; `times` over."""
        for _ in range(times):
            self.now += seconds
            self.agent.tick(self.now)

    def stop(self) -> int:
        """Deliver what was read and close; the number of objects that are not stored."""
        left = self.agent.finish(self.now)
        self.agent.close()
        return left

    def kill(self) -> None:
        """The process is gone: its handles and its lock with it, and nothing else happens."""
        self.agent.close()
