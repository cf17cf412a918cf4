"""emf: the events are in the cluster's group, in the node's stream, and what AWS does not take waits or is counted.

Of the captured node the events say what its own kubelet said.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tailrace.delivery.refusal import Refused
from tailrace.metrics.writers.emf import EmfSettings, EmfWriter
from tailrace.metrics.writers.insights.events import NodeEvents
from tailrace.metrics.writers.insights.look import Look
from tailrace.metrics.writers.writer import Place
from tests.metrics.writers.insights.made import metrics, node, of, pods
from tests.metrics.writers.made import AT, PLACE, counted
from tests.node import CAPTURE
from tests.servers.answering import Answer
from tests.servers.logs_double import DAY_MS, THROTTLED, UNAVAILABLE, LogsDouble, error, moto

GROUP = "/aws/containerinsights/c1/performance"
LOOK = metrics(node(0) + pods(0))


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture(scope="module")
def behind() -> Iterator[str]:
    with moto() as url:
        yield url


@pytest.fixture
def logs(behind: str) -> Iterator[LogsDouble]:
    with LogsDouble(behind, int(AT * 1000) + 5000) as double:
        yield double


def writer_of(logs: LogsDouble, **settings: Any) -> EmfWriter:
    return EmfWriter.open(EmfSettings(region="eu-west-1", endpoint=logs.url, **settings), PLACE)


def stored(logs: LogsDouble, stream: str = "n1") -> list[dict[str, Any]]:
    return [json.loads(message) for message in logs.messages(GROUP, stream)]


def test_a_look_s_events_are_in_the_cluster_s_group_and_the_node_s_stream(logs: LogsDouble) -> None:
    writer = writer_of(logs, retention_days=7)
    writer.write(LOOK, AT)
    first = stored(logs)
    assert {event["Timestamp"] for event in first} == {str(int(AT * 1000))}
    assert [e["timestamp"] for e in logs.put[0]["logEvents"]] == [int(AT * 1000)] * len(first)
    groups = {g["logGroupName"]: g.get("retentionInDays") for g in logs.ask("DescribeLogGroups")["logGroups"]}
    assert groups == {GROUP: 7}
    before = len(logs.calls())
    writer.write(metrics(node(60) + pods(60)), AT + 60)
    assert logs.calls()[before:] == ["PutLogEvents"], "nothing is made anew"
    second = stored(logs)[len(first) :]
    assert of(second, "Node")["node_cpu_utilization"] == 75
    assert writer.counters.samples == len(first) + len(second)
    writer.close()


def test_many_pods_are_several_calls_none_larger_than_aws_takes(logs: LogsDouble) -> None:
    """The double refuses what breaks a limit."""
    many = node(0)
    for n in range(600):
        many += [(name, {**labels, "pod": f"web-{n}"} if "pod" in labels else labels, v) for name, labels, v in pods(0)]
    writer = writer_of(logs, level="enhanced")
    writer.write(metrics(many), AT)
    assert len(logs.put) > 2
    assert sum(event["Type"] == "Container" for event in stored(logs)) > 1000
    assert writer.waiting == 0


@pytest.mark.parametrize(
    ("answer", "reason", "said"),
    [
        (THROTTLED, "throttled", "Rate exceeded"),
        (UNAVAILABLE, "throttled", "unavailable"),
        (error("AccessDeniedException", "no"), "denied", f"logs:PutLogEvents.*log-group:{GROUP}"),
        (Answer(500), "failed", "500"),
    ],
)
def test_what_aws_does_not_take_waits_and_is_told(logs: LogsDouble, answer: Answer, reason: str, said: str) -> None:
    writer = writer_of(logs)
    logs.faults.append(answer)
    with pytest.raises(Refused, match=said) as caught:
        writer.write(LOOK, AT)
    assert (caught.value.reason, writer.waiting > 0, writer.counters.samples) == (reason, True, 0)
    writer.write(LOOK, AT + 60)
    assert {event["Timestamp"] for event in stored(logs)} == {str(int((AT + n) * 1000)) for n in (0, 60)}
    assert writer.waiting == 0


def test_events_that_are_too_old_or_too_new_are_lost_and_counted(logs: LogsDouble) -> None:
    writer = writer_of(logs)
    sent = []
    for at in (AT - 15 * DAY_MS / 1000, AT, AT + 3 * 3600):
        writer.write(LOOK, at)
        sent.append(len(json.loads(logs.asked[-1].body)["logEvents"]))
    assert counted(writer.counters.dropped) == {"rejected": sent[0] + sent[2]}
    assert (len(stored(logs)), writer.counters.samples) == (sent[1], sent[1])


def test_names_that_a_stream_can_t_have_are_changed_and_the_node_s_own_is_said(logs: LogsDouble) -> None:
    settings = EmfSettings(region="eu-west-1", endpoint=logs.url)
    EmfWriter.open(settings, Place("c1", "a:b é")).write(LOOK, AT)
    assert of(stored(logs, "a_b__"), "Node")["NodeName"] == "a:b é"


@pytest.mark.parametrize(
    ("place", "settings", "said"),
    [
        (Place("", "n1"), {}, "set cluster"),
        (PLACE, {"group": "/a b"}, "group of writer emf"),
        (PLACE, {"retention_days": 8}, "AWS takes 0"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_named(place: Place, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        EmfWriter.open(EmfSettings(region="eu-west-1", **settings), place)


def captured(*names: str) -> dict[str, str]:
    """Files of the captured node."""
    stream = pa.CompressedInputStream(pa.OSFile(str(CAPTURE)), "zstd")
    found = {}
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            if member.name in names and (file := tar.extractfile(member)):
                found[member.name] = file.read().decode()
    assert set(found) == set(names)
    return found


def test_of_the_captured_node_the_events_say_what_its_kubelet_said() -> None:
    exporter, cadvisor, pods_json = names = (
        "node/expected.node_exporter.txt", "node/kube/kubelet.metrics-cadvisor.txt", "node/kube/pods.json",
    )  # fmt: skip
    files = captured(*names)
    families: list[Metric] = [
        family for name in (exporter, cadvisor) for family in text_string_to_metric_families(files[name])
    ]
    made = NodeEvents("worker", {"ClusterName": "c1", "NodeName": "worker"}, "enhanced")
    found = [json.loads(event) for event in made.of(Look(families, AT))]
    root = {
        s.name.removeprefix("container_memory_"): s.value
        for f in families for s in f.samples
        if s.labels.get("id") == "/" and s.name.startswith("container_memory_")
    }  # fmt: skip
    told = of(found, "Node")
    # The kubelet's are up to 15 s old.
    for field, name in (
        ("usage", "usage_bytes"),
        ("working_set", "working_set_bytes"),
        ("rss", "rss"),
        ("cache", "cache"),
    ):
        assert told[f"node_memory_{field}"] == pytest.approx(root[name], rel=0.06)
    running = {
        (p["metadata"]["namespace"], p["metadata"]["name"])
        for p in json.loads(files[pods_json])["items"]
        if p["status"]["phase"] == "Running" and any("running" in c["state"] for c in p["status"]["containerStatuses"])
    }
    assert {(e["Namespace"], e["FullPodName"]) for e in found if e["Type"] == "Pod"} >= running
    working = {
        (s.labels["namespace"], s.labels["pod"], s.labels["container"]): s.value
        for f in families for s in f.samples
        if s.name == "container_memory_working_set_bytes" and s.labels["container"]
    }  # fmt: skip
    containers = {
        (e["Namespace"], e["FullPodName"], e["ContainerName"]): e["container_memory_working_set"]
        for e in found if e["Type"] == "Container"
    }  # fmt: skip
    assert containers == working
    assert len(working) > 20
