"""event: an event's fields to its text: EMF of version 0, whose directives stand at the root, as the CloudWatch agent
writes it and as Container Insights' own pages read it.

Which fields are metrics of CloudWatch's, and by which dimension sets, is DECLARED; all other fields are for Logs
Insights alone. Each dimension set with other values is one metric on the bill: `enhanced` adds many.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

Level = Literal["basic", "enhanced"]
Sets = tuple[tuple[str, ...], ...]
NAMESPACE = "ContainerInsights"


@dataclass(frozen=True)
class Declaration:
    """Fields of events of one type that are metrics, by these dimension sets. names: a pattern."""

    type: str
    sets: Sets
    names: str
    level: Level = "basic"


_CLUSTER: tuple[str, ...] = ("ClusterName",)
_NODE = ("NodeName", "InstanceId", "ClusterName")
_POD = ("PodName", "Namespace", "ClusterName")
_SERVICE = ("Service", "Namespace", "ClusterName")
_FULL = ("FullPodName", "PodName", "Namespace", "ClusterName")
_CONTAINER = ("ContainerName", "FullPodName", "PodName", "Namespace", "ClusterName")
_CONTAINER_OF_ALL = ("ContainerName", "PodName", "Namespace", "ClusterName")

_PER_NODE: Sets = (_NODE, _CLUSTER)
_PER_POD: Sets = (_POD, _CLUSTER, _SERVICE, ("ClusterName", "Namespace"))
_EACH_POD: Sets = (_POD, _CLUSTER, _FULL)

DECLARED = (
    Declaration(
        "Node", _PER_NODE,
        r"node_(cpu|memory)_(utilization|reserved_capacity)|node_network_total_bytes|"
        r"node_number_of_running_(pods|containers)",
    ),
    Declaration("Node", (_CLUSTER,), r"node_cpu_(usage_total|limit)|node_memory_(working_set|limit)"),
    Declaration("NodeFS", _PER_NODE, r"node_filesystem_utilization"),
    Declaration(
        "Pod", _PER_POD,
        r"pod_(cpu|memory)_utilization(_over_pod_limit)?|pod_network_[rt]x_bytes",
    ),
    Declaration("Pod", (_POD, _CLUSTER), r"pod_(cpu|memory)_reserved_capacity"),
    Declaration("Pod", (_POD,), r"pod_number_of_container_restarts"),
    Declaration(
        "Node", _PER_NODE,
        r"node_status_(condition_(ready|disk_pressure|memory_pressure|pid_pressure|network_unavailable|unknown)|"
        r"capacity_pods|allocatable_pods)",
        "enhanced",
    ),
    Declaration("NodeNet", _PER_NODE, r"node_interface_network_[rt]x_dropped", "enhanced"),
    Declaration("NodeDiskIO", _PER_NODE, r"node_diskio_io_service(d|_bytes)_total", "enhanced"),
    Declaration("NodeFS", _PER_NODE, r"node_filesystem_inodes(_free)?", "enhanced"),
    Declaration(
        "Pod", (_FULL,),
        r"pod_(cpu|memory)_(utilization(_over_pod_limit)?|reserved_capacity)|pod_network_[rt]x_bytes|"
        r"pod_number_of_container_restarts",
        "enhanced",
    ),
    Declaration(
        "Pod", _EACH_POD,
        r"pod_number_of_(running_)?containers|"
        r"pod_status_(ready|scheduled|running|pending|failed|unknown|succeeded)|"
        r"pod_memory_(request|limit|working_set)|pod_cpu_(limit|request|usage_total)|"
        r"pod_container_status_(running|terminated|waiting)|pod_container_status_waiting_reason_\w+|"
        r"pod_container_status_terminated_reason_oom_killed",
        "enhanced",
    ),
    Declaration("PodNet", _EACH_POD, r"pod_interface_network_[rt]x_dropped", "enhanced"),
    Declaration(
        "Container", (_CLUSTER, _CONTAINER, _CONTAINER_OF_ALL),
        r"container_(cpu|memory)_(utilization(_over_container_limit)?|limit|request)|container_memory_failures_total",
        "enhanced",
    ),
    Declaration(
        "ContainerFS", (_CLUSTER, _CONTAINER, _CONTAINER_OF_ALL),
        r"container_filesystem_(usage|available|utilization)", "enhanced",
    ),
)  # fmt: skip

# By the end of a field's name; the first that matches. None: CloudWatch has no unit for it (millicores).
_UNITS: tuple[tuple[str, str | None], ...] = (
    (r"utilization(_over_\w+)?|reserved_capacity", "Percent"),
    (r"_cpu_\w+", None),
    (r"_network_\w*bytes|_io_service_bytes_\w+", "Bytes/Second"),
    (r"_(packets|errors|dropped)|_io_serviced_\w+|_pg(maj)?fault|_memory_failures_total", "Count/Second"),
    (r"_memory_failcnt|_inodes(_free)?|_number_of_\w+|_status_\w+", "Count"),
    (r"_memory_\w+|_filesystem_\w+", "Bytes"),
)


def unit(name: str) -> str | None:
    """The unit of a metric; None if it has none."""
    return next((unit for end, unit in _UNITS if re.search(f"(?:{end})$", name)), None)


class Events:
    """Makes events of one node. common: what each says: ClusterName, NodeName, InstanceId …"""

    def __init__(self, common: Mapping[str, str], level: Level) -> None:
        self._common = {name: value for name, value in common.items() if value}
        levels = ("basic",) if level == "basic" else ("basic", "enhanced")
        self._declared = [
            (one.type, one.sets, re.compile(f"(?:{one.names})$")) for one in DECLARED if one.level in levels
        ]
        self._made: dict[tuple[str, frozenset[str]], list[dict[str, Any]]] = {}

    def event(
        self, type: str, at: float, sources: tuple[str, ...], fields: Mapping[str, float | str],
        more: Mapping[str, Any] | None = None,
    ) -> bytes:  # fmt: skip
        """One event's JSON. fields: numbers and texts. more: the rest of the envelope, dimensions among it."""
        numbers = {name: value for name, value in fields.items() if isinstance(value, str) or isfinite(value)}
        about = {**self._common, **(more or {})}
        body = {
            "Version": "0", "Type": type, "Timestamp": str(int(at * 1000)), "Sources": list(sources), **about,
            **{name: _short(value) for name, value in numbers.items()},
        }  # fmt: skip
        metrics = frozenset(name for name, value in numbers.items() if not isinstance(value, str))
        if directives := self._directives(type, metrics, about):
            body["CloudWatchMetrics"] = directives
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")

    def _directives(self, type: str, fields: frozenset[str], about: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What of the fields is a metric. A dimension set with a name that the event does not have is left out; of a
        node whose instance is not known the name alone stands for it."""
        key = (type, frozenset((*fields, *about)))
        if key not in self._made:
            if len(self._made) > 1000:  # of a node there are some tens
                self._made.clear()
            self._made[key] = list(self._new(type, fields, about))
        return self._made[key]

    def _new(self, type: str, fields: frozenset[str], about: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for of, sets, names in self._declared:
            found = sorted(name for name in fields if names.match(name)) if of == type else []
            there = [
                [name for name in one if name != "InstanceId" or name in about]
                for one in sets
                if all(name in about or name == "InstanceId" for name in one)
            ]
            if found and there:
                metrics = [{"Name": name, **({"Unit": u} if (u := unit(name)) else {})} for name in found]
                yield {"Namespace": NAMESPACE, "Dimensions": there, "Metrics": metrics}


def _short(value: float | str) -> float | int | str:
    """A number in as few characters as say it: each event is paid for by the byte."""
    if isinstance(value, str):
        return value
    return int(value) if float(value).is_integer() else float(f"{value:.9g}")
