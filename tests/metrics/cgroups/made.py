"""made: nodes in a folder: control groups of either version and either driver, processes, and what the API knows."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tailrace.metrics.pod import Pod, decode_pod

MEMORY_STAT_V2 = {
    "anon": 5_000_000, "file": 3_000_000, "kernel": 900_000, "kernel_stack": 65_536, "pagetables": 40_960,
    "sec_pagetables": 0, "percpu": 288, "sock": 0, "vmalloc": 0, "shmem": 0, "zswap": 0, "zswapped": 0,
    "file_mapped": 120_000, "file_dirty": 0, "file_writeback": 0, "swapcached": 0, "anon_thp": 0, "file_thp": 0,
    "shmem_thp": 0, "inactive_anon": 4_000_000, "active_anon": 1_000_000, "inactive_file": 1_200_000,
    "active_file": 1_800_000, "unevictable": 0, "slab_reclaimable": 300_000, "slab_unreclaimable": 200_000,
    "slab": 500_000, "workingset_refault_anon": 0, "workingset_refault_file": 0, "workingset_activate_anon": 0,
    "workingset_activate_file": 0, "workingset_restore_anon": 0, "workingset_restore_file": 0,
    "workingset_nodereclaim": 0, "pgscan": 0, "pgsteal": 0, "pgscan_kswapd": 0, "pgscan_direct": 0,
    "pgscan_khugepaged": 0, "pgsteal_kswapd": 0, "pgsteal_direct": 0, "pgsteal_khugepaged": 0, "pgfault": 4321,
    "pgmajfault": 12, "pgrefill": 0, "pgactivate": 0, "pgdeactivate": 0, "pglazyfree": 0, "pglazyfreed": 0,
    "thp_fault_alloc": 0, "thp_collapse_alloc": 0,
}  # fmt: skip
_OWN_V1 = {
    "cache": 3_000_000, "rss": 5_000_000, "rss_huge": 0, "shmem": 0, "mapped_file": 120_000, "dirty": 0,
    "writeback": 0, "swap": 4096, "pgpgin": 1, "pgpgout": 1, "pgfault": 4000, "pgmajfault": 10,
    "inactive_anon": 4_000_000, "active_anon": 1_000_000, "inactive_file": 1_200_000, "active_file": 1_800_000,
    "unevictable": 0,
}  # fmt: skip
MEMORY_STAT_V1 = {
    **_OWN_V1, "hierarchical_memory_limit": 1 << 63, **{f"total_{name}": n for name, n in _OWN_V1.items()},
    "total_pgfault": 4321, "total_pgmajfault": 12,
}  # fmt: skip
_PRESSURE = "some avg10=0.00 avg60=0.00 avg300=0.00 total={}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total={}\n"


def lines(pairs: dict[str, int]) -> str:
    """A flat keyed file."""
    return "".join(f"{name} {value}\n" for name, value in pairs.items())


def files_v2() -> dict[str, str]:
    """A container's files. It used 12.5 s of CPU, 9 of them its own, and was throttled for 1.5 s."""
    return {
        "cgroup.procs": "", "cgroup.controllers": "cpu memory io pids\n",
        "cpu.stat": "usage_usec 12500000\nuser_usec 9000000\nsystem_usec 3500000\nnice_usec 0\n"
                    "core_sched.force_idle_usec 0\nnr_periods 400\nnr_throttled 30\nthrottled_usec 1500000\n",
        "cpu.max": "50000 100000\n", "cpu.weight": "20\n", "cpu.pressure": _PRESSURE.format(1_500_000, 500_000),
        "memory.current": "8900000\n", "memory.max": "67108864\n", "memory.min": "0\n", "memory.peak": "9900000\n",
        "memory.swap.current": "4096\n", "memory.swap.max": "max\n", "memory.stat": lines(MEMORY_STAT_V2),
        "memory.events": "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 0\n",
        "memory.pressure": _PRESSURE.format(250_000, 125_000), "io.pressure": _PRESSURE.format(750_000, 700_000),
        "io.stat": "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n",
        "pids.current": "6\n", "pids.max": "max\n",
    }  # fmt: skip


def files_v1() -> dict[str, dict[str, str]]:
    """The same by controller, as far as version 1 tells it."""
    return {
        "cpuacct": {"cpuacct.usage": "12500000000\n", "cpuacct.stat": "user 900\nsystem 350\n"},
        "cpu": {"cpu.stat": "nr_periods 400\nnr_throttled 30\nthrottled_time 1500000000\nnr_bursts 0\nburst_time 0\n",
                "cpu.cfs_quota_us": "50000\n", "cpu.cfs_period_us": "100000\n", "cpu.shares": "512\n"},
        "memory": {"cgroup.procs": "", "memory.usage_in_bytes": "8900000\n", "memory.max_usage_in_bytes": "9900000\n",
                   "memory.failcnt": "7\n", "memory.limit_in_bytes": "67108864\n", "memory.stat": lines(MEMORY_STAT_V1),
                   "memory.soft_limit_in_bytes": "9223372036854771712\n", "memory.kmem.usage_in_bytes": "900000\n",
                   "memory.memsw.limit_in_bytes": "9223372036854771712\n",
                   "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"},
        "blkio": {"blkio.throttle.io_service_bytes_recursive": "8:0 Read 4096\n8:0 Write 8192\nTotal 12288\n",
                  "blkio.throttle.io_serviced_recursive": "8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 3\n"},
        "pids": {"pids.current": "6\n", "pids.max": "max\n"},
    }  # fmt: skip


def uid_of(number: int) -> str:
    """A pod's uid."""
    digits = hashlib.md5(b"pod %d" % number).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def id_of(*words: object) -> str:
    """A container's id."""
    return hashlib.sha256(repr(words).encode()).hexdigest()


def pod_json(
    uid: str, name: str = "web-0", namespace: str = "shop", containers: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    """A pod as the API has it. containers: name to id."""
    statuses = [
        {"name": name, "image": f"example.com/{name}:1", "containerID": f"containerd://{id}"}
        for name, id in (containers or {}).items()
    ]
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": uid},
        "spec": spec,
        "status": {"phase": "Running", "containerStatuses": statuses},
    }


@dataclass
class Known:
    """What the API has told."""

    pods: dict[str, Pod] = field(default_factory=dict)

    def of(self, uid: str) -> Pod | None:
        return self.pods.get(uid)

    def add(self, *args: Any, **more: Any) -> Pod:
        """Tell of a pod; as pod_json."""
        pod = decode_pod(json.dumps(pod_json(*args, **more)).encode())
        self.pods[pod.uid] = pod
        return pod


class Node:
    """A node in a folder."""

    def __init__(self, root: Path, version: int = 2) -> None:
        self.root, self.version = root, version
        self.groups = root / "sys/fs/cgroup"
        self.proc = root / "proc"
        (self.proc / "1/net").mkdir(parents=True)
        (self.proc / "stat").write_text("cpu  1 2 3 4\nbtime 1795200000\n")
        (self.proc / "diskstats").write_text("   8       0 sda 1 2 3 4 5 6 7 8 9 10 11\n")
        self.interfaces(1, eth0=1)
        self.files: Any = files_v2() if version == 2 else files_v1()
        self.group("")
        if version == 2:
            for name in ("memory.current", "memory.max", "memory.events", "memory.peak", "memory.swap.current"):
                (self.groups / name).unlink()
        self._pids = 1000

    def group(self, path: str) -> str:
        """Make a group with all of a container's files."""
        if self.version == 2:
            self._fill(self.groups / path, self.files)
        else:
            for controller, files in self.files.items():
                self._fill(self.groups / controller / path, files)
        return path

    def path(self, path: str, file: str) -> Path:
        """A group's file."""
        if self.version == 2:
            return self.groups / path / file
        owners = [controller for controller, files in self.files.items() if file in files]
        return self.groups / owners[0] / path / file

    def remove(self, path: str) -> None:
        """As rmdir does, all below it too."""
        for top in [self.groups] if self.version == 2 else self.groups.iterdir():
            shutil.rmtree(top / path)

    def container(self, path: str, program: str = "app", **interfaces: int) -> int:
        """Make a container's group with a process in it; returns the process."""
        self.group(path)
        self._pids += 1
        self.path(path, "cgroup.procs").write_text(f"{self._pids}\n")
        self.process(self._pids, program)
        self.interfaces(self._pids, **(interfaces or {"eth0": 100}))
        return self._pids

    def process(self, pid: int, program: str) -> None:
        """A process that started 500 s after the node."""
        folder = self.proc / str(pid)
        folder.mkdir()
        (folder / "comm").write_text(program + "\n")
        (folder / "stat").write_text(f"{pid} ({program}) S " + "0 " * 18 + "50000 0 0\n")

    def interfaces(self, pid: int, **received: int) -> None:
        """Its network interfaces, by bytes received."""
        folder = self.proc / str(pid) / "net"
        folder.mkdir(exist_ok=True, parents=True)
        head = "Inter-|   Receive  |  Transmit\n face |bytes packets errs drop|bytes\n"
        rows = [f"{name:>6}: {n} 2 3 4 0 0 0 0 {n + 1} 6 7 8 0 0 0 0\n" for name, n in {"lo": 5, **received}.items()]
        (folder / "dev").write_text(head + "".join(rows))

    def _fill(self, folder: Path, files: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)


def pod_path(uid: str, driver: str = "cgroupfs", root: str = "") -> str:
    """Where a burstable pod's group is. root: before `kubepods`, as kind and k3s have it (`kubelet` with systemd)."""
    if driver == "cgroupfs":
        return f"{root}/kubepods/burstable/pod{uid}".lstrip("/")
    prefix = f"{root}-" if root else ""
    names = [f"{root}.slice"] if root else []
    names += [f"{prefix}kubepods.slice", f"{prefix}kubepods-burstable.slice"]
    return "/".join([*names, f"{prefix}kubepods-burstable-pod{uid.replace('-', '_')}.slice"])


def fill(node: Node, known: Known, pods: int, containers: int = 2, first: int = 0) -> None:
    """Pods with a sandbox and this many containers each, all known to the API."""
    for number in range(first, first + pods):
        uid = uid_of(number)
        path = node.group(pod_path(uid))
        node.container(f"{path}/{id_of(number)}", "pause")
        ids = {f"c{at}": id_of(number, at) for at in range(containers)}
        for id in ids.values():
            node.container(f"{path}/{id}")
        known.add(uid, f"web-{number}", containers=ids)
