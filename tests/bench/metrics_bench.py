"""bench: what a scrape of the exporter costs: its pods and containers, how that grows, and all of it beside others.

    python -m tests.bench.metrics_bench [--part containers|real|growth|process] [--pods 110] [--containers 2]

containers: a node in a folder. real: groups of this machine's kernel, a process in each sandbox. growth: 55 to 1,000
pods in a folder. process: `tailrace run metrics` on this machine, without pods and with groups as in `real`, scraped
in turn with node_exporter. CPU is user and
system time of the process; the least of many scrapes is told beside the median, since this machine is shared.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import gzip
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client.core import Metric

from tailrace.metrics.cgroups.files import Budget
from tailrace.metrics.collectors.containers import Containers
from tailrace.metrics.exposition import prometheus
from tailrace.metrics.host import Host
from tailrace.metrics.scrape import Scrape
from tests.bench.bench import show
from tests.metrics.cgroups.made import Known, Node, fill, id_of, uid_of
from tests.metrics.cgroups.real import Groups
from tests.servers import node_exporter
from tests.servers.parts import binary, free_port

PARTS = ("containers", "real", "growth", "process")
SETTLED = 11.0  # seconds after which no group is in doubt any more, see cgroups/present.py
GARBAGE = 200_000  # objects made until garbage is looked for
TICKS = os.sysconf("SC_CLK_TCK")


def cpu(run: Callable[[], object], times: int = 25) -> tuple[float, float]:
    """Milliseconds of CPU: the least, and the median."""
    spent = []
    for _ in range(times):
        start = time.process_time()
        run()
        spent.append((time.process_time() - start) * 1000)
    return min(spent), statistics.median(spent)


def told(name: str, spent: tuple[float, float], note: str = "") -> None:
    show(f"  {name}, ms of CPU", f"{spent[0]:.1f} least, {spent[1]:.1f} median", note)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder in memory, where there is one: no disk is measured."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as made:
        yield Path(made)


def report(collector: Containers, pods: int, containers: int) -> None:
    """Cost and series of one collector."""
    scrape = Scrape([collector])
    for _ in range(3):
        metrics = scrape.collect()
    told("the collector", cpu(lambda: list(collector.collect())))
    told("a whole scrape of it", cpu(scrape.collect))
    told("rendering", cpu(lambda: prometheus(metrics)))
    text = prometheus(metrics)
    told("gzip", cpu(lambda: gzip.compress(text, 1)), f"{len(text):,} bytes")
    series(metrics, pods, containers)


def series(metrics: list[Metric], pods: int, containers: int) -> None:
    """How many there are, and of what."""
    labels = [sample.labels for metric in metrics for sample in metric.samples if "container" in sample.labels]
    own = sum(bool(some["container"]) for some in labels)
    of_pods = sum(bool(some["pod"]) and not some["container"] for some in labels)
    network = sum("interface" in some and bool(some["pod"]) for some in labels)
    show("  series of a container", f"{own / pods / containers:g}")
    show("  series of a pod beside them", f"{(of_pods - network) / pods:g} and {network / pods:g} of its network")
    show("  series", f"{len(labels):,}", f"{pods} pods of {containers} containers")


def in_folder(pods: int, containers: int) -> None:
    """A node of version 2 in a folder."""
    with folder() as made:
        fill(node := Node(made / "node"), known := Known(), pods, containers)
        for name, budget in (("files kept open", Budget()), ("each file opened each time", Budget(0))):
            print(f"{pods} pods of {containers} containers in a folder, {name}")
            collector = Containers(Host(node.root), known, budget)
            report(collector, pods, containers)
            collector.close()


@contextlib.contextmanager
def kernel(pods: int, containers: int) -> Iterator[Known | None]:
    """Groups of this machine's kernel with a process in each sandbox; None if it lets nobody make them."""
    known = Known()
    with contextlib.ExitStack() as ending:
        try:
            groups = Groups("bench")
        except OSError as error:
            print(f"this machine lets nobody make control groups: {error}")
            yield None
            return
        ending.callback(groups.remove)
        pause = ending.enter_context(folder()) / "pause"
        shutil.copy(str(shutil.which("sleep")), pause)
        own = ["unshare", "--net"] if shutil.which("unshare") else []
        for number in range(pods):
            path = f"kubepods/burstable/pod{uid_of(number)}"
            ids = {f"c{at}": id_of(number, at) for at in range(containers)}
            for id in (id_of(number), *ids.values()):
                groups.make(f"{path}/{id}")
            known.add(uid_of(number), f"web-{number}", containers=ids)
            process = subprocess.Popen([*own, str(pause), "1000"])
            ending.callback(lambda process=process: (process.kill(), process.wait()))
            for top in groups.tops.values():
                (top / path / id_of(number) / "cgroup.procs").write_text(str(process.pid))
        yield known


def in_kernel(pods: int, containers: int) -> None:
    """Groups of this machine's kernel."""
    with kernel(pods, containers) as known:
        for name, budget in (("files kept open", Budget()), ("each file opened each time", Budget(0))):
            if known is not None:
                print(f"{pods} pods of {containers} containers and a sandbox, this machine's kernel, {name}")
                collector = Containers(Host(), known, budget)
                report(collector, pods, containers)
                collector.close()


def growth(containers: int) -> None:
    """The line. Without files kept open: with them the first 130 pods cost less than those that come after."""
    print("how it grows, collector and rendering, each file opened each time")
    found = []
    for pods in (110, 250, 500, 1000):
        with folder() as made:
            fill(node := Node(made / "node"), known := Known(), pods, containers)
            collector, keeping = (Containers(Host(node.root), known, budget) for budget in (Budget(0), Budget()))
            least, kept = (cpu(lambda: prometheus(one.collect()), 5)[0] for one in (collector, keeping))  # noqa: B023
            count = sum(len(metric.samples) for metric in collector.collect())
            keeping.close()
        found.append((pods, least))
        note = f"{least / pods * 1000:.0f} us a pod, {count:,} series; with as many kept open as may be {kept:.1f} ms"
        show(f"  {pods} pods, ms of CPU", f"{least:.1f}", note)
    slope, ground = statistics.linear_regression(*zip(*found, strict=True))
    off = max(abs(spent - ground - slope * pods) / spent for pods, spent in found)
    show("  a line", f"{ground:.1f} ms + {slope * 1000:.0f} us a pod", f"no measurement is more than {off:.0%} off it")


def beside(pods: int, containers: int, scrapes: int) -> None:
    """The exporter without pods, and with them."""
    print(f"{scrapes} scrapes of each in turn, no pods")
    in_process(scrapes)
    with kernel(pods, containers):
        print(f"{scrapes} scrapes of each in turn, {pods} pods of {containers} containers and a sandbox")
        in_process(scrapes)


def in_process(scrapes: int) -> None:
    """The whole exporter, and node_exporter in turn with it."""
    port = free_port()
    command = [sys.executable, "-m", "tailrace", "run", "metrics", "--listen", f"127.0.0.1:{port}"]
    with contextlib.ExitStack() as ending:
        ours = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        ending.callback(lambda: (ours.terminate(), ours.wait()))
        asked = {"tailrace": (ours.pid, f"http://127.0.0.1:{port}/metrics")}
        if node_exporter.found():
            other = free_port()
            flag = f"--web.listen-address=127.0.0.1:{other}"
            theirs = subprocess.Popen([str(binary(node_exporter.NAME)), flag], stderr=subprocess.DEVNULL)
            ending.callback(lambda: (theirs.terminate(), theirs.wait()))
            asked["node_exporter"] = (theirs.pid, f"http://127.0.0.1:{other}/metrics")
        for _, url in asked.values():
            for _ in range(100):
                with contextlib.suppress(OSError):
                    get(url)
                    break
                time.sleep(0.2)
        time.sleep(SETTLED)
        for _, url in asked.values():
            get(url)
        before = {name: used(pid) for name, (pid, _) in asked.items()}
        walls: dict[str, list[float]] = {name: [] for name in asked}
        for _ in range(scrapes):
            for name, (_, url) in asked.items():
                start = time.perf_counter()
                body = get(url)
                walls[name].append((time.perf_counter() - start) * 1000)
        for name, (pid, url) in asked.items():
            body = get(url)
            spent = (used(pid) - before[name]) / (scrapes + 1) * 1000
            samples = sum(not line.startswith(b"#") for line in body.splitlines())
            p99 = statistics.quantiles(walls[name], n=100)[98]
            status = Path(f"/proc/{pid}/status").read_text()
            resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
            show(
                f"  {name}",
                f"{spent:.1f} ms of CPU a scrape",
                f"p99 {p99:.0f} ms, {samples:,} samples, {resident:.0f} MiB",
            )


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return bytes(answer.read())


def used(pid: int) -> float:
    """Seconds of CPU."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--pods", type=int, default=110)
    parser.add_argument("--containers", type=int, default=2)
    parser.add_argument("--scrapes", type=int, default=100)
    asked = parser.parse_args()
    # As the exporter does: a scrape makes a hundred thousand objects, and none is in a cycle.
    gc.set_threshold(GARBAGE)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard >= 0 else 65536, hard))
    run = {
        "containers": lambda: in_folder(asked.pods, asked.containers),
        "real": lambda: in_kernel(asked.pods, asked.containers),
        "growth": lambda: growth(asked.containers),
        "process": lambda: beside(asked.pods, asked.containers, asked.scrapes),
    }
    for part in (asked.part,) if asked.part else PARTS:
        run[part]()


if __name__ == "__main__":
    main()
