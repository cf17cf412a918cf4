"""fakes: an API server in, a cluster of many nodes and pods that are none out, and what its agents asked of it.

The agents are the real thing (kube/metadata.py), many of them in one process.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tailrace.kube.metadata import Metadata
from tailrace.kube.settings import KubeSettings
from tests.servers.kubernetes import AGENT, Kubernetes

NODES, PODS = 100, 30  # pods of one node
NAMESPACES = 20


def nodes() -> Iterator[dict[str, Any]]:
    for n in range(NODES):
        yield {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"fake-{n}"}}


def pod(node: int, number: int, generation: int = 0) -> dict[str, Any]:
    """A pod of a Deployment, of some four KB, as they are."""
    name, label = f"app-{number}", f"{generation:010x}"
    variables = [{"name": f"SETTING_{n}", "value": f"value of setting {n} of the program {name}"} for n in range(30)]
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-{label}", "uid": "0", "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{name}-{label}-{node:05}",
            "namespace": f"team-{number % NAMESPACES}",
            "labels": {"app": name, "pod-template-hash": label, "app.kubernetes.io/version": "1.2.3"},
            "ownerReferences": [owner],
        },
        "spec": {
            "nodeName": f"fake-{node}",
            "containers": [{"name": "app", "image": f"example.com/{name}:1.2.3", "env": variables}],
        },
    }


def fill(cluster: Kubernetes) -> None:
    """All nodes, and their pods."""
    for number in range(NAMESPACES):
        cluster.namespace(f"team-{number}")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(cluster.create, nodes()))
        list(pool.map(cluster.create, (pod(node, number) for node in range(NODES) for number in range(PODS))))


def replace_some(cluster: Kubernetes, numbers: range) -> int:
    """Roll out these apps on every node: the old pod goes, a new one comes. How many pods that is."""

    def one(node: int, number: int) -> None:
        about = pod(node, number)["metadata"]
        cluster.delete(f"/api/v1/namespaces/{about['namespace']}/pods/{about['name']}")
        cluster.create(pod(node, number, generation=1))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda pair: one(*pair), [(node, number) for node in range(NODES) for number in numbers]))
    return NODES * len(numbers)


def all_run(cluster: Kubernetes) -> bool:
    """Whether every pod is Running. Asks for one that is not, because all of them are many megabytes."""
    return not cluster.get("/api/v1/pods?limit=1&fieldSelector=status.phase!%3DRunning")["items"]


def agents(cluster: Kubernetes, folder: Path, jitter: float) -> list[Metadata]:
    """One for each node, not started. jitter: seconds within which they begin."""
    kubeconfig = folder / "agents-kubeconfig"
    kubeconfig.write_text(cluster.kubeconfig(AGENT))
    return [
        Metadata(KubeSettings(f"fake-{n}", folder / f"state-{n}", kubeconfig=str(kubeconfig), start_jitter=jitter))
        for n in range(NODES)
    ]


@dataclass(frozen=True)
class Cost:
    """What all agents together have cost so far.

    watch_bytes: of the watches that have ended. busy: the API server's processor seconds for all its clients.
    """

    requests: Counter[tuple[str, str]]  # verb, resource
    peak: int  # requests of the busiest second
    list_bytes: int
    watch_bytes: int
    events: int
    busy: float


def counters(of: list[Metadata]) -> Counter[str]:
    """What the agents counted themselves: requests, bytes, events, of both watches."""
    sums: Counter[str] = Counter()
    for agent in of:
        for name, count in agent.state().counters.items():
            sums[name.partition("_")[2]] += count
    return sums


def cost(cluster: Kubernetes, of: list[Metadata]) -> Cost:
    """By the API server's audit log and metrics, and by the agents' own counters."""
    asked = cluster.asked()
    seconds = Counter(datetime.fromisoformat(e["requestReceivedTimestamp"]).replace(microsecond=0) for e in asked)
    sums = counters(of)
    busy = re.search(r"^process_cpu_seconds_total (\S+)$", cluster.call("GET", "/metrics")[1], re.M)
    assert busy, "the API server does not say how busy it was"
    return Cost(
        Counter((e["verb"], e["objectRef"]["resource"]) for e in asked),
        max(seconds.values(), default=0),
        sums["list_bytes"], sums["watch_bytes"], sums["events"], float(busy[1]),
    )  # fmt: skip
