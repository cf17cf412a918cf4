"""pods: a look to what it says of each pod and of each of its containers: labels, usage, requests, states.

Usage is cAdvisor's (container_*), the rest kube-state-metrics' (kube_pod_*). Where that is not exposed a pod is what
has a cgroup; it has no requests then, and no states.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tailrace.metrics.writers.insights.look import Look

# Kubernetes makes a ReplicaSet's hash of these, and of no others.
_HASH = re.compile(r"(.+)-[bcdf-hj-np-tv-xz2456789]{5,10}")
_SCHEDULED = re.compile(r"(.+)-(\d{8}|\d{10})")
_SANDBOX = ("", "POD")  # the container label of a sandbox, by containerd and by Docker


@dataclass
class ContainerLook:
    """One container. id: the runtime's, "" if it has no cgroup. values: by cAdvisor's name, faults by their kind too.
    state, reason: waiting, running or terminated, and why. restarts: None if it is not known."""

    name: str
    id: str = ""
    image: str = ""
    values: dict[str, float] = field(default_factory=dict)
    requests: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    file_systems: dict[str, dict[str, float]] = field(default_factory=dict)
    state: str = ""
    reason: str = ""
    last_reason: str = ""
    restarts: float | None = None

    @property
    def runs(self) -> bool:
        """Whether it runs: by its state, or by its cgroup if nobody tells the state."""
        return self.state == "running" if self.state else bool(self.id)


@dataclass
class PodLook:
    """One pod. values: of its own cgroup. network: by interface. conditions: ready, scheduled."""

    namespace: str
    name: str
    uid: str = ""
    phase: str = ""
    owner_kind: str = ""
    owner: str = ""
    values: dict[str, float] = field(default_factory=dict)
    network: dict[str, dict[str, float]] = field(default_factory=dict)
    containers: dict[str, ContainerLook] = field(default_factory=dict)
    conditions: dict[str, bool] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Whether it runs: by its phase, or by its containers if nobody tells the phase."""
        return self.phase == "Running" if self.phase else any(c.id for c in self.containers.values())

    def container(self, name: str) -> ContainerLook:
        """The container of that name, made if it is new."""
        return self.containers.setdefault(name, ContainerLook(name))

    @property
    def workload(self) -> str:
        """What the dimension PodName says: the name of what the pod belongs to."""
        if self.owner_kind == "ReplicaSet" and (found := _HASH.fullmatch(self.owner)):
            return found[1]
        if self.owner_kind == "Job" and (found := _SCHEDULED.fullmatch(self.owner)):
            return found[1]
        return self.owner if self.owner and self.owner_kind != "Node" else self.name


# cAdvisor's names of what is read of containers and pods, without container_.
_VALUES = (
    "cpu_usage_seconds_total", "cpu_user_seconds_total", "cpu_system_seconds_total", "memory_cache", "memory_failcnt",
    "memory_mapped_file", "memory_max_usage_bytes", "memory_rss", "memory_swap", "memory_usage_bytes",
    "memory_working_set_bytes",
)  # fmt: skip
NETWORK = (
    ("rx_bytes", "receive_bytes"), ("rx_packets", "receive_packets"), ("rx_dropped", "receive_packets_dropped"),
    ("rx_errors", "receive_errors"), ("tx_bytes", "transmit_bytes"), ("tx_packets", "transmit_packets"),
    ("tx_dropped", "transmit_packets_dropped"), ("tx_errors", "transmit_errors"),
)  # fmt: skip
_REASONS = (
    ("waiting_reason", "reason"), ("terminated_reason", "reason"), ("last_terminated_reason", "last_reason"),
)  # fmt: skip


class PodLooks(dict[tuple[str, str], PodLook]):
    """Every pod of a look, by namespace and name."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        for labels, _ in look.of("kube_pod_info"):
            pod = self._pod(labels)
            pod.uid = labels.get("uid", "")
            pod.owner_kind, pod.owner = labels.get("created_by_kind", ""), labels.get("created_by_name", "")
        self._usage()
        self._network()
        self._wanted()
        self._states()

    def _pod(self, labels: Mapping[str, str]) -> PodLook:
        key = (labels.get("namespace", ""), labels.get("pod", ""))
        if key not in self:
            self[key] = PodLook(*key)
        return self[key]

    def _usage(self) -> None:
        for name in _VALUES:
            for labels, value in self._look.of(f"container_{name}"):
                self._take(name, labels, value)
        for labels, value in self._look.of("container_memory_failures_total"):
            self._take(f"{labels.get('failure_type')} {labels.get('scope')}", labels, value)
        for name in ("usage", "limit"):
            for labels, value in self._look.of(f"container_fs_{name}_bytes"):
                if labels.get("pod") and labels.get("container", "") not in _SANDBOX:
                    systems = self._pod(labels).container(labels["container"]).file_systems
                    systems.setdefault(labels.get("device", ""), {})[name] = value

    def _take(self, name: str, labels: Mapping[str, str], value: float) -> None:
        if not labels.get("pod"):
            return
        if labels.get("container", "") in _SANDBOX:
            if not labels.get("image"):  # the pod's own cgroup; with an image it is the sandbox's
                self._pod(labels).values[name] = value
            return
        container = self._pod(labels).container(labels["container"])
        container.values[name] = value
        container.id, container.image = labels.get("name", ""), labels.get("image", "")

    def _network(self) -> None:
        for field_, name in NETWORK:
            for labels, value in self._look.of(f"container_network_{name}_total"):
                if labels.get("pod"):
                    of = self._pod(labels).network.setdefault(labels.get("interface", ""), {})
                    of[field_] = of.get(field_, 0.0) + value

    def _wanted(self) -> None:
        for labels, _ in self._look.of("kube_pod_container_info"):
            container = self._pod(labels).container(labels["container"])
            container.image = container.image or labels.get("image", "")
        for labels, value in self._look.of("kube_pod_container_resource_requests"):
            self._pod(labels).container(labels["container"]).requests[labels["resource"]] = value
        for labels, value in self._look.of("kube_pod_container_resource_limits"):
            self._pod(labels).container(labels["container"]).limits[labels["resource"]] = value

    def _states(self) -> None:
        for labels, value in self._look.of("kube_pod_status_phase"):
            if value:
                self._pod(labels).phase = labels["phase"]
        for name in ("ready", "scheduled"):
            for labels, value in self._look.of(f"kube_pod_status_{name}", condition="true"):
                self._pod(labels).conditions[name] = bool(value)
        for labels, value in self._look.of("kube_pod_container_status_restarts_total"):
            self._pod(labels).container(labels["container"]).restarts = value
        for state in ("waiting", "running", "terminated"):
            for labels, value in self._look.of(f"kube_pod_container_status_{state}"):
                if value:
                    self._pod(labels).container(labels["container"]).state = state
        for name, into in _REASONS:
            for labels, value in self._look.of(f"kube_pod_container_status_{name}"):
                if value:
                    setattr(self._pod(labels).container(labels["container"]), into, labels["reason"])
