"""clock: the clock and its sources in, node_time_* out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import word
from tailrace.metrics.labels import Labels

SECONDS = Described("node_time_seconds", "gauge", "System time in seconds since epoch (1970).")
ZONE = Described("node_time_zone_offset_seconds", "gauge", "System time zone offset in seconds.", ("time_zone",))
_SOURCE = ("device", "clocksource")
AVAILABLE = Described(
    "node_time_clocksource_available_info",
    "gauge",
    "Available clocksources read from '/sys/devices/system/clocksource'.",
    _SOURCE,
)
CURRENT = Described(
    "node_time_clocksource_current_info",
    "gauge",
    "Current clocksource read from '/sys/devices/system/clocksource'.",
    _SOURCE,
)


class Clock(Collector):
    """What time it is here, and what the kernel reads it from."""

    name = "time"
    FAMILIES = (SECONDS, ZONE, AVAILABLE, CURRENT)

    def collect(self) -> Iterator[Metric]:
        now = time.time()
        local = time.localtime(now)
        yield SECONDS.one(now)
        yield ZONE.of([(Labels(time_zone=local.tm_zone), float(local.tm_gmtoff))])
        available, current = [], []
        for folder in sorted(Path(self.host.sys + "/devices/system/clocksource").glob("clocksource[0-9]*")):
            device = folder.name.removeprefix("clocksource")
            for source in word(f"{folder}/available_clocksource").split():
                available.append((Labels(device=device, clocksource=source), 1.0))
            current.append((Labels(device=device, clocksource=word(f"{folder}/current_clocksource")), 1.0))
        yield AVAILABLE.of(available)
        yield CURRENT.of(current)
