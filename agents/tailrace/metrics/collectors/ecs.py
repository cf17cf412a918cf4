"""ecs: the containers of this ECS task as cAdvisor would have them, container_*; on Fargate there is no other way.

Each series has the task's labels too. Where the task has one network for all of its containers (awsvpc), its series
are the task's, without a container, as a pod's are: Docker tells the same counters for each container.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from prometheus_client.core import Metric

from tailrace.ecs import Endpoint, Task, TaskContainer
from tailrace.metrics.cgroups import families
from tailrace.metrics.cgroups.devices import Devices
from tailrace.metrics.cgroups.labelled import Identity, Labelled
from tailrace.metrics.cgroups.network import FAMILIES as NETWORK
from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.ecs import Interface, Stats, decode_stats, usage_of, usage_of_task
from tailrace.metrics.host import Host
from tailrace.metrics.labels import Labels

TASK_AGAIN = 60.0  # seconds for which what is known of the task holds
RETRY = 15.0  # seconds without a question after one that got no answer: a scrape must not wait for it each time
_MIB = 1 << 20
# In the order of NETWORK.
_COUNTERS = (
    "rx_bytes", "rx_packets", "rx_errors", "rx_dropped", "tx_bytes", "tx_packets", "tx_errors", "tx_dropped"
)  # fmt: skip
_LABELS = ("cluster", "service", "family", "task")
DISK_USED = Described(
    "tailrace_task_ephemeral_storage_used_bytes", "gauge", "Bytes of the task's ephemeral storage in use (Fargate).",
    _LABELS,
)  # fmt: skip
DISK_RESERVED = Described(
    "tailrace_task_ephemeral_storage_reserved_bytes", "gauge", "Bytes of the task's ephemeral storage (Fargate).",
    _LABELS,
)  # fmt: skip
Networks = Mapping[str, Interface]


class Ecs(Collector):
    """The containers of this ECS task; in the place of `containers`, whose families it gives."""

    name = "ecs"
    FAMILIES: ClassVar[tuple[Described, ...]] = (
        *(replace(family, labels=(*family.labels, *_LABELS)) for family in (*families.FAMILIES, *NETWORK)),
        DISK_USED, DISK_RESERVED,
    )  # fmt: skip

    def __init__(
        self, host: Host, endpoint: Endpoint, clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        super().__init__(host)
        self._endpoint, self._clock, self._wall = endpoint, clock, wall
        self._devices = Devices(host.proc, clock)
        self._task: Task | None = None
        self._task_due = 0.0
        self._labelled: dict[str, Labelled] = {}
        self._error, self._silent_until = "", 0.0

    def collect(self) -> Iterator[Metric]:
        """Raises OSError or ValueError if the endpoint does not answer, or not what it should."""
        task, stats, garbage = self._ask()
        containers = {c.DockerId: c for c in task.Containers or () if c.DockerId in stats and c.Type != "CNI_PAUSE"}
        self._labelled = {id: self._labelled.get(id) or _labelled(task, c) for id, c in containers.items()}
        whole, now = _labelled(task, None), self._wall()
        rows: dict[str, list[families.Row]] = {
            "container": [(self._labelled[id], usage_of(stats[id], c, now)) for id, c in containers.items()],
            "pod": [(whole, usage_of_task(task))],
            "above": [],
        }
        yield from families.told(rows, self._devices.name)
        yield from _network(self._networks(task, containers, stats, whole))
        if disk := task.EphemeralStorageMetrics:
            own = Labels((name, whole.base[name]) for name in _LABELS)
            yield DISK_USED.of([(own, disk.Utilized * _MIB)])
            yield DISK_RESERVED.of([(own, disk.Reserved * _MIB)])
        if garbage:
            raise ValueError(f"ECS' stats of {garbage} containers make no sense: their series are missing")

    def _ask(self) -> tuple[Task, dict[str, Stats], int]:
        """The task and its containers' stats. Raises as collect."""
        if self._clock() < self._silent_until:
            raise OSError(f"{self._error}; it is asked again in some seconds")
        try:
            stats, garbage = decode_stats(self._endpoint.stats())
            return self._of(stats), stats, garbage
        except (OSError, ValueError) as e:
            self._error, self._silent_until = f"ECS' task metadata: {e}", self._clock() + RETRY
            raise

    def _of(self, stats: Mapping[str, Stats]) -> Task:
        """The task; asked for again now and then, and when there is a container that it has not told of."""
        known = {c.DockerId for c in self._task.Containers or ()} if self._task else set()
        if self._task is None or self._clock() >= self._task_due or not stats.keys() <= known:
            new = self._endpoint.task()
            if self._task is None or _about(new) != _about(self._task):
                self._labelled = {}
            self._task, self._task_due = new, self._clock() + TASK_AGAIN
        return self._task

    def _networks(
        self, task: Task, containers: Mapping[str, TaskContainer], stats: Mapping[str, Stats], whole: Labelled
    ) -> list[tuple[Labelled, Networks]]:
        if any(n.NetworkMode == "awsvpc" for c in task.Containers or () for n in c.Networks or ()):
            return [(whole, _together([one.networks or {} for one in stats.values()]))]
        return [(self._labelled[id], stats[id].networks or {}) for id in containers]


def _about(task: Task) -> tuple[str, ...]:
    return task.cluster, task.ServiceName, task.Family, task.id


def _labelled(task: Task, container: TaskContainer | None) -> Labelled:
    """The labels of a container's series, or of the task's."""
    more = dict(zip(_LABELS, _about(task), strict=True))
    if container is None:
        return Labelled(Identity("", f"/ecs/{task.id}", "", "", "", ""), **more)
    id = container.DockerId
    return Labelled(Identity(container.Name, f"/ecs/{task.id}/{id}", container.Image, id, "", ""), **more)


def _together(each: list[Networks]) -> Networks:
    """One network as several containers tell it, a moment apart: the furthest, since a counter must not go back."""
    found: dict[str, Interface] = {}
    for networks in each:
        for name, one in networks.items():
            other = found.get(name, one)
            found[name] = Interface(*(max(getattr(one, c), getattr(other, c)) for c in _COUNTERS))
    return found


def _network(rows: list[tuple[Labelled, Networks]]) -> Iterator[Metric]:
    samples = [(labelled.interface(name), one) for labelled, networks in rows for name, one in networks.items()]
    if samples:
        for family, counter in zip(NETWORK, _COUNTERS, strict=True):
            yield family.of([(labels, getattr(one, counter)) for labels, one in samples])
