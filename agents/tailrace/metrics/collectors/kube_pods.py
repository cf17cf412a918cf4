"""kube_pods: this node's pods as kube-state-metrics (2.15) has them, kube_pod_*. Their containers: kube_containers.py.

Names, labels, their order and the helps are its own, word for word: dashboards and alerts were written against them.
What no node knows is missing: a pod that was not given a node yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from prometheus_client.core import Metric

from tailrace.metrics.collector import Absent, Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import Host
from tailrace.metrics.labels import Labels
from tailrace.metrics.pod import Pod, Times
from tailrace.metrics.rendered import Given, Rendered

if TYPE_CHECKING:
    from tailrace.metrics.pods import Pods

_POD = ("namespace", "pod", "uid")
_PHASES = ("Pending", "Succeeded", "Failed", "Unknown", "Running")
_QOS = ("BestEffort", "Burstable", "Guaranteed")
_REASONS = ("Evicted", "NodeAffinity", "NodeLost", "Shutdown", "UnexpectedAdmissionError")
_CONDITIONS = ("true", "false", "unknown")


def _gauge(name: str, help: str, *labels: str) -> Described:
    return Described(f"kube_pod_{name}", "gauge", help, (*_POD, *labels))


INFO = _gauge(
    "info", "[STABLE] Information about pod.", "host_ip", "pod_ip", "node", "created_by_kind", "created_by_name",
    "priority_class", "host_network",
)  # fmt: skip
OWNER = _gauge(
    "owner", "[STABLE] Information about the Pod's owner.", "owner_kind", "owner_name", "owner_is_controller"
)
STARTED = _gauge("start_time", "[STABLE] Start time in unix timestamp for a pod.")
COMPLETED = _gauge("completion_time", "[STABLE] Completion time in unix timestamp for a pod.")
CREATED = _gauge("created", "[STABLE] Unix creation timestamp")
DELETED = _gauge("deletion_timestamp", "Unix deletion timestamp")
RESTART_POLICY = _gauge("restart_policy", "[STABLE] Describes the restart policy in use by this pod.", "type")
PHASE = _gauge("status_phase", "[STABLE] The pods current phase.", "phase")
QOS = _gauge("status_qos_class", "The pods current qosClass.", "qos_class")
READY = _gauge("status_ready", "[STABLE] Describes whether the pod is ready to serve requests.", "condition")
READY_SINCE = _gauge("status_ready_time", "Readiness achieved time in unix timestamp for a pod.")
REASON = _gauge("status_reason", "The pod status reasons", "reason")
SCHEDULED = _gauge(
    "status_scheduled", "[STABLE] Describes the status of the scheduling process for the pod.", "condition"
)
SCHEDULED_AT = _gauge("status_scheduled_time", "[STABLE] Unix timestamp when pod moved into scheduled status")
CLAIM = _gauge(
    "spec_volumes_persistentvolumeclaims_info",
    "[STABLE] Information about persistentvolumeclaim volumes in a pod.",
    "volume",
    "persistentvolumeclaim",
)
CLAIM_READ_ONLY = _gauge(
    "spec_volumes_persistentvolumeclaims_readonly",
    "[STABLE] Describes whether a persistentvolumeclaim is mounted read only.",
    "volume",
    "persistentvolumeclaim",
)


class KubePods(Collector):
    """This node's pods as kube-state-metrics shows them, from a watch; it waits for nothing."""

    name = "kube_pods"
    FAMILIES: ClassVar[tuple[Described, ...]] = (
        INFO, OWNER, STARTED, COMPLETED, CREATED, DELETED, RESTART_POLICY, PHASE, QOS, READY, READY_SINCE, REASON,
        SCHEDULED, SCHEDULED_AT, CLAIM, CLAIM_READ_ONLY,
    )  # fmt: skip

    def __init__(self, host: Host, pods: Pods) -> None:
        super().__init__(host)
        self._pods = pods
        self._rendered = Rendered(self.FAMILIES, samples)

    def collect(self) -> Iterator[Metric]:
        """Raises Absent, or behind the last family ValueError if what is known is old."""
        yield from collected(self._pods, self._rendered)


def collected(pods: Pods, rendered: Rendered[Pod]) -> Iterator[Metric]:
    """The pods' families, if we are to expose them. Raises Absent, or ValueError behind the last."""
    if pods.source == "off":
        raise Absent("this node is of no Kubernetes cluster that we were told of")
    if not pods.shown():
        raise Absent("kube-state-metrics exposes them, or kube_metrics is off")
    yield from rendered.metrics(pods.all())
    pods.check(pods.pods)


def unix(at: Times) -> float:
    """Seconds since 1970; 0 if there is no time."""
    return at.timestamp() if at else 0.0


def samples(pod: Pod) -> Given:
    """All that a pod gives."""
    about, spec, status = pod.metadata, pod.spec, pod.status
    base = {"namespace": about.namespace, "pod": about.name, "uid": about.uid}
    plain = Labels(base)
    controller = next((o for o in about.ownerReferences or () if o.controller), None)
    yield INFO, Labels(
        base, host_ip=status.hostIP, pod_ip=status.podIP, node=spec.nodeName,
        created_by_kind=controller.kind if controller else "", created_by_name=controller.name if controller else "",
        priority_class=spec.priorityClassName, host_network="true" if spec.hostNetwork else "false",
    ), 1.0  # fmt: skip
    for owner in about.ownerReferences or ():
        controls = "true" if owner.controller else "false"
        yield OWNER, Labels(base, owner_kind=owner.kind, owner_name=owner.name, owner_is_controller=controls), 1.0
    if not about.ownerReferences:
        yield OWNER, Labels(base, owner_kind="", owner_name="", owner_is_controller=""), 1.0
    ends = [unix(c.state.terminated.finishedAt) for c in status.containerStatuses or () if c.state.terminated]
    for family, at in (
        (STARTED, unix(status.startTime)), (COMPLETED, max(ends, default=0.0)),
        (CREATED, unix(about.creationTimestamp)), (DELETED, unix(about.deletionTimestamp)),
    ):  # fmt: skip
        if at:
            yield family, plain, at
    if spec.restartPolicy:
        yield RESTART_POLICY, Labels(base, type=spec.restartPolicy), 1.0
    if status.phase:
        yield from ((PHASE, Labels(base, phase=phase), float(status.phase == phase)) for phase in _PHASES)
    if status.qosClass:
        yield from ((QOS, Labels(base, qos_class=qos), float(status.qosClass == qos)) for qos in _QOS)
    for reason in _REASONS:
        yield REASON, Labels(base, reason=reason), float(reason in _reasons(pod))
    yield from _conditions(pod, base, plain)
    for volume in spec.volumes or ():
        if claim := volume.persistentVolumeClaim:
            labels = Labels(base, volume=volume.name, persistentvolumeclaim=claim.claimName)
            yield CLAIM, labels, 1.0
            yield CLAIM_READ_ONLY, labels, float(claim.readOnly)


def _reasons(pod: Pod) -> set[str]:
    status = pod.status
    ended = (c.state.terminated.reason for c in status.containerStatuses or () if c.state.terminated)
    return {status.reason, *(condition.reason for condition in status.conditions or ()), *ended}


def _conditions(pod: Pod, base: dict[str, str], plain: Labels) -> Given:
    each = tuple(Labels(base, condition=condition) for condition in _CONDITIONS)
    for condition in pod.status.conditions or ():
        found = {"Ready": (READY, READY_SINCE), "PodScheduled": (SCHEDULED, SCHEDULED_AT)}.get(condition.type)
        if found:
            said = condition.status.lower()
            yield from ((found[0], labels, float(labels["condition"] == said)) for labels in each)
            if said == "true" and condition.lastTransitionTime:
                yield found[1], plain, unix(condition.lastTransitionTime)
