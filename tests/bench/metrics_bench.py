"""bench: what a scrape of the exporter costs: its pods and containers, how that grows, and all of it beside others.

    python -m tests.bench.metrics_bench [--part containers|real|growth|process] [--pods 110] [--containers 2]

containers: a node in a folder. real: groups of this machine's kernel, a process in each sandbox. growth: 55 to 1,000
pods in a folder. process: `tailrace run metrics` on this machine, without pods and with groups as in `real`, beside
node_exporter and cAdvisor (beside.py). CPU is user and system time of the process; the least of many scrapes is told
beside the median, since this machine is shared.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import gzip
import math
import resource
import signal
import statistics
import sys
import time
from collections.abc import Callable

from prometheus_client.core import Metric

from tailrace.metrics.cgroups.files import Budget
from tailrace.metrics.collectors.containers import Containers
from tailrace.metrics.exposition import prometheus
from tailrace.metrics.host import Host
from tailrace.metrics.scrape import Scrape
from tests.bench.bench import show
from tests.bench.beside import beside
from tests.bench.kubepods import folder, kubepods
from tests.metrics.cgroups.made import Known, Node, fill

PARTS = ("containers", "real", "growth", "process")
GARBAGE = 200_000  # objects made until garbage is looked for
GROWN = (55, 110, 250, 500, 1000)  # pods
ROUNDS = 9


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


def in_kernel(pods: int, containers: int) -> None:
    """Groups of this machine's kernel."""
    with kubepods(pods, containers) as made:
        for name, budget in (("files kept open", Budget()), ("each file opened each time", Budget(0))):
            if made is not None:
                print(f"{pods} pods of {containers} containers and a sandbox, this machine's kernel, {name}")
                collector = Containers(Host(), made.known, budget)
                report(collector, pods, containers)
                collector.close()


def growth(containers: int) -> None:
    """The line. Without files kept open: with them the first 130 pods cost less than those that come after."""
    print(f"how it grows, collector and rendering, each file opened each time, the least of {ROUNDS} rounds in turn")
    spent: dict[int, list[float]] = {pods: [] for pods in GROWN}
    with contextlib.ExitStack() as ending:
        collectors = {}
        for pods in GROWN:
            made = ending.enter_context(folder())
            fill(node := Node(made / "node"), known := Known(), pods, containers)
            collectors[pods] = Containers(Host(node.root), known, Budget(0))
        count = {pods: sum(len(metric.samples) for metric in one.collect()) for pods, one in collectors.items()}
        for _ in range(ROUNDS):
            for pods, one in collectors.items():
                spent[pods].append(cpu(lambda: prometheus(one.collect()), 1)[0])  # noqa: B023
    found = [(pods, min(some)) for pods, some in spent.items()]
    for pods, least in found:
        show(f"  {pods} pods, ms of CPU", f"{least:.1f}", f"{least / pods:.3f} ms a pod, {count[pods]:,} series")
    slope, ground = statistics.linear_regression(*zip(*found, strict=True))
    off = [(least - ground - slope * pods) / least for pods, least in found]
    show("  the line, ms of CPU", f"{ground:.1f} + {slope:.3f}", "times pods")
    power = statistics.linear_regression(*zip(*((math.log(n), math.log(least)) for n, least in found), strict=True))
    show("  it grows with the number of pods to the power of", f"{power.slope:.2f}", "1: a straight line")
    show(
        "  how far the measurements are off the line",
        f"{max(map(abs, off)):.0%}",
        " ".join(f"{one:+.1%}" for one in off),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--pods", type=int, default=110)
    parser.add_argument("--containers", type=int, default=2)
    parser.add_argument("--scrapes", type=int, default=100)
    parser.add_argument("--periods", type=int, default=8, help="of 15 s, of the part process")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was made is removed
    # As the exporter does: a scrape makes a hundred thousand objects, and none is in a cycle.
    gc.set_threshold(GARBAGE)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard >= 0 else 65536, hard))
    run = {
        "containers": lambda: in_folder(asked.pods, asked.containers),
        "real": lambda: in_kernel(asked.pods, asked.containers),
        "growth": lambda: growth(asked.containers),
        "process": lambda: beside(asked.pods, asked.containers, asked.scrapes, asked.periods),
    }
    for part in (asked.part,) if asked.part else PARTS:
        run[part]()


if __name__ == "__main__":
    main()
