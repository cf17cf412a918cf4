"""life: an agent on a node, started, killed and stopped again and again, and the model told of what it must have seen.

Its clock, its sink and its disk are the test's; nothing waits and nothing is synced.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tailrace.config import SinkEntry
from tailrace.delivery.sinks.local import LocalSink
from tailrace.logs import agent as agent_module
from tailrace.logs import flight, pipeline, report, route, source
from tailrace.logs.agent import LogAgent
from tailrace.logs.checkpoint import StateFolder
from tailrace.logs.counts import Counts
from tailrace.logs.run import FIXED, pipeline_of
from tailrace.logs.source import scan
from tests.logs.histories.faulty_sink import Clock, Died, Disk, FaultySink
from tests.logs.histories.lake_check import MAX_LINE, digests, faults, read_lake
from tests.logs.histories.node_model import Node
from tests.node import World

QUIET = 2.0
LARGE = {"memory_bytes": 64 << 20, "outbox_bytes": 1 << 30, "held_bytes": 1 << 30}
# What an agent may be started with. The outbox's budget is the sum of objects of about 8 kB.
BUDGETS: tuple[dict[str, Any], ...] = (
    LARGE,
    LARGE | {"seal_seconds": 5.0},
    LARGE | {"seal_bytes": 300},
    {"memory_bytes": 12_000, "outbox_bytes": 40_000, "held_bytes": 1 << 30, "block_bytes": 1 << 10},
    {"memory_bytes": 12_000, "outbox_bytes": 0, "held_bytes": 1 << 30},
    {"memory_bytes": 30_000, "outbox_bytes": 20_000, "held_bytes": 100, "seal_seconds": 2.0},
)
PLACES = Path("/dev/shm")
MODULES = (agent_module, flight, report, route, pipeline, scan)

log = logging.getLogger("tailrace")


class Life:
    """A node, its lake and the lives of its agent. Use it as a context."""

    def __init__(self, loud: bool = False, sinks: int = 1) -> None:
        """loud: what the agent says goes where the process's log goes. sinks: 1, or 2; only the first is ever ill."""
        self._loud = loud
        self.clock, self.disk = Clock(), Disk()
        self.world = World(Path(tempfile.mkdtemp(prefix="histories-", dir=PLACES if PLACES.is_dir() else None)))
        self.node = Node(self.world.root, self.clock)
        self.node.root.mkdir()
        self.sink = FaultySink(self.world.lake)
        self.lakes = {"local": self.world.lake, "second": self.world.folder / "second"}
        if sinks == 1:
            del self.lakes["second"]
        self.agent: LogAgent | None = None
        self.settings: dict[str, Any] = {}
        self._stored: dict[Path, str] = {}
        self._waiting: dict[str, set[str]] = {name: set() for name in self.lakes}
        self._paused = False
        self._shed = 0
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        self._patch.setattr("os.fsync", self.disk.fsync)
        self._patch.setattr(source, "SHARE", 512)
        self._patch.setattr(log, "disabled", not self._loud)
        for module in MODULES:
            self._patch.setattr(module, "time", self.clock)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.agent:
            self.agent.close()
        self._patch.undo()
        shutil.rmtree(self.world.folder)

    def start(self, **settings: Any) -> None:
        """A new process."""
        assert self.agent is None
        self.settings = settings
        values = self.world.settings(**self._values(settings))
        counts = Counts()
        stages = pipeline_of(values, counts)
        folder = StateFolder(values.state, values.node, log.warning, dict.fromkeys(self.lakes, ""))
        sinks = [self.sink.reopened(), *(LocalSink(lake) for name, lake in self.lakes.items() if name != "local")]
        try:
            self.agent = LogAgent(values, sinks, stages, folder, counts, clock=self.clock.monotonic)
        except OSError:
            folder.release()
            return
        may_read = self.agent._may_read

        def noting() -> bool:
            allowed = may_read()
            self._paused |= not allowed
            return allowed

        self.agent._may_read = noting  # type: ignore[method-assign]
        self._shed = 0

    def _values(self, settings: dict[str, Any]) -> dict[str, Any]:
        several = tuple(SinkEntry(name=name, sink="local", lake=str(lake)) for name, lake in self.lakes.items())
        if len(several) > 1:
            settings = {"sinks": several, **settings}
        return {"scan": 0.05, "quiet": QUIET, "max_line": MAX_LINE, "seal_seconds": 0.05, **LARGE, **settings}

    def is_set(self) -> bool:
        """Nobody asks the agent to stop."""
        return False

    def wait(self, timeout: float) -> None:
        """The agent has nothing to do for a while."""
        self.clock.sleep(timeout)

    def reload(self, **settings: Any) -> None:
        """The agent goes on with other settings."""
        assert self.agent
        changes = {name: value for name, value in settings.items() if name not in FIXED}
        values = self.world.settings(**self._values(self.settings | changes))
        try:
            self.agent.reload(values, pipeline_of(values, self.agent.counts), self.clock.own)
        except Died:
            self.dead()

    def tick(self, seconds: float) -> None:
        """Time passes, then the agent looks."""
        assert self.agent
        self.clock.sleep(seconds)
        self._paused = False
        try:
            self.agent.tick(self.clock.own)
        except Died:
            self.node.looked(QUIET, read=False)
            self.dead()
            return
        self.node.looked(QUIET, self.agent.recovery.done and not self._paused)
        given_up = self.agent.source.problems.counts.get("given up", 0)
        if given_up > self._shed:
            self._shed = given_up
            self.node.shed()

    def stop(self) -> int | None:
        """SIGTERM. Returns the number of objects that no sink has, None if it died over it."""
        assert self.agent
        self._paused = False
        try:
            left = self.agent.finish(self.clock.own)
        except Died:
            self.node.looked(QUIET, read=False, stopping=True)
            self.dead()
            return None
        if self.agent.recovery.done:
            self.node.looked(QUIET, not self._paused, stopping=True)
        outboxes = sum(len(route.delivery.outbox) for route in self.agent.routes)
        whole = self.agent.recovery.done and not self._paused and left == outboxes
        self.dead(delivered=whole)
        return left

    def once(self, **settings: Any) -> int | None:
        """`run logs --once`. Returns the number of objects that no sink has, None if it died over it."""
        self.start(**settings)
        if self.agent is None:
            return None
        try:
            left: int | None = self.agent.read_once(self)
        except Died:
            left = None
        self.node.looked(QUIET, False, once=True)
        self.dead()
        return left

    def dead(self, delivered: bool = False) -> None:
        """The process is gone. What it has stored stays as it is, what it put into the outbox will be stored."""
        assert self.agent
        self.agent.close()
        self.agent, self.disk.fuse = None, None
        self.node.died(delivered)
        found = self._digests()
        changed = [str(path) for path in self._stored if found.get(path) != self._stored[path]]
        assert changed == [], "objects changed after they were stored"
        self._stored = found
        for name, waiting in self._waiting.items():
            outbox = self.world.folder / "state/sinks" / name / "outbox"
            waiting |= {path.stem.partition("-")[2] for path in outbox.glob("*.object")}

    def _digests(self) -> dict[Path, str]:
        return {path: digest for lake in self.lakes.values() for path, digest in digests(lake).items()}

    def drain(self) -> None:
        """All faults end, and everything that there is is delivered."""
        self.sink.heal()
        self.disk.heal()
        self.node.finish_first_lines()
        if self.agent is None:
            self.start()
        for seconds in (31, 1, 12, 1, 1, 1, 1):
            self.tick(seconds)
        assert self.stop() == 0
        assert self.once() == 0

    def assert_sound(self) -> None:
        """Each line exactly once, and the ledger balances."""
        stored = self._digests()
        assert self.once() == 0
        assert self._digests() == stored, "nothing new was written, and yet there are other objects"
        for name, lake in self.lakes.items():
            lost = self._waiting[name] - {path.stem for path in digests(lake)}
            assert lost == set(), f"objects that were in the outbox of {name} are not in its lake"
            found = faults(self.node, read_lake(lake))
            assert found == [], "\n".join([f"sink {name}", *found])
