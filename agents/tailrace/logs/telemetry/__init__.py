"""telemetry: what the log agent did and how it stands, in; the families of /metrics, out.

    declared.py   every metric, once
    snapshot.py   how the agent stands, as the agent fills it in
    noisiest.py   which namespaces and pods have series of their own
    watch.py      the open files: how far behind

The agent calls a method at an event (an object, a checkpoint, never a line) and `publish` once a tick. A scrape reads
only what was published last, so it never waits for the agent, and all its values are of one moment.
"""

from __future__ import annotations

import errno
import platform
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import pyarrow as pa
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from tailrace import __version__
from tailrace.delivery.refusal import Refused
from tailrace.logs.telemetry.declared import (
    ABANDONED,
    BUCKETS,
    METRICS,
    NAMESPACES,
    OF_INLETS,
    OF_PODS,
    OF_SINKS,
    OTHER,
    PODS,
    Metric,
)  # fmt: skip
from tailrace.logs.telemetry.noisiest import Key, Noisiest, Writer, top
from tailrace.logs.telemetry.snapshot import SinkSnapshot, Snapshot, Values, problem_counts
from tailrace.logs.telemetry.watch import Behind, Watch

__all__ = ["Behind", "SinkSnapshot", "Snapshot", "Telemetry", "Watch", "problem_counts"]

_PERIOD = 1.0  # seconds between two reports within a long tick
_EXPIRE = 60.0  # seconds between two looks for writers that are quiet
_REFUSALS = (
    ("full", (errno.ENOSPC, errno.EDQUOT)),
    ("denied", (errno.EACCES, errno.EPERM, errno.EROFS)),
    ("throttled", (errno.EAGAIN, errno.EBUSY)),
    ("timeout", (errno.ETIMEDOUT,)),
    ("unreachable", (errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.ENETUNREACH,
                     errno.EHOSTUNREACH)),
)  # fmt: skip


@dataclass(frozen=True)
class _View:
    """What scrapes read: made by `publish`, never changed."""

    snapshot: Snapshot
    values: dict[str, Values]
    stores: dict[str, tuple[tuple[int, ...], float]]
    namespaces: dict[Key, Writer]
    pods: dict[Key, Writer]


class Telemetry(Collector):
    """The log agent's metrics, in a registry of their own. Events may come from any thread, `publish` from one."""

    def __init__(
        self,
        sinks: tuple[str, ...],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """clock: the seconds that the agent's `now` is in; wall: Unix time."""
        self._sinks, self._clock, self._wall = sinks, clock, wall
        self._lock = threading.Lock()
        self._values: dict[str, Values] = {m.name: _zeros(m, sinks) for m in METRICS}
        self._stores = {sink: ([0] * (len(BUCKETS) + 1), 0.0) for sink in sinks}
        self._recovered = 0
        self._namespaces, self._pods = Noisiest(), Noisiest()
        self._next_expiry = clock() + _EXPIRE
        for sink in sinks:
            self._values["tailrace_log_sink_up"][(sink,)] = 1
            self._values["tailrace_log_sink_last_success_timestamp_seconds"][(sink,)] = wall()
        self._values["tailrace_log_config_last_reload_ok"][()] = 1
        self._values["tailrace_log_build_info"][(__version__, platform.python_version(), pa.__version__)] = 1
        self.publish(Snapshot())
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def committed(
        self, sink: str, accounts: Mapping[tuple[str, str, str], tuple[int, int]], recovered: bool = False
    ) -> None:
        """An object's ranges are with a sink. accounts: (namespace, pod, account) to lines and bytes.

        recovered: an earlier run read them, so that no file is going to show their bytes again.
        """
        now = self._clock()
        with self._lock:
            for (namespace, pod, account), (lines, size) in accounts.items():
                self._add("tailrace_log_ledger_lines_total", (sink, account), lines)
                self._add("tailrace_log_ledger_bytes_total", (sink, account), size)
                if sink != self._sinks[0]:  # else each byte would count several times
                    continue
                self._namespaces.add((namespace,), account, lines, size, now)
                self._pods.add((namespace, pod), account, lines, size, now)
                self._recovered += size if recovered else 0

    def stored(self, sink: str, seconds: float) -> None:
        """The sink took an object, and needed `seconds` to."""
        with self._lock:
            counts, total = self._stores[sink]
            counts[bisect_left(BUCKETS, seconds)] += 1
            self._stores[sink] = (counts, total + seconds)
            self._add("tailrace_log_objects_stored_total", (sink,), 1)
            self._values["tailrace_log_sink_up"][(sink,)] = 1
            self._values["tailrace_log_sink_last_success_timestamp_seconds"][(sink,)] = self._wall()

    def refused(self, sink: str, error: OSError) -> None:
        """The sink did not take an object, which will be offered again."""
        with self._lock:
            self._add("tailrace_log_sink_retries_total", (sink, _refusal(error)), 1)
            self._values["tailrace_log_sink_up"][(sink,)] = 0

    def abandoned(self, reason: str, size: int) -> None:
        """Bytes were given up; reason: a value of declared.ABANDONED, else it counts as `other`."""
        with self._lock:
            self._add("tailrace_log_abandoned_bytes_total", (ABANDONED.known(reason),), size)

    def saved(self, ok: bool) -> None:
        """The checkpoint was written, or could not be."""
        with self._lock:
            self._add("tailrace_log_checkpoint_saves_total", ("ok" if ok else "failed",), 1)

    def reloaded(self, ok: bool) -> None:
        """The settings were read anew and are in force, or were refused."""
        with self._lock:
            self._add("tailrace_log_config_reloads_total", ("ok" if ok else "refused",), 1)
            self._values["tailrace_log_config_last_reload_ok"][()] = float(ok)

    def due(self) -> bool:
        """Whether a report is due: within a tick that takes long, one a second is enough."""
        return self._clock() - self._published >= _PERIOD

    def publish(self, snapshot: Snapshot) -> None:
        """Show scrapes how the agent stands now, with all events up to now."""
        now = self._published = self._clock()
        with self._lock:
            if now >= self._next_expiry:
                self._next_expiry = now + _EXPIRE
                self._namespaces.expire(now)
                self._pods.expire(now)
            self._values["tailrace_log_last_tick_timestamp_seconds"][()] = self._wall()
            self._values["tailrace_log_seen_bytes_total"][()] = snapshot.seen_bytes + self._recovered
            values = {name: dict(known) for name, known in self._values.items()}
            stores = {sink: (tuple(counts), total) for sink, (counts, total) in self._stores.items()}
            self._view = _View(snapshot, values, stores, self._namespaces.copy(), self._pods.copy())

    def _add(self, name: str, labels: Key, amount: float) -> None:
        self._values[name][labels] += amount

    def describe(self) -> Iterator[Family]:
        """Every family, without samples."""
        return (Family(m.family, m.help, m.kind, m.unit) for m in METRICS)

    def collect(self) -> Iterator[Family]:
        """Every family, as of the last `publish`."""
        view, now = self._view, self._clock()
        values = {**view.values, **view.snapshot.values(now)}
        namespaces = top(view.namespaces, NAMESPACES, now)
        for place, what in enumerate(("lines", "bytes")):
            values[f"tailrace_log_namespace_{what}_total"] = {
                (*key, account): both[place] for key, writer in namespaces for account, both in writer.totals.items()
            }
        values["tailrace_log_pod_bytes_total"] = {
            key: sum(size for _, size in writer.totals.values()) for key, writer in top(view.pods, PODS, now)
        }
        for metric, family in zip(METRICS, self.describe(), strict=True):
            names = [label.name for label in metric.labels]
            for labels, value in values[metric.name].items():
                family.add_sample(metric.name, dict(zip(names, labels, strict=True)), value)
            if metric.kind == "histogram":
                _add_stores(family, view.stores)
            yield family


def _zeros(metric: Metric, sinks: tuple[str, ...]) -> Values:
    """A series for every combination of labels that is known beforehand: a rate needs a 0 to begin from."""
    if metric.kind == "histogram" or metric in (*OF_SINKS, *OF_INLETS, *OF_PODS):
        return {}
    return dict.fromkeys(product(*(sinks if label.name == "sink" else label.fixed for label in metric.labels)), 0)


def _add_stores(family: Family, stores: Mapping[str, tuple[tuple[int, ...], float]]) -> None:
    for sink, (counts, total) in stores.items():
        below = 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
            below += count
            family.add_sample(f"{family.name}_bucket", {"sink": sink, "le": bound}, below)
        family.add_sample(f"{family.name}_count", {"sink": sink}, below)
        family.add_sample(f"{family.name}_sum", {"sink": sink}, total)


def _refusal(error: OSError) -> str:
    if isinstance(error, Refused):
        return error.reason
    if isinstance(error, TimeoutError):
        return "timeout"
    return next((reason for reason, numbers in _REFUSALS if error.errno in numbers), OTHER)
