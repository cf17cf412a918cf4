"""process: the exporter's own process in, process_* and tailrace_build_info out."""

from __future__ import annotations

import os
from collections.abc import Iterator

from prometheus_client import ProcessCollector
from prometheus_client.core import Metric

from tailrace import __version__
from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import Host
from tailrace.metrics.labels import Labels

# Dashboards find the nodes by this one: it has the labels that they know, and our version.
EXPORTER = Described(
    "node_exporter_build_info",
    "gauge",
    "A metric with a constant '1' value labeled by version, revision, branch, goversion from which node_exporter was "
    "built, and the goos and goarch for the build.",
    ("branch", "goarch", "goos", "goversion", "revision", "version"),
)
BUILD = Described("tailrace_build_info", "gauge", "1, labeled by the version of tailrace.", ("version",))


class Process(Collector):
    """What the exporter itself uses."""

    name = "process"
    FAMILIES = (
        Described("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes."),
        Described("process_resident_memory_bytes", "gauge", "Resident memory size in bytes."),
        Described("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds."),
        Described("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds."),
        Described("process_open_fds", "gauge", "Number of open file descriptors."),
        Described("process_max_fds", "gauge", "Maximum number of open file descriptors."),
        EXPORTER,
        BUILD,
    )

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._process = ProcessCollector(registry=None)

    def collect(self) -> Iterator[Metric]:
        yield from self._process.collect()
        built = {"goarch": os.uname().machine, "goos": "linux", "version": f"tailrace-{__version__}"}
        yield EXPORTER.of([(Labels((label, built.get(label, "")) for label in EXPORTER.labels), 1.0)])
        yield BUILD.of([(Labels(version=__version__), 1.0)])
