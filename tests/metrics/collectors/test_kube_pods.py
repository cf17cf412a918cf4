"""kube_pods, kube_containers, kube_node: kube-state-metrics' series out of the API's bodies, without its process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from prometheus_client.core import Metric

from tailrace.metrics.collectors import kube_containers, kube_node, kube_pods
from tailrace.metrics.exposition import prometheus
from tailrace.metrics.node import decode_node
from tailrace.metrics.pod import Pod, decode_pod
from tailrace.metrics.rendered import Rendered
from tests.metrics.kubelet import bodies

# What kube-state-metrics 2.15 wrote for pods and a node like these, in its order of labels.
POD_SERIES = """\
kube_pod_info{namespace="shop",pod="web-0",uid="u-1",host_ip="192.0.2.2",pod_ip="10.0.0.7",node="n1",created_by_kind="StatefulSet",created_by_name="web",priority_class="high",host_network="false"} 1
kube_pod_owner{namespace="shop",pod="web-0",uid="u-1",owner_kind="StatefulSet",owner_name="web",owner_is_controller="true"} 1
kube_pod_start_time{namespace="shop",pod="web-0",uid="u-1"} 1.500000001e+09
kube_pod_created{namespace="shop",pod="web-0",uid="u-1"} 1.5e+09
kube_pod_deletion_timestamp{namespace="shop",pod="web-0",uid="u-1"} 1.50000006e+09
kube_pod_restart_policy{namespace="shop",pod="web-0",uid="u-1",type="Always"} 1
kube_pod_status_phase{namespace="shop",pod="web-0",uid="u-1",phase="Pending"} 0
kube_pod_status_phase{namespace="shop",pod="web-0",uid="u-1",phase="Succeeded"} 0
kube_pod_status_phase{namespace="shop",pod="web-0",uid="u-1",phase="Failed"} 0
kube_pod_status_phase{namespace="shop",pod="web-0",uid="u-1",phase="Unknown"} 0
kube_pod_status_phase{namespace="shop",pod="web-0",uid="u-1",phase="Running"} 1
kube_pod_status_qos_class{namespace="shop",pod="web-0",uid="u-1",qos_class="BestEffort"} 0
kube_pod_status_qos_class{namespace="shop",pod="web-0",uid="u-1",qos_class="Burstable"} 1
kube_pod_status_qos_class{namespace="shop",pod="web-0",uid="u-1",qos_class="Guaranteed"} 0
kube_pod_status_ready{namespace="shop",pod="web-0",uid="u-1",condition="true"} 0
kube_pod_status_ready{namespace="shop",pod="web-0",uid="u-1",condition="false"} 1
kube_pod_status_ready{namespace="shop",pod="web-0",uid="u-1",condition="unknown"} 0
kube_pod_status_reason{namespace="shop",pod="web-0",uid="u-1",reason="Evicted"} 1
kube_pod_status_reason{namespace="shop",pod="web-0",uid="u-1",reason="NodeAffinity"} 0
kube_pod_status_reason{namespace="shop",pod="web-0",uid="u-1",reason="NodeLost"} 0
kube_pod_status_reason{namespace="shop",pod="web-0",uid="u-1",reason="Shutdown"} 0
kube_pod_status_reason{namespace="shop",pod="web-0",uid="u-1",reason="UnexpectedAdmissionError"} 0
kube_pod_status_scheduled{namespace="shop",pod="web-0",uid="u-1",condition="true"} 1
kube_pod_status_scheduled{namespace="shop",pod="web-0",uid="u-1",condition="false"} 0
kube_pod_status_scheduled{namespace="shop",pod="web-0",uid="u-1",condition="unknown"} 0
kube_pod_status_scheduled_time{namespace="shop",pod="web-0",uid="u-1"} 1.5e+09
kube_pod_spec_volumes_persistentvolumeclaims_info{namespace="shop",pod="web-0",uid="u-1",volume="data",persistentvolumeclaim="data-web-0"} 1
kube_pod_spec_volumes_persistentvolumeclaims_readonly{namespace="shop",pod="web-0",uid="u-1",volume="data",persistentvolumeclaim="data-web-0"} 0
kube_pod_container_info{namespace="shop",pod="web-0",uid="u-1",container="app",image_spec="web:1",image="registry.example/web:1",image_id="sha256:b",container_id="containerd://cd456"} 1
kube_pod_container_resource_requests{namespace="shop",pod="web-0",uid="u-1",container="app",node="n1",resource="cpu",unit="core"} 0.2
kube_pod_container_resource_requests{namespace="shop",pod="web-0",uid="u-1",container="app",node="n1",resource="nvidia_com_gpu",unit="integer"} 1
kube_pod_container_resource_limits{namespace="shop",pod="web-0",uid="u-1",container="app",node="n1",resource="ephemeral_storage",unit="byte"} 3e+08
kube_pod_container_resource_limits{namespace="shop",pod="web-0",uid="u-1",container="app",node="n1",resource="memory",unit="byte"} 1e+08
kube_pod_container_status_waiting{namespace="shop",pod="web-0",uid="u-1",container="app"} 1
kube_pod_container_status_waiting_reason{namespace="shop",pod="web-0",uid="u-1",container="app",reason="CrashLoopBackOff"} 1
kube_pod_container_status_running{namespace="shop",pod="web-0",uid="u-1",container="app"} 0
kube_pod_container_status_terminated{namespace="shop",pod="web-0",uid="u-1",container="app"} 0
kube_pod_container_status_last_terminated_reason{namespace="shop",pod="web-0",uid="u-1",container="app",reason="OOMKilled"} 1
kube_pod_container_status_ready{namespace="shop",pod="web-0",uid="u-1",container="app"} 0
kube_pod_container_status_restarts_total{namespace="shop",pod="web-0",uid="u-1",container="app"} 3
kube_pod_container_status_last_terminated_exitcode{namespace="shop",pod="web-0",uid="u-1",container="app"} 137
kube_pod_container_status_last_terminated_timestamp{namespace="shop",pod="web-0",uid="u-1",container="app"} 1.501779547e+09
kube_pod_init_container_info{namespace="shop",pod="web-0",uid="u-1",container="proxy",image_spec="proxy:2",image="proxy:2",image_id="sha256:c",container_id="containerd://ef123",restart_policy="Always"} 1
kube_pod_init_container_status_waiting{namespace="shop",pod="web-0",uid="u-1",container="proxy"} 0
kube_pod_init_container_status_running{namespace="shop",pod="web-0",uid="u-1",container="proxy"} 1
kube_pod_init_container_status_terminated{namespace="shop",pod="web-0",uid="u-1",container="proxy"} 0
kube_pod_init_container_status_ready{namespace="shop",pod="web-0",uid="u-1",container="proxy"} 1
kube_pod_init_container_status_restarts_total{namespace="shop",pod="web-0",uid="u-1",container="proxy"} 0
"""  # noqa: E501
POD: dict[str, Any] = {
    "metadata": {
        "name": "web-0", "namespace": "shop", "uid": "u-1", "creationTimestamp": "2017-07-14T02:40:00Z",
        "deletionTimestamp": "2017-07-14T02:41:00Z",
        "ownerReferences": [{"kind": "StatefulSet", "name": "web", "controller": True}],
    },
    "spec": {
        "nodeName": "n1", "priorityClassName": "high", "restartPolicy": "Always",
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}}, {"name": "tmp"}],
        "initContainers": [{"name": "proxy", "image": "proxy:2", "restartPolicy": "Always", "resources": {}}],
        "containers": [{
            "name": "app", "image": "web:1", "resources": {
                "requests": {"cpu": "200m", "nvidia.com/gpu": "1"},
                "limits": {"memory": "100M", "ephemeral-storage": "300M"}
            },
        }],
    },
    "status": {
        "phase": "Running", "reason": "Evicted", "qosClass": "Burstable", "hostIP": "192.0.2.2", "podIP": "10.0.0.7",
        "startTime": "2017-07-14T02:40:01Z",
        "conditions": [
            {"type": "Ready", "status": "False", "lastTransitionTime": "2017-07-14T02:40:00Z"},
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2017-07-14T02:40:00Z"},
            {"type": "Initialized", "status": "True", "lastTransitionTime": "2017-07-14T02:40:00Z"},
        ],
        "initContainerStatuses": [{
            "name": "proxy", "image": "proxy:2", "imageID": "sha256:c", "containerID": "containerd://ef123",
            "ready": True, "restartCount": 0, "state": {"running": {"startedAt": "2017-07-14T02:40:01Z"}},
        }],
        "containerStatuses": [{
            "name": "app", "image": "registry.example/web:1", "imageID": "sha256:b", "containerID": "containerd://cd456",
            "ready": False, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {
                "exitCode": 137, "reason": "OOMKilled", "finishedAt": "2017-08-03T16:59:07Z",
                "startedAt": "2017-08-03T16:50:07Z",
            }},
        }],
    },
}  # fmt: skip
Bodies = dict[str, dict[str, Any]]
Values = dict[str, dict[tuple[str, ...], float]]


def of(body: object) -> Pod:
    return decode_pod(json.dumps(body).encode())


def families(pods: dict[str, Pod]) -> list[Metric]:
    of_pods = Rendered(kube_pods.KubePods.FAMILIES, kube_pods.samples)
    of_containers = Rendered(kube_containers.KubeContainers.FAMILIES, kube_containers.samples)
    return [*of_pods.metrics(pods), *of_containers.metrics(pods)]


def series(text: str) -> Iterator[tuple[str, float]]:
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            yield name, float(value)


@pytest.fixture(scope="module")
def captured() -> Bodies:
    """The node's pods as the API server has them, by uid."""
    return {item["metadata"]["uid"]: item for item in json.loads(bodies()["pods.json"])["items"]}


@pytest.fixture(scope="module")
def values(captured: Bodies) -> Values:
    """Family to the values of its labels behind namespace and pod, to value."""
    found: Values = {}
    for metric in families({uid: of(body) for uid, body in captured.items()}):
        for sample in metric.samples:
            key = tuple(value for name, value in sample.labels.items() if name not in ("namespace", "pod"))
            assert key not in found.setdefault(sample.name, {}), "a series twice"
            found[sample.name][key] = sample.value
    return found


def test_a_pod_has_the_series_that_kube_state_metrics_gives_it() -> None:
    got = prometheus(families({"u-1": of(POD)})).decode()
    assert list(series(got)) == list(series(POD_SERIES))


def test_two_pods_of_one_name_are_two_by_their_uids() -> None:
    after = of({**POD, "metadata": {**POD["metadata"], "uid": "u-2", "deletionTimestamp": None}})
    got = list(series(prometheus(families({"u-1": of(POD), "u-2": after})).decode()))
    assert len({name for name, _ in got}) == len(got)
    assert len([name for name, _ in got if 'uid="u-2"' in name]) == len(POD_SERIES.splitlines()) - 1


def test_a_pod_of_which_little_is_known_breaks_nothing() -> None:
    bare = of({"metadata": {"name": "bare", "namespace": "shop", "uid": "u-2"}})
    nulls = {"metadata": POD["metadata"], "status": {"containerStatuses": None, "conditions": None}}
    got = dict(series(prometheus(families({"u-2": bare, "u-1": of(nulls)})).decode()))
    key = '{namespace="shop",pod="bare",uid="u-2",owner_kind="",owner_name="",owner_is_controller=""}'
    assert got[f"kube_pod_owner{key}"] == 1
    assert not [name for name in got if name.startswith("kube_pod_status_phase")]


def test_the_captured_nodes_pods_are_as_their_bodies_say(captured: Bodies, values: Values) -> None:
    assert len(captured) == 25
    phases = {(uid, body["status"]["phase"]) for uid, body in captured.items()}
    assert {key for key, value in values["kube_pod_status_phase"].items() if value} == phases
    assert len(values["kube_pod_status_phase"]) == 5 * 25
    ready = {
        (uid, condition["status"].lower())
        for uid, body in captured.items()
        for condition in body["status"]["conditions"]
        if condition["type"] == "Ready"
    }
    assert {key for key, value in values["kube_pod_status_ready"].items() if value} == ready
    owners = {
        (uid, owner["kind"], owner["name"], "true")
        for uid, body in captured.items()
        for owner in body["metadata"].get("ownerReferences", [{"kind": "", "name": "", "controller": True}])
    }
    assert {(*key[:3], key[3] or "true") for key in values["kube_pod_owner"]} == owners
    created = {
        (uid,): datetime.fromisoformat(body["metadata"]["creationTimestamp"]).timestamp()
        for uid, body in captured.items()
    }
    assert values["kube_pod_created"] == created


@pytest.mark.parametrize(
    ("word", "spec", "status"),
    [("container", "containers", "containerStatuses"), ("init_container", "initContainers", "initContainerStatuses")],
)
def test_the_captured_nodes_containers_are_as_their_bodies_say(
    captured: Bodies, values: Values, word: str, spec: str, status: str
) -> None:  # fmt: skip
    told = {
        (uid, container["name"]): container
        for uid, body in captured.items()
        for container in body["status"].get(status, [])
    }
    assert len(told) > 2
    restarts = {key: container["restartCount"] for key, container in told.items()}
    assert values[f"kube_pod_{word}_status_restarts_total"] == restarts
    for state in ("waiting", "running", "terminated"):
        expected = {key: float(state in container["state"]) for key, container in told.items()}
        assert values[f"kube_pod_{word}_status_{state}"] == expected
    waiting = {key: container["state"]["waiting"] for key, container in told.items() if "waiting" in container["state"]}
    reasons = {(*key, state["reason"]) for key, state in waiting.items()}
    assert values.get(f"kube_pod_{word}_status_waiting_reason", {}).keys() == reasons
    wanted = [
        (uid, container["name"], body["spec"].get("nodeName", ""), resource, amount)
        for uid, body in captured.items()
        for container in body["spec"].get(spec, [])
        for resource, amount in container["resources"].get("requests", {}).items()
    ]
    units = {"m": 0.001, "Mi": 1 << 20, "Gi": 1 << 30, "": 1}
    expected = {}
    for *key, resource, amount in wanted:
        number = amount.rstrip("mMiG")
        unit = "core" if resource == "cpu" else "byte"
        expected[(*key, resource.replace("-", "_"), unit)] = float(number) * units[amount[len(number) :]]
    got = values.get(f"kube_pod_{word}_resource_requests", {})
    assert got.keys() == expected.keys()
    assert all(got[key] == pytest.approx(expected[key], rel=1e-12) for key in expected)


def test_what_dashboards_need_to_know_of_a_crash_is_there(values: Values) -> None:
    leaky = "daa85d37-e051-44c4-b981-717037d84031"
    assert values["kube_pod_container_status_last_terminated_reason"][(leaky, "leaky", "OOMKilled")] == 1
    assert values["kube_pod_container_status_last_terminated_exitcode"][(leaky, "leaky")] == 137
    assert values["kube_pod_container_status_restarts_total"][(leaky, "leaky")] == 6


def test_the_captured_node_is_as_its_body_says() -> None:
    node = decode_node(json.dumps(json.loads(bodies()["nodes.json"])["items"][0]).encode())
    rendered = Rendered(kube_node.KubeNode.FAMILIES, kube_node.samples)
    got = dict(series(prometheus(rendered.metrics({"n": node})).decode()))
    name = 'node="ip-10-1-2-3.eu-west-1.compute.internal"'
    assert got[
        f'kube_node_info{{{name},kernel_version="6.18.44-fc-v669",os_image="Debian GNU/Linux 12 (bookworm)",'
        'container_runtime_version="containerd://1.6.20",kubelet_version="v1.34.4",kubeproxy_version="deprecated",'
        'provider_id="aws:///eu-west-1a/i-0123456789abcdef0",pod_cidr="",'
        'system_uuid="3d1219c7c4c5404aaa1f6d2a48adfda4",internal_ip="192.0.2.2"}'
    ] == 1  # fmt: skip
    assert got[f'kube_node_status_allocatable{{{name},resource="memory",unit="byte"}}'] == 24581684 * 1024
    assert got[f'kube_node_status_capacity{{{name},resource="ephemeral_storage",unit="byte"}}'] == 264212084 * 1024
    assert got[f'kube_node_status_capacity{{{name},resource="cpu",unit="core"}}'] == 2
    assert got[f'kube_node_status_capacity{{{name},resource="pods",unit="integer"}}'] == 110
    assert got[f'kube_node_status_condition{{{name},condition="Ready",status="true"}}'] == 1
    assert got[f'kube_node_status_condition{{{name},condition="DiskPressure",status="true"}}'] == 0
    assert got[f"kube_node_spec_unschedulable{{{name}}}"] == 0


def test_roles_taints_and_a_cordon_are_told() -> None:
    node = decode_node(json.dumps({
        "metadata": {"name": "n1", "labels": {"node-role.kubernetes.io/worker": "", "a": "b"}},
        "spec": {"unschedulable": True, "taints": [{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]},
    }).encode())  # fmt: skip
    rendered = Rendered(kube_node.KubeNode.FAMILIES, kube_node.samples)
    got = dict(series(prometheus(rendered.metrics({"n1": node})).decode()))
    assert got['kube_node_role{node="n1",role="worker"}'] == 1
    assert got['kube_node_spec_taint{node="n1",key="dedicated",value="db",effect="NoSchedule"}'] == 1
    assert got['kube_node_spec_unschedulable{node="n1"}'] == 1


def test_only_what_a_family_declares_is_given_in_that_order() -> None:
    declared = {family.name: family for family in kube_pods.KubePods.FAMILIES + kube_containers.KubeContainers.FAMILIES}
    for metric in families({"u-1": of(POD)}):
        for sample in metric.samples:
            family = declared[sample.name]
            assert metric.documentation == family.help
            assert tuple(sample.labels) == family.labels


def test_a_pod_is_rendered_again_only_when_it_is_another() -> None:
    made: list[str] = []

    def render(pod: Pod) -> Any:
        made.append(pod.name)
        return kube_pods.samples(pod)

    rendered = Rendered(kube_pods.KubePods.FAMILIES, render)
    one, two = of(POD), of({**POD, "metadata": {**POD["metadata"], "uid": "u-2", "name": "web-1"}})
    list(rendered.metrics({"u-1": one, "u-2": two}))
    first = list(rendered.metrics({"u-1": one, "u-2": two}))
    assert made == ["web-0", "web-1"]
    list(rendered.metrics({"u-1": of(POD), "u-2": two}))
    assert made == ["web-0", "web-1", "web-0"]
    after = list(rendered.metrics({"u-2": two}))
    assert made == ["web-0", "web-1", "web-0"]
    assert {s.labels["pod"] for metric in after for s in metric.samples} == {"web-1"}
    assert {s.labels["pod"] for metric in first for s in metric.samples} == {"web-0", "web-1"}
