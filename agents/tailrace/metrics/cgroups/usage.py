"""usage: what one group uses and may use, whichever version of control groups it was read from.

Seconds, bytes and counts, in base units, as the kernel counts them now: a counter that goes back is handed on as it is.
None is what this group or this kernel does not tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

Number = float | None


@dataclass(slots=True)
class Limits:
    """What one group may use.

    quota, period: microseconds, quota None if there is no limit. shares: as on version 1, 1024 for a CPU.
    memory, reservation, swap: bytes, 0 if there is no limit. threads: 0 if there is none.
    """

    quota: Number = None
    period: Number = None
    shares: Number = None
    memory: Number = None
    reservation: Number = None
    swap: Number = None
    threads: Number = None


@dataclass(slots=True)
class Usage:
    """What one group used until one moment.

    started, seen: seconds since 1970. failures: times that memory hit the limit. pgfault, pgmajfault: of the group
    itself, all_*: of those below it too. devices: bytes read, bytes written, reads, writes by `major:minor`. *_some,
    *_full: seconds in which some tasks, or all of them, waited for it.
    """

    limits: Limits
    started: Number = None
    seen: Number = None
    cpu: Number = None
    cpu_user: Number = None
    cpu_system: Number = None
    periods: Number = None
    throttled_periods: Number = None
    throttled: Number = None
    memory: Number = None
    working_set: Number = None
    memory_most: Number = None
    failures: Number = None
    rss: Number = None
    cache: Number = None
    swap: Number = None
    mapped_file: Number = None
    kernel: Number = None
    active_file: Number = None
    inactive_file: Number = None
    slab_reclaimable: Number = None
    slab_unreclaimable: Number = None
    pgfault: Number = None
    pgmajfault: Number = None
    all_pgfault: Number = None
    all_pgmajfault: Number = None
    oom_kills: Number = None
    processes: Number = None
    threads: Number = None
    cpu_some: Number = None
    cpu_full: Number = None
    memory_some: Number = None
    memory_full: Number = None
    io_some: Number = None
    io_full: Number = None
    devices: dict[str, tuple[int, int, int, int]] | None = None


Take = Callable[[Any, bytes], None]


class Asked(NamedTuple):
    """A file of a group, and what puts its bytes into the group's usage or limits.

    controller: whose hierarchy has it, on version 1. take raises ValueError, LookupError if it makes no sense of them.
    """

    controller: str
    name: str
    take: Take


def pairs(data: bytes) -> dict[bytes, bytes]:
    """`name value` lines to a dict. Raises ValueError if a name is without a value."""
    words = iter(data.split())
    return dict(zip(words, words, strict=True))


def limit(data: bytes) -> int:
    """A file's one number, 0 for `max`. Raises ValueError if it is neither."""
    return 0 if data.startswith(b"max") else int(data)


def pressure(data: bytes) -> tuple[float, float]:
    """A *.pressure file to the seconds of `some` and `full`; 0 for full if the kernel has none (cpu before 5.13).

    Raises ValueError if it is no such file.
    """
    first, _, second = data.partition(b"\n")
    if not first.startswith(b"some "):
        raise ValueError("no line `some`")
    full = int(second.rpartition(b"=")[2]) if second else 0
    return int(first.rpartition(b"=")[2]) / 1e6, full / 1e6


def cpu_pressure(usage: Usage, data: bytes) -> None:
    """cpu.pressure."""
    usage.cpu_some, usage.cpu_full = pressure(data)


def memory_pressure(usage: Usage, data: bytes) -> None:
    """memory.pressure."""
    usage.memory_some, usage.memory_full = pressure(data)


def io_pressure(usage: Usage, data: bytes) -> None:
    """io.pressure."""
    usage.io_some, usage.io_full = pressure(data)


def threads(usage: Usage, data: bytes) -> None:
    """pids.current, which counts threads."""
    usage.threads = int(data)


def threads_most(limits: Limits, data: bytes) -> None:
    """pids.max."""
    limits.threads = limit(data)
