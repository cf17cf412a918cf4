"""containers: this machine's own control groups, with a process that burns CPU, holds memory and is throttled."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailrace.metrics.cgroups.tree import Found, Tree
from tests.metrics.cgroups.made import Known, id_of, uid_of
from tests.metrics.cgroups.real import ROOT, V2, Groups
from tests.metrics.cgroups.shown import Series, collector, count, of, scrape
from tests.waiting import until

UID, APP = uid_of(os.getpid()), id_of(os.getpid())
POD = f"kubepods/burstable/pod{UID}"
PATH = f"{POD}/{APP}"
SIZE, LIMIT = 24 << 20, 64 << 20


@pytest.fixture(scope="module")
def groups() -> Iterator[Groups]:
    try:
        groups = Groups("metrics")
    except OSError as error:
        pytest.skip(f"this machine lets nobody make control groups: {error}")
    try:
        groups.make(PATH)
        yield groups
    finally:
        groups.remove()


def throttled(groups: Groups) -> bool:
    """A tenth of a CPU, if this machine has the controller for it."""
    return groups.set(PATH, "10000 100000" if V2 else "10000", "cpu.max", "cpu.cfs_quota_us")


def limited(groups: Groups, path: str) -> bool:
    """Some memory, if this machine has the controller for it."""
    return groups.set(path, str(LIMIT), "memory.max", "memory.limit_in_bytes")


@pytest.fixture(scope="module")
def worker(groups: Groups) -> subprocess.Popen[str]:
    """It worked, and is halted now."""
    limited(groups, PATH)
    waits = throttled(groups)
    process = groups.work(PATH, SIZE)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    if waits:
        # The time is counted when it ends.
        until(lambda: re.search(r"throttled_(time|usec) [1-9]", groups.file(PATH, "cpu.stat").read_text()))
    groups.stop(process)
    return process


@pytest.fixture(scope="module")
def known() -> Known:
    known = Known()
    known.add(UID, "burner", containers={"burn": APP})
    return known


@pytest.fixture(scope="module")
def series(worker: subprocess.Popen[str], known: Known) -> Series:
    assert worker.poll() is None
    some, _ = collector(Path("/"), known)
    scrape(some)
    found = scrape(some)  # through files that are kept open
    some.close()
    return found


def mine(series: Series, name: str) -> float:
    value = of(series, f"container_{name}", container="burn", pod="burner")
    assert value is not None, name
    return value


def test_cpu_is_what_the_process_used(series: Series, worker: subprocess.Popen[str]) -> None:
    words = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()
    used = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    whole = mine(series, "cpu_usage_seconds_total")
    # What the process used before it joined is its own alone: Python's start.
    assert 0 < whole <= used + 0.05
    parts = mine(series, "cpu_user_seconds_total") + mine(series, "cpu_system_seconds_total")
    assert whole == pytest.approx(parts, abs=0.05)


def test_throttling_and_quota_are_the_kernels(series: Series, groups: Groups) -> None:
    if not throttled(groups):
        pytest.skip("groups of this machine have no cpu controller")
    told = dict(line.split() for line in groups.file(PATH, "cpu.stat").read_text().splitlines())
    assert mine(series, "spec_cpu_quota") == 10_000
    assert mine(series, "spec_cpu_period") == 100_000
    assert 0 < mine(series, "cpu_cfs_throttled_periods_total") <= int(told["nr_throttled"])
    assert mine(series, "cpu_cfs_throttled_periods_total") <= mine(series, "cpu_cfs_periods_total")
    assert mine(series, "cpu_cfs_throttled_seconds_total") > 0
    assert of(series, "container_cpu_cfs_periods_total", pod="burner", container="") is None, "the pod has no quota"


def test_memory_is_what_the_process_holds(series: Series, groups: Groups, worker: subprocess.Popen[str]) -> None:
    if not limited(groups, PATH):
        pytest.skip("groups of this machine have no memory controller")
    resident = int(Path(f"/proc/{worker.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert SIZE <= mine(series, "memory_rss") <= resident
    assert mine(series, "memory_rss") <= mine(series, "memory_usage_bytes") <= mine(series, "memory_max_usage_bytes")
    assert mine(series, "memory_working_set_bytes") <= mine(series, "memory_usage_bytes")
    assert mine(series, "spec_memory_limit_bytes") == LIMIT
    assert of(series, "container_memory_failures_total", container="burn", failure_type="pgfault", scope="container")
    of_pod = of(series, "container_memory_rss", pod="burner", container="")
    assert of_pod == mine(series, "memory_rss"), "a pod's is the sum of its containers"
    assert of(series, "container_spec_memory_limit_bytes", pod="burner", container="") == 0


def test_processes_and_start_are_the_containers(series: Series, worker: subprocess.Popen[str]) -> None:
    assert mine(series, "processes") == 1
    assert mine(series, "threads") == 1
    began = Path(f"/proc/{worker.pid}").stat().st_mtime
    assert abs(mine(series, "start_time_seconds") - began) < 60
    pod = of(series, "container_start_time_seconds", pod="burner", container="")
    assert pod is not None
    assert pod <= mine(series, "start_time_seconds")


def test_a_pods_network_is_that_of_its_process_unless_it_is_the_nodes(
    series: Series, worker: subprocess.Popen[str]
) -> None:
    nodes = os.path.samefile(f"/proc/{worker.pid}/net/dev", "/proc/1/net/dev")
    lines = Path(f"/proc/{worker.pid}/net/dev").read_text().splitlines()[2:]
    names = {name for line in lines if not (name := line.split(":")[0].strip()).startswith(("lo", "veth", "docker"))}
    told = {dict(labels)["interface"] for name, labels in series if "_network_" in name and ("pod", "burner") in labels}
    assert told == (set() if nodes else names)


@pytest.mark.skipif(not V2 and not (ROOT / "unified").is_dir(), reason="no version 2 is mounted here")
def test_version_2_of_this_kernel_tells_cpu_and_pressure(
    tmp_path: Path, series: Series, groups: Groups, known: Known
) -> None:
    (tmp_path / "sys/fs").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup").symlink_to(ROOT if V2 else ROOT / "unified")
    (tmp_path / "proc").symlink_to("/proc")
    some, _ = collector(tmp_path, known)
    v2 = scrape(some)
    some.close()
    assert mine(v2, "cpu_usage_seconds_total") == pytest.approx(mine(series, "cpu_usage_seconds_total"), abs=0.05)
    assert mine(v2, "processes") == 1
    if (ROOT.parent.parent.parent / "proc/pressure/cpu").exists():
        assert mine(v2, "pressure_cpu_waiting_seconds_total") > 0, "a throttled task waits for CPU"
        assert of(v2, "container_pressure_memory_stalled_seconds_total", pod="burner", container="") is not None
    assert of(v2, "container_cpu_usage_seconds_total", id=f"/{groups.name}/{POD}") is not None


def test_an_out_of_memory_kill_is_counted(groups: Groups, known: Known) -> None:
    path = groups.make(f"{POD}/{id_of('oom', os.getpid())}")
    if not limited(groups, path):
        pytest.skip("groups of this machine have no memory controller")
    # Next to no swap. On version 1 it is counted with the memory: the memory's limit is to be the one that is hit.
    groups.set(path, "0", "memory.swap.max")
    groups.set(path, str(LIMIT + 4096), "memory.memsw.limit_in_bytes")
    process = groups.work(path, 2 * LIMIT)
    assert process.wait(60) == -9
    some, _ = collector(Path("/"), known)
    series = scrape(some)
    some.close()
    assert of(series, "container_oom_events_total", name=path[-64:]) == 1
    assert (of(series, "container_memory_failcnt", name=path[-64:]) or 0) > 0
    if V2:  # where the pod's count outlives the container
        assert of(series, "container_oom_events_total", pod="burner", container="", name="") == 1


def test_a_group_that_vanishes_between_readdir_and_read_costs_its_own_series(
    groups: Groups, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = {at: id_of("vanishing", at, os.getpid()) for at in range(3)}
    for id in ids.values():
        groups.make(f"{POD}/{id}")
    some, _ = collector(Path("/"), known)
    assert all(count(scrape(some), name=id) > 5 for id in ids.values())
    listed, new = Tree.groups, id_of("unread", os.getpid())
    groups.make(f"{POD}/{new}")

    def late(tree: Tree) -> list[Found]:
        found = listed(tree)
        for id in (ids[0], new):  # one whose files are open, one that was never looked at
            for top in groups.tops.values():
                os.rmdir(top / POD / id)
        monkeypatch.undo()
        return found

    monkeypatch.setattr(Tree, "groups", late)
    series = scrape(some)
    assert count(series, name=ids[0]) == 0
    assert count(series, name=ids[1]) > 5
    assert of(series, "container_scrape_error") == 0
    assert {name for name, labels in series if ("name", new) in labels} <= {
        "container_last_seen",
        "container_processes",
    }
    after = scrape(some)
    assert count(after, name=new) == count(after, name=ids[0]) == 0
    assert count(after, name=ids[2]) > 5
    some.close()
