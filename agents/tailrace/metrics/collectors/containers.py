"""containers: control groups and what is known of pods in, cAdvisor's container_* as they are now, out.

A series ends with its group, and no sample has a time of its own: Prometheus then never adds an old container to a new
one. A pod's sandbox has a network and nothing else worth a series: what it uses is in the pod's own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import ClassVar

from prometheus_client.core import Metric

from tailrace.metrics.cgroups import families
from tailrace.metrics.cgroups.devices import Devices
from tailrace.metrics.cgroups.files import Budget, Gone
from tailrace.metrics.cgroups.group import Group
from tailrace.metrics.cgroups.hierarchies import mounted
from tailrace.metrics.cgroups.network import FAMILIES as NETWORK
from tailrace.metrics.cgroups.network import Network
from tailrace.metrics.cgroups.present import Known, Present
from tailrace.metrics.cgroups.processes import Processes
from tailrace.metrics.cgroups.usage import Limits, Usage
from tailrace.metrics.collector import Absent, Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import Host

log = logging.getLogger("tailrace")

ERROR = Described(
    "container_scrape_error", "gauge", "1 if there was an error while getting container metrics, 0 otherwise"
)
_NAMED = 3  # faults in one line of the log; there is one cause, mostly


class Containers(Collector):
    """All pods and containers of the node."""

    name: ClassVar[str] = "containers"
    FAMILIES: ClassVar[tuple[Described, ...]] = (*families.FAMILIES, *NETWORK, ERROR)

    def __init__(
        self,
        host: Host,
        pods: Known | None = None,
        budget: Budget | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """pods: without them no series has a name, only the ids. budget: of files that are kept open."""
        super().__init__(host)
        self._clock, self._wall = clock, wall
        self.budget = budget or Budget()
        self._processes = Processes(host)
        self._network = Network(self._processes)
        self._devices = Devices(host.proc, clock)
        self._faulty = False
        hierarchies = mounted(host.cgroup)
        self._present = Present(hierarchies, self._processes, pods, self.budget, clock) if hierarchies else None

    def collect(self) -> Iterator[Metric]:
        """All families that have samples. Raises Absent if no hierarchy of control groups is mounted."""
        if self._present is None:
            raise Absent(f"no control groups are mounted below {self.host.cgroup}")
        groups, now, seen = self._present.now(), self._clock(), float(int(self._wall()))
        read = [(group, usage) for group in groups if (usage := _read(group, now)) is not None]
        self._present.date([group for group, _ in read])
        rows: dict[str, list[families.Row]] = {"container": [], "pod": [], "above": []}
        for group, usage in read:
            if group.labelled is not None and not group.sandbox:
                usage.started, usage.seen = group.started, seen
                rows[group.found.level].append((group.labelled, usage))
        faults = [fault for group, _ in read for fault in group.faults]
        yield from families.told(rows, self._devices.name)
        yield from self._network.collect([group for group, _ in read], faults)
        self._report(faults)
        yield ERROR.one(int(bool(faults)))

    def close(self) -> None:
        """Let go of all files."""
        if self._present is not None:
            self._present.close()

    def _report(self, faults: list[str]) -> None:
        """Say it once, until it is mended."""
        if faults and not self._faulty:
            log.warning(
                "control groups: %d files could not be read: %s: what they tell is missing from container_* until they "
                "can be; container_scrape_error is 1",
                len(faults), "; ".join(faults[:_NAMED]),
            )  # fmt: skip
        self._faulty = bool(faults)


def _read(group: Group, now: float) -> Usage | None:
    """What it uses; nothing of a sandbox but its process. None if the group was removed in the meantime."""
    try:
        if not group.sandbox:
            return group.read(now)
        group.processes()
        return Usage(Limits())
    except Gone:
        return None
