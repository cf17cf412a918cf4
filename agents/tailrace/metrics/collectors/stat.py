"""stat: the rest of /proc/stat in, node_context_switches_total and its like out (proc_stat(5))."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import read

_LINES = {
    b"intr": Described("node_intr_total", "counter", "Total number of interrupts serviced."),
    b"ctxt": Described("node_context_switches_total", "counter", "Total number of context switches."),
    b"processes": Described("node_forks_total", "counter", "Total number of forks."),
    b"btime": Described("node_boot_time_seconds", "gauge", "Node boot time, in unixtime."),
    b"procs_running": Described("node_procs_running", "gauge", "Number of processes in runnable state."),
    b"procs_blocked": Described(
        "node_procs_blocked", "gauge", "Number of processes blocked waiting for I/O to complete."
    ),
}


def parse(text: bytes) -> dict[bytes, int]:
    """The first number of each line that is one of ours. Raises ValueError if one has none, or if none is there."""
    found = {}
    for line in text.splitlines():
        key, _, rest = line.partition(b" ")
        if key in _LINES:
            found[key] = int(rest.split(None, 1)[0] if rest else rest)
    if not found:
        raise ValueError("/proc/stat has no line that we know")
    return found


class Stat(Collector):
    """Interrupts, context switches, forks, when the node was booted."""

    name = "stat"
    FAMILIES = tuple(_LINES.values())

    def collect(self) -> Iterator[Metric]:
        for key, value in parse(read(self.host.proc + "/stat")).items():
            yield _LINES[key].one(value)
