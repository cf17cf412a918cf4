"""agent: wires source, pipeline, objects and delivery, and keeps the order of things: recover, read, deliver, stop.

Reading is pulled by one budget of bytes: what is open and what is sealed and waits. While a sink can't take objects the
log files are the queue, as long as they are there; see `_relieve` for when they are not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from tailrace.config import Settings
from tailrace.delivery.objects import Limits
from tailrace.delivery.ranges import Origin
from tailrace.delivery.sinks import Sink
from tailrace.delivery.sinks.chosen import Chosen, chosen
from tailrace.logs.block import Flush
from tailrace.logs.checkpoint import StateFolder
from tailrace.logs.commits import Commits
from tailrace.logs.counts import Counts
from tailrace.logs.deliver import Delivery
from tailrace.logs.forward import SPOOL
from tailrace.logs.forward.roots import Roots
from tailrace.logs.host import JOURNAL
from tailrace.logs.host.files import HostFiles
from tailrace.logs.pipeline import Pipeline
from tailrace.logs.recover import Recovery
from tailrace.logs.report import Report, Unfinished, rest_of
from tailrace.logs.route import Route
from tailrace.logs.source import Problems, Scanner, Source, SourceSettings
from tailrace.logs.source.scan import PODS
from tailrace.logs.telemetry import SinkSnapshot, Snapshot, problem_counts
from tailrace.logs.telemetry.watch import Watch

_LAST_READ = 5.0  # seconds for which a stopping agent still reads
_LAST_STORE = 15.0  # seconds for which it offers what it has to a sink that refuses; a pod has 30 to end
_ONCE_TRIES = 6  # refusals in a row after which `--once` gives up; a running agent never does

log = logging.getLogger("tailrace")


class Stop(Protocol):
    """Whether the agent is to stop; threading.Event is one."""

    def is_set(self) -> bool:
        """Whether it is."""

    def wait(self, timeout: float) -> object:
        """Sleep, but not past the moment at which it is."""


class Inlet(Protocol):
    """A source that is spoken to, whose bytes come by way of a spool; forward.ForwardSource is one."""

    def poll(self) -> None:
        """What is committed may be acknowledged."""

    def pause(self) -> None:
        """Take no more; acknowledgements are still sent."""

    def stop(self) -> None:
        """Close everything."""

    def figures(self) -> Mapping[str, float]:
        """By metric: what it counted, and how it stands."""


class LogAgent:
    """The log agent of one node. One thread; each tick costs the same number of calls whatever the number of lines."""

    def __init__(
        self,
        settings: Settings,
        sinks: Sequence[Sink],
        pipeline: Pipeline,
        folder: StateFolder,
        counts: Counts,
        report: Report | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """sinks: those that `chosen(settings)` names, in that order. clock: seconds, by which a tick knows how long it
        takes.

        Raises StateError if the checkpoint is not this node's, OSError if the state folder can't be used."""
        self.settings, self.pipeline, self.folder, self.counts = settings, pipeline, folder, counts
        self.clock = clock
        named = chosen(settings)
        self.report = report or Report(tuple(one.name for one in named), counts)
        self.progress = folder.load()
        self.source = self._new_source()
        if pipeline.pods:
            self.source.waits = self._waits
        commits = Commits(folder, self.progress, self.report, self.source.handles, self.source.ends)
        self.routes = tuple(
            self._route(number, one, sink, commits) for number, (one, sink) in enumerate(zip(named, sinks, strict=True))
        )
        self.recovery = Recovery(self.routes, self.source, self._new_source, self.report.health.beat)
        self.inlet: Inlet | None = None
        self._watch = Watch()
        self._next_scan = 0.0
        self._rest: list[int] = []  # bytes that each file had left when a single run closed it
        if not any(folder.folder.glob("checkpoint*.json")):
            log.info(
                "%s holds no checkpoint: every file is read from its beginning; if lines of this node are in the lake "
                "already, `tailrace query audit/duplicates` tells whether any is there twice",
                folder.folder,
            )

    def _new_source(self) -> Source:
        problems, s = Problems(log.warning), self.settings
        scanners = [Scanner(str(s.root), problems, self.excluded)]
        if (spool := s.state / SPOOL).is_dir():
            if not (s.root / PODS).is_dir():  # a task on Fargate has no node's logs, and never will
                del scanners[0]
            scanners.append(Scanner(str(spool), problems, self.excluded))
        if (journal := s.state / JOURNAL).is_dir():
            scanners.append(Scanner(str(journal), problems))
        if s.host_files:
            scanners.append(HostFiles(str(s.root), problems, s.host_files))
        source = Source(scanners[0] if len(scanners) == 1 else Roots(scanners), self.progress, self._source_settings())
        source.steers = lambda origin: self.pipeline.steerings.of(origin)
        return source

    def excluded(self, namespace: str) -> bool:
        """Whether a namespace is not to be read."""
        return self.settings.excludes(namespace)

    def _source_settings(self) -> SourceSettings:
        s = self.settings
        return SourceSettings(s.block_bytes, s.max_line, s.quiet, str(s.state))

    def _route(self, number: int, one: Chosen, sink: Sink, commits: Commits) -> Route:
        folder = self.folder.folder / "sinks" / one.name
        delivery = Delivery(one.name, sink, folder, commits, self.report, one.outbox_bytes)
        return Route(number, delivery, self._limits(one), self.pipeline, self.report)

    def _limits(self, one: Chosen) -> Limits:
        return Limits(self.settings.row_group_bytes, one.seal_bytes, one.seal_seconds)

    def reload(self, settings: Settings, pipeline: Pipeline, now: float) -> None:
        """Go on with other settings. What was read under the old ones is sealed first; no place is lost."""
        for route in self.routes:
            route.seal(now, room=0)
        self.settings, self.pipeline = settings, pipeline
        self.source.settings = self._source_settings()
        for route, one in zip(self.routes, chosen(settings), strict=True):
            route.renew(self._limits(one), pipeline)
        self._next_scan = 0.0

    def follow(self, stop: Stop, between: Callable[[float], None] = lambda _: None) -> int:
        """Read until `stop`; then deliver what was read. Returns the number of objects that no sink has.

        between: called after each tick and between two scans of a long one, with its time.
        """
        while not stop.is_set():
            self.tick(time.monotonic(), stop, between)
            stop.wait(self.settings.tick)
        if self.inlet is None:
            return self.finish(time.monotonic())
        self.inlet.pause()
        self._scan(time.monotonic())
        left = self.finish(time.monotonic())
        self.inlet.poll()
        return left

    def tick(self, now: float, stop: Stop | None = None, between: Callable[[float], None] = lambda _: None) -> None:
        """Look for files if that is due, read what is there, deliver what is due. `now`: monotonic seconds.

        A backlog may take hours: whenever a scan is due, all else that a tick does has its turn, too.
        """
        began, clock, more = now, self.clock(), True
        while more and not (stop and stop.is_set()):
            self.report.health.beat()
            recovered = self.recover(now)
            if now >= self._next_scan:
                self._scan(now)
            more = recovered and self._tick(now, Flush.NOTHING, self._for(self._next_scan - now, stop))
            if recovered:
                self._relieve(now)
                self.source.release()
            if self.inlet is not None:
                self.inlet.poll()
            self._publish(now)
            between(now)
            now = began + self.clock() - clock

    def _for(self, seconds: float, stop: Stop | None) -> Callable[[], bool]:
        """Says no once so many seconds are over or `stop` is set."""
        end = self.clock() + seconds
        return lambda: self.clock() < end and not (stop and stop.is_set())

    def _scan(self, now: float) -> None:
        self.source.forgets = self.recovery.done
        self.source.kept = {name for route in self.routes for name in route.delivery.outbox.files}
        self.source.scan(now)  # also while nothing may be read yet: what is open can't vanish
        self.report.scanned(self.source.scanner.complete)
        if self.pipeline.pods:
            self.pipeline.pods.keep({tail.origin.pod_uid for tail in self.source.tails})
        self._next_scan = now + self.settings.scan

    def _waits(self, origin: Origin, now: float) -> bool:
        pods = self.pipeline.pods
        return pods is not None and bool(origin.pod_uid) and pods.waits(origin.pod_uid, now, origin.namespace)

    def recover(self, now: float) -> bool:
        """Settle what the last run left behind, before anything is read. False if the sink can't tell now."""
        return self.recovery.settle(now, self.pipeline)

    @property
    def left(self) -> int:
        """Objects that a sink does not have, in memory or in an outbox."""
        return sum(route.delivery.left for route in self.routes)

    def finish(self, now: float) -> int:
        """Deliver what was read and what was held back, but no half line. Returns the objects that no sink has.

        What the sink does not take in time goes to the outbox, if there is room.
        """
        if not self.recovery.done:  # the outbox is not committed yet: what is stored from there now would be read again
            return self.left
        began = self.clock()
        # What is still to be read holds its last line back, and a file of half a line has no identity before that.
        for flush in (Flush.NOTHING, Flush.LINES, Flush.LINES):
            self._tick(now, flush, lambda: self.clock() - began < _LAST_READ)
        self._drain(now, lambda: self.clock() - began < _LAST_STORE)
        for route in self.routes:
            route.delivery.spill(now)
        return self.left

    def read_once(self, stop: Stop) -> int:
        """Read what is there. Returns the number of objects that no sink has."""

        def tries() -> bool:
            refused = max(route.delivery.refused for route in self.routes)
            return refused < (1 if stop.is_set() else _ONCE_TRIES)

        while not self.recover(self.clock()):
            if not tries() or stop.is_set():
                return max(1, self.left)
            self.report.health.beat()
            stop.wait(min(1.0, max(0.2, self.recovery.retry_in(self.clock()))))
        opened, closed = -1, 0
        # A file that was closed can make room for another, or be what another waited for; none is opened twice.
        while not stop.is_set() and (opened != self.source.opened or closed):
            opened = self.source.opened
            now = self.clock()
            self.source.scan(now, again=False)
            self.report.scanned(self.source.scanner.complete)
            origins = {tail.origin for tail in self.source.tails}
            # All of them are asked each time: a pod's patience begins when it is first asked for.
            while not stop.is_set() and sum(self.source.waits(origin, self.clock()) for origin in origins):
                stop.wait(0.05)
            for flush in (Flush.NOTHING, Flush.ALL):
                self._tick(now, flush, lambda: not stop.is_set())
                while not self._may_read():
                    if left := self._drain(now, tries):
                        return left
                    self._tick(now, flush, lambda: not stop.is_set())
            if left := self._drain(now, tries):
                return left
            tails = tuple(self.source.tails)
            closed = self.source.release()
            self._rest += [rest_of(tail, self.progress) for tail in tails if tail.fd < 0]
        return self._drain(self.clock(), tries)

    def unfinished(self) -> Unfinished:
        """What a stop leaves to the next start. Raises OSError if the outbox can't be read."""
        rest = [*self._rest, *(rest_of(tail, self.progress) for tail in self.source.tails)]
        waiting = sum(one.bytes for route in self.routes for one in route.delivery.outbox.headers())
        return Unfinished(sum(rest), sum(map(bool, rest)), waiting)

    def close(self) -> None:
        """Give everything back."""
        if self.inlet is not None:
            self.inlet.stop()
        self.source.close()
        for route in self.routes:
            route.sink.close()
        self.folder.release()

    def _tick(self, now: float, flush: Flush, go_on: Callable[[], bool]) -> bool:
        """Read all that is there, block by block, delivering on the way. True if `go_on` ended it before that."""
        ended = False
        if self.source.poll(now, flush):
            while self._may_read():
                if ended := not go_on():
                    break
                block = self.source.read(now, flush)
                if block is None:
                    break
                lines, batches = self.pipeline.process(block)
                for some in batches:
                    for route in self.routes:
                        route.take(some, now)
                self.source.settle(block, lines.left, lines.overflow)
                self._advance(now, go_on)
                self.report.health.beat()
        self._advance(now, go_on)
        return ended

    @property
    def held(self) -> int:
        """Bytes of memory that open objects and those that wait take, about."""
        return sum(route.held for route in self.routes)

    def _may_read(self) -> bool:
        return self.held < self.settings.memory_bytes

    def _advance(self, now: float, go_on: Callable[[], bool] = lambda: True) -> None:
        if found := self.source.take_abandoned():
            for route in self.routes:
                route.give_up(found, now)
        # Half of the budget may stay open: the rest is for what is on its way.
        for route in self.routes:
            route.advance(now, self.settings.memory_bytes // 2 // len(self.routes), go_on)

    def _relieve(self, now: float) -> None:
        """Keep deleted files from filling the disk, and memory from filling up, while a sink can't take objects.

        First what is read goes to its outbox, so that handles can be closed; then the noisiest file is given up. A sink
        that is only slow is waited for, unless another one has nothing to do meanwhile.
        """
        excess = self.source.held_deleted - self.settings.held_bytes
        if excess <= 0 and self._may_read():
            return
        for route in self.routes:
            delivery = route.delivery
            if excess > 0 or delivery.failing is not None:
                route.seal(now, room=0)
                delivery.advance(now)
            idle = any(other is not route and not other.delivery.waiting for other in self.routes)
            if delivery.failing is not None or (delivery.waiting and (excess > 0 or idle)):
                delivery.spill(now)
        if excess > 0 and any(r.delivery.failing is not None and r.delivery.outbox_full for r in self.routes):
            self.source.shed(excess)
            self._advance(now)
            for route in self.routes:
                if route.delivery.failing is not None:
                    route.delivery.spill(now)

    def _publish(self, now: float) -> None:
        c, deliveries = self.counts, [route.delivery for route in self.routes]
        self.report.telemetry.publish(
            Snapshot(
                self._watch.look(self.source.tails, self.progress, now), self.source.seen_bytes, self.source.waiting,
                {
                    route.name: SinkSnapshot(
                        len(route.objects), route.delivery.waiting, len(route.delivery.outbox),
                        route.delivery.outbox.bytes, route.delivery.outbox.budget, route.sink.name, route.sink.counters,
                    )
                    for route in self.routes
                },
                self.held, self.settings.memory_bytes,
                problem_counts(
                    self.source.problems.counts, identity_replaced=self.progress.replaced, not_cri=c.not_cri,
                    not_utf8=c.not_utf8, cut=c.cut, transform_failed=c.transform_failures,
                    incomplete_scan=self.report.incomplete_scans,
                    outbox_damaged=sum(one.outbox.damaged for one in deliveries),
                    checkpoint_damaged=self.folder.damaged, identity_reset=self.folder.reset,
                ),
                self.inlet.figures() if self.inlet else {},
                self.pipeline.pods.figures() if self.pipeline.pods else {},
                self.pipeline.steerings.ignored,
            )
        )  # fmt: skip

    def _drain(self, now: float, go_on: Callable[[], bool]) -> int:
        """Seal and store everything. Returns the objects that a sink does not have when `go_on` says no."""
        began = self.clock()
        for route in self.routes:
            route.seal(now, room=0)
            route.delivery.advance(now, go_on)
        while self.left and go_on():
            waiting = [route.delivery for route in self.routes if route.delivery.left]
            waiting[0].wait(min(1.0, min(one.retry_in(now + self.clock() - began) for one in waiting)))
            for one in waiting:
                one.advance(now + self.clock() - began, go_on)
        return self.left
