"""agent: wires source, pipeline, objects and delivery, and keeps the order of things: recover, read, deliver, stop.

Reading is pulled by one budget of bytes: what is open and what is sealed and waits. While a sink can't take objects the
log files are the queue, as long as they are there; see `_relieve` for when they are not.
"""

from __future__ import annotations

import fnmatch
import logging
import time
from collections.abc import Callable
from typing import Protocol

from tailrace.config import Settings
from tailrace.delivery.objects import Limits, Objects, OpenObject
from tailrace.delivery.sinks import Sink
from tailrace.lake import HOUR_US, LOGS, Partition
from tailrace.logs.block import Flush
from tailrace.logs.checkpoint import StateFolder
from tailrace.logs.counts import Counts
from tailrace.logs.deliver import Delivery
from tailrace.logs.giveup import abandoned_batch, ranges_of
from tailrace.logs.pipeline import Pipeline
from tailrace.logs.recover import Recovery
from tailrace.logs.report import Report, Unfinished, rest_of
from tailrace.logs.source import Problems, Scanner, Source, SourceSettings
from tailrace.logs.source.abandoned import Abandoned
from tailrace.logs.telemetry import Snapshot, problem_counts
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


class LogAgent:
    """The log agent of one node. One thread; each tick costs the same number of calls whatever the number of lines."""

    def __init__(
        self,
        settings: Settings,
        sink: Sink,
        pipeline: Pipeline,
        folder: StateFolder,
        counts: Counts,
        report: Report | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """clock: seconds, by which a tick knows how long it takes.

        Raises StateError if the checkpoint is not this node's, OSError if the state folder can't be used."""
        self.settings, self.sink, self.pipeline, self.folder, self.counts = settings, sink, pipeline, folder, counts
        self.report = report or Report(settings.sink, counts)
        self.clock = clock
        self.progress = folder.load()
        self.source = self._new_source()
        self.delivery = Delivery(
            sink, folder, self.progress, self.report, settings.outbox_bytes, lambda: self.source.handles()
        )
        self.objects = Objects(sink.encoder, self._limits(), pipeline.digest)
        self.recovery = Recovery(
            self.delivery, self.source, self._new_source, self._open, self._account, self.report.health.beat
        )
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
        scanner = Scanner(
            str(self.settings.root),
            Problems(log.warning),
            lambda namespace: any(fnmatch.fnmatchcase(namespace, pattern) for pattern in self.settings.exclude),
        )
        return Source(scanner, self.progress, self._source_settings())

    def _source_settings(self) -> SourceSettings:
        s = self.settings
        return SourceSettings(s.block_bytes, s.max_line, s.quiet, str(s.state))

    def _limits(self) -> Limits:
        s = self.settings
        return Limits(s.row_group_bytes, s.seal_bytes, 0.0 if self.sink.immediate else s.seal_seconds)

    def reload(self, settings: Settings, pipeline: Pipeline, now: float) -> None:
        """Go on with other settings. What was read under the old ones is sealed first; no place is lost."""
        self._seal(now, room=0)
        self.settings, self.pipeline = settings, pipeline
        self.source.settings = self._source_settings()
        self.objects = Objects(self.sink.encoder, self._limits(), pipeline.digest)
        self._next_scan = 0.0

    def follow(self, stop: Stop, between: Callable[[float], None] = lambda _: None) -> int:
        """Read until `stop`; then deliver what was read. Returns the number of objects that no sink has.

        between: called after each tick and between two scans of a long one, with its time.
        """
        while not stop.is_set():
            self.tick(time.monotonic(), stop, between)
            stop.wait(self.settings.tick)
        return self.finish(time.monotonic())

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
            self._publish(now)
            between(now)
            now = began + self.clock() - clock

    def _for(self, seconds: float, stop: Stop | None) -> Callable[[], bool]:
        """Says no once so many seconds are over or `stop` is set."""
        end = self.clock() + seconds
        return lambda: self.clock() < end and not (stop and stop.is_set())

    def _scan(self, now: float) -> None:
        self.source.forgets = self.recovery.done
        self.source.scan(now)  # also while nothing may be read yet: what is open can't vanish
        self.report.scanned(self.source.scanner.complete)
        self._next_scan = now + self.settings.scan

    def recover(self, now: float) -> bool:
        """Settle what the last run left behind, before anything is read. False if the sink can't tell now."""
        return self.recovery.settle(now, self.pipeline)

    def _open(self, partition: Partition, now: float) -> OpenObject:
        return OpenObject(partition, self.sink.encoder, self.settings.row_group_bytes, now, self.pipeline.digest)

    def finish(self, now: float) -> int:
        """Deliver what was read and what was held back, but no half line. Returns the objects that no sink has.

        What the sink does not take in time goes to the outbox, if there is room.
        """
        if not self.recovery.done:  # the outbox is not committed yet: what is stored from there now would be read again
            return self.delivery.left
        began = self.clock()
        # What is still to be read holds its last line back, and a file of half a line has no identity before that.
        for flush in (Flush.NOTHING, Flush.LINES, Flush.LINES):
            self._tick(now, flush, lambda: self.clock() - began < _LAST_READ)
        self._drain(now, lambda: self.clock() - began < _LAST_STORE)
        self.delivery.spill(now)
        return self.delivery.left

    def read_once(self, stop: Stop) -> int:
        """Read what is there. Returns the number of objects that no sink has."""

        def tries() -> bool:
            return self.delivery.refused < (1 if stop.is_set() else _ONCE_TRIES)

        while not self.recover(self.clock()):
            if not tries() or stop.is_set():
                return max(1, self.delivery.left)
            self.report.health.beat()
            stop.wait(min(1.0, max(0.2, self.delivery.retry_in(self.clock()))))
        opened, closed = -1, 0
        # A file that was closed can make room for another, or be what another waited for; none is opened twice.
        while not stop.is_set() and (opened != self.source.opened or closed):
            opened = self.source.opened
            now = self.clock()
            self.source.scan(now, again=False)
            self.report.scanned(self.source.scanner.complete)
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
        return Unfinished(sum(rest), sum(map(bool, rest)), sum(one.bytes for one in self.delivery.outbox.headers()))

    def close(self) -> None:
        """Give everything back."""
        self.source.close()
        self.sink.close()
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
                for batch in batches:
                    self.objects.add(batch, now)
                self.source.settle(block, lines.left, lines.overflow)
                self._advance(now, go_on)
                self.report.health.beat()
        self._advance(now, go_on)
        return ended

    @property
    def held(self) -> int:
        """Bytes of memory that open objects and those that wait take, about."""
        return self.objects.held + self.delivery.held

    def _may_read(self) -> bool:
        return self.held < self.settings.memory_bytes

    def _advance(self, now: float, go_on: Callable[[], bool] = lambda: True) -> None:
        if found := self.source.take_abandoned():
            self._account(found, now)
        if self.delivery.outbox.lost and not self.delivery.retry_in(now):
            self._account_damaged(now)
        # Half of the budget may stay open: the rest is for what is on its way.
        self._seal(now, max(1, self.settings.memory_bytes // 2 - self.delivery.held))
        self.delivery.advance(now, go_on)

    def _seal(self, now: float, room: int) -> None:
        for opened in self.objects.due(now, room):
            sealed = opened.seal(self.pipeline.cluster, self.pipeline.node, time.time_ns() // 1000)
            self.delivery.offer(sealed, now)

    def _account_damaged(self, now: float) -> None:
        """What only the outbox had and can't be read is lost, unless the sink took it before the agent stopped."""
        outbox = self.delivery.outbox
        for damaged in outbox.lost[:]:
            try:
                if self.sink.has(damaged.known) or self._account(ranges_of(damaged.known, "outbox_damaged"), now):
                    outbox.accounted(damaged.name)
            except OSError as e:
                self.delivery.refuse(e, now, "sink")
                return

    def _account(self, found: list[Abandoned], now: float) -> bool:
        """Bytes that nobody will read, to ledger rows. Returns whether those are durable already."""
        if not found:
            return True
        for one in found:
            self.progress.ensure(one.file.id, one.file.path)
            self.report.abandoned(one.reason, one.stop - one.start)
        now_us = time.time_ns() // 1000
        opened = self._open(Partition(LOGS.name, now_us - now_us % HOUR_US), now)
        opened.add(abandoned_batch(found, opened.partition))
        return self.delivery.offer(opened.seal(self.pipeline.cluster, self.pipeline.node, now_us), now)

    def _relieve(self, now: float) -> None:
        """Keep deleted files from filling the disk, and memory from filling up, while a sink can't take objects.

        First what is read goes to the outbox, so that handles can be closed; then the noisiest file is given up.
        """
        excess = self.source.held_deleted - self.settings.held_bytes
        if excess <= 0 and (self.delivery.failing is None or self._may_read()):
            return
        self._seal(now, room=0)
        self.delivery.advance(now)
        if self.delivery.failing is None:
            return
        self.delivery.spill(now)
        if self.delivery.outbox_full and excess > 0:
            self.source.shed(excess)
            self._advance(now)
            self.delivery.spill(now)

    def _publish(self, now: float) -> None:
        c, delivery = self.counts, self.delivery
        self.report.telemetry.publish(
            Snapshot(
                self._watch.look(self.source.tails, self.progress, now), self.source.seen_bytes, self.source.waiting,
                len(self.objects), delivery.waiting, len(delivery.outbox), delivery.outbox.bytes,
                delivery.outbox.budget, self.held, self.settings.memory_bytes,
                problem_counts(
                    self.source.problems.counts, identity_replaced=self.progress.replaced, not_cri=c.not_cri,
                    not_utf8=c.not_utf8, cut=c.cut, transform_failed=c.transform_failures,
                    incomplete_scan=self.report.incomplete_scans, outbox_damaged=delivery.outbox.damaged,
                    checkpoint_damaged=self.folder.damaged, identity_reset=self.folder.reset,
                ),
            )
        )  # fmt: skip

    def _drain(self, now: float, go_on: Callable[[], bool]) -> int:
        """Seal and store everything. Returns the objects that no sink has when `go_on` says no."""
        began = self.clock()
        self._seal(now, room=0)
        self.delivery.advance(now, go_on)
        while self.delivery.left and go_on():
            self.report.wait(min(1.0, self.delivery.retry_in(now + self.clock() - began)))
            self.delivery.advance(now + self.clock() - began, go_on)
        return self.delivery.left
