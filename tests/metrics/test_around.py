"""around: which collectors a node's surroundings give it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tailrace.config import Settings
from tailrace.metrics.around import COLLECTORS, around, kube_settings
from tailrace.metrics.host import Host
from tests.metrics.kubelet import running
from tests.servers.ecs import EcsDouble


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    with ExitStack() as ending:
        yield ending


def names(settings: Settings, ending: ExitStack, environ: dict[str, str]) -> list[str]:
    return [collector.name for collector in around(settings, Host(settings.root), ending, environ)]


def test_a_node_of_no_cluster_has_containers_alone(tmp_path: Path, ending: ExitStack) -> None:
    assert names(Settings(root=tmp_path, metadata="off"), ending, {}) == ["containers"]


def test_in_a_task_of_ecs_the_containers_are_the_tasks(ending: ExitStack) -> None:
    with EcsDouble() as ecs:
        assert isinstance(ecs, EcsDouble)
        (collector,) = around(Settings(), Host("/"), ending, ecs.environ())
        assert collector.name == "ecs"
        found = {s.labels.get("container") for metric in collector.collect() for s in metric.samples}
    assert {"nginx", "agent"} <= found


def test_an_agent_that_has_an_instances_root_shows_all_containers_on_it(tmp_path: Path, ending: ExitStack) -> None:
    with EcsDouble() as ecs:
        assert isinstance(ecs, EcsDouble)
        assert names(Settings(root=tmp_path, metadata="off"), ending, ecs.environ()) == ["containers"]


def test_a_node_whose_kubelet_is_known_has_its_pods_and_their_disks(tmp_path: Path) -> None:
    with running(tmp_path) as (kubelet, _), ExitStack() as ending:
        settings = Settings(
            root=tmp_path, state=tmp_path, node="n1", metadata="kubelet", kubelet_url=kubelet.url, kubelet_verify=False
        )
        collectors = around(settings, Host(tmp_path), ending, {})
        assert [c.name for c in collectors] == ["containers", "kube_pods", "kube_containers", "volumes"]


def test_a_node_of_a_cluster_has_the_node_as_well(tmp_path: Path, ending: ExitStack) -> None:
    settings = Settings(root=tmp_path, state=tmp_path, node="n1", metadata="api", kubeconfig=str(tmp_path / "absent"))
    assert names(settings, ending, {}) == ["containers", "kube_pods", "kube_containers", "kube_node"]


def test_a_kubelet_without_an_address_is_told_at_once(tmp_path: Path, ending: ExitStack) -> None:
    with pytest.raises(ValueError, match="set kubelet_url"):
        names(Settings(root=tmp_path, metadata="kubelet"), ending, {})


def test_the_exporter_asks_as_the_log_agent_does() -> None:
    asked = kube_settings(Settings(node="n1", kubelet_url="https://h:10250", kubelet_verify=False))
    assert (asked.node, asked.source, asked.kubelet_url, asked.kubelet_verify) == (
        "n1",
        "auto",
        "https://h:10250",
        False,
    )


def test_each_collector_has_a_name_and_families_of_its_own() -> None:
    assert len({collector.name for collector in COLLECTORS}) == len(COLLECTORS)
    for collector in COLLECTORS:
        families = [family.name for family in collector.FAMILIES]
        assert len({*families}) == len(families) > 1, collector.name
        assert collector.__doc__
