"""The exporter as the chart runs it: pods of a real kubelet have their container_*, kube_pod_* and network series."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.e2e.cluster import Cluster, wait_for
from tests.e2e.installed import NAMESPACE, Installed
from tests.e2e.machine import NODE
from tests.e2e.node import NAME
from tests.e2e.workloads import WRITER, pod

URL = f"http://{NODE}:9108"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:tailrace-metrics"
OURS = "measured"  # a namespace of its own; its pods write nothing, so that no other test misses a line
LIMIT = 32 << 20
EPHEMERAL = "tailrace_pod_ephemeral_storage_used_bytes"
Samples = list[Sample]


def scraped() -> Samples:
    answer = urllib3.request("GET", f"{URL}/metrics", timeout=30, retries=False)
    assert answer.status == 200, answer.data
    return [sample for family in text_string_to_metric_families(answer.data.decode()) for sample in family.samples]


def of(samples: Samples, name: str, **labels: str) -> Samples:
    """Those of a name with these labels."""
    return [s for s in samples if s.name == name and labels.items() <= s.labels.items()]


@pytest.fixture(scope="module")
def quiet(cluster: Cluster, installed: Installed) -> Iterator[dict[str, str]]:
    """uids of two pods: one with a network of its own, one in the node's."""
    assert installed
    app = {
        "name": "app", "image": WRITER, "imagePullPolicy": "Never", "args": ["-pause"],
        "resources": {"requests": {"cpu": "50m", "memory": "16Mi"}, "limits": {"memory": "32Mi"}},
        "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
    }  # fmt: skip
    spec = {"containers": [app], "volumes": [{"name": "cache", "emptyDir": {}}], "terminationGracePeriodSeconds": 1}
    names = {"own": spec, "nodes": {**spec, "hostNetwork": True}}
    cluster.deploy([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OURS}}])
    cluster.deploy([pod(OURS, name, each) for name, each in names.items()])

    def found() -> dict[str, dict[str, object]]:
        return {p["metadata"]["name"]: p for p in cluster.get(f"/api/v1/namespaces/{OURS}/pods")["items"]}

    wait_for("the quiet pods", lambda: [p["status"]["phase"] for p in found().values()] == ["Running"] * 2)  # type: ignore[index]
    yield {name: str(p["metadata"]["uid"]) for name, p in found().items()}  # type: ignore[index]
    for name in names:
        cluster.delete(f"/api/v1/namespaces/{OURS}/pods/{name}")


@pytest.fixture(scope="module")
def samples(quiet: dict[str, str]) -> Samples:
    """A scrape that has the quiet pods. The kubelet is asked once a minute: of those it may not have told yet."""
    seen: list[Samples] = []

    def complete() -> bool:
        seen[:] = [scraped()]
        ready = of(seen[0], "kube_pod_status_ready", namespace=OURS, condition="true")
        return sum(s.value for s in ready) == len(quiet) and bool(of(seen[0], EPHEMERAL, namespace=NAMESPACE))

    wait_for("the quiet pods' series", complete, 180, every=1.0)
    return seen[0]


def test_every_running_container_of_the_node_has_its_series(samples: Samples, cluster: Cluster) -> None:
    running = {
        (p["metadata"]["namespace"], p["metadata"]["name"], status["name"])
        for p in cluster.get(f"/api/v1/namespaces/{OURS}/pods")["items"]
        + cluster.get(f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
        for status in p["status"]["containerStatuses"]
        if "running" in status["state"]
    }
    assert len(running) >= 6
    for name in ("container_memory_working_set_bytes", "container_cpu_usage_seconds_total"):
        found = {(s.labels["namespace"], s.labels["pod"], s.labels["container"]) for s in of(samples, name)}
        assert running <= found
    assert all(s.value > 0 for s in of(samples, "container_memory_working_set_bytes", namespace=OURS, container="app"))
    limits = of(samples, "container_spec_memory_limit_bytes", namespace=OURS, container="app")
    assert [s.value for s in limits] == [LIMIT, LIMIT]


def test_a_pods_network_is_counted_in_its_sandbox(samples: Samples) -> None:
    received = of(samples, "container_network_receive_bytes_total", namespace=OURS)
    assert [(s.labels["pod"], s.labels["interface"]) for s in received] == [("own", "eth0")]
    assert received[0].labels["image"]  # as dashboards ask
    nodes = {s.labels["device"] for s in of(samples, "node_network_receive_bytes_total")}
    assert "pods0" in nodes  # the node's own bridge: not that of the exporter's name space
    assert "eth0" not in nodes


def test_the_nodes_pods_and_the_node_are_told_as_the_api_server_has_them(
    samples: Samples, quiet: dict[str, str], cluster: Cluster
) -> None:
    told = {s.labels["pod"]: s.labels for s in of(samples, "kube_pod_info", namespace=OURS)}
    assert {name: labels["uid"] for name, labels in told.items()} == quiet
    assert {labels["node"] for labels in told.values()} == {NAME}
    assert (told["own"]["host_network"], told["nodes"]["host_network"]) == ("false", "true")
    requests = of(samples, "kube_pod_container_resource_requests", namespace=OURS, pod="own", resource="cpu")
    assert [s.value for s in requests] == [0.05]
    capacity = cluster.get(f"/api/v1/nodes/{NAME}")["status"]["capacity"]
    (cpus,) = of(samples, "kube_node_status_capacity", resource="cpu", node=NAME)
    assert cpus.value == float(capacity["cpu"])
    (name,) = of(samples, "node_uname_info")
    assert name.labels["nodename"] == NAME


def test_no_collector_fails_and_no_mount_is_shown_that_can_not_be_asked(samples: Samples) -> None:
    failed = [s.labels["collector"] for s in of(samples, "node_scrape_collector_success") if not s.value]
    assert {"volumes", "kube_pods", "kube_node", "containers", "netdev"}.isdisjoint(failed), failed
    of_pods = [s.labels["mountpoint"] for s in of(samples, "node_filesystem_device_error")]
    assert [m for m in of_pods if re.match("/var/lib/kubelet/|/run/containerd/", m)] == []


def test_it_runs_without_a_capability_as_a_user_of_its_own(installed: Installed) -> None:
    process = Path("/proc") / str(installed.process("metrics"))
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    assert status["Uid"].split() == ["10002"] * 4
    assert status["Groups"].split() == ["10002"]
    assert {status[key] for key in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert (process / "cmdline").read_bytes().endswith(f"[{NODE}]:9108\0".encode())


def test_it_asks_for_no_more_and_no_less_than_its_account_may(samples: Samples, cluster: Cluster) -> None:
    assert samples
    asked = cluster.asked(ACCOUNT)
    assert {(e["verb"], e["objectRef"]["resource"]) for e in asked} == {
        (verb, resource) for verb in ("list", "watch") for resource in ("pods", "nodes")
    }
    assert {e["responseStatus"]["code"] for e in asked if "responseStatus" in e} == {200}


def test_what_it_takes_is_within_its_requests(samples: Samples, figure: Callable[[str], None]) -> None:
    (memory,) = of(samples, "process_resident_memory_bytes")
    (cpu,) = of(samples, "process_cpu_seconds_total")
    figure(f"exporter in its pod: {memory.value / (1 << 20):.0f} MiB, {cpu.value:.1f} s of CPU, {len(samples)} samples")
    assert memory.value < 80 << 20
