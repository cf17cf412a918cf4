"""v2: a group's files of version 2 in, its usage out (source: the kernel's admin-guide/cgroup-v2).

All counts include what is below the group. The root has neither memory.current nor limits nor events.
"""

from __future__ import annotations

from tailrace.metrics.cgroups.usage import (
    Asked,
    Limits,
    Usage,
    cpu_pressure,
    io_pressure,
    limit,
    memory_pressure,
    pairs,
    threads,
    threads_most,
)


def _cpu(usage: Usage, data: bytes) -> None:
    found = pairs(data)
    usage.cpu = int(found[b"usage_usec"]) / 1e6
    usage.cpu_user, usage.cpu_system = int(found[b"user_usec"]) / 1e6, int(found[b"system_usec"]) / 1e6
    if b"nr_periods" in found:  # only with the cpu controller switched on
        usage.periods, usage.throttled_periods = int(found[b"nr_periods"]), int(found[b"nr_throttled"])
        usage.throttled = int(found[b"throttled_usec"]) / 1e6


def _memory(usage: Usage, data: bytes) -> None:
    usage.memory = int(data)


def _memory_stat(usage: Usage, data: bytes) -> None:
    found = pairs(data)
    usage.rss, usage.cache = int(found[b"anon"]), int(found[b"file"])
    usage.active_file, usage.inactive_file = int(found[b"active_file"]), int(found[b"inactive_file"])
    usage.mapped_file = int(found[b"file_mapped"])
    usage.slab_reclaimable = int(found[b"slab_reclaimable"])
    usage.slab_unreclaimable = int(found[b"slab_unreclaimable"])
    if (kernel := found.get(b"kernel")) is not None:  # since 5.18
        usage.kernel = int(kernel)
    usage.all_pgfault, usage.all_pgmajfault = int(found[b"pgfault"]), int(found[b"pgmajfault"])
    # The two scopes are one: this version counts no group without those below it.
    usage.pgfault, usage.pgmajfault = usage.all_pgfault, usage.all_pgmajfault


def _root_memory_stat(usage: Usage, data: bytes) -> None:
    _memory_stat(usage, data)
    assert usage.rss is not None
    assert usage.cache is not None
    usage.memory = usage.rss + usage.cache  # what version 1 says of its root, and so what cAdvisor says here


def _events(usage: Usage, data: bytes) -> None:
    found = pairs(data)
    usage.failures, usage.oom_kills = int(found[b"max"]), int(found[b"oom_kill"])


def _most(usage: Usage, data: bytes) -> None:
    usage.memory_most = int(data)


def _swap(usage: Usage, data: bytes) -> None:
    usage.swap = int(data)


def _io(usage: Usage, data: bytes) -> None:
    devices = {}
    for line in data.split(b"\n"):
        device, *words = line.split()[:5] or (b"",)
        if len(words) == 4:  # a device that is gone leaves its number alone
            read, written, reads, writes = (int(word.partition(b"=")[2]) for word in words)
            devices[device.decode("ascii", "replace")] = (read, written, reads, writes)
    usage.devices = devices


def _bandwidth(limits: Limits, data: bytes) -> None:
    quota, period = data.split()
    limits.quota, limits.period = None if quota == b"max" else int(quota), int(period)


def _weight(limits: Limits, data: bytes) -> None:
    # The runtime turned shares (2 to 262144) into a weight (1 to 10000); this turns it back, as cAdvisor does.
    limits.shares = 2 + (int(data) - 1) * 262142 // 9999


def _limit(limits: Limits, data: bytes) -> None:
    limits.memory = limit(data)


def _reservation(limits: Limits, data: bytes) -> None:
    limits.reservation = limit(data)


def _swap_limit(limits: Limits, data: bytes) -> None:
    limits.swap = limit(data)


_PRESSURE = (
    Asked("", "cpu.pressure", cpu_pressure),
    Asked("", "memory.pressure", memory_pressure),
    Asked("", "io.pressure", io_pressure),
)
_IO = Asked("", "io.stat", _io)
ROOT = (Asked("", "cpu.stat", _cpu), Asked("", "memory.stat", _root_memory_stat), _IO, *_PRESSURE)
POD = (
    Asked("", "cpu.stat", _cpu),
    Asked("", "memory.current", _memory),
    Asked("", "memory.stat", _memory_stat),
    Asked("", "memory.events", _events),
    Asked("", "memory.peak", _most),
    Asked("", "memory.swap.current", _swap),
    Asked("", "pids.current", threads),
    *_PRESSURE,
)
CONTAINER = (*POD, _IO)
LIMITS = (
    Asked("", "cpu.max", _bandwidth),
    Asked("", "cpu.weight", _weight),
    Asked("", "memory.max", _limit),
    Asked("", "memory.min", _reservation),
    Asked("", "memory.swap.max", _swap_limit),
    Asked("", "pids.max", threads_most),
)
