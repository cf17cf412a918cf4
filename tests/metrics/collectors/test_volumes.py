"""volumes: the kubelet's summary to what pods use of disks; and kubelets that say something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tailrace.kube.login import ACCOUNT
from tailrace.metrics.collector import Absent
from tailrace.metrics.collectors.volumes import Volumes
from tailrace.metrics.host import Host
from tailrace.metrics.summary import Summary, decode_summary
from tests.metrics.kubelet import bodies, running
from tests.servers.answering import Answer
from tests.waiting import until

CLAIM = {
    "name": "data", "pvcRef": {"name": "data-web-0", "namespace": "shop"}, "usedBytes": 30, "capacityBytes": 100,
    "availableBytes": 70, "inodes": 10, "inodesFree": 9, "inodesUsed": 1,
}  # fmt: skip
TMP = {"name": "tmp", "usedBytes": 4096}


def pod(name: str, start: str = "2026-11-20T22:23:13Z", **more: Any) -> dict[str, Any]:
    return {"podRef": {"name": name, "namespace": "shop", "uid": f"{name}-{start}"}, "startTime": start, **more}


def summary_of(*pods: dict[str, Any]) -> bytes:
    return json.dumps({"node": {}, "pods": pods}).encode()


def collected(summary: Summary) -> tuple[dict[tuple[str, ...], float], str]:
    """Family and values of labels to value; and what was wrong."""
    found: dict[tuple[str, ...], float] = {}
    try:
        for metric in Volumes(Host("/"), summary).collect():
            for sample in metric.samples:
                key = (sample.name, *sample.labels.values())
                assert key not in found, "a series twice"
                found[key] = sample.value
    except (ValueError, Absent) as e:
        return found, f"{type(e).__name__}: {e}"
    return found, ""


def test_a_real_kubelets_summary_tells_of_each_pods_disks(tmp_path: Path) -> None:
    with running(tmp_path) as (kubelet, account):
        summary = Summary(kubelet.url, account=account)
        summary.ask()
        found, wrong = collected(summary)
    assert not wrong
    told = json.loads(bodies()["kubelet.stats-summary.json"])["pods"]
    expected = {(p["podRef"]["namespace"], p["podRef"]["name"]): p["ephemeral-storage"]["usedBytes"] for p in told}
    name = "tailrace_pod_ephemeral_storage_used_bytes"
    assert len(expected) == 13
    assert {key[1:]: value for key, value in found.items() if key[0] == name} == expected
    logs = {
        (p["podRef"]["namespace"], p["podRef"]["name"], c["name"]): c["logs"]["usedBytes"]
        for p in told
        for c in p["containers"]
        if "usedBytes" in c.get("logs", {})
    }
    assert {key[1:]: v for key, v in found.items() if key[0] == "tailrace_container_logs_used_bytes"} == logs
    assert not [key for key in found if "kube-api-access" in str(key)]


def test_a_claims_volume_has_the_kubelets_own_names_and_is_told_once(tmp_path: Path) -> None:
    with running(tmp_path) as (kubelet, account):
        kubelet.summary = summary_of(
            pod("web-0", volume=[CLAIM, TMP, {"name": "kube-api-access-x", "usedBytes": 1}]),
            pod("web-1", volume=[{**CLAIM, "name": "again", "usedBytes": 31}]),
        )  # fmt: skip
        summary = Summary(kubelet.url, account=account)
        summary.ask()
        found, wrong = collected(summary)
    assert not wrong
    assert found == {
        ("kubelet_volume_stats_capacity_bytes", "shop", "data-web-0"): 100,
        ("kubelet_volume_stats_available_bytes", "shop", "data-web-0"): 70,
        ("kubelet_volume_stats_used_bytes", "shop", "data-web-0"): 30,
        ("kubelet_volume_stats_inodes", "shop", "data-web-0"): 10,
        ("kubelet_volume_stats_inodes_free", "shop", "data-web-0"): 9,
        ("kubelet_volume_stats_inodes_used", "shop", "data-web-0"): 1,
        ("tailrace_pod_volume_used_bytes", "shop", "web-0", "tmp"): 4096,
    }


def test_of_two_pods_of_one_name_the_later_one_is_told() -> None:
    old = pod("web-0", "2026-11-20T22:00:00Z", volume=[{"name": "tmp", "usedBytes": 1}])
    new = pod("web-0", "2026-11-20T23:00:00Z", volume=[{"name": "tmp", "usedBytes": 2}])
    for pods in ((old, new), (new, old)):
        (found,) = decode_summary(summary_of(*pods))
        assert found.volume is not None
        assert found.volume[0].usedBytes == 2


def test_a_node_without_pods_has_none() -> None:
    assert decode_summary(b'{"node":{},"pods":null}') == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(403, b"Forbidden (user=system:serviceaccount:ops:tailrace, verb=get, resource=nodes)"),
         "may not get nodes/stats (403)"),
        (Answer(200, b"<html>welcome</html>"), "/stats/summary is none"),
        (Answer(200, b'{"node":{}}'), "/stats/summary is none"),
        (Answer(200, b'{"pods":[{"podRef":{"name":7}}]}'), "/stats/summary is none"),
        (Answer(200, b'{"pods":[\xff\xfe'), "/stats/summary is none"),
        (Answer(500, b"cadvisor is not up"), "500"),
    ],
)  # fmt: skip
def test_a_kubelet_that_refuses_or_says_garbage_costs_this_collector_alone(
    tmp_path: Path, answer: Answer, said: str
) -> None:
    clock = [100.0]
    with running(tmp_path) as (kubelet, account):
        summary = Summary(kubelet.url, account=account, clock=lambda: clock[0])
        assert collected(summary)[1].startswith("Absent")  # nobody asked yet: no trouble
        summary.ask()
        whole, wrong = collected(summary)
        assert whole
        assert not wrong
        kubelet.faults.append(answer)
        summary.ask()
        found, wrong = collected(summary)
        assert wrong.startswith("ValueError")
        assert said in wrong
        assert found == whole  # it may be a moment's
        clock[0] += 200
        assert collected(summary)[0] == {}  # but not for ever
        summary.ask()
        assert collected(summary) == (whole, "")


def test_it_is_asked_by_itself_and_ends(tmp_path: Path) -> None:
    with running(tmp_path) as (kubelet, account):
        summary = Summary(kubelet.url, account=account, period=0.01)
        summary.start()
        until(lambda: len(kubelet.asked) > 2 and summary.standing.synced)
        summary.close()
        asked = len(kubelet.asked)
        assert asked == len(kubelet.asked)
        assert not summary._thread.is_alive()


def test_without_the_kubelets_address_there_is_nothing() -> None:
    assert ACCOUNT.is_absolute()
    with pytest.raises(Absent, match="kubelet_url"):
        list(Volumes(Host("/"), None).collect())
