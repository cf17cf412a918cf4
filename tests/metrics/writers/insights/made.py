"""made: looks at a node with two pods, as AWS's documentation of Container Insights computes it: four cores, of which
three are used; requests of 1 and 0.5 cores; a pod that uses two, of which one container has no limit.
"""

from __future__ import annotations

import json
from typing import Any

from prometheus_client.core import Metric

from tailrace.metrics.labels import Labels
from tailrace.metrics.writers.insights.events import NodeEvents
from tailrace.metrics.writers.insights.look import Look
from tests.metrics.writers.made import AT, family

Row = tuple[str, dict[str, str], float]
GIB = 2.0**30
COMMON = {"ClusterName": "c1", "NodeName": "n1", "InstanceType": "m7g.xlarge", "AutoScalingGroupName": ""}
POD = {"namespace": "shop", "pod": "web-7c9f8d6b5-x2x4z", "uid": "u1"}
APP = {"namespace": "shop", "pod": POD["pod"], "container": "app"}
SIDE = APP | {"container": "side"}
JOB = {"namespace": "jobs", "pod": "nightly-29400000-abcde"}


def node(seconds: float) -> list[Row]:
    """What is of the node, so long after the first look."""
    rows: list[Row] = []
    for cpu in range(4):  # three of four cores are busy, a fifth of that in the kernel
        for mode, part in (("user", 0.55), ("system", 0.15), ("nice", 0.05), ("idle", 0.2), ("iowait", 0.05)):
            rows.append(("node_cpu_seconds_total", {"cpu": str(cpu), "mode": mode}, 100 + part * seconds))
    for name, gib in (
        ("MemTotal", 16), ("AnonPages", 3), ("Cached", 4), ("Buffers", 1), ("SwapCached", 0), ("Inactive_file", 2),
        ("Mapped", 0.5), ("SwapTotal", 1), ("SwapFree", 0.75),
    ):  # fmt: skip
        rows.append((f"node_memory_{name}_bytes", {}, gib * GIB))
    rows += [("node_vmstat_pgfault", {}, 50 * seconds), ("node_vmstat_pgmajfault", {}, 2 * seconds)]
    for device in ("eth0", "lo", "veth12"):
        for way, each in (("receive", 1000.0), ("transmit", 500.0)):
            rows.append((f"node_network_{way}_bytes_total", {"device": device}, each * seconds))
            rows.append((f"node_network_{way}_packets_total", {"device": device}, each * seconds / 100))
            rows.append((f"node_network_{way}_drop_total", {"device": device}, seconds))
            rows.append((f"node_network_{way}_errs_total", {"device": device}, 0.0))
    for device, reads in (("nvme0n1", 10.0), ("nvme1n1", 1000.0)):
        count = reads * (seconds + 5000)
        for name, factor in (
            ("reads_completed", 1), ("writes_completed", 2), ("read_bytes", 4096), ("written_bytes", 8192),
        ):  # fmt: skip
            rows.append((f"node_disk_{name}_total", {"device": device}, factor * count))
    for device, mount, free in (
        ("/dev/nvme0n1p1", "/", 60.0),
        ("/dev/nvme0n1p1", "/var/lib/x", 60.0),
        ("nfs:/x", "/m", 1.0),
    ):
        labels = {"device": device, "mountpoint": mount, "fstype": "xfs"}
        for name, value in (
            ("size_bytes", 80.0),
            ("free_bytes", free),
            ("avail_bytes", 55.0),
            ("files", 1000.0),
            ("files_free", 900.0),
        ):
            rows.append((f"node_filesystem_{name}", labels, value * (GIB if "bytes" in name else 1)))
    rows.append(("kube_node_info", {"node": "n1", "provider_id": "aws:///eu-west-1a/i-0123456789abcdef0"}, 1.0))
    for condition, good in (
        ("Ready", True),
        ("DiskPressure", False),
        ("MemoryPressure", False),
        ("PIDPressure", False),
    ):
        for status in ("true", "false", "unknown"):
            value = float(status == ("true" if good else "false"))
            rows.append(("kube_node_status_condition", {"node": "n1", "condition": condition, "status": status}, value))
    for what, count in (("capacity", 110.0), ("allocatable", 100.0)):
        rows.append((f"kube_node_status_{what}", {"node": "n1", "resource": "pods", "unit": "integer"}, count))
    return rows


def pods(seconds: float, restarts: float = 3.0) -> list[Row]:
    """What is of its pods."""
    rows: list[Row] = [
        ("kube_pod_info", POD | {"created_by_kind": "ReplicaSet", "created_by_name": "web-7c9f8d6b5"}, 1.0),
        ("kube_pod_info", JOB | {"uid": "u2", "created_by_kind": "Job", "created_by_name": "nightly-29400000"}, 1.0),
        ("kube_pod_status_phase", POD | {"phase": "Running"}, 1.0),
        ("kube_pod_status_phase", POD | {"phase": "Failed"}, 0.0),
        ("kube_pod_status_phase", JOB | {"phase": "Succeeded"}, 1.0),
        ("kube_pod_status_ready", POD | {"condition": "true"}, 1.0),
        ("kube_pod_status_scheduled", POD | {"condition": "true"}, 1.0),
    ]  # fmt: skip
    for labels, cores, gib in ((APP, 1.0, 2.0), (SIDE, 0.5, 1.0)):
        rows.append(("kube_pod_container_info", labels | {"image": "web:1"}, 1.0))
        rows.append(("kube_pod_container_resource_requests", labels | {"resource": "cpu", "unit": "core"}, cores))
        rows.append(
            ("kube_pod_container_resource_requests", labels | {"resource": "memory", "unit": "byte"}, gib * GIB)
        )
        rows.append(("kube_pod_container_status_running", labels, float(labels is APP)))
        rows.append(("kube_pod_container_status_waiting", labels, float(labels is SIDE)))
        rows.append(("kube_pod_container_status_restarts_total", labels, restarts if labels is SIDE else 0.0))
    rows.append(("kube_pod_container_status_waiting_reason", SIDE | {"reason": "CrashLoopBackOff"}, 1.0))
    rows.append(("kube_pod_container_status_last_terminated_reason", SIDE | {"reason": "OOMKilled"}, 1.0))
    rows.append(("kube_pod_container_resource_limits", APP | {"resource": "cpu", "unit": "core"}, 2.0))
    rows.append(
        ("kube_pod_container_resource_limits", JOB | {"container": "j", "resource": "cpu", "unit": "core"}, 64.0)
    )
    rows.append(
        ("kube_pod_container_resource_requests", JOB | {"container": "j", "resource": "cpu", "unit": "core"}, 3.0)
    )
    for labels, group, image, cores in (
        (APP | {"container": ""}, "", "", 2.0), (APP | {"container": ""}, "s" * 64, "pause", 0.01),
        (APP, "a" * 64, "web:1", 1.5),
    ):  # fmt: skip
        own = labels | {"id": f"/kubepods/podu1/{group}", "name": group, "image": image}
        rows.append(("container_cpu_usage_seconds_total", own | {"cpu": "total"}, 50 + cores * seconds))
        rows.append(("container_cpu_user_seconds_total", own, 40 + cores * seconds / 2))
        rows.append(("container_memory_usage_bytes", own, 3 * GIB))
        rows.append(("container_memory_working_set_bytes", own, 2 * GIB))
        rows.append(("container_memory_rss", own, GIB))
        for scope in ("container", "hierarchy"):
            rows.append(
                ("container_memory_failures_total", own | {"failure_type": "pgfault", "scope": scope}, 30 * seconds)
            )
            rows.append(
                ("container_memory_failures_total", own | {"failure_type": "pgmajfault", "scope": scope}, 3 * seconds)
            )
    sandbox = APP | {"container": "", "id": "/kubepods/podu1/s", "name": "s" * 64, "image": "pause"}
    for interface, each in (("eth0", 100.0), ("eth1", 10.0)):
        for way in ("receive", "transmit"):
            rows.append((f"container_network_{way}_bytes_total", sandbox | {"interface": interface}, each * seconds))
            rows.append((f"container_network_{way}_packets_dropped_total", sandbox | {"interface": interface}, seconds))
    return rows


def metrics(rows: list[Row]) -> list[Metric]:
    """The rows as families."""
    by: dict[str, list[tuple[Labels, float]]] = {}
    for name, labels, value in rows:
        by.setdefault(name, []).append((Labels(labels), value))
    return [family(name, "counter" if name.endswith("_total") else "gauge", *some) for name, some in by.items()]


def events(*looks: list[Row], level: Any = "basic", common: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """The events of the last of these looks, a minute apart."""
    made = NodeEvents("n1", common or COMMON, level)
    for n, rows in enumerate(looks):
        last = [json.loads(event) for event in made.of(Look(metrics(rows), AT + 60 * n))]
    return last


def of(found: list[dict[str, Any]], type: str, **where: str) -> dict[str, Any]:
    """The one event of that type and those fields."""
    (event,) = (e for e in found if e["Type"] == type and all(e.get(k) == v for k, v in where.items()))
    return event


def fields(event: dict[str, Any], *names: str) -> list[Any]:
    """The values of fields, rounded to what a double says for sure, None for what is missing."""
    return [round(v, 6) if isinstance(v := event.get(name), float) else v for name in names]


def declared(event: dict[str, Any]) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Each metric of an event to its dimension sets."""
    out: dict[str, tuple[tuple[str, ...], ...]] = {}
    for directive in event.get("CloudWatchMetrics", ()):
        assert directive["Namespace"] == "ContainerInsights"
        for metric in directive["Metrics"]:
            out[metric["Name"]] = out.get(metric["Name"], ()) + tuple(tuple(one) for one in directive["Dimensions"])
    return out
