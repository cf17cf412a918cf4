"""udp_queues: /proc/net/udp and udp6 in, node_udp_queues out: bytes that wait in UDP's sockets."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import read
from tailrace.metrics.labels import Labels

QUEUES = Described(
    "node_udp_queues", "gauge", "Number of allocated memory in the kernel for UDP datagrams in bytes.", ("queue", "ip")
)
_FILES = {"v4": "udp", "v6": "udp6"}


def parse(text: bytes) -> tuple[int, int]:
    """Bytes to be sent, bytes received. Raises ValueError."""
    sending = received = 0
    for line in text.splitlines()[1:]:
        tx, colon, rx = line.split()[4].partition(b":")
        if not colon:
            raise ValueError("/proc/net/udp: the fifth column is not tx_queue:rx_queue")
        sending, received = sending + int(tx, 16), received + int(rx, 16)
    return sending, received


class UdpQueues(Collector):
    """Bytes that wait in UDP's sockets."""

    name = "udp_queues"
    FAMILIES = (QUEUES,)

    def collect(self) -> Iterator[Metric]:
        samples = []
        for ip, file in _FILES.items():
            try:
                sending, received = parse(read(f"{self.host.net}/{file}"))
            except FileNotFoundError:
                if ip == "v4":
                    raise
                continue  # a kernel without IPv6
            except IndexError:
                raise ValueError(f"/proc/net/{file}: a line has less than five columns") from None
            samples += [(Labels(queue="tx", ip=ip), sending), (Labels(queue="rx", ip=ip), received)]
        yield QUEUES.of(samples)
