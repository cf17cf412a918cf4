"""cpu: /proc/stat, /proc/cpuinfo and thermal throttling in, node_cpu_* out (proc_stat(5)).

The kernel's idle and iowait counters go back now and then, by a tick or, when a CPU was taken offline, by all they
had. A step back of less than three seconds is hidden, as rate() would take it for a restart; a larger one is a restart.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import Host, number, read
from tailrace.metrics.labels import Labels

SECONDS = Described("node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode.", ("cpu", "mode"))
GUEST = Described(
    "node_cpu_guest_seconds_total", "counter", "Seconds the CPUs spent in guests (VMs) for each mode.", ("cpu", "mode")
)
# label, key in /proc/cpuinfo
_INFO = (
    ("cachesize", "cache size"), ("core", "core id"), ("cpu", "processor"), ("family", "cpu family"),
    ("microcode", "microcode"), ("model", "model"), ("model_name", "model name"), ("package", "physical id"),
    ("stepping", "stepping"), ("vendor", "vendor_id"),
)  # fmt: skip
INFO = Described("node_cpu_info", "gauge", "CPU information from /proc/cpuinfo.", tuple(label for label, _ in _INFO))
CORE = Described(
    "node_cpu_core_throttles_total",
    "counter",
    "Number of times this CPU core has been throttled.",
    ("package", "core"),
)
PACKAGE = Described(
    "node_cpu_package_throttles_total",
    "counter",
    "Number of times this CPU package has been throttled.",
    ("package",),
)
MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
GUESTS = ("user", "nice")
_IDLE = MODES.index("idle")
_JUMP = 3.0  # seconds that idle may go back before it counts as a CPU that was offline
_HERTZ = os.sysconf("SC_CLK_TCK")


def parse(text: bytes) -> Iterator[tuple[str, list[float]]]:
    """Each CPU's number and its seconds in MODES, then in GUESTS, from /proc/stat. Raises ValueError."""
    for line in text.splitlines():
        if line.startswith(b"cpu") and line[3:4].isdigit():
            name, *ticks = line.split()
            yield name[3:].decode(), [int(tick) / _HERTZ for tick in ticks[: len(MODES) + len(GUESTS)]]


def parse_info(text: bytes) -> Iterator[dict[str, str]]:
    """Each CPU's fields from /proc/cpuinfo."""
    for block in text.decode("utf-8", "replace").split("\n\n"):
        fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in block.splitlines())}
        if fields.get("processor", "").isdigit():
            yield fields


def onward(before: list[float], now: list[float]) -> list[float]:
    """The counters to be shown, after those that were shown before."""
    if len(before) != len(now) or (len(now) > _IDLE and before[_IDLE] - now[_IDLE] >= _JUMP):
        return now
    return [max(pair) for pair in zip(before, now, strict=True)]


class Cpu(Collector):
    """How long each CPU did what, what it is, and how often heat slowed it down."""

    name = "cpu"
    FAMILIES = (SECONDS, GUEST, INFO, CORE, PACKAGE)

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._shown: dict[str, list[float]] = {}
        self._labels: dict[str, list[Labels]] = {}
        self._info: list[Labels] | None = None

    def collect(self) -> Iterator[Metric]:
        self._shown = {cpu: onward(self._shown.get(cpu, []), now) for cpu, now in parse(read(self.host.proc + "/stat"))}
        if not self._shown:
            raise ValueError(f"{self.host.proc}/stat names no CPU")
        seconds, guest = [], []
        for cpu, values in self._shown.items():
            if (labels := self._labels.get(cpu)) is None:
                labels = self._labels[cpu] = [Labels(cpu=cpu, mode=mode) for mode in (*MODES, *GUESTS)]
            pairs = list(zip(labels, values, strict=False))
            seconds += pairs[: len(MODES)]
            guest += pairs[len(MODES) :]
        yield SECONDS.of(seconds)
        yield GUEST.of(guest)
        yield INFO.of((labels, 1.0) for labels in self._known())
        yield from self._throttles()

    def _known(self) -> list[Labels]:
        """Read once: the kernel measures each CPU's frequency for it, which takes its time."""
        if self._info is None:
            try:
                found = list(parse_info(read(self.host.proc + "/cpuinfo")))
            except (OSError, ValueError):
                found = []
            self._info = [Labels((label, fields.get(key, "")) for label, key in _INFO) for fields in found]
        return self._info

    def _throttles(self) -> Iterator[Metric]:
        cores: dict[tuple[int, int], float] = {}
        packages: dict[int, float] = {}
        for cpu in sorted(Path(self.host.sys + "/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle")):
            try:
                package = int(number(f"{cpu.parent}/topology/physical_package_id"))
                core = int(number(f"{cpu.parent}/topology/core_id"))
                cores.setdefault((package, core), number(f"{cpu}/core_throttle_count"))
                packages.setdefault(package, number(f"{cpu}/package_throttle_count"))
            except (OSError, ValueError):
                continue  # some machines have one of the files and not the others
        yield CORE.of((Labels(package=str(p), core=str(c)), count) for (p, c), count in cores.items())
        yield PACKAGE.of((Labels(package=str(p)), count) for p, count in packages.items())
