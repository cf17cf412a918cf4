"""kube_node: this node as the API server knows it, under the names of kube-state-metrics (2.15): kube_node_*."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from prometheus_client.core import Metric

from tailrace.metrics.collector import Absent, Collector
from tailrace.metrics.collectors.kube_pods import unix
from tailrace.metrics.described import Described
from tailrace.metrics.host import Host
from tailrace.metrics.labels import Labels
from tailrace.metrics.node import Node
from tailrace.metrics.quantity import amounts
from tailrace.metrics.rendered import Given, Rendered

if TYPE_CHECKING:
    from tailrace.metrics.pods import Pods

_ROLE = "node-role.kubernetes.io/"
_STATUSES = ("true", "false", "unknown")


def _gauge(name: str, help: str, *labels: str) -> Described:
    return Described(f"kube_node_{name}", "gauge", help, ("node", *labels))


CREATED = _gauge("created", "[STABLE] Unix creation timestamp")
DELETED = _gauge("deletion_timestamp", "Unix deletion timestamp")
INFO = _gauge(
    "info", "[STABLE] Information about a cluster node.", "kernel_version", "os_image", "container_runtime_version",
    "kubelet_version", "kubeproxy_version", "provider_id", "pod_cidr", "system_uuid", "internal_ip",
)  # fmt: skip
ROLE = _gauge("role", "The role of a cluster node.", "role")
TAINT = _gauge("spec_taint", "[STABLE] The taint of a cluster node.", "key", "value", "effect")
UNSCHEDULABLE = _gauge("spec_unschedulable", "[STABLE] Whether a node can schedule new pods.")
ALLOCATABLE = _gauge(
    "status_allocatable",
    "[STABLE] The allocatable for different resources of a node that are available for scheduling.",
    "resource",
    "unit",
)
CAPACITY = _gauge("status_capacity", "[STABLE] The capacity for different resources of a node.", "resource", "unit")
CONDITION = _gauge("status_condition", "[STABLE] The condition of a cluster node.", "condition", "status")
ADDRESS = _gauge("status_addresses", "Node address information.", "type", "address")


class KubeNode(Collector):
    """This node as kube-state-metrics shows it, from a watch; it waits for nothing."""

    name = "kube_node"
    FAMILIES: ClassVar[tuple[Described, ...]] = (
        CREATED, DELETED, INFO, ROLE, TAINT, UNSCHEDULABLE, ALLOCATABLE, CAPACITY, CONDITION, ADDRESS,
    )  # fmt: skip

    def __init__(self, host: Host, pods: Pods) -> None:
        super().__init__(host)
        self._pods = pods
        self._rendered = Rendered(self.FAMILIES, samples)

    def collect(self) -> Iterator[Metric]:
        """Raises Absent, or behind the last family ValueError if what is known is old."""
        if self._pods.source != "api":
            raise Absent("the API server, which alone knows of nodes, is not asked")
        if not self._pods.shown():
            raise Absent("kube-state-metrics exposes them, or kube_metrics is off")
        node = self._pods.node()
        yield from self._rendered.metrics({node.metadata.name: node} if node else {})
        self._pods.check(self._pods.nodes)
        if node is None:
            raise ValueError("the API server knows no node of our name; set node, or NODE_NAME from spec.nodeName")


def samples(node: Node) -> Given:
    """All that a node gives."""
    about, spec, status = node.metadata, node.spec, node.status
    base, info = {"node": about.name}, status.nodeInfo
    plain = Labels(base)
    for family, at in ((CREATED, about.creationTimestamp), (DELETED, about.deletionTimestamp)):
        if at:
            yield family, plain, unix(at)
    yield INFO, Labels(
        base, kernel_version=info.kernelVersion, os_image=info.osImage,
        container_runtime_version=info.containerRuntimeVersion, kubelet_version=info.kubeletVersion,
        kubeproxy_version="deprecated", provider_id=spec.providerID, pod_cidr=spec.podCIDR,
        system_uuid=info.systemUUID,
        internal_ip=next((a.address for a in status.addresses or () if a.type == "InternalIP"), ""),
    ), 1.0  # fmt: skip
    for label in sorted(about.labels or ()):
        if label.startswith(_ROLE):
            yield ROLE, Labels(base, role=label.removeprefix(_ROLE)), 1.0
    for taint in spec.taints or ():
        yield TAINT, Labels(base, key=taint.key, value=taint.value, effect=taint.effect), 1.0
    yield UNSCHEDULABLE, plain, float(spec.unschedulable)
    for family, some in ((ALLOCATABLE, status.allocatable), (CAPACITY, status.capacity)):
        for resource, unit, much in amounts(some):
            yield family, Labels(base, resource=resource, unit=unit), much
    for condition in status.conditions or ():
        for said in _STATUSES:
            value = float(condition.status.lower() == said)
            yield CONDITION, Labels(base, condition=condition.type, status=said), value
    for address in status.addresses or ():
        yield ADDRESS, Labels(base, type=address.type, address=address.address), 1.0
