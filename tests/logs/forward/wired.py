"""wired: a log agent that reads a Forward source's spool beside its node's logs, by ticks of the test.

Run as a module it is a process that the test can kill: `python -m tests.logs.forward.wired FOLDER PORT SEAL_SECONDS`.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from tailrace.delivery.sinks.chosen import chosen
from tailrace.logs.agent import LogAgent
from tailrace.logs.checkpoint import StateFolder
from tailrace.logs.counts import Counts
from tailrace.logs.forward.source import ForwardSource, Listen
from tailrace.logs.run import lake_of, pipeline_of
from tests.node import World

log = logging.getLogger("tailrace")
_NEVER = threading.Event()


class Wired:
    """The agent and its source. warnings: what the source said."""

    def __init__(self, world: World, listen: Listen | None = None, budget: int = 1 << 30, **changes: Any) -> None:
        world.root.joinpath("var/log/pods").mkdir(parents=True, exist_ok=True)
        settings = world.settings(**{"scan": 0.05, "seal_seconds": 0.05, "quiet": 0.1, **changes})
        (settings.state / "forward/var/log/pods").mkdir(parents=True, exist_ok=True)
        named = chosen(settings)
        folder = StateFolder(settings.state, settings.node, log.warning, {one.name: lake_of(one) for one in named})
        counts = Counts()
        self.agent = LogAgent(settings, [one.open() for one in named], pipeline_of(settings, counts), folder, counts)
        self.warnings: list[str] = []
        self.forward = ForwardSource(
            listen or Listen("127.0.0.1:0"), settings.state / "forward", budget, self.agent.progress.committed,
            lambda namespace: namespace in settings.exclude, self.warnings.append,
        )  # fmt: skip
        self.forward.start()

    @property
    def port(self) -> int:
        """That it listens on."""
        return self.forward.port

    def tick(self) -> None:
        """Read, deliver, acknowledge."""
        self.agent.tick(time.monotonic())
        self.forward.poll()

    def until(self, done: Any, seconds: float = 30.0) -> None:
        """Tick until `done` says yes."""
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, f"it is not so after {seconds} s; {self.warnings}"
            self.tick()
            time.sleep(0.02)

    def seal_at_once(self) -> None:
        """From now on objects are not kept open."""
        settings = msgspec.structs.replace(self.agent.settings, seal_seconds=0.05)
        self.agent.reload(settings, pipeline_of(settings, self.agent.counts), time.monotonic())

    def stop(self) -> int:
        """As SIGTERM; the number of objects that are not stored."""
        self.forward.pause()
        left = self.agent.finish(time.monotonic())
        self.forward.poll()
        self.forward.stop()
        self.agent.close()
        return left


def main(folder: str, port: str, seal_seconds: str) -> None:
    """Until it is killed."""
    wired = Wired(World(Path(folder)), Listen(f"127.0.0.1:{port}"), seal_seconds=float(seal_seconds))
    print("ready", flush=True)
    wired.until(_NEVER.is_set, 600.0)


if __name__ == "__main__":
    main(*sys.argv[1:])
