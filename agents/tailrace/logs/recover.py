"""recover: what a crash left behind to what is committed, before the first byte is read.

An intent says that a sink may have an object. If it has, the bytes are committed. If not, the same ranges are read once
more, by the same stages, and must give the same: then the object is stored under its key. An object that can't be built
again is given up as such: bytes that are still there are read as any others, those that are gone are abandoned.
"""

from __future__ import annotations

import dataclasses
import logging
import os

import xxhash

from tailrace.delivery.objects import OpenObject, Part, Sealed, key_of
from tailrace.logs.block import Flush
from tailrace.logs.deliver import Delivery
from tailrace.logs.pipeline import Pipeline
from tailrace.logs.source import Source

log = logging.getLogger("tailrace")


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
