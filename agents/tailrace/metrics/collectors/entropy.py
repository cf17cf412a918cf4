"""entropy: /proc/sys/kernel/random in, node_entropy_* out."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import number

AVAILABLE = Described("node_entropy_available_bits", "gauge", "Bits of available entropy.")
POOL = Described("node_entropy_pool_size_bits", "gauge", "Bits of entropy pool.")


class Entropy(Collector):
    """How much randomness the kernel has."""

    name = "entropy"
    FAMILIES = (AVAILABLE, POOL)

    def collect(self) -> Iterator[Metric]:
        folder = self.host.proc + "/sys/kernel/random"
        yield AVAILABLE.one(number(folder + "/entropy_avail"))
        yield POOL.one(number(folder + "/poolsize"))
