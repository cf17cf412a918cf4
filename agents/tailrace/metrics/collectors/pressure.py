"""pressure: /proc/pressure/* in, node_pressure_*_seconds_total out (kernel: accounting/psi.rst).

`some` is waiting, `full` is stalled. A node has no `full` for cpu; only newer kernels have irq, without `some`.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Absent, Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import read

_WAITED = "Total time in seconds that processes have waited "
_STALLED = "Total time in seconds no process could make progress due to "
_LINES = {
    ("cpu", "some"): Described("node_pressure_cpu_waiting_seconds_total", "counter", _WAITED + "for CPU time"),
    ("io", "some"): Described("node_pressure_io_waiting_seconds_total", "counter", _WAITED + "due to IO congestion"),
    ("io", "full"): Described("node_pressure_io_stalled_seconds_total", "counter", _STALLED + "IO congestion"),
    ("memory", "some"): Described("node_pressure_memory_waiting_seconds_total", "counter", _WAITED + "for memory"),
    ("memory", "full"): Described(
        "node_pressure_memory_stalled_seconds_total", "counter", _STALLED + "memory congestion"
    ),
    ("irq", "full"): Described("node_pressure_irq_stalled_seconds_total", "counter", _STALLED + "IRQ congestion"),
}
_OFF = (errno.ENOENT, errno.EOPNOTSUPP)  # not in this kernel, or switched off at boot


def parse(text: bytes) -> dict[str, float]:
    """Seconds of `some` and `full`. Raises ValueError."""
    found = {}
    for line in text.decode("ascii").splitlines():
        kind, *_, total = line.split()
        # Divided twice, as node_exporter does it: the same double comes out.
        found[kind] = int(total.removeprefix("total=")) / 1000 / 1000
    return found


class Pressure(Collector):
    """How long processes waited for CPU, memory and disks."""

    name = "pressure"
    FAMILIES = tuple(_LINES.values())

    def collect(self) -> Iterator[Metric]:
        some = False
        for resource in ("cpu", "io", "memory", "irq"):
            try:
                seconds = parse(read(f"{self.host.proc}/pressure/{resource}", 4096))
            except OSError as error:
                if error.errno not in _OFF:
                    raise
                continue
            for kind, value in seconds.items():
                if family := _LINES.get((resource, kind)):
                    some = True
                    yield family.one(value)
        if not some:
            raise Absent("this kernel has no /proc/pressure")
