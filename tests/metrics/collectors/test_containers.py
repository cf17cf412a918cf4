"""containers: what cAdvisor's names say of pods and containers on nodes in a folder, and what broken ones cost."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tailrace.metrics.cgroups.tree import AGAIN
from tailrace.metrics.collector import Absent
from tailrace.metrics.collectors.containers import Containers
from tests.metrics.cgroups.made import Known, Node, fill, id_of, pod_path, uid_of
from tests.metrics.cgroups.shown import collector, count, of, scrape

UID, PAUSE, APP = uid_of(0), id_of(0), id_of(0, 0)
BOTH = {
    "container_cpu_usage_seconds_total": 12.5,
    "container_cpu_user_seconds_total": 9.0,
    "container_cpu_system_seconds_total": 3.5,
    "container_cpu_cfs_periods_total": 400,
    "container_cpu_cfs_throttled_periods_total": 30,
    "container_cpu_cfs_throttled_seconds_total": 1.5,
    "container_spec_cpu_quota": 50_000,
    "container_spec_cpu_period": 100_000,
    "container_spec_memory_limit_bytes": 64 << 20,
    "container_spec_memory_swap_limit_bytes": 0,
    "container_spec_memory_reservation_limit_bytes": 0,
    "container_memory_usage_bytes": 8_900_000,
    "container_memory_working_set_bytes": 7_700_000,
    "container_memory_max_usage_bytes": 9_900_000,
    "container_memory_rss": 5_000_000,
    "container_memory_cache": 3_000_000,
    "container_memory_swap": 4096,
    "container_memory_mapped_file": 120_000,
    "container_memory_kernel_usage": 900_000,
    "container_memory_total_active_file_bytes": 1_800_000,
    "container_memory_total_inactive_file_bytes": 1_200_000,
    "container_memory_failcnt": 7,
    "container_oom_events_total": 1,
    "container_processes": 1,
    "container_threads": 6,
    "container_threads_max": 0,
    "container_start_time_seconds": 1_795_200_500,
    "container_last_seen": 1_800_000_000,
}


@pytest.fixture(params=[2, 1], ids=["v2", "v1"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Node:
    return Node(tmp_path, request.param)


def test_both_versions_tell_the_same_of_a_container(node: Node) -> None:
    fill(node, known := Known(), 1, containers=1)
    series = scrape(collector(node.root, known)[0])
    told = {name: of(series, name, container="c0") for name in BOTH}
    assert told == BOTH
    labels = {"namespace": "shop", "pod": "web-0", "container": "c0", "image": "example.com/c0:1", "name": APP}
    labels["id"] = f"/{pod_path(UID)}/{APP}"
    assert of(series, "container_cpu_usage_seconds_total", cpu="total", **labels) == 12.5
    for kind, own, all in (("pgfault", 4000, 4321), ("pgmajfault", 10, 12)):
        name = "container_memory_failures_total"
        assert of(series, name, failure_type=kind, scope="hierarchy", container="c0") == all
        own = own if node.version == 1 else all  # the other version counts no group without those below it
        assert of(series, name, failure_type=kind, scope="container", container="c0") == own
    for name, value in (("reads_bytes", 4096), ("writes_bytes", 8192), ("reads", 1), ("writes", 2)):
        assert of(series, f"container_fs_{name}_total", container="c0", device="/dev/sda") == value


def test_version_2_tells_of_pressure_slab_and_shares(tmp_path: Path) -> None:
    fill(node := Node(tmp_path), known := Known(), 1, containers=1)
    series = scrape(collector(node.root, known)[0])
    waiting = {"cpu": (1.5, 0.5), "memory": (0.25, 0.125), "io": (0.75, 0.7)}
    for what, (some, full) in waiting.items():
        assert of(series, f"container_pressure_{what}_waiting_seconds_total", container="c0") == some
        assert of(series, f"container_pressure_{what}_stalled_seconds_total", container="c0") == full
    assert of(series, "container_memory_slab_reclaimable_bytes", container="c0") == 300_000
    assert of(series, "container_memory_slab_unreclaimable_bytes", container="c0") == 200_000
    assert of(series, "container_spec_cpu_shares", container="c0") == 500, "512 through a weight of 20 and back"


def test_every_family_that_is_described_is_there_and_no_other(tmp_path: Path) -> None:
    fill(node := Node(tmp_path), known := Known(), 1)
    told = {name for name, _ in scrape(collector(node.root, known)[0])}
    assert told == {family.name for family in Containers.FAMILIES}
    for family in Containers.FAMILIES:
        (labels, *_) = {frozenset(dict(all)) for name, all in scrape(collector(node.root, known)[0])
                        if name == family.name}  # fmt: skip
        assert labels == {*family.labels}


def test_a_pod_has_series_of_its_own_without_a_container(node: Node) -> None:
    fill(node, known := Known(), 1)
    for path in ("kubepods", "kubepods/burstable"):
        node.group(path)
    series = scrape(collector(node.root, known)[0])
    mine = {"pod": "web-0", "namespace": "shop", "container": "", "image": "", "name": "", "id": f"/{pod_path(UID)}"}
    assert of(series, "container_memory_working_set_bytes", **mine) == 7_700_000
    assert of(series, "container_oom_events_total", **mine) == 1
    assert of(series, "container_processes", **mine) is None
    for id in ("/", "/kubepods", "/kubepods/burstable"):
        assert of(series, "container_cpu_usage_seconds_total", id=id, pod="") == 12.5
        assert of(series, "container_memory_rss", id=id, pod="") == 5_000_000
    root = 8_000_000 if node.version == 2 else 8_900_000
    assert of(series, "container_memory_usage_bytes", id="/") == root, "on version 2 the root only has its parts"


def test_a_sandbox_has_its_pods_network_and_nothing_else(node: Node) -> None:
    fill(node, known := Known(), 1)
    series = scrape(collector(node.root, known)[0])
    assert {name.split("_")[1] for name, all in series if ("name", PAUSE) in all} == {"network"}
    mine = {"name": PAUSE, "image": "pause", "container": "", "pod": "web-0", "namespace": "shop", "interface": "eth0"}
    assert of(series, "container_network_receive_bytes_total", **mine) == 100
    assert of(series, "container_network_transmit_packets_dropped_total", **mine) == 8
    assert count(series, pod="web-0", interface="eth0") == 8
    assert of(series, "container_network_receive_bytes_total", id="/", interface="eth0") == 1, "the node's own"
    assert count(series, interface="lo") == 0


def test_a_pod_without_a_sandbox_has_a_network_by_any_of_its_containers(tmp_path: Path) -> None:
    node, known = Node(tmp_path), Known()
    path = node.group(pod_path(UID, "systemd"))
    node.container(f"{path}/crio-{APP}.scope", eth0=77, net1=5)
    known.add(UID, containers={"app": APP})
    series = scrape(collector(node.root, known)[0])
    for interface, received in (("eth0", 77), ("net1", 5)):
        mine = {"id": f"/{path}", "image": "pause", "container": "", "pod": "web-0", "interface": interface}
        assert of(series, "container_network_receive_bytes_total", **mine) == received


def test_a_pod_in_the_nodes_network_has_none_of_its_own(tmp_path: Path) -> None:
    node, known = Node(tmp_path), Known()
    fill(node, known, 3)
    known.add(UID, "agent", containers={}, hostNetwork=True)
    of_second = node.proc / "1004/net/dev"  # its sandbox's
    of_second.unlink()
    of_second.hardlink_to(node.proc / "1/net/dev")
    series = scrape(collector(node.root, known)[0])
    assert {dict(all)["pod"] for _, all in series if "interface" in dict(all)} == {"", "web-2"}


def test_without_the_api_series_have_ids_and_no_names(tmp_path: Path) -> None:
    fill(node := Node(tmp_path), Known(), 1)
    series = scrape(collector(node.root)[0])
    mine = {"id": f"/{pod_path(UID)}/{APP}", "name": APP, "pod": "", "namespace": "", "container": "", "image": ""}
    assert of(series, "container_memory_rss", **mine) == 5_000_000
    assert {name.split("_")[1] for name, all in series if ("name", PAUSE) in all} == {"network"}


def test_a_sandbox_is_known_although_it_was_found_before_its_program_began(tmp_path: Path) -> None:
    fill(node := Node(tmp_path), Known(), 1)
    program = node.proc / "1001/comm"
    program.write_text("runc:[2:INIT]\n")
    some, clock = collector(node.root)
    assert count(scrape(some), name=PAUSE) > 30, "nobody can know"
    program.write_text("pause\n")
    clock.now += 60
    assert count(scrape(some), name=PAUSE) == 8
    program.unlink()  # it is not asked again
    assert count(scrape(some), name=PAUSE) == 8


def test_names_are_there_as_soon_as_the_api_tells_them(tmp_path: Path) -> None:
    fill(node := Node(tmp_path), Known(), 1, containers=1)
    some, _ = collector(node.root, known := Known())
    assert of(scrape(some), "container_memory_rss", name=APP, pod="") is not None
    known.add(UID, containers={})
    assert of(scrape(some), "container_memory_rss", name=APP, pod="web-0", container="") is not None
    known.add(UID, containers={"app": APP})
    series = scrape(some)
    assert of(series, "container_memory_rss", name=APP) == 5_000_000
    assert of(series, "container_memory_rss", pod="web-0", container="app", image="example.com/app:1") == 5_000_000


def test_two_pods_of_one_name_are_two(tmp_path: Path) -> None:
    node, known = Node(tmp_path), Known()
    for number in (1, 2):
        path = node.group(pod_path(uid_of(number), "systemd"))  # whose names have the uid's dashes as underscores
        node.container(f"{path}/cri-containerd-{id_of(number)}.scope")
        known.add(uid_of(number), "db-0", containers={"app": id_of(number)})
    series = scrape(collector(node.root, known)[0])
    assert count(series, pod="db-0", container="app", name=id_of(1)) == count(series, name=id_of(2)) > 30


def test_a_mirror_pod_is_known_by_the_hash_that_its_group_has(tmp_path: Path) -> None:
    node, known, digest = Node(tmp_path), Known(), "bf8ec6ca3228d50f7a368c7e38c2defd"
    node.container(f"kubepods/burstable/{node.group(f'pod{digest}')}/{APP}")
    node.group(f"kubepods/burstable/pod{digest}")
    known.pods[digest] = known.add(UID, "kube-proxy-n1", containers={"app": APP})
    assert of(scrape(collector(node.root, known)[0]), "container_memory_rss", pod="kube-proxy-n1", container="app")


def test_a_series_ends_with_its_group_and_its_files_are_let_go(node: Node) -> None:
    fill(node, known := Known(), 2)
    some, _ = collector(node.root, known, most := 300)
    scrape(some)
    node.remove(f"{pod_path(UID)}/{APP}")
    series = scrape(some)
    assert count(series, name=APP) == 0
    assert of(series, "container_memory_rss", name=id_of(0, 1)) == 5_000_000
    node.remove(pod_path(UID))
    assert count(scrape(some), pod="web-0") == 0
    assert count(scrape(some), pod="web-1") > 80
    some.close()
    assert some.budget.left == most, "each file that was kept open was closed"


def test_a_counter_that_goes_back_is_told_as_it_is(node: Node) -> None:
    fill(node, known := Known(), 1)
    some, _ = collector(node.root, known)
    scrape(some)
    file, text = (
        ("cpuacct.usage", "1\n") if node.version == 1 else ("cpu.stat", "usage_usec 0\nuser_usec 0\nsystem_usec 0\n")
    )
    node.path(f"{pod_path(UID)}/{APP}", file).write_text(text)
    assert of(scrape(some), "container_cpu_usage_seconds_total", name=APP) in (0, 1e-9)


def test_a_limit_that_is_changed_is_seen_within_a_minute_and_no_quota_has_no_throttling(tmp_path: Path) -> None:
    fill(node := Node(tmp_path), known := Known(), 1)
    some, clock = collector(node.root, known)
    path = f"{pod_path(UID)}/{APP}"
    scrape(some)
    node.path(path, "memory.max").write_text("max\n")
    node.path(path, "cpu.max").write_text("max 100000\n")
    clock.now += AGAIN
    series = scrape(some)
    assert of(series, "container_spec_memory_limit_bytes", name=APP) == 0
    assert {name for name, all in series if ("name", APP) in all and ("quota" in name or "cfs" in name)} == set()
    assert of(series, "container_cpu_cfs_periods_total", name=id_of(0, 1)) == 400


def test_a_file_that_comes_later_is_found(tmp_path: Path) -> None:
    fill(node := Node(tmp_path), known := Known(), 1)
    peak = node.path(f"{pod_path(UID)}/{APP}", "memory.peak")
    peak.unlink()
    some, clock = collector(node.root, known)
    assert of(scrape(some), "container_memory_max_usage_bytes", name=APP) is None
    peak.write_text("5\n")
    clock.now += AGAIN
    assert of(scrape(some), "container_memory_max_usage_bytes", name=APP) == 5


def test_processes_within_nested_groups_are_the_containers(tmp_path: Path) -> None:
    fill(node := Node(tmp_path), known := Known(), 1)
    path = f"{pod_path(UID)}/{APP}"
    node.path(path, "cgroup.procs").write_text("")
    for name, processes in (("init.scope", "11\n"), ("system.slice/a.service", "12\n13\n")):
        node.group(f"{path}/{name}")
        node.path(f"{path}/{name}", "cgroup.procs").write_text(processes)
    series = scrape(collector(node.root, known)[0])
    assert of(series, "container_processes", name=APP) == 3
    assert count(series, name=APP) == count(series, name=id_of(0, 1)), "nested groups are no containers"


def test_processes_of_another_pid_namespace_are_counted_and_not_looked_for(tmp_path: Path) -> None:
    fill(node := Node(tmp_path), known := Known(), 1)
    for id in (APP, id_of(0, 1), PAUSE):
        node.path(f"{pod_path(UID)}/{id}", "cgroup.procs").write_text("0\n0\n")
    series = scrape(collector(node.root, known)[0])
    assert of(series, "container_processes", name=APP) == 2
    assert count(series, pod="web-0", interface="eth0") == 0


GARBAGE = ["", "x", "\0\xff\n", "1 2 3\n", "max\n", "usage_usec\n", "some avg10=0 total=\n", "8:0 rbytes=x a b c\n"]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_in_any_file_costs_what_that_file_tells(
    node: Node, garbage: str, caplog: pytest.LogCaptureFixture
) -> None:
    fill(node, known := Known(), 2, containers=1)
    whole = count(scrape(collector(node.root, known)[0]), name=APP)
    path = f"{pod_path(UID)}/{APP}"
    names = [name for files in node.files.values() for name in files] if node.version == 1 else [*node.files]
    for name in names:
        node.path(path, name).write_text(garbage)
    (node.proc / "1002/net/dev").write_text(garbage)
    some, _ = collector(node.root, known)
    with caplog.at_level(logging.WARNING):
        series = scrape(some)
        scrape(some)
    assert count(series, name=APP) < whole
    assert count(series, name=id_of(1, 0)) == whole
    if garbage:
        assert of(series, "container_scrape_error") == 1
        assert len(caplog.records) == 1, "once, not at every scrape"
        assert "container_scrape_error" in caplog.text
    caplog.clear()


def test_a_huge_file_costs_what_that_file_tells(tmp_path: Path) -> None:
    fill(node := Node(tmp_path), known := Known(), 1)
    with node.path(f"{pod_path(UID)}/{APP}", "memory.stat").open("wb") as file:
        file.truncate(1 << 40)
    series = scrape(collector(node.root, known)[0])
    assert of(series, "container_memory_rss", name=APP) is None
    assert of(series, "container_memory_usage_bytes", name=APP) == 8_900_000
    assert of(series, "container_scrape_error") == 1


def test_a_memory_stat_of_many_pages_is_read_to_its_end(tmp_path: Path) -> None:
    node, known = Node(tmp_path), Known()
    node.files["memory.stat"] = "".join(f"future_{n} 0\n" for n in range(2000)) + node.files["memory.stat"]
    fill(node, known, 1)
    some, _ = collector(node.root, known)
    for _ in range(2):  # when the file is opened, and when it is kept open
        assert of(scrape(some), "container_memory_rss", name=APP) == 5_000_000


def test_a_node_without_control_groups_has_nothing_to_collect(tmp_path: Path) -> None:
    some, _ = collector(tmp_path)
    with pytest.raises(Absent, match="no control groups"):
        list(some.collect())


def test_a_device_that_nobody_knows_has_its_number(tmp_path: Path) -> None:
    node, known = Node(tmp_path), Known()
    node.files["io.stat"] = "259:1 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n7:0\n"
    fill(node, known, 1, containers=1)
    series = scrape(collector(node.root, known)[0])
    assert of(series, "container_fs_writes_total", container="c0", device="259:1") == 4
    assert count(series, device="7:0") == 0


def test_a_hybrid_node_has_pressure_from_version_2(tmp_path: Path) -> None:
    node, known = Node(tmp_path, 1), Known()
    node.files["unified"] = {"cpu.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=2000000\n"}
    fill(node, known, 1, containers=1)
    series = scrape(collector(node.root, known)[0])
    assert of(series, "container_pressure_cpu_waiting_seconds_total", container="c0") == 2
    assert of(series, "container_pressure_cpu_stalled_seconds_total", container="c0") == 0, "the kernel has no `full`"


def test_controllers_that_are_mounted_together_are_found(tmp_path: Path) -> None:
    fill(node := Node(tmp_path, 1), known := Known(), 1, containers=1)
    before = scrape(collector(node.root, known)[0])
    for controller in ("cpu", "cpuacct"):
        (node.groups / controller).rename(node.groups / f"{controller}.old")
    together = node.groups / "cpu,cpuacct"
    for controller in ("cpu", "cpuacct"):
        for path in sorted((node.groups / f"{controller}.old").rglob("*")):
            other = together / path.relative_to(node.groups / f"{controller}.old")
            other.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file():
                path.rename(other)
    assert scrape(collector(node.root, known)[0]) == before
