"""schedstat: /proc/schedstat in, node_schedstat_* out (kernel: scheduler/sched-stats.rst)."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Absent, Collector
from tailrace.metrics.described import Described, table
from tailrace.metrics.host import read
from tailrace.metrics.labels import Labels

_CPU = ("cpu",)


def parse(text: bytes) -> Iterator[tuple[str, tuple[float, float, float]]]:
    """Each CPU's seconds running, seconds waiting, and timeslices. Raises ValueError."""
    for line in text.splitlines():
        if line.startswith(b"cpu"):
            name, *fields = line.split()
            running, waiting, slices = (int(field) for field in fields[6:9])
            yield name[3:].decode("ascii"), (running / 1e9, waiting / 1e9, slices)


class Schedstat(Collector):
    """How long processes ran, and waited for a CPU."""

    name = "schedstat"
    FAMILIES = (
        Described(
            "node_schedstat_running_seconds_total", "counter", "Number of seconds CPU spent running a process.", _CPU
        ),
        Described(
            "node_schedstat_waiting_seconds_total",
            "counter",
            "Number of seconds spent by processing waiting for this CPU.",
            _CPU,
        ),
        Described("node_schedstat_timeslices_total", "counter", "Number of timeslices executed by CPU.", _CPU),
    )

    def collect(self) -> Iterator[Metric]:
        try:
            text = read(self.host.proc + "/schedstat")
        except FileNotFoundError:
            raise Absent("this kernel has no /proc/schedstat") from None
        yield from table(self.FAMILIES, ((Labels(cpu=cpu), values) for cpu, values in parse(text)))
