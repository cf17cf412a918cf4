"""vmstat: /proc/vmstat in, node_vmstat_{oom_kill,pgpg*,pswp*,pg*fault*} out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import read

FIELD = Described("node_vmstat_*", "untyped", "/proc/vmstat information field *.")
_SHOWN = re.compile(rb"^((?:oom_kill|pgpg|pswp|pg.*fault)[a-z0-9_]*) (\d+)$", re.MULTILINE)


def parse(text: bytes) -> list[tuple[str, int]]:
    """The fields that are shown. Raises ValueError if there are none."""
    found = [(name.decode(), int(value)) for name, value in _SHOWN.findall(text)]
    if not found:
        raise ValueError("/proc/vmstat has no field that we know")
    return found


class Vmstat(Collector):
    """Paging, faults, OOM kills."""

    name = "vmstat"
    FAMILIES = (FIELD,)

    def collect(self) -> Iterator[Metric]:
        for name, value in parse(read(self.host.proc + "/vmstat", 1 << 20)):
            yield FIELD.named(name).one(value)
