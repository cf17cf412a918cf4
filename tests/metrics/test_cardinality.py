"""How many series a container, a pod and a node have is what the page says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tailrace.config import Settings
from tailrace.metrics import page
from tailrace.metrics.collectors import kube_containers, kube_pods, node
from tailrace.metrics.collectors.containers import Containers
from tailrace.metrics.collectors.kube_containers import KubeContainers
from tailrace.metrics.collectors.kube_pods import KubePods
from tailrace.metrics.host import Host
from tailrace.metrics.pod import decode_pod
from tailrace.metrics.rendered import Rendered
from tailrace.metrics.scrape import Scrape
from tests.dashboards import small_node
from tests.metrics.captured import unpacked
from tests.metrics.cgroups.made import Known, Node, fill

AT = "2026-11-20T22:00:00Z"
CONDITIONS = ("PodScheduled", "Initialized", "ContainersReady", "Ready")


def of_groups(folder: Path, version: int, pods: int, containers: int) -> int:
    fill(made := Node(folder / f"{pods}-{containers}", version), known := Known(), pods, containers)
    return sum(len(metric.samples) for metric in Containers(Host(made.root), known).collect())


def of_api(pods: int, containers: int) -> int:
    """Of pods that run, with requests and limits, as most have them."""
    there = {f"u-{n}": decode_pod(json.dumps(usual(f"u-{n}", containers)).encode()) for n in range(pods)}
    of_pods, of_containers = (
        Rendered(KubePods.FAMILIES, kube_pods.samples), Rendered(KubeContainers.FAMILIES, kube_containers.samples),
    )  # fmt: skip
    return sum(len(m.samples) for rendered in (of_pods, of_containers) for m in rendered.metrics(there))


def usual(uid: str, containers: int) -> dict[str, Any]:
    pod = small_node.pod(uid, "ReplicaSet", "web-54f7fc46c6", "c" * 64)
    pod["metadata"] |= {"uid": uid, "creationTimestamp": AT}
    pod["status"] |= {
        "startTime": AT, "qosClass": "Guaranteed",
        "conditions": [{"type": kind, "status": "True", "lastTransitionTime": AT} for kind in CONDITIONS],
    }  # fmt: skip
    for part, name in (("spec", "containers"), ("status", "containerStatuses")):
        (one,) = pod[part][name]
        pod[part][name] = [{**one, "name": f"c{n}"} for n in range(containers)]
    return pod


@pytest.mark.parametrize(("version", "at"), [(2, 0), (1, 1)])
def test_a_container_and_a_pod_have_as_many_series_as_the_page_says(tmp_path: Path, version: int, at: int) -> None:
    base, wider, longer = (of_groups(tmp_path, version, *size) for size in ((2, 1), (2, 2), (3, 1)))
    container = (wider - base) / 2
    assert (container, longer - base - container) == (page.CONTAINER[at], page.POD[at])


def test_what_the_api_tells_of_a_container_and_a_pod_is_as_much_as_the_page_says() -> None:
    base, wider, longer = of_api(1, 1), of_api(1, 2), of_api(2, 1)
    assert (wider - base, longer - base - (wider - base)) == (page.CONTAINER[2], page.POD[2])


def test_a_node_has_about_as_many_series_as_the_page_says(tmp_path: Path) -> None:
    found = sum(len(m.samples) for m in Scrape(node(Settings(), Host(unpacked(tmp_path)))).collect())
    assert page.NODE * 0.95 < found < page.NODE * 1.05


def test_the_page_says_it() -> None:
    text = page.markdown()
    assert f"| a container | {page.CONTAINER[0]} | {page.CONTAINER[1]} | {page.CONTAINER[2]} |" in text
    assert "has about 21,000 in all" in text
