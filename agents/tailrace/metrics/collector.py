"""collector: one subject of the node (cpu, disk, pods) in, its families of metrics out.

What a collector may not do: wait for a network or a disk without an end, keep series of things that are gone, log at
every scrape, or take names of families from anywhere but FAMILIES.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from prometheus_client.core import Metric

from tailrace.metrics.described import Described
from tailrace.metrics.host import Host


class Absent(Exception):
    """There is nothing to collect on this node (no such kernel feature). Not a failure, but no success either."""


class Collector(ABC):
    """Reads one subject at each scrape.

    name: in `node_scrape_collector_success{collector="…"}`, in the setting and in the file's name. FAMILIES: all that
    `collect` may give. A collector that needs more than the host has its own constructor.
    """

    name: ClassVar[str]
    FAMILIES: ClassVar[tuple[Described, ...]]

    def __init__(self, host: Host) -> None:
        self.host = host

    @abstractmethod
    def collect(self) -> Iterator[Metric]:
        """The families as they are now.

        Raises whatever goes wrong (OSError, ValueError; Absent if there is nothing): what was given before counts, the
        rest is missing from this scrape, and the collector's success is 0. Called by one thread at a time.
        """

    def close(self) -> None:  # noqa: B027
        """Give up threads, files and watches."""
