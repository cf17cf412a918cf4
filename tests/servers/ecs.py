"""ecs: a double of a task's metadata endpoint (versions 4, 3 and 2), as Fargate's and the EC2 agent's answer.

    with EcsDouble() as ecs:
        ecs.environ(), ecs.environ(3)           # the variables that ECS gives a container
        ecs.task, ecs.stats                     # what is answered: change it as a test needs
        ecs.faults.append(Answer(429))          # once: throttled

Stats are Docker's. What it does as ECS does: a container that has not started has null for its stats; parts of stats
that the platform lacks are empty or null; of all containers of an awsvpc task the network's counters are the same.
"""

from __future__ import annotations

import json
from typing import Any

from tests.servers.answering import Answer, Answering, Asked

CLUSTER = "arn:aws:ecs:eu-west-1:111122223333:cluster/prod"
TASK = "cd189a933e5849daa93386466019ab50"
NO_LIMIT = 9223372036854771712


def container(name: str, number: int, **more: Any) -> dict[str, Any]:
    """A container of the task's metadata on Fargate."""
    return {
        "DockerId": f"{TASK}-{number}", "Name": name, "DockerName": name, "Image": f"registry.example/{name}:1",
        "ImageID": f"sha256:{number}", "Labels": {"com.amazonaws.ecs.cluster": CLUSTER}, "DesiredStatus": "RUNNING",
        "KnownStatus": "RUNNING", "Limits": {"CPU": 256, "Memory": 512}, "CreatedAt": "2026-11-20T22:22:40.123456789Z",
        "StartedAt": "2026-11-20T22:22:42.5Z", "Type": "NORMAL",
        "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.1.7"], "AttachmentIndex": 0}], **more,
    }  # fmt: skip


def stats(seconds: float = 12.5, received: int = 1000, version: int = 1) -> dict[str, Any]:
    """A container's stats. seconds: of CPU. received: bytes. version: of control groups."""
    first = {
        "cache": 22437888, "rss": 33386496, "total_cache": 22437888, "total_rss": 33386496, "total_mapped_file": 135168,
        "total_active_file": 18788352, "total_inactive_file": 3514368, "pgfault": 100, "pgmajfault": 1,
        "total_pgfault": 128502, "total_pgmajfault": 2,
    }  # fmt: skip
    second = {
        "anon": 33386496, "file": 22437888, "file_mapped": 135168, "active_file": 18788352, "inactive_file": 3514368,
        "slab_reclaimable": 4096, "slab_unreclaimable": 8192, "pgfault": 128502, "pgmajfault": 2,
    }  # fmt: skip
    words = ("Read", "Write") if version == 1 else ("read", "write")

    def device(major: int, minor: int, read: int, written: int) -> list[dict[str, Any]]:
        each = ((words[0], read), (words[1], written))
        return [{"major": major, "minor": minor, "op": op, "value": n} for op, n in each]

    return {
        "read": "2026-11-20T22:30:00.123456789Z", "preread": "2026-11-20T22:29:59.1Z",
        "pids_stats": {"current": 7} if version == 2 else {}, "num_procs": 0, "storage_stats": {},
        "blkio_stats": {
            "io_service_bytes_recursive": [*device(202, 26368, 4096, 512), *device(259, 1, 100, 200)],
            "io_serviced_recursive": [
                *device(202, 26368, 4, 2), {"major": 202, "minor": 26368, "op": "Total", "value": 6}
            ],
            "io_queue_recursive": None,
        },
        "cpu_stats": {
            "cpu_usage": {
                "total_usage": int(seconds * 1e9), "percpu_usage": [1, 2], "usage_in_kernelmode": 2_000_000_000,
                "usage_in_usermode": 10_000_000_000,
            },
            "system_cpu_usage": 3951680000000, "online_cpus": 2,
            "throttling_data": {"periods": 30, "throttled_periods": 3, "throttled_time": 1_500_000_000},
        },
        "precpu_stats": {"cpu_usage": {"total_usage": 0}},
        "memory_stats": {
            "usage": 60_000_000, "max_usage": 70_000_000, "limit": NO_LIMIT, "stats": first if version == 1 else second,
        },
        "networks": {"eth1": {
            "rx_bytes": received, "rx_packets": 10, "rx_errors": 1, "rx_dropped": 2, "tx_bytes": 500, "tx_packets": 5,
            "tx_errors": 3, "tx_dropped": 4,
        }},
        "network_rate_stats": {"rx_bytes_per_sec": 12.0, "tx_bytes_per_sec": 15.0},
    }  # fmt: skip


class EcsDouble(Answering):
    """One task of two containers, and a third that has not started."""

    def __init__(self) -> None:
        super().__init__()
        self.task: dict[str, Any] = {
            "Cluster": CLUSTER, "TaskARN": f"arn:aws:ecs:eu-west-1:111122223333:task/prod/{TASK}", "Family": "web",
            "ServiceName": "storefront", "Revision": "3", "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING",
            "Limits": {"CPU": 0.5, "Memory": 1024}, "AvailabilityZone": "eu-west-1a", "LaunchType": "FARGATE",
            "ClockDrift": {"ClockErrorBound": 0.5}, "EphemeralStorageMetrics": {"Utilized": 261, "Reserved": 20496},
            "Containers": [
                container("nginx", 1), container("agent", 2, Limits={"CPU": 0}),
                container("late", 3, KnownStatus="PENDING", StartedAt=None),
            ],
        }  # fmt: skip
        self.stats: dict[str, Any] = {f"{TASK}-1": stats(), f"{TASK}-2": stats(1.0, 1010), f"{TASK}-3": None}
        self.body: bytes | None = None  # of the stats, instead

    def environ(self, version: int = 4) -> dict[str, str]:
        """What the container's environment has."""
        name = {4: "ECS_CONTAINER_METADATA_URI_V4", 3: "ECS_CONTAINER_METADATA_URI"}[version]
        return {name: f"{self.url}/v{version}/{TASK}-2"}

    def answer(self, asked: Asked) -> Answer:
        _, version, *rest = asked.path.split("/")
        what = "/".join(rest[1:] if version in ("v4", "v3") else rest)
        if what in ("task", "metadata"):
            task = self.task
            if version == "v2":  # it is older than services, and has names for ARNs
                task = {k: v for k, v in task.items() if k not in ("ServiceName", "LaunchType")} | {"Cluster": "prod"}
            return Answer(200, json.dumps(task).encode())
        if what in ("task/stats", "stats"):
            return Answer(200, json.dumps(self.stats).encode() if self.body is None else self.body)
        return Answer(404, b"404 page not found")
