"""pod: what stays of a pod's JSON."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tailrace.kube.pod import Pod, namespace_decoder, node_labels, on_node, pod_decoder
from tests.kube.capture import bodies, items, truth, workload

HASH = "56dd9b64f9"


def decoded(chosen: tuple[str, ...] = (), status: dict[str, Any] | None = None, **about: Any) -> Pod:
    """A pod with that in its metadata. chosen: annotations that become labels."""
    body = {
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "u1", "creationTimestamp": "2026-11-20T22:23:12Z",
                     **about},
        "spec": {"nodeName": "n1", "containers": [{"name": "main", "image": "web:1", "env": [{"name": "A"}]}],
                 "initContainers": [{"name": "init", "image": "init:1"}]},
        "status": status or {},
    }  # fmt: skip
    return pod_decoder(chosen)(json.dumps(body).encode())


def owned(kind: str, name: str, **about: Any) -> tuple[str, str]:
    """Kind and name of the workload of a pod with such an owner."""
    found = decoded(ownerReferences=[{"kind": kind, "name": name, "uid": "x", "controller": True}], **about)
    return found.workload_kind, found.workload


@pytest.mark.parametrize("source", ["pods.json", "kubelet.pods.json"])
def test_a_real_nodes_pods_have_the_uids_labels_and_workloads_of_their_logs(source: str) -> None:
    told = truth()
    pods = {pod.uid: pod for pod in map(pod_decoder(), items(source))}
    running = told.keys() & pods.keys()
    assert len(running) > 20
    for uid in running:
        pod, true = pods[uid], told[uid]
        assert (pod.namespace, pod.name) == (true["namespace"], true["pod"])
        assert (pod.workload_kind, pod.workload) == workload(true)
        assert json.loads(pod.labels) == true["labels"]
        assert pod.images[true["container"]][0] == true["image"]
    static = next(p for p in pods.values() if p.workload == "kube-proxyish")
    assert static.uid == "bf8ec6ca3228d50f7a368c7e38c2defd"


def test_images_of_every_kind_of_container_have_the_name_that_was_wanted_and_the_id_that_runs() -> None:
    status = {
        "containerStatuses": [{"name": "main", "image": "another-name-of-it:2", "imageID": "web@sha256:2"}],
        "ephemeralContainerStatuses": [{"name": "debug", "image": "sh:1", "imageID": ""}],
    }
    images = decoded(status=status).images
    assert images == {"main": ("web:1", "web@sha256:2"), "init": ("init:1", ""), "debug": ("sh:1", "")}


def test_the_workload_is_the_owner_or_the_owners_owner_by_its_name() -> None:
    hashed = {"labels": {"pod-template-hash": HASH}}
    assert owned("ReplicaSet", f"web-{HASH}", **hashed) == ("Deployment", "web")
    assert owned("ReplicaSet", f"web-{HASH}") == ("ReplicaSet", f"web-{HASH}")  # its name alone proves nothing
    assert owned("ReplicaSet", "web-other", **hashed) == ("ReplicaSet", "web-other")
    assert owned("ReplicaSet", f"web-{HASH}", labels={"rollouts-pod-template-hash": HASH}) == ("Rollout", "web")
    assert owned("StatefulSet", "queue") == ("StatefulSet", "queue")
    assert owned("DaemonSet", "agent") == ("DaemonSet", "agent")
    assert owned("ReplicationController", "old") == ("ReplicationController", "old")
    assert (decoded().workload_kind, decoded().workload) == ("Pod", "web-1")


def test_a_job_is_a_cron_jobs_only_if_its_number_is_when_it_was_due() -> None:
    assert owned("Job", "report-29920228") == ("CronJob", "report")
    assert owned("Job", "report-1795213680") == ("CronJob", "report")
    assert owned("Job", "backup-20261121") == ("Job", "backup-20261121")
    assert owned("Job", "migrate") == ("Job", "migrate")


def test_an_owner_that_does_not_control_is_no_workload() -> None:
    found = decoded(ownerReferences=[{"kind": "ConfigMap", "name": "x"}])
    assert found.workload_kind == "Pod"


def test_labels_are_sorted_and_hold_chosen_annotations() -> None:
    found = decoded(("team", "absent"), labels={"b": "2", "a": "1"}, annotations={"team": 'x"y', "other": "z"})
    assert found.labels == '{"a":"1","annotation/team":"x\\"y","b":"2"}'


def test_steering_is_what_stands_below_our_prefix() -> None:
    noted = {"tailrace.dev/rate": "100", "tailrace.dev/exclude": "", "nottailrace.dev/x": "1"}
    assert decoded(annotations=noted).steering == {"exclude": "", "rate": "100"}
    body = json.dumps({"metadata": {"name": "shop", "annotations": noted}}).encode()
    assert namespace_decoder()(body).steering == {"exclude": "", "rate": "100"}


def test_nobody_gets_another_pods_uid_by_an_annotation() -> None:
    noted = {"kubernetes.io/config.hash": "victim", "kubernetes.io/config.mirror": "victim"}
    assert decoded(annotations=noted).uid == "u1"


def test_node_labels_are_shown_by_pods_and_replaced() -> None:
    node = items("nodes.json")[0]
    chosen = node_labels(node, ("topology.kubernetes.io/zone", "absent"))
    assert len(chosen) == 1
    shown = on_node(decoded(labels={"a": "1"}), chosen)
    zone = chosen["topology.kubernetes.io/zone"]
    assert json.loads(shown.labels) == {"a": "1", "node/topology.kubernetes.io/zone": zone}
    assert on_node(shown, {}).labels == '{"a":"1"}'


def test_null_fields_are_empty_ones_and_what_is_no_pod_is_told() -> None:
    about = {"name": "a", "labels": None, "annotations": None, "ownerReferences": None}
    body = json.dumps({"metadata": about, "spec": {"containers": None}}).encode()
    assert pod_decoder()(body).labels == "{}"
    with pytest.raises(msgspec.ValidationError):
        pod_decoder()(b'{"metadata":{"name":7}}')


def test_bodies_of_the_capture_are_as_long_as_pods_are() -> None:
    assert len(bodies()["pods.json"]) > 150_000
