"""filefd: /proc/sys/fs/file-nr in, node_filefd_allocated and node_filefd_maximum out."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import read

ALLOCATED = Described("node_filefd_allocated", "gauge", "File descriptor statistics: allocated.")
MAXIMUM = Described("node_filefd_maximum", "gauge", "File descriptor statistics: maximum.")


class Filefd(Collector):
    """Open files, and how many there may be."""

    name = "filefd"
    FAMILIES = (ALLOCATED, MAXIMUM)

    def collect(self) -> Iterator[Metric]:
        allocated, _free, maximum = (int(part) for part in read(self.host.proc + "/sys/fs/file-nr", 4096).split())
        yield ALLOCATED.one(allocated)
        yield MAXIMUM.one(float(maximum))
