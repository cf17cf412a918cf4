"""All that nodes and tasks expose, as golden pages: and what is documented is exposed, what is exposed documented.

A line a family: its name, its type, its labels, how many series it has. `--golden` renews them.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics

import tailrace.metrics.scrape as of_scrape
from tailrace.config import Settings
from tailrace.metrics.collectors import node
from tailrace.metrics.collectors.containers import Containers
from tailrace.metrics.collectors.ecs import Ecs
from tailrace.metrics.collectors.kube_containers import KubeContainers
from tailrace.metrics.collectors.kube_node import KubeNode
from tailrace.metrics.collectors.kube_pods import KubePods
from tailrace.metrics.collectors.volumes import Volumes
from tailrace.metrics.exposition import openmetrics, prometheus
from tailrace.metrics.host import Host
from tailrace.metrics.scrape import Scrape
from tailrace.metrics.wired import COLLECTORS
from tests.metrics import whole
from tests.metrics.exposed import Family, families
from tests.metrics.test_made_node import FILES, in_folder
from tests.servers.parts import binary, need

FOLDER = Path(__file__).parents[1] / "golden" / "metrics"
DOCUMENTED = Path(__file__).parents[2] / "docs" / "exporter.md"
ABOUT_PODS = (KubePods, KubeContainers, KubeNode, Volumes)
# Of the worlds that have this machine's /proc or none, what is the same on each machine.
OWN = {"version2": (Containers, *ABOUT_PODS), "task": (Ecs,)}
DECLARED = [*of_scrape.FAMILIES, *(family for collector in COLLECTORS for family in collector.FAMILIES)]
# What promtool finds fault with in node_exporter's, cAdvisor's and kube-state-metrics' own names.
THEIR_NAMES = re.compile(
    r"(node_(memory|netstat)_\S+ metric names should be written in 'snake_case' not 'camelCase'"
    r'|node_entropy_\w+_bits use base unit "bytes" instead of "bits"'
    r'|container_memory_failcnt counter metrics should have "_total" suffix'
    r"|jobs_total .*)"
)
WRITTEN_BY_A_SCRIPT = {"jobs_total"}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Scrape]]:
    """Everything that `run metrics` can be run on."""
    with ExitStack() as ending, pytest.MonkeyPatch.context() as patch:
        made = in_folder(tmp_path_factory.mktemp("node"), FILES)
        yield {
            "captured": ending.enter_context(whole.captured(tmp_path_factory.mktemp("captured"), patch)),
            "version2": ending.enter_context(whole.version2(tmp_path_factory.mktemp("version2"), patch)),
            "task": ending.enter_context(whole.task(tmp_path_factory.mktemp("task"), patch)),
            # What the captured node's kernel and machine lack: see test_made_node.
            "made": Scrape(node(Settings(), Host(made))),
        }


def shown(scrape: Scrape) -> dict[str, Family]:
    return families(prometheus(scrape.collect()).decode())


@pytest.mark.parametrize("world", ["captured", "version2", "task"])
def test_what_is_exposed_is_the_golden_page(
    worlds: dict[str, Scrape], world: str, request: pytest.FixtureRequest
) -> None:
    found = shown(worlds[world])
    if world in OWN:
        found = {
            n: f for n, f in found.items() if any(one.describes(n) for kind in OWN[world] for one in kind.FAMILIES)
        }
    page, golden = whole.page(found), FOLDER / f"{world}.txt"
    if request.config.getoption("--golden"):
        golden.write_text(page)
    assert page == golden.read_text()


def test_all_that_is_documented_is_exposed_and_all_that_is_exposed_is_documented(worlds: dict[str, Scrape]) -> None:
    documented = {*re.findall(r"^\| `([\w*]+)` \|", DOCUMENTED.read_text(), re.MULTILINE)}
    assert documented == {family.name for family in DECLARED}
    assert len(documented) > 250
    exposed = set().union(*(shown(scrape) for scrape in worlds.values())) - WRITTEN_BY_A_SCRIPT
    assert {name for name in exposed if not any(family.describes(name) for family in DECLARED)} == set()
    assert {family.name for family in DECLARED if not any(family.describes(name) for name in exposed)} == set()


@pytest.mark.parametrize("world", ["captured", "version2", "task"])
def test_promtool_finds_fault_with_nothing_but_names_that_dashboards_query(
    worlds: dict[str, Scrape], world: str
) -> None:
    need(binary("promtool"), "promtool")
    done = subprocess.run(
        [str(binary("promtool")), "check", "metrics"], input=prometheus(worlds[world].collect()), capture_output=True
    )  # fmt: skip
    assert done.returncode in (0, 3), done.stderr
    assert [line for line in done.stderr.decode().splitlines() if not THEIR_NAMES.fullmatch(line)] == []


@pytest.mark.parametrize("world", ["captured", "version2", "task"])
def test_all_of_it_is_openmetrics_and_as_its_collector_declares_it(worlds: dict[str, Scrape], world: str) -> None:
    metrics = worlds[world].collect()
    assert len([*read_openmetrics(openmetrics(metrics).decode())]) == len([m for m in metrics if m.samples])
    for name, family in families(prometheus(metrics).decode()).items():
        if name in WRITTEN_BY_A_SCRIPT:
            continue
        of = [one for one in DECLARED if one.describes(name)]
        assert of, f"{name} is exposed, and in no collector's FAMILIES"
        assert family.kind.replace("unknown", "untyped") == of[0].kind
        labels = {label for _, pairs in family.series for label, _ in pairs}
        assert any(labels <= {*one.labels} for one in of), name
        if "*" not in of[0].name:
            assert family.help in {one.help for one in of}
