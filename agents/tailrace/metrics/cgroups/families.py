"""families: the usage of groups in, cAdvisor's families out, with its names, types and helps, word for word.

Which groups a family has: containers; pods too, where a limit or a pressure is the pod's own or a pod outlives its
containers (their counters end with them); what holds pods, and the root, where dashboards look at `id="/"`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from prometheus_client.core import Metric
from prometheus_client.samples import Sample

from tailrace.metrics.cgroups.labelled import NAMES, Labelled
from tailrace.metrics.cgroups.usage import Usage
from tailrace.metrics.described import Described, Kind

_new = tuple.__new__
Row = tuple[Labelled, Usage]
_CONTAINERS, _PODS, _ALL = ("container",), ("container", "pod"), ("container", "pod", "above")


@dataclass(frozen=True)
class _Told:
    """A family, the levels that have it, and for each of its samples the field of Labelled and what gets the value."""

    family: Described
    levels: tuple[str, ...]
    samples: tuple[tuple[str, Callable[[Any], Any]], ...]


def _told(
    kind: Kind, name: str, levels: tuple[str, ...], value: str, help: str, extra: tuple[str, ...] = (), *others: str
) -> _Told:
    """value, others: fields of Usage; with extra labels, Labelled has a field of the same name."""
    values = (value, *others)
    labels = values if extra else ("base",) * len(values)
    samples = tuple((label, attrgetter(value)) for label, value in zip(labels, values, strict=True))
    return _Told(Described(f"container_{name}", kind, help, (*NAMES, *extra)), levels, samples)


_TOLD = (
    _told("gauge", "last_seen", _CONTAINERS, "seen", "Last time a container was seen by the exporter"),
    _told("gauge", "start_time_seconds", _PODS, "started", "Start time of the container since unix epoch in seconds."),
    _told("counter", "cpu_usage_seconds_total", _ALL, "cpu", "Cumulative cpu time consumed in seconds.", ("cpu",)),
    _told("counter", "cpu_user_seconds_total", _ALL, "cpu_user", "Cumulative user cpu time consumed in seconds."),
    _told("counter", "cpu_system_seconds_total", _ALL, "cpu_system", "Cumulative system cpu time consumed in seconds."),
    _told("counter", "cpu_cfs_periods_total", _PODS, "periods", "Number of elapsed enforcement period intervals."),
    _told("counter", "cpu_cfs_throttled_periods_total", _PODS, "throttled_periods",
          "Number of throttled period intervals."),
    _told("counter", "cpu_cfs_throttled_seconds_total", _PODS, "throttled",
          "Total time duration the container has been throttled."),
    _told("gauge", "spec_cpu_period", _PODS, "limits.period", "CPU period of the container."),
    _told("gauge", "spec_cpu_quota", _PODS, "limits.quota", "CPU quota of the container."),
    _told("gauge", "spec_cpu_shares", _CONTAINERS, "limits.shares", "CPU share of the container."),
    _told("gauge", "spec_memory_limit_bytes", _PODS, "limits.memory", "Memory limit for the container."),
    _told("gauge", "spec_memory_reservation_limit_bytes", _CONTAINERS, "limits.reservation",
          "Memory reservation limit for the container."),
    _told("gauge", "spec_memory_swap_limit_bytes", _CONTAINERS, "limits.swap", "Memory swap limit for the container."),
    _told("gauge", "memory_usage_bytes", _ALL, "memory",
          "Current memory usage in bytes, including all memory regardless of when it was accessed"),
    _told("gauge", "memory_working_set_bytes", _ALL, "working_set", "Current working set in bytes."),
    _told("gauge", "memory_max_usage_bytes", _ALL, "memory_most", "Maximum memory usage recorded in bytes"),
    _told("gauge", "memory_rss", _ALL, "rss", "Size of RSS in bytes."),
    _told("gauge", "memory_cache", _ALL, "cache", "Number of bytes of page cache memory."),
    _told("gauge", "memory_swap", _ALL, "swap", "Container swap usage in bytes."),
    _told("gauge", "memory_mapped_file", _ALL, "mapped_file", "Size of memory mapped files in bytes."),
    _told("gauge", "memory_kernel_usage", _PODS, "kernel", "Size of kernel memory allocated in bytes."),
    _told("gauge", "memory_total_active_file_bytes", _ALL, "active_file", "Current total active file in bytes."),
    _told("gauge", "memory_total_inactive_file_bytes", _ALL, "inactive_file", "Current total inactive file in bytes."),
    _told("gauge", "memory_slab_reclaimable_bytes", _PODS, "slab_reclaimable",
          "Kernel objects that go when memory is short, mostly of the file system (cgroup v2 only)."),
    _told("gauge", "memory_slab_unreclaimable_bytes", _PODS, "slab_unreclaimable",
          "Kernel objects that stay as long as they are used (cgroup v2 only)."),
    _told("counter", "memory_failcnt", _ALL, "failures", "Number of memory usage hits limits"),
    _told("counter", "memory_failures_total", _ALL, "pgfault", "Cumulative count of memory allocation failures.",
          ("failure_type", "scope"), "pgmajfault", "all_pgfault", "all_pgmajfault"),
    _told("counter", "oom_events_total", _PODS, "oom_kills",
          "Count of out of memory events observed for the container"),
    _told("gauge", "processes", _CONTAINERS, "processes", "Number of processes running inside the container."),
    _told("gauge", "threads", _PODS, "threads", "Number of threads running inside the container"),
    _told("gauge", "threads_max", _CONTAINERS, "limits.threads",
          "Maximum number of threads allowed inside the container, infinity if value is zero"),
    _told("counter", "pressure_cpu_waiting_seconds_total", _ALL, "cpu_some",
          "Total time duration tasks in the container have waited due to CPU congestion."),
    _told("counter", "pressure_cpu_stalled_seconds_total", _ALL, "cpu_full",
          "Total time duration no tasks in the container could make progress due to CPU congestion."),
    _told("counter", "pressure_memory_waiting_seconds_total", _ALL, "memory_some",
          "Total time duration tasks in the container have waited due to memory congestion."),
    _told("counter", "pressure_memory_stalled_seconds_total", _ALL, "memory_full",
          "Total time duration no tasks in the container could make progress due to memory congestion."),
    _told("counter", "pressure_io_waiting_seconds_total", _ALL, "io_some",
          "Total time duration tasks in the container have waited due to IO congestion."),
    _told("counter", "pressure_io_stalled_seconds_total", _ALL, "io_full",
          "Total time duration no tasks in the container could make progress due to IO congestion."),
)  # fmt: skip
# Bytes read, bytes written, reads, writes: in the order of Usage.devices.
_DEVICES = tuple(
    Described(f"container_fs_{name}_total", "counter", f"Cumulative count of {what}", (*NAMES, "device"))
    for name, what in (
        ("reads_bytes", "bytes read"),
        ("writes_bytes", "bytes written"),
        ("reads", "reads completed"),
        ("writes", "writes completed"),
    )
)
FAMILIES = (*(told.family for told in _TOLD), *_DEVICES)


def told(rows: Mapping[str, Sequence[Row]], devices: Callable[[str], str]) -> Iterator[Metric]:
    """The families that have samples. rows: by level. devices: `major:minor` to a device's name."""
    usages = {level: [usage for _, usage in some] for level, some in rows.items()}
    kept: dict[tuple[str, str], list[Any]] = {}
    for one in _TOLD:
        metric, name = one.family.empty(), one.family.name
        for level in one.levels:
            for field, value in one.samples:
                labels = kept.get((level, field))
                if labels is None:
                    labels = kept[level, field] = [getattr(labelled, field) for labelled, _ in rows[level]]
                # As Sample(name, label, number) makes it, in half the time: these are most of the node's samples.
                metric.samples += [
                    _new(Sample, (name, label, number, None, None, None))
                    for label, number in zip(labels, map(value, usages[level]), strict=True)
                    if number is not None
                ]
        if metric.samples:
            yield metric
    for at, family in enumerate(_DEVICES):
        found = [
            (labelled.device(devices(number)), four[at])
            for level in ("container", "above")
            for labelled, usage in rows[level]
            if usage.devices
            for number, four in usage.devices.items()
        ]
        if found:
            yield family.of(found)
