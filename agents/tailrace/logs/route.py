"""route: batches to one sink: its open objects, its delivery, and its ledger of what is given up."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable

from tailrace.delivery.dropped import Dropped
from tailrace.delivery.objects import Batch, Limits, Objects, OpenObject, Sealed
from tailrace.delivery.sinks import Sink
from tailrace.lake import HOUR_US, LOGS, Partition
from tailrace.logs.deliver import Delivery
from tailrace.logs.giveup import abandoned_batch, ranges_of, without
from tailrace.logs.pipeline import Pipeline
from tailrace.logs.report import Report
from tailrace.logs.source.abandoned import Abandoned, abandoned

log = logging.getLogger("tailrace")


class Route:
    """The way to one of the agent's sinks. number: its place among them. `now` is monotonic seconds everywhere."""

    def __init__(self, number: int, delivery: Delivery, limits: Limits, pipeline: Pipeline, report: Report) -> None:
        self.number, self.delivery, self._report = number, delivery, report
        delivery.on_dropped = self._drop
        self.renew(limits, pipeline)

    @property
    def name(self) -> str:
        """The sink's name."""
        return self.delivery.name

    @property
    def sink(self) -> Sink:
        """Where it leads."""
        return self.delivery.sink

    @property
    def held(self) -> int:
        """Bytes of memory that open objects and those that wait take, about."""
        return self.objects.held + self.delivery.held

    def renew(self, limits: Limits, pipeline: Pipeline) -> None:
        """Go on under other settings; nothing may be open."""
        seconds = 0.0 if self.sink.immediate else limits.seal_seconds
        enough = self.sink.enough
        group = min(limits.row_group_bytes, enough or limits.row_group_bytes)
        self._limits = Limits(group, limits.seal_bytes, seconds, enough=enough)
        self._pipeline, self.digest = pipeline, pipeline.digests[self.number]
        self.objects = Objects(self.sink.encoder, self._limits, self.digest)

    def opened(self, partition: Partition, now: float) -> OpenObject:
        """An empty object of this sink, apart from the open ones."""
        return OpenObject(partition, self.sink.encoder, self._limits.row_group_bytes, now, self.digest)

    def take(self, batches: tuple[Batch, ...], now: float) -> None:
        """Add the batch that the pipeline made for this sink."""
        self.objects.add(self.sink.fitted(batches[self.number]), now)

    def advance(self, now: float, room: int, go_on: Callable[[], bool] = lambda: True) -> None:
        """Seal what is due and offer what is sealed. room: bytes that may stay open and wait, together."""
        if self.delivery.outbox.lost and not self.delivery.retry_in(now):
            self._account_damaged(now)
        self.seal(now, max(1, room - self.delivery.held))
        self.delivery.advance(now, go_on)

    def seal(self, now: float, room: int) -> None:
        """Seal what is due; and more, until no more than `room` bytes are open."""
        for opened in self.objects.due(now, room):
            sealed = opened.seal(self._pipeline.cluster, self._pipeline.node, time.time_ns() // 1000)
            self.delivery.offer(sealed, now)

    def give_up(self, found: list[Abandoned], now: float) -> None:
        """Bytes that nobody will read, to this sink's ledger, but for those that it has."""
        done = self.delivery.progress.done
        pieces = (abandoned(o.file, o.start, o.stop, done(o.file.id, self.name), o.reason) for o in found)
        self.account([piece for some in pieces for piece in some], now)

    def account(self, found: list[Abandoned], now: float, counted: bool = False) -> bool:
        """Bytes that are lost, to this sink's ledger. Returns whether its rows are durable already.

        counted: the totals have them, in another account.
        """
        if not found:
            return True
        for one in found:
            self.delivery.progress.ensure(one.file.id, one.file.path)
            self._report.abandoned(one.reason, one.stop - one.start)
        now_us = time.time_ns() // 1000
        opened = self.opened(Partition(LOGS.name, now_us - now_us % HOUR_US), now)
        opened.add(abandoned_batch(found, opened.partition))
        sealed = opened.seal(self._pipeline.cluster, self._pipeline.node, now_us)
        return self.delivery.offer(dataclasses.replace(sealed, accounts={}) if counted else sealed, now)

    def _drop(self, one: Sealed, dropped: list[Dropped], now: float) -> Sealed:
        """What a sink took an object without. Its rows say `delivered` already: those made here override them. Returns
        the object with totals that say so too."""
        for part in dropped:
            log.warning(
                "sink %s will never take %d lines of object %s: %s; %s, and they are in their log files as long as "
                "those are there",
                self.name, part.lines, one.key, part.reason,
                "the ledger has them as abandoned" if part.spans else "it does not say which, so the ledger has them "
                "as delivered",
            )  # fmt: skip
        found = [
            Abandoned(one.parts[file].file, start, stop, part.reason, lines=1)
            for part in dropped for file, start, stop in part.spans if file in one.parts
        ]  # fmt: skip
        self.account(found, now, counted=True)
        return dataclasses.replace(one, accounts=without(one.accounts, found))

    def _account_damaged(self, now: float) -> None:
        """What only the outbox had and can't be read is lost, unless the sink took it before the agent stopped."""
        outbox = self.delivery.outbox
        for damaged in outbox.lost[:]:
            try:
                if self.sink.has(damaged.known) or self.account(ranges_of(damaged.known, "outbox_damaged"), now):
                    outbox.accounted(damaged.name)
            except OSError as e:
                self.delivery.refuse(e, now, "sink")
                return
