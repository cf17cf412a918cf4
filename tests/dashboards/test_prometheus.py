"""A real Prometheus over a node's exporter and log agent: every recording rule gives data, no alert cries wolf, and
what lives has a sample of every scrape.

Thirty scrapes, a second apart. With TAILRACE_MINUTE=1 in the environment, as `make e2e` has it: a minute of them, five
seconds apart, as a user's Prometheus goes about it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from tests.dashboards import small_node
from tests.dashboards.rules import FILES, rules
from tests.node import Writer
from tests.servers import kubernetes
from tests.servers.kubernetes import Kubernetes
from tests.servers.parts import Server, free_port, need
from tests.servers.prometheus import Prometheus, found

SECONDS, SCRAPES = (5, 13) if os.environ.get("TAILRACE_MINUTE") else (1, 30)
# What a PodMonitor makes of the pod that a target is; a series that has such a label itself keeps its own.
TARGET = {"namespace": "monitoring", "pod": "tailrace-x", "container": "exporter"}


class Watched(NamedTuple):
    """A Prometheus with all rules over a node's exporter and its log agent."""

    prometheus: Prometheus
    node: small_node.SmallNode


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    need(found(), "Prometheus")
    need(kubernetes.found(), "kube-apiserver, or etcd,")
    folder = tmp_path_factory.mktemp("watched")
    ports = {"metrics": free_port(), "logs": free_port()}
    with ExitStack() as ending:
        cluster = ending.enter_context(Kubernetes(tmp_path_factory.mktemp("cluster")))
        node = small_node.made(cluster, folder)
        for what, port in ports.items():
            words = [
                sys.executable, "-m", "tailrace", "run", what, "--root", str(node.root),
                "--listen", f"127.0.0.1:{port}", "--node", small_node.NAME, "--kubeconfig", str(node.kubeconfig),
                "--state", str(folder / "state"),
            ]  # fmt: skip
            if what == "logs":
                words += ["--sink", "local", "--lake", str(folder / "lake"), "--seal-seconds", "1s"]
            agent = Server(words, port, folder / f"{what}.txt")
            ending.callback(agent.close)
            agent.start()
        targets = {what: f"127.0.0.1:{port}" for what, port in ports.items()}
        server = Prometheus(folder / "prometheus", targets, FILES, labels=TARGET, seconds=SECONDS)
        yield Watched(ending.enter_context(server), node)


def recorded(prometheus: Prometheus) -> set[tuple[str, ...]]:
    """The rules that have data: the record's name and the labels that tell rules of one name apart."""
    return {
        (labels["__name__"], *(labels[k] for k in ("slo", "workload_type") if k in labels))
        for labels, _ in prometheus.query('{__name__=~".*:.*"}')
    }


def test_every_recording_rule_returns_data_and_none_fails(watched: Watched) -> None:
    prometheus, node = watched
    wanted = {
        (rule.name, *(rule.labels[k] for k in ("slo", "workload_type") if k in rule.labels))
        for rule in rules()
        if not rule.alert
    }
    # One name with labels of its series instead of the rule's: these have a value for every level.
    for name in ("slo:error_budget:ratio", "slo:period_error_budget_remaining:ratio", "slo:sli_error:ratio_rate30d"):
        wanted.remove((name,))
        wanted |= {(name, slo) for slo in ("logs-delivered", "logs-fresh", "pods-ready")}
    until(lambda: wanted - recorded(prometheus), node.log)
    evaluated = prometheus.rules()
    assert len(evaluated) == len(rules())
    assert [(rule["name"], rule["lastError"]) for rule in evaluated if rule["health"] == "err"] == []
    scraped = {labels["job"] for labels, up in prometheus.query("max_over_time(up[10m])") if up}
    assert scraped == {"metrics", "logs"}


def until(left: Callable[[], object], log: Writer) -> None:
    """Until nothing is left; meanwhile the log goes on. A scrape may be late, so what is asked may come and go."""
    end = time.monotonic() + 120
    while still := left():
        assert time.monotonic() < end, still
        log.record("a line, so that there is something to deliver")
        time.sleep(0.5)


def test_no_alert_fires_and_none_on_the_agent_is_on_its_way(watched: Watched) -> None:
    prometheus, node = watched

    def unwanted() -> list[str]:
        alerts = {(labels["alertname"], labels["alertstate"]) for labels, _ in prometheus.query("ALERTS")}
        # The captured node's clock stands still, and nobody sets this machine's: those may be pending.
        return [name for name, state in alerts if state == "firing" or not name.startswith("Node")]

    until(unwanted, node.log)


def test_nothing_of_a_container_is_taken_for_the_exporter_s_own(watched: Watched) -> None:
    prometheus, _ = watched
    of = 'namespace="monitoring",pod="tailrace-x"'
    assert prometheus.query(f'count({{__name__=~"node_.*",{of}}})')
    mine = prometheus.query(f'count by (__name__) ({{__name__=~"container_.*|kube_pod_.*",{of}}})')
    # That one is of the scrape, and has no container.
    assert {labels["__name__"] for labels, _ in mine} <= {"container_scrape_error"}


def scrapes(prometheus: Prometheus) -> list[float]:
    """When the exporter answered, seconds since 1970. Not each second: this machine has more to do."""
    return [at for _, up in prometheus.samples('up{job="metrics"}[10m]') for at, good in up.items() if good]


def test_what_lives_has_a_sample_of_every_scrape_and_what_ends_has_none_of_the_next(watched: Watched) -> None:
    prometheus, node = watched
    until(lambda: len(scrapes(prometheus)) < SCRAPES, node.log)
    node.end()
    ended = time.time()
    until(lambda: len([at for at in scrapes(prometheus) if at > ended]) < 3, node.log)
    done = scrapes(prometheus)
    begun, holes, ends = set(), [], []
    for labels, samples in prometheus.samples('{job="metrics",__name__!~"up|scrape_.*|.*:.*|ALERTS.*"}[10m]'):
        of = [at for at in done if at >= min(samples)]
        last = max(samples)
        begun.add(labels["__name__"])
        if labels.get("name") == node.ending:
            # One more scrape may have been on its way.
            assert len([at for at in of if ended < at <= last]) <= 1, labels
            ends.append(last)
        elif missing := [at for at in of if at not in samples]:
            holes.append((labels, missing))
    assert len(begun) > 200
    assert len(ends) > 20
    assert holes == []
    # Stale at once: it is not shown for the five minutes for which Prometheus would take a last sample for the newest.
    after = min(at for at in done if at > max(ends))
    name = f'{{name="{node.ending}",job="metrics"}}'
    assert prometheus.query(name, max(ends))
    assert prometheus.query(name, after) == []
