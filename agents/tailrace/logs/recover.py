"""recover: what a crash left behind to what is committed, before the first byte is read.

An intent says that a sink may have an object. If it has, the bytes are committed. If not, the same ranges are read once
more, by the same stages, and must give the same: then the object is stored under its key; while the sink can't tell, it
goes to the outbox. An object that can't be built again is given up as such: bytes that are still there are read as any
others, those that are gone are abandoned. What one of several sinks has and another lacks is then read for that one.
"""

from __future__ import annotations

import dataclasses
import errno
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import PurePath

import xxhash

from tailrace.delivery.objects import Batch, Part, Sealed, key_of
from tailrace.delivery.ranges import FileRef
from tailrace.logs.block import Flush
from tailrace.logs.deliver import Delivery
from tailrace.logs.giveup import ranges_of
from tailrace.logs.pipeline import Pipeline
from tailrace.logs.route import Route
from tailrace.logs.source import Source
from tailrace.logs.source.abandoned import Abandoned, abandoned
from tailrace.logs.source.scan import PODS, origin_of
from tailrace.logs.source.tail import identify
from tailrace.logs.steer import Fates

_GONE = 3  # looks in which a file is not there, before it is gone

log = logging.getLogger("tailrace")


class Recovery:
    """Tries until everything is settled; then it is `done`, for good.

    source: what the agent follows. fresh: a source of its own for one look. beat: says that the process is alive, for
    this can take long.
    """

    def __init__(
        self, routes: tuple[Route, ...], source: Source, fresh: Callable[[], Source], beat: Callable[[], None]
    ) -> None:
        self.done = False
        self._source, self._fresh, self._beat = source, fresh, beat
        self._unsettled = list(routes)
        self._behind = list(routes) if len(routes) > 1 else []  # who may lack what another sink has
        self._missed: dict[str, int] = {}  # by a sink's name or the key of an intent: looks in which a file was missed

    def settle(self, now: float, pipeline: Pipeline) -> bool:
        """Settle what can be settled now. False if a sink can't tell, or if it is not sure that a file is gone."""
        if not self.done:
            self._unsettled = [route for route in self._unsettled if not self._settle(route, now, pipeline)]
            if not self._unsettled:
                self._behind = [route for route in self._behind if not self._catch_up(route, now, pipeline)]
            self.done = not self._unsettled and not self._behind
        return self.done

    def retry_in(self, now: float) -> float:
        """Seconds until a sink is asked again."""
        return max((route.delivery.retry_in(now) for route in self._unsettled), default=0.0)

    def _settle(self, route: Route, now: float, pipeline: Pipeline) -> bool:
        """Settle the intents of one sink."""
        delivery = route.delivery
        if delivery.retry_in(now):
            return False
        try:
            unresolved, silent = resolve(delivery)
            # All are tried each time: one that has to wait does not keep the others from being stored.
            settled = [self._rebuild(route, intent, pipeline, now, silent is not None) for intent in unresolved]
            delivery.settle()
        except OSError as e:
            delivery.refuse(e, now, "sink")
            return False
        if silent is not None:
            delivery.refuse(silent, now, "sink")
        elif delivery.failing is not None and all(settled):
            delivery.healed()
        return all(settled)

    def _look(self, now: float) -> Source:
        self._beat()
        source = self._fresh()
        source.forgets = False
        try:
            source.scan(now)
            if not os.path.isdir(pods := os.path.join(source.scanner.root, PODS)):
                raise FileNotFoundError(errno.ENOENT, "the folder of all logs is not there", pods)
            source.adopt(self._source.tails, now)
            source.poll(now, Flush.ALL)  # also half a line, at the end of a file that is over, names its file
        except BaseException:
            source.close()
            raise
        return source

    def _rebuild(self, route: Route, intent: Sealed, pipeline: Pipeline, now: float, silent: bool) -> bool:
        """Make an object anew that no sink has. What can't be made is read as any other bytes, or is gone.

        silent: the sink can't tell whether it has it: the object goes to the outbox, for it can be stored twice.
        False while it is not sure that something is gone: a file that is being renamed or packed is missed by one look.
        """
        delivery = route.delivery
        if silent and intent.lines == 0:  # its ledger rows are all there is to it
            return self._keep(delivery, intent, now)
        source = self._look(now)
        try:
            made = rebuild(intent, source, pipeline, route, now)
            gone = [] if made or silent else self._gone(intent, source, delivery)
        finally:
            source.close()
        if silent:
            return made is not None and self._keep(delivery, made, now)
        if made is not None:
            delivery.sink.store(made)
            delivery.take_up(made)
            return True
        self._missed[intent.key] = self._missed.get(intent.key, 0) + 1
        if gone and self._missed[intent.key] < _GONE:
            return False
        route.account(gone, now)
        delivery.advance(now)  # committed before anything is read
        delivery.intents.forget(intent.key)
        log.warning(
            "object %s was about to be stored when the agent stopped, and can't be built again: %d bytes of %d files "
            "are gone and stand in the ledger as abandoned, the rest is read anew; a sink that took it all the same "
            "has those lines twice: `tailrace query audit/duplicates`",
            intent.key, sum(a.stop - a.start for a in gone), len({a.file.id for a in gone}),
        )  # fmt: skip
        return True

    def _keep(self, delivery: Delivery, made: Sealed, now: float) -> bool:
        if not delivery.keep(made, now):
            return False
        delivery.take_up(made)
        return True

    def _catch_up(self, route: Route, now: float, pipeline: Pipeline) -> bool:
        """Read for one sink what others have already: the agent's source leaves it out for all of them."""
        lacking = route.delivery.progress.lacking(route.name)
        if not lacking:
            return True
        source = self._look(now)
        try:
            missing = {name for name in lacking if not source.narrow({name: lacking[name]})}
            self._missed[route.name] = self._missed.get(route.name, 0) + 1
            if missing and self._missed[route.name] < _GONE:
                return False
            if there := {name: spans for name, spans in lacking.items() if name not in missing}:
                source.narrow(there)
                for batches in _read(source, pipeline):
                    route.take(batches, now)
        finally:
            source.close()
        files = route.delivery.progress.files
        route.account(
            [
                Abandoned(FileRef(name, origin_of(files[name].path), files[name].path), start, stop, "gone")
                for name in sorted(missing) for start, stop in lacking[name]
            ], now,
        )  # fmt: skip
        return True

    def _gone(self, intent: Sealed, source: Source, delivery: Delivery) -> list[Abandoned]:
        """The ranges of files that are not there any more. Absence must be seen: unreadable or excluded is not gone."""
        if not source.scanner.complete or source.waiting:
            return []
        there = {*source.handles(), *(identify(tail, True) for tail in self._source.tails)}
        done = delivery.progress.done
        return [
            piece for a in ranges_of(intent, "gone")
            if a.file.id not in there and source.scanner.hidden.isdisjoint(map(str, PurePath(a.file.path).parents))
            # A part may be given up already, if the agent stopped while it did this.
            for piece in abandoned(a.file, a.start, a.stop, done(a.file.id, delivery.name), "gone")
        ]  # fmt: skip


def resolve(delivery: Delivery) -> tuple[list[Sealed], OSError | None]:
    """Commit what the sink or the outbox holds. Returns the intents of which neither is known to have the object, and
    the sink's error, if it could not tell: then those of which it was not asked are among them."""
    for one in delivery.outbox.headers():
        delivery.take_up(one)
    unresolved, silent = [], None
    for intent in delivery.intents.read():
        if delivery.progress.covers(delivery.name, ((name, part.spans) for name, part in intent.parts.items())):
            delivery.take_up(intent)
            continue
        try:
            if silent is None and (intent.lines == 0 or delivery.sink.has(intent)):
                delivery.sink.store(intent)  # an intent has no lines: these are its ledger rows
                delivery.take_up(intent)
                log.info("%s was stored before the agent stopped: committed, not written again", intent.key)
                continue
        except OSError as e:
            silent = e
        unresolved.append(intent)
    delivery.settle()
    return unresolved, silent


def rebuild(intent: Sealed, source: Source, pipeline: Pipeline, route: Route, now: float) -> Sealed | None:
    """The object of an intent, made anew, or None if the files or the settings are not what they were."""
    if source.progress.touches(route.name, ((name, part.spans) for name, part in intent.parts.items())):
        return None  # some of it was given up before the agent stopped once more
    if not source.narrow({name: part.spans for name, part in intent.parts.items()}):
        return None
    handles = source.handles()
    if any(_digest(handles[name], part) != part.digest for name, part in intent.parts.items()):
        return None
    opened = route.opened(intent.partition, now)
    for batches in _read(source, pipeline, intent.partition.hour_us):
        batch = batches[route.number]
        if batch.partition != intent.partition:
            return None
        opened.add(batch)
    made = opened.seal(pipeline.cluster, pipeline.node, 0, intent.key)
    # What the settings and the pods' annotations make of the bytes is in the key, as is which of them a rate took.
    same = made.lines == intent.lines and key_of(intent.partition, opened.rules, intent.parts) == intent.key
    same = same and {n: p.spans for n, p in made.parts.items()} == {n: p.spans for n, p in intent.parts.items()}
    return dataclasses.replace(intent, payload=made.payload) if same else None


def _read(source: Source, pipeline: Pipeline, hour_us: int | None = None) -> Iterator[tuple[Batch, ...]]:
    """All lines of a narrowed source, to the end of what it was narrowed to."""
    fates = Fates()
    for flush in (Flush.NOTHING, Flush.ALL):
        source.renew()
        while (block := source.read(0.0, flush)) is not None:
            lines, batches = pipeline.process(block, hour_us, fates)
            yield from batches
            source.settle(block, lines.left, lines.overflow)


def _digest(fd: int, part: Part) -> str:
    digest = xxhash.xxh3_64()
    for start, stop in part.read:
        at = start
        while at < stop:
            piece = os.pread(fd, min(stop - at, 1 << 20), at)
            if not piece:
                return ""
            digest.update(piece)
            at += len(piece)
    return digest.hexdigest()
