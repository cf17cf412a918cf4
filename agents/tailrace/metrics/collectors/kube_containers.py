"""kube_containers: containers of this node's pods as kube-state-metrics (2.15) has them: kube_pod_container_* and
kube_pod_init_container_*.

A container that waits or ended has a series of why only for the reason that holds, so a reason that comes to an end
ends its series.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.collectors.kube_pods import collected, unix
from tailrace.metrics.described import Described, Kind
from tailrace.metrics.host import Host
from tailrace.metrics.labels import Labels
from tailrace.metrics.pod import Pod, Status, Wanted
from tailrace.metrics.quantity import amounts
from tailrace.metrics.rendered import Given, Rendered

if TYPE_CHECKING:
    from tailrace.metrics.pods import Pods

_CONTAINER = ("namespace", "pod", "uid", "container")
_IMAGES = ("image_spec", "image", "image_id", "container_id")
_RESOURCE = ("node", "resource", "unit")


class _Families(NamedTuple):
    """Of containers of one kind."""

    info: Described
    requests: Described
    limits: Described
    waiting: Described
    waiting_reason: Described
    running: Described
    terminated: Described
    terminated_reason: Described
    last_terminated_reason: Described
    ready: Described
    restarts: Described


def _family(word: str, name: str, help: str, *labels: str, kind: Kind = "gauge") -> Described:
    return Described(f"kube_pod_{word}_{name}", kind, help, (*_CONTAINER, *labels))


def _prefer(what: str) -> str:
    better = f"kube_pod_resource_{what}s"
    return f"It is recommended to use the {better} metric exposed by kube-scheduler instead, as it is more precise."


_ORDINARY = _Families(
    _family("container", "info", "[STABLE] Information about a container in a pod.", *_IMAGES),
    _family(
        "container", "resource_requests",
        f"The number of requested request resource by a container. {_prefer('request')}", *_RESOURCE,
    ),
    _family(
        "container", "resource_limits",
        f"The number of requested limit resource by a container. {_prefer('limit')}", *_RESOURCE,
    ),
    _family(
        "container", "status_waiting", "[STABLE] Describes whether the container is currently in waiting state."
    ),
    _family(
        "container", "status_waiting_reason",
        "[STABLE] Describes the reason the container is currently in waiting state.", "reason",
    ),
    _family(
        "container", "status_running", "[STABLE] Describes whether the container is currently in running state."
    ),
    _family(
        "container", "status_terminated", "[STABLE] Describes whether the container is currently in terminated state."
    ),
    _family(
        "container", "status_terminated_reason",
        "Describes the reason the container is currently in terminated state.", "reason",
    ),
    _family(
        "container", "status_last_terminated_reason",
        "Describes the last reason the container was in terminated state.", "reason",
    ),
    _family("container", "status_ready", "[STABLE] Describes whether the containers readiness check succeeded."),
    _family(
        "container", "status_restarts_total", "[STABLE] The number of container restarts per container.",
        kind="counter",
    ),
)  # fmt: skip
_INIT = _Families(
    _family(
        "init_container", "info", "[STABLE] Information about an init container in a pod.", *_IMAGES, "restart_policy"
    ),
    _family(
        "init_container", "resource_requests",
        "The number of requested request resource by an init container.", *_RESOURCE,
    ),
    _family(
        "init_container", "resource_limits", "The number of requested limit resource by an init container.", *_RESOURCE
    ),
    _family(
        "init_container", "status_waiting",
        "[STABLE] Describes whether the init container is currently in waiting state.",
    ),
    _family(
        "init_container", "status_waiting_reason",
        "Describes the reason the init container is currently in waiting state.", "reason",
    ),
    _family(
        "init_container", "status_running",
        "[STABLE] Describes whether the init container is currently in running state.",
    ),
    _family(
        "init_container", "status_terminated",
        "[STABLE] Describes whether the init container is currently in terminated state.",
    ),
    _family(
        "init_container", "status_terminated_reason",
        "Describes the reason the init container is currently in terminated state.", "reason",
    ),
    _family(
        "init_container", "status_last_terminated_reason",
        "Describes the last reason the init container was in terminated state.", "reason",
    ),
    _family(
        "init_container", "status_ready", "[STABLE] Describes whether the init containers readiness check succeeded."
    ),
    _family(
        "init_container", "status_restarts_total", "[STABLE] The number of restarts for the init container.",
        kind="counter",
    ),
)  # fmt: skip
STARTED = _family("container", "state_started", "[STABLE] Start time in unix timestamp for a pod container.")
LAST_EXIT_CODE = _family(
    "container", "status_last_terminated_exitcode",
    "Describes the exit code for the last container in terminated state.",
)  # fmt: skip
LAST_END = _family(
    "container", "status_last_terminated_timestamp", "Last terminated time for a pod container in unix timestamp."
)


class KubeContainers(Collector):
    """The containers of this node's pods as kube-state-metrics shows them, from the same watch."""

    name = "kube_containers"
    FAMILIES: ClassVar[tuple[Described, ...]] = (*_ORDINARY, STARTED, LAST_EXIT_CODE, LAST_END, *_INIT)

    def __init__(self, host: Host, pods: Pods) -> None:
        super().__init__(host)
        self._pods = pods
        self._rendered = Rendered(self.FAMILIES, samples)

    def collect(self) -> Iterator[Metric]:
        """Raises Absent, or behind the last family ValueError if what is known is old."""
        yield from collected(self._pods, self._rendered)


def samples(pod: Pod) -> Given:
    """All that a pod's containers give."""
    yield from _of_kind(_ORDINARY, pod, pod.spec.containers or (), pod.status.containerStatuses or ())
    yield from _of_kind(_INIT, pod, pod.spec.initContainers or (), pod.status.initContainerStatuses or ())


def _of_kind(families: _Families, pod: Pod, wanted: Sequence[Wanted], statuses: Sequence[Status]) -> Given:
    about = pod.metadata
    base = {"namespace": about.namespace, "pod": about.name, "uid": about.uid}
    each: dict[tuple[str, str], Labels] = {}
    for container in wanted:
        resources = container.resources
        for family, some in ((families.requests, resources.requests), (families.limits, resources.limits)):
            for resource, unit, much in amounts(some):
                key = container.name, resource
                if key not in each:
                    each[key] = Labels(
                        base, container=container.name, node=pod.spec.nodeName, resource=resource, unit=unit
                    )
                yield family, each[key], much
    by_name = {container.name: container for container in wanted}
    for status in statuses:
        yield from _of_one(families, base, status, by_name.get(status.name))


def _of_one(families: _Families, base: dict[str, str], status: Status, wanted: Wanted | None) -> Given:
    labels = Labels(base, container=status.name)
    more = {"restart_policy": wanted.restartPolicy if wanted else ""} if families is _INIT else {}
    yield families.info, Labels(
        labels, image_spec=wanted.image if wanted else "", image=status.image, image_id=status.imageID,
        container_id=status.containerID, **more,
    ), 1.0  # fmt: skip
    now, last = status.state, status.lastState.terminated
    yield families.waiting, labels, float(now.waiting is not None)
    if now.waiting and now.waiting.reason:
        yield families.waiting_reason, Labels(labels, reason=now.waiting.reason), 1.0
    yield families.running, labels, float(now.running is not None)
    yield families.terminated, labels, float(now.terminated is not None)
    if now.terminated and now.terminated.reason:
        yield families.terminated_reason, Labels(labels, reason=now.terminated.reason), 1.0
    if last and last.reason:
        yield families.last_terminated_reason, Labels(labels, reason=last.reason), 1.0
    yield families.ready, labels, float(status.ready)
    yield families.restarts, labels, float(status.restartCount)
    if families is _ORDINARY:
        begun = now.running or now.terminated
        if begun and begun.startedAt:
            yield STARTED, labels, unix(begun.startedAt)
        if last:
            yield LAST_EXIT_CODE, labels, float(last.exitCode)
            if last.finishedAt:
                yield LAST_END, labels, unix(last.finishedAt)
