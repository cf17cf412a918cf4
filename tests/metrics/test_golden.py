"""All that a node of a cluster exposes: the captured one, its pods from the kubelet's own words, as one golden page.

A line a family: its name, its type, its labels, how many series it has. `--golden` renews it.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics

from tailrace.config import Settings
from tailrace.kube.settings import KubeSettings
from tailrace.metrics.collectors import node
from tailrace.metrics.collectors.containers import Containers
from tailrace.metrics.collectors.kube_containers import KubeContainers
from tailrace.metrics.collectors.kube_pods import KubePods
from tailrace.metrics.collectors.textfile import Textfile
from tailrace.metrics.collectors.volumes import Volumes
from tailrace.metrics.exposition import openmetrics, prometheus
from tailrace.metrics.host import Host
from tailrace.metrics.pods import Pods
from tailrace.metrics.scrape import FAMILIES, Scrape
from tailrace.metrics.summary import Summary
from tailrace.metrics.wired import COLLECTORS
from tests.metrics.captured import unpacked
from tests.metrics.exposed import families
from tests.metrics.kubelet import running
from tests.servers.parts import binary, need

GOLDEN = Path(__file__).parents[1] / "golden" / "metrics" / "captured.txt"
# What promtool finds fault with in node_exporter's, cAdvisor's and kube-state-metrics' own names.
THEIR_NAMES = re.compile(
    r"(node_(memory|netstat)_\S+ metric names should be written in 'snake_case' not 'camelCase'"
    r'|node_entropy_\w+_bits use base unit "bytes" instead of "bits"'
    r'|container_memory_failcnt counter metrics should have "_total" suffix)'
)


@pytest.fixture(scope="module")
def scrape(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scrape]:
    root = unpacked(tmp_path_factory.mktemp("captured"), containers=True)
    folder = tmp_path_factory.mktemp("kubelet")
    with running(folder) as (kubelet, account), ExitStack() as ending:
        pods = Pods(KubeSettings("n1", folder, "kubelet", "", kubelet.url, start_jitter=0, account=account), "on")
        ending.callback(pods.close)
        pods.start()
        summary = Summary(kubelet.url, account=account)
        summary.ask()
        end = time.monotonic() + 60
        while not pods.all():
            assert time.monotonic() < end, "the kubelet's pods never came"
            time.sleep(0.02)
        host = Host(root)
        yield Scrape([
            *node(Settings(), host), Containers(host, pods), KubePods(host, pods), KubeContainers(host, pods),
            Volumes(host, summary), Textfile(host),
        ])  # fmt: skip


def test_what_a_node_exposes_is_the_golden_page(scrape: Scrape, request: pytest.FixtureRequest) -> None:
    lines = []
    for name, family in sorted(families(prometheus(scrape.collect()).decode()).items()):
        labels = sorted({label for _, pairs in family.series for label, _ in pairs})
        lines.append(f"{name} {family.kind} {{{','.join(labels)}}} {len(family.series)}")
    page = "\n".join(lines) + "\n"
    if request.config.getoption("--golden"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(page)
    assert page == GOLDEN.read_text()


def test_promtool_finds_fault_with_nothing_but_names_that_dashboards_query(scrape: Scrape) -> None:
    need(binary("promtool"), "promtool")
    done = subprocess.run(
        [str(binary("promtool")), "check", "metrics"], input=prometheus(scrape.collect()), capture_output=True
    )  # fmt: skip
    assert done.returncode in (0, 3), done.stderr
    assert [line for line in done.stderr.decode().splitlines() if not THEIR_NAMES.fullmatch(line)] == []


def test_all_of_it_is_openmetrics_and_declared_by_its_collector(scrape: Scrape) -> None:
    metrics = scrape.collect()
    assert len([*read_openmetrics(openmetrics(metrics).decode())]) == len([m for m in metrics if m.samples])
    declared = [*FAMILIES, *(family for collector in COLLECTORS for family in collector.FAMILIES)]
    for name, family in families(prometheus(metrics).decode()).items():
        of = [one for one in declared if one.describes(name)]
        assert of, f"{name} is exposed, and in no collector's FAMILIES"
        assert family.kind.replace("unknown", "untyped") == of[0].kind
        assert {label for _, pairs in family.series for label, _ in pairs} <= {*of[0].labels}, name
        if "*" not in of[0].name:
            assert family.help == of[0].help
