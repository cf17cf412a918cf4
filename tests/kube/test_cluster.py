"""A node's agent and a real API server: what it asks, and what it knows of pods of any kind."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest

from tailrace.kube.course import Pace
from tests.kube.agent import READ, pod, settings, started
from tests.servers.kubernetes import AGENT, Kubernetes
from tests.waiting import until

STEERED = {"tailrace.dev/rate": "100/s", "tailrace.dev/exclude": "false"}


def uid(cluster: Kubernetes, name: str, namespace: str = "shop") -> str:
    return str(cluster.get(f"/api/v1/namespaces/{namespace}/pods/{name}")["metadata"]["uid"])


def test_an_agent_asks_once_for_each_resource_whatever_happens_to_its_pods(cluster: Kubernetes, state: Path) -> None:
    cluster.allow(AGENT, *READ)
    for number in range(5):
        cluster.create(pod(f"counted-{number}", "n-count"))
    cluster.create(pod("elsewhere", "n-other"))
    before = len(cluster.asked())
    with started(settings(cluster, "n-count", state), Pace()) as metadata:
        until(lambda: metadata.state().pods == 5 and metadata.state().namespaces)
        for number in range(5, 15):
            cluster.create(pod(f"counted-{number}", "n-count"))
            cluster.delete(f"/api/v1/namespaces/shop/pods/counted-{number}")
        cluster.namespace("later")
        until(lambda: metadata.state().pods == 15)
        until(lambda: metadata.state().namespaces == len(cluster.get("/api/v1/namespaces")["items"]))
    asked = [(e["verb"], e["objectRef"]["resource"]) for e in cluster.asked()[before:]]
    assert sorted(asked) == [("list", "namespaces"), ("list", "pods"), ("watch", "namespaces"), ("watch", "pods")]
    urls = [e["requestURI"] for e in cluster.asked()[before:]]
    assert all("fieldSelector=spec.nodeName%3Dn-count" in url for url in urls if "/pods" in url)
    assert all("resourceVersion=0" in url or "allowWatchBookmarks=true" in url for url in urls)


def test_a_pod_that_was_gone_at_once_is_known(cluster: Kubernetes, state: Path) -> None:
    cluster.allow(AGENT, *READ)
    with started(settings(cluster, "n-blink", state)) as metadata:
        until(lambda: metadata.state().synced)
        made = cluster.create(pod("blink", "n-blink", labels={"app": "blink"}))["metadata"]
        cluster.delete("/api/v1/namespaces/shop/pods/blink")
        until(lambda: metadata.of(made["uid"]))
        metadata.keep([made["uid"]])
        found = metadata.of(made["uid"])
        assert found is not None
        assert (found.name, found.labels) == ("blink", '{"app":"blink"}')


def test_names_and_labels_are_kept_as_they_are_up_to_their_limits(cluster: Kubernetes, state: Path) -> None:
    cluster.allow(AGENT, *READ)
    name = ".".join(["web-0", *["a" * 61] * 4])  # dots, as StatefulSets of long names have them
    assert len(name) == 253
    legal = string.ascii_letters + string.digits
    labels = {
        f"{'sub.' * 62}ab.io/{'K' + '-_.' * 20 + '9'}": f"v{'._-' * 20}Z",
        legal: f"x{'-' * 61}x",
        "empty": "",
        "a.b-c/D_0": legal,
    }
    assert max(len(key.partition("/")[0]) for key in labels) == 253
    about = {"labels": labels, "annotations": {**STEERED, "team": 'a "quoted"\nline, ü€𝄞 <&>'}}
    with started(settings(cluster, "n-long", state, annotations=("team",))) as metadata:
        cluster.create(pod(name, "n-long", **about))
        known = uid(cluster, name)
        until(lambda: metadata.of(known))
        found = metadata.of(known)
        assert found is not None
        assert found.name == name
        assert json.loads(found.labels) == {**labels, "annotation/team": about["annotations"]["team"]}
        assert found.steering == {"rate": "100/s", "exclude": "false"}


def test_annotations_of_pod_and_namespace_steer_and_change(cluster: Kubernetes, state: Path) -> None:
    cluster.allow(AGENT, *READ)
    cluster.namespace("steered", {"tailrace.dev/sample": "0.1", "tailrace.dev/rate": "5/s"})
    cluster.create(pod("web", "n-steer", "steered", annotations=STEERED))
    known = uid(cluster, "web", "steered")
    with started(settings(cluster, "n-steer", state)) as metadata:
        wanted = {"sample": "0.1", "rate": "100/s", "exclude": "false"}
        until(lambda: metadata.steering(known, "steered") == wanted)
        assert metadata.steering("stranger", "steered") == {"sample": "0.1", "rate": "5/s"}
        version = metadata.version
        cluster.namespace("steered", {"tailrace.dev/sample": "0.5"})
        until(lambda: metadata.steering(known, "steered")["sample"] == "0.5")
        assert metadata.version > version
        assert metadata.steering("stranger", "steered") == {"sample": "0.5"}


def test_a_namespace_deleted_while_its_lines_are_read_keeps_their_pods_and_annotations(
    cluster: Kubernetes, state: Path
) -> None:
    cluster.allow(AGENT, *READ)
    cluster.namespace("doomed", {"tailrace.dev/sample": "0.1"})
    cluster.create(pod("last", "n-doom", "doomed", labels={"app": "last"}))
    known = uid(cluster, "last", "doomed")
    with started(settings(cluster, "n-doom", state)) as metadata:
        until(lambda: metadata.of(known) and metadata.steering(known, "doomed"))
        cluster.delete("/api/v1/namespaces/doomed/pods/last")
        cluster.delete("/api/v1/namespaces/doomed")
        # nobody runs the controller that empties a namespace: end it as that does
        cluster.call(
            "PUT", "/api/v1/namespaces/doomed/finalize",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "doomed"}, "spec": {"finalizers": []}},
        )  # fmt: skip
        assert cluster.call("GET", "/api/v1/namespaces/doomed")[0] == 404
        cluster.create(pod("marker", "n-doom"))
        cluster.namespace("marker")
        until(lambda: metadata.of(uid(cluster, "marker")) and metadata.state().counters["namespaces_events"] > 2)
        metadata.keep([known])
        found = metadata.of(known)
        assert found is not None
        assert (found.namespace, found.labels) == ("doomed", '{"app":"last"}')
        assert metadata.steering(known, "doomed") == {"sample": "0.1"}


def test_labels_of_the_node_are_shown_and_only_those_that_were_chosen(cluster: Kubernetes, state: Path) -> None:
    cluster.allow(AGENT, ("get", "list", "watch"), ("pods", "namespaces", "nodes"))
    labels = {"topology.kubernetes.io/zone": "eu-west-1a", "other": "x"}
    cluster.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n-zone", "labels": labels}})
    cluster.create(pod("zoned", "n-zone", labels={"app": "zoned"}))
    known = uid(cluster, "zoned")
    chosen = ("topology.kubernetes.io/zone",)
    with started(settings(cluster, "n-zone", state, node_labels=chosen)) as metadata:
        until(lambda: (found := metadata.of(known)) and "node/" in found.labels)
        found = metadata.of(known)
        assert found is not None
        assert json.loads(found.labels) == {"app": "zoned", "node/topology.kubernetes.io/zone": "eu-west-1a"}


def test_an_agent_that_starts_while_the_api_server_is_down_knows_what_it_knew(
    cluster: Kubernetes, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.allow(AGENT, *READ)
    cluster.create(pod("before", "n-down", labels={"app": "before"}))
    known = uid(cluster, "before")
    asked = settings(cluster, "n-down", state)
    with started(asked) as metadata:
        until(lambda: metadata.of(known) and metadata.state().namespaces)
    cluster.kill()
    with started(asked) as metadata:
        try:
            assert metadata.of(known) is not None
            assert not metadata.waits(known, 0.0)
            until(lambda: not metadata.state().synced and metadata.state().why.startswith("pods: for "))
            assert "nothing takes connections at 127.0.0.1" in metadata.state().why
        finally:
            cluster.start()
        until(lambda: metadata.state().synced)
        cluster.create(pod("after", "n-down"))
        until(lambda: metadata.of(uid(cluster, "after")))
    assert not caplog.records  # it mended by itself; what is refused as it starts is no news


def test_a_history_that_was_compacted_away_costs_one_list_and_no_pod(cluster: Kubernetes, state: Path) -> None:
    cluster.allow(AGENT, *READ)
    cluster.create(pod("old", "n-410"))
    cluster.create(pod("gone", "n-410"))
    old, gone = uid(cluster, "old"), uid(cluster, "gone")
    with started(settings(cluster, "n-410", state)) as metadata:
        until(lambda: metadata.of(old) and metadata.of(gone) and metadata.state().namespaces)
        cluster.delete("/api/v1/namespaces/shop/pods/gone")
        cluster.expire()  # the agent may have seen that, but nothing later
        cluster.create(pod("new", "n-410"))
        until(lambda: metadata.of(uid(cluster, "new")))
        until(lambda: metadata.state().synced)
        assert metadata.of(old) is not None
        assert metadata.of(gone) is not None  # its files may still be read
        assert 1 <= metadata.state().counters["pods_relists"] <= 2
