"""network: pods and a process of each in, what went through their network interfaces out, as cAdvisor's families.

The series are those of the pod's sandbox, whose namespace all its containers share; without one (CRI-O leaves it out)
they are the pod's. A pod in the node's own network has none: its traffic would be the node's, counted for each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from prometheus_client.core import Metric

from tailrace.metrics.cgroups.group import Group
from tailrace.metrics.cgroups.interfaces import Interface
from tailrace.metrics.cgroups.labelled import NAMES, PAUSE, Identity, Labelled
from tailrace.metrics.cgroups.processes import Processes
from tailrace.metrics.described import Described

# In the order of Interface's counts.
FAMILIES = tuple(
    Described(f"container_network_{way}_{what}_total", "counter", f"Cumulative count of {help}", (*NAMES, "interface"))
    for way, done, doing in (("receive", "received", "receiving"), ("transmit", "transmitted", "transmitting"))
    for what, help in (
        ("bytes", f"bytes {done}"),
        ("packets", f"packets {done}"),
        ("errors", f"errors encountered while {doing}"),
        ("packets_dropped", f"packets dropped while {doing}"),
    )
)


class Network:
    """The network of all pods."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._node = Labelled(Identity("", "/", "", "", "", ""))

    def collect(self, groups: Iterable[Group], faults: list[str]) -> Iterator[Metric]:
        """The families, if there are interfaces. groups: as read in this scrape. faults: gets what went wrong."""
        pods: dict[str, list[Group]] = {}
        for group in groups:
            if group.found.uid:
                pods.setdefault(group.found.uid, []).append(group)
        samples = [(self._node, one) for one in self._try(self._processes.nodes_interfaces, faults)]
        for some in pods.values():
            if (chosen := self._chosen(some)) is not None:
                labelled, pid = chosen
                samples += [(labelled, one) for one in self._try(partial(self._processes.interfaces, pid), faults)]
        if samples:
            labelled_samples = [(labelled.interface(one.name), one) for labelled, one in samples]
            for at, family in enumerate(FAMILIES):
                yield family.of([(labels, one.counts[at]) for labels, one in labelled_samples])

    def _chosen(self, groups: Sequence[Group]) -> tuple[Labelled, int] | None:
        """Whose series they are and a process of the pod; None if there is none, or if it has no network of its own."""
        holder = next((group for group in groups if group.sandbox), None)
        with_process = [group for group in ((holder,) if holder and holder.pid else groups) if group.pid]
        first = groups[0]
        if not with_process or (first.pod is not None and first.pod.spec.hostNetwork):
            return None
        seen = with_process[0]
        if seen.pid != seen.looked:
            seen.looked, seen.shared = seen.pid, self._processes.in_nodes_network(seen.pid)
        if seen.shared:
            return None
        if holder is not None and holder.labelled is not None:
            return holder.labelled, seen.pid
        of_pod = next((group for group in groups if not group.found.container), first)
        if of_pod.wire is None and of_pod.labelled is not None:
            # Without a container and with an image, as a sandbox's are.
            of_pod.wire = Labelled(of_pod.labelled.identity._replace(container="", image=PAUSE))
        return (of_pod.wire, seen.pid) if of_pod.wire else None

    def _try(self, read: Callable[[], list[Interface]], faults: list[str]) -> list[Interface]:
        try:
            return read()
        except (OSError, ValueError) as error:
            faults.append(f"a network's interfaces: {error!r}")
            return []
