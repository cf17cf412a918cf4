"""watching: an API server in; its events, pods and namespaces, as they are told, on one queue out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, Literal, NamedTuple

import msgspec

from tailrace.cluster.event import EventRow, event_row
from tailrace.cluster.states import PodStates, states_decoder
from tailrace.kube.access import Access
from tailrace.kube.course import Course, Pace
from tailrace.kube.pod import Namespace, namespace_decoder
from tailrace.kube.standing import Standing
from tailrace.kube.watch import Resource, Taker, Watch

Subject = Literal["events", "pods", "namespaces"]
PACE = Pace(start=0.5, relist=5.0)  # one agent a cluster: nobody asks at the same time


class Told(NamedTuple):
    """What a watch said: `listed` is all that there are."""

    subject: Subject
    how: Literal["listed", "changed", "deleted"]
    items: list[Any]  # EventRow, PodStates or Namespace


class Watching:
    """The three watches from `start` to `stop`. queue: what they told, in each one's order."""

    def __init__(self, access: Access, standings: dict[Subject, Standing], pace: Pace = PACE) -> None:
        self.queue: SimpleQueue[Told] = SimpleQueue()
        self._watches: list[Watch[Any]] = [
            self._watch(access, pace, "events", Resource("/api/v1/events", "events"), event_row, standings),
            self._watch(access, pace, "pods", Resource("/api/v1/pods", "pods"), states_decoder(), standings),
            self._watch(
                access, pace, "namespaces", Resource("/api/v1/namespaces", "namespaces", metadata_only=True),
                namespace_decoder(), standings,
            ),
        ]  # fmt: skip

    def _watch(
        self, access: Access, pace: Pace, subject: Subject, resource: Resource,
        decode: Callable[[bytes | msgspec.Raw], EventRow | PodStates | Namespace], standings: dict[Subject, Standing],
    ) -> Watch[Any]:  # fmt: skip
        standing = standings[subject]
        taker: Taker[Any] = Taker(
            partial(self._put, subject, "listed"), lambda one: self._put(subject, "changed", [one]),
            lambda one: self._put(subject, "deleted", [one]), standing.well, standing.ill,
        )  # fmt: skip
        return Watch(access, resource, decode, taker, Course(pace))

    def _put(self, subject: Subject, how: Literal["listed", "changed", "deleted"], items: list[Any]) -> None:
        self.queue.put(Told(subject, how, items))

    def start(self) -> None:
        """Begin, in threads that end with the process."""
        for watch, name in zip(self._watches, ("events", "pods", "namespaces"), strict=True):
            threading.Thread(target=watch.run, name=f"cluster-{name}", daemon=True).start()

    def stop(self) -> None:
        """End them; nobody waits for that, and nobody looks at the queue any more."""
        for watch in self._watches:
            watch.stop()
