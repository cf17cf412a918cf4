"""netdev: /proc/net/dev in, node_network_{receive,transmit}_*_total out.

Packets that nobody on the node wanted are not in that file; /sys/class/net has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.config.exporter import NETWORK
from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described, table
from tailrace.metrics.host import Host, number, read
from tailrace.metrics.labels import Labels

_NAMES = (
    "receive_bytes", "receive_packets", "receive_errs", "receive_drop", "receive_fifo", "receive_frame",
    "receive_compressed", "receive_multicast", "transmit_bytes", "transmit_packets", "transmit_errs", "transmit_drop",
    "transmit_fifo", "transmit_colls", "transmit_carrier", "transmit_compressed",
)  # fmt: skip


def _of(name: str) -> Described:
    return Described(f"node_network_{name}_total", "counter", f"Network device statistic {name}.", ("device",))


_COLUMNS = tuple(_of(name) for name in _NAMES)
NO_HANDLER = _of("receive_nohandler")


def parse(text: bytes) -> Iterator[tuple[str, list[int]]]:
    """Each device and its sixteen counters, in the file's order. Raises ValueError."""
    for line in text.decode("utf-8", "replace").splitlines()[2:]:
        device, colon, rest = line.rpartition(":")
        values = [int(word) for word in rest.split()]
        if not colon or len(values) < len(_NAMES):
            raise ValueError(f"/proc/net/dev: a line has {len(values)} numbers, {len(_NAMES)} are needed")
        yield device.strip(), values[: len(_NAMES)]


class Netdev(Collector):
    """What went through each network device."""

    name = "netdev"
    FAMILIES = (*_COLUMNS, NO_HANDLER)

    def __init__(self, host: Host, exclude: str = NETWORK) -> None:
        """exclude: a pattern of devices that have no series; empty: none."""
        super().__init__(host)
        self._exclude = re.compile(exclude) if exclude else None
        self._labels: dict[str, Labels] = {}

    def collect(self) -> Iterator[Metric]:
        kept, self._labels = self._labels, {}
        rows = []
        for device, values in parse(read(self.host.net + "/dev")):
            if not (self._exclude and self._exclude.search(device)):
                labels = self._labels[device] = kept.get(device) or Labels(device=device)
                rows.append((labels, values))
        yield from table(_COLUMNS, rows)
        yield NO_HANDLER.of(self._unwanted())

    def _unwanted(self) -> Iterator[tuple[Labels, float]]:
        for device, labels in self._labels.items():
            try:
                yield labels, number(f"{self.host.sys}/class/net/{device}/statistics/rx_nohandler")
            except (OSError, ValueError):
                continue  # gone meanwhile, or another network's name space is mounted there
