"""known: who is known, for how long after it is gone, over a restart too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tailrace.kube import known as module
from tailrace.kube.cache import load, save
from tailrace.kube.known import GRACE, Known
from tailrace.kube.pod import Namespace, Pod, on_node
from tests.clock import Clock


def pod(uid: str, name: str = "", namespace: str = "shop", labels: str = "{}") -> Pod:
    return Pod(uid, namespace, name or f"pod-{uid}", "n1", "Pod", "x", labels, {"main": ("web:1", "id")}, {})


@pytest.fixture
def clock() -> Clock:
    return Clock(1e9)


@pytest.fixture
def known(clock: Clock) -> Known:
    return Known(clock)


def uids(known: Known) -> set[str]:
    return {pod.uid for pod in known.holding()[0]}


def test_a_pod_that_is_gone_is_known_while_its_files_are_followed(known: Known, clock: Clock) -> None:
    known.pods_listed([pod("a"), pod("b"), pod("c")])
    known.pod_deleted(pod("a"))
    known.pod_deleted(pod("b"))
    known.keep(())
    assert uids(known) == {"a", "b", "c"}  # their files may not have been found yet
    clock.now += GRACE + 1
    version = known.version
    known.keep({"a"})
    assert uids(known) == {"a", "c"}
    assert known.version > version
    known.keep([])
    assert uids(known) == {"c"}  # who lives stays, followed or not


def test_a_pod_that_was_gone_when_the_list_came_anew_is_treated_like_a_deleted_one(known: Known, clock: Clock) -> None:
    known.pods_listed([pod("a"), pod("b")])
    known.pods_listed([pod("b")])
    assert uids(known) == {"a", "b"}
    clock.now += GRACE + 1
    known.pods_listed([pod("b")])  # the next list does not make it go anew
    known.keep(())
    assert uids(known) == {"b"}


def test_a_pod_that_comes_back_is_not_forgotten(known: Known, clock: Clock) -> None:
    known.pods_listed([pod("a")])
    known.pods_listed([])
    known.pod_changed(pod("a"))
    clock.now += GRACE + 1
    known.keep(())
    assert uids(known) == {"a"}


def test_a_storm_of_short_pods_is_bounded(known: Known, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(module, "_MOST_GONE", 3)
    for number in range(10):
        clock.now += 1
        known.pod_deleted(pod(str(number)))
    known.keep({"0", "1"})
    assert uids(known) == {"0", "1", "9"}  # who is followed stays in any case; of the others those that went last


def test_a_namespace_is_known_as_long_as_its_last_pod(known: Known, clock: Clock) -> None:
    known.namespaces_listed([Namespace("shop", {"sample": "0.1"}), Namespace("idle", {})])
    known.pods_listed([pod("a")])
    known.pod_deleted(pod("a"))
    known.namespace_deleted(Namespace("shop", {}))
    known.namespaces_listed([])
    clock.now += GRACE + 1
    known.keep({"a"})
    assert known.steering("a", "shop") == {"sample": "0.1"}
    assert not known.has_namespace("idle")
    known.keep(())
    assert not known.has_namespace("shop")


def test_the_version_grows_only_with_answers(known: Known) -> None:
    known.pods_listed([pod("a")])
    known.namespaces_listed([Namespace("shop", {})])
    version = known.version
    known.pods_listed([pod("a")])
    known.pod_changed(pod("a"))
    known.pod_deleted(pod("a"))
    known.namespaces_listed([Namespace("shop", {})])
    known.namespace_changed(Namespace("shop", {}))
    known.keep(())
    assert known.version == version
    known.pod_changed(pod("a", labels='{"a":"1"}'))
    assert known.version > version


def test_who_claims_anothers_uid_is_not_believed(known: Known) -> None:
    known.pod_changed(pod("a", "victim"))
    known.pod_changed(pod("a", "thief"))
    found = known.of("a")
    assert found is not None
    assert found.name == "victim"


def test_the_nodes_labels_are_shown_by_pods_of_before_and_after(known: Known) -> None:
    known.pod_changed(pod("a"))
    known.node_labels({"zone": "eu"})
    known.pod_changed(pod("b", labels='{"a":"1"}'))
    assert known.of("a") == on_node(pod("a"), {"zone": "eu"})
    found = known.of("b")
    assert found is not None
    assert json.loads(found.labels) == {"a": "1", "node/zone": "eu"}


def test_after_a_restart_pods_show_the_nodes_labels_before_they_are_asked_for_again(known: Known, clock: Clock) -> None:
    known.node_labels({"zone": "eu"})
    known.pod_changed(pod("a"))
    again = Known(clock)
    again.take(*known.holding())
    again.pods_listed([pod("a"), pod("b")])
    assert [again.of(uid) for uid in "ab"] == [on_node(pod(uid), {"zone": "eu"}) for uid in "ab"]


def test_a_restart_knows_all_that_was_known(known: Known, clock: Clock, tmp_path: Path) -> None:
    known.pods_listed([pod("a"), pod("b", labels='{"ü":"\\"x"}')])
    known.namespaces_listed([Namespace("shop", {"rate": "5/s"})])
    known.pod_deleted(pod("a"))
    path = tmp_path / "kube" / "pods.json"
    save(path, "n1", known)
    again = Known(clock)
    load(path, "n1", again)
    assert again.holding() == known.holding()
    assert [p.name for p in path.parent.iterdir()] == ["pods.json"]
    clock.now += GRACE + 1
    again.keep(())
    assert uids(again) == {"b"}  # it is known when it went


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[]", b'{"version":1,"node":"n1"}', b'{"version":1,"node":"n1","pods":[{"uid":7}]}'],
)
def test_a_damaged_cache_is_told_and_nothing_is_known(
    known: Known, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "pods.json"
    path.write_bytes(content)
    load(path, "n1", known)
    assert not len(known)
    (record,) = caplog.records
    assert "can't be used" in record.getMessage()
    assert "nothing is to be done" in record.getMessage()


def test_a_cache_of_another_node_or_version_is_not_used(
    known: Known, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known.pods_listed([pod("a")])
    path = tmp_path / "pods.json"
    save(path, "n1", known)
    load(path, "n2", empty := Known())
    assert not len(empty)
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":2'))
    load(path, "n1", empty)
    assert not len(empty)
    load(tmp_path / "absent", "n1", empty)
    assert not caplog.records
