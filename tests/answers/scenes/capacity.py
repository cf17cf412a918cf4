"""capacity: what is requested and what is used, who has no limits, and a node that runs out of room.

Three looks at node-f, at 21:00:05, 21:30:05 and 22:00:05 (3600 s).

    over    two pods, each wants 2 cores and 4096 MiB (so say the exporter's metrics) and uses 0.1 cores (180 s a step)
            and at most 512 MiB: idle 4 - 0.2 = 3.8 cores, 8192 - 1024 = 7168 MiB; has all requests and limits
    tight   wants 250m and 256Mi (so say its states), uses 0.5 cores and 300 MiB; has no CPU limit
    bare    wants nothing, uses 0.25 cores and 100 MiB, and may use all
    gone    had no limits either, and was deleted

The disk `/`: 100 GiB, of which 40, 30 and 20 are left: 80 % used, 20 GiB an hour, full in 1 hour. /data: 150 of 200 GiB
are left all the time: not listed. The claim db-0: 0.5 of 10 GiB left, 95 %, no growth.

Pressure: in the step to 21:30 processes waited for CPU 90 s of 1800 (5 %), for memory 18 s (1 %), for disks 0; in the
step to 22:00 9 s (0.5 %), 180 s (10 %) and 360 s (20 %), MemoryPressure was true and the node not ready. A look belongs
to the stretch of 30 minutes that it begins. Two CPUs were idle for 900 s each in the first step and for 180 s in the
second, of 3600 s: 70 % busy, at most 90 %. Memory: 16 GiB, of which 8, 4 and 2 are available: 87.5 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tests.answers.scene import Container, Event, Pod, Sample, Scene, State, at

SPACE, NODE, MIB, GIB = "fleet", "node-f", 2.0**20, 2.0**30
OVER, TIGHT, BARE = ("over-7f8c9-aaaaa", "over-7f8c9-bbbbb"), "tight-5d6e7-ccccc", "bare-4c5d6-ddddd"
GONE = "gone-3b4c5-eeeee"
WHOLE = {"cpu": "2", "memory": "4Gi"}
# Pod, CPU seconds a step, MiB at the three looks.
USES = (
    (OVER[0], 180.0, (400, 512, 300)),
    (OVER[1], 180.0, (512, 100, 100)),
    (TIGHT, 900.0, (200, 250, 300)),
    (BARE, 450.0, (100, 100, 100)),
)
# Available bytes of each disk at the three looks.
DISKS = (("/", 100, (40, 30, 20)), ("/data", 200, (150, 150, 150)))


def samples() -> Iterator[Sample]:
    """The three looks."""
    for look in range(3):
        moment = at("21:00:05") + timedelta(minutes=30 * look)
        for pod, step, used in USES:
            whose = {"namespace": SPACE, "pod": pod, "container": "main"}
            of = {"id": f"/kubepods/{pod}"}
            spent = 7 + step * look
            yield Sample(
                moment,
                NODE,
                "container_cpu_usage_seconds_total",
                spent,
                {**of, "cpu": "total"},
                type="counter",
                **whose,
            )
            yield Sample(moment, NODE, "container_memory_working_set_bytes", used[look] * MIB, of, **whose)
        for pod in OVER:
            whose = {"namespace": SPACE, "pod": pod, "container": "main"}
            for resource, unit, value in (("cpu", "core", 2.0), ("memory", "byte", 4096 * MIB)):
                of = {"resource": resource, "unit": unit, "node": NODE, "uid": f"uid-{pod}"}
                yield Sample(moment, NODE, "kube_pod_container_resource_requests", value, of, **whose)
        for mountpoint, size, left in DISKS:
            of = {"device": "/dev/nvme0n1", "fstype": "xfs", "mountpoint": mountpoint}
            yield Sample(moment, NODE, "node_filesystem_size_bytes", size * GIB, of)
            yield Sample(moment, NODE, "node_filesystem_avail_bytes", left[look] * GIB, of)
        claim = {"persistentvolumeclaim": "db-0"}
        yield Sample(moment, NODE, "kubelet_volume_stats_capacity_bytes", 10 * GIB, claim, namespace=SPACE)
        yield Sample(moment, NODE, "kubelet_volume_stats_available_bytes", 0.5 * GIB, claim, namespace=SPACE)
        yield from node(look)


def node(look: int) -> Iterator[Sample]:
    """Of the node itself."""
    moment = at("21:00:05") + timedelta(minutes=30 * look)
    for what, values in (("cpu", (10, 100, 109)), ("memory", (0, 18, 198)), ("io", (5, 5, 365))):
        yield Sample(moment, NODE, f"node_pressure_{what}_waiting_seconds_total", values[look], type="counter")
    for condition, true in (("Ready", (1, 1, 0)), ("MemoryPressure", (0, 0, 1)), ("DiskPressure", (0, 0, 0))):
        for status in ("true", "false", "unknown"):
            value = float(true[look] == (status == "true") and status != "unknown")
            yield Sample(
                moment, NODE, "kube_node_status_condition", value,
                {"node": NODE, "condition": condition, "status": status},
            )  # fmt: skip
    for cpu in ("0", "1"):
        for mode, values in (("idle", (50, 950, 1130)), ("user", (10, 910, 2530))):
            of = {"cpu": cpu, "mode": mode}
            yield Sample(moment, NODE, "node_cpu_seconds_total", values[look], of, type="counter")
    yield Sample(moment, NODE, "node_load1", (0.5, 1.25, 3.75)[look])
    yield Sample(moment, NODE, "node_memory_MemTotal_bytes", 16 * GIB)
    yield Sample(moment, NODE, "node_memory_MemAvailable_bytes", (8, 4, 2)[look] * GIB)


def pod(name: str, requests: dict[str, str], limits: dict[str, str]) -> Pod:
    """A pod of a Deployment."""
    workload = name.split("-")[0]
    main = Container("main", image=f"{workload}:1")
    return Pod(SPACE, name, NODE, (main,), "Deployment", workload, requests=requests, limits=limits)


SCENE = Scene(
    "capacity",
    pods=(
        *(pod(name, WHOLE, WHOLE) for name in OVER),
        pod(TIGHT, {"cpu": "250m", "memory": "256Mi"}, {"memory": "512Mi"}),
        pod(BARE, {}, {}),
        pod(GONE, {}, {}),
    ),
    states=(
        *(State(at("21:01"), name, start_at=at("21:00:30")) for name in (*OVER, TIGHT, BARE, GONE)),
        State(at("21:20"), GONE, phase="Deleted", start_at=at("21:00:30")),
    ),
    events=(
        Event(
            at("21:58:00"), "", "Node", NODE, "Warning", "EvictionThresholdMet", "Attempting to reclaim memory",
            count=3, first_at=at("21:52:00"),
        ),
        Event(
            at("21:59:30"), "", "Node", NODE, "Normal", "NodeNotReady", f"Node {NODE} status is now: NodeNotReady",
            reporter="node-controller",
        ),
    ),
    samples=tuple(samples()),
)  # fmt: skip
