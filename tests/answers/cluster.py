"""cluster: the events and states of scenes in, rows of `events`, `pods` and `logs` out in a lake, through the feed, the
decoders and the pipeline of the cluster agent. Only its watches are left out: a scene says itself when what was seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import msgspec

from tailrace.cluster.capture import EVENTS_FILE, LINES_FILE, PODS_FILE
from tailrace.cluster.event import event_row
from tailrace.cluster.pipeline import ClusterPipeline
from tailrace.cluster.run import NODE
from tailrace.cluster.states import DELETED, rows_of, states_decoder
from tailrace.config import Settings
from tailrace.delivery.objects import Batch
from tailrace.logs.block import Block
from tailrace.logs.counts import Counts
from tailrace.logs.feed import Feed
from tailrace.logs.parse import Lines
from tailrace.logs.steer import Fates
from tests.answers.bodies import encoded, event_body, state_body
from tests.answers.nodes import CLUSTER, INGESTED, complain, read
from tests.answers.scene import Event, Pod, Scene, State


class DatedClusterPipeline(ClusterPipeline):
    """The cluster agent's stages, that take what they read as read at INGESTED."""

    def process(
        self, block: Block, now_us: int | None = INGESTED, fates: Fates | None = None
    ) -> tuple[Lines, Iterator[tuple[Batch, ...]]]:
        """As RowsPipeline."""
        return super().process(block, now_us, fates)


def write_rows(scenes: Sequence[Scene], lake: Path, work: Path) -> None:
    """Let a cluster agent deliver what its watches would have told. work: where its spool and its state may be."""
    versions = count(1)
    spool = work / "cluster" / "spool"
    feed = Feed(spool, complain)
    for event, uid in sorted(_events(scenes), key=lambda told: told[0].at):
        body = event_body(event, uid, event.uid or _digest(event), event.version or str(next(versions)))
        row = event_row(encoded(body))
        stream = "stderr" if row.type == "Warning" else "stdout"
        for origin in (EVENTS_FILE, LINES_FILE):
            feed.append(origin, stream, row.ts, msgspec.json.encode(row))
    decode = states_decoder()
    for told, pod in sorted(_states(scenes), key=lambda told: told[0].at):
        seen = decode(encoded(state_body(pod, told, told.version or str(next(versions)))))
        gone = [msgspec.structs.replace(state, phase=DELETED) for state in seen.states]
        us = round(told.at.timestamp() * 1e6)
        for row in rows_of(seen, gone if told.phase == DELETED else seen.states, us):
            feed.append(PODS_FILE, "stdout", us, msgspec.json.encode(row))
    feed.save({})
    settings = Settings(root=spool, lake=str(lake), state=work / "cluster", node=NODE, cluster=CLUSTER)
    counts = Counts()
    read(settings, DatedClusterPipeline(settings, counts, complain), counts)


def _events(scenes: Sequence[Scene]) -> Iterator[tuple[Event, str]]:
    """The events, each with the uid of what it is about."""
    for scene in scenes:
        uids = {(pod.namespace, pod.name): pod.id for pod in scene.pods}
        for event in scene.events:
            named = (event.namespace, event.name)
            yield event, uids.get(named) if event.kind == "Pod" and named in uids else f"uid-{'-'.join(named)}"


def _states(scenes: Sequence[Scene]) -> Iterator[tuple[State, Pod]]:
    """The states, each with its pod."""
    for scene in scenes:
        for told in scene.states:
            of = [
                pod for pod in scene.pods
                if pod.name == told.pod and (not told.namespace or pod.namespace == told.namespace)
            ]  # fmt: skip
            assert len(of) == 1, f"{len(of)} pods of the scene {scene.name} are called {told.pod}"
            yield told, of[0]


def _digest(event: Event) -> str:
    whole = f"{event.namespace}/{event.name} {event.reason} {event.first_at or event.at} {event.message}"
    return hashlib.sha256(whole.encode()).hexdigest()[:32]
