"""A real Prometheus over a node's exporter and log agent: every recording rule gives data, and no alert cries wolf."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.dashboards import small_node
from tests.dashboards.rules import FILES, rules
from tests.node import Writer
from tests.servers import kubernetes
from tests.servers.kubernetes import Kubernetes
from tests.servers.parts import Server, free_port, need
from tests.servers.prometheus import Prometheus, found

SECONDS = 2  # between scrapes
# What a PodMonitor makes of the pod that a target is; a series that has such a label itself keeps its own.
TARGET = {"namespace": "monitoring", "pod": "tailrace-x", "container": "exporter"}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Writer]]:
    """A Prometheus with all rules over a node's exporter and its log agent; and a log that is read."""
    need(found(), "Prometheus")
    need(kubernetes.found(), "kube-apiserver, or etcd,")
    folder = tmp_path_factory.mktemp("watched")
    ports = {"metrics": free_port(), "logs": free_port()}
    with ExitStack() as ending:
        cluster = ending.enter_context(Kubernetes(tmp_path_factory.mktemp("cluster")))
        root, kubeconfig, log = small_node.made(cluster, folder)
        for what, port in ports.items():
            words = [
                sys.executable, "-m", "tailrace", "run", what, "--root", str(root), "--listen", f"127.0.0.1:{port}",
                "--node", small_node.NAME, "--kubeconfig", str(kubeconfig), "--state", str(folder / "state"),
            ]  # fmt: skip
            if what == "logs":
                words += ["--sink", "local", "--lake", str(folder / "lake"), "--seal-seconds", "1s"]
            agent = Server(words, port, folder / f"{what}.txt")
            ending.callback(agent.close)
            agent.start()
        targets = {what: f"127.0.0.1:{port}" for what, port in ports.items()}
        yield (
            ending.enter_context(Prometheus(folder / "prometheus", targets, FILES, labels=TARGET, seconds=SECONDS)),
            log,
        )


def recorded(prometheus: Prometheus) -> set[tuple[str, ...]]:
    """The rules that have data: the record's name and the labels that tell rules of one name apart."""
    return {
        (labels["__name__"], *(labels[k] for k in ("slo", "workload_type") if k in labels))
        for labels, _ in prometheus.query('{__name__=~".*:.*"}')
    }


def test_every_recording_rule_returns_data_and_none_fails(watched: tuple[Prometheus, Writer]) -> None:
    prometheus, log = watched
    wanted = {
        (rule.name, *(rule.labels[k] for k in ("slo", "workload_type") if k in rule.labels))
        for rule in rules()
        if not rule.alert
    }
    # One name with labels of its series instead of the rule's: these have a value for every level.
    for name in ("slo:error_budget:ratio", "slo:period_error_budget_remaining:ratio", "slo:sli_error:ratio_rate30d"):
        wanted.remove((name,))
        wanted |= {(name, slo) for slo in ("logs-delivered", "logs-fresh", "pods-ready")}
    until(lambda: wanted - recorded(prometheus), log)
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


def test_no_alert_fires_and_none_on_the_agent_is_on_its_way(watched: tuple[Prometheus, Writer]) -> None:
    prometheus, log = watched

    def unwanted() -> list[str]:
        alerts = {(labels["alertname"], labels["alertstate"]) for labels, _ in prometheus.query("ALERTS")}
        # The captured node's clock stands still, and nobody sets this machine's: those may be pending.
        return [name for name, state in alerts if state == "firing" or not name.startswith("Node")]

    until(unwanted, log)


def test_no_series_of_what_goes_on_ends(watched: tuple[Prometheus, Writer]) -> None:
    prometheus, log = watched
    kept = '{__name__=~"node_(cpu|memory|load|network|disk|pressure|vmstat|uname).*|tailrace_log_.*"}'
    until(lambda: not prometheus.query('count_over_time(up{job="metrics"}[10m]) > 8'), log)

    def ended() -> set[tuple[tuple[str, str], ...]]:
        once, now = (
            {tuple(sorted(labels.items())) for labels, _ in prometheus.query(asked)}
            for asked in (f"last_over_time({kept}[10m])", kept)
        )
        assert len(once) > 300
        return once - now

    until(ended, log)


def test_nothing_of_a_container_is_taken_for_the_exporter_s_own(watched: tuple[Prometheus, Writer]) -> None:
    prometheus, _ = watched
    of = 'namespace="monitoring",pod="tailrace-x"'
    assert prometheus.query(f'count({{__name__=~"node_.*",{of}}})')
    mine = prometheus.query(f'count by (__name__) ({{__name__=~"container_.*|kube_pod_.*",{of}}})')
    # That one is of the scrape, and has no container.
    assert {labels["__name__"] for labels, _ in mine} <= {"container_scrape_error"}
