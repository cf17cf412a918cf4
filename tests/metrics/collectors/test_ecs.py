"""ecs: a task's metadata and its containers' stats to container_*, on Fargate and EC2; and endpoints that break."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tailrace.ecs import Endpoint, endpoint
from tailrace.metrics.collectors.ecs import Ecs
from tailrace.metrics.host import Host
from tests.servers.answering import Answer
from tests.servers.ecs import TASK, EcsDouble, container, stats

OWN = {"cluster": "prod", "service": "storefront", "family": "web", "task": TASK}


@pytest.fixture
def ecs() -> Iterator[EcsDouble]:
    with EcsDouble() as double:
        assert isinstance(double, EcsDouble)
        yield double


@pytest.fixture
def clock() -> list[float]:
    return [100.0]


@pytest.fixture
def collector(ecs: EcsDouble, clock: list[float], tmp_path: Path) -> Ecs:
    found = endpoint(ecs.environ())
    assert found is not None
    return Ecs(Host(tmp_path), found, lambda: clock[0], lambda: 1_800_000_000.0)


Found = dict[tuple[str, ...], float]


def collected(collector: Ecs) -> tuple[Found, str]:
    """Family, container, and the values of labels that only some families have, to value; and what was wrong."""
    declared = {family.name: family for family in Ecs.FAMILIES}
    found: Found = {}
    try:
        for metric in collector.collect():
            for sample in metric.samples:
                labels = dict(sample.labels)
                assert set(labels) == set(declared[sample.name].labels)
                assert {name: labels.pop(name) for name in OWN} == OWN or "test changes them"
                more = [
                    v for k, v in labels.items() if k not in ("container", "id", "image", "name", "namespace", "pod")
                ]
                key = (sample.name, labels.get("container", ""), *more)
                assert key not in found, "a series twice"
                found[key] = sample.value
    except (OSError, ValueError) as e:
        return found, f"{type(e).__name__}: {e}"
    return found, ""


def test_a_fargate_tasks_containers_have_cadvisors_series(collector: Ecs) -> None:
    found, wrong = collected(collector)
    assert not wrong
    expected = {
        "cpu_usage_seconds_total": 12.5, "cpu_user_seconds_total": 10.0, "cpu_system_seconds_total": 2.0,
        "cpu_cfs_periods_total": 30, "cpu_cfs_throttled_periods_total": 3, "cpu_cfs_throttled_seconds_total": 1.5,
        "memory_usage_bytes": 60_000_000, "memory_working_set_bytes": 60_000_000 - 3514368,
        "memory_max_usage_bytes": 70_000_000, "memory_rss": 33386496, "memory_cache": 22437888,
        "memory_mapped_file": 135168, "memory_total_active_file_bytes": 18788352,
        "memory_total_inactive_file_bytes": 3514368, "spec_memory_limit_bytes": 512 << 20, "spec_cpu_shares": 256,
        "start_time_seconds": 1795213362.5, "last_seen": 1_800_000_000.0,
    }  # fmt: skip
    got = {key[0].removeprefix("container_"): value for key, value in found.items() if key[1] == "nginx"}
    assert {name: got[name] for name in expected} == expected
    assert found["container_memory_failures_total", "nginx", "pgfault", "hierarchy"] == 128502
    assert found["container_memory_failures_total", "nginx", "pgmajfault", "container"] == 1
    assert found["container_cpu_usage_seconds_total", "agent", "total"] == 1.0
    assert found["container_spec_memory_limit_bytes", "agent"] == 0  # none of its own: Docker's 2^63 is no limit
    assert not [key for key in found if key[1] == "late"]


def test_every_device_counts(collector: Ecs) -> None:
    found, _ = collected(collector)
    assert found["container_fs_reads_bytes_total", "nginx", "202:26368"] == 4096
    assert found["container_fs_writes_bytes_total", "nginx", "202:26368"] == 512
    assert found["container_fs_reads_bytes_total", "nginx", "259:1"] == 100
    assert found["container_fs_reads_total", "nginx", "202:26368"] == 4
    assert found["container_fs_writes_total", "nginx", "202:26368"] == 2


def test_the_task_itself_has_its_limits_its_disk_and_the_network_of_all_its_containers(collector: Ecs) -> None:
    found, _ = collected(collector)
    assert found["container_spec_cpu_quota", ""] == 50_000
    assert found["container_spec_cpu_period", ""] == 100_000
    assert found["container_spec_memory_limit_bytes", ""] == 1024 << 20
    assert found["tailrace_task_ephemeral_storage_used_bytes", ""] == 261 << 20
    assert found["tailrace_task_ephemeral_storage_reserved_bytes", ""] == 20496 << 20
    network = {key: value for key, value in found.items() if key[0].startswith("container_network_")}
    assert {key[1] for key in network} == {""}
    assert network["container_network_receive_bytes_total", "", "eth1"] == 1010
    names = ("receive_packets", "receive_errors", "receive_packets_dropped", "transmit_bytes", "transmit_packets",
             "transmit_errors", "transmit_packets_dropped")  # fmt: skip
    got = [network[f"container_network_{name}_total", "", "eth1"] for name in names]
    assert got == [10, 1, 2, 500, 5, 3, 4]


def test_the_tasks_network_does_not_go_back_when_the_container_that_was_ahead_ends(
    collector: Ecs, ecs: EcsDouble
) -> None:
    before = collected(collector)[0]["container_network_receive_bytes_total", "", "eth1"]
    ecs.stats = {f"{TASK}-1": stats(13.0, 2000), f"{TASK}-2": None}
    found, wrong = collected(collector)
    assert not wrong
    assert found["container_network_receive_bytes_total", "", "eth1"] == 2000 > before
    ecs.stats = {f"{TASK}-1": stats(14.0, 3000), f"{TASK}-2": stats(1.0, 2990)}
    assert collected(collector)[0]["container_network_receive_bytes_total", "", "eth1"] == 3000
    assert not [key for key in found if key[1] == "agent"]  # its series ended with it


def test_on_a_bridge_each_container_has_its_own_network_and_labels_name_it(collector: Ecs, ecs: EcsDouble) -> None:
    bridge = [{"NetworkMode": "bridge", "IPv4Addresses": ["172.17.0.2"]}]
    ecs.task["Containers"] = [container(name, n, Networks=bridge) for name, n in (("nginx", 1), ("agent", 2))]
    (metric,) = (m for m in collector.collect() if m.name == "container_network_receive_bytes")
    assert {(s.labels["container"], s.value) for s in metric.samples} == {("nginx", 1000), ("agent", 1010)}
    assert dict(metric.samples[0].labels) == {
        "container": "nginx", "id": f"/ecs/{TASK}/{TASK}-1", "image": "registry.example/nginx:1",
        "name": f"{TASK}-1", "namespace": "", "pod": "", "interface": "eth1", **OWN,
    }  # fmt: skip


def test_control_groups_of_version_2_tell_the_same_by_other_names(collector: Ecs, ecs: EcsDouble) -> None:
    first, _ = collected(collector)
    ecs.stats = {f"{TASK}-1": stats(version=2), f"{TASK}-2": stats(1.0, 1010, version=2), f"{TASK}-3": None}
    second, wrong = collected(collector)
    assert not wrong
    other = {key: value for key, value in second.items() if first.get(key) != value}
    assert {(key[0], *key[2:]) for key in other} == {
        ("container_memory_slab_reclaimable_bytes",), ("container_memory_slab_unreclaimable_bytes",),
        ("container_threads",), ("container_memory_failures_total", "pgfault", "container"),
        ("container_memory_failures_total", "pgmajfault", "container"),
    }  # fmt: skip
    assert not first.keys() - second.keys()


def test_the_pause_container_of_ec2_is_none_of_the_tasks(collector: Ecs, ecs: EcsDouble) -> None:
    ecs.task["Containers"].append(container("~internal~ecs~pause", 9, Type="CNI_PAUSE"))
    ecs.stats[f"{TASK}-9"] = stats()
    found, wrong = collected(collector)
    assert not wrong
    assert {key[1] for key in found} == {"", "nginx", "agent"}


def test_version_2_has_no_service_and_a_clusters_plain_name(ecs: EcsDouble, tmp_path: Path) -> None:
    two = Endpoint(f"{ecs.url}/v2/metadata", f"{ecs.url}/v2/stats")
    metric = next(m for m in Ecs(Host(tmp_path), two).collect() if m.name == "container_memory_rss")
    assert {name: metric.samples[0].labels[name] for name in OWN} == {**OWN, "service": ""}


def test_the_task_is_asked_for_once_a_minute_and_when_a_container_is_new(
    collector: Ecs, ecs: EcsDouble, clock: list[float]
) -> None:
    def tasks() -> int:
        return len([a for a in ecs.asked if a.path.endswith("/task")])

    collected(collector)
    collected(collector)
    assert tasks() == 1
    ecs.task["Containers"].append(container("new", 4))
    ecs.stats[f"{TASK}-4"] = stats()
    assert ("container_memory_rss", "new") in collected(collector)[0]
    assert tasks() == 2
    clock[0] += 61
    collected(collector)
    assert tasks() == 3


def test_a_container_whose_stats_are_garbage_costs_itself_alone(collector: Ecs, ecs: EcsDouble) -> None:
    ecs.stats[f"{TASK}-2"] = {"cpu_stats": {"cpu_usage": {"total_usage": "much"}}}
    found, wrong = collected(collector)
    assert "stats of 1 containers make no sense" in wrong
    assert ("container_memory_rss", "nginx") in found
    assert ("container_memory_rss", "agent") not in found


@pytest.mark.parametrize("empty", ["cpu_stats", "memory_stats", "blkio_stats", "pids_stats", "networks"])
@pytest.mark.parametrize("nothing", [None, {}])
def test_parts_that_a_platform_lacks_are_missing_and_no_more(
    collector: Ecs, ecs: EcsDouble, empty: str, nothing: Any
) -> None:
    ecs.stats[f"{TASK}-1"][empty] = nothing
    found, wrong = collected(collector)
    assert not wrong
    assert ("container_memory_rss", "agent") in found


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(429, b"rate exceeded"), "answered 429 (rate exceeded)"), (Answer(500, b"oops"), "answered 500"),
        (Answer(200, b"<html>"), "no JSON of containers"), (Answer(200, b"[]"), "no JSON of containers"),
        (Answer(200, b'{"x": \xff}'), "no JSON of containers"), (Answer(200, b""), "no JSON of containers"),
    ],
)  # fmt: skip
def test_an_endpoint_that_fails_is_left_alone_for_a_while(
    collector: Ecs, ecs: EcsDouble, clock: list[float], answer: Answer, said: str
) -> None:
    ecs.faults.append(answer)
    assert said in collected(collector)[1]
    asked = len(ecs.asked)
    assert said in collected(collector)[1]
    assert len(ecs.asked) == asked
    clock[0] += 16
    assert collected(collector)[1] == ""


def test_a_body_of_many_containers_is_read_whole(collector: Ecs, ecs: EcsDouble) -> None:
    many = {f"{TASK}-{n}": stats(float(n)) for n in range(200)}
    ecs.task["Containers"] = [container(f"c{n}", n) for n in range(200)]
    ecs.body = json.dumps(many).encode()
    found, wrong = collected(collector)
    assert not wrong
    assert found["container_cpu_usage_seconds_total", "c199", "total"] == 199.0
