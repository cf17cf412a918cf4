"""pods: this node's pods and the node itself, kept by watches of a real API server, or by the kubelet's lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailrace.kube.access import api_server
from tailrace.kube.settings import KubeSettings
from tailrace.metrics.collector import Absent, Collector
from tailrace.metrics.collectors.kube_containers import KubeContainers
from tailrace.metrics.collectors.kube_node import KubeNode
from tailrace.metrics.collectors.kube_pods import KubePods
from tailrace.metrics.elsewhere import Elsewhere
from tailrace.metrics.host import Host
from tailrace.metrics.pod import decode_pod
from tailrace.metrics.pods import Pods
from tailrace.metrics.watched import GRACE, Kept
from tests.kube.agent import QUICK, pod, settings
from tests.kube.capture import truth
from tests.metrics.kubelet import running
from tests.metrics.test_run import running as exporter
from tests.servers import kubernetes
from tests.servers.answering import Answer
from tests.servers.kubernetes import AGENT, Kubernetes
from tests.servers.parts import need
from tests.waiting import until

READ = (("list", "watch"), ("pods", "nodes"))
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    """An API server with the namespace `shop`; each test takes a node of its own."""
    need(kubernetes.found(), "kube-apiserver, or etcd,")
    with Kubernetes(tmp_path_factory.mktemp("cluster")) as server:
        server.namespace("shop")
        yield server


@contextmanager
def started(asked: KubeSettings, **more: Any) -> Iterator[Pods]:
    """It, running; what fails is tried again soon."""
    pods = Pods(asked, **{"pace": QUICK, "period": 0.05, **more})
    pods.start()
    try:
        yield pods
    finally:
        pods.close()


def collected(collector: Collector) -> tuple[dict[tuple[str, ...], float], str]:
    """Family and values of labels to value; and what was wrong."""
    found: dict[tuple[str, ...], float] = {}
    try:
        for metric in collector.collect():
            found.update(((s.name, *s.labels.values()), s.value) for s in metric.samples)
    except (ValueError, Absent) as e:
        return found, f"{type(e).__name__}: {e}"
    return found, ""


def test_a_nodes_pods_are_known_and_told_as_they_change(cluster: Kubernetes, tmp_path: Path) -> None:
    cluster.allow(AGENT, *READ)
    cluster.create(pod("elsewhere", "n-other"))
    cluster.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n-told"}})
    made = cluster.create(pod("web", "n-told"))["metadata"]
    key = ("kube_pod_status_phase", "shop", "web", made["uid"])
    with started(settings(cluster, "n-told", tmp_path)) as pods:
        of_pods, of_containers, of_node = (each(Host("/"), pods) for each in (KubePods, KubeContainers, KubeNode))
        until(lambda: collected(of_pods)[0] and collected(of_node) and not collected(of_node)[1])
        found, wrong = collected(of_pods)
        assert not wrong
        assert {name[2] for name in found} == {"web"}
        assert found[(*key, "Pending")] == 1
        assert ("kube_node_spec_unschedulable", "n-told") in collected(of_node)[0]
        state = {"name": "main", "image": "web:1", "imageID": "", "containerID": f"containerd://{'a' * 64}"}
        status = {"phase": "Running", "containerStatuses": [{**state, "ready": True, "restartCount": 2}]}
        path = "/api/v1/namespaces/shop/pods/web"
        cluster.call("PATCH", f"{path}/status", {"status": status}, type=MERGE)
        until(lambda: collected(of_pods)[0][(*key, "Running")] == 1)
        restarts = ("kube_pod_container_status_restarts_total", "shop", "web", made["uid"], "main")
        assert collected(of_containers)[0][restarts] == 2
        known = pods.of(made["uid"])
        assert known is not None
        container = known.container("a" * 64)
        assert container is not None
        assert (known.namespace, known.name, container.name, container.image) == ("shop", "web", "main", "web:1")
        cluster.delete(path)
        until(lambda: collected(of_pods)[0] == {})
        assert collected(of_containers) == ({}, "")
        assert pods.of(made["uid"]) is not None  # its cgroup may outlive it


def test_the_program_shows_what_the_api_server_says_of_its_node(cluster: Kubernetes, tmp_path: Path) -> None:
    cluster.allow(AGENT, *READ)
    cluster.create({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "n-shown"},
        "status": {"capacity": {"cpu": "4", "memory": "16Gi"}},
    })  # fmt: skip
    made = cluster.create(pod("web", "n-shown", labels={"app": "web"}))["metadata"]
    kubeconfig = settings(cluster, "n-shown", tmp_path).kubeconfig
    with exporter("--root", str(tmp_path), "--node", "n-shown", "--kubeconfig", kubeconfig) as program:
        phase = f'kube_pod_status_phase{{namespace="shop",pod="web",uid="{made["uid"]}",phase="Pending"}} 1'

        def shown() -> str:
            return program.get("/metrics")[1].decode()

        until(lambda: phase in shown() and "kube_node_" in shown())
        text = shown()
        assert 'kube_node_status_capacity{node="n-shown",resource="memory",unit="byte"} 17179869184' in text
        for name in (KubePods.name, KubeContainers.name, KubeNode.name):
            assert f'node_scrape_collector_success{{collector="{name}"}} 1' in text
        assert program.end() == 0


def test_each_resource_is_listed_and_watched_once(cluster: Kubernetes, tmp_path: Path) -> None:
    cluster.allow(AGENT, *READ)
    before = len(cluster.asked())
    with started(settings(cluster, "n-count", tmp_path)) as pods:
        until(lambda: pods.pods.synced and pods.nodes.synced and pods.shown())
        for number in range(5):
            cluster.create(pod(f"counted-{number}", "n-count"))
        until(lambda: len(pods.all()) == 5)
    asked = cluster.asked()[before:]
    mine = [e for e in asked if "kube-state-metrics" not in e["requestURI"]]
    assert sorted((e["verb"], e["objectRef"]["resource"]) for e in mine) == [
        ("list", "nodes"), ("list", "pods"), ("watch", "nodes"), ("watch", "pods"),
    ]  # fmt: skip
    assert all("spec.nodeName%3Dn-count" in e["requestURI"] for e in mine if e["objectRef"]["resource"] == "pods")
    assert all("metadata.name%3Dn-count" in e["requestURI"] for e in mine if e["objectRef"]["resource"] == "nodes")
    assert len(asked) - len(mine) == 1


def test_what_kube_state_metrics_exposes_already_is_left_to_it(cluster: Kubernetes, tmp_path: Path) -> None:
    cluster.allow(AGENT, *READ)
    asked = settings(cluster, "n-elsewhere", tmp_path)
    cluster.create(pod("mine", "n-elsewhere"))
    named = {"app.kubernetes.io/name": "kube-state-metrics"}
    cluster.create(pod("ksm", "n-other", labels=named))
    clock = [0.0]
    looking = Elsewhere("auto", api_server(asked.kubeconfig, asked.account), lambda: clock[0])

    def shown_hours_later() -> bool:  # what is asked for may lag behind what was written
        clock[0] += 7200
        looking.look()
        return looking.shown()

    try:
        assert not looking.shown()  # before the first answer nobody knows
        until(lambda: not shown_hours_later())
        with started(asked) as pods:
            until(lambda: pods.pods.synced)
            assert collected(KubePods(Host("/"), pods))[0] == {}
            assert collected(KubeNode(Host("/"), pods))[1].startswith("Absent: kube-state-metrics")
        with started(asked, shown="on") as pods:
            until(lambda: collected(KubePods(Host("/"), pods))[0])
        with started(asked, shown="off") as pods:
            until(lambda: pods.pods.synced)
            assert collected(KubePods(Host("/"), pods))[0] == {}
            assert len(pods.all()) == 1  # containers' labels need them all the same
    finally:
        cluster.delete("/api/v1/namespaces/shop/pods/ksm")
    looking.look()
    assert not looking.shown()  # it is not asked at every turn
    until(shown_hours_later)


def test_who_may_not_ask_tells_it_and_nothing_else_breaks(cluster: Kubernetes, tmp_path: Path) -> None:
    cluster.refuse(AGENT)
    with started(settings(cluster, "n-refused", tmp_path)) as pods:
        collectors = [each(Host("/"), pods) for each in (KubePods, KubeContainers, KubeNode)]
        until(lambda: all(collected(c)[1].startswith("ValueError") for c in collectors))
        assert "agent may not list pods (403)" in collected(collectors[0])[1]
        assert "agent may not list nodes (403)" in collected(collectors[2])[1]
        cluster.allow(AGENT, *READ)
        cluster.create(pod("later", "n-refused"))
        until(lambda: collected(collectors[0])[1] == "" and collected(collectors[0])[0])
        until(lambda: "knows no node of our name" in collected(collectors[2])[1])


def test_pods_of_a_real_kubelet_are_those_that_logged(tmp_path: Path) -> None:
    with running(tmp_path) as (kubelet, account):
        asked = KubeSettings("n1", tmp_path, "kubelet", kubelet_url=kubelet.url, account=account)
        with started(asked) as pods:
            until(lambda: pods.kubelet_pods.synced)
            assert len(truth().keys() & {pod.uid for pod in pods.all().values()}) > 20
            assert pods.of("bf8ec6ca3228d50f7a368c7e38c2defd") is not None  # static: the kubelet has its own uid
            found, wrong = collected(KubePods(Host("/"), pods))
            assert found
            assert not wrong
            assert collected(KubeNode(Host("/"), pods))[1].startswith("Absent: the API server")


@pytest.mark.parametrize(
    "body",
    [
        b"<html>", b'{"kind":"PodList","items":[{"metadata":', b'{"kind":"NodeList","items":[]}',
        Answer(403, b"Forbidden (user=system:serviceaccount:tailrace:metrics, verb=get, resource=nodes)"),
        Answer(500, b"container runtime is down"),
    ],
)  # fmt: skip
def test_a_kubelet_that_refuses_or_says_garbage_changes_nothing_that_is_known(
    tmp_path: Path, body: bytes | Answer
) -> None:
    with running(tmp_path) as (kubelet, account):
        asked = KubeSettings("n1", tmp_path, "kubelet", kubelet_url=kubelet.url, account=account)
        with started(asked, down=0.0) as pods:
            collector = KubePods(Host("/"), pods)
            until(lambda: collected(collector)[0] and not collected(collector)[1])
            before = collected(collector)[0]
            kubelet.pods = body
            until(lambda: collected(collector)[1].startswith("ValueError"))
            assert collected(collector)[0] == before


def test_the_kubelet_is_asked_where_the_api_server_forbids(cluster: Kubernetes, tmp_path: Path) -> None:
    cluster.refuse(AGENT)
    with running(tmp_path) as (kubelet, account):
        asked = settings(cluster, "n-forbidden", tmp_path / "state", kubelet_url=kubelet.url, account=account)
        with started(asked) as pods:
            until(lambda: pods.kubelet_pods.synced)
            found, wrong = collected(KubePods(Host("/"), pods))
            assert not wrong
            assert len({key[3] for key in found}) == len(pods.all()) > 20
            assert "may not list nodes" in collected(KubeNode(Host("/"), pods))[1]


def test_what_is_known_outlives_an_api_server_and_the_kubelet_stands_in_without_leaving_a_trace(
    cluster: Kubernetes, tmp_path: Path
) -> None:
    cluster.allow(AGENT, *READ)
    cluster.create(pod("ours", "n-away"))
    static = "bf8ec6ca3228d50f7a368c7e38c2defd"

    def names(pods: Pods) -> list[str]:
        return [one.name for one in pods.all().values()]

    with running(tmp_path) as (kubelet, account):
        alone = settings(cluster, "n-away", tmp_path / "state")
        helped = replace(alone, kubelet_url=kubelet.url, account=account)
        with started(alone, down=0.3) as pods, started(helped, down=0.1) as more:
            of_pods, of_more = KubePods(Host("/"), pods), KubePods(Host("/"), more)
            until(lambda: names(pods) == names(more) == ["ours"] and pods.shown() and more.shown())
            cluster.kill()
            try:
                until(lambda: len(more.all()) > 20)
                assert more.of(static) is not None
                found, wrong = collected(of_more)
                assert len({key[3] for key in found}) > 20
                assert not wrong
                until(lambda: "may be old: pods: for" in collected(of_pods)[1])
                assert names(pods) == ["ours"]
                assert collected(of_pods)[0]
            finally:
                cluster.start()
            until(lambda: collected(of_pods)[1] == "")
            until(lambda: names(more) == ["ours"])
            assert more.of(static) is None


def test_a_static_pods_mirror_is_found_by_the_uid_that_its_cgroup_has_and_nobody_else_can_claim_it() -> None:
    def body(uid: str, owner: str, name: str) -> bytes:
        about = {
            "name": name, "namespace": "x", "uid": uid,
            "ownerReferences": [{"kind": owner, "name": "n1", "controller": True}],
            "annotations": {"kubernetes.io/config.hash": "hash", "kubernetes.io/config.mirror": "hash", "other": "x"},
        }  # fmt: skip
        return json.dumps({"metadata": about}).encode()

    mirror, liar = decode_pod(body("api-uid", "Node", "proxy")), decode_pod(body("other-uid", "ReplicaSet", "liar"))
    assert (mirror.uid, liar.uid) == ("hash", "other-uid")
    assert mirror.metadata.annotations == {"kubernetes.io/config.hash": "hash", "kubernetes.io/config.mirror": "hash"}


def test_two_pods_of_one_name_are_two_and_one_that_went_is_known_for_minutes() -> None:
    clock = [0.0]
    kept: Kept[tuple[str, str]] = Kept(lambda one: one[0], lambda: clock[0])
    kept.listed([("u1", "web-0")])
    kept.changed(("u2", "web-0"))
    assert list(kept.all()) == ["u1", "u2"]
    before = kept.all()
    kept.changed(("u2", "web-0"))
    assert kept.all() is before
    kept.deleted(("u1", "web-0"))
    kept.listed([])
    assert kept.all() == {}
    assert kept.of("u1") == ("u1", "web-0")
    clock[0] += GRACE
    assert kept.of("u1") is None


def test_what_a_list_tells_again_stays_the_same_object() -> None:
    kept: Kept[tuple[str, str]] = Kept(lambda one: one[0])
    kept.listed([("u1", "a"), ("u2", "b")])
    before = kept.all()
    kept.listed([(name, letter) for name, letter in (("u1", "a"), ("u2", "c"))])
    assert kept.all()["u1"] is before["u1"]
    assert kept.all()["u2"] == ("u2", "c")


def test_a_kubelet_without_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match="set kubelet_url"):
        Pods(KubeSettings("n1", Path("/nowhere"), "kubelet"))


def test_outside_of_a_cluster_there_is_nothing_and_nothing_is_wrong(tmp_path: Path) -> None:
    with started(KubeSettings("n1", tmp_path, "off")) as pods:
        for each in (KubePods, KubeContainers, KubeNode):
            assert collected(each(Host("/"), pods))[1].startswith("Absent")
        assert pods.of("x") is None
