"""v1: a group's files of version 1 in, its usage out (source: the kernel's admin-guide/cgroup-v1).

Each controller has a hierarchy of its own, all with the same paths. Pressure is told only where version 2 is mounted
beside it (`unified`) and has the group too.
"""

from __future__ import annotations

import os

from tailrace.metrics.cgroups.usage import (
    Asked,
    Limits,
    Usage,
    cpu_pressure,
    io_pressure,
    memory_pressure,
    pairs,
    threads,
    threads_most,
)

_TICK = os.sysconf("SC_CLK_TCK")
_NO_LIMIT = 1 << 62  # bytes; without a limit the kernel says all that 63 bits hold in whole pages


def _cpu(usage: Usage, data: bytes) -> None:
    usage.cpu = int(data) / 1e9


def _cpu_modes(usage: Usage, data: bytes) -> None:
    found = pairs(data)
    usage.cpu_user, usage.cpu_system = int(found[b"user"]) / _TICK, int(found[b"system"]) / _TICK


def _throttling(usage: Usage, data: bytes) -> None:
    found = pairs(data)
    usage.periods, usage.throttled_periods = int(found[b"nr_periods"]), int(found[b"nr_throttled"])
    usage.throttled = int(found[b"throttled_time"]) / 1e9


def _memory(usage: Usage, data: bytes) -> None:
    usage.memory = int(data)


def _memory_stat(usage: Usage, data: bytes) -> None:
    found = pairs(data)
    usage.rss, usage.cache = int(found[b"total_rss"]), int(found[b"total_cache"])
    usage.active_file, usage.inactive_file = int(found[b"total_active_file"]), int(found[b"total_inactive_file"])
    usage.mapped_file = int(found[b"total_mapped_file"])
    usage.swap = int(found.get(b"total_swap", b"0"))  # not there if the kernel counts no swap
    usage.pgfault, usage.pgmajfault = int(found[b"pgfault"]), int(found[b"pgmajfault"])
    usage.all_pgfault, usage.all_pgmajfault = int(found[b"total_pgfault"]), int(found[b"total_pgmajfault"])


def _most(usage: Usage, data: bytes) -> None:
    usage.memory_most = int(data)


def _failures(usage: Usage, data: bytes) -> None:
    usage.failures = int(data)


def _kernel(usage: Usage, data: bytes) -> None:
    usage.kernel = int(data)


def _oom(usage: Usage, data: bytes) -> None:
    if (kills := pairs(data).get(b"oom_kill")) is not None:  # since 4.13
        usage.oom_kills = int(kills)


def _io(usage: Usage, data: bytes, at: int) -> None:
    """Put numbers of `8:0 Read 1` lines into each device's four, from `at` on."""
    devices = usage.devices = usage.devices or {}
    for line in data.split(b"\n"):
        words = line.split()
        if len(words) == 3 and words[1] in (b"Read", b"Write"):
            device = words[0].decode("ascii", "replace")
            four = list(devices.get(device, (0, 0, 0, 0)))
            four[at + (words[1] == b"Write")] = int(words[2])
            devices[device] = (four[0], four[1], four[2], four[3])


def _io_bytes(usage: Usage, data: bytes) -> None:
    _io(usage, data, 0)


def _io_counts(usage: Usage, data: bytes) -> None:
    _io(usage, data, 2)


def _quota(limits: Limits, data: bytes) -> None:
    quota = int(data)
    limits.quota = quota if quota >= 0 else None


def _period(limits: Limits, data: bytes) -> None:
    limits.period = int(data)


def _shares(limits: Limits, data: bytes) -> None:
    limits.shares = int(data)


def _limit(limits: Limits, data: bytes) -> None:
    limits.memory = _bytes(data)


def _reservation(limits: Limits, data: bytes) -> None:
    limits.reservation = _bytes(data)


def _swap_limit(limits: Limits, data: bytes) -> None:
    limits.swap = _bytes(data)


def _bytes(data: bytes) -> int:
    found = int(data)
    return found if found < _NO_LIMIT else 0


ROOT = (
    Asked("cpuacct", "cpuacct.usage", _cpu),
    Asked("cpuacct", "cpuacct.stat", _cpu_modes),
    Asked("memory", "memory.usage_in_bytes", _memory),
    Asked("memory", "memory.stat", _memory_stat),
    Asked("memory", "memory.failcnt", _failures),
    Asked("memory", "memory.max_usage_in_bytes", _most),
    Asked("unified", "cpu.pressure", cpu_pressure),
    Asked("unified", "memory.pressure", memory_pressure),
    Asked("unified", "io.pressure", io_pressure),
)
POD = (
    *ROOT,
    Asked("cpu", "cpu.stat", _throttling),
    Asked("memory", "memory.kmem.usage_in_bytes", _kernel),
    Asked("memory", "memory.oom_control", _oom),
    Asked("pids", "pids.current", threads),
)
CONTAINER = (
    *POD,
    Asked("blkio", "blkio.throttle.io_service_bytes_recursive", _io_bytes),
    Asked("blkio", "blkio.throttle.io_serviced_recursive", _io_counts),
)
LIMITS = (
    Asked("cpu", "cpu.cfs_quota_us", _quota),
    Asked("cpu", "cpu.cfs_period_us", _period),
    Asked("cpu", "cpu.shares", _shares),
    Asked("memory", "memory.limit_in_bytes", _limit),
    Asked("memory", "memory.soft_limit_in_bytes", _reservation),
    Asked("memory", "memory.memsw.limit_in_bytes", _swap_limit),
    Asked("pids", "pids.max", threads_most),
)
