"""insights: the events have the fields, formulas, dimension sets and units that Container Insights' own agent gives."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.metrics.writers.insights.event import unit
from tests.metrics.writers.insights.made import APP, COMMON, GIB, POD, declared, events, fields, node, of, pods
from tests.metrics.writers.made import AT

INSTANCE = "i-0123456789abcdef0"
NODE, CLUSTER = ("NodeName", "InstanceId", "ClusterName"), ("ClusterName",)
WORKLOAD = ("PodName", "Namespace", "ClusterName")
FULL = ("FullPodName", *WORKLOAD)


@pytest.fixture(scope="module")
def basic() -> list[dict[str, Any]]:
    return events(node(0) + pods(0), node(60) + pods(60, restarts=5.0))


@pytest.fixture(scope="module")
def enhanced() -> list[dict[str, Any]]:
    return events(node(0) + pods(0), node(60) + pods(60, restarts=5.0), level="enhanced")


def test_a_node_s_use_and_reserve_are_of_all_its_cores_and_memory(basic: list[dict[str, Any]]) -> None:
    """The documentation's example: 3 of 4 cores are 75 %, requests of 1 and 0.5 are 37.5 %; ended pods want nothing."""
    event = of(basic, "Node")
    assert fields(event, "node_cpu_limit", "node_cpu_usage_total", "node_cpu_utilization") == [4000, 3000, 75]
    assert fields(event, "node_cpu_usage_user", "node_cpu_usage_system") == [2400, 600]
    assert fields(event, "node_cpu_request", "node_cpu_reserved_capacity") == [1500, 37.5]
    assert fields(event, "node_memory_usage", "node_memory_working_set") == [8 * GIB, 6 * GIB]
    assert fields(event, "node_memory_utilization", "node_memory_reserved_capacity") == [37.5, 18.75]
    assert fields(event, "node_memory_swap", "node_memory_pgfault", "node_memory_pgmajfault") == [GIB / 4, 50, 2]
    assert fields(event, "node_network_total_bytes", "node_network_rx_dropped") == [1500, 1], "eth0's alone"
    assert fields(event, "node_number_of_running_pods", "node_number_of_running_containers") == [1, 1]


def test_every_event_says_where_and_when_as_the_agent_s_do(basic: list[dict[str, Any]]) -> None:
    for event in basic:
        assert (event["Version"], event["Timestamp"]) == ("0", str(int((AT + 60) * 1000)))
        assert fields(event, "ClusterName", "NodeName", "InstanceId") == ["c1", "n1", INSTANCE]
        assert "AutoScalingGroupName" not in event, "it is not known"
        assert event["kubernetes"]["host"] == "n1"
        assert len(event) < 100, "Logs Insights finds no more fields"
    types = sorted({event["Type"] for event in basic})
    assert types == ["Container", "Node", "NodeDiskIO", "NodeFS", "NodeNet", "Pod", "PodNet"]


def test_of_two_disks_each_has_its_own_rate_and_of_a_device_that_is_mounted_twice_is_one_event(
    basic: list[dict[str, Any]],
) -> None:
    fast, slow = (of(basic, "NodeDiskIO", device=f"/dev/nvme{n}n1") for n in (1, 0))
    names = ("node_diskio_io_serviced_read", "node_diskio_io_serviced_total", "node_diskio_io_service_bytes_total")
    assert fields(slow, *names) == [10, 30, 122_880]
    assert fields(fast, *names) == [1000, 3000, 12_288_000]
    system = of(basic, "NodeFS")
    assert (system["device"], system["fstype"]) == ("/dev/nvme0n1p1", "xfs")
    names = ("node_filesystem_capacity", "node_filesystem_usage", "node_filesystem_available")
    assert fields(system, *names) == [80 * GIB, 20 * GIB, 55 * GIB]
    assert fields(system, "node_filesystem_utilization", "node_filesystem_inodes_free") == [25, 900]


def test_a_pod_s_use_is_of_the_node_and_over_its_limit_only_if_every_container_has_one(
    basic: list[dict[str, Any]],
) -> None:
    event = of(basic, "Pod", FullPodName=POD["pod"])
    assert fields(event, "pod_cpu_usage_total", "pod_cpu_utilization") == [2000, 50]
    assert fields(event, "pod_cpu_utilization_over_pod_limit", "pod_cpu_limit") == [None, None]
    assert fields(event, "pod_cpu_request", "pod_cpu_reserved_capacity") == [1500, 37.5]
    assert fields(event, "pod_memory_working_set", "pod_memory_utilization") == [2 * GIB, 12.5]
    assert fields(event, "pod_network_rx_bytes", "pod_network_tx_bytes", "pod_network_total_bytes") == [110, 110, 220]
    assert fields(event, "pod_number_of_container_restarts", "pod_number_of_containers") == [2, 2]
    assert fields(event, "pod_number_of_running_containers", "pod_status") == [1, "Running"]
    assert fields(event, "pod_container_status_waiting_reason_crash_loop_back_off") == [1]
    assert fields(event, "pod_container_status_terminated_reason_oom_killed") == [1]
    assert fields(event, "pod_container_status_waiting_reason_image_pull_error") == [None], "not even zero"
    assert fields(event, "pod_status_running", "pod_status_failed", "pod_status_ready") == [1, 0, 1]
    assert event["kubernetes"] == {
        "host": "n1", "namespace_name": "shop", "pod_id": "u1", "pod_name": POD["pod"],
        "pod_owners": [{"owner_kind": "ReplicaSet", "owner_name": "web-7c9f8d6b5"}],
    }  # fmt: skip
    job = of(basic, "Pod", Namespace="jobs")
    assert fields(job, "pod_cpu_limit", "pod_cpu_request") == [4000, 3000], "no more than the node has"


def test_a_pod_is_called_after_what_it_belongs_to(basic: list[dict[str, Any]]) -> None:
    assert {event["FullPodName"]: event["PodName"] for event in basic if event["Type"] == "Pod"} == {
        POD["pod"]: "web", "nightly-29400000-abcde": "nightly",
    }  # fmt: skip


def test_a_container_s_use_is_of_the_node_and_of_its_own_limit(enhanced: list[dict[str, Any]]) -> None:
    event = of(enhanced, "Container", ContainerName="app")
    assert fields(event, "container_cpu_usage_total", "container_cpu_utilization") == [1500, 37.5]
    assert fields(event, "container_cpu_limit", "container_cpu_utilization_over_container_limit") == [2000, 75]
    assert fields(event, "container_memory_failures_total", "container_memory_hierarchical_pgfault") == [33, 30]
    assert fields(event, "container_status", "container_status_reason") == ["Running", None]
    assert event["kubernetes"]["containerd"] == {"container_id": "a" * 64}
    side = of(enhanced, "Container", ContainerName="side")
    assert fields(side, "container_status", "container_status_reason") == ["Waiting", "CrashLoopBackOff"]
    assert fields(side, "container_last_termination_reason", "number_of_container_restarts") == ["OOMKilled", 2]
    assert fields(side, "container_cpu_usage_total") == [None]


def test_basic_has_the_metrics_and_dimension_sets_of_the_agent_and_no_more(basic: list[dict[str, Any]]) -> None:
    of_nodes = (
        "node_cpu_utilization", "node_memory_utilization", "node_network_total_bytes", "node_cpu_reserved_capacity",
        "node_memory_reserved_capacity", "node_number_of_running_pods", "node_number_of_running_containers",
    )  # fmt: skip
    of_cluster = ["node_cpu_usage_total", "node_cpu_limit", "node_memory_working_set", "node_memory_limit"]
    per_node, whole = dict.fromkeys(of_nodes, (NODE, CLUSTER)), dict.fromkeys(of_cluster, (CLUSTER,))
    assert declared(of(basic, "Node")) == {**per_node, **whole}
    of_pods = ["pod_cpu_utilization", "pod_memory_utilization", "pod_network_rx_bytes", "pod_network_tx_bytes"]
    reserved = ["pod_cpu_reserved_capacity", "pod_memory_reserved_capacity"]
    assert declared(of(basic, "Pod", FullPodName=POD["pod"])) == {
        # The Service, too, if it were known on a node.
        **dict.fromkeys(of_pods, (WORKLOAD, CLUSTER, ("ClusterName", "Namespace"))),
        **dict.fromkeys(reserved, (WORKLOAD, CLUSTER)),
        "pod_number_of_container_restarts": (WORKLOAD,),
    }
    assert declared(of(basic, "NodeFS")) == {"node_filesystem_utilization": (NODE, CLUSTER)}
    for type in ("NodeNet", "NodeDiskIO", "PodNet", "Container"):
        assert [e for e in basic if e["Type"] == type and "CloudWatchMetrics" in e] == []


def test_enhanced_has_each_pod_and_container_too(enhanced: list[dict[str, Any]]) -> None:
    found = declared(of(enhanced, "Pod", FullPodName=POD["pod"]))
    assert found["pod_cpu_utilization"] == (WORKLOAD, CLUSTER, ("ClusterName", "Namespace"), FULL)
    assert found["pod_cpu_usage_total"] == found["pod_status_ready"] == (WORKLOAD, CLUSTER, FULL)
    assert found["pod_container_status_waiting_reason_crash_loop_back_off"] == (WORKLOAD, CLUSTER, FULL)
    container = declared(of(enhanced, "Container", ContainerName="app"))
    sets = (CLUSTER, ("ContainerName", *FULL), ("ContainerName", *WORKLOAD))
    assert set(container) == {
        "container_cpu_utilization", "container_cpu_utilization_over_container_limit", "container_cpu_limit",
        "container_cpu_request", "container_memory_utilization", "container_memory_failures_total",
        "container_memory_request",
    }  # fmt: skip
    assert all(one == sets for one in container.values())
    assert declared(of(enhanced, "NodeNet")) == {
        f"node_interface_network_{way}_dropped": (NODE, CLUSTER) for way in ("rx", "tx")
    }
    assert declared(of(enhanced, "Node"))["node_status_condition_ready"] == (NODE, CLUSTER)
    assert fields(of(enhanced, "Node"), "node_status_capacity_pods", "node_status_condition_unknown") == [110, 0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("node_cpu_usage_total", None), ("pod_cpu_limit", None), ("container_cpu_request", None),
        ("node_cpu_utilization", "Percent"), ("pod_memory_reserved_capacity", "Percent"),
        ("container_cpu_utilization_over_container_limit", "Percent"), ("node_filesystem_utilization", "Percent"),
        ("node_network_total_bytes", "Bytes/Second"), ("pod_network_rx_bytes", "Bytes/Second"),
        ("node_diskio_io_service_bytes_total", "Bytes/Second"), ("node_diskio_io_serviced_total", "Count/Second"),
        ("pod_interface_network_tx_dropped", "Count/Second"), ("container_memory_failures_total", "Count/Second"),
        ("node_memory_pgfault", "Count/Second"), ("node_memory_failcnt", "Count"), ("node_memory_limit", "Bytes"),
        ("container_filesystem_usage", "Bytes"), ("node_filesystem_inodes_free", "Count"),
        ("pod_number_of_container_restarts", "Count"), ("node_status_condition_ready", "Count"),
    ],
)  # fmt: skip
def test_a_metric_has_the_agent_s_unit(name: str, expected: str | None) -> None:
    assert unit(name) == expected


def test_the_first_look_has_no_rates_and_a_counter_that_began_anew_neither() -> None:
    first = events(node(600) + pods(600))
    assert fields(of(first, "Node"), "node_cpu_usage_total", "node_memory_working_set") == [None, 6 * GIB]
    assert [event for event in first if event["Type"] in ("NodeNet", "NodeDiskIO", "PodNet")] == []
    again = events(node(600) + pods(600, restarts=7.0), node(660) + pods(10, restarts=1.0))
    assert fields(of(again, "Container", ContainerName="app"), "container_cpu_usage_total") == [None]
    assert fields(of(again, "Pod", Namespace="shop"), "pod_number_of_container_restarts") == [0]
    assert fields(of(again, "Node"), "node_cpu_usage_total") == [3000]


def test_without_an_instance_a_node_is_told_by_its_name_alone() -> None:
    rows = [row for row in node(0) if row[0] != "kube_node_info"]
    assert declared(of(events(rows, rows), "Node"))["node_memory_utilization"] == (("NodeName", "ClusterName"), CLUSTER)
    given = events(rows, rows, common=COMMON | {"InstanceId": "i-1"})
    assert declared(of(given, "Node"))["node_memory_utilization"] == (NODE, CLUSTER)


def test_without_kube_metrics_a_pod_is_what_has_a_cgroup() -> None:
    def usage(seconds: float) -> list[Any]:
        return [row for row in pods(seconds) if row[0].startswith("container_")]

    found = events(node(0) + usage(0), node(60) + usage(60))
    pod = of(found, "Pod")
    assert fields(pod, "pod_cpu_utilization", "pod_status", "PodName") == [50, None, POD["pod"]]
    assert fields(of(found, "Node"), "node_number_of_running_pods", "node_cpu_request") == [1, None]
    no_group = [row for row in usage(60) if row[1]["container"] == "app" or "interface" in row[1]]
    summed = of(events(no_group, no_group), "Pod")
    assert fields(summed, "pod_memory_working_set") == [2 * GIB], "its containers' sum"
    assert APP["container"] == of(found, "Container")["ContainerName"]
