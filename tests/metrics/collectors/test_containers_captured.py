"""containers, against the kubelet: a real node whose containers were frozen while both looked at it.

The kubelet's cAdvisor is up to 15 s behind the files, hence the freezing; page cache moved all the same, and two of its
values are from just before.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tailrace.metrics.exposition import prometheus
from tailrace.metrics.pod import decode_pod
from tests.metrics.cgroups.made import Known
from tests.metrics.cgroups.shown import Series, collector, scrape

CAPTURE = Path(__file__).parents[2] / "fixtures" / "node-frozen.tar.zst"
# The rest of 6,500 files takes longer to write than all tests together.
_WANTED = re.compile(
    r"/kube/(pods\.node|kubelet\.metrics-cadvisor)|/proc/(stat$|diskstats|\d+/(stat|comm|net/dev)$)"
    r"|/(cpuacct\.(usage|stat)|cpu\.(stat|shares|cfs_\w+)|cgroup\.procs|pids\.(current|max)|\w+\.pressure)$"
    r"|/memory\.((memsw\.|soft_)?limit_in_bytes|stat|failcnt|(kmem\.|max_)?usage_in_bytes|oom_control)$|recursive$"
)
_SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)(?: \d+)?")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
# Equal but for a group that ran for some milliseconds more after cAdvisor had looked.
EQUAL = {
    "container_cpu_usage_seconds_total": 1, "container_cpu_user_seconds_total": 0,
    "container_cpu_system_seconds_total": 0, "container_cpu_cfs_periods_total": 1,
    "container_cpu_cfs_throttled_periods_total": 0, "container_cpu_cfs_throttled_seconds_total": 0,
    "container_spec_cpu_period": 0, "container_spec_cpu_quota": 0, "container_spec_cpu_shares": 0,
    "container_spec_memory_limit_bytes": 0, "container_spec_memory_reservation_limit_bytes": 0,
    "container_spec_memory_swap_limit_bytes": 0, "container_memory_rss": 0, "container_memory_swap": 0,
    "container_memory_mapped_file": 0, "container_memory_kernel_usage": 0, "container_memory_failcnt": 0,
    "container_memory_max_usage_bytes": 0, "container_oom_events_total": 0, "container_processes": 0,
    "container_threads": 0, "container_threads_max": 0,
}  # fmt: skip
PAGE_CACHE = (
    "container_memory_usage_bytes", "container_memory_working_set_bytes", "container_memory_cache",
    "container_memory_total_active_file_bytes", "container_memory_total_inactive_file_bytes",
)  # fmt: skip


def parsed(text: str) -> Series:
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = _SAMPLE.fullmatch(line).groups()  # type: ignore[union-attr]
            found[name, frozenset(_LABEL.findall(labels or ""))] = float(value)
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frozen")
    with tarfile.open(fileobj=pa.CompressedInputStream(pa.OSFile(str(CAPTURE)), "zstd"), mode="r|") as tar:
        for member in tar:
            if _WANTED.search(member.name):
                tar.extract(member, folder, filter="tar")
    return folder / "node-frozen"


@pytest.fixture(scope="module")
def known(root: Path) -> Known:
    pods = [
        decode_pod(json.dumps(pod).encode()) for pod in json.loads((root / "kube/pods.node.json").read_bytes())["items"]
    ]
    assert len(pods) > 20
    return Known({pod.uid: pod for pod in pods})


@pytest.fixture(scope="module")
def ours(root: Path, known: Known) -> Series:
    return scrape(collector(root, known)[0])


@pytest.fixture(scope="module")
def theirs(root: Path) -> Series:
    return parsed((root / "kube/kubelet.metrics-cadvisor.txt").read_text())


def without_node(series: Series, name: str) -> Iterator[tuple[frozenset[tuple[str, str]], float]]:
    """The node itself was not frozen."""
    return (
        (labels, value) for (family, labels), value in series.items() if family == name and ("id", "/") not in labels
    )


@pytest.mark.parametrize("name", EQUAL)
def test_a_frozen_nodes_values_are_the_kubelets(name: str, ours: Series, theirs: Series) -> None:
    pairs = {labels: (value, theirs[name, labels]) for labels, value in without_node(ours, name)}
    assert len(pairs) >= (16 if "quota" in name or "cfs" in name else 24)
    assert sum(mine != pytest.approx(its, rel=1e-9) for mine, its in pairs.values()) <= EQUAL[name]
    assert all(mine == pytest.approx(its, rel=0.003) for mine, its in pairs.values())


def test_containers_and_pods_start_when_the_kubelet_says(ours: Series, theirs: Series) -> None:
    """Within the time from the group to its first process, which a copy of the files has instead of the folder's."""
    name = "container_start_time_seconds"
    late = [value - theirs[name, labels] for labels, value in without_node(ours, name)]
    assert len(late) == 40
    assert all(-1 <= seconds <= 3 for seconds in late), sorted(late)


@pytest.mark.parametrize("name", PAGE_CACHE)
def test_memory_is_the_kubelets_but_for_page_cache_that_moved(name: str, ours: Series, theirs: Series) -> None:
    pairs = [(value, theirs[name, labels], dict(labels)) for labels, value in without_node(ours, name)]
    assert sum(mine == its for mine, its, _ in pairs) > len(pairs) / 2
    for mine, its, labels in pairs:
        usage = ours["container_memory_usage_bytes", frozenset(labels.items())]
        assert abs(mine - its) <= max(0.06 * usage, 8192), labels


def test_containers_and_pods_of_the_kubelet_are_ours_with_the_same_labels(ours: Series, theirs: Series) -> None:
    """All but the sandboxes, whose use is in their pods', and what is no pod's."""
    name = "container_memory_working_set_bytes"
    mine, its = ({labels for family, labels in series if family == name} for series in (ours, theirs))
    assert mine < its
    missing = [dict(labels) for labels in its - mine]
    assert {labels["image"] for labels in missing if labels["pod"]} == {"registry.example.com/pause:3.9"}
    assert not [labels for labels in missing if "kubepods" in labels["id"] and not labels["pod"]]
    assert len({dict(labels)["name"] for labels in mine if dict(labels)["container"]}) == 24


def test_every_pods_network_is_the_kubelets_and_the_nodes_is_not_counted_twice(
    ours: Series, theirs: Series, known: Known
) -> None:
    def unnamed(series: Series) -> Series:
        """The name of the sandbox's image is known to the runtime alone."""
        return {
            (name, frozenset((key, value) for key, value in labels if key != "image")): value
            for (name, labels), value in series.items()
            if name.startswith("container_network_") and ("id", "/") not in labels
        }

    in_nodes = {pod.name for pod in known.pods.values() if pod.spec.hostNetwork}
    assert len(in_nodes) == 2
    expected = {key: value for key, value in unnamed(theirs).items() if dict(key[1])["pod"] not in in_nodes}
    mine = unnamed(ours)
    assert mine.keys() == expected.keys()
    assert len(expected) == 14 * 8
    # Cables were not frozen: the pods' neighbours went on to look for each other.
    assert {key: (mine[key], its) for key, its in expected.items() if not its <= mine[key] <= its + 5000} == {}
    assert sum(mine[key] == its for key, its in expected.items()) > 95


def test_the_hierarchys_page_faults_of_a_pod_are_those_of_its_containers(ours: Series) -> None:
    """The kubelet says 0 on version 1: it takes a pod's own, and processes are only in its containers."""
    name = "container_memory_failures_total"
    sums: dict[str, float] = defaultdict(float)
    whole: dict[str, float] = {}
    for labels, value in without_node(ours, name):
        some = dict(labels)
        if (some["failure_type"], some["scope"]) == ("pgfault", "hierarchy") and some["pod"]:
            if some["container"]:
                sums[some["pod"]] += value
            else:
                whole[some["pod"]] = value
    assert len(sums) > 12
    assert all(whole[pod] >= value > 0 for pod, value in sums.items())


def test_types_and_helps_are_the_kubelets(root: Path, known: Known) -> None:
    ours, theirs = (
        {tuple(line.split(None, 3)[1:3]): line for line in text.splitlines() if line.startswith("# ")}
        for text in (
            prometheus(collector(root, known)[0].collect()).decode(),
            (root / "kube/kubelet.metrics-cadvisor.txt").read_text(),
        )
    )
    assert {key: ours[key] for key in ours if key in theirs} == {key: theirs[key] for key in ours if key in theirs}
    assert {name for _, name in ours.keys() - theirs.keys()} == set(), "on version 1 all of ours are cAdvisor's"
    assert len(ours) > 80
