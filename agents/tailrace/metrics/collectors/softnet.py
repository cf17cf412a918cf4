"""softnet: /proc/net/softnet_stat in, node_softnet_* out: packets by CPU, those dropped, and rounds cut short."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described, table
from tailrace.metrics.host import read
from tailrace.metrics.labels import Labels

_CPU = ("cpu",)
_INDEX = 12  # the column with the CPU's number, since Linux 5.10: offline CPUs have no row


def parse(text: bytes) -> Iterator[tuple[str, list[int]]]:
    """Each CPU's packets processed, packets dropped, and rounds cut short. Raises ValueError."""
    for row, line in enumerate(text.splitlines()):
        fields = [int(field, 16) for field in line.split()]
        if len(fields) < 3:
            raise ValueError(f"/proc/net/softnet_stat: {len(fields)} columns, at least three are needed")
        yield str(fields[_INDEX] if len(fields) > _INDEX else row), fields[:3]


class Softnet(Collector):
    """What the kernel's network interrupts did, by CPU."""

    name = "softnet"
    FAMILIES = (
        Described("node_softnet_processed_total", "counter", "Number of processed packets", _CPU),
        Described("node_softnet_dropped_total", "counter", "Number of dropped packets", _CPU),
        Described(
            "node_softnet_times_squeezed_total",
            "counter",
            "Number of times processing packets ran out of quota",
            _CPU,
        ),
    )

    def collect(self) -> Iterator[Metric]:
        rows = parse(read(self.host.net + "/softnet_stat"))
        yield from table(self.FAMILIES, [(Labels(cpu=cpu), values) for cpu, values in rows])
