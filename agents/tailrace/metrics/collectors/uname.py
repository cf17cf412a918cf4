"""uname: /proc/sys/kernel in, node_uname_info out.

The files are read rather than the system call asked, so that they are the node's wherever its /proc is. The host name
is that of the name space that asks: the exporter's pod has the node's if it has the node's network.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import word
from tailrace.metrics.labels import Labels

_FILES = {
    "domainname": "domainname",
    "nodename": "hostname",
    "release": "osrelease",
    "sysname": "ostype",
    "version": "version",
}
INFO = Described(
    "node_uname_info",
    "gauge",
    "Labeled system information as provided by the uname system call.",
    ("domainname", "machine", "nodename", "release", "sysname", "version"),
)


class Uname(Collector):
    """The kernel's name and version."""

    name = "uname"
    FAMILIES = (INFO,)

    def collect(self) -> Iterator[Metric]:
        found = {label: word(f"{self.host.proc}/sys/kernel/{file}") for label, file in _FILES.items()}
        found["machine"] = os.uname().machine
        yield INFO.of([(Labels((label, found[label]) for label in INFO.labels), 1.0)])
