"""What the watches of many nodes cost the API server when they start, and when it was away; what pods cost an agent.

    python -m tests.bench.kube_bench [--agents 1000] [--pods 10] [--size 3000] [--outage 90] [--part load|memory]

A real API server over a real etcd, on this machine. An agent is what it is in life (`Watch` and `Course`, with their
pace of life, on connections of their own), but many of them share a process. Requests are counted by the API server's
audit log; bytes by the agents, after decompression. What finds nobody listening costs the API server nothing and is
not counted.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from tailrace.kube.access import Access
from tailrace.kube.course import Course, Pace
from tailrace.kube.kubeconfig import of_kubeconfig
from tailrace.kube.pod import namespace_decoder, pod_decoder
from tailrace.kube.watch import Resource, Taker, Watch
from tests.bench.bench import show
from tests.kube.agent import READ
from tests.kube.memory import large, resident
from tests.servers.kubernetes import AGENT, Kubernetes

PROCESSES = 4
WITHIN = 60.0  # seconds in which all agents start
_SUMMED = ("list_requests", "watch_requests", "list_bytes", "watch_bytes", "failures", "relists")


class Agents:
    """The agents of one process. Their sums are in `told`: watches that stand, then those of `_SUMMED`."""

    def __init__(self, kubeconfig: Path, numbers: range, told: Any) -> None:
        self._kubeconfig, self._told = kubeconfig, told
        self._standing: set[Watch[Any]] = set()
        self._watches = [watch for number in numbers for watch in self._of(f"node-{number}")]

    def _of(self, node: str) -> list[Watch[Any]]:
        login = of_kubeconfig(self._kubeconfig)
        access, late = Access(lambda: login), random.random() * WITHIN
        mine = Resource("/api/v1/pods", "pods", {"fieldSelector": f"spec.nodeName={node}"})
        namespaces = Resource("/api/v1/namespaces", "namespaces", metadata_only=True)
        return [
            self._watch(access, mine, pod_decoder(), late),
            self._watch(access, namespaces, namespace_decoder(), late),
        ]

    def _watch(self, access: Access, resource: Resource, decode: Callable[..., Any], late: float) -> Watch[Any]:
        course = Course(Pace())
        course.delay += late
        watches: list[Watch[Any]] = []
        taker = Taker[Any](
            lambda _: None, lambda _: None, lambda _: None,
            lambda: self._standing.add(watches[0]), lambda _: self._standing.discard(watches[0]),
        )  # fmt: skip
        watches.append(Watch(access, resource, decode, taker, course))
        return watches[0]

    def run(self) -> None:
        """Until this process is ended."""
        threading.stack_size(256 << 10)
        for watch in self._watches:
            threading.Thread(target=watch.run, daemon=True).start()
        while True:
            self._told[:] = [
                len(self._standing), *(sum(watch.counters[name] for watch in self._watches) for name in _SUMMED)
            ]  # fmt: skip
            time.sleep(0.25)


def agents_of(kubeconfig: Path, numbers: range, told: Any) -> None:
    """One process of agents."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Agents(kubeconfig, numbers, told).run()


class Load:
    """An API server and its agents."""

    def __init__(self, cluster: Kubernetes, agents: int, sums: Sequence[Any]) -> None:
        self._cluster, self._agents, self._sums = cluster, agents, sums
        self._seen, self._before = 0, dict.fromkeys(_SUMMED, 0)

    def standing(self) -> int:
        """How many watches stand."""
        return sum(int(told[0]) for told in self._sums)

    def settle(self, seconds: float) -> float:
        """Wait until all watches stand, and no request came for a while. Returns how long the former took."""
        begun = quiet = time.monotonic()
        stood, asked = 0.0, -1
        while time.monotonic() - quiet < 10 or self.standing() < 2 * self._agents:
            assert time.monotonic() - begun < seconds, f"only {self.standing()} watches stand"
            time.sleep(0.5)
            if (now := sum(int(told[1]) + int(told[2]) for told in self._sums)) != asked:
                asked, quiet = now, time.monotonic()
                stood = quiet - begun
        return stood

    def report(self, stood: float) -> None:
        """What was asked since the last report."""
        events = self._cluster.asked()[self._seen :]
        self._seen += len(events)
        seconds = Counter(int(datetime.fromisoformat(e["requestReceivedTimestamp"]).timestamp()) for e in events)
        kinds = Counter(f"{e['verb']} {e['objectRef']['resource']} {e['responseStatus']['code']}" for e in events)
        now = {name: sum(int(told[1 + i]) for told in self._sums) for i, name in enumerate(_SUMMED)}
        spent = {name: now[name] - self._before[name] for name in _SUMMED}
        self._before = now
        span = max(seconds) - min(seconds) + 1
        show("  until the last watch stands, s", f"{stood:.0f}")
        show("  requests", f"{len(events):,}")
        for kind, count in kinds.most_common():
            show(f"    {kind}", f"{count:,}")
        show("  requests a second: at most, on average", f"{max(seconds.values())}, {len(events) / span:.0f}")
        show("  requests for each agent", f"{len(events) / self._agents:.2f}")
        show("  bytes of lists, of watches, MB", f"{spent['list_bytes'] / 1e6:.1f}, {spent['watch_bytes'] / 1e6:.1f}")
        others = len([e for e in events if e["verb"] not in ("list", "watch")])
        show("  GETs, and whatever is no LIST or WATCH", str(others), "goal: 0")


def fill(cluster: Kubernetes, agents: int, pods: int, size: int) -> None:
    """So many pods on each node."""

    def one(number: int) -> None:
        body: dict[str, Any] = large(number, size)
        body["metadata"].pop("resourceVersion")
        body["metadata"].pop("ownerReferences")
        body["metadata"].update(name=f"pod-{number}", namespace="shop")
        body["spec"]["nodeName"] = f"node-{number % agents}"
        status, said = cluster.call("POST", "/api/v1/namespaces/shop/pods", {**body, "apiVersion": "v1", "kind": "Pod"})
        assert status == 201, said

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(agents * pods)))


def started(cluster: Kubernetes) -> None:
    """Start it as a kubelet does: again, if it gives up because etcd answers too slowly on so small a machine."""
    for _ in range(5):
        try:
            return cluster.start()
        except AssertionError:
            print("  the API server gave up while it started, and is started again")
            cluster.kill()
    raise SystemExit("the API server does not start: give this machine more time, or fewer --agents")


def load(folder: Path, agents: int, pods: int, size: int, outage: float) -> None:
    """Agents that start, an API server that is updated, and one that is away for a while."""
    with Kubernetes(folder) as cluster:
        cluster.namespace("shop")
        cluster.allow(AGENT, *READ)
        fill(cluster, agents, pods, size)
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(cluster.kubeconfig(AGENT))
        spawn = multiprocessing.get_context("spawn")
        each = -(-agents // PROCESSES)
        parts = [range(at, min(at + each, agents)) for at in range(0, agents, each)]
        sums = [spawn.Array("q", 1 + len(_SUMMED)) for _ in parts]
        processes = [
            spawn.Process(target=agents_of, args=(kubeconfig, part, told), daemon=True)
            for part, told in zip(parts, sums, strict=True)
        ]
        watching = Load(cluster, agents, sums)
        try:
            print(f"{agents} agents start within {WITHIN:g} s; {pods} pods of {size} bytes each on a node")
            for process in processes:
                process.start()
            watching.report(watching.settle(600))
            for away in (0.0, outage):
                print(f"the API server dies and is started again after {away:g} s")
                cluster.kill()
                time.sleep(away)
                started(cluster)
                watching.report(watching.settle(600))
        finally:
            for process in processes:
                process.kill()


def memory(folder: Path) -> None:
    """What one agent has resident at most."""
    none, many = resident(folder / "none", 0, 44_000), resident(folder / "many", 250, 44_000)
    print("an agent's metadata part alone, MiB resident at most")
    show("  no pod", f"{none:.1f}")
    show("  250 pods of 44 KB, listed and changed once each", f"{many:.1f}")
    show("  more", f"{many - none:.1f}", "goal: 20 or less")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--pods", type=int, default=10, help="on each node")
    parser.add_argument("--size", type=int, default=3000, help="bytes of each pod")
    parser.add_argument("--outage", type=float, default=90, help="seconds that the API server is away")
    parser.add_argument("--part", choices=("load", "memory"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.part != "load":
            memory(Path(folder))
        if asked.part != "memory":
            load(Path(folder), asked.agents, asked.pods, asked.size, asked.outage)


if __name__ == "__main__":
    main()
