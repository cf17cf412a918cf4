"""ecs: Docker's stats of an ECS task's containers in, the usage of each, as a control group would tell it, out.

The numbers are those of the group, passed through Docker: memory by version 1's names (total_rss) or 2's (anon), and
whatever did not start yet has null for its stats, or for any part of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from tailrace.ecs import Task, TaskContainer
from tailrace.metrics.cgroups.usage import Limits, Usage

_NANO = 1e9
_MIB = 1 << 20
PERIOD = 100_000  # microseconds; what ECS gives out CPUs by
_UNLIMITED = 1 << 62  # what version 1 says for no limit is a page less than 2^63
_COLUMNS = {"read": 0, "write": 1}


class _CpuUsage(msgspec.Struct):
    total_usage: int = 0
    usage_in_usermode: int = 0
    usage_in_kernelmode: int = 0


class _Throttling(msgspec.Struct):
    periods: int = 0
    throttled_periods: int = 0
    throttled_time: int = 0


class _Cpu(msgspec.Struct):
    cpu_usage: _CpuUsage | None = None
    throttling_data: _Throttling | None = None


class _Memory(msgspec.Struct):
    usage: int | None = None
    max_usage: int | None = None
    failcnt: int | None = None
    limit: int | float | None = None
    stats: dict[str, int | float] | None = None


class _Transfer(msgspec.Struct):
    major: int = 0
    minor: int = 0
    op: str = ""
    value: int = 0


class _Disks(msgspec.Struct):
    io_service_bytes_recursive: list[_Transfer] | None = None
    io_serviced_recursive: list[_Transfer] | None = None


class _Pids(msgspec.Struct):
    current: int | None = None
    limit: int | None = None


class Interface(msgspec.Struct, frozen=True):
    """Counted since it was there."""

    rx_bytes: int = 0
    rx_packets: int = 0
    rx_errors: int = 0
    rx_dropped: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0
    tx_errors: int = 0
    tx_dropped: int = 0


class Stats(msgspec.Struct, frozen=True):
    """Of one container."""

    read: datetime | None = None
    cpu_stats: _Cpu | None = None
    memory_stats: _Memory | None = None
    blkio_stats: _Disks | None = None
    pids_stats: _Pids | None = None
    networks: dict[str, Interface] | None = None


_DECODER = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ONE = msgspec.json.Decoder(Stats | None)


def decode_stats(body: bytes) -> tuple[dict[str, Stats], int]:
    """Each container's that has any, and how many could not be read: one that is garbage costs itself alone.

    Raises ValueError if the body is no object of JSON.
    """
    found: dict[str, Stats] = {}
    garbage = 0
    try:
        bodies = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise ValueError(f"ECS' task stats are no JSON of containers ({str(e)[:200]})") from None
    for id, raw in bodies.items():
        try:
            stats = _ONE.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            garbage += 1
            continue
        if stats is not None and stats.cpu_stats is not None:
            found[id] = stats
    return found, garbage


def usage_of(stats: Stats, container: TaskContainer, now: float) -> Usage:
    """What the container uses, and may use by what ECS says of it. now: seconds since 1970."""
    usage = Usage(Limits(), seen=now)
    if container.StartedAt:
        usage.started = container.StartedAt.timestamp()
    _cpu(usage, stats.cpu_stats or _Cpu(), container)
    _memory(usage, stats.memory_stats or _Memory(), container)
    _disks(usage, stats.blkio_stats or _Disks())
    pids = stats.pids_stats or _Pids()
    usage.threads = pids.current
    usage.limits.threads = None if pids.current is None else pids.limit if (pids.limit or 0) < _UNLIMITED else 0
    return usage


def usage_of_task(task: Task) -> Usage:
    """What the whole task may use. Of what it uses nothing is told but container by container."""
    limits = Limits()
    if task.Limits.CPU:
        limits.quota, limits.period = task.Limits.CPU * PERIOD, PERIOD
    if task.Limits.Memory:
        limits.memory = task.Limits.Memory * _MIB
    return Usage(limits)


def _cpu(usage: Usage, cpu: _Cpu, container: TaskContainer) -> None:
    if used := cpu.cpu_usage:
        usage.cpu = used.total_usage / _NANO
        usage.cpu_user, usage.cpu_system = used.usage_in_usermode / _NANO, used.usage_in_kernelmode / _NANO
    throttling = cpu.throttling_data
    if throttling and throttling.periods:  # as cAdvisor: nothing where there is no quota
        usage.periods, usage.throttled_periods = throttling.periods, throttling.throttled_periods
        usage.throttled = throttling.throttled_time / _NANO
    usage.limits.shares = container.Limits.CPU or None


def _memory(usage: Usage, memory: _Memory, container: TaskContainer) -> None:
    stats: Mapping[str, int | float] = memory.stats or {}
    usage.memory, usage.memory_most, usage.failures = memory.usage, memory.max_usage, memory.failcnt
    limit = memory.limit or 0
    usage.limits.memory = container.Limits.Memory * _MIB or (limit if limit < _UNLIMITED else 0)
    old = "total_rss" in stats or "rss" in stats
    usage.rss = _first(stats, "total_rss", "rss") if old else stats.get("anon")
    usage.cache = _first(stats, "total_cache", "cache") if old else stats.get("file")
    usage.swap = _first(stats, "total_swap", "swap")
    usage.mapped_file = _first(stats, "total_mapped_file", "mapped_file", "file_mapped")
    usage.active_file = _first(stats, "total_active_file", "active_file")
    usage.inactive_file = _first(stats, "total_inactive_file", "inactive_file")
    usage.slab_reclaimable, usage.slab_unreclaimable = stats.get("slab_reclaimable"), stats.get("slab_unreclaimable")
    usage.pgfault, usage.pgmajfault = stats.get("pgfault"), stats.get("pgmajfault")
    usage.all_pgfault = _first(stats, "total_pgfault", "pgfault")
    usage.all_pgmajfault = _first(stats, "total_pgmajfault", "pgmajfault")
    if usage.memory is not None and usage.inactive_file is not None:
        usage.working_set = max(0, usage.memory - usage.inactive_file)


def _first(stats: Mapping[str, int | float], *names: str) -> int | float | None:
    return next((stats[name] for name in names if name in stats), None)


def _disks(usage: Usage, disks: _Disks) -> None:
    """By device: with several, all of them count. Docker names operations Read on version 1 and read on 2."""
    found: dict[str, list[int]] = {}
    for transfers, offset in ((disks.io_service_bytes_recursive, 0), (disks.io_serviced_recursive, 2)):
        for transfer in transfers or ():
            column = _COLUMNS.get(transfer.op.lower())
            if column is not None:
                found.setdefault(f"{transfer.major}:{transfer.minor}", [0, 0, 0, 0])[column + offset] = transfer.value
    usage.devices = {device: (a, b, c, d) for device, (a, b, c, d) in found.items()} or None
