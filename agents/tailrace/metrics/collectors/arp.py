"""arp: /proc/net/arp in, node_arp_entries out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import read
from tailrace.metrics.labels import Labels

ENTRIES = Described("node_arp_entries", "gauge", "ARP entries by device", ("device",))


def parse(text: bytes) -> Counter[str]:
    """Entries by device. Raises ValueError."""
    found: Counter[str] = Counter()
    for line in text.decode("utf-8", "replace").splitlines()[1:]:
        words = line.split()
        if len(words) < 6:
            raise ValueError(f"/proc/net/arp: a line has {len(words)} columns, six are needed")
        found[words[-1]] += 1
    return found


class Arp(Collector):
    """How many neighbours each network device knows."""

    name = "arp"
    FAMILIES = (ENTRIES,)

    def collect(self) -> Iterator[Metric]:
        entries = parse(read(self.host.net + "/arp"))
        yield ENTRIES.of((Labels(device=device), count) for device, count in sorted(entries.items()))
