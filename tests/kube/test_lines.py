"""The whole agent against a real API server: what its lines carry, and what annotations make of them."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from tests.kube.agent import READ, pod
from tests.node import World, warnings, writer
from tests.servers.kubernetes import AGENT, Kubernetes

REPLICAS = [{
    "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f8c7b9d", "uid": "0", "controller": True,
}]  # fmt: skip


@pytest.fixture
def world(tmp_path: Path, cluster: Kubernetes) -> World:
    made = World(tmp_path)
    made.folder.joinpath("kubeconfig").write_text(cluster.kubeconfig(AGENT))
    cluster.allow(AGENT, *READ)
    return made


def born(
    world: World, cluster: Kubernetes, name: str, namespace: str = "shop", node: str = "n1", **about: object
) -> str:
    """A pod that has written one line; its uid."""
    uid = str(cluster.create(pod(name, node, namespace, **about))["metadata"]["uid"])
    writer(world.root, name, namespace, "main", uid).record(f"from {name}")
    return uid


def run(world: World, **more: object) -> None:
    assert world.run(metadata="api", kubeconfig=str(world.folder / "kubeconfig"), **more) == 0


def test_lines_carry_what_the_api_server_knows_of_their_pod_from_the_first_one_on(
    world: World, cluster: Kubernetes
) -> None:
    labels = {"app": "web", "pod-template-hash": "5d4f8c7b9d"}
    uid = born(world, cluster, "web-5d4f8c7b9d-abcde", labels=labels, ownerReferences=REPLICAS)
    run(world)
    assert world.ask("SELECT pod_uid, workload_kind, workload, labels, image, meta_missing FROM logs") == [
        (uid, "Deployment", "web", '{"app":"web","pod-template-hash":"5d4f8c7b9d"}', "registry.example/web:1", False)
    ]


def test_first_lines_wait_for_an_api_server_that_is_late_and_heed_what_a_namespace_says(
    world: World, cluster: Kubernetes
) -> None:
    cluster.namespace("quiet", {"tailrace.dev/exclude": "true"})
    born(world, cluster, "secretive", "quiet")
    born(world, cluster, "open")
    cluster.stop()
    late = threading.Timer(0.5, cluster.start)
    late.start()
    run(world, metadata_wait=60.0)
    late.join()
    assert world.ask("SELECT message, meta_missing FROM logs") == [("from open", False)]
    assert world.ask("SELECT account, sum(lines) FROM ledger GROUP BY ALL ORDER BY ALL") == [
        ("delivered", 1),
        ("filtered", 1),
    ]


def test_a_pod_that_is_gone_from_the_api_is_known_from_the_last_run(world: World, cluster: Kubernetes) -> None:
    born(world, cluster, "short", labels={"app": "short"})
    run(world)
    cluster.delete("/api/v1/namespaces/shop/pods/short")
    writer(world.root, "short", "shop", "main", world.ask("SELECT pod_uid FROM logs")[0][0]).record("last words")
    run(world)
    assert world.ask("SELECT message, labels FROM logs ORDER BY file_offset") == [
        ("from short", '{"app":"short"}'),
        ("last words", '{"app":"short"}'),
    ]


def test_an_agent_that_may_not_ask_reads_on_and_says_what_to_do(
    world: World, cluster: Kubernetes, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.refuse(AGENT)
    born(world, cluster, "unknown")
    with caplog.at_level(logging.WARNING):
        run(world, metadata_wait=0.5)
    assert world.ask("SELECT message, labels, meta_missing FROM logs") == [("from unknown", None, True)]
    assert "kubectl create clusterrole" in warnings(caplog)
    assert "meta_missing" in warnings(caplog)


def test_a_namespace_that_is_deleted_while_its_lines_are_read_costs_no_line_and_no_label(
    world: World, cluster: Kubernetes
) -> None:
    cluster.namespace("doomed")
    uid = born(world, cluster, "last", "doomed", labels={"app": "last"})
    into = writer(world.root, "last", "doomed", "main", uid)
    into.records([f"{n}" for n in range(1_000)])
    deleting = threading.Timer(0.3, cluster.delete, ("/api/v1/namespaces/doomed/pods/last",))
    deleting.start()
    run(world)
    deleting.join()
    into.record("after")
    run(world)
    assert world.ask('SELECT count(*), count(*) FILTER (labels = \'{"app":"last"}\') FROM logs') == [(1_002, 1_002)]
