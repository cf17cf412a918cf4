"""recover: what a crash left behind to what is committed, before the first byte is read.

An intent says that a sink may have an object. If it has, the bytes are committed. If not, the same ranges are read once
more, by the same stages, and must give the same: then the object is stored under its key. An object that can't be built
again is given up as such: bytes that are still there are read as any others, those that are gone are abandoned.
"""

from __future__ import annotations

import dataclasses
import errno
import logging
import os
from collections.abc import Callable
from pathlib import PurePath

import xxhash

from tailrace.delivery.objects import OpenObject, Part, Sealed, key_of
from tailrace.delivery.ranges import Spans
from tailrace.lake import Partition
from tailrace.logs.block import Flush
from tailrace.logs.deliver import Delivery
from tailrace.logs.giveup import ranges_of
from tailrace.logs.pipeline import Pipeline
from tailrace.logs.source import Source
from tailrace.logs.source.abandoned import Abandoned, abandoned
from tailrace.logs.source.scan import PODS
from tailrace.logs.source.tail import identify

_GONE = 3  # looks in which a file is not there, before it is gone

log = logging.getLogger("tailrace")


class Recovery:
    """Tries until everything is settled; then it is `done`, for good.

    source: what the agent follows. fresh: a source of its own for one look. opened: an empty object. account: gives
    ranges up. beat: says that the process is alive, for this can take long.
    """

    def __init__(
        self,
        delivery: Delivery,
        source: Source,
        fresh: Callable[[], Source],
        opened: Callable[[Partition, float], OpenObject],
        account: Callable[[list[Abandoned], float], bool],
        beat: Callable[[], None],
    ) -> None:
        self.done = False
        self._delivery, self._source, self._fresh = delivery, source, fresh
        self._opened, self._account, self._beat = opened, account, beat
        self._missed: dict[str, int] = {}  # by the key of an intent: looks in which a file of it was not there

    def settle(self, now: float, pipeline: Pipeline) -> bool:
        """Settle what can be settled now. False if the sink can't tell, or if it is not sure that a file is gone."""
        if self.done or self._delivery.retry_in(now):
            return self.done
        try:
            unresolved = resolve(self._delivery)
            # All are tried each time: one that has to wait does not keep the others from being stored.
            settled = [self._rebuild(intent, pipeline, now) for intent in unresolved]
            self._delivery.settle()
        except OSError as e:
            self._delivery.refuse(e, now, "sink")
            return False
        if not all(settled):
            return False
        self.done = True
        if self._delivery.failing is not None:
            self._delivery.healed()
        return True

    def _rebuild(self, intent: Sealed, pipeline: Pipeline, now: float) -> bool:
        """Make an object anew that no sink has. What can't be made is read as any other bytes, or is gone.

        False while it is not sure that something is gone: a file that is being renamed or packed is missed by one look.
        """
        self._beat()
        source = self._fresh()
        source.forgets = False
        try:
            source.scan(now)
            if not os.path.isdir(pods := os.path.join(source.scanner.root, PODS)):
                raise FileNotFoundError(errno.ENOENT, "the folder of all logs is not there", pods)
            source.poll(now)
            made = rebuild(intent, source, pipeline, self._opened(intent.partition, now))
            gone = [] if made else self._gone(intent, source)
        finally:
            source.close()
        if made is not None:
            self._delivery.sink.store(made)
            self._delivery.take_up(made)
            return True
        self._missed[intent.key] = self._missed.get(intent.key, 0) + 1
        if gone and self._missed[intent.key] < _GONE:
            return False
        self._account(gone, now)
        self._delivery.advance(now)  # committed before anything is read
        self._delivery.intents.forget(intent.key)
        log.warning(
            "object %s was about to be stored when the agent stopped, and can't be built again: %d bytes of %d files "
            "are gone and stand in the ledger as abandoned, the rest is read anew; a sink that took it all the same "
            "has those lines twice: `tailrace query audit/duplicates`",
            intent.key, sum(a.stop - a.start for a in gone), len({a.file.id for a in gone}),
        )  # fmt: skip
        return True

    def _gone(self, intent: Sealed, source: Source) -> list[Abandoned]:
        """The ranges of files that are not there any more. Absence must be seen: unreadable or excluded is not gone."""
        if not source.scanner.complete or source.waiting:
            return []
        there = {*source.handles(), *(identify(tail, True) for tail in self._source.tails)}
        known = self._delivery.progress.files
        return [
            piece for a in ranges_of(intent, "gone")
            if a.file.id not in there and source.scanner.hidden.isdisjoint(map(str, PurePath(a.file.path).parents))
            # A part may be given up already, if the agent stopped while it did this.
            for piece in abandoned(
                a.file, a.start, a.stop, known[a.file.id].committed if a.file.id in known else Spans(), "gone"
            )
        ]  # fmt: skip


def resolve(delivery: Delivery) -> list[Sealed]:
    """Commit what the sink or the outbox holds. Returns the intents of which neither has the object.

    Raises OSError if the sink can't tell now: then ask again, and read nothing before.
    """
    for one in delivery.outbox.headers():
        delivery.take_up(one)
    unresolved = []
    for intent in delivery.intents.read():
        if delivery.progress.covers((name, part.spans) for name, part in intent.parts.items()):
            delivery.take_up(intent)
        elif intent.lines == 0 or delivery.sink.has(intent):
            delivery.sink.store(intent)  # an intent has no lines: these are its ledger rows
            delivery.take_up(intent)
            log.info("%s was stored before the agent stopped: committed, not written again", intent.key)
        else:
            unresolved.append(intent)
    delivery.settle()
    return unresolved


def rebuild(intent: Sealed, source: Source, pipeline: Pipeline, opened: OpenObject) -> Sealed | None:
    """The object of an intent, made anew in `opened`, or None if the files or the settings are not what they were."""
    if key_of(intent.partition, pipeline.digest, intent.parts) != intent.key:
        return None
    if source.progress.touches((name, part.spans) for name, part in intent.parts.items()):
        return None  # some of it was given up before the agent stopped once more
    if not source.narrow({name: part.spans for name, part in intent.parts.items()}):
        return None
    handles = source.handles()
    if any(_digest(handles[name], part) != part.digest for name, part in intent.parts.items()):
        return None
    for flush in (Flush.NOTHING, Flush.ALL):
        source.renew()
        while (block := source.read(0.0, flush)) is not None:
            lines, batches = pipeline.process(block, intent.partition.hour_us)
            for batch in batches:
                if batch.partition != intent.partition:
                    return None
                opened.add(batch)
            source.settle(block, lines.left, lines.overflow)
    made = opened.seal(pipeline.cluster, pipeline.node, 0, intent.key)
    same = made.lines == intent.lines and {n: p.spans for n, p in made.parts.items()} == {
        n: p.spans for n, p in intent.parts.items()
    }
    return dataclasses.replace(intent, payload=made.payload) if same else None


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
