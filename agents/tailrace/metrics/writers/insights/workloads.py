"""workloads: what a look says of a pod to the fields of the events Pod, PodNet, Container and ContainerFS.

Utilization is of the node's cores and memory, for a container too; only what is called `over_…_limit` is of the pod's
or the container's own limit, and there is none unless every container of the pod has a limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tailrace.metrics.writers.insights.look import Rates, added, known, percent, times
from tailrace.metrics.writers.insights.node import Fields, total_bytes
from tailrace.metrics.writers.insights.pods import ContainerLook, PodLook

_PHASES = ("Running", "Pending", "Failed", "Unknown", "Succeeded")
# Why a container waits, to the metric's word for it. Those that nobody waits for are not there at all, as with the
# CloudWatch agent: an alarm has to take missing data for none.
_WAITING = {
    "CrashLoopBackOff": "crash_loop_back_off", "ErrImagePull": "image_pull_error",
    "ImagePullBackOff": "image_pull_error", "InvalidImageName": "image_pull_error",
    "CreateContainerError": "create_container_error", "CreateContainerConfigError": "create_container_config_error",
    "StartError": "start_error",
}  # fmt: skip
_MEMORY = (
    ("usage", "memory_usage_bytes"), ("working_set", "memory_working_set_bytes"), ("rss", "memory_rss"),
    ("cache", "memory_cache"), ("swap", "memory_swap"), ("mapped_file", "memory_mapped_file"),
    ("max_usage", "memory_max_usage_bytes"), ("failcnt", "memory_failcnt"),
)  # fmt: skip
_CPU = (
    ("usage_total", "cpu_usage_seconds_total"), ("usage_user", "cpu_user_seconds_total"),
    ("usage_system", "cpu_system_seconds_total"),
)  # fmt: skip
_FAULTS = ("pgfault", "pgmajfault")


class Workloads:
    """The fields of one node's pods."""

    def __init__(self, rates: Rates, cpu_limit: float | None, memory_limit: float | None) -> None:
        """cpu_limit, memory_limit: the node's, in millicores and bytes."""
        self._rates, self._cpu, self._memory = rates, cpu_limit, memory_limit

    def _used(self, of: str, key: object, values: Mapping[str, float]) -> dict[str, float | None]:
        """The usage of a group, and of what part of the node that is. of: `pod` or `container`. key: whose it is."""
        rates = self._rates
        fields: dict[str, float | None] = {
            f"{of}_cpu_{name}": times(rates.rate((key, source), values.get(source)), 1000) for name, source in _CPU
        }
        fields |= {f"{of}_memory_{name}": values.get(source) for name, source in _MEMORY}
        for fault in _FAULTS:
            for scope, word in (("container", ""), ("hierarchy", "hierarchical_")):
                source = f"{fault} {scope}"
                fields[f"{of}_memory_{word}{fault}"] = rates.rate((key, source), values.get(source))
        fields[f"{of}_cpu_utilization"] = percent(fields[f"{of}_cpu_usage_total"], self._cpu)
        fields[f"{of}_memory_utilization"] = percent(fields[f"{of}_memory_working_set"], self._memory)
        return fields

    def container(self, pod: PodLook, one: ContainerLook) -> dict[str, float | str]:
        """Of the event Container."""
        key = (pod.namespace, pod.name, one.name, one.id)
        fields = self._used("container", key, one.values)
        for resource, factor in (("cpu", 1000), ("memory", 1)):
            limit = times(one.limits.get(resource), factor)
            used = fields["container_cpu_usage_total" if resource == "cpu" else "container_memory_working_set"]
            fields[f"container_{resource}_request"] = times(one.requests.get(resource), factor)
            fields[f"container_{resource}_limit"] = limit
            fields[f"container_{resource}_utilization_over_container_limit"] = percent(used, limit)
        faults = [fields[f"container_memory_{fault}"] for fault in _FAULTS]
        fields["container_memory_failures_total"] = added(*faults)
        restarts = self._rates.delta((pod.namespace, pod.name, pod.uid, one.name, "restarts"), one.restarts)
        fields["number_of_container_restarts"] = restarts
        told: dict[str, str] = {
            "container_status": one.state.capitalize(),
            "container_status_reason": one.reason if one.state != "running" else "",
            "container_last_termination_reason": one.last_reason,
        }
        return {**known(fields), **{name: text for name, text in told.items() if text}}

    def pod(self, pod: PodLook, containers: Iterable[Mapping[str, float | str]]) -> dict[str, float | str]:
        """Of the event Pod, but for the network's. containers: the fields of its own."""
        values = pod.values
        if not values:  # it has no cgroup of its own that is told
            every = {name for one in pod.containers.values() for name in one.values}
            values = {name: sum(one.values.get(name, 0.0) for one in pod.containers.values()) for name in every}
        fields = self._used("pod", (pod.namespace, pod.name, pod.uid), values)
        for resource, factor, most in (("cpu", 1000, self._cpu), ("memory", 1, self._memory)):
            request = times(added(*(c.requests.get(resource) for c in pod.containers.values())), factor)
            limits = [c.limits.get(resource) for c in pod.containers.values()]
            limit = times(added(*limits), factor) if limits and None not in limits else None
            limit = min(limit, most) if limit is not None and most is not None else limit
            used = fields["pod_cpu_usage_total" if resource == "cpu" else "pod_memory_working_set"]
            fields[f"pod_{resource}_request"] = request
            fields[f"pod_{resource}_limit"] = limit
            fields[f"pod_{resource}_reserved_capacity"] = percent(request, most)
            fields[f"pod_{resource}_utilization_over_pod_limit"] = percent(used, limit)
        restarts = [one.get("number_of_container_restarts") for one in containers]
        fields["pod_number_of_container_restarts"] = added(*(r for r in restarts if not isinstance(r, str)))
        fields["pod_number_of_containers"] = float(len(pod.containers))
        fields["pod_number_of_running_containers"] = float(sum(c.runs for c in pod.containers.values()))
        out: dict[str, float | str] = {**known(fields), **_states(pod)}
        return out | ({"pod_status": pod.phase} if pod.phase else {})

    def interfaces(self, pod: PodLook) -> dict[str, Fields]:
        """Of the events PodNet, by interface."""
        out: dict[str, Fields] = {}
        for interface, values in pod.network.items():
            key = (pod.namespace, pod.name, pod.uid, interface)
            rates = {name: self._rates.rate((key, name), value) for name, value in values.items()}
            fields = {f"pod_interface_network_{name}": rate for name, rate in rates.items() if rate is not None}
            if (total := total_bytes(fields, "pod_interface_network")) is not None:
                fields["pod_interface_network_total_bytes"] = total
            if fields:
                out[interface] = fields
        return out


def file_systems(one: ContainerLook) -> dict[str, Fields]:
    """Of the events ContainerFS, by device; containerd tells nothing of it."""
    out: dict[str, Fields] = {}
    for device, values in one.file_systems.items():
        used, size = values.get("usage"), values.get("limit")
        left = size - used if size and used is not None else None
        out[device] = known({
            "container_filesystem_usage": used,
            "container_filesystem_capacity": size,
            "container_filesystem_available": left,
            "container_filesystem_utilization": percent(used, size),
        })  # fmt: skip
    return out


def _states(pod: PodLook) -> Fields:
    """What is only known of the API server's pods."""
    if not pod.phase:
        return {}
    fields = {f"pod_status_{phase.lower()}": float(pod.phase == phase) for phase in _PHASES}
    fields |= {f"pod_status_{name}": float(pod.conditions.get(name, False)) for name in ("ready", "scheduled")}
    for state in ("running", "terminated", "waiting"):
        fields[f"pod_container_status_{state}"] = float(sum(c.state == state for c in pod.containers.values()))
    for one in pod.containers.values():
        if one.state == "waiting" and one.reason in _WAITING:
            name = f"pod_container_status_waiting_reason_{_WAITING[one.reason]}"
            fields[name] = fields.get(name, 0.0) + 1
        # It is down for want of memory: not yet begun anew, or waiting for that.
        if {"terminated": one.reason, "waiting": one.last_reason}.get(one.state) == "OOMKilled":
            name = "pod_container_status_terminated_reason_oom_killed"
            fields[name] = fields.get(name, 0.0) + 1
    return fields
