"""loadavg: /proc/loadavg in, node_load1, node_load5, node_load15 out."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import read


def parse(text: bytes) -> list[float]:
    """The three averages. Raises ValueError."""
    found = [float(word) for word in text.split()[:3]]
    if len(found) != 3:
        raise ValueError(f"/proc/loadavg has {len(found)} numbers, not three")
    return found


class Loadavg(Collector):
    """How many processes ran or waited."""

    name = "loadavg"
    FAMILIES = tuple(Described(f"node_load{m}", "gauge", f"{m}m load average.") for m in (1, 5, 15))

    def collect(self) -> Iterator[Metric]:
        for family, value in zip(self.FAMILIES, parse(read(self.host.proc + "/loadavg")), strict=True):
            yield family.one(value)
