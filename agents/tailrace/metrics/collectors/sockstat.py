"""sockstat: /proc/net/sockstat and sockstat6 in, node_sockstat_* out.

The kernel counts the memory of TCP and UDP in pages: `mem` is that, `mem_bytes` what it comes to.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import read

USED = Described("node_sockstat_sockets_used", "gauge", "Number of IPv4 sockets in use.")
# `*` is the protocol and what is counted, TCP_alloc; the help has them apart.
COUNT = Described("node_sockstat_*", "gauge", "Number of * sockets in state *.")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def parse(text: bytes) -> Iterator[tuple[str, str, int]]:
    """Protocol, what is counted, count. Raises ValueError."""
    for line in text.decode("ascii").splitlines():
        protocol, _, rest = line.partition(":")
        words = rest.split()
        for name, value in zip(words[::2], words[1::2], strict=True):
            yield protocol, name, int(value)
            if name == "mem":
                yield protocol, "mem_bytes", int(value) * _PAGE


def _family(protocol: str, name: str) -> Described:
    return Described(f"node_sockstat_{protocol}_{name}", "gauge", f"Number of {protocol} sockets in state {name}.")


class Sockstat(Collector):
    """Sockets by protocol and state."""

    name = "sockstat"
    FAMILIES = (USED, COUNT)

    def collect(self) -> Iterator[Metric]:
        for file in ("sockstat", "sockstat6"):
            try:
                text = read(f"{self.host.net}/{file}", 1 << 16)
            except FileNotFoundError:
                if file == "sockstat":
                    raise
                continue  # a kernel without IPv6
            for protocol, name, value in parse(text):
                yield (USED if protocol == "sockets" else _family(protocol, name)).one(value)
