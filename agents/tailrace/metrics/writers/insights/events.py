"""events: looks in, all events of one node and its pods out, as text.

What grows is told as a rate since the look before, so the first look gives little more than what is used now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tailrace.metrics.writers.insights.event import Events, Level
from tailrace.metrics.writers.insights.look import Look, Rates
from tailrace.metrics.writers.insights.node import conditions, disks, interfaces, limits, network, node_fields
from tailrace.metrics.writers.insights.node import file_systems as node_file_systems
from tailrace.metrics.writers.insights.pods import ContainerLook, PodLook, PodLooks
from tailrace.metrics.writers.insights.workloads import Workloads, file_systems

_INSTANCE = re.compile(r"aws://.*/(i-[0-9a-f]+)")
_POD, _NET = ("cadvisor", "pod", "calculated"), ("cadvisor", "calculated")


class NodeEvents:
    """The events of one node, look after look."""

    def __init__(self, node: str, common: Mapping[str, str], level: Level) -> None:
        """common: what each event says. An InstanceId that is missing there is looked for."""
        self._node, self._common, self._level = node, dict(common), level
        self._rates = Rates()
        self._events = Events(self._common, level)

    def of(self, look: Look) -> Iterator[bytes]:
        """The events of a look."""
        self._rates.begin(look.at)
        self._find_instance(look)
        pods = PodLooks(look)
        yield from self._of_node(look, pods)
        workloads = Workloads(self._rates, *limits(look))
        for pod in pods.values():
            yield from self._of_pod(look.at, workloads, pod)

    def _find_instance(self, look: Look) -> None:
        for labels, _ in () if self._common.get("InstanceId") else look.of("kube_node_info"):
            if found := _INSTANCE.fullmatch(labels.get("provider_id", "")):
                self._common["InstanceId"] = found[1]
                self._events = Events(self._common, self._level)

    def _of_node(self, look: Look, pods: PodLooks) -> Iterator[bytes]:
        event, at, host = self._events.event, look.at, {"kubernetes": {"host": self._node}}
        by_interface = interfaces(look, self._rates)
        fields = node_fields(look, self._rates, pods.values())
        fields |= network(by_interface)
        fields |= conditions(look)
        yield event("Node", at, ("cadvisor", "/proc", "pod", "calculated"), fields, host)
        for interface, of in by_interface.items():
            yield event("NodeNet", at, _NET, of, {"interface": interface, **host})
        for device, kind, of in node_file_systems(look):
            yield event("NodeFS", at, _NET, of, {"device": device, "fstype": kind, **host})
        for device, of in disks(look, self._rates):
            yield event("NodeDiskIO", at, ("cadvisor",), of, {"device": device, **host})

    def _of_pod(self, at: float, workloads: Workloads, pod: PodLook) -> Iterator[bytes]:
        event, whose = self._events.event, self._whose(pod)
        containers = {name: workloads.container(pod, one) for name, one in pod.containers.items()}
        fields = workloads.pod(pod, containers.values())
        by_interface = workloads.interfaces(pod)
        for of in by_interface.values():
            for name, value in of.items():
                whole = name.replace("_interface", "", 1)
                before = fields.get(whole, 0.0)
                fields[whole] = value + (before if not isinstance(before, str) else 0.0)
        yield event("Pod", at, _POD, fields, whose)
        for interface, rates in by_interface.items():
            yield event("PodNet", at, _NET, rates, {"interface": interface, **whose})
        for name, one in pod.containers.items():
            there = self._whose(pod, one)
            yield event("Container", at, _POD, containers[name], there)
            for device, of in file_systems(one).items():
                yield event("ContainerFS", at, _NET, of, {"device": device, **there})

    def _whose(self, pod: PodLook, one: ContainerLook | None = None) -> dict[str, Any]:
        """Dimensions and what Kubernetes calls it."""
        owners = [{"owner_kind": pod.owner_kind, "owner_name": pod.owner}] if pod.owner else []
        kubernetes: dict[str, Any] = {
            "host": self._node, "namespace_name": pod.namespace, "pod_id": pod.uid, "pod_name": pod.name,
            "pod_owners": owners,
        }  # fmt: skip
        out = {"Namespace": pod.namespace, "PodName": pod.workload, "FullPodName": pod.name, "kubernetes": kubernetes}
        if one is not None:
            out["ContainerName"] = kubernetes["container_name"] = one.name
            if one.id:
                kubernetes["containerd"] = {"container_id": one.id}
        return out
