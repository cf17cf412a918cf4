"""beside: a node's pods in, what `tailrace run metrics`, node_exporter and cAdvisor cost for them out, in one run.

cAdvisor reads its groups by itself, every 10 to 15 s, whether it is scraped or not; so what is compared is the CPU of
a whole period between two scrapes, of all three, and not that of a scrape. Each is asked as Prometheus asks, for gzip.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.bench import show
from tests.bench.kubepods import Kubepods, kubepods
from tests.metrics.cgroups.real import ROOT
from tests.servers import cadvisor, node_exporter
from tests.servers.parts import binary, free_port

SETTLED = 11.0  # seconds after which no group is in doubt any more, see cgroups/present.py
PERIOD = 15.0  # seconds between two scrapes, as Prometheus is mostly told
SHARE = 0.25  # of what cAdvisor takes
SELDOM = 10  # it is asked in one turn of these: its scrape takes half a second of CPU
MOST_WALL, MOST_MEMORY, MOST_CORE = 250.0, 80.0, 0.01  # ms, MiB, cores
MIB = 1 << 20
# What a kubelet asks for; and what cAdvisor does when it is started without flags.
RHYTHMS = {"cAdvisor each 10-15 s": ("10s", "15s"), "cAdvisor each 1-60 s": ("1s", "60s")}


@dataclass
class Asked:
    """One exporter."""

    process: subprocess.Popen[bytes]
    url: str
    walls: list[float] = field(default_factory=list)
    body: bytes = b""

    def scrape(self) -> None:
        """Ask it once, and keep how long it took, in ms."""
        start = time.perf_counter()
        self.body = get(self.url)
        self.walls.append((time.perf_counter() - start) * 1000)

    def cpu(self) -> float:
        """Milliseconds of CPU that it used so far, to the nanosecond, by its clock: clock_getcpuclockid(3)."""
        return time.clock_gettime((~self.process.pid << 3) | 2) * 1000

    def resident(self) -> float:
        """MiB at most."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024

    def kept(self) -> int:
        """How many control files it keeps open."""
        count = 0
        for entry in os.scandir(f"/proc/{self.process.pid}/fd"):
            with contextlib.suppress(OSError):
                count += os.readlink(entry.path).startswith(f"{ROOT}/")
        return count


def beside(pods: int, containers: int, scrapes: int, periods: int) -> None:
    """The exporter without pods and with them. periods: of PERIOD seconds, with one scrape each."""
    print(f"{scrapes} scrapes of each in turn, no pods")
    with started({}) as asked:
        in_turn(asked, scrapes)
    with kubepods(pods, containers) as made:
        for number, (name, (every, rarest)) in enumerate(RHYTHMS.items()):
            if made is None or (number and not cadvisor.found()):
                return
            print(f"{pods} pods of {containers} containers and a sandbox, {scrapes} scrapes of each in turn")
            with started({name: (every, rarest)}, made) as asked:
                in_turn(asked, scrapes)
                memory(asked["tailrace"], made)
                compared(periodic(asked, periods), name)


@contextlib.contextmanager
def started(rhythms: Mapping[str, tuple[str, str]], made: Kubepods | None = None) -> Iterator[dict[str, Asked]]:
    """Those that are to be had, each of them past its first scrapes. rhythms: a cAdvisor for each."""
    commands = {"tailrace": (port := free_port(), ours(port))}
    if node_exporter.found():
        port = free_port()
        commands["node_exporter"] = port, [str(binary(node_exporter.NAME)), f"--web.listen-address=127.0.0.1:{port}"]
    for name, (every, rarest) in rhythms.items():
        if cadvisor.found() and made is not None:
            port = free_port()
            commands[name] = port, cadvisor.words(port, made.path, every=every, rarest=rarest)
    with contextlib.ExitStack() as ending:
        asked = {}
        for name, (port, words) in commands.items():
            process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
            ending.callback(end, process)
            asked[name] = Asked(process, f"http://127.0.0.1:{port}/metrics")
        for one in asked.values():
            for _ in range(100):
                with contextlib.suppress(OSError):
                    get(one.url)
                    break
                time.sleep(0.2)
        time.sleep(SETTLED)
        for one in asked.values():
            get(one.url)
        yield asked


def ours(port: int) -> list[str]:
    """The exporter's command."""
    return [sys.executable, "-m", "tailrace", "run", "metrics", "--listen", f"127.0.0.1:{port}"]


def end(process: subprocess.Popen[bytes]) -> None:
    """Gently."""
    process.terminate()
    process.wait()


def in_turn(asked: Mapping[str, Asked], scrapes: int) -> None:
    """Ask each as often as that, one after another: what a scrape costs, of cAdvisor mostly without reading groups."""
    spent: dict[str, list[float]] = {name: [] for name in asked}
    for number in range(scrapes):
        for name, one in asked.items():
            if name in RHYTHMS and number % SELDOM:
                continue
            before = one.cpu()
            one.scrape()
            spent[name].append(one.cpu() - before)
    for name, one in asked.items():
        p50, p99 = statistics.median(one.walls), p99_of(one.walls)
        samples = sum(not line.startswith(b"#") for line in gzip.decompress(one.body).splitlines())
        most = p99_of(spent[name])
        note = f"p99 {most:.0f}; took p50 {p50:.0f} ms, p99 {p99:.0f} ms; {samples:,} samples, {one.resident():.0f} MiB"
        show(f"  {name}, ms of CPU a scrape", f"{statistics.median(spent[name]):.1f}", note)
        if name == "tailrace":
            show("  tailrace, p99 of a scrape, ms", f"{p99:.0f}", goal(p99, MOST_WALL))


def p99_of(found: list[float]) -> float:
    """Of a hundred, one is above it."""
    return statistics.quantiles(found, n=100, method="inclusive")[98]


def periodic(asked: Mapping[str, Asked], periods: int) -> dict[str, float]:
    """Ask each once a period; the milliseconds of CPU that each used in a period, whatever it did in it."""
    before = {name: one.cpu() for name, one in asked.items()}
    begun = time.monotonic()
    for number in range(periods):
        for one in asked.values():
            one.scrape()
        time.sleep(max(0.0, begun + (number + 1) * PERIOD - time.monotonic()))
    lasted = (time.monotonic() - begun) / PERIOD
    return {name: (one.cpu() - before[name]) / lasted for name, one in asked.items()}


def compared(spent: Mapping[str, float], name: str) -> None:
    """Tell of it, and of the goal. name: cAdvisor's."""
    for one, used in spent.items():
        show(
            f"  {one}, ms of CPU in {PERIOD:.0f} s", f"{used:.1f}", f"one scrape, {used / PERIOD / 10:.2f} % of a core"
        )
    cores = spent["tailrace"] / PERIOD / 1000
    show("  tailrace, cores", f"{cores:.4f}", goal(cores, MOST_CORE))
    if name in spent and "node_exporter" in spent:
        allowed = spent["node_exporter"] + SHARE * spent[name]
        show("  tailrace / (node_exporter + 25 % of cAdvisor)", f"{spent['tailrace'] / allowed:.2f}",
             f"{goal(spent['tailrace'] / allowed, 1.0)}: {allowed:.1f} ms")  # fmt: skip


def memory(one: Asked, made: Kubepods) -> None:
    """What the exporter holds: its own memory, and the kernel's for the files that it keeps open."""
    kept, each = one.kept(), of_open_file(made)
    total = one.resident() + kept * each / MIB
    note = f"{goal(total, MOST_MEMORY)}: {one.resident():.1f} of its own, {kept:,} files kept open of {each:,.0f} bytes"
    show("  tailrace, MiB", f"{total:.1f}", note)


def of_open_file(made: Kubepods) -> float:
    """Bytes of the kernel's memory for a control file that is open and was read; the median of some rounds.

    The kernel tells of its memory as a whole, so others disturb it.
    """
    names = ("memory.stat", "memory.max_usage_in_bytes", "memory.peak", "pids.current", "cpu.stat")
    tops = [ROOT / made.path.lstrip("/"), *(top / made.path.lstrip("/") for top in ROOT.iterdir() if top.is_dir())]
    paths = [path for top in tops if top.is_dir() for name in names for path in top.rglob(name)]
    found = []
    for _ in range(5):
        before, opened = _kernel_memory(), []
        try:
            for path in paths:
                opened.append(os.open(path, os.O_RDONLY))
                os.pread(opened[-1], 4096, 0)
            found.append((_kernel_memory() - before) / max(1, len(opened)))
        finally:
            for fd in opened:
                os.close(fd)
    return statistics.median(found)


def _kernel_memory() -> int:
    """Bytes."""
    told = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(told["Slab"].split()[0]) * 1024


def goal(found: float, most: float) -> str:
    """What is asked for, and whether it is reached."""
    return f"goal: {most:g} or less{'' if found <= most else ', MISSED'}"


def get(url: str) -> bytes:
    """A body, compressed."""
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return bytes(answer.read())
