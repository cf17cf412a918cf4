"""meminfo: /proc/meminfo in, node_memory_*_bytes out (proc_meminfo(5)).

`Active(anon)` is Active_anon. What the kernel gives in kB is bytes; what it gives without a unit (HugePages_Total) is a
count and has no `_bytes`.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import read

FIELD = Described("node_memory_*", "gauge", "Memory information field *.")


def parse(text: bytes) -> Iterator[tuple[str, int]]:
    """Each field's name, with `_bytes` if it is bytes, and its value. Raises ValueError."""
    for line in text.decode("ascii").splitlines():
        key, _, rest = line.partition(":")
        value, *unit = rest.split()
        name = key.replace("(", "_").replace(")", "")
        yield (name + "_bytes", int(value) * 1024) if unit else (name, int(value))


class Meminfo(Collector):
    """What the node's memory is used for."""

    name = "meminfo"
    FAMILIES = (FIELD,)

    def collect(self) -> Iterator[Metric]:
        for name, value in parse(read(self.host.proc + "/meminfo", 1 << 20)):
            yield FIELD.named(name).one(value)
