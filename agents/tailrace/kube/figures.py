"""figures: what the agent tells of its pods' metadata on /metrics, once; its values as of now, out."""

from __future__ import annotations

from collections.abc import Mapping

PREFIX = "tailrace_log_"
RESOURCES = (
    ("pods", "the watch of this node's pods"),
    ("namespaces", "the watch of namespaces"),
    ("kubelet", "the kubelet's /pods"),
)
# By resource, as the watches and the kubelet's client count them.
COUNTERS = (
    ("list_requests", "Lists that were asked for: one at the start, one after each time a watch can't be resumed."),
    ("watch_requests", "Watches that were opened: the API server ends each after some minutes."),
    ("list_bytes", "Bytes of lists, unpacked."),
    ("watch_bytes", "Bytes of watches, unpacked."),
    ("events", "Changes that watches told of."),
    ("relists", "Lists because the API server no longer knew from where the watch was to go on (410)."),
    ("failures", "Requests that were not answered as they should be."),
    ("skipped", "Objects that could not be read and were passed over."),
)
GAUGES = (
    ("kube_synced", "Whether the pods of this node are known as they are now: 0 while nobody answers."),
    ("kube_pods", "Pods that are known, those that are gone and still read included."),
    ("kube_namespaces", "Namespaces that are known."),
    ("kube_waiting_pods", "Pods whose first lines wait until the pod is known."),
    ("kube_unknown_pods_total", "Pods that did not become known in time: their lines went with meta_missing."),
)
_OF_KUBELET = {"kubelet_requests": "list_requests", "kubelet_bytes": "list_bytes"}

Figures = dict[str, dict[tuple[str, ...], float]]  # by metric, then by the label values


def figures(
    synced: bool, pods: int, namespaces: int, missing: Mapping[str, int], counters: Mapping[str, int]
) -> Figures:
    """The values. missing, counters: Metadata.missing and State.counters."""
    plain = (synced, pods, namespaces, missing["waiting"], missing["given_up"])
    out: Figures = {f"{PREFIX}{name}": {(): float(v)} for (name, _), v in zip(GAUGES, plain, strict=True)}
    for counter, value in counters.items():
        resource, _, what = counter.partition("_")
        what = _OF_KUBELET.get(counter, what)
        out.setdefault(f"{PREFIX}kube_{what}_total", {})[(resource,)] = value
    return out
